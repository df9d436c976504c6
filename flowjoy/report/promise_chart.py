"""The promise chart: a lane a model, each release's clock as a bar, ships below. Knows spans and ink, no file or clock.

It judges nothing: statuses come judged. What ended before the window is neither drawn nor counted. Along the axis, time
is days since the window began; downwards, everything is points, so that a row is as thick as it says.
"""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import CARETLEFTBASE, CARETRIGHTBASE
from matplotlib.patches import Patch

from flowjoy.model import Obligation, Window
from flowjoy.report import ink, words
from flowjoy.report.ink import line, plain, style, to_png, to_svg
from flowjoy.report.lanes import (
    COLUMNS,
    COUNTED,
    EDGE,
    FOOT,
    HEAD,
    JAM,
    LANES,
    LEFT,
    MORE,
    PAD,
    RAIL,
    REST,
    ROWS,
    RUNNING,
    THINNEST,
    UNJUDGED,
    WIDE,
    Lane,
    Scale,
    Ship,
    heights,
    lanes_of,
    scale_of,
    told_apart,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.text import Text

__all__ = ["Figure", "Ship", "draw", "to_png", "to_svg"]

OVER = " over"  # a kind's part past its deadline
LOOKS: dict[str, dict[str, Any]] = {  # from what may lie below to what must lie on top
    "cancelled": {"facecolor": "white", "edgecolor": ink.FAINT, "linestyle": (0, (1, 1.5))},
    "met": {"facecolor": ink.PALE_MODEL, "edgecolor": ink.MODEL},
    "waived": {"facecolor": "#e3e3e3", "edgecolor": ink.FAINT, "hatch": "----", "hatchcolor": ink.FAINT},
    UNJUDGED: {"facecolor": "white", "edgecolor": ink.FAINT, "hatch": "....", "hatchcolor": ink.FAINT},
    RUNNING: {"facecolor": ink.PALE_CODE, "edgecolor": ink.CODE, "linestyle": (0, (3, 1.5))},
    "late": {"facecolor": ink.GAP_FILL, "edgecolor": ink.GAP},
    "late" + OVER: {"facecolor": ink.GAP_FILL, "edgecolor": ink.GAP, "hatch": "//////", "hatchcolor": ink.GAP},
    "breached": {"facecolor": ink.MTTR, "edgecolor": ink.MTTR},
    "breached" + OVER: {"facecolor": "white", "edgecolor": ink.MTTR, "hatch": "xxxxxx", "hatchcolor": ink.MTTR},
}
DIAMOND: dict[str, Any] = {"color": ink.INK, "marker": "D", "markerfacecolor": ink.MODEL, "markeredgewidth": 0.7}
PAST: dict[str, Any] = {"facecolor": "white", "edgecolor": ink.INK, "hatch": "//////", "hatchcolor": ink.FAINT}
NEAR, APART = 5.0, 24.0  # points: from a ship to its number; between ships, from which on stems make no thicket


def draw(
    obligations: Sequence[Obligation],
    ships: Sequence[Ship],
    *,
    window: Window,
    as_of: datetime,
    service: str,
    sla_hours: float,
    why_empty: str | None = None,
) -> Figure:
    """Draw what was owed in `window`, the models that jam most first.

    Nothing owed: a frame that says so, or `why_empty` where nobody knows whether anything is.
    """
    scale = scale_of(obligations, window, as_of)
    lanes = lanes_of(obligations, ships, scale, as_of)
    tall, unit = heights(lanes)
    whole = HEAD + tall + FOOT
    with style():
        FigureCanvasAgg(figure := Figure(figsize=(ink.INCHES[0], whole / 72), dpi=ink.DPI))
        promise = f": the {sla_hours:g} h promise, model by model"
        line(figure, 1 - 9 / whole, service, tail=promise, size=13, weight="bold")
        owed = sum((lane.kinds for lane in lanes), Counter[str]())
        line(
            figure,
            1 - 30 / whole,
            "",
            tail=_sums(owed) if lanes else "Nothing owed" if why_empty is None else "",
            size=9,
            color=ink.FAINT,
        )
        axes = figure.add_axes((LEFT / 72 / ink.INCHES[0], FOOT / whole, WIDE / 72 / ink.INCHES[0], tall / whole))
        axes.set(xlim=(0, scale.reach), ylim=(tall, 0), yticks=[])
        axes.spines[["left", "right"]].set_visible(False)
        _dates(axes, scale, window.timezone)
        _now(axes, scale)
        if lanes:
            _draw_lanes(axes, lanes, scale, unit)
            _legend(figure, owed, [ship for lane in lanes[:LANES] for ship in lane.ships], 1 - 42 / whole)
        else:
            why = why_empty or f"No release in {words.plural(window.weeks, 'week')} owes a model"
            look: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 11, "color": ink.FAINT}
            paper = {"facecolor": "white", "edgecolor": "none"}  # the lines of the Mondays must not cross the words
            axes.text(0.5, 0.5, why, transform=axes.transAxes, bbox=paper, **look)
    return figure


