"""One lane of the promise chart: bars, or a stacked area of many, marks, ships and name.

The horizontal unit is days since the start of the part in detail, the vertical unit is points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.markers import CARETLEFTBASE, CARETRIGHTBASE

from flowjoy.report import palette
from flowjoy.report.charts import style
from flowjoy.report.charts.labels import plain, shorten
from flowjoy.report.charts.promise_layout import (
    COLUMNS,
    EDGE,
    GAP,
    JAM,
    LEFT,
    REST,
    RUNNING,
    THIN,
    THINNEST,
    UNJUDGED,
    Lane,
    Scale,
    Ship,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.text import Text

PAPER, GREY = palette.PAPER.light, palette.CALM.light
AFTER = {"met": "met, rest", RUNNING: "running, rest", "late": "late, over", "breached": "breached, over"}
STYLES: dict[str, dict[str, Any]] = {  # in drawing order: later ones are on top
    "cancelled": {"facecolor": PAPER, "edgecolor": GREY, "linestyle": (0, (1, 1.5))},
    "met, rest": {"facecolor": palette.GOOD_PALE.light, "edgecolor": palette.GOOD.light},
    "met": {"facecolor": palette.GOOD.light, "edgecolor": palette.GOOD.light},
    "waived": {"facecolor": PAPER, "edgecolor": GREY, "hatch": "----", "hatchcolor": GREY},
    UNJUDGED: {"facecolor": PAPER, "edgecolor": GREY, "hatch": "....", "hatchcolor": GREY},
    "running, rest": {"facecolor": palette.WAIT_PALE.light, "edgecolor": palette.WAIT.light},
    RUNNING: {"facecolor": palette.WAIT.light, "edgecolor": palette.WAIT.light},
    "late": {"facecolor": palette.LATE.light, "edgecolor": palette.LATE.light},
    "late, over": {"facecolor": PAPER, "edgecolor": palette.LATE.light, "hatch": "//////"},
    "breached": {"facecolor": palette.BAD.light, "edgecolor": palette.BAD.light},
    "breached, over": {"facecolor": PAPER, "edgecolor": palette.BAD.light, "hatch": "xxxxxx"},
}
STYLES["running, rest"]["linestyle"] = (0, (3, 1.5))
for _over in ("late, over", "breached, over"):
    STYLES[_over]["hatchcolor"] = STYLES[_over]["edgecolor"]
DIAMOND: dict[str, Any] = {"color": palette.MODEL.light, "marker": "D", "markeredgecolor": PAPER}
SHIP, NUMBER, APART, LONGEST_VERSION = 5.0, 13.5, 3.0, 8  # points below the bars, between labels; characters


def _parts(lane: Lane, scale: Scale) -> Iterator[tuple[str, float, float, int]]:
    """Yield the parts of each bar before and after its turn, clipped to the axis and wide enough to be visible."""
    thin, gap = THIN * scale.point, GAP * scale.point
    for bar, row in zip(lane.bars, lane.rows, strict=True):
        end = min(max(bar.end, bar.start + thin), scale.reach) - gap
        begin = min(max(bar.start, 0.0), scale.reach - thin)
        turn = max(min(bar.turn, end - thin + gap), begin) if bar.end > bar.turn else end
        if turn > begin:
            yield bar.kind, begin, turn, row
        if end > turn:
            yield AFTER[bar.kind], turn, end, row


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
    size = min(max(0.6 * thick, 3.0), 5.0)
    for side, sign, beyond in (
        (0.0, CARETLEFTBASE, [bar.start < 0 for bar in lane.bars]),
        (scale.reach, CARETRIGHTBASE, [bar.end > scale.reach for bar in lane.bars]),
    ):
        rows = {row if thick >= THINNEST else lane.deep / 2 for row, out in zip(lane.rows, beyond, strict=True) if out}
        heights = [block[0] + (row + 0.41) * thick for row in sorted(rows)]
        options: dict[str, Any] = {"color": palette.FAINT.light, "linestyle": "none", "clip_on": False, "zorder": 5}
        axes.plot([side] * len(heights), heights, marker=sign, markersize=size, **options)


def ships(axes: Axes, lane: Lane, scale: Scale, low: float) -> None:
    """Draw the ships below the bars, which end at `low`, observed ones with their time range, and name all of them."""
    days = [scale.day(ship.at) for ship in lane.ships]
    begun = [max(scale.day(ship.not_before or ship.at), 0.0) for ship in lane.ships]
    rail = low + SHIP
    spans = [[(begin, rail), (day, rail)] for begin, day in zip(begun, days, strict=True) if begin < day]
    seen = LineCollection(spans, colors=palette.MODEL.light, linewidths=1.6, zorder=4.1, label="seen")
    axes.add_collection(seen, autolim=False)
    options: dict[str, Any] = {"markersize": 6, "markeredgewidth": 0.5, "linestyle": "none", **DIAMOND}
    axes.plot(days, [rail] * len(days), clip_on=False, zorder=4.2, **options)
    _name(axes, lane.ships, days, scale, low + NUMBER)


def _name(axes: Axes, shipped: Sequence[Ship], days: Sequence[float], scale: Scale, y: float) -> None:
    """Write the versions below their ships; neighbours without the room for a label each share one."""
    paper = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.4}
    probe = axes.text(0, y, "", ha="center", va="center", fontsize=style.SMALL, zorder=4.3, bbox=paper)
    groups: list[tuple[int, int, float, float]] = []  # first and last ship, left and right end of the label
    for index in range(len(shipped)):
        group = _group(probe, shipped, days, scale, (index, index))
        while groups and groups[-1][3] + APART * scale.point > group[2]:
            group = _group(probe, shipped, days, scale, (groups.pop()[0], index))
        groups.append(group)
    probe.remove()
    for first, last, left, right in groups:
        if text := version_label(shipped[first : last + 1]):
            axes.text((left + right) / 2, y, text, **_copied(probe), bbox=paper)


def _copied(text: Text) -> dict[str, Any]:
    return {"ha": "center", "va": "center", "fontsize": text.get_fontsize(), "zorder": text.get_zorder()}


def _group(
    probe: Text, shipped: Sequence[Ship], days: Sequence[float], scale: Scale, ends: tuple[int, int]
) -> tuple[int, int, float, float]:
    """Return a label's first and last ship, and its ends on the axis: centred below them, between its begin and now."""
    first, last = ends
    probe.set_text(version_label(shipped[first : last + 1]))
    half = probe.get_window_extent().width * 36 / style.DPI * scale.point
    middle = max(min((days[first] + days[last]) / 2, scale.now - half - APART * scale.point), half)
    return first, last, middle - half, middle + half


