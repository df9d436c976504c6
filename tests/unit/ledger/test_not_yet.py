"""What a run saw that had not happened yet bounds the times that sources give later."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from flowjoy.domain import AliasObservation, CodeRecord, ModelRecord, ModelVersion, Outcome, Precision
from flowjoy.domain.records import Records
from flowjoy.domain.timestamps import EARLIEST, iso
from flowjoy.ledger.not_yet import Listings, code_no_earlier, code_not_yet, models_no_earlier, settled_bounds
from tests.builders import MODEL, a_deploy, a_ship, at

A, B = "a" * 40, "b" * 40
SIGNAL = "alias:production"


def bounds(known: dict[str, datetime] | None = None, *, after: float | None = 5, **changes: Any) -> dict[str, datetime]:
    """The bounds of release 1 of B, which a ledger written at `after` remembers as one of A."""
    before, current = a_deploy(0, A, id="release:1", **changes), [a_deploy(0, B, id="release:1")]
    moved_after = None if after is None else at(after)
    return code_not_yet(known or {}, [before], current, (), moved_after=moved_after, now=at(9))


def test_code__whose_commit_moved_went_live_after_the_ledger_that_saw_another() -> None:
    assert bounds() == {f"release:1@{B[:12]}": at(5)}


def test_code__keeps_the_bound_of_the_run_that_first_saw_it() -> None:
    known = {f"release:1@{B[:12]}": at(3)}
    assert bounds(known) == known


def test_code__of_a_source_that_does_not_move_or_that_never_succeeded_has_no_bound() -> None:
    assert bounds(after=None) == bounds(outcome=Outcome.FAILED) == {}


def test_code__that_waits_is_bounded_by_now() -> None:
    known = {"release:2": at(1)}
    assert code_not_yet(known, (), (), ["release:1"], moved_after=at(5), now=at(9)) == {
        "release:1": at(9),
        "release:2": at(1),
    }


def no_earlier(
    current: list[CodeRecord], bounds: dict[str, datetime], *remembered: CodeRecord, known: bool = False
) -> list[tuple[datetime, datetime | None]]:
    """When each went live, and the run that first saw it; `known`: an earlier run already wrote the bounds."""
    before = bounds if known else {}
    result = code_no_earlier(current, bounds, known=before, remembered=remembered, now=at(9))
    return [(record.shipped_at, record.seen_by) for record in result]


@pytest.mark.parametrize("key", ["release:1", f"release:1@{B[:12]}"])
def test_code__counts_no_earlier_than_its_bound_and_no_earlier_than_it_says(key: str) -> None:
    early, late = a_deploy(0, B, id="release:1"), a_deploy(8, B, id="release:1")
    assert no_earlier([early], {key: at(5)}) == [(at(5), at(9))]
    assert no_earlier([late], {key: at(5)}) == [(at(8), None)]
    assert no_earlier([early], {"release:2": at(5)}) == [(at(0), None)]


def test_code__whose_bound_is_its_own_time_went_live_between_that_and_the_run_that_first_saw_it() -> None:
    assert no_earlier([a_deploy(5, B, id="release:1")], {"release:1": at(5)}) == [(at(5), at(9))]


@pytest.mark.parametrize(
    ("other", "seen"),
    [
        (a_deploy(7, B, id="release:2"), 7),
        (a_deploy(5, B, id="release:2"), 5),
        (a_deploy(4, B, id="release:2"), 9),  # B was live before: release 1 brought it back
        (a_deploy(7, A, id="release:2"), 9),
        (a_deploy(7, B, id="release:2", outcome=Outcome.FAILED), 9),
    ],
    ids=["between", "at the bound", "before", "another commit", "failed"],
)
def test_code__was_live_by_another_release_of_its_commit(other: CodeRecord, seen: float) -> None:
    early = a_deploy(0, B, id="release:1")
    assert no_earlier([early, other], {"release:1": at(5)})[0] == (at(5), at(seen))


def test_code__that_an_earlier_run_saw_live_keeps_the_time_of_the_first_that_did() -> None:
    early, key = a_deploy(0, B, id="release:1"), f"release:1@{B[:12]}"
    seen = a_deploy(5, B, id="release:1", seen_by=at(6))
    assert no_earlier([early], {key: at(5)}, seen, known=True) == [(at(5), at(6))]


@pytest.mark.parametrize("remembered", [[], [a_deploy(5, A, id="release:1", seen_by=at(6))]], ids=["none", "another"])
def test_code__that_the_ledger_bounds_and_does_not_remember_counts_from_its_bound_alone(
    remembered: list[CodeRecord],
) -> None:
    """Otherwise each run would be the first that sees it, and its clock would never end."""
    early, key = a_deploy(0, B, id="release:1"), f"release:1@{B[:12]}"
    assert no_earlier([early], {key: at(5)}, *remembered, known=True) == [(at(5), None)]


def test_code__that_was_promoted_and_then_moved_counts_from_the_ledger_that_saw_another_commit() -> None:
    assert bounds({"release:1": at(1)}) == {"release:1": at(1), f"release:1@{B[:12]}": at(5)}


def test_code__that_was_promoted_is_bounded_by_its_commit_once_it_was_seen_live() -> None:
    current, known = [a_deploy(0, B, id="release:1")], {"release:1": at(5)}
    assert code_not_yet(known, (), current, (), moved_after=at(7), now=at(9)) == {
        "release:1": at(5),
        f"release:1@{B[:12]}": at(5),
    }


NOTHING = Listings(without={}, first={})


def a_version(version: str, hours: float, model: str = MODEL, **changes: Any) -> ModelVersion:
    return ModelVersion(**{"name": model, "version": version, "ready": True, "registered_at": at(hours), **changes})


def a_registered(version: str, hours: float) -> ModelRecord:
    return a_ship(hours, version, registered_at=at(hours), precision=Precision.REGISTERED)


def a_stamped(version: str, registered: float, tag: str, hours: float) -> ModelRecord:
    return a_ship(hours, version, registered_at=at(registered), stamp=f"{tag}={iso(at(hours))}")


def read(*readings: tuple[float, list[ModelVersion]], after: Listings = NOTHING) -> Listings:
    """The listings after readings of the model, each at an hour."""
    for hours, versions in readings:
        after = after.read([MODEL], versions, at(hours))
    return after


def bounded(record: ModelRecord, listings: Listings) -> tuple[datetime | None, datetime]:
    (shown,) = models_no_earlier([record], listings)
    return shown.not_before, shown.shipped_at


def test_models__one_that_the_last_reading_did_not_list_shipped_between_that_and_the_first_that_did() -> None:
    first = [a_version("1", 0)]
    listings = read((5, first), (9, [*first, a_version("2", 3), a_version("3", 7)]))
    assert bounded(a_registered("1", 0), listings) == (None, at(0))
    assert bounded(a_registered("2", 3), listings) == (at(5), at(9))
    assert bounded(a_registered("3", 7), listings) == (None, at(7))
    later = read((12, [a_version("2", 3)]), after=listings)
    assert bounded(a_registered("2", 3), later) == (at(5), at(9))
    assert bounded(a_registered("3", 7), later) == (None, at(7))


def test_models__one_that_was_not_ready_shipped_between_that_reading_and_the_first_that_showed_it_ready() -> None:
    listings = read((5, [a_version("1", 0, ready=False)]), (7, [a_version("1", 0, ready=False)]))
    listings = read((9, [a_version("1", 0)]), after=listings)
    assert bounded(a_registered("1", 0), listings) == (at(7), at(9))


@pytest.mark.parametrize("tag", ["flowjoy.deployed_at", "prod@eu/1"])
def test_models__a_stamp_of_a_time_at_which_a_run_did_not_see_it_was_written_afterwards(tag: str) -> None:
    stamp = f"{tag}={iso(at(3))}"
    listings = read((5, [a_version("1", 0)]), (9, [a_version("1", 0, stamps=(stamp,))]))
    assert bounded(a_stamped("1", 0, tag, 3), listings) == (at(5), at(9))
    assert bounded(a_stamped("1", 0, "another", 3), listings) == (None, at(3))
    again = read((12, [a_version("1", 0, stamps=(stamp,))]), after=listings)
    assert bounded(a_stamped("1", 0, tag, 3), again) == (at(5), at(9))


def test_models__a_stamp_written_afterwards_narrows_the_bounds_that_earlier_runs_found_and_no_more() -> None:
    tag = "flowjoy.deployed_at"
    stamps = {hours: f"{tag}={iso(at(hours))}" for hours in (3, 6, 9, 12)}
    listings = read((5, []), (9, [a_version("2", 3)]), (12, [a_version("2", 3, stamps=tuple(stamps.values()))]))
    bounded_before = replace(a_registered("2", 3), not_before=at(5), shipped_at=at(9))
    looks = tuple(AliasObservation(model=MODEL, signal=SIGNAL, at=at(hours)) for hours in (5, 9))
    looks = (looks[0], replace(looks[1], version="2", registered_at=at(3)))
    for memory, signal in ((Records(models=(bounded_before,)), "registered"), (Records(observations=looks), SIGNAL)):
        settled = settled_bounds(memory, signal)
        shown = {
            hours: models_no_earlier([a_stamped("2", 3, tag, hours)], listings, settled)[0] for hours in (3, 6, 9, 12)
        }
        assert {hours: (ship.not_before, ship.shipped_at) for hours, ship in shown.items()} == {
            3: (at(9), at(12)),
            6: (None, at(6)),
            9: (None, at(9)),
            12: (None, at(12)),
        }


def test_models__a_stamp_that_an_earlier_run_believed_is_believed() -> None:
    tag = "flowjoy.deployed_at"
    ship = a_stamped("2", 3, tag, 6)
    listings = read((9, [a_version("2", 3)]), (12, [a_version("2", 3, stamps=(f"{tag}={iso(at(6))}",))]))
    assert models_no_earlier([ship], listings, settled_bounds(Records(), SIGNAL))[0].not_before == at(9)
    assert models_no_earlier([ship], listings, settled_bounds(Records(models=(ship,)), SIGNAL)) == (ship,)


def test_bounds__of_an_alias_are_those_between_two_versions_of_one_model() -> None:
    looks = [
        AliasObservation(model=model, signal="alias:production", at=at(hours), version=version, registered_at=at(0))
        for model, hours, version in ((MODEL, 1, "1"), (MODEL, 4, "2"), ("ranker", 2, "7"))
    ]
    assert settled_bounds(Records(observations=tuple(looks)), SIGNAL) == {
        f"{MODEL}/2@{iso(at(0))}": [(at(1), at(4))],
    }


def test_models__a_stamp_written_after_the_registration_and_before_the_next_run_is_exact() -> None:
    tag = "flowjoy.deployed_at"
    listings = read((5, []), (6, [a_version("1", 5.9)]), (9, [a_version("1", 5.9, stamps=(f"{tag}={iso(at(6.5))}",))]))
    assert bounded(a_stamped("1", 5.9, tag, 6.5), listings) == (None, at(6.5))


def test_models__a_stamp_that_is_moved_to_an_earlier_time_is_another_stamp() -> None:
    tag = "flowjoy.deployed_at"
    stamps = [(f"{tag}={iso(at(hours))}",) for hours in (8, 3)]
    listings = read((9, [a_version("1", 0, stamps=stamps[0])]), (12, [a_version("1", 0, stamps=stamps[1])]))
    assert bounded(a_stamped("1", 0, tag, 3), listings) == (at(9), at(12))


def test_models__whose_stamps_the_ledger_did_not_keep_are_as_they_say() -> None:
    """A ledger of an older FlowJoy, which bounds versions only."""
    old = Listings(without={"model:recommender": at(5), "recommender/1@2024-06-03T09:00:00Z": EARLIEST}, first={})
    stamp = f"prod={iso(at(3))}"
    now = read((9, [a_version("1", 0, stamps=(stamp,))]), after=old)
    assert bounded(a_stamped("1", 0, "prod", 3), now) == (None, at(3))
    assert now.first["recommender/1@2024-06-03T09:00:00Z"] == at(5)


def test_models__observed_ones_have_bounds_already() -> None:
    observed = a_ship(0, "1", registered_at=at(0), precision=Precision.OBSERVED)
    assert bounded(observed, read((5, []), (9, [a_version("1", 0)]))) == (None, at(0))


def test_listings__the_same_number_registered_at_another_time_is_another_version() -> None:
    listings = read((5, [a_version("1", 0)]), (9, [a_version("1", 3)]))
    assert bounded(a_registered("1", 3), listings) == (at(5), at(9))


def test_listings__of_a_model_that_is_read_for_the_first_time_bound_nothing_and_those_of_others_stay() -> None:
    known = NOTHING.read(["ranker"], [a_version("1", 0, "ranker")], at(5))
    both = known.read([MODEL], [a_version("1", 0)], at(9))
    assert bounded(a_registered("1", 0), both) == (None, at(0))
    assert known.without.items() <= both.without.items()
    assert known.first.items() <= both.first.items()
    assert known.read([], [], at(9)) == known


def test_listings__an_empty_reading_is_a_reading() -> None:
    listings = read((5, []), (9, [a_version("1", 0)]))
    assert bounded(a_registered("1", 0), listings) == (at(5), at(9))
