"""The joint flow chart: code deploys, model ships and MTTR, week by week.

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
from matplotlib.transforms import Bbox

from flowjoy.report import text as words
from flowjoy.report.charts import flow_totals
from flowjoy.report.charts.style import (
    BAND,
    CODE,
    DARK,
    DPI,
    FAINT,
    GAP,
    GAP_FILL,
    INCHES,
    LONGEST,
    MODEL,
    MTTR,
    PALE_CODE,
    PALE_MODEL,
    SIZE,
    isolated_style,
    line,
    plain,
    to_png,
    to_svg,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from matplotlib.axes import Axes

    from flowjoy.domain import Week

__all__ = ["Figure", "draw", "to_png", "to_svg"]

PLOT = (0.078, 0.152, 0.844, 0.613)
_LONGEST_MODEL = 14
BAR, ROOMY = 0.7, 30  # a bar's share of its slot; points of slot that fit a label
DIGIT, BOLD = 0.64 * SIZE, 0.7 * SIZE  # points: width of a digit, and of a bold character
HATCHED: dict[str, Any] = {"hatch": "///", "hatchcolor": "#ffffff99", "edgecolor": "white", "linewidth": 0.5}
HOLLOW: dict[str, Any] = {"facecolor": GAP_FILL, "edgecolor": GAP, "linestyle": (0, (3, 2)), "linewidth": 0.9}
RING: dict[str, Any] = {"linestyle": "none", "marker": "o", "color": MTTR, "fillstyle": "none"}


def draw(
    weeks: Sequence[Week],
    *,
    service: str,
    timezone: str = "UTC",
    open_incidents: int = 0,
    subtitle: str | None = None,
    spikes: Collection[date] = (),
) -> Figure:
    """Draw `weeks`, oldest first (without any event: a frame that says so); `subtitle` replaces the totals.

    `spikes`: the Mondays of the weeks whose MTTR is to be ringed.
    """
    with isolated_style():
        FigureCanvasAgg(figure := Figure(figsize=INCHES, dpi=DPI))
        line(figure, 0.968, service, tail=": unified DevOps + MLOps flow", size=13, weight="bold")
        tail = f" · {words.plural(open_incidents, 'incident')} still open, not in MTTR" if open_incidents else ""
        line(figure, 0.895, flow_totals.totals(weeks) if subtitle is None else subtitle, tail=tail, size=9, color=FAINT)
        bars = figure.add_axes(PLOT)
        hours = bars.twinx()
        bars.set_ylabel("Deploys per week")
        hours.set_ylabel("MTTR (hours)", color=MTTR)
        _dates(bars, weeks, plain(timezone)[:LONGEST])
        if any(week.code_deploys or week.model_deploys or week.mttr_hours is not None for week in weeks):
            _scales(bars, hours, weeks)
            _bars(bars, weeks)
            _label(_Room(hours, _line(hours, weeks, spikes)), bars, weeks)
            _legend(figure, weeks, spikes)
        else:
            bars.set_yticks([])  # a scale would suggest measured zeros
            hours.set_yticks([])
            figure.text(0.5, 0.46, flow_totals.why_empty(weeks), ha="center", fontsize=11, color=FAINT)
    return figure


def _slot(weeks: Sequence[Week]) -> float:
    """Return the width of a week in points; a single week does not fill the chart."""
    return INCHES[0] * 72 * PLOT[2] / max(len(weeks), 4)


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
    bars.set_xlabel(f"Weeks{of_year}, from Monday ({timezone})", fontsize=SIZE, color=FAINT)


def _scales(bars: Axes, hours: Axes, weeks: Sequence[Week]) -> None:
    """Start both axes at 0 with the same number of steps, so that they share a grid; integers on the left."""
    tallest = 1.18 * max(_top(week) for week in weeks)
    longest = 1.18 * max(week.mttr_hours or 0.0 for week in weeks)
    steps = min((6, 5, 4, 3), key=lambda n: n * _step(tallest / n, integer=True))
    for axes, top, colour in ((bars, tallest, DARK), (hours, longest, MTTR)):
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
        bars.axvspan(index - 0.5, index + 0.5, color=BAND, linewidth=0, zorder=0)
        at, side = (index, "center") if _slot(weeks) > ROOMY else (index + 0.5, "right")
        bars.text(at, 1.01, "running", transform=bars.get_xaxis_transform(), ha=side, style="italic")
    positions, code = range(len(weeks)), [week.code_deploys for week in weeks]
    bars.bar(positions, code, BAR, color=[PALE_CODE if week.partial else CODE for week in weeks])
    greens = [PALE_MODEL if week.partial else MODEL for week in weeks]
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
    options: dict[str, Any] = {"color": MTTR, "marker": "o", "markersize": size, "linewidth": 0.32 * size}
    (line,) = hours.plot(values, **options, path_effects=[withStroke(linewidth=0.7 * size, foreground="white")])
    ringed = [value if week.week in spikes else math.nan for week, value in zip(weeks, values, strict=True)]
    hours.plot(ringed, **RING, markersize=2.1 * size)
    running = [math.nan if not week.partial else value for week, value in zip(weeks, values, strict=True)]
    hours.plot(running, **options, markerfacecolor="white")
    return line


class _Room:
    """The free space of the plot: a label goes to the first free spot, or is left out."""

    def __init__(self, hours: Axes, line: Line2D) -> None:
        self._hours, self._path = hours, line.get_path().transformed(hours.transData)
        dots = hours.transData.transform(line.get_xydata())
        self._taken = [Bbox.from_bounds(x - 13, y - 13, 26, 26) for x, y in dots if not math.isnan(y)]

    def note(self, text: str, at: tuple[float, float], *spots: tuple[float, float], **options: Any) -> bool:
        """Write `text` at the first free spot, given as offsets in points from `at`; return False if none is free."""
        note = self._hours.annotate(text, at, (0, 0), textcoords="offset points", ha="center", va="center", **options)
        for spot in spots:
            note.xyann = spot
            box = note.get_window_extent()
            free = not box.count_overlaps(self._taken) and not self._path.intersects_bbox(box.padded(3), filled=False)
            if free and all(self._hours.bbox.contains(*corner) for corner in (box.min, box.max)):
                self._taken.append(box.padded(4))
                return True
        note.remove()
        return False


def _label(room: _Room, bars: Axes, weeks: Sequence[Week]) -> None:
    """Write gaps, then hours, then counts: the most important labels get the first choice of space."""
    slot, counted = _slot(weeks), dict[str, Any](xycoords=bars.transData)
    rise = 36 * INCHES[1] * PLOT[3] / bars.get_ylim()[1]  # points: half the height of one deploy
    paper = {"edgecolor": "none", "boxstyle": "round,pad=0.12"}
    late = [index for index, week in enumerate(weeks) if week.diverges]
    if crowd := slot <= ROOMY / 2:
        # Only one of the widest gaps is labelled: the newest with enough space.
        widest = max((weeks[index].lag for index in late), default=0)
        late = [index for index in late[::-1] if weeks[index].lag == widest]
    for index in late:
        week = weeks[index]
        half, options = rise * week.lag, {"color": GAP, "weight": "bold", **counted}
        options |= {"bbox": {**paper, "facecolor": "white"}} if crowd else {}  # here the label extends over other bars
        short = f"\N{MINUS SIGN}{week.lag}"
        long = f"{short} {_of_model(week)}"
        text = short if ROOMY / 2 < slot < len(long) * BOLD else long
        inner = [(0.0, -half)] * int(half > SIZE and len(text) * BOLD < slot * BAR)
        if room.note(text, (index, _top(week)), *inner, (0, 7), (0, 17), **options) and crowd:
            break
    for index, week in enumerate(weeks if slot > ROOMY else ()):
        if (mttr := week.mttr_hours) is not None:
            options = {"color": MTTR, "weight": "bold", "bbox": {**paper, "facecolor": "white"}}
            room.note(words.figure(mttr, " h"), (index, mttr), (0, 11), (0, -11), (21, 0), (-21, 0), **options)
        if week.code_known and week.ships_known and not week.code_deploys + week.model_deploys:
            room.note("0", (index, 0), (0, 6), color=FAINT, **counted)
    digits = max(len(str(max(week.code_deploys, week.model_deploys))) for week in weeks)
    for bar in [*bars.containers[0], *bars.containers[1]] if digits * DIGIT + 2 < slot * BAR else ():
        fill, reach = bar.get_facecolor(), rise * bar.get_height() - SIZE / 2 - 1
        options = {"color": "white" if to_hex(fill) == CODE else DARK, "bbox": {**paper, "facecolor": fill}, **counted}
        spots = [(0, y) for y in (0, -9, 9, -17, 17) if abs(y) <= reach]
        room.note(f"{bar.get_height():.0f}", bar.get_center(), *spots, **options)


def _of_model(week: Week) -> str:
    """Return what is missing: `models`, or the lagging model if there are several."""
    if week.named_model is None:
        return "model" if week.lag == 1 else "models"
    return plain(words.clean(week.named_model, _LONGEST_MODEL))


def _legend(figure: Figure, weeks: Sequence[Week], spikes: Collection[date]) -> None:
    """Draw the legend above the plot, where it cannot cover anything."""
    unknown = all(week.incidents is None for week in weeks)
    without = " (incidents not known)" if unknown else " (no resolved incident)"
    mttr = "Unified MTTR" + without * all(week.mttr_hours is None for week in weeks)
    mttr += " (ringed: spike)" * any(week.week in spikes for week in weeks)
    handles = [
        Patch(facecolor=CODE, label="CODE deploys"),
        Patch(facecolor=MODEL, label="MODEL ships", **HATCHED),
        Line2D([], [], color=MTTR, linewidth=2, marker="o", markersize=5, label=mttr),
        *[Patch(label="Models missing", **HOLLOW)] * any(week.diverges for week in weeks),
        *[Patch(fc=BAND, ec=FAINT, lw=0.5, label="Running week (partial)")] * any(week.partial for week in weeks),
    ]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.004, 0.858), ncols=len(handles))
