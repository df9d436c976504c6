"""The commits that each deploy was the first to ship, and the deploys that they correct, by batched GraphQL queries.

One query reads a stretch of history at several commits. A stretch settles many deploys, so the next query only asks for
those that are still missing. The messages come with it, and the merged pull requests with the hotfix label.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from flowjoy.analysis.flow.corrections import Reverts, corrections
from flowjoy.analysis.flow.first_shipped_commits import Commit, first_shipped
from flowjoy.clients import github_pulls
from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_pulls import LabelledPull
from flowjoy.clients.responses import Connection, Count, GraphQL, Many, Sha, Text, read_named, refusal
from flowjoy.clients.transport import Budget, Transport
from flowjoy.domain.commit_sha import is_full
from flowjoy.domain.corrections import Correction
from flowjoy.domain.timestamps import EARLIEST, LATEST, parse_iso
from flowjoy.errors import FaultKind, HarvestError

STRETCHES, MAX_STRETCHES, MAX_QUERIES = 10, 40, 8
"""Stretches of a query that GitHub answers in any case, those that are tried for many deploys, and queries a run."""

_DEPLOYS_A_STRETCH = 25
"""A hundred commits of which every fourth is deployed."""

_FIELDS = """
    commit{n}: object(oid: $commit{n}) {{
      __typename
      ... on Commit {{
        history(first: 100) {{
          nodes {{ oid committedDate message parents(first: 100) {{ totalCount nodes {{ oid }} }} }}
        }}
      }}
    }}"""


def _query(size: int, *, hotfixes: bool = True) -> str:
    declared = "".join(f", $commit{n}: GitObjectID!" for n in range(size)) + (", $hotfix: String!" if hotfixes else "")
    fields = "".join(_FIELDS.format(n=n) for n in range(size)) + (github_pulls.LABELLED if hotfixes else "")
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
    message: str
    parents: _Parents


class _Members(GraphQL):
    nodes: Many[_Member]


class _Stretch(GraphQL):
    typename: Literal["Commit"] = Field(alias="__typename")
    history: _Members


class _Other(GraphQL):
    typename: Literal["Blob", "Tag", "Tree"] = Field(alias="__typename")


_Answer = Annotated[_Stretch | _Other, Field(discriminator="typename")] | None


@dataclass(frozen=True, kw_only=True)
class Commits:
    """The times of the commits that each deploy shipped first, by the sha of the deploy, and what the deploys correct.

    `unknown`: how many of the wanted deploys could not be settled; `unplaced`: how many reverts are of a commit that no
    settled deploy shipped. `hides_hotfixes`: the token may not read pull requests. `problem`: why the reading ended
    early.
    """

    by_sha: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    corrections: tuple[Correction, ...] = ()
    unknown: int = 0
    unplaced: int = 0
    hides_hotfixes: bool = False
    problem: str = ""


@dataclass(kw_only=True)
class _History:
    """The commits read so far with their messages, hotfixes by their merge, and shas that are gone.

    `hotfix_label`: None once GitHub has refused to show pull requests.
    """

    hotfix_label: str | None
    graph: dict[str, Commit] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    hotfixes: dict[str, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)


def read(github: GitHubApi, deployed: Mapping[str, datetime], wanted: Collection[str], hotfix_label: str) -> Commits:
    """Return when the commits that each wanted deploy shipped first were committed, and which deploys they correct.

    `deployed`: when each sha first went live. A history longer than is read leaves its deploy unknown. Of the pull
    requests with the label, the hundred that changed last are known. Raise HarvestError when GitHub does not answer.
    """
    # What was live before the first known deploy is unknown, so that deploy is not asked for.
    wanted = set(wanted) - set(sorted(deployed, key=lambda sha: (deployed[sha], sha))[:1])
    history = _History(hotfix_label=hotfix_label, gone={sha for sha in deployed if not is_full(sha)})
    problem = _extend(history, github, deployed, wanted)
    graph = history.graph
    shipped = first_shipped(deployed, deployed, graph, history.gone).by_deploy
    timestamps = {
        sha: tuple(sorted(at for commit in shipped[sha] if (at := graph[commit].committed_at) > EARLIEST))
        for sha in wanted & shipped.keys()
    }
    reverts = Reverts(history.messages, github.repository)
    corrected, unplaced = corrections(reverts, history.hotfixes, shipped, wanted)
    return Commits(
        by_sha=timestamps,
        corrections=corrected,
        unknown=len(wanted) - len(timestamps),
        unplaced=unplaced,
        hides_hotfixes=history.hotfix_label is None,
        problem=problem,
    )


def _extend(history: _History, github: GitHubApi, deployed: Mapping[str, datetime], wanted: set[str]) -> str:
    """Read the stretches that settle the wanted deploys into the graph. Return why the reading ended early, if it did.

    Where many are missing, a query takes many stretches; if GitHub does not answer it, the next ones take fewer.
    """
    limit = MAX_STRETCHES
    for _ in range(MAX_QUERIES):
        missing = first_shipped(deployed, wanted, history.graph, history.gone).missing
        if not missing:
            break
        size = min(limit, max(STRETCHES, -(-len(missing) // _DEPLOYS_A_STRETCH)))
        some_time = Transport(Budget(github.transport.budget.left() / 2))
        try:
            asked = github if size <= STRETCHES else github.within(some_time)
            _read(history, asked, _spread(missing, size))
        except HarvestError as problem:
            # The stretches read so far settle some deploys; the next run continues from there.
            if size <= STRETCHES and not history.graph:
                raise
            if size <= STRETCHES:
                return str(problem)
            limit = STRETCHES
    return ""


def _spread(missing: Sequence[str], size: int) -> list[str]:
    """Return this many of the commits, evenly spaced: those in between are mostly in the stretches of others."""
    count = min(size, len(missing))
    return [missing[number * len(missing) // count] for number in range(count)]


def _read(history: _History, github: GitHubApi, shas: list[str]) -> None:
    """Add a stretch from each sha to the history; shas that the repository does not have are `gone`.

    Where the token may not read pull requests, the commits are read without hotfixes.
    """
    try:
        stretches, hotfixes = _asked(history.hotfix_label, github, shas)
    except HarvestError as problem:
        if history.hotfix_label is None or problem.kind is not FaultKind.PERMISSION:
            raise
        history.hotfix_label = None
        stretches, hotfixes = _asked(None, github, shas)
    history.gone.update(sha for sha, stretch in zip(shas, stretches, strict=True) if stretch is None)
    for member in (member for stretch in stretches if stretch is not None for member in stretch.history.nodes):
        history.graph[member.oid] = _commit(member)
        history.messages[member.oid] = member.message
    merges = ((pull.merge_commit, pull.number) for pull in hotfixes)
    history.hotfixes.update({merge.oid: number for merge, number in merges if merge is not None})


def _asked(
    hotfix_label: str | None, github: GitHubApi, shas: list[str]
) -> tuple[list[_Stretch | None], tuple[LabelledPull, ...]]:
    """Return a stretch from each sha, and the hotfixes unless the label is None."""
    variables = {f"commit{n}": sha for n, sha in enumerate(shas)}
    label = {} if hotfix_label is None else {"hotfix": hotfix_label}

    def check(repository: dict[str, Any]) -> tuple[list[_Stretch | None], tuple[LabelledPull, ...]]:
        named: dict[str, _Stretch | _Other | None] = read_named(_Answer, repository, variables)
        stretches = [answer if isinstance(answer, _Stretch) else None for answer in named.values()]
        for sha, stretch in zip(shas, stretches, strict=True):
            if stretch is not None and all(member.oid != sha for member in stretch.history.nodes):
                raise MalformedAnswerError("a history does not include the commit that it begins with")
        listed = read_named(Connection[LabelledPull], repository, ["hotfixes"])["hotfixes"].nodes if label else ()
        return stretches, listed

    query = _query(len(shas), hotfixes=bool(label))
    return github.graphql("commits", query, check, **label, **variables)


def _commit(member: _Member) -> Commit:
    parents = tuple(dict.fromkeys(parent.oid for parent in member.parents.nodes))
    return Commit(sha=member.oid, committed_at=_committed_at(member.committed_date), parents=parents)


def _committed_at(text: str) -> datetime:
    """Return the time of a commit. An impossible one, which any author can write, becomes the earliest time."""
    try:
        return min(max(parse_iso(text), EARLIEST), LATEST)
    except ValueError:
        return EARLIEST
