"""The promise chart: one lane per model, with the window of each release as a bar and the ships below.

A long window shows its last four weeks in detail and each earlier week as a cell. Obligations that ended before the
window are not drawn or counted.
"""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from flowjoy.analysis.flow.weeks import week_of
from flowjoy.domain import Obligation, Window
from flowjoy.report import palette
from flowjoy.report.charts import promise_cells, promise_lane, style
from flowjoy.report.charts.labels import line, plain, shared_prefixes
from flowjoy.report.charts.promise_lane import DIAMOND, STYLES
from flowjoy.report.charts.promise_layout import (
    CELLS,
    COUNTED,
    EDGE,
    FOOT,
    HEAD,
    LANES,
    LEFT,
    MORE,
    PAD,
    RAIL,
    REST,
    ROWS,
    RUNNING,
    THINNEST,
    Lane,
    Scale,
    Ship,
    heights,
    lanes_of,
    scale_of,
)
from flowjoy.report.text import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

FAINT = palette.FAINT.light
PAPER: dict[str, Any] = {
    "facecolor": palette.PAPER.light,
    "edgecolor": "none",
    "pad": 2,
}  # no grid line crosses the text
SPARE: dict[str, Any] = {"facecolor": palette.CALM_PALE.light, "edgecolor": palette.CALM.light}
PAST: dict[str, Any] = {"facecolor": palette.PAPER.light, "edgecolor": palette.CALM.light, "hatch": "//////"}
PAST |= {"hatchcolor": palette.CALM.light}


def draw(
    obligations: Sequence[Obligation],
    ships: Sequence[Ship],
    *,
    window: Window,
    service: str,
    sla_hours: float,
    why_empty: str | None = None,
) -> Figure:
    """Draw the obligations of `window`, models with the most misses first.

    Without an obligation, draw a frame with a note; `why_empty` replaces the note if data is missing.
    """
    scale = scale_of(obligations, window)
    lanes = lanes_of(obligations, ships, scale, window.until)
    tall, unit = heights(lanes)
    height = HEAD + tall + FOOT
    with style.isolated_style():
        FigureCanvasAgg(figure := Figure(figsize=(style.INCHES[0], height / 72), dpi=style.DPI))
        promise = f": the {sla_hours:g} h promise, model by model"
        line(figure, 1 - 9 / height, service, tail=promise, size=13, weight="bold")
        owed = sum((lane.kinds for lane in lanes), Counter[str]())
        sums = _sums(owed) if lanes else "No obligations" if why_empty is None else ""
        line(figure, 1 - 30 / height, "", tail=sums, size=9, color=FAINT)
        axes = _axes(figure, scale.left, scale.wide, scale.reach, tall)
        _dates(axes, scale, window.timezone)
        past = _past(figure, scale, window.timezone, tall) if scale.cells else None
        _now(axes, scale)
        if lanes:
            _draw_lanes(axes, past, lanes, scale, unit)
            _legend(figure, owed, [ship for lane in lanes[:LANES] for ship in lane.ships], 1 - 42 / height)
        else:
            _note(
                figure, FOOT + tall / 2, why_empty or f"No release in {plural(window.weeks, 'week')} has an obligation"
            )
    return figure


def _axes(figure: Figure, left: float, wide: float, reach: float, tall: float) -> Axes:
    """Return a plot `wide` points wide and `tall` points high without a frame."""
    page, height = 72 * style.INCHES[0], HEAD + tall + FOOT
    axes = figure.add_axes((left / page, FOOT / height, wide / page, tall / height))
    axes.set(xlim=(0, reach), ylim=(tall, 0), yticks=[], facecolor="none")
    axes.spines[["left", "right", "bottom"]].set_visible(False)
    axes.tick_params(axis="x", length=0, pad=4)
    axes.grid(axis="x")
    return axes


def _note(figure: Figure, y: float, why: str) -> None:
    options: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 11, "color": FAINT}
    figure.text(0.5, y / 72 / figure.get_figheight(), why, bbox=PAPER, **options)


def _sums(kinds: Counter[str]) -> str:
    """Return `3 met · 1 late · 0 running · 0 breached`, and the other kinds that occur."""
    return " · ".join(f"{kinds[kind]:,} {kind}" for kind in (*COUNTED, *REST) if kinds[kind] or kind in COUNTED)


def _dates(axes: Axes, scale: Scale, timezone: str) -> None:
    """Label Mondays below the plot: always the newest, and as many others as fit; years where they change."""
    first = week_of(scale.since, timezone).astimezone(ZoneInfo(timezone))
    local = [first + timedelta(weeks=n) for n in range(math.ceil(scale.reach / 7) + 1)]
    mondays = [day for day in local if 0 <= scale.day(day.astimezone(UTC)) <= scale.reach]
    named = mondays[:: -math.ceil(36 * scale.point / 7)][::-1]
    several = bool(scale.cells) or len({day.year for day in named}) > 1
    axes.set_xticks([scale.day(day.astimezone(UTC)) for day in named], _with_years(named, several=several))
    of_year = "" if several else f" of {named[-1].year}"
    axes.set_xlabel(f"Mondays{of_year} ({plain(timezone)})", color=FAINT)


