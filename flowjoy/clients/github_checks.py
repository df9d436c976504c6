"""Check runs as GitHub answers them, and those of many commits by one query."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal

from pydantic import Field

from flowjoy.clients.github import GitHubApi
from flowjoy.clients.responses import Count, GraphQL, Id, Many, Response, Text, read_named


class _Output(Response):
    title: str | None  # another app's may have none
    annotations_count: Count


class CheckRun(Response):
    """One check run, of any app."""

    id: Id
    name: Text
    external_id: str | None  # another app's may have none
    conclusion: str | None  # it is under way
    output: _Output


class ListedChecks(Response):
    """One page of the check runs of a commit."""

    total_count: Count
    check_runs: Many[CheckRun]


class SavedCheck(Response):
    """A check run after it was written."""

    id: Id
    html_url: str | None = None


_FIELDS = """
    commit{n}: object(expression: $commit{n}) {{
      __typename
      ... on Commit {{
        checkSuites(first: 20{suites}) {{
          totalCount
          nodes {{
            checkRuns(first: 5, filterBy: {{checkName: $name{n}, checkType: ALL}}) {{
              totalCount
              nodes {{ databaseId name externalId conclusion title{more} }}
            }}
          }}
        }}
      }}
    }}"""


def _query(current: int, earlier: int) -> str:
    """Return the query for so many commits of the run itself and so many earlier ones.

    Only the first are asked for every suite, and for annotations: both make a query dear.
    """
    declared = "".join(f", $commit{n}: String!, $name{n}: String!" for n in range(current + earlier))
    every, named = ("", " annotations(first: 1) {{ totalCount }}"), (", filterBy: {{checkName: $name{n}}}", "")
    kinds = [every] * current + [named] * earlier
    texts = [_FIELDS.replace("{suites}", suites).replace("{more}", more) for suites, more in kinds]
    fields = "".join(text.format(n=n) for n, text in enumerate(texts))
    return (
        f"query FlowJoyChecks($owner: String!, $name: String!{declared}) {{\n"
        f"  repository(owner: $owner, name: $name) {{{fields}\n  }}\n}}\n"
    )


CHECKS_QUERY = _query(1, 1)
"""The query for one commit of the run and one earlier commit, for checking against GitHub's schema."""


class _Annotations(GraphQL):
    total_count: Count


class _Check(GraphQL):
    database_id: Id
    name: Text
    external_id: str | None
    conclusion: str | None
    title: str | None
    annotations: _Annotations | None = None


class _Checks(GraphQL):
    total_count: Count
    nodes: Many[_Check]


class _Suite(GraphQL):
    check_runs: _Checks


class _Suites(GraphQL):
    total_count: Count
    nodes: Many[_Suite]


class _Commit(GraphQL):
    typename: Literal["Commit"] = Field(alias="__typename")
    check_suites: _Suites


Wanted = tuple[str, str]
"""The sha of a commit, and the name of a check."""


def listed(
    github: GitHubApi, current: Sequence[Wanted], earlier: Sequence[Wanted]
) -> dict[Wanted, tuple[CheckRun, ...]]:
    """Return every check of the name on each commit. A commit that is gone, or whose list has no end, is left out."""
    wanted = [*current, *earlier]
    variables = {f"commit{n}": sha for n, (sha, _) in enumerate(wanted)}
    names = {f"name{n}": name for n, (_, name) in enumerate(wanted)}

    def check(repository: Any) -> dict[Wanted, tuple[CheckRun, ...]]:
        commits = read_named(_Commit | None, repository, variables)
        answers = dict(zip(wanted, commits.values(), strict=True))
        return {one: _runs(commit) for one, commit in answers.items() if commit is not None and _is_complete(commit)}

    return github.graphql("checks", _query(len(current), len(earlier)), check, **variables, **names)


def _is_complete(commit: _Commit) -> bool:
    lists: Collection[_Suites | _Checks] = (
        commit.check_suites,
        *(suite.check_runs for suite in commit.check_suites.nodes),
    )
    return all(one.total_count == len(one.nodes) for one in lists)


def _runs(commit: _Commit) -> tuple[CheckRun, ...]:
    return tuple(
        CheckRun(
            id=run.database_id,
            name=run.name,
            external_id=run.external_id,
            conclusion=run.conclusion.lower() if run.conclusion is not None else None,
            output=_Output(title=run.title, annotations_count=run.annotations.total_count if run.annotations else 0),
        )
        for suite in commit.check_suites.nodes
        for run in suite.check_runs.nodes
    )