def _sums(kinds: Counter[str]) -> str:
    """`3 met · 1 late · 0 running · 0 breached`, and what else there is."""
    return " · ".join(f"{kinds[kind]:,} {kind}" for kind in (*COUNTED, *REST) if kinds[kind] or kind in COUNTED)


def _dates(axes: Axes, scale: Scale, timezone: str) -> None:
    """Name Mondays below: the newest always, as many others as can be read; years where they change."""
    first = scale.since.astimezone(ZoneInfo(timezone))
    first = first.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=first.weekday())
    local = [first + timedelta(weeks=n) for n in range(math.ceil(scale.reach / 7) + 1)]
    mondays = [day for day in local if 0 <= scale.day(day.astimezone(UTC)) <= scale.reach]
    named = mondays[:: -math.ceil(36 * scale.point / 7)][::-1]
    several = len({day.year for day in named}) > 1
    years = ["", *(str(day.year) for day in named)]
    labels = [
        day.strftime("%b %d") + f"\n{day.year}" * (several and str(day.year) != before)
        for day, before in zip(named, years, strict=False)
    ]
    axes.set_xticks([scale.day(day.astimezone(UTC)) for day in named], labels)
    of_year = "" if several else f" of {named[-1].year}"
    axes.set_xlabel(f"Mondays{of_year} ({plain(timezone)})", fontsize=ink.SIZE, color=ink.FAINT)
    axes.grid(axis="x", color="#e3e3e3", linewidth=0.7)


def _now(axes: Axes, scale: Scale) -> None:
    axes.axvline(scale.now, color=ink.INK, linewidth=1, zorder=4)
    axes.text(scale.now, -3, "now", ha="center", style="italic")


def _draw_lanes(axes: Axes, lanes: Sequence[Lane], scale: Scale, unit: float) -> None:
    """Draw the lanes from the top, and say what no longer fits."""
    drawn = lanes[:LANES]
    tops = [0.0, *accumulate(PAD + RAIL + min(lane.deep, ROWS) * unit for lane in drawn)]
    rows: list[tuple[str, list[tuple[float, float]]]] = []
    names = told_apart([plain(lane.model) for lane in drawn])
    for lane, name, top, bottom in zip(drawn, names, tops, tops[1:], strict=False):
        block = (top + PAD, bottom - RAIL)
        if crowded := (block[1] - block[0]) / lane.deep < THINNEST:
            _crowd(axes, lane, scale, block)
        else:
            rows += _boxes(lane, scale, block)
        _marks(axes, lane, scale, block)
        _ships(axes, lane, scale, block)
        _name(axes, lane, name, (top + bottom) / 2, crowded=crowded)
    for rank, (kind_name, look) in enumerate(LOOKS.items()):
        if boxes := [box for kind, box in rows if kind == kind_name]:
            bars = PolyCollection(boxes, zorder=2 + rank / 100, linewidth=0.6, label=kind_name, **look)
            axes.add_collection(bars, autolim=False)
    axes.hlines(tops[1:], (EDGE - LEFT) * scale.point, scale.reach, color="0.8", linewidth=0.5, clip_on=False, zorder=1)
    if rest := lanes[LANES:]:
        sums = _sums(sum((lane.kinds for lane in rest), Counter[str]()))
        more = f"and {words.plural(len(rest), 'more model')}: {sums}"
        left = (EDGE - LEFT) * scale.point
        axes.text(left, tops[-1] + MORE / 2, more, va="center", color=ink.FAINT, style="italic")


