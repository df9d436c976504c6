"""The layout of the promise chart: the lane and row of each obligation, and the weeks shown as cells.

Obligations that ended before the window are not drawn or counted. The horizontal unit is days since the start of the
part in detail, the vertical unit is points.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flowjoy.domain import Obligation, Status, Window

RUNNING, UNJUDGED = "running", "not judged"
KINDS = {Status.PENDING: RUNNING, Status.AT_RISK: RUNNING, Status.UNDETERMINED: UNJUDGED, Status.UNKNOWN: UNJUDGED}
KINDS |= {kind: kind.value for kind in (Status.MET, Status.LATE, Status.BREACHED, Status.WAIVED, Status.CANCELLED)}
COUNTED, REST = ("met", "late", RUNNING, "breached"), ("waived", "cancelled", UNJUDGED)
JAM = ("breached", "late", RUNNING)  # lanes are sorted by these counts
DETAILED, WITHOUT_CELLS = 4, 13  # weeks in detail beside cells; maximum weeks of a chart without cells
LANES, ROWS = 12, 6  # maximum lanes; maximum rows of a lane at full height
HEAD, FOOT, EDGE, LEFT, WIDE = 76.0, 44.0, 7.0, 108.0, 446.0  # points: margins of the plot, and its width
CELLS, BETWEEN = 204.0, 16.0  # points: width of all cells, and from them to the part in detail
MIN_HEIGHT, MAX_HEIGHT = 3 * 72 - HEAD - FOOT, 9 * 72 - HEAD - FOOT  # points of height
UNIT, THICKEST, THINNEST = 10.0, 20.0, 1.8  # points per row: default, maximum, minimum
GAP, THIN = 1.2, 2.7  # points: between neighbours in a row; minimum width of a bar with its gap
PAD, RAIL, MORE, COLUMNS = 7.0, 19.0, 14.0, 400


@dataclass(frozen=True, kw_only=True)
class Ship:
    """A version of `model` that shipped at `at`; with `not_before`, somewhere in (`not_before`, `at`]."""

    model: str
    version: str | None
    at: datetime
    not_before: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The time axis: days since `since`, up to `reach`, with the run at `now`, in `wide` points from `left`.

    `cells`: the bounds of the weeks before it that are shown as cells, oldest first; empty without cells.
    """

    since: datetime
    now: float
    reach: float
    cells: tuple[datetime, ...] = ()

    def day(self, timestamp: datetime) -> float:
        """Return the position of a timestamp on the axis."""
        return (timestamp - self.since) / timedelta(days=1)

    @property
    def left(self) -> float:
        """The left end of the axis in points of the figure."""
        return LEFT + (CELLS + BETWEEN if self.cells else 0)

    @property
    def wide(self) -> float:
        """The width of the axis in points."""
        return LEFT + WIDE - self.left

    @property
    def point(self) -> float:
        """The width of one point in days."""
        return self.reach / self.wide


@dataclass(frozen=True, kw_only=True, order=True)
class Bar:
    """One obligation on the axis: from `start` to `end`, with another look from `turn` on.

    `turn`: the ship that kept the promise, the run for a clock that runs, or the deadline that was missed.
    """

    start: float
    end: float
    turn: float
    kind: str


@dataclass(frozen=True, kw_only=True)
class Lane:
    """One model: how many obligations of each kind, its bars with the row of each, its ships, and the rows (`deep`).

    `cells`: per week before the part in detail, the obligations by kind; `shipped`: the ships.
    """

    model: str
    kinds: Counter[str]
    bars: tuple[Bar, ...]
    rows: tuple[int, ...]
    ships: tuple[Ship, ...]
    deep: int
    cells: tuple[Counter[str], ...] = ()
    shipped: tuple[int, ...] = ()


def scale_of(obligations: Sequence[Obligation], window: Window) -> Scale:
    """Return an axis of at least a week up to the last deadline, at most half as long again as the past."""
    week, day = timedelta(days=7), timedelta(days=1)
    first = window.since.astimezone(ZoneInfo(window.timezone))
    before = window.weeks - DETAILED if window.weeks > WITHOUT_CELLS else 0
    # Local arithmetic: a week in which clocks change is not 168 hours long.
    bounds = tuple((first + n * week).astimezone(UTC) for n in range(before + 1))
    since = bounds[-1]
    far = window.until + max(week, (window.until - since) / 2)
    due = [min(item.deadline, far) for item in obligations if item.status in KINDS]
    reach = 1.01 * (max([window.until, since + week, *due]) - since) / day
    return Scale(since=since, now=(window.until - since) / day, reach=reach, cells=bounds if before else ())


def lanes_of(
    obligations: Sequence[Obligation], ships: Sequence[Ship], scale: Scale, as_of: datetime
) -> tuple[Lane, ...]:
    """Return one lane per model with an obligation, those with the most misses first."""
    begin = scale.day(scale.cells[0]) if scale.cells else 0.0
    owed: dict[str, list[Bar]] = {}
    for item in obligations:
        bar = bar_of(item, scale, as_of)
        if bar is not None and bar.end >= begin and bar.start <= scale.reach:
            owed.setdefault(item.model, []).append(bar)
    shipped: dict[str, list[Ship]] = {}
    for ship in sorted(set(ships), key=lambda ship: (ship.at, repr(ship))):
        if begin <= scale.day(ship.at) <= scale.reach:
            shipped.setdefault(ship.model, []).append(ship)
    lanes = [lane_of(model, sorted(bars), shipped.get(model, []), scale) for model, bars in owed.items()]
    return tuple(sorted(lanes, key=lambda lane: (*(-lane.kinds[kind] for kind in JAM), lane.model)))


def bar_of(item: Obligation, scale: Scale, as_of: datetime) -> Bar | None:
    """Return the obligation as a bar; None for a status without an obligation."""
    kind = KINDS.get(item.status)
    if kind is None:
        return None
    start, deadline = scale.day(item.start), scale.day(item.deadline)
    closed = item.shipped_at or item.closed_at
    end = max(deadline, scale.day(closed or as_of)) if kind in ("late", "breached") else deadline
    # Without the time of the ship, the window of a kept promise is all pale: nothing was seen to wait.
    turns = {"met": scale.day(closed or item.start), RUNNING: scale.now, "late": deadline, "breached": deadline}
    return Bar(start=start, end=end, turn=min(max(turns.get(kind, end), start), end), kind=kind)


def lane_of(model: str, bars: Sequence[Bar], ships: Sequence[Ship], scale: Scale) -> Lane:
    """Return the lane of one model: bars and ships in detail, and the counts of the weeks before."""
    bounds = [scale.day(bound) for bound in scale.cells]
    cells, shipped = [Counter[str]() for _ in bounds[1:]], [0] * len(bounds[1:])
    for bar in bars:
        if bounds and bar.start < 0:
            cells[max(bisect_right(bounds, bar.start) - 1, 0)][bar.kind] += 1
    for ship in ships:
        if bounds and (day := scale.day(ship.at)) < 0:
            shipped[bisect_right(bounds, day) - 1] += 1
    shown = [bar for bar in bars if bar.end >= 0]
    rows = pack((bar.start, max(bar.end, bar.start + THIN * scale.point)) for bar in shown)
    return Lane(
        model=model,
        kinds=Counter(bar.kind for bar in bars),
        bars=tuple(shown),
        rows=tuple(rows),
        ships=tuple(ship for ship in ships if scale.day(ship.at) >= 0),
        deep=max(rows, default=0) + 1,
        cells=tuple(cells),
        shipped=tuple(shipped),
    )


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