def _with_years(days: Sequence[datetime], *, several: bool) -> list[str]:
    years = ["", *(str(day.year) for day in days)]
    pairs = zip(days, years, strict=False)
    return [day.strftime("%b %d") + f"\n{day.year}" * (several and str(day.year) != before) for day, before in pairs]


def _past(figure: Figure, scale: Scale, timezone: str, tall: float) -> Axes:
    """Return the plot of the weeks before those in detail, with the Monday of each group of weeks below."""
    weeks = len(scale.cells) - 1
    axes = _axes(figure, LEFT, CELLS, weeks, tall)
    starts = promise_cells.groups(weeks)[:-1]
    days = [scale.cells[start].astimezone(ZoneInfo(timezone)) for start in starts]
    axes.set_xticks(starts, _with_years(days, several=True))
    axes.grid(visible=False)
    options: dict[str, Any] = {"fontsize": style.SMALL, "color": FAINT}
    axes.text(0, -3, "each cell one week, its releases by result", **options)
    return axes


def _now(axes: Axes, scale: Scale) -> None:
    axes.axvline(scale.now, color=palette.TEXT.light, linewidth=0.9, zorder=4)
    axes.text(scale.now, -3, "now", ha="center", weight="bold", fontsize=style.SMALL)


def _draw_lanes(axes: Axes, past: Axes | None, lanes: Sequence[Lane], scale: Scale, unit: float) -> None:
    """Draw the lanes from the top, and a note on those that do not fit."""
    drawn = lanes[:LANES]
    tops = [0.0, *accumulate(PAD + RAIL + min(lane.deep, ROWS) * unit for lane in drawn)]
    rows: list[tuple[str, list[tuple[float, float]]]] = []
    cells: list[tuple[str, list[tuple[float, float]]]] = []
    shared = shared_prefixes([plain(lane.model) for lane in lanes])
    for lane, top, bottom in zip(drawn, tops, tops[1:], strict=False):
        block = (top + PAD, bottom - RAIL)
        if crowded := (block[1] - block[0]) / lane.deep < THINNEST:
            promise_lane.crowd(axes, lane, scale, block)
        else:
            rows += promise_lane.bars(lane, scale, block)
        promise_lane.marks(axes, lane, scale, block)
        promise_lane.ships(axes, lane, scale, block[1])
        promise_lane.label(axes, lane, shared, (top + bottom) / 2, crowded=crowded, scale=scale)
        if past is not None:
            cells += promise_cells.cells(lane, block)
            promise_cells.ships(past, lane, block[1])
    for rank, (kind_name, options) in enumerate(STYLES.items()):
        if boxes := [box for kind, box in rows if kind == kind_name]:
            bars = PolyCollection(boxes, zorder=2 + rank / 100, linewidth=0.6, label=kind_name, **options)
            axes.add_collection(bars, autolim=False)
    if past is not None:
        promise_cells.draw(past, cells)
    left = (EDGE - scale.left) * scale.point
    options = {"color": palette.LINE.light, "linewidth": 0.6, "clip_on": False, "zorder": 1}
    axes.hlines(tops[1:], left, scale.reach, **options)
    if rest := lanes[LANES:]:
        sums = _sums(sum((lane.kinds for lane in rest), Counter[str]()))
        shipped = sum(len(lane.ships) + sum(lane.shipped) for lane in rest)
        more = f"and {plural(len(rest), 'more model')}: {sums} · {plural(shipped, 'ship')}"
        axes.text(left, tops[-1] + MORE / 2, more, va="center", color=FAINT, fontsize=style.SMALL, bbox=PAPER)


def _legend(figure: Figure, owed: Counter[str], ships: Sequence[Ship], y: float) -> None:
    """Draw a legend of the signs in use above the plot, in two rows where one is too long."""
    exact, seen = (any((ship.not_before is None) == known for ship in ships) for known in (True, False))
    handles = [
        *[Patch(label=kind, linewidth=0.6, **STYLES[kind]) for kind in (*COUNTED, *REST) if owed[kind]],
        *[Patch(label="rest of the window", linewidth=0.6, **SPARE)] * any(owed[kind] for kind in ("met", RUNNING)),
        *[Patch(label="past the deadline", linewidth=0.6, **PAST)] * any(owed[kind] for kind in ("late", "breached")),
        *[Line2D([], [], linestyle="none", label="ship", markersize=6, **DIAMOND)] * exact,
        *[Line2D([], [], linewidth=1.6, label="ship, within this range", markersize=6, **DIAMOND)] * seen,
    ]
    options: dict[str, Any] = {"handles": handles, "loc": "upper left", "bbox_to_anchor": (0.004, y)}
    legend = figure.legend(ncols=len(handles), **options)
    if legend.get_window_extent().x1 > 0.99 * figure.bbox.x1:
        legend.remove()
        figure.legend(ncols=math.ceil(len(handles) / 2), **options)
