"""The commits that each deploy was the first to ship.

A deploy ships the commits that are reachable from its own commit but not from any commit deployed earlier. The graph
may be incomplete: where a walk leaves it, the result is unknown, and the missing commits are named. As in git, a commit
is assumed to be no younger than its child, and a deployed commit no younger than its deploy.
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
    """For each wanted deploy with a known result, the shas that it was the first to ship.

    `missing`: commits outside the graph that would make more results known; the newest first, as git walks.
    """

    by_deploy: Mapping[str, tuple[str, ...]]
    missing: tuple[str, ...]


def first_shipped(
    deployed: Mapping[str, datetime],
    wanted: Collection[str],
    graph: Mapping[str, Commit],
    gone: Collection[str] = (),
) -> FirstShippedCommits:
    """Return what each of the `wanted` deploys shipped first.

    `deployed`: every deployed sha and when it first went live. `gone`: commits that can no longer be read; results that
    depend on them stay unknown, and they are never `missing`. The result of the first known deploy also stays unknown,
    because the code that was live before it is unknown.
    """
    live: set[str] = set()
    settled: dict[str, tuple[str, ...]] = {}
    # Commits outside the graph, and the latest time at which each can have been made.
    edges: dict[str, datetime] = {}
    needed = datetime.max.replace(tzinfo=UTC)
    in_order = sorted(deployed, key=lambda sha: (deployed[sha], sha))
    for index, sha in enumerate(in_order):
        new, left = _walk(sha, deployed[sha], graph, live)
        if index and sha in wanted:
            oldest = min((*left.values(), *(graph[commit].committed_at for commit in new)), default=deployed[sha])
            # A commit that looks new here may be reachable from the edge of an earlier deploy.
            uncertain = {*left, *(edge for edge, bound in edges.items() if bound >= oldest)}
            if not uncertain:
                settled[sha] = tuple(new)
            elif uncertain.isdisjoint(gone):
                needed = min(needed, oldest)
        edges |= left
        live |= {sha, *new}
    preferred = [sha for sha in in_order if sha in edges and sha in wanted and sha != in_order[0] and sha not in gone]
    missing = preferred or [sha for sha, bound in edges.items() if bound >= needed and sha not in gone]
    return FirstShippedCommits(
        by_deploy=settled, missing=tuple(sorted(missing, key=lambda sha: (edges[sha], sha), reverse=True))
    )


def _walk(
    sha: str, deployed_at: datetime, graph: Mapping[str, Commit], live: set[str]
) -> tuple[list[str], dict[str, datetime]]:
    """Return the commits from `sha` down to live ones, and the commits outside the graph with their child's time."""
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
