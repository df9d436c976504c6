"""One lane of the promise chart: bars, or a stacked area of many, marks, ships and name.

The horizontal unit is days since the start of the window, the vertical unit is points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.markers import CARETLEFTBASE, CARETRIGHTBASE

from flowjoy.report.charts import style
from flowjoy.report.charts.labels import plain, shorten
from flowjoy.report.charts.promise_layout import (
    COLUMNS,
    EDGE,
    JAM,
    LEFT,
    RAIL,
    REST,
    RUNNING,
    THINNEST,
    UNJUDGED,
    WIDE,
    Lane,
    Scale,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes


OVER = " over"  # suffix for the part of a bar past its deadline
STYLES: dict[str, dict[str, Any]] = {  # in drawing order: later ones are on top
    "cancelled": {"facecolor": "white", "edgecolor": style.FAINT, "linestyle": (0, (1, 1.5))},
    "met": {"facecolor": style.PALE_MODEL, "edgecolor": style.MODEL},
    "waived": {"facecolor": "#e3e3e3", "edgecolor": style.FAINT, "hatch": "----", "hatchcolor": style.FAINT},
    UNJUDGED: {"facecolor": "white", "edgecolor": style.FAINT, "hatch": "....", "hatchcolor": style.FAINT},
    RUNNING: {"facecolor": style.PALE_CODE, "edgecolor": style.CODE, "linestyle": (0, (3, 1.5))},
    "late": {"facecolor": style.GAP_FILL, "edgecolor": style.GAP},
    "late" + OVER: {"facecolor": style.GAP_FILL, "edgecolor": style.GAP, "hatch": "//////", "hatchcolor": style.GAP},
    "breached": {"facecolor": style.MTTR, "edgecolor": style.MTTR},
    "breached" + OVER: {"facecolor": "white", "edgecolor": style.MTTR, "hatch": "xxxxxx", "hatchcolor": style.MTTR},
}
DIAMOND: dict[str, Any] = {"color": style.DARK, "marker": "D", "markerfacecolor": style.MODEL, "markeredgewidth": 0.7}
NEAR, APART = 5.0, 24.0  # points: from a ship to its number; minimum distance of ships with stems


def _parts(lane: Lane, scale: Scale) -> Iterator[tuple[str, float, float, int]]:
    """Yield the parts of each bar before and after its deadline, clipped to the axis and wide enough to be visible."""
    minimum = 1.5 * scale.point
    for bar, row in zip(lane.bars, lane.rows, strict=True):
        end = min(max(bar.end, bar.start + minimum), scale.reach)
        begin = min(max(bar.start, 0.0), scale.reach - minimum)
        turn = max(min(bar.deadline, end), begin) if bar.end > bar.deadline else end
        if turn > begin:
            yield bar.kind, begin, turn, row
        if end > turn:
            yield bar.kind + OVER, min(turn, end - minimum), end, row


def bars(lane: Lane, scale: Scale, block: tuple[float, float]) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Yield the corners of each part, in its own row."""
    thick = (block[1] - block[0]) / lane.deep
    for name, left, right, row in _parts(lane, scale):
        top = block[0] + row * thick
        low = top + 0.82 * thick
        yield name, [(left, top), (right, top), (right, low), (left, low)]


def crowd(axes: Axes, lane: Lane, scale: Scale, block: tuple[float, float]) -> None:
    """Stack the obligations open at each time if rows would be too thin: the worst on top, at least 2 points thick."""
    edges = np.linspace(0, scale.reach, COLUMNS + 1)
    parts = list(_parts(lane, scale))
    counts = np.zeros((len(STYLES), COLUMNS))
    for index, name in enumerate(STYLES):
        spans = np.array([(left, right) for kind, left, right, _ in parts if kind == name]).reshape(-1, 2)
        begun = np.searchsorted(np.sort(spans[:, 0]), edges[1:], side="left")
        counts[index] = begun - np.searchsorted(np.sort(spans[:, 1]), edges[:-1], side="right")
    deep = block[1] - block[0]
    heights = np.where(counts > 0, np.maximum(counts * deep / counts.sum(axis=0).max(), 2.0), 0.0)
    heights *= np.minimum(1, deep / np.maximum(heights.sum(axis=0), 1))
    levels = block[1] - np.vstack([np.zeros(COLUMNS), np.cumsum(heights, axis=0)])
    levels = np.hstack([levels, levels[:, -1:]])
    for index, (name, options) in enumerate(STYLES.items()):
        if counts[index].any():
            flat = {**options, "linewidth": 0, "linestyle": "solid"}  # SVG cannot contain dashes of width 0
            axes.fill_between(edges, levels[index], levels[index + 1], step="post", zorder=2, label=name, **flat)


