"""What a run saw that had not happened yet bounds the times that sources give later."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from flowjoy.domain import CodeRecord, ModelVersion, Outcome, Precision
from flowjoy.domain.timestamps import EARLIEST
from flowjoy.ledger.not_yet import code_no_earlier, code_not_yet, listings, models_no_earlier, models_not_yet
from tests.builders import MODEL, a_deploy, a_ship, at

A, B = "a" * 40, "b" * 40


def a_listed(version: str, *, ready: bool = True) -> ModelVersion:
    return ModelVersion(name=MODEL, version=version, ready=ready)


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


def test_code__that_waits_is_bounded_by_now_and_other_kinds_are_dropped() -> None:
    known = {"release:2": at(1), "model:recommender/1": at(1)}
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


def test_models__that_did_not_ship_are_bounded_by_now() -> None:
    ships, listed = [a_ship(0, version="1")], [a_listed("1"), a_listed("2"), a_listed("3", ready=False)]
    known = {"model:recommender/1": at(2), "release:1": at(1)}
    assert models_not_yet(known, ships, listed, at(9)) == {
        "model:recommender/1": at(2),
        "model:recommender/2": at(9),
        "model:recommender/3": at(9),
    }


def test_models__ship_no_earlier_than_their_bound_except_observed_ones() -> None:
    exact, later = a_ship(0, id="model:recommender/1"), a_ship(8, id="model:recommender/2")
    observed = a_ship(0, id="model:recommender/3", precision=Precision.OBSERVED)
    known = {record.id: at(5) for record in (exact, later, observed)}
    shown = models_no_earlier([exact, later, observed], known, {})
    assert [record.shipped_at for record in shown] == [at(5), at(8), at(0)]


def a_registered(version: str, hours: float, model: str = MODEL) -> ModelVersion:
    return ModelVersion(name=model, version=version, ready=True, registered_at=at(hours))


def test_listings__a_version_that_the_last_reading_did_not_list_ships_no_earlier_than_that() -> None:
    first = listings({}, [MODEL], [a_registered("1", 0)], at(5))
    then = listings(first, [MODEL], [a_registered("1", 0), a_registered("2", 3), a_registered("3", 7)], at(9))
    ships = [a_ship(hours, number, registered_at=at(hours)) for number, hours in (("1", 0), ("2", 3), ("3", 7))]
    assert [record.shipped_at for record in models_no_earlier(ships, {}, then)] == [at(0), at(5), at(7)]
    assert listings(then, [MODEL], [a_registered("2", 3)], at(12)) == {
        "recommender/2@2024-06-03T12:00:00Z": at(5),
        "model:recommender": at(12),
    }


def test_listings__the_same_number_registered_at_another_time_is_another_version() -> None:
    first = listings({}, [MODEL], [a_registered("1", 0)], at(5))
    then = listings(first, [MODEL], [a_registered("1", 3)], at(9))
    (shown,) = models_no_earlier([a_ship(3, "1", registered_at=at(3))], {}, then)
    assert shown.shipped_at == at(5)


def test_listings__of_a_model_that_is_read_for_the_first_time_bound_nothing_and_those_of_others_stay() -> None:
    known = listings({}, ["ranker"], [a_registered("1", 0, "ranker")], at(5))
    both = listings(known, [MODEL], [a_registered("1", 0)], at(9))
    assert both == {**known, "recommender/1@2024-06-03T09:00:00Z": EARLIEST, "model:recommender": at(9)}
    assert listings(known, [], [], at(9)) == known


def test_listings__an_empty_reading_is_a_reading() -> None:
    then = listings(listings({}, [MODEL], [], at(5)), [MODEL], [a_registered("1", 0)], at(9))
    (shown,) = models_no_earlier([a_ship(0, "1", registered_at=at(0))], {}, then)
    assert shown.shipped_at == at(5)
