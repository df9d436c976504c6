"""Clocks that began at an unknown time: a release whose tag was moved, or that was promoted, between two runs.

Its obligations are judged at each start that could change the outcome.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np

from flowjoy.analysis.event_columns import EARLIEST, TS
from flowjoy.analysis.promise.columns import Columns
from flowjoy.analysis.promise.microseconds import Micros
from flowjoy.domain import Obligation, Status
from flowjoy.domain.timestamps import iso

UNKNOWN_TIMES = {"start": "latest", "cancelled": "cancelled_latest", "previous": "previous_latest"}
"""The columns with the earliest time of a release, of the rollback that ends it and of the release before it, each with
the column of the latest time."""

IS_UNSURE = "is_unsure"
"""The column that says whether any of these times is unknown."""


def at_each_start(deploys: Columns, acts: Columns, clock: int) -> Columns:
    """Return the deploys, one row for each combination of times that could change the outcome; the earliest first."""
    if not deploys[IS_UNSURE].any():
        return deploys
    near = np.unique(np.concatenate([acts[EARLIEST], acts[TS]]))
    rows: list[int] = []
    times: list[tuple[int, ...]] = []
    for index in range(len(deploys)):
        bounds = [(int(deploys[first][index]), int(deploys[last][index])) for first, last in UNKNOWN_TIMES.items()]
        starts = _turning_points(*bounds[0], near, clock)
        possible = list(product(starts, *(sorted(set(pair)) for pair in bounds[1:])))
        rows += [index] * len(possible)
        times += possible
    columns = dict(zip(UNKNOWN_TIMES, np.array(times, dtype=np.int64).T, strict=True))
    return deploys.at(np.array(rows, dtype=np.intp)).replaced(columns)


def _turning_points(first: int, last: int, ships: Micros, clock: int) -> list[int]:
    """Return both ends, and each start between them before or after which another ship counts, or is in time."""
    if first == last:
        return [first]
    near = ships[np.searchsorted(ships, first - clock) : np.searchsorted(ships, last + clock, side="right")]
    turning = (near[:, None] + [-clock, 0, clock]).ravel()
    points = np.unique((turning[:, None] + [-1, 0, 1]).ravel())
    return [first, *points[(first < points) & (points < last)].tolist(), last]


def agreed(items: list[Obligation]) -> list[Obligation]:
    """Return one obligation an id: the outcome for all its possible starts, or that it depends on them."""
    if len({item.id for item in items}) == len(items):
        return items
    by_id: defaultdict[str, list[Obligation]] = defaultdict(list)
    for item in items:
        by_id[item.id].append(item)
    return [possible[0] if len(possible) == 1 else _agreed(possible) for possible in by_id.values()]


def _agreed(possible: Sequence[Obligation]) -> Obligation:
    """Return the outcome that is certain; else the first that is due, while none is broken.

    An obligation that is perhaps broken and not closed is unknown. A closed one is undetermined.
    """
    first, last = min(possible, key=_start), max(possible, key=_start)
    statuses = {item.status for item in possible}
    still_open = [item for item in possible if item.is_open]
    if len(statuses) == 1 and not first.is_running:
        return last
    if still_open and Status.BREACHED not in statuses:
        return min(still_open, key=_start)
    status = Status.UNKNOWN if still_open else Status.UNDETERMINED
    return replace(first, status=status, reason=_reason(first, last))


def _start(item: Obligation) -> tuple[float, str]:
    return item.start.timestamp(), repr(item)


def _reason(first: Obligation, last: Obligation) -> str:
    if first.start == last.start:
        return "no run saw when the release before it or its rollback went live; run FlowJoy hourly"
    return f"no run saw when it went live between {iso(first.start)} and {iso(last.start)}; run FlowJoy hourly"