def marks(axes: Axes, lane: Lane, scale: Scale, block: tuple[float, float]) -> None:
    """Mark bars that start before the axis or end after it."""
    thick = (block[1] - block[0]) / lane.deep
    size = min(max(0.8 * thick, 3.0), 6.0)
    for side, sign, beyond in (
        (0.0, CARETLEFTBASE, [bar.start < 0 for bar in lane.bars]),
        (scale.reach, CARETRIGHTBASE, [bar.end > scale.reach for bar in lane.bars]),
    ):
        rows = {row if thick >= THINNEST else lane.deep / 2 for row, out in zip(lane.rows, beyond, strict=True) if out}
        heights = [block[0] + (row + 0.41) * thick for row in sorted(rows)]
        options: dict[str, Any] = {"color": style.DARK, "linestyle": "none", "clip_on": False, "zorder": 5}
        axes.plot([side] * len(heights), heights, marker=sign, markersize=size, **options)


def ships(axes: Axes, lane: Lane, scale: Scale, block: tuple[float, float]) -> None:
    """Draw the ships on the rail below the bars, with a stem if there are few; observed ships with their time range."""
    days = [scale.day(ship.at) for ship in lane.ships]
    begun = [max(scale.day(ship.not_before or ship.at), 0.0) for ship in lane.ships]
    rail = block[1] + RAIL / 2 - 0.5
    spans = [[(begin, rail), (day, rail)] for begin, day in zip(begun, days, strict=True) if begin < day]
    seen = LineCollection(spans, colors=style.DARK, linewidths=1.6, zorder=4.1, label="seen")
    axes.add_collection(seen, autolim=False)
    if len(days) * APART < WIDE:
        axes.vlines(days, block[0] - 2, rail, color=style.DARK, linewidth=0.6, zorder=4.1)
    size = 5.5 if len(days) * APART < 3 * WIDE else 4
    axes.plot(days, [rail] * len(days), markersize=size, linestyle="none", clip_on=False, zorder=4.2, **DIAMOND)
    points = [(begin / scale.point, day / scale.point) for begin, day in zip(begun, days, strict=True)]
    _numbers(axes, lane, scale, points, rail)


def _numbers(axes: Axes, lane: Lane, scale: Scale, spans: Sequence[tuple[float, float]], rail: float) -> None:
    """Label ships with their versions, newest first, where the label covers nothing; `spans` are in points."""
    limit, now = (scale.reach + 18 * scale.point) / scale.point, scale.now / scale.point
    for index in range(len(spans) - 1, -1, -1):
        version, (begin, end) = lane.ships[index].version, spans[index]
        before = spans[index - 1][1] + NEAR if index else 0.0
        if version is not None and max(limit - end, begin - before) > 12:
            name = plain(version)
            text = axes.text(0, rail, f"v{name[:7]}…" if len(name) > 8 else f"v{name}", va="center", fontsize=6.5)
            wide = text.get_window_extent().width * 72 / style.DPI
            lefts = [left for left in (end + NEAR, begin - NEAR - wide) if before <= left <= limit - wide]
            free = [left for left in lefts if not left - 2 < now < left + wide + 2]
            if free:
                text.set_x(free[0] * scale.point)
                limit = min(limit, free[0] - 3)
            else:
                text.remove()
        limit = min(limit, begin - NEAR)


def label(axes: Axes, lane: Lane, called: str, middle: float, *, crowded: bool) -> None:
    """Write the model name at the left with its two worst counts; in a crowd, how many are open at once."""
    at: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "x": (EDGE - LEFT) / WIDE}
    name = axes.text(y=middle - 0.5, s="", va="bottom", weight="bold", **at)
    shorten(name, "unreadable stub" if lane.model == "*" else called or "(no name)", LEFT - 18, parts=3)
    kinds = lane.kinds
    worst = [f"{kinds[kind]:,} {kind}" for kind in (*JAM, *REST, "met") if kinds[kind]][:2]
    note = axes.text(y=middle + 0.5, s="", va="top", fontsize=6.5, color=style.FAINT, **at)
    shorten(note, " · ".join([worst[0], f"{lane.deep:,} at once"] if crowded else worst), LEFT - 18, parts=3)
