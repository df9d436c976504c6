"""An obligation whose clock began at an unknown time is judged at each time that could change the outcome."""

from __future__ import annotations

from datetime import datetime

import pytest

from flowjoy.analysis.promise.obligations import PromiseTerms, obligations
from flowjoy.analysis.timeline import timeline
from flowjoy.domain import CodeRecord, ModelDependencies, ModelRecord, Obligation, Requirement, Rule, Status, Waiver
from tests.builders import MODEL, SERVICE, a_deploy, a_ship, at

A, B, C = "a" * 40, "b" * 40, "c" * 40


def owed(
    *ships: float,
    now: float,
    seen_by: float = 200,
    requirement: Requirement | None = None,
    waivers: tuple[Waiver, ...] = (),
) -> Obligation:
    """What B owes, which went live between hour 0 and `seen_by`; the versions shipped then."""
    code = [a_deploy(-500, A), a_deploy(0, B, seen_by=at(seen_by))]
    models = [a_ship(hours, version=str(number)) for number, hours in enumerate((-499.0, *ships), 1)]
    return judged(code, models, now, requirement, waivers)


def judged(
    code: list[CodeRecord],
    models: list[ModelRecord],
    now: float,
    requirement: Requirement | None = None,
    waivers: tuple[Waiver, ...] = (),
) -> Obligation:
    events = timeline(code, models, service=SERVICE, until=at(now))
    dependence = ModelDependencies(default=(requirement or Requirement(model=MODEL),), waivers=waivers)
    items = obligations(events, dependence, PromiseTerms(sla_hours=48, as_of=at(now)))
    assert len({item.id for item in items}) == len(items)
    return next(item for item in items if item.sha == B)


@pytest.mark.parametrize(
    ("now", "status", "start"),
    [
        (30, Status.PENDING, 0),
        (48, Status.AT_RISK, 0),
        (49, Status.UNKNOWN, 0),
        (248, Status.UNKNOWN, 0),
        (249, Status.BREACHED, 200),
    ],
)
def test_clock__runs_from_the_earliest_start_and_is_broken_after_the_latest(
    now: float, status: Status, start: float
) -> None:
    item = owed(now=now)
    assert (item.status, item.start) == (status, at(start))


def test_reason__names_both_ends_and_the_cure() -> None:
    between = "2024-06-03T09:00:00Z and 2024-06-11T17:00:00Z"
    assert owed(now=49).reason == f"no run saw when it went live between {between}; run FlowJoy hourly"


@pytest.mark.parametrize(
    ("ships", "seen_by", "status"),
    [
        ((20,), 60, Status.MET),
        ((20,), 68, Status.MET),
        ((20, 100), 68.1, Status.MET),
        ((20, 120), 68.1, Status.UNDETERMINED),  # nothing shipped for the start at 68.1 until 120
        ((48,), 20, Status.MET),
        ((48.1,), 20, Status.UNDETERMINED),  # late for the start at 0
        ((100,), 20, Status.LATE),
        ((10, 190), 200, Status.UNDETERMINED),  # met at both ends; late for a start at 100
        ((10, 100, 190), 200, Status.MET),
    ],
)
def test_ship__closes_it_as_one_thing_only_if_it_does_for_every_start(
    ships: tuple[float, ...], seen_by: float, status: Status
) -> None:
    assert owed(*ships, now=400, seen_by=seen_by).status is status


def test_pin__that_is_live_is_met_whenever_the_clock_began() -> None:
    assert owed(now=400, requirement=Requirement(model=MODEL, rule=Rule.EXACT, version="1")).status is Status.MET


def test_waiver__that_holds_excuses_what_is_perhaps_broken() -> None:
    waiver = Waiver(model=MODEL, sha="*", reason="x", by="x", until=at(120), seen_at=at(1))
    assert owed(now=100, waivers=(waiver,)).status is Status.WAIVED
    assert owed(now=130, waivers=(waiver,)).status is Status.UNKNOWN


@pytest.mark.parametrize(
    ("seen_by", "status"), [(40, Status.CANCELLED), (60, Status.UNDETERMINED)], ids=["before the deadline", "perhaps"]
)
def test_rollback__at_an_unknown_time_cancels_only_if_it_was_in_time_for_certain(
    seen_by: float, status: Status
) -> None:
    code = [a_deploy(-500, A), a_deploy(0, B), a_deploy(20, A, seen_by=at(seen_by))]
    assert judged(code, [a_ship(-499)], 100).status is status


@pytest.mark.parametrize(
    ("seen_by", "status"), [(55, Status.MET), (70, Status.UNKNOWN)], ids=["before the ship", "perhaps after it"]
)
def test_ship__with_the_code_counts_only_if_it_came_after_the_release_before_for_certain(
    seen_by: float, status: Status
) -> None:
    code = [a_deploy(-500, A), a_deploy(0, C, seen_by=at(seen_by)), a_deploy(71, B)]
    assert judged(code, [a_ship(-499, version="1"), a_ship(60, version="2")], 400).status is status


def test_certain_times__are_judged_as_before() -> None:
    times: list[datetime] = [owed(now=49, seen_by=0).start, owed(now=49, seen_by=0).deadline]
    assert (owed(now=49, seen_by=0).status, times) == (Status.BREACHED, [at(0), at(48)])
