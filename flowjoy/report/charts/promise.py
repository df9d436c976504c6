"""The promise chart: one lane per model, with the window of each release as a bar and the ships below.

Obligations that ended before the window are not drawn or counted. The horizontal unit is days since the start of the
window, the vertical unit is points.
"""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, timedelta
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
from flowjoy.report.charts import promise_lane, style
from flowjoy.report.charts.labels import line, plain
from flowjoy.report.charts.promise_lane import DIAMOND, STYLES
from flowjoy.report.charts.promise_layout import (
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
    THINNEST,
    WIDE,
    Lane,
    Scale,
    Ship,
    distinct_names,
    heights,
    lanes_of,
    scale_of,
)
from flowjoy.report.text import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

PAST: dict[str, Any] = {"facecolor": "white", "edgecolor": style.DARK, "hatch": "//////", "hatchcolor": style.FAINT}


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
        line(figure, 1 - 30 / height, "", tail=sums, size=9, color=style.FAINT)
        axes = figure.add_axes((LEFT / 72 / style.INCHES[0], FOOT / height, WIDE / 72 / style.INCHES[0], tall / height))
        axes.set(xlim=(0, scale.reach), ylim=(tall, 0), yticks=[])
        axes.spines[["left", "right"]].set_visible(False)
        _dates(axes, scale, window.timezone)
        _now(axes, scale)
        if lanes:
            _draw_lanes(axes, lanes, scale, unit)
            _legend(figure, owed, [ship for lane in lanes[:LANES] for ship in lane.ships], 1 - 42 / height)
        else:
            _note(axes, why_empty or f"No release in {plural(window.weeks, 'week')} has an obligation")
    return figure


def _note(axes: Axes, why: str) -> None:
    paper = {"facecolor": "white", "edgecolor": "none"}  # the grid lines must not cross the text
    options: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 11, "color": style.FAINT}
    axes.text(0.5, 0.5, why, transform=axes.transAxes, bbox=paper, **options)


def _sums(kinds: Counter[str]) -> str:
    """Return `3 met · 1 late · 0 running · 0 breached`, and the other kinds that occur."""
    return " · ".join(f"{kinds[kind]:,} {kind}" for kind in (*COUNTED, *REST) if kinds[kind] or kind in COUNTED)


def _dates(axes: Axes, scale: Scale, timezone: str) -> None:
    """Label Mondays below the plot: always the newest, and as many others as fit; years where they change."""
    first = week_of(scale.since, timezone).astimezone(ZoneInfo(timezone))
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
    axes.set_xlabel(f"Mondays{of_year} ({plain(timezone)})", fontsize=style.SIZE, color=style.FAINT)
    axes.grid(axis="x", color="#e3e3e3", linewidth=0.7)


def _now(axes: Axes, scale: Scale) -> None:
    axes.axvline(scale.now, color=style.DARK, linewidth=1, zorder=4)
    axes.text(scale.now, -3, "now", ha="center", style="italic")


def _draw_lanes(axes: Axes, lanes: Sequence[Lane], scale: Scale, unit: float) -> None:
    """Draw the lanes from the top, and a note on those that do not fit."""
    drawn = lanes[:LANES]
    tops = [0.0, *accumulate(PAD + RAIL + min(lane.deep, ROWS) * unit for lane in drawn)]
    rows: list[tuple[str, list[tuple[float, float]]]] = []
    names = distinct_names([plain(lane.model) for lane in drawn])
    for lane, name, top, bottom in zip(drawn, names, tops, tops[1:], strict=False):
        block = (top + PAD, bottom - RAIL)
        if crowded := (block[1] - block[0]) / lane.deep < THINNEST:
            promise_lane.crowd(axes, lane, scale, block)
        else:
            rows += promise_lane.bars(lane, scale, block)
        promise_lane.marks(axes, lane, scale, block)
        promise_lane.ships(axes, lane, scale, block)
        promise_lane.label(axes, lane, name, (top + bottom) / 2, crowded=crowded)
    for rank, (kind_name, options) in enumerate(STYLES.items()):
        if boxes := [box for kind, box in rows if kind == kind_name]:
            bars = PolyCollection(boxes, zorder=2 + rank / 100, linewidth=0.6, label=kind_name, **options)
            axes.add_collection(bars, autolim=False)
    axes.hlines(tops[1:], (EDGE - LEFT) * scale.point, scale.reach, color="0.8", linewidth=0.5, clip_on=False, zorder=1)
    if rest := lanes[LANES:]:
        sums = _sums(sum((lane.kinds for lane in rest), Counter[str]()))
        more = f"and {plural(len(rest), 'more model')}: {sums}"
        left = (EDGE - LEFT) * scale.point
        axes.text(left, tops[-1] + MORE / 2, more, va="center", color=style.FAINT, style="italic")


def _legend(figure: Figure, owed: Counter[str], ships: Sequence[Ship], y: float) -> None:
    """Draw a legend of the signs in use above the plot."""
    exact, seen = (any((ship.not_before is None) == known for ship in ships) for known in (True, False))
    handles = [
        *[Patch(label=kind, linewidth=0.6, **STYLES[kind]) for kind in (*COUNTED, *REST) if owed[kind]],
        *[Patch(label="past the deadline", linewidth=0.6, **PAST)] * any(owed[kind] for kind in ("late", "breached")),
        *[Line2D([], [], linestyle="none", label="ship", markersize=5, **DIAMOND)] * exact,
        *[Line2D([], [], linewidth=1.6, label="ship, within this range", markersize=5, **DIAMOND)] * seen,
    ]
    columns = len(handles) if len(handles) < 8 else math.ceil(len(handles) / 2)
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.004, y), ncols=columns)
