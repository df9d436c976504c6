from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from flowjoy.analysis.promise.forecast import forecast, last_lags, state_of, waiting_ships
from flowjoy.analysis.timeline import timeline
from flowjoy.domain import ModelVersion, Requirement, Status
from flowjoy.domain.gate_findings import AVAILABLE
from tests.builders import a_deploy, a_ship, an_obligation, at
from tests.unit.analysis.promise.test_merge_gate import ANY, NONE, a_version, at_least, exactly


def test_forecast__names_the_clock_that_merging_starts_and_how_long_it_took_before() -> None:
    owed = [an_obligation(n, shipped_at=at(n + 10 * n), version="1") for n in range(1, 8)]
    (sentence,) = forecast({"recommender": ANY}, [], owed, 48)
    assert sentence == "merging starts a 48 h clock for recommender; its last 5 ships took 50 h (median)"
    (once,) = forecast({"recommender": ANY}, [], owed[:1], 48)
    assert once.endswith("; its last ship took 10 h")
    (alone,) = forecast({"recommender": ANY}, [], [], 0.5, act="this deployment")
    assert alone == "this deployment starts a 0.5 h clock for recommender"


def test_forecast__names_a_version_that_is_new_already_and_until_when_it_counts() -> None:
    ships = [a_ship(2, "1"), a_ship(9, "2"), a_ship(10, "1", model="ranker")]
    events = timeline([a_deploy(5, "a" * 40)], ships, service="", until=at(12))
    waiting = waiting_ships(events, at(12), 48)
    (sentence,) = forecast({"recommender": ANY}, [], [], 48, waiting=waiting)
    assert sentence == (
        "merging starts a 48 h clock for recommender, which version 2 meets if the code is live by 2024-06-05T18:00:00Z"
    )
    assert waiting_ships(events, at(58), 48) == {"ranker": ("1", at(58))}
    assert waiting_ships(timeline([a_deploy(10)], ships, service="", until=at(12)), at(12), 48) == {}
    assert waiting_ships(timeline([a_deploy(11)], ships, service="", until=at(12)), at(12), 48) == {}


@pytest.mark.parametrize(
    ("requirement", "version", "clock"),
    [
        (NONE, a_version("3"), False),
        (ANY, a_version("3"), True),
        (exactly("3"), a_version("3"), False),
        (exactly("3"), a_version("3", ready=False), True),
        (exactly("3"), a_version("3", name="ranker"), True),
        (exactly("4"), a_version("3"), True),
        (at_least("2"), a_version("3"), False),
    ],
)
def test_forecast__a_pin_that_a_ready_version_meets_starts_no_clock(
    requirement: Requirement, version: ModelVersion, *, clock: bool
) -> None:
    assert bool(forecast({"recommender": requirement}, [version], [], 48)) is clock


def test_forecast__one_version_among_others_is_enough_to_meet_a_pin() -> None:
    assert forecast({"recommender": exactly("3")}, [a_version("2"), a_version("3"), a_version("4")], [], 48) == ()


def test_lags__are_those_of_the_last_five_ships_and_zero_for_a_ship_before_the_code() -> None:
    owed = [
        an_obligation(0, shipped_at=at(9), status=Status.LATE),
        *(an_obligation(n, shipped_at=at(n + n)) for n in range(1, 5)),
        an_obligation(5, shipped_at=at(1)),
        an_obligation(6, shipped_at=at(8), status=Status.UNKNOWN),
        an_obligation(7, status=Status.BREACHED),
        replace(an_obligation(8, shipped_at=at(9)), model="ranker"),
    ]
    assert [lag / timedelta(hours=1) for lag in last_lags("recommender", owed)] == [1, 2, 3, 4, 0]


PINNED = {"ranker": exactly("3", "ranker")}


@pytest.mark.parametrize(
    ("required", "listed", "sentence"),
    [
        ({"recommender": ANY, "ranker": exactly("2", "ranker")}, [a_version("2", name="ranker")], AVAILABLE),
        (PINNED, [a_version("2", name="ranker")], "ranker: no version that fits 3 is registered yet"),
        (
            {**PINNED, "recommender": at_least("4")},
            [a_version("3")],
            "ranker: no version that fits 3 is registered yet (and 1 more)",
        ),
        ({"recommender": exactly("3")}, [a_version("3"), a_version("4")], AVAILABLE),
        ({"recommender": NONE}, [], "This code requires no model, so nothing is promised for it"),
        ({}, [], "This code requires no model, so nothing is promised for it"),
        (PINNED, None, "The model stub is valid"),
    ],
)
def test_state__says_which_models_are_not_there(
    required: dict[str, Requirement], listed: list[ModelVersion] | None, sentence: str
) -> None:
    assert state_of(required, listed) == sentence
