"""Which releases' checks a run brings up to date, from what earlier runs remember of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from flowjoy.analysis.promise.settled_releases import due, updated
from flowjoy.analysis.results import analyse
from flowjoy.domain import CodeRecord
from flowjoy.domain.bundle import Bundle
from tests.builders import a_bundle, a_deploy, a_ship, at

A, B = "a" * 40, "b" * 40
DAY = 24


def a_run(
    hours: float,
    *,
    ships: Sequence[float] = (),
    code: Sequence[CodeRecord] = (),
    before: Mapping[str, datetime] | None = None,
    first: float = 0,
) -> Bundle:
    bundle = a_bundle(code or [a_deploy(0, A)], [a_ship(ship, "7") for ship in ships], until=at(hours))
    return replace(bundle, checks_settled=before or {}, first_trusted_at=at(first))


def listed(bundle: Bundle, *written: str) -> dict[str, datetime]:
    return dict(updated(bundle, analyse(bundle).obligations, written))


def many(count: int) -> list[CodeRecord]:
    return [a_deploy(number / 10, f"{number:040x}") for number in range(1, count + 1)]


def test_release__whose_clock_runs_is_not_settled() -> None:
    assert listed(a_run(47)) == {}


@pytest.mark.parametrize(("ships", "status"), [((), "breached"), ((1,), "met"), ((50,), "late")])
def test_release__is_brought_up_to_date_once_it_is_settled_however_late_the_run_is(
    ships: Sequence[float], status: str
) -> None:
    late = 300 * DAY
    first = listed(a_run(late, ships=ships))
    assert first == {f"{A} {status}": at(late)}
    assert due(first, at(late)) == [A]


def test_release__is_looked_at_again_for_a_fortnight_and_then_left_alone() -> None:
    first = listed(a_run(49))
    again = listed(a_run(49 + 14 * DAY, before=first))
    assert again == first
    assert due(again, at(49 + 14 * DAY)) == [A]
    assert due(again, at(50 + 14 * DAY)) == []


def test_release__that_is_settled_otherwise_is_brought_up_to_date_again() -> None:
    first = listed(a_run(49))
    later = 100 * DAY
    changed = listed(a_run(later, ships=(later - 1,), before=first))
    assert changed == {f"{A} late": at(later)}


def test_release__whose_check_shows_the_service_waits_for_a_later_run() -> None:
    assert listed(a_run(49), A) == {}
    first = listed(a_run(50))
    assert listed(a_run(51, before=first), A) == {}
    assert listed(a_run(60 * DAY)) == {f"{A} breached": at(60 * DAY)}


@pytest.mark.parametrize(("first", "is_listed"), [(60 + 14 * DAY, True), (61 + 14 * DAY, False)])
def test_release__that_was_settled_a_fortnight_before_the_first_trusted_run_is_left_alone_unless_it_is_overdue(
    first: float, *, is_listed: bool
) -> None:
    assert bool(listed(a_run(40 * DAY, first=first, ships=(60,)))) is is_listed
    assert listed(a_run(40 * DAY, first=first))


def test_releases__of_which_more_than_forty_wait_are_taken_by_the_next_runs_newest_first() -> None:
    code, seen = many(90), dict[str, datetime]()
    for hours, count, newest in ((100, 40, 90), (101, 80, 50), (102, 90, 10), (103, 90, None)):
        bundle = a_run(hours, ships=(99,), code=code, before=seen)
        seen = listed(bundle)
        new = [key for key, when in seen.items() if when == at(hours)]
        assert len(seen) == count
        assert newest is None or f"{newest:040x} late" in new
        assert len(due(seen, at(hours))) == 40
        assert {key.partition(" ")[0] for key in new} <= set(due(seen, at(hours)))
        # The sink asks again after the bundle was written.
        assert listed(replace(bundle, checks_settled=seen)) == seen


def test_release__with_several_models_is_settled_when_no_clock_of_it_runs() -> None:
    for hours, expected in ((10, {}), (49, {f"{A} breached met": at(49)})):
        bundle = a_bundle(
            [a_deploy(0, A)], [a_ship(1, "7")], until=at(hours), terms={"models": ("recommender", "ranker")}
        )
        assert listed(replace(bundle, first_trusted_at=at())) == expected


def test_checks__of_more_than_forty_releases_are_read_again_in_turn() -> None:
    checks = {f"{number:040x} met": at(1) for number in range(100)} | {f"{A} late": at(5)}
    read = [due(checks, at(hours)) for hours in (5, 6, 7, 8)]
    assert {len(shas) for shas in read} == {40}
    assert read[0][0] == A
    assert {sha for shas in read for sha in shas} == {key.partition(" ")[0] for key in checks}
