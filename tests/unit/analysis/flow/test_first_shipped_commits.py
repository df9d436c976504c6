"""The commits that each deploy was the first to ship, also where the history was read only in part."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from flowjoy.analysis.flow.first_shipped_commits import Commit, first_shipped
from tests.builders import at


def history(*commits: tuple[str, float, str]) -> dict[str, Commit]:
    """`(sha, hour, "its parents")`."""
    return {
        sha: Commit(sha=sha, committed_at=at(hour), parents=tuple(parents.split())) for sha, hour, parents in commits
    }


LINE = history(("a", 0, ""), ("b", 1, "a"), ("c", 2, "b"), ("d", 3, "c"), ("e", 4, "d"))


def test_line__each_deploy_ships_what_came_since_the_one_before() -> None:
    result = first_shipped({"a": at(0.5), "c": at(2.5), "e": at(5)}, {"a", "c", "e"}, LINE)
    assert {sha: set(new) for sha, new in result.by_deploy.items()} == {"c": {"b", "c"}, "e": {"d", "e"}}


def test_first_deploy__is_never_settled() -> None:
    """The code that was live before is unknown."""
    assert first_shipped({"e": at(5)}, {"e"}, LINE).by_deploy == {}
    assert first_shipped({"e": at(5)}, {"e"}, LINE).missing == ()


def test_merge__ships_an_old_branch_with_its_old_commits() -> None:
    graph = history(("a", 0, ""), ("x", 1, "a"), ("b", 50, "a"), ("m", 60, "b x"))
    result = first_shipped({"b": at(51), "m": at(61)}, {"m"}, graph)
    assert set(result.by_deploy["m"]) == {"m", "x"}


def test_roll_forward_and_hotfix__ship_nothing_twice() -> None:
    graph = history(("a", 0, ""), ("b", 1, "a"), ("h", 2, "a"), ("c", 3, "b h"))
    result = first_shipped({"a": at(0.5), "b": at(1.5), "h": at(2.5), "c": at(3.5)}, {"b", "h", "c"}, graph)
    assert {sha: set(new) for sha, new in result.by_deploy.items()} == {"b": {"b"}, "h": {"h"}, "c": {"c"}}


def test_missing__are_the_wanted_deploys_first_and_then_the_newest() -> None:
    deployed = {"a": at(0.5), "c": at(2.5), "e": at(5)}
    assert first_shipped(deployed, {"e"}, {}).missing == ("e",)
    part = {sha: LINE[sha] for sha in "ed"}
    assert first_shipped(deployed, {"e"}, part).missing == ()
    assert first_shipped({"a": at(0.5), "e": at(5)}, {"e"}, part).missing == ("c",)


def test_part__where_an_earlier_deploy_may_hold_the_commit_is_not_settled() -> None:
    """`x` looks new until the graph shows that the deploy before also contains it."""
    graph = history(("a", 0, ""), ("x", 1, "a"), ("b", 50, "x"), ("m", 60, "a x"))
    deployed = {"a": at(0.5), "b": at(51), "m": at(61)}
    unread = {sha: graph[sha] for sha in "axm"}
    result = first_shipped(deployed, {"m"}, unread)
    assert (result.by_deploy, result.missing) == ({}, ("b",))
    assert set(first_shipped(deployed, {"m"}, graph).by_deploy["m"]) == {"m"}


def test_gone__is_not_asked_for_and_holds_back_only_what_it_could_hold() -> None:
    """`x` was deployed and is gone: it may have held `b`, which is older, and not `e`, which is younger."""
    deployed = {"a": at(0.5), "x": at(1.5), "b": at(2.0), "e": at(5)}
    result = first_shipped(deployed, set(deployed), LINE, gone={"x"})
    assert result.missing == ()
    assert set(result.by_deploy) == {"e"}
    assert set(result.by_deploy["e"]) == {"c", "d", "e"}


def test_first_deploy__is_never_asked_for() -> None:
    assert first_shipped({"e": at(5), "z": at(6)}, {"e", "z"}, {}).missing == ("z",)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, Commit], dict[str, datetime]]:
    """A history in which each commit is younger than its parents, and some deploys of it."""
    size = draw(st.integers(1, 14))
    graph = {}
    for n in range(size):
        parents = draw(st.sets(st.integers(max(0, n - 5), n - 1), max_size=2)) if n else set()
        named = tuple(f"c{parent:02}" for parent in sorted(parents))
        graph[f"c{n:02}"] = Commit(sha=f"c{n:02}", committed_at=at(n), parents=named)
    chosen = draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=6, unique=True))
    return graph, {f"c{n:02}": at(100 + draw(st.integers(0, 50)) + index / 10) for index, n in enumerate(chosen)}


def reachable(sha: str, graph: dict[str, Commit]) -> set[str]:
    return {sha}.union(*(reachable(parent, graph) for parent in graph[sha].parents))


def by_hand(graph: dict[str, Commit], deployed: dict[str, datetime]) -> dict[str, set[str]]:
    order = sorted(deployed, key=lambda sha: (deployed[sha], sha))
    live: set[str] = set()
    result = {}
    for sha in order:
        result[sha] = reachable(sha, graph) - live
        live |= reachable(sha, graph)
    return {sha: result[sha] for sha in order[1:]}


@given(graphs())
def test_complete_history__settles_every_deploy_as_sets_do(made: tuple[dict[str, Commit], dict[str, datetime]]) -> None:
    graph, deployed = made
    result = first_shipped(deployed, set(deployed), graph)
    assert {sha: set(new) for sha, new in result.by_deploy.items()} == by_hand(graph, deployed)
    assert result.missing == ()


@given(graphs(), st.sets(st.integers(0, 13)), st.integers(1, 3))
def test_part__is_never_wrong_and_asking_for_what_is_missing_ends(
    made: tuple[dict[str, Commit], dict[str, datetime]], seen: set[int], stretch: int
) -> None:
    graph, deployed = made
    known = {sha: graph[sha] for sha in graph if int(sha[1:]) in seen}
    truth = by_hand(graph, deployed)
    while True:
        result = first_shipped(deployed, set(deployed), known)
        assert all(set(new) == truth[sha] for sha, new in result.by_deploy.items())
        if not result.missing:
            break
        assert not known.keys() & set(result.missing)
        known |= {sha: graph[sha] for sha in result.missing[:stretch]}
    assert result.by_deploy.keys() == truth.keys()
