"""The joint flow chart: code deploys, model ships and style.MTTR, week by week.

Bars, dates and line share the positions 0…n-1, so that they always align. External text is drawn literally.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from flowjoy.report.charts import style
from flowjoy.report.charts.labels import FreeSpace, line, plain
from flowjoy.report.escaping import clean
from flowjoy.report.text import capital, decimal, plural

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from matplotlib.axes import Axes

    from flowjoy.domain import Week

PLOT = (0.078, 0.152, 0.844, 0.613)
_LONGEST_MODEL = 14
BAR, ROOMY = 0.7, 30  # a bar's share of its slot; points of slot that fit a label
DIGIT, BOLD = 0.64 * style.SIZE, 0.7 * style.SIZE  # points: width of a digit, and of a bold character
HATCHED: dict[str, Any] = {"hatch": "///", "hatchcolor": "#ffffff99", "edgecolor": "white", "linewidth": 0.5}
HOLLOW: dict[str, Any] = {"facecolor": style.GAP_FILL, "edgecolor": style.GAP, "linewidth": 0.9, "ls": (0, (3, 2))}
PARTIAL: dict[str, Any] = {"facecolor": style.BAND, "edgecolor": style.FAINT, "linewidth": 0.5}
RING: dict[str, Any] = {"linestyle": "none", "marker": "o", "color": style.MTTR, "fillstyle": "none"}


def draw(
    weeks: Sequence[Week],
    *,
    service: str,
    timezone: str = "UTC",
    open_incidents: int = 0,
    spikes: Collection[date] = (),
) -> Figure:
    """Draw `weeks`, oldest first; a frame with a note if nothing happened.

    `spikes`: the Mondays of the weeks whose MTTR gets a ring.
    """
    with style.isolated_style():
        FigureCanvasAgg(figure := Figure(figsize=style.INCHES, dpi=style.DPI))
        line(figure, 0.968, service, tail=": unified DevOps + MLOps flow", size=13, weight="bold")
        tail = f" · {plural(open_incidents, 'incident')} still open, not in MTTR" if open_incidents else ""
        line(figure, 0.895, _totals(weeks), tail=tail, size=9, color=style.FAINT)
        bars = figure.add_axes(PLOT)
        hours = bars.twinx()
        bars.set_ylabel("Deploys per week")
        hours.set_ylabel("MTTR (hours)", color=style.MTTR)
        _dates(bars, weeks, plain(timezone)[: style.LONGEST])
        if any(week.code_deploys or week.model_deploys or week.mttr_hours is not None for week in weeks):
            _scales(bars, hours, weeks)
            _bars(bars, weeks)
            _label(FreeSpace(hours, _line(hours, weeks, spikes)), bars, weeks)
            _legend(figure, weeks, spikes)
        else:
            bars.set_yticks([])  # a scale would suggest measured zeros
            hours.set_yticks([])
            figure.text(0.5, 0.46, _why_empty(weeks), ha="center", fontsize=11, color=style.FAINT)
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
    bars.set_xlabel(f"Weeks{of_year}, from Monday ({timezone})", fontsize=style.SIZE, color=style.FAINT)


def _scales(bars: Axes, hours: Axes, weeks: Sequence[Week]) -> None:
    """Start both axes at 0 with the same number of steps, so that they share a grid; integers on the left."""
    tallest = 1.18 * max(_top(week) for week in weeks)
    longest = 1.18 * max(week.mttr_hours or 0.0 for week in weeks)
    steps = min((6, 5, 4, 3), key=lambda n: n * _step(tallest / n, integer=True))
    for axes, top, colour in ((bars, tallest, style.DARK), (hours, longest, style.MTTR)):
        step = _step(top / steps, integer=axes is bars)
        axes.set_ylim(0, step * steps)
        axes.set_yticks([step * n for n in range(steps + 1)], [f"{step * n:,.6g}" for n in range(steps + 1)])
        axes.tick_params(axis="y", length=0, labelcolor=colour)
    if all(week.mttr_hours is None for week in weeks):
        hours.set_yticks([])
    bars.grid(axis="y", color="#e3e3e3", linewidth=0.7)


def _step(minimum: float, *, integer: bool) -> float:
    """Return the smallest round number not below `minimum`; 1 for 0."""
    unit = 10.0 ** math.floor(math.log10(minimum)) if minimum else 1.0
    rounds = (max(unit, float(integer)) * m for m in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10))
    return next(n for n in rounds if n >= minimum * (1 - 1e-9) and not (integer and n % 1))


def _bars(bars: Axes, weeks: Sequence[Week]) -> None:
    """Stack code, hatched models, and missing models as a hollow box; the running week is pale, in a labelled band."""
    for index in (index for index, week in enumerate(weeks) if week.partial):
        bars.axvspan(index - 0.5, index + 0.5, color=style.BAND, linewidth=0, zorder=0)
        at, side = (index, "center") if _slot(weeks) > ROOMY else (index + 0.5, "right")
        bars.text(at, 1.01, "running", transform=bars.get_xaxis_transform(), ha=side, style="italic")
    positions, code = range(len(weeks)), [week.code_deploys for week in weeks]
    bars.bar(positions, code, BAR, color=[style.PALE_CODE if week.partial else style.CODE for week in weeks])
    greens = [style.PALE_MODEL if week.partial else style.MODEL for week in weeks]
    bars.bar(positions, [_ships(week) for week in weeks], BAR, code, color=greens, **HATCHED)
    late = {index: week for index, week in enumerate(weeks) if week.diverges}
    tops = [_top(week) - week.lag for week in late.values()]
    bars.bar(list(late), [week.lag for week in late.values()], BAR, tops, **HOLLOW)


def _ships(week: Week) -> int:
    """Return the ships to draw: 0 if they were not observed, since a partial count would look complete."""
    return week.model_deploys if week.observed else 0


def _top(week: Week) -> int:
    """Return the height of a week's bars."""
    return week.code_deploys + _ships(week) + week.lag * week.diverges


