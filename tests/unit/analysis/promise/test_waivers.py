"""Waivers: what they excuse, from when until when, and which of several is named."""

from __future__ import annotations

from typing import Any

import pytest

from flowjoy.analysis.promise.waivers import LONGEST_WAIVER, apply_waivers, is_void
from flowjoy.domain import Obligation, Status, Waiver
from tests.builders import MODEL, an_obligation, at

SHA, OTHER = "a" * 40, "b" * 40


def a_waiver(until: float = 200, **changes: Any) -> Waiver:
    signed = {"model": MODEL, "sha": "*", "reason": "freeze", "by": "data platform", "seen_at": at(1)}
    return Waiver(**{**signed, "until": at(until), **changes})


def a_breach(**changes: Any) -> Obligation:
    """An obligation of SHA that is due at hour 48 and not shipped."""
    ordinary = {"sha": SHA, "status": Status.BREACHED, "shipped_at": None, "closed_at": None}
    return an_obligation(0, **{**ordinary, **changes})


def a_late_ship(hours: float) -> Obligation:
    return a_breach(status=Status.LATE, shipped_at=at(hours), closed_at=at(hours))


def outcome(item: Obligation, *waivers: Waiver, as_of: float = 60) -> Status:
    return apply_waivers(item, waivers, at(as_of)).status


@pytest.mark.parametrize(
    ("waiver", "status"),
    [
        (a_waiver(), Status.WAIVED),
        (a_waiver(sha=SHA), Status.WAIVED),
        (a_waiver(sha=OTHER), Status.BREACHED),
        (a_waiver(model="ranker"), Status.BREACHED),
        (a_waiver(model="ranker", sha=SHA), Status.BREACHED),
        (a_waiver(standing_for=SHA), Status.WAIVED),
        (a_waiver(standing_for=OTHER), Status.BREACHED),
        (a_waiver(60), Status.WAIVED),
        (a_waiver(59), Status.BREACHED),
    ],
)
def test_waiver__excuses_its_own_model_and_commit_up_to_its_last_second(waiver: Waiver, status: Status) -> None:
    assert outcome(a_breach(), waiver) is status


@pytest.mark.parametrize(("until", "status"), [(54, Status.WAIVED), (53.9, Status.LATE)])
def test_waiver__that_held_when_the_model_shipped_excuses_a_late_ship(until: float, status: Status) -> None:
    assert outcome(a_late_ship(54), a_waiver(until)) is status


def test_waiver__first_seen_after_the_late_ship_excuses_nothing_unless_the_release_carried_it() -> None:
    assert outcome(a_late_ship(54), a_waiver(seen_at=at(55))) is Status.LATE
    assert outcome(a_late_ship(54), a_waiver(seen_at=at(54))) is Status.WAIVED
    assert outcome(a_late_ship(54), a_waiver(seen_at=at(55), standing_for=SHA)) is Status.WAIVED


def test_waiver__of_several_the_one_that_ends_last_is_named() -> None:
    first, last = a_waiver(100, reason="first"), a_waiver(200, reason="last")
    for order in ((first, last), (last, first)):
        assert apply_waivers(a_breach(), order, at(60)).waiver == last


@pytest.mark.parametrize(("seen_at", "is_missed"), [(47.9, False), (48, True), (None, True)])
def test_waiver__first_seen_at_or_after_the_deadline_is_a_miss(seen_at: float | None, *, is_missed: bool) -> None:
    waiver = a_waiver(seen_at=None if seen_at is None else at(seen_at))
    assert apply_waivers(a_breach(), [waiver], at(60)).waived_miss is is_missed
    assert not apply_waivers(a_breach(), [a_waiver(seen_at=None, standing_for=SHA)], at(60)).waived_miss


@pytest.mark.parametrize(("ends", "expected"), [((50.0, 55.0), 55.0), ((48.0,), None), ((48.1,), 48.1)])
def test_lapsed__waiver_dates_the_breach_from_its_end(ends: tuple[float, ...], expected: float | None) -> None:
    ended = apply_waivers(a_breach(), [a_waiver(end) for end in ends], at(60)).waiver
    assert (None if ended is None else ended.until) == (None if expected is None else at(expected))
    assert apply_waivers(a_late_ship(59), [a_waiver(end) for end in ends], at(60)).waiver is None


LONGEST = LONGEST_WAIVER.total_seconds() / 3600


def test_void__is_a_waiver_that_ends_more_than_ninety_days_after_it_was_first_seen() -> None:
    for seen_at in (None, at(60), at(61)):
        assert not is_void(a_waiver(60 + LONGEST, seen_at=seen_at), at(60))
        assert is_void(a_waiver(61 + LONGEST, seen_at=seen_at), at(60))


def test_void__stays_so_when_its_end_comes_near() -> None:
    for standing in (None, SHA):
        waiver = a_waiver(2 + LONGEST, seen_at=at(1), standing_for=standing)
        item = apply_waivers(a_breach(start=at(LONGEST - 90), deadline=at(LONGEST - 42)), [waiver], at(LONGEST))
        assert (item.status, "is void" in (item.reason or "")) == (Status.BREACHED, True)


def test_void__is_counted_from_the_release_if_only_its_own_stub_has_the_waiver() -> None:
    for until, status in ((LONGEST, Status.WAIVED), (LONGEST + 1, Status.BREACHED)):
        assert outcome(a_breach(), a_waiver(until, seen_at=None, standing_for=SHA), as_of=LONGEST - 1) is status
