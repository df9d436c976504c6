"""The status of an obligation: when it is at risk, met, late, breached, cancelled or undetermined."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from flowjoy.analysis.event_columns import EARLIEST, PRECISION, TS, VERSION
from flowjoy.analysis.promise.columns import Columns, text_or_none
from flowjoy.analysis.promise.first_ship import ShipBounds
from flowjoy.analysis.promise.microseconds import NEVER, TICK, Micros, to_timestamp, to_timestamps
from flowjoy.domain import Precision, Status

AT_RISK_SHARE = 0.25
"""An obligation with less than this share of its time left is at risk."""


_STATUSES = np.array(list(Status), dtype=object)
_NUMBER = {status: number for number, status in enumerate(Status)}
_UNDETERMINED = _NUMBER[Status.UNDETERMINED]
_IN_ORDER = (Status.CANCELLED, Status.LATE, Status.MET, Status.LATE, Status.BREACHED, Status.AT_RISK)
_NO_SHIP = -1


class Settlement(TypedDict, total=False):
    """The fields of an obligation that describe its outcome so far."""

    status: Status
    version: str | None
    shipped_at: datetime | None
    closed_at: datetime | None
    not_before: datetime | None
    seen_by: datetime | None
    precision: Precision | None


def settle(
    ships: ShipBounds, acts: Columns, deadline: Micros, cancelled: Micros, *, now: int, clock: int
) -> list[Settlement]:
    """Return how each obligation stands at `now`.

    `ships` are the bounds of the ship that meets each, with indices into `acts`. An obligation whose status depends on
    when the ship happened within its bounds is undetermined. `cancelled`: the rollback of each release, else NEVER.
    """
    at_earliest = _statuses(ships.earliest, deadline, cancelled, now, clock)
    at_latest = _statuses(ships.latest, deadline, cancelled, now, clock)
    undetermined = at_earliest != at_latest
    rolled_back = (cancelled < ships.latest) & ~undetermined
    by = np.where(undetermined, ships.earliest_index, np.where(rolled_back, _NO_SHIP, ships.latest_index))
    status = _STATUSES[np.where(undetermined, _UNDETERMINED, at_latest)]
    by_ship = [*_by_ship(acts), Settlement()]  # the last one is that of no ship
    settled = [by_ship[ship].copy() for ship in by]
    for settlement, known in zip(settled, status, strict=True):
        settlement["status"] = known
    for index in np.flatnonzero(rolled_back):
        settled[index]["closed_at"] = to_timestamp(cancelled[index])
    return settled


def _by_ship(acts: Columns) -> list[Settlement]:
    """Return for each model event what it settles in an obligation that it meets."""
    rows = zip(acts[VERSION], to_timestamps(acts[TS]), to_timestamps(acts[EARLIEST]), acts[PRECISION], strict=True)
    return [
        Settlement(
            version=text_or_none(version),
            shipped_at=shipped,
            closed_at=shipped,
            not_before=earliest - TICK if earliest < shipped else None,
            seen_by=shipped if earliest < shipped else None,
            precision=Precision(precision),
        )
        for version, shipped, earliest, precision in rows
    ]


def _statuses(met: Micros, deadline: Micros, cancelled: Micros, now: int, clock: int) -> npt.NDArray[np.intp]:
    """Return the statuses if the ships happened at `met`, as numbers in `_STATUSES`.

    A rollback strictly before the ship ends the obligation.
    """
    rolled_back = cancelled < met
    shipped = met != NEVER
    left = deadline - now
    return np.select(
        [
            rolled_back & (cancelled <= deadline),
            rolled_back,
            shipped & (met <= deadline),
            shipped,
            left < 0,
            left < AT_RISK_SHARE * clock,
        ],
        [_NUMBER[status] for status in _IN_ORDER],
        default=_NUMBER[Status.PENDING],
    )
