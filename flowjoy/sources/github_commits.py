"""The commits that each deploy was the first to ship, read by batched GraphQL queries.

One query reads a stretch of history at several commits. A stretch settles many deploys, so the next query only asks for
those that are still missing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from flowjoy.analysis.flow.first_shipped_commits import Commit, first_shipped
from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.responses import Count, GraphQL, Many, Sha, Text, read_named, refusal
from flowjoy.clients.transport import Budget, Transport
from flowjoy.domain.commit_sha import is_full
from flowjoy.domain.timestamps import EARLIEST, LATEST, parse_iso
from flowjoy.errors import HarvestError

STRETCHES, MAX_STRETCHES, MAX_QUERIES = 10, 40, 8
"""Stretches of a query that GitHub answers in any case, those that are tried for many deploys, and queries a run."""

_DEPLOYS_A_STRETCH = 25
"""A hundred commits of which every fourth is deployed."""

_FIELDS = """
    commit{n}: object(oid: $commit{n}) {{
      __typename
      ... on Commit {{
        history(first: 100) {{
          nodes {{ oid committedDate parents(first: 100) {{ totalCount nodes {{ oid }} }} }}
        }}
      }}
    }}"""


def _query(size: int) -> str:
    declared = "".join(f", $commit{n}: GitObjectID!" for n in range(size))
    fields = "".join(_FIELDS.format(n=n) for n in range(size))
    return (
        f"query FlowJoyCommits($owner: String!, $name: String!{declared}) {{\n"
        f"  repository(owner: $owner, name: $name) {{{fields}\n  }}\n}}\n"
    )


COMMITS_QUERY = _query(1)
"""The query for one commit, for checking against GitHub's schema."""


class _Parent(GraphQL):
    oid: Sha


class _Parents(GraphQL):
    total_count: Count
    nodes: Many[_Parent]

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.total_count != len(self.nodes):
            raise refusal("does not show as many as it counts")
        return self


class _Member(GraphQL):
    oid: Sha
    committed_date: Text
    parents: _Parents


class _History(GraphQL):
    nodes: Many[_Member]


class _Stretch(GraphQL):
    typename: Literal["Commit"] = Field(alias="__typename")
    history: _History


class _Other(GraphQL):
    typename: Literal["Blob", "Tag", "Tree"] = Field(alias="__typename")


_Answer = Annotated[_Stretch | _Other, Field(discriminator="typename")] | None


@dataclass(frozen=True, kw_only=True)
class Commits:
    """The times of the commits that each deploy shipped first, by the sha of the deploy.

    `unknown`: how many of the wanted deploys could not be settled. `problem`: why the reading ended early.
    """

    by_sha: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    unknown: int = 0
    problem: str = ""


def read(github: GitHubApi, deployed: Mapping[str, datetime], wanted: Collection[str]) -> Commits:
    """Return when the commits that each wanted deploy shipped first were committed.

    `deployed`: when each sha first went live. A history longer than is read leaves its deploy unknown. Raise
    HarvestError when GitHub does not answer.
    """
    # What was live before the first known deploy is unknown, so that deploy is not asked for.
    wanted = set(wanted) - set(sorted(deployed, key=lambda sha: (deployed[sha], sha))[:1])
    graph: dict[str, Commit] = {}
    gone = {sha for sha in deployed if not is_full(sha)}
    problem = _extend(graph, github, deployed, wanted, gone)
    settled = first_shipped(deployed, wanted, graph, gone)
    timestamps = {
        sha: tuple(sorted(at for commit in commits if (at := graph[commit].committed_at) > EARLIEST))
        for sha, commits in settled.by_deploy.items()
    }
    return Commits(by_sha=timestamps, unknown=len(wanted) - len(timestamps), problem=problem)


def _extend(
    graph: dict[str, Commit], github: GitHubApi, deployed: Mapping[str, datetime], wanted: set[str], gone: set[str]
) -> str:
    """Read the stretches that settle the wanted deploys into the graph. Return why the reading ended early, if it did.

    Where many are missing, a query takes many stretches; if GitHub does not answer it, the next ones take fewer.
    """
    limit = MAX_STRETCHES
    for _ in range(MAX_QUERIES):
        missing = first_shipped(deployed, wanted, graph, gone).missing
        if not missing:
            break
        size = min(limit, max(STRETCHES, -(-len(missing) // _DEPLOYS_A_STRETCH)))
        some_time = Transport(Budget(github.transport.budget.left() / 2))
        try:
            graph |= _read(github if size <= STRETCHES else github.within(some_time), _spread(missing, size), gone)
        except HarvestError as problem:
            # The stretches read so far settle some deploys; the next run continues from there.
            if size <= STRETCHES and not graph:
                raise
            if size <= STRETCHES:
                return str(problem)
            limit = STRETCHES
    return ""


def _spread(missing: Sequence[str], size: int) -> list[str]:
    """Return this many of the commits, evenly spaced: those in between are mostly in the stretches of others."""
    count = min(size, len(missing))
    return [missing[number * len(missing) // count] for number in range(count)]


def _read(github: GitHubApi, shas: list[str], gone: set[str]) -> dict[str, Commit]:
    """Return a stretch of history from each sha; shas that the repository does not have are added to `gone`."""
    variables = {f"commit{n}": sha for n, sha in enumerate(shas)}

    def check(repository: dict[str, Any]) -> dict[str, Commit]:
        commits: dict[str, Commit] = {}
        named: dict[str, _Stretch | _Other | None] = read_named(_Answer, repository, variables)
        for sha, answer in zip(shas, named.values(), strict=True):
            if not isinstance(answer, _Stretch):
                gone.add(sha)
                continue
            stretch = {member.oid: _commit(member) for member in answer.history.nodes}
            if sha not in stretch:
                raise MalformedAnswerError("a history does not include the commit that it begins with")
            commits |= stretch
        return commits

    return github.graphql("commits", _query(len(shas)), check, **variables)


def _commit(member: _Member) -> Commit:
    parents = tuple(dict.fromkeys(parent.oid for parent in member.parents.nodes))
    return Commit(sha=member.oid, committed_at=_committed_at(member.committed_date), parents=parents)


def _committed_at(text: str) -> datetime:
    """Return the time of a commit. An impossible one, which any author can write, becomes the earliest time."""
    try:
        return min(max(parse_iso(text), EARLIEST), LATEST)
    except ValueError:
        return EARLIEST
