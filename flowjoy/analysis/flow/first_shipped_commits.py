"""Which commits each deploy was the first to ship. Knows a graph of commits, no GitHub.

A deploy ships what is reachable from its commit and from no commit deployed earlier. The graph may be read in part:
where a walk leaves it, the answer is not known, and the commits that would tell are named. As git does, a commit is
taken to be no younger than its child; and one that is deployed, to be no younger than its deploy.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Commit:
    """One commit: when it was committed, and its parents."""

    sha: str
    committed_at: datetime
    parents: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FirstShippedCommits:
    """For each wanted deploy that could be settled, the shas that it was the first to ship.

    `missing`: commits that are not in the graph and would settle more; the newest first, as git walks.
    """

    by_deploy: Mapping[str, tuple[str, ...]]
    missing: tuple[str, ...]


def first_shipped(
    deployed: Mapping[str, datetime],
    wanted: Collection[str],
    graph: Mapping[str, Commit],
    gone: Collection[str] = (),
) -> FirstShippedCommits:
    """What each of the `wanted` deploys shipped first. `deployed`: every deployed sha and when it first went live.

    `gone`: commits that nobody can read any more; what they could hold back is never settled, and not asked for.

    Of the first deploy that is known nobody can say what had been live before it: it is never settled.
    """
    live: set[str] = set()
    settled: dict[str, tuple[str, ...]] = {}
    # What leads out of the graph, and since when it can at the latest have been there.
    edges: dict[str, datetime] = {}
    needed = datetime.max.replace(tzinfo=UTC)
    in_order = sorted(deployed, key=lambda sha: (deployed[sha], sha))
    for place, sha in enumerate(in_order):
        new, left = _walk(sha, deployed[sha], graph, live)
        if place and sha in wanted:
            oldest = min((*left.values(), *(graph[commit].committed_at for commit in new)), default=deployed[sha])
            # Below an edge of an earlier deploy may lie what looks new here.
            doubts = {*left, *(edge for edge, bound in edges.items() if bound >= oldest)}
            if not doubts:
                settled[sha] = tuple(new)
            elif doubts.isdisjoint(gone):
                needed = min(needed, oldest)
        edges |= left
        live |= {sha, *new}
    asked = [sha for sha in in_order if sha in edges and sha in wanted and sha != in_order[0] and sha not in gone]
    missing = asked or [sha for sha, bound in edges.items() if bound >= needed and sha not in gone]
    return FirstShippedCommits(
        by_deploy=settled, missing=tuple(sorted(missing, key=lambda sha: (edges[sha], sha), reverse=True))
    )


def _walk(
    sha: str, deployed_at: datetime, graph: Mapping[str, Commit], live: set[str]
) -> tuple[list[str], dict[str, datetime]]:
    """The commits from `sha` down to what is live, and those out of the graph with the age of what leads to them."""
    new: list[str] = []
    left: dict[str, datetime] = {}
    seen, ahead = {sha}, [(sha, deployed_at)]
    while ahead:
        here, bound = ahead.pop()
        if here in live:
            continue
        commit = graph.get(here)
        if commit is None:
            left[here] = max(bound, left.get(here, bound))
            continue
        new.append(here)
        ahead += [(parent, commit.committed_at) for parent in commit.parents if parent not in seen]
        seen.update(commit.parents)
    return new, left