def version_label(shipped: Sequence[Ship]) -> str:
    """Return `v12`, `v12-14` for consecutive numbers, or the newest version and how many others: `v2.1 +3`."""
    names = [plain(ship.version) for ship in shipped if ship.version is not None]
    if len(names) < len(shipped):
        return f"{len(shipped)} ships" if len(shipped) > 1 else ""
    newest = names[-1] if len(names[-1]) <= LONGEST_VERSION else f"{names[-1][: LONGEST_VERSION - 1]}…"
    if len(names) == 1:
        return f"v{newest}"
    numbers = [int(name) if name.isascii() and name.isdecimal() else 0 for name in names]
    if min(numbers) > 0 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"v{names[0]}–{newest}"  # noqa: RUF001  (a range)
    return f"v{newest} +{len(names) - 1}"


def label(axes: Axes, lane: Lane, shared: Mapping[str, int], middle: float, *, crowded: bool, scale: Scale) -> None:
    """Write the model name at the left with its two worst counts; in a crowd, how many are open at once."""
    at: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "x": (EDGE - scale.left) / scale.wide}
    name = axes.text(y=middle - 0.5, s="", va="bottom", weight="bold", **at)
    called = "unreadable stub" if lane.model == "*" else plain(lane.model) or "(no name)"
    shorten(name, called, LEFT - 18, parts=3, shared=shared.get(called, 0))
    kinds = lane.kinds
    worst = [f"{kinds[kind]:,} {kind}" for kind in (*JAM, *REST, "met") if kinds[kind]][:2]
    note = axes.text(y=middle + 0.5, s="", va="top", fontsize=style.SMALL, color=palette.FAINT.light, **at)
    shorten(note, " · ".join([worst[0], f"{lane.deep:,} at once"] if crowded else worst), LEFT - 18, parts=3)
