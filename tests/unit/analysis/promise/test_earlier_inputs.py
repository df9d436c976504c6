"""A breach that the inputs of a run no longer show stays one until it ends by a ship, a waiver or a later begin."""

from __future__ import annotations

from typing import Any

import pytest

from flowjoy.analysis.promise.earlier_inputs import still_owed
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
    return list(still_owed(bundle, judged, timeline((), ships, service="", until=at(100)), waivers))


def test_breach__stays_one() -> None:
    assert [item.status for item in owed()] == [Status.BREACHED]
    assert [item.status for item in owed(status=Status.UNKNOWN)] == [Status.BREACHED]


def test_breach__that_this_run_judges_itself_is_not_counted_twice() -> None:
    assert owed(judged=(OWED,)) == []
    assert len(owed(judged=(an_obligation(5, sha="b" * 40), an_obligation(0, sha="a" * 40, model="ranker")))) == 1


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