def _line(hours: Axes, weeks: Sequence[Week], spikes: Collection[date]) -> Line2D:
    """Draw the MTTR on a white halo, with a gap for weeks without one and a hollow marker for the running week."""
    values = [math.nan if week.mttr_hours is None else week.mttr_hours for week in weeks]
    size = min(6.5, 2.2 + _slot(weeks) / 8)
    options: dict[str, Any] = {"color": style.MTTR, "marker": "o", "markersize": size, "linewidth": 0.32 * size}
    (line,) = hours.plot(values, **options, path_effects=[withStroke(linewidth=0.7 * size, foreground="white")])
    ringed = [value if week.week in spikes else math.nan for week, value in zip(weeks, values, strict=True)]
    hours.plot(ringed, **RING, markersize=2.1 * size)
    running = [math.nan if not week.partial else value for week, value in zip(weeks, values, strict=True)]
    hours.plot(running, **options, markerfacecolor="white")
    return line


def _label(room: FreeSpace, bars: Axes, weeks: Sequence[Week]) -> None:
    """Write gaps, then hours, then counts: the most important labels get the first choice of space."""
    slot, counted = _slot(weeks), dict[str, Any](xycoords=bars.transData)
    rise = 36 * style.INCHES[1] * PLOT[3] / bars.get_ylim()[1]  # points: half the height of one deploy
    paper = {"edgecolor": "none", "boxstyle": "round,pad=0.12"}
    late = [index for index, week in enumerate(weeks) if week.diverges]
    if crowd := slot <= ROOMY / 2:
        # Only one of the widest gaps is labelled: the newest with enough space.
        widest = max((weeks[index].lag for index in late), default=0)
        late = [index for index in late[::-1] if weeks[index].lag == widest]
    for index in late:
        week = weeks[index]
        half, options = rise * week.lag, {"color": style.GAP, "weight": "bold", **counted}
        options |= {"bbox": {**paper, "facecolor": "white"}} if crowd else {}  # here the label extends over other bars
        short = f"\N{MINUS SIGN}{week.lag}"
        long = f"{short} {_of_model(week)}"
        text = short if ROOMY / 2 < slot < len(long) * BOLD else long
        inner = [(0.0, -half)] * int(half > style.SIZE and len(text) * BOLD < slot * BAR)
        if room.note(text, (index, _top(week)), *inner, (0, 7), (0, 17), **options) and crowd:
            break
    for index, week in enumerate(weeks if slot > ROOMY else ()):
        if (mttr := week.mttr_hours) is not None:
            options = {"color": style.MTTR, "weight": "bold", "bbox": {**paper, "facecolor": "white"}}
            room.note(decimal(mttr, " h"), (index, mttr), (0, 11), (0, -11), (21, 0), (-21, 0), **options)
        if week.code_known and week.ships_known and not week.code_deploys + week.model_deploys:
            room.note("0", (index, 0), (0, 6), color=style.FAINT, **counted)
    digits = max(len(str(max(week.code_deploys, week.model_deploys))) for week in weeks)
    for bar in [*bars.containers[0], *bars.containers[1]] if digits * DIGIT + 2 < slot * BAR else ():
        fill, reach = bar.get_facecolor(), rise * bar.get_height() - style.SIZE / 2 - 1
        colour = "white" if to_hex(fill) == style.CODE else style.DARK
        options = {"color": colour, "bbox": {**paper, "facecolor": fill}, **counted}
        spots = [(0, y) for y in (0, -9, 9, -17, 17) if abs(y) <= reach]
        room.note(f"{bar.get_height():.0f}", bar.get_center(), *spots, **options)