def _parts(lane: Lane, scale: Scale) -> Iterator[tuple[str, float, float, int]]:
    """Each bar's clock and what it ran over, as far as the axis goes, with the row; none too narrow to be seen."""
    least = 1.5 * scale.point
    for bar, row in zip(lane.bars, lane.rows, strict=True):
        end = min(max(bar.end, bar.start + least), scale.reach)
        begin = min(max(bar.start, 0.0), scale.reach - least)
        turn = max(min(bar.deadline, end), begin) if bar.end > bar.deadline else end
        if turn > begin:
            yield bar.kind, begin, turn, row
        if end > turn:
            yield bar.kind + OVER, min(turn, end - least), end, row


def _boxes(lane: Lane, scale: Scale, block: tuple[float, float]) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """The corners of every part, each in the row of its own."""
    thick = (block[1] - block[0]) / lane.deep
    for name, left, right, row in _parts(lane, scale):
        top = block[0] + row * thick
        low = top + 0.82 * thick
        yield name, [(left, top), (right, top), (right, low), (left, low)]


def _crowd(axes: Axes, lane: Lane, scale: Scale, block: tuple[float, float]) -> None:
    """Pile up the clocks of each time where rows would be hairlines: the worst on top, never thinner than 2 points."""
    edges = np.linspace(0, scale.reach, COLUMNS + 1)
    parts = list(_parts(lane, scale))
    counts = np.zeros((len(LOOKS), COLUMNS))
    for place, name in enumerate(LOOKS):
        spans = np.array([(left, right) for kind, left, right, _ in parts if kind == name]).reshape(-1, 2)
        begun = np.searchsorted(np.sort(spans[:, 0]), edges[1:], side="left")
        counts[place] = begun - np.searchsorted(np.sort(spans[:, 1]), edges[:-1], side="right")
    deep = block[1] - block[0]
    heights = np.where(counts > 0, np.maximum(counts * deep / counts.sum(axis=0).max(), 2.0), 0.0)
    heights *= np.minimum(1, deep / np.maximum(heights.sum(axis=0), 1))
    levels = block[1] - np.vstack([np.zeros(COLUMNS), np.cumsum(heights, axis=0)])
    levels = np.hstack([levels, levels[:, -1:]])
    for place, (name, look) in enumerate(LOOKS.items()):
        if counts[place].any():
            flat = {**look, "linewidth": 0, "linestyle": "solid"}  # dashes of no width cannot be written as SVG
            axes.fill_between(edges, levels[place], levels[place + 1], step="post", zorder=2, label=name, **flat)


def _marks(axes: Axes, lane: Lane, scale: Scale, block: tuple[float, float]) -> None:
    """Point to what began before the axis does, and to what ends after it."""
    thick = (block[1] - block[0]) / lane.deep
    size = min(max(0.8 * thick, 3.0), 6.0)
    for side, sign, beyond in (
        (0.0, CARETLEFTBASE, [bar.start < 0 for bar in lane.bars]),
        (scale.reach, CARETRIGHTBASE, [bar.end > scale.reach for bar in lane.bars]),
    ):
        rows = {row if thick >= THINNEST else lane.deep / 2 for row, out in zip(lane.rows, beyond, strict=True) if out}
        places = [block[0] + (row + 0.41) * thick for row in sorted(rows)]
        look: dict[str, Any] = {"color": ink.INK, "linestyle": "none", "clip_on": False, "zorder": 5}
        axes.plot([side] * len(places), places, marker=sign, markersize=size, **look)


