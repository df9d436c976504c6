"""The joint flow chart: code deploys, model ships and unified MTTR, week by week.

Bars, dates and line share the positions 0…n-1, so that they always align. External text is drawn literally.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from flowjoy.report import palette
from flowjoy.report.charts import style
from flowjoy.report.charts.flow_sums import totals, why_empty, why_no_mttr
from flowjoy.report.charts.labels import LONG_NAME, FreeSpace, cut, line, plain, shared_prefixes
from flowjoy.report.text import decimal, plural

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from matplotlib.axes import Axes

    from flowjoy.domain import Week

PLOT = (0.078, 0.152, 0.844, 0.613)
BAR, ROOMY = 0.7, 30  # a bar's share of its slot; points of slot that fit a label
DIGIT, BOLD = 0.64 * style.SIZE, 0.7 * style.SIZE  # points: width of a digit, and of a bold character
CODE, MODEL = (palette.CODE_PALE, palette.CODE), (palette.MODEL_PALE, palette.MODEL)  # of a running, a complete week
EDGE: dict[str, Any] = {"edgecolor": palette.PAPER.light, "linewidth": 0.6}
MISSING: dict[str, Any] = {"facecolor": palette.WAIT_PALE.light, "edgecolor": palette.WAIT.light, "linewidth": 0.9}
MISSING |= {"linestyle": (0, (3, 2))}
PARTIAL: dict[str, Any] = {"facecolor": palette.RAISED.light, "edgecolor": palette.LINE.light, "linewidth": 0.6}
POINT: dict[str, Any] = {"color": palette.TEXT.light, "marker": "o"}
RING: dict[str, Any] = {"linestyle": "none", "marker": "o", "color": palette.WAIT.light, "fillstyle": "none"}
RING |= {"markeredgewidth": 1.6, "zorder": 5}  # above the label of its point


def draw(
    weeks: Sequence[Week],
    *,
    service: str,
    timezone: str = "UTC",
    open_incidents: int = 0,
    spikes: Collection[date] = (),
    models: Collection[str] = (),
) -> Figure:
    """Draw `weeks`, oldest first; a frame with a note if nothing happened.

    `spikes`: the Mondays of the weeks whose MTTR gets a ring. `models`: all models, so that names stay distinct.
    """
    with style.isolated_style():
        FigureCanvasAgg(figure := Figure(figsize=style.INCHES, dpi=style.DPI))
        line(figure, 0.968, service, tail=": unified DevOps + MLOps flow", size=13, weight="bold")
        tail = "" if any(week.mttr_hours is not None for week in weeks) else why_no_mttr(weeks)
        tail += f" · {plural(open_incidents, 'incident')} still open, not in MTTR" if open_incidents else ""
        line(figure, 0.895, totals(weeks), tail=tail, size=9, color=palette.FAINT.light)
        bars = figure.add_axes(PLOT)
        hours = bars.twinx()
        bars.spines[["left", "right"]].set_visible(False)
        hours.spines[["left", "right"]].set_visible(False)
        bars.tick_params(axis="x", length=0, pad=5)
        _dates(bars, weeks, plain(timezone)[: style.LONGEST])
        if any(week.code_deploys or week.model_deploys or week.mttr_hours is not None for week in weeks):
            _scales(bars, hours, weeks)
            _bars(bars, weeks)
            shared = shared_prefixes({plain(name) for name in models} | {_named(week) for week in weeks})
            _label(FreeSpace(hours, _line(hours, weeks, spikes)), bars, weeks, shared)
            _legend(figure, weeks, spikes)
        else:
            bars.set_yticks([])  # a scale would suggest measured zeros
            hours.set_yticks([])
            figure.text(0.5, 0.46, why_empty(weeks), ha="center", fontsize=11, color=palette.FAINT.light)
    return figure


def _slot(weeks: Sequence[Week]) -> float:
    """Return the width of a week in points; a single week does not fill the chart."""
    return style.INCHES[0] * 72 * PLOT[2] / max(len(weeks), 4)


def _dates(bars: Axes, weeks: Sequence[Week], timezone: str) -> None:
    """Label Mondays below the bars: always the newest, and as many others as fit; years where they change."""
    middle, half = (len(weeks) - 1) / 2, max(len(weeks), 4) / 2
    bars.set_xlim(middle - half, middle + half)
    positions = range(len(weeks))[:: -math.ceil(36 / _slot(weeks))][::-1]
    years = [weeks[index].week.year for index in positions]
    turns = [len(set(years)) > 1, *(before != year for before, year in pairwise(years))]
    labels = [weeks[at].label + f"\n{weeks[at].week.year}" * new for at, new in zip(positions, turns, strict=False)]
    bars.set_xticks(positions, labels)
    of_year = f" of {years[0]}" if len(set(years)) == 1 else ""
    bars.set_xlabel(f"Weeks{of_year}, from Monday ({timezone})", color=palette.FAINT.light)


def _scales(bars: Axes, hours: Axes, weeks: Sequence[Week]) -> None:
    """Start both axes at 0 with the same number of steps, so that they share a grid; integers on the left."""
    tallest = 1.18 * max(_top(week) for week in weeks)
    longest = 1.18 * max(week.mttr_hours or 0.0 for week in weeks)
    steps = min((6, 5, 4, 3), key=lambda n: n * _step(tallest / n, integer=True))
    for axes, top, name in ((bars, tallest, "Deploys per week"), (hours, longest, "MTTR (hours)")):
        step = _step(top / steps, integer=axes is bars)
        axes.set_ylim(0, step * steps)
        axes.set_yticks([step * n for n in range(steps + 1)], [f"{step * n:,.6g}" for n in range(steps + 1)])
        axes.tick_params(axis="y", length=0)
        axes.set_ylabel(name)
    if all(week.mttr_hours is None for week in weeks):
        hours.set(yticks=[], ylabel="")
    bars.grid(axis="y")


def _step(minimum: float, *, integer: bool) -> float:
    """Return the smallest round number not below `minimum`; 1 for 0."""
    unit = 10.0 ** math.floor(math.log10(minimum)) if minimum else 1.0
    rounds = (max(unit, float(integer)) * m for m in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10))
    return next(n for n in rounds if n >= minimum * (1 - 1e-9) and not (integer and n % 1))


def _bars(bars: Axes, weeks: Sequence[Week]) -> None:
    """Stack code, models, and missing models as a dashed box; the running week is pale, in a labelled band."""
    for index in (index for index, week in enumerate(weeks) if week.partial):
        bars.axvspan(index - 0.5, index + 0.5, color=palette.RAISED.light, linewidth=0, zorder=0)
        at, side = (index, "center") if _slot(weeks) > ROOMY else (index + 0.5, "right")
        options: dict[str, Any] = {"fontsize": style.SMALL, "color": palette.FAINT.light}
        bars.text(at, 1.015, "running", transform=bars.get_xaxis_transform(), ha=side, **options)
    positions, code = range(len(weeks)), [week.code_deploys for week in weeks]
    blues, violets = (
        [tones[_complete(week)[index]].light for week in weeks] for index, tones in enumerate((CODE, MODEL))
    )
    bars.bar(positions, code, BAR, color=blues, **EDGE)
    bars.bar(positions, [_ships(week) for week in weeks], BAR, code, color=violets, **EDGE)
    late = {index: week for index, week in enumerate(weeks) if week.diverges}
    tops = [_top(week) - week.lag for week in late.values()]
    bars.bar(list(late), [week.lag for week in late.values()], BAR, tops, **MISSING)


def _complete(week: Week) -> tuple[bool, bool]:
    """Return whether the counts of code and models are complete: neither of a running week nor of an unread source."""
    return not week.partial and week.code_known, not week.partial and week.models_known


def _ships(week: Week) -> int:
    """Return the ships to draw: 0 if they were not observed, since a partial count would look complete."""
    return week.model_deploys if week.observed else 0


def _top(week: Week) -> int:
    """Return the height of a week's bars."""
    return week.code_deploys + _ships(week) + week.lag * week.diverges