def _of_model(week: Week) -> str:
    """Return what is missing: `models`, or the lagging model if there are several."""
    if week.named_model is None:
        return "model" if week.lag == 1 else "models"
    return plain(clean(week.named_model, _LONGEST_MODEL))


def _legend(figure: Figure, weeks: Sequence[Week], spikes: Collection[date]) -> None:
    """Draw the legend above the plot, where it cannot cover anything."""
    unknown = all(week.incidents is None for week in weeks)
    without = " (incidents unknown)" if unknown else " (no resolved incident)"
    mttr = "Unified MTTR" + without * all(week.mttr_hours is None for week in weeks)
    mttr += " (ringed: spike)" * any(week.week in spikes for week in weeks)
    handles = [
        Patch(facecolor=style.CODE, label="CODE deploys"),
        Patch(facecolor=style.MODEL, label="MODEL ships", **HATCHED),
        Line2D([], [], color=style.MTTR, linewidth=2, marker="o", markersize=5, label=mttr),
        *[Patch(label="Models missing", **HOLLOW)] * any(week.diverges for week in weeks),
        *[Patch(label="Running week (partial)", **PARTIAL)] * any(week.partial for week in weeks),
    ]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.004, 0.858), ncols=len(handles))


def _why_empty(weeks: Sequence[Week]) -> str:
    """Return why there is nothing to draw; unread sources differ from no events."""
    unread = _unread(weeks)
    if unread:
        return f"Unknown: {unread} could not be read"
    if not weeks:
        return "No weeks to show"
    return f"No code deploys, model ships or resolved incidents in {plural(len(weeks), 'week')}"


def _unread(weeks: Sequence[Week]) -> str:
    known = (
        ("code deploys", all(week.code_known for week in weeks)),
        ("model ships", all(week.models_known for week in weeks)),
    )
    return " and ".join(name for name, is_known in known if not is_known)


def _totals(weeks: Sequence[Week]) -> str:
    """Return the totals of the complete weeks."""
    if unread := _unread(weeks):
        return f"{capital(unread)} could not be read"
    complete = [week for week in weeks if not week.partial]
    observed = [week for week in complete if week.observed]
    code = plural(sum(week.code_deploys for week in complete), "code deploy")
    models = plural(sum(week.model_deploys for week in observed), "model ship")
    if len(observed) < len(complete):
        models += f" ({len(observed)} observed)"
    late = sum(week.diverges for week in complete)
    note = f" · {plural(late, 'week')} diverge{'s' * (late == 1)}" * bool(late)
    sums = f"{code} and {models} in {plural(len(complete), 'complete week')}{note}"
    return sums if complete else "No complete week yet"
