"""Code and models that were live together, and the unified tag of a pair."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.analysis import timeline
from flowjoy.analysis.flow.live_pairs import LiveModel, LivePair, last_without_incident, live_pairs, unified_tag
from flowjoy.domain import CodeRecord, Incident, ModelDependencies, ModelRecord, Requirement, Rule
from tests.builders import SERVICE, a_deploy, a_provisional_deploy, a_ship, an_incident, at

NOW = at(1000)
OF_RECOMMENDER = ModelDependencies(default=(Requirement(model="recommender"),))


def lived(
    code: list[CodeRecord],
    models: list[ModelRecord],
    incidents: list[Incident] | None = None,
    *,
    dependence: ModelDependencies = OF_RECOMMENDER,
    since: float = -1000,
    newest_is_live: bool = True,
) -> tuple[LivePair, ...]:
    return live_pairs(
        timeline.timeline(code, models, service=SERVICE, until=NOW),
        timeline.incident_frame(incidents or [], until=NOW),
        dependence,
        service=SERVICE,
        since=at(since),
        newest_is_live=newest_is_live,
    )


def summary(result: tuple[LivePair, ...]) -> list[tuple[str | None, list[str], Any]]:
    return [(pair.sha, [model.version for model in pair.models], pair.since) for pair in result]


def test_pair__changes_with_code_and_with_models() -> None:
    result = lived([a_deploy(0, "a"), a_deploy(20, "b")], [a_ship(-5, "1"), a_ship(10, "2")])
    assert summary(result) == [("a", ["1"], at(0)), ("a", ["2"], at(10)), ("b", ["2"], at(20))]
    assert [pair.until for pair in result] == [at(10), at(20), None]


def test_pair__a_redeploy_or_another_model_changes_nothing() -> None:
    result = lived([a_deploy(0, "a"), a_deploy(5, "a")], [a_ship(-5, "1"), a_ship(6, "9", model="ranker")])
    assert summary(result) == [("a", ["1"], at(0))]


def test_pair__a_model_that_is_declared_as_not_needed_is_not_waited_for() -> None:
    none = Requirement(model="ranker", rule=Rule.NONE)
    both = ModelDependencies(by_sha={"a": (Requirement(model="recommender"), none)})
    only = ModelDependencies(by_sha={"a": (Requirement(model="recommender"),)})
    (pair,) = lived([a_deploy(0, "a")], [a_ship(-5, "1")], dependence=both)
    assert (pair,) == lived([a_deploy(0, "a")], [a_ship(-5, "1")], dependence=only)
    assert pair.tag is not None


def test_pair__of_a_stub_that_cannot_be_read_has_no_tag() -> None:
    unreadable = ModelDependencies(default=OF_RECOMMENDER.default, unreadable={"a": "garbled"})
    (pair,) = lived([a_deploy(0, "a")], [a_ship(-5, "1")], dependence=unreadable)
    assert pair.tag is None


def test_pair__a_rollback_brings_the_old_pair_back() -> None:
    result = lived([a_deploy(0, "a"), a_deploy(5, "b"), a_deploy(6, "a")], [])
    assert summary(result) == [("a", [], at(0)), ("b", [], at(5)), ("a", [], at(6))]


def test_newest__under_registered_an_older_version_that_comes_later_changes_nothing() -> None:
    ships = [a_ship(0, "5"), a_ship(10, "3")]
    assert summary(lived([a_deploy(0, "a")], ships)) == [("a", [], at(0)), ("a", ["5"], at(0))][1:]
    assert summary(lived([a_deploy(0, "a")], ships, newest_is_live=False))[-1] == ("a", ["3"], at(10))


def test_window__begins_with_the_pair_that_was_live_then() -> None:
    result = lived([a_deploy(0, "a"), a_deploy(20, "b"), a_deploy(40, "c")], [], since=30)
    assert summary(result) == [("b", [], at(20)), ("c", [], at(40))]


def test_dependence__is_that_of_the_live_sha() -> None:
    by_sha = {"b": (Requirement(model="ranker"),), "c": ()}
    dependence = ModelDependencies(default=OF_RECOMMENDER.default, by_sha=by_sha)
    ships = [a_ship(-5, "1"), a_ship(-5, "7", model="ranker")]
    result = lived([a_deploy(0, "a"), a_deploy(1, "b"), a_deploy(2, "c")], ships, dependence=dependence)
    assert [[model.name for model in pair.models] for pair in result] == [["recommender"], ["ranker"], []]
    assert [pair.tag is None for pair in result] == [False, False, True]


def test_incidents__belong_to_the_pair_that_was_live_when_they_began() -> None:
    result = lived([a_deploy(0, "a"), a_deploy(20, "b")], [], [an_incident(20), an_incident(19.99), an_incident(-1)])
    assert [len(pair.incidents) for pair in result] == [1, 1]


def test_rollback_target__is_the_last_calm_pair_that_is_not_the_live_one() -> None:
    code = [a_deploy(0, "a"), a_deploy(10, "b"), a_deploy(20, "c"), a_deploy(30, "b")]
    target = last_without_incident(lived(code, [], [an_incident(21)]))
    assert (target.sha, target.since) == ("a", at(0)) if target is not None else False
    assert last_without_incident(lived([a_deploy(0, "a")], [])) is None
    assert last_without_incident(()) is None


def test_provisional__release_is_the_live_pair_and_says_so() -> None:
    result = lived([a_deploy(0, "a"), a_provisional_deploy(5, sha="b")], [a_ship(-1, "1")])
    assert [(pair.sha, pair.provisional) for pair in result] == [("a", False), ("b", True)]
    assert result[-1].tag is not None


def test_nothing_deployed__is_no_pair() -> None:
    assert lived([], [a_ship(0, "1")]) == ()


def test_tag__is_service_git_sha_and_model_sha() -> None:
    models = [LiveModel(name="recommender", version="12", run_id="r1"), LiveModel(name="ranker", version="3")]
    model_sha = sha256(b"ranker=3=\nrecommender=12=r1").hexdigest()[:12]
    assert unified_tag("shop", "1a2b3c4d5e6f7a8b", models, expected=["ranker", "recommender"]) == (
        f"shop:1a2b3c4d5e6f-{model_sha}"
    )


def test_tag__is_none_where_a_part_is_not_known() -> None:
    model = LiveModel(name="recommender", version="1")
    assert unified_tag("shop", None, [model], expected=["recommender"]) is None
    assert unified_tag("shop", "a", [], expected=["recommender"]) is None
    assert unified_tag("shop", "a", [], expected=[]) is None
    assert unified_tag("☃", "a", [model], expected=["recommender"]) is None


@pytest.mark.parametrize(("service", "name"), [
    ("Shop", "shop"), ("acme/Shop API", "acme/shop-api"), ("a..b", "a-b"), ("-a-", "a"), ("a__b", "a__b"),
    ("a___b", "a-b"), ("a_.b", "a-b"), ("é", None), ("//a//", "a"),
])  # fmt: skip
def test_tag__is_a_name_that_oci_allows(service: str, name: str | None) -> None:
    tag = unified_tag(service, "a" * 40, [LiveModel(name="m", version="1")], expected=["m"])
    assert (tag.partition(":")[0] if tag else None) == name


OCI = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*:[\w][\w.-]{0,127}")


@given(st.text(st.sampled_from("aB0._-/ é"), max_size=12))
def test_tag__of_any_service_is_a_reference(service: str) -> None:
    tag = unified_tag(service, "a" * 40, [LiveModel(name="m", version="1")], expected=["m"])
    assert tag is None or OCI.fullmatch(tag)


def test_tag__half_a_surrogate_pair_in_a_run_id_is_a_name_like_another() -> None:
    """JSON can carry one, UTF-8 cannot: a registry that sends it must not end the run."""
    half = LiveModel(name="m", version="1", run_id="\ud800")
    tag = unified_tag("shop", "a" * 40, [half], expected=["m"])
    assert tag is not None
    assert OCI.fullmatch(tag)
    assert tag != unified_tag("shop", "a" * 40, [LiveModel(name="m", version="1")], expected=["m"])


@pytest.mark.parametrize(("sha", "short"), [
    ("1a2b3c4d5e6f7a8b", "1a2b3c4d5e6f"),
    ("v1.2_rc-3", "v1.2_rc-3"),
    ("$(id)`; rm", "id----rm"),
    ("</style><img src=x>", "style--img"),
    ("..hidden", "hidden"),
    ("☃☃", None),
])  # fmt: skip
def test_tag__of_any_sha_is_a_tag_that_oci_allows(sha: str, short: str | None) -> None:
    model = LiveModel(name="recommender", version="12", run_id="r")
    tag = unified_tag("shop", sha, [model], expected=["recommender"])
    assert (tag if tag is None else tag.rpartition("-")[0]) == (None if short is None else f"shop:{short}")