def _line(hours: Axes, weeks: Sequence[Week], spikes: Collection[date]) -> Line2D:
    """Draw the MTTR on a halo, with a gap for weeks without one, and the running week as a hollow point of its own."""
    values = [math.nan if week.mttr_hours is None else week.mttr_hours for week in weeks]
    complete, running, ringed = (
        [value if shown else math.nan for value, shown in zip(values, these, strict=True)]
        for these in (
            [not week.partial for week in weeks],
            [week.partial for week in weeks],
            [week.week in spikes for week in weeks],
        )
    )
    size = min(5.5, 2.2 + _slot(weeks) / 9)
    halo = [withStroke(linewidth=0.8 * size, foreground=palette.PAPER.light)]
    (line,) = hours.plot(complete, **POINT, markersize=size, linewidth=0.32 * size, path_effects=halo)
    hours.plot(running, **POINT, markersize=size, linestyle="none", markerfacecolor=palette.PAPER.light)
    hours.plot(ringed, **RING, markersize=2.3 * size)
    return line


def _label(room: FreeSpace, bars: Axes, weeks: Sequence[Week], shared: Mapping[str, int]) -> None:
    """Write gaps, then hours, then counts: the most important labels get the first choice of space."""
    slot, counted = _slot(weeks), dict[str, Any](xycoords=bars.transData)
    rise = 36 * style.INCHES[1] * PLOT[3] / bars.get_ylim()[1]  # points: half the height of one deploy
    paper = {"edgecolor": "none", "boxstyle": "round,pad=0.15", "facecolor": palette.PAPER.light}
    late = [index for index, week in enumerate(weeks) if week.diverges]
    if crowd := slot < ROOMY / 2:
        late = sorted(late, key=lambda index: (-weeks[index].lag, -index))  # name only the largest, latest first
    for index in late:
        week = weeks[index]
        half, options = rise * week.lag, {"color": palette.WAIT_TEXT.light, "weight": "bold", **counted}
        options |= {"bbox": paper} if crowd else {}  # here the label extends over other bars
        short = f"\N{MINUS SIGN}{week.lag}"
        long = f"{short} {_of_model(week, shared)}"
        text = short if ROOMY / 2 < slot < len(long) * BOLD else long
        inner = [(0.0, -half)] * int(half > style.SIZE and len(text) * BOLD < slot * BAR)
        if room.note(text, (index, _top(week)), *inner, (0, 7), (0, 17), **options) and crowd:
            break
    for index, week in enumerate(weeks if slot > ROOMY else ()):
        if (mttr := week.mttr_hours) is not None:
            options = {"weight": "bold", "bbox": paper}
            room.note(decimal(mttr, " h"), (index, mttr), (0, 11), (0, -11), (21, 0), (-21, 0), **options)
        if week.code_known and week.ships_known and not week.code_deploys + week.model_deploys:
            room.note("0", (index, 0), (0, 6), color=palette.FAINT.light, **counted)
    digits = max(len(str(max(week.code_deploys, week.model_deploys))) for week in weeks)
    for index, tone in enumerate((palette.ON_CODE, palette.ON_MODEL)):
        stack = bars.containers[index]
        for week, bar in zip(weeks, stack, strict=True) if digits * DIGIT + 2 < slot * BAR else ():
            reach = rise * bar.get_height() - style.SIZE / 2 - 1
            options = {"color": tone.light if _complete(week)[index] else palette.TEXT.light, **counted}
            spots = [(0, y) for y in (0, -9, 9, -17, 17) if abs(y) <= reach]
            room.note(f"{bar.get_height():.0f}", bar.get_center(), *spots, **options)