def _ships(axes: Axes, lane: Lane, scale: Scale, block: tuple[float, float]) -> None:
    """Set the ships on the rail below the bars, with a stem into them where they are few; with its span if observed."""
    days = [scale.day(ship.at) for ship in lane.ships]
    begun = [max(scale.day(ship.not_before or ship.at), 0.0) for ship in lane.ships]
    rail = block[1] + RAIL / 2 - 0.5
    spans = [[(begin, rail), (day, rail)] for begin, day in zip(begun, days, strict=True) if begin < day]
    seen = LineCollection(spans, colors=ink.INK, linewidths=1.6, zorder=4.1, label="seen")
    axes.add_collection(seen, autolim=False)
    if len(days) * APART < WIDE:
        axes.vlines(days, block[0] - 2, rail, color=ink.INK, linewidth=0.6, zorder=4.1)
    size = 5.5 if len(days) * APART < 3 * WIDE else 4
    axes.plot(days, [rail] * len(days), markersize=size, linestyle="none", clip_on=False, zorder=4.2, **DIAMOND)
    points = [(begin / scale.point, day / scale.point) for begin, day in zip(begun, days, strict=True)]
    _numbers(axes, lane, scale, points, rail)


def _numbers(axes: Axes, lane: Lane, scale: Scale, spans: Sequence[tuple[float, float]], rail: float) -> None:
    """Write `v12` beside the ships, the newest first, where it covers no other sign; `spans` are in points."""
    limit, now = (scale.reach + 18 * scale.point) / scale.point, scale.now / scale.point
    for place in range(len(spans) - 1, -1, -1):
        version, (begin, end) = lane.ships[place].version, spans[place]
        before = spans[place - 1][1] + NEAR if place else 0.0
        if version is not None and max(limit - end, begin - before) > 12:
            name = plain(version)
            text = axes.text(0, rail, f"v{name[:7]}…" if len(name) > 8 else f"v{name}", va="center", fontsize=6.5)
            wide = text.get_window_extent().width * 72 / ink.DPI
            lefts = [left for left in (end + NEAR, begin - NEAR - wide) if before <= left <= limit - wide]
            free = [left for left in lefts if not left - 2 < now < left + wide + 2]
            if free:
                text.set_x(free[0] * scale.point)
                limit = min(limit, free[0] - 3)
            else:
                text.remove()
        limit = min(limit, begin - NEAR)


def _name(axes: Axes, lane: Lane, called: str, middle: float, *, crowded: bool) -> None:
    """Name the lane at its left, with its worst two counts; of a crowd, how many clocks its height is."""
    at: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "x": (EDGE - LEFT) / WIDE}
    name = axes.text(y=middle - 0.5, s="", va="bottom", weight="bold", **at)
    _shorten(name, "unreadable stub" if lane.model == "*" else called or "(no name)", LEFT - 18)
    kinds = lane.kinds
    worst = [f"{kinds[kind]:,} {kind}" for kind in (*JAM, *REST, "met") if kinds[kind]][:2]
    note = axes.text(y=middle + 0.5, s="", va="top", fontsize=6.5, color=ink.FAINT, **at)
    _shorten(note, " · ".join([worst[0], f"{lane.deep:,} at once"] if crowded else worst), LEFT - 18)


def _shorten(text: Text, whole: str, room: float) -> None:
    """Write as much of `whole` as `room` points hold, cut in its middle: both ends tell models apart."""
    for length in range(min(len(whole), 44), 0, -1):
        head = length // 3
        text.set_text(whole if length == len(whole) else f"{whole[:head]}…{whole[head - length :]}")
        if text.get_window_extent().width * 72 / ink.DPI <= room:
            return


def _legend(figure: Figure, owed: Counter[str], ships: Sequence[Ship], y: float) -> None:
    """Name the signs that occur, above the plot."""
    exact, seen = (any((ship.not_before is None) == known for ship in ships) for known in (True, False))
    handles = [
        *[Patch(label=kind, linewidth=0.6, **LOOKS[kind]) for kind in (*COUNTED, *REST) if owed[kind]],
        *[Patch(label="past the deadline", linewidth=0.6, **PAST)] * any(owed[kind] for kind in ("late", "breached")),
        *[Line2D([], [], linestyle="none", label="ship", markersize=5, **DIAMOND)] * exact,
        *[Line2D([], [], linewidth=1.6, label="ship, in that span", markersize=5, **DIAMOND)] * seen,
    ]
    columns = len(handles) if len(handles) < 8 else math.ceil(len(handles) / 2)
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.004, y), ncols=columns)
