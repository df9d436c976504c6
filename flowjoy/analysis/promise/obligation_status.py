"""The status of an obligation: when it is at risk, met, late, breached, cancelled or undetermined."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

import numpy as np

from flowjoy.analysis.event_columns import EARLIEST, PRECISION, TS, VERSION
from flowjoy.analysis.promise.columns import Columns, text_or_none
from flowjoy.analysis.promise.first_ship import ShipBounds
from flowjoy.analysis.promise.microseconds import NEVER, TICK, Micros, to_timestamp
from flowjoy.domain import Precision, Status

AT_RISK_SHARE = 0.25
"""An obligation with less than this share of its time left is at risk."""


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
    rolled_back = (cancelled < ships.latest) & (cancelled != NEVER)
    by_ship = _by_ship(acts)
    settled: list[Settlement] = []
    for index, (earliest, latest) in enumerate(zip(at_earliest, at_latest, strict=True)):
        if earliest != latest:
            settled.append(_with_status(by_ship[ships.earliest_index[index]], Status.UNDETERMINED))
        elif rolled_back[index]:
            settled.append(Settlement(status=Status(latest), closed_at=to_timestamp(cancelled[index])))
        elif ships.latest_index[index] < 0:
            settled.append(Settlement(status=Status(latest)))
        else:
            settled.append(_with_status(by_ship[ships.latest_index[index]], Status(latest)))
    return settled


def _with_status(settlement: Settlement, status: Status) -> Settlement:
    settlement = settlement.copy()
    settlement["status"] = status
    return settlement


def _by_ship(acts: Columns) -> list[Settlement]:
    """Return for each model event what it settles in an obligation that it meets."""
    rows = zip(acts[VERSION], acts[TS], acts[EARLIEST], acts[PRECISION], strict=True)
    return [
        Settlement(
            version=text_or_none(version),
            shipped_at=to_timestamp(shipped),
            closed_at=to_timestamp(shipped),
            not_before=to_timestamp(earliest) - TICK if earliest < shipped else None,
            seen_by=to_timestamp(shipped) if earliest < shipped else None,
            precision=Precision(precision),
        )
        for version, shipped, earliest, precision in rows
    ]


def _statuses(met: Micros, deadline: Micros, cancelled: Micros, now: int, clock: int) -> list[str]:
    """Return the statuses if the ships happened at `met`. A rollback strictly before the ship ends the obligation."""
    rolled_back = cancelled < met
    shipped = met != NEVER
    left = deadline - now
    statuses: list[str] = np.select(
        [
            rolled_back & (cancelled <= deadline),
            rolled_back,
            shipped & (met <= deadline),
            shipped,
            left < 0,
            left < AT_RISK_SHARE * clock,
        ],
        [Status.CANCELLED, Status.LATE, Status.MET, Status.LATE, Status.BREACHED, Status.AT_RISK],
        default=Status.PENDING,
    ).tolist()
    return statuses