def _named(week: Week) -> str:
    return plain(week.named_model or "")


def _of_model(week: Week, shared: Mapping[str, int]) -> str:
    """Return what is missing: `models`, or the lagging model if there are several."""
    if week.named_model is None:
        return "model" if week.lag == 1 else "models"
    return cut(_named(week), LONG_NAME, parts=3, shared=shared.get(_named(week), 0))


def _legend(figure: Figure, weeks: Sequence[Week], spikes: Collection[date]) -> None:
    """Draw a legend of the signs in use above the plot, where it cannot cover anything."""
    mttr = any(week.mttr_hours is not None for week in weeks)
    remembered = [CODE[0]] * any(week.code_deploys and not week.code_known for week in weeks)
    remembered += [MODEL[0]] * any(_ships(week) and not week.models_known for week in weeks)
    handles = [
        Patch(facecolor=palette.CODE.light, label="CODE deploys"),
        Patch(facecolor=palette.MODEL.light, label="MODEL ships"),
        *[Line2D([], [], linewidth=2, markersize=5, label="Unified MTTR", **POINT)] * mttr,
        *[Line2D([], [], markersize=8, label="MTTR alert", **RING)] * any(week.week in spikes for week in weeks),
        *[Patch(label="Models missing", **MISSING)] * any(week.diverges for week in weeks),
        *[Patch(facecolor=pale.light, label="Known from earlier runs") for pale in remembered[:1]],
        *[Patch(label="Running week", **PARTIAL)] * any(week.partial for week in weeks),
    ]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.004, 0.858), ncols=len(handles))
