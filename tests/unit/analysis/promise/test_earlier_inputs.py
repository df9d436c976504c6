"""A breach that the inputs of a run no longer show stays one until it ends by a ship, a waiver or a later begin."""

from __future__ import annotations

from typing import Any

import pytest

from flowjoy.analysis.promise.earlier_inputs import with_owed_before
from flowjoy.analysis.timeline import timeline
from flowjoy.domain import ModelRecord, Obligation, Status, Waiver
from tests.builders import a_bundle, a_ship, an_obligation, at

OWED = an_obligation(0, status=Status.BREACHED, sha="a" * 40)
WAIVER = Waiver(model="recommender", sha="*", reason="freeze", by="ops", until=at(500), seen_at=at(90))


def owed(
    *ships: ModelRecord, judged: tuple[Obligation, ...] = (), waivers: tuple[Waiver, ...] = (), **changes: Any
) -> list[Obligation]:
    item = an_obligation(0, **{"status": Status.BREACHED, "sha": "a" * 40, **changes})
    bundle = a_bundle(models=ships, owed_before={item.id: item}, until=at(100))
    every = with_owed_before(bundle, judged, timeline((), ships, service="", until=at(100)), waivers)
    return [item for item in every if item not in judged]


def test_breach__stays_one() -> None:
    assert [item.status for item in owed()] == [Status.BREACHED]
    assert [item.status for item in owed(status=Status.UNKNOWN)] == [Status.BREACHED]


def test_breach__that_this_run_judges_itself_is_not_counted_twice() -> None:
    assert owed(judged=(OWED,)) == []
    assert len(owed(judged=(an_obligation(5, sha="b" * 40), an_obligation(0, sha="a" * 40, model="ranker")))) == 1


def again(hours: float, status: Status = Status.PENDING, ended: float | None = None, **changes: Any) -> Obligation:
    """What this run judges of the same commit."""
    shipped = None if ended is None or status is Status.CANCELLED else at(ended)
    closed = None if ended is None else at(ended)
    return an_obligation(
        hours, **{"status": status, "sha": "a" * 40, "shipped_at": shipped, "closed_at": closed, **changes}
    )


@pytest.mark.parametrize(
    ("judged", "stays"),
    [
        (again(0, Status.BREACHED), False),
        (again(-5, Status.BREACHED), False),
        (again(-5, Status.MET, 20), False),
        (again(45), True),  # a younger clock
        (again(-100, Status.MET, -90), True),  # an earlier stretch in which the commit was live
        (again(45, Status.MET, 47), False),  # a ship that the earlier inputs did not show
        (again(0, Status.CANCELLED, 24), True),  # a rollback in time that no run saw then
        (again(0, Status.LATE, 60), False),
    ],
)
def test_breach__is_judged_by_a_clock_that_began_no_later_or_that_a_ship_closed(
    judged: Obligation, *, stays: bool
) -> None:
    assert [item.status for item in owed(judged=(judged,))] == [Status.BREACHED] * stays


def test_breach__replaces_a_younger_clock_of_its_own_deployment() -> None:
    younger = again(45, id=OWED.id)
    assert owed(judged=(younger,)) == [OWED]


def test_breach__of_a_deployment_without_a_commit_is_judged_by_that_deployment_alone() -> None:
    """A file of bare times."""
    assert len(owed(sha=None, judged=(again(-5, sha=None),))) == 1
    assert owed(sha=None, judged=(again(0, Status.BREACHED, sha=None),)) == []


def test_breach__that_was_late_stays_late_beside_a_younger_clock() -> None:
    late = owed(a_ship(60, "3"), judged=(again(45, Status.MET, 60),))
    assert [item.status for item in late] == [Status.LATE]
    assert [item.status for item in owed(status=Status.LATE)] == [Status.LATE]


@pytest.mark.parametrize(
    ("requires", "version", "status"),
    [
        ("any", "3", Status.LATE),
        ("3", "3", Status.LATE),
        ("4", "3", Status.BREACHED),
        (">=3", "3", Status.LATE),
        (">=4", "3", Status.BREACHED),
    ],
)
def test_breach__is_late_once_a_version_that_it_needs_ships(requires: str, version: str, status: Status) -> None:
    (item,) = owed(a_ship(60, version), requires=requires)
    late = status is Status.LATE
    assert (item.status, item.shipped_at, item.version) == (status, at(60) if late else None, version if late else None)


def test_breach__is_not_ended_by_a_ship_before_its_deadline_or_by_another_model() -> None:
    """A run that knew the ship found the breach all the same."""
    assert [item.status for item in owed(a_ship(5, "3"), a_ship(60, "4", model="ranker"))] == [Status.BREACHED]


def test_breach__is_waived_as_any_other() -> None:
    (item,) = owed(waivers=(WAIVER,))
    assert (item.status, item.waived_miss) == (Status.WAIVED, True)
