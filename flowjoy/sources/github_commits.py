"""The commits that each deploy was the first to ship, by batched GraphQL queries. Knows commits, no promise.

One query asks for a stretch of history at several commits; what one stretch shows settles many deploys, so the next
query asks only for what is still missing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from flowjoy.analysis.flow.first_shipped_commits import Commit, first_shipped
from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.responses import Connection, Count, GraphQL, Many, Sha, Text, read_named, refusal
from flowjoy.domain.commit_sha import is_full
from flowjoy.domain.timestamps import EARLIEST, LATEST, parse_iso
from flowjoy.errors import HarvestError

STRETCHES, MOST_QUERIES = 10, 8
_FIELDS = """
    commit{n}: object(oid: $commit{n}) {{
      __typename
      ... on Commit {{
        history(first: 100) {{
          totalCount
          pageInfo {{ hasNextPage endCursor }}
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


class _Stretch(GraphQL):
    typename: Literal["Commit"] = Field(alias="__typename")
    history: Connection[_Member]


class _Other(GraphQL):
    typename: Literal["Blob", "Tag", "Tree"] = Field(alias="__typename")


_Found = Annotated[_Stretch | _Other, Field(discriminator="typename")] | None


@dataclass(frozen=True, kw_only=True)
class Commits:
    """For each deploy that could be settled when the commits that it shipped first were committed.

    `unknown`: how many of the deploys asked for could not be settled; `problem`: what ended the reading early.
    """

    by_sha: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    unknown: int = 0
    problem: str = ""


def read(github: GitHubApi, deployed: Mapping[str, datetime], wanted: Collection[str]) -> Commits:
    """When the commits were committed that each wanted deploy shipped first. `deployed`: when each sha first went live.

    Raises HarvestError when GitHub does not answer; a history that is longer than is read leaves its deploy unknown.
    """
    # What had been live before the first deploy that is known, nobody can say: it is asked for by no one.
    wanted = set(wanted) - set(sorted(deployed, key=lambda sha: (deployed[sha], sha))[:1])
    graph: dict[str, Commit] = {}
    gone = {sha for sha in deployed if not is_full(sha)}
    problem = ""
    for _ in range(MOST_QUERIES):
        missing = first_shipped(deployed, wanted, graph, gone).missing
        if not missing:
            break
        try:
            graph |= _read(github, list(missing[:STRETCHES]), gone)
        except HarvestError as refusal:
            # What was read so far settles what it settles; the next run goes on from there.
            if not graph:
                raise
            problem = str(refusal)
            break
    found = first_shipped(deployed, wanted, graph, gone)
    stamps = {
        sha: tuple(sorted(at for commit in commits if (at := graph[commit].committed_at) > EARLIEST))
        for sha, commits in found.by_deploy.items()
    }
    return Commits(by_sha=stamps, unknown=len(wanted) - len(stamps), problem=problem)


def _read(github: GitHubApi, shas: list[str], gone: set[str]) -> dict[str, Commit]:
    """A stretch of history from each of these; the ones that the repository has not are added to `gone`."""
    variables = {f"commit{n}": sha for n, sha in enumerate(shas)}

    def check(repository: dict[str, Any]) -> dict[str, Commit]:
        found: dict[str, Commit] = {}
        named: dict[str, _Stretch | _Other | None] = read_named(_Found, repository, variables)
        for sha, held in zip(shas, named.values(), strict=True):
            if not isinstance(held, _Stretch):
                gone.add(sha)
                continue
            stretch = {member.oid: _commit(member) for member in held.history.nodes}
            if sha not in stretch:
                raise MalformedAnswerError("a history does not hold the commit that it begins with")
            found |= stretch
        return found

    return github.graphql("commits", _query(len(shas)), check, **variables)


def _commit(member: _Member) -> Commit:
    parents = tuple(dict.fromkeys(parent.oid for parent in member.parents.nodes))
    return Commit(sha=member.oid, committed_at=_committed_at(member.committed_date), parents=parents)


def _committed_at(text: str) -> datetime:
    """Whoever commits may write any time: an impossible one is as old as can be, and has no lead time."""
    try:
        return min(max(parse_iso(text), EARLIEST), LATEST)
    except ValueError:
        return EARLIEST
