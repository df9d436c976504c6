"""Records to one timeline: which events there are, in which order, and of what kind."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowjoy.analysis import timeline
from flowjoy.analysis.event_columns import (
    CLAIMED,
    EARLIEST,
    END,
    FIRST_LIVE,
    ID,
    KIND,
    LATEST,
    OLD_SINCE,
    PROVISIONAL,
    RUN,
    START,
    TS,
    TYPE,
)
from flowjoy.analysis.timeline import PUBLIC_COLUMNS
from flowjoy.domain import CodeRecord, Kind, ModelRecord, Outcome, Precision
from tests.builders import SERVICE, a_deploy, a_provisional_deploy, a_ship, an_incident, at

END_OF_TIME = at(10_000)


def events(
    code: Sequence[CodeRecord] = (), models: Sequence[ModelRecord] = (), *, until: datetime = END_OF_TIME
) -> pd.DataFrame:
    """The timeline of the service."""
    return timeline.timeline(code, models, service=SERVICE, until=until)


def code_kinds(*shas: str | None) -> list[str]:
    """The kinds of deployments of these shas, an hour apart."""
    return list(events([a_deploy(hours, sha) for hours, sha in enumerate(shas)])[KIND])


def model_kinds(*ships: tuple[str | None, str | None]) -> list[str]:
    """The kinds of ships of these (version, run), an hour apart."""
    return list(events(models=[a_ship(h, version, run_id=run) for h, (version, run) in enumerate(ships)])[KIND])


@pytest.mark.parametrize(
    ("shas", "kinds"),
    [
        ("a", ["deploy"]),
        ("ab", ["deploy", "deploy"]),
        ("aa", ["deploy", "redeploy"]),
        ("aaa", ["deploy", "redeploy", "redeploy"]),
        ("aba", ["deploy", "deploy", "rollback"]),
        ("abaa", ["deploy", "deploy", "rollback", "redeploy"]),
        ("abab", ["deploy", "deploy", "rollback", "deploy"]),
        ("abca", ["deploy", "deploy", "deploy", "rollback"]),
        ("abcab", ["deploy", "deploy", "deploy", "rollback", "deploy"]),
        ("abcbac", ["deploy", "deploy", "deploy", "rollback", "rollback", "deploy"]),
    ],
)
def test_code_kind__by_what_was_live_and_what_had_been_live_before(shas: str, kinds: list[str]) -> None:
    assert code_kinds(*shas) == kinds


def test_code_kind__a_stamp_without_a_sha_is_a_new_sha_of_its_own() -> None:
    assert code_kinds(None, None, None) == ["deploy"] * 3


def test_code_kind__a_stamp_without_a_sha_is_rolled_back_by_an_older_sha() -> None:
    assert code_kinds("a", None, "a") == ["deploy", "deploy", "rollback"]


@settings(max_examples=40)
@given(shas=st.lists(st.sampled_from("abcd"), max_size=12))
def test_code_kind__agrees_with_remembering_every_sha(shas: list[str]) -> None:
    first: dict[str, int] = {}
    expected, live = [], ""
    for index, sha in enumerate(shas):
        if sha not in first:
            expected.append("deploy")
        elif sha == live:
            expected.append("redeploy")
        else:
            expected.append("rollback" if first[sha] < first[live] else "deploy")
        first.setdefault(sha, index)
        live = sha
    assert code_kinds(*shas) == expected


@pytest.mark.parametrize(
    ("ships", "kinds"),
    [
        ([("1", None), ("2", None)], ["ship", "ship"]),
        ([("1", "r"), ("2", "r")], ["ship", "copy"]),
        ([("1", "r"), ("2", "q"), ("3", "r")], ["ship", "ship", "copy"]),
        ([("1", None), ("2", None), ("1", None)], ["ship", "ship", "rollback"]),
        ([("1", None), ("1", None)], ["ship", "redeploy"]),
        ([("1", None), ("2", None), ("1", None), ("2", None)], ["ship", "ship", "rollback", "redeploy"]),
        ([("2", None), ("1", None), ("2", None)], ["ship", "rollback", "redeploy"]),
        ([("9", None), ("10", None), ("9", None)], ["ship", "ship", "rollback"]),
        ([("1", "r"), ("2", "q"), ("1", "r")], ["ship", "ship", "rollback"]),
        ([("blue", None), ("green", None), ("blue", None)], ["ship", "ship", "rollback"]),
        ([("green", None), ("blue", None), ("blue", None)], ["ship", "ship", "redeploy"]),
        ([("blue", None), ("2", None), ("blue", None)], ["ship", "ship", "rollback"]),
        ([("2", None), ("blue", None), ("2", None), ("blue", None)], ["ship", "ship", "rollback", "redeploy"]),
        ([(None, None), (None, None)], ["ship", "ship"]),
    ],
)
def test_model_kind__by_version_and_training_run(ships: list[tuple[str | None, str | None]], kinds: list[str]) -> None:
    assert model_kinds(*ships) == kinds


@pytest.mark.matrix
@settings(max_examples=40)
@given(ships=st.lists(st.tuples(st.integers(1, 12), st.sampled_from(["r", "q", None])), max_size=10))
def test_model_kind__agrees_with_remembering_every_version(ships: list[tuple[int, str | None]]) -> None:
    run_of: dict[int, str | None] = {}
    expected, live = [], 0
    for version, run in ships:
        if version in run_of:
            expected.append("rollback" if version < live else "redeploy")
        else:
            copied = run is not None and run in run_of.values()
            expected.append("rollback" if version < live else "copy" if copied else "ship")
        run_of.setdefault(version, run)
        live = version
    assert model_kinds(*((str(version), run_of[version]) for version, _ in ships)) == expected


def test_model_kind__models_do_not_know_each_other() -> None:
    ships = [a_ship(0, "1", "ranker", run_id="r"), a_ship(1, "1", "recommender", run_id="r"), a_ship(2, "2", "ranker")]
    assert list(events(models=ships)[KIND]) == ["ship"] * 3


def test_timeline__a_failed_deployment_is_no_event_and_makes_no_sha_live() -> None:
    result = events([a_deploy(0, "a"), a_deploy(1, "b", outcome=Outcome.FAILED), a_deploy(2, "a")])
    assert list(result[KIND]) == ["deploy", "redeploy"]


def test_timeline__until_is_inclusive_to_the_microsecond() -> None:
    code, models = [a_deploy(1)], [a_ship(1)]
    assert len(events(code, models, until=at(1))) == 2
    assert events(code, models, until=at(1) - timedelta(microseconds=1)).empty


def test_timeline__oldest_first_and_at_one_instant_code_before_models() -> None:
    result = events([a_deploy(2), a_deploy(1)], [a_ship(1, "7", "ranker"), a_ship(2), a_ship(1, "9"), a_ship(1, "10")])
    assert list(zip(result[TYPE], result["name"], result["version"], strict=True)) == [
        ("CODE", "", ""),
        ("MODEL", "ranker", "7"),
        ("MODEL", "recommender", "9"),
        ("MODEL", "recommender", "10"),
        ("CODE", "", ""),
        ("MODEL", "recommender", "1002"),
    ]


def test_timeline__this_very_run_s_release_is_shown_and_counts_for_nothing_but_the_check() -> None:
    result = events([a_deploy(0), a_provisional_deploy(5)], [a_ship(1)])
    assert list(result[PROVISIONAL]) == [False, False, True]
    assert list(timeline.without_provisional(result)[TYPE]) == ["CODE", "MODEL"]
    assert list(timeline.deploys_and_ships(result)[TYPE]) == ["CODE", "MODEL"]


def test_timeline__at_one_instant_what_succeeded_comes_before_what_is_provisional() -> None:
    result = events([a_provisional_deploy(0, sha="b", id="a"), a_deploy(0, "a", id="b")])
    assert list(result[PROVISIONAL]) == [False, True]
    assert list(result[KIND]) == ["deploy", "deploy"]


def test_cadence__only_deploys_and_ships_count() -> None:
    code = [a_deploy(hours, sha) for hours, sha in enumerate("aaba")]
    models = [a_ship(h, version, run_id=run) for h, (version, run) in enumerate([("1", "r"), ("2", "r"), ("1", "r")])]
    result = events(code, models)
    assert sorted(result[KIND]) == ["copy", "deploy", "deploy", "redeploy", "rollback", "rollback", "ship"]
    assert sorted(timeline.deploys_and_ships(result)[KIND]) == [Kind.DEPLOY, Kind.DEPLOY, Kind.SHIP]


def test_timeline__an_observed_ship_can_have_happened_right_after_not_before() -> None:
    seen = a_ship(9, precision=Precision.OBSERVED, not_before=at(3))
    (row,) = events(models=[seen]).to_dict("records")
    assert (row[EARLIEST], row[TS]) == (at(3, microseconds=1), at(9))
    assert row["precision"] == "observed"


def test_timeline__an_exact_event_happened_at_its_instant() -> None:
    result = events([a_deploy(1)], [a_ship(2)])
    assert list(result[EARLIEST]) == list(result[TS])
    assert list(result["precision"]) == ["exact", "exact"]


@pytest.mark.parametrize("code", [[], [a_deploy(0)], [a_provisional_deploy(0)]])
@pytest.mark.parametrize("models", [[], [a_ship(0)]])
def test_timeline__has_every_column_of_one_type_also_when_a_half_is_empty(
    code: list[CodeRecord], models: list[ModelRecord]
) -> None:
    result = events(code, models)
    assert sorted(result.columns) == sorted(
        [*PUBLIC_COLUMNS, ID, RUN, EARLIEST, LATEST, PROVISIONAL, FIRST_LIVE, OLD_SINCE, CLAIMED]
    )
    assert result[PROVISIONAL].dtype == bool
    assert str(result[TS].dtype) == str(result[EARLIEST].dtype) == "datetime64[us, UTC]"
    assert len(timeline.without_provisional(result)) == len(models) + sum(r.outcome is Outcome.SUCCESS for r in code)


@pytest.mark.matrix
@settings(max_examples=20)
@given(
    code=st.lists(st.tuples(st.integers(0, 6), st.sampled_from("abc")), max_size=8, unique=True),
    models=st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["1", "2", None])), max_size=8, unique=True),
    chance=st.randoms(),
)
def test_timeline__the_order_in_which_records_came_changes_nothing(
    code: list[tuple[int, str]], models: list[tuple[int, str | None]], chance: random.Random
) -> None:
    deploys, ships = [a_deploy(*item) for item in code], [a_ship(*item) for item in models]
    before = events(deploys, ships)
    chance.shuffle(deploys)
    chance.shuffle(ships)
    pd.testing.assert_frame_equal(events(deploys, ships), before)
    assert before[TS].is_monotonic_increasing
    assert sorted(before[ID]) == sorted([*(r.id for r in deploys), *(r.id for r in ships)])


def test_incidents__oldest_first_and_not_those_to_come() -> None:
    result = timeline.incident_frame([an_incident(5), an_incident(1), an_incident(9)], until=at(5))
    assert list(result[START]) == [at(1), at(5)]


def test_incidents__one_that_ended_after_the_instant_of_the_report_was_open_then() -> None:
    result = timeline.incident_frame([an_incident(0, hours=5), an_incident(1, hours=None)], until=at(4.999))
    assert list(result[END].isna()) == [True, True]


def test_incidents__one_that_ended_at_the_instant_of_the_report_is_closed() -> None:
    result = timeline.incident_frame([an_incident(0, hours=5)], until=at(5))
    assert list(result[END]) == [at(5)]


def test_incidents__none_is_a_frame_with_typed_columns() -> None:
    result = timeline.incident_frame([], until=at(0))
    assert result.empty
    assert str(result[START].dtype) == str(result[END].dtype) == "datetime64[us, UTC]"


def test_deploys__are_what_put_a_new_commit_live() -> None:
    result = events([a_deploy(hours, sha) for hours, sha in enumerate("aaba")], [a_ship(2)])
    assert list(timeline.deploys(result)[KIND]) == [Kind.DEPLOY, Kind.DEPLOY]
