"""The layout of the promise chart: the lane and row of each obligation.

Obligations that ended before the window are not drawn or counted. The horizontal unit is days since the start of the
window, the vertical unit is points.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from flowjoy.domain import Obligation, Status, Window

RUNNING, UNJUDGED = "running", "not judged"
KINDS = {Status.PENDING: RUNNING, Status.AT_RISK: RUNNING, Status.UNDETERMINED: UNJUDGED, Status.UNKNOWN: UNJUDGED}
KINDS |= {kind: kind.value for kind in (Status.MET, Status.LATE, Status.BREACHED, Status.WAIVED, Status.CANCELLED)}
COUNTED, REST = ("met", "late", RUNNING, "breached"), ("waived", "cancelled", UNJUDGED)
JAM = ("breached", "late", RUNNING)  # lanes are sorted by these counts
LONG_NAME = 14  # characters: longer names are cut
LANES, ROWS = 12, 6  # maximum lanes; maximum rows of a lane at full height
HEAD, FOOT, EDGE, LEFT, WIDE = 74.0, 44.0, 7.0, 108.0, 446.0  # points: margins of the plot, and its width
MIN_HEIGHT, MAX_HEIGHT = 3 * 72 - HEAD - FOOT, 9 * 72 - HEAD - FOOT  # points of height
UNIT, THICKEST, THINNEST = 9.0, 24.0, 1.8  # points per row: default, maximum, minimum
PAD, RAIL, MORE, COLUMNS = 6.0, 10.0, 14.0, 400


@dataclass(frozen=True, kw_only=True)
class Ship:
    """A version of `model` that shipped at `at`; with `not_before`, somewhere in (`not_before`, `at`]."""

    model: str
    version: str | None
    at: datetime
    not_before: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The time axis: days since `since`, up to `reach`, with the run at `now`."""

    since: datetime
    now: float
    reach: float

    def day(self, timestamp: datetime) -> float:
        """Return the position of a timestamp on the axis."""
        return (timestamp - self.since) / timedelta(days=1)

    @property
    def point(self) -> float:
        """The width of one point in days."""
        return self.reach / WIDE


@dataclass(frozen=True, kw_only=True, order=True)
class Bar:
    """One obligation on the axis: from `start` to `deadline`, and to `end` if it ran past the deadline."""

    start: float
    end: float
    deadline: float
    kind: str


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One model: its bars with the row of each, its ships, and the number of rows (`deep`)."""

    model: str
    bars: tuple[Bar, ...]
    rows: tuple[int, ...]
    ships: tuple[Ship, ...]
    deep: int

    @property
    def kinds(self) -> Counter[str]:
        """The number of bars of each kind."""
        return Counter(bar.kind for bar in self.bars)


def scale_of(obligations: Sequence[Obligation], window: Window) -> Scale:
    """Return an axis of at least a week up to the last deadline, at most half as long again as the past."""
    week, day = timedelta(days=7), timedelta(days=1)
    far = window.until + max(week, (window.until - window.since) / 2)
    due = [min(item.deadline, far) for item in obligations if item.status in KINDS]
    until = max([window.until, window.since + week, *due])
    return Scale(since=window.since, now=(window.until - window.since) / day, reach=1.01 * (until - window.since) / day)


def lanes_of(
    obligations: Sequence[Obligation], ships: Sequence[Ship], scale: Scale, as_of: datetime
) -> tuple[Lane, ...]:
    """Return one lane per model with an obligation, those with the most misses first."""
    owed: dict[str, list[Bar]] = {}
    for item in obligations:
        bar = bar_of(item, scale, as_of)
        if bar is not None and bar.end >= 0 and bar.start <= scale.reach:
            owed.setdefault(item.model, []).append(bar)
    shipped: dict[str, list[Ship]] = {}
    for ship in sorted(set(ships), key=lambda ship: (ship.at, repr(ship))):
        if 0 <= scale.day(ship.at) <= scale.reach:
            shipped.setdefault(ship.model, []).append(ship)
    lanes = [lane_of(model, sorted(bars), shipped.get(model, []), 1.5 * scale.point) for model, bars in owed.items()]
    return tuple(sorted(lanes, key=lambda lane: (*(-lane.kinds[kind] for kind in JAM), lane.model)))


def bar_of(item: Obligation, scale: Scale, as_of: datetime) -> Bar | None:
    """Return the obligation as a bar; None for a status without an obligation."""
    kind = KINDS.get(item.status)
    if kind is None:
        return None
    deadline = scale.day(item.deadline)
    missed = item.status in (Status.LATE, Status.BREACHED)
    end = max(deadline, scale.day(item.shipped_at or item.closed_at or as_of)) if missed else deadline
    return Bar(start=scale.day(item.start), end=end, deadline=deadline, kind=kind)


def lane_of(model: str, bars: Sequence[Bar], ships: Sequence[Ship], minimum: float) -> Lane:
    """Return the lane of one model; a bar shorter than `minimum` days takes that much room."""
    rows = pack((bar.start, max(bar.end, bar.start + minimum)) for bar in bars)
    return Lane(model=model, bars=tuple(bars), rows=tuple(rows), ships=tuple(ships), deep=max(rows) + 1)


def distinct_names(names: Sequence[str]) -> list[str]:
    """Return the names; if long ones would look equal once cut in the middle, drop their common prefix."""
    long = sorted({name for name in names if len(name) > LONG_NAME})
    if len({(name[: LONG_NAME // 3], name[-LONG_NAME // 2 :]) for name in long}) == len(long):
        return list(names)
    # A prefix shared by the first and the last in order is shared by all.
    same = list(takewhile(lambda pair: pair[0] == pair[1], zip(long[0], long[-1], strict=False)))
    skip = max((index for index, (sign, _) in enumerate(same, start=1) if sign in "-_./ "), default=0)
    return [f"…{name[skip:]}" if name in long and skip > 1 else name for name in names]


def pack(spans: Iterable[tuple[float, float]]) -> list[int]:
    """Return for each span, ordered by start, the first free row, so that spans in one row never overlap."""
    rows: list[int] = []
    busy: list[tuple[float, int]] = []
    free: list[int] = []
    for start, end in spans:
        while busy and busy[0][0] <= start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        rows.append(heapq.heappop(free) if free else len(busy))
        heapq.heappush(busy, (end, rows[-1]))
    return rows


def heights(lanes: Sequence[Lane]) -> tuple[float, float]:
    """Return the height of the plot, and of one row, in points."""
    rows = sum(min(lane.deep, ROWS) for lane in lanes[:LANES])
    fixed = len(lanes[:LANES]) * (PAD + RAIL) + MORE * (len(lanes) > LANES)
    unit = min(max(UNIT, (MIN_HEIGHT - fixed) / rows), THICKEST, (MAX_HEIGHT - fixed) / rows) if rows else UNIT
    return fixed + rows * unit if rows else MIN_HEIGHT, unit
