"""The joint flow chart: code, models and recovery in one picture. Knows weeks and ink; no file, no clock, no pyplot.

Bars, dates and the MTTR line share the places 0…n-1, so that none can drift from the others. The size is for a page
800 pixels wide, drawn at twice that. Whatever comes from outside is written literally, never as a formula.
"""

from __future__ import annotations

import io
import math
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from xml.sax.saxutils import escape

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from flowjoy.model import Week

CODE, MODEL, MTTR, GAP, INK, FAINT = "#4c72b0", "#55a868", "#c44e52", "#a84b00", "#262626", "#595959"
RUNNING_CODE, RUNNING_MODEL, RUNNING_BAND, GAP_FILL = "#c3d0e6", "#c5e3cd", "#f2f2f2", "#fff3e6"
INCHES, DPI, PLOT = (8.0, 4.0), 200, (0.078, 0.152, 0.844, 0.613)
SMALL, MIDDLE, LARGE = 8.0, 9.0, 13.0
BAR, FEWEST_SLOTS, LONGEST = 0.7, 4, 80
_DIGIT = 0.64 * SMALL  # points a small DejaVu Sans digit is wide
_STYLE = {
    "font.size": MIDDLE,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": "#8c8c8c",
    "axes.spines.top": False,
    "axes.axisbelow": True,
    "hatch.linewidth": 0.7,
    "svg.fonttype": "none",
    "svg.hashsalt": "flowjoy",
}


def draw(
    weeks: Sequence[Week],
    *,
    service: str,
    timezone: str = "UTC",
    open_incidents: int = 0,
    subtitle: str | None = None,
) -> Figure:
    """One chart of `weeks`, oldest first; `subtitle` replaces the totals under the title.

    Weeks without any event give an empty frame that says so. The figure's label is the same in words.
    """
    with _style():
        figure = Figure(figsize=INCHES, dpi=DPI)
        FigureCanvasAgg(figure)
        tail = f" · {_count(open_incidents, 'incident')} still open, not in MTTR" if open_incidents else ""
        _write(figure, 0.968, service, tail=": unified DevOps + MLOps flow", fontsize=LARGE, fontweight="bold")
        _write(figure, 0.895, _totals(weeks) if subtitle is None else subtitle, tail=tail, color=FAINT)
        bars = figure.add_axes(PLOT)
        hours = bars.twinx()
        _dates(bars, weeks, timezone)
        bars.set_ylabel("Deploys per week")
        hours.set_ylabel("MTTR (hours)", color=MTTR)
        if any(week.code_deploys or week.model_deploys or week.mttr_hours is not None for week in weeks):
            _fill(figure, bars, hours, weeks)
        else:
            _leave_empty(bars, hours, weeks)
        figure.set_label(" ".join([_totals(weeks) + ".", *map(_sentence, weeks)]))
    return figure


def to_png(figure: Figure) -> bytes:
    """The picture, 1600 × 800 pixels. The same weeks always give the same bytes."""
    buffer = io.BytesIO()
    with _style():
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def to_svg(figure: Figure) -> bytes:
    """The picture with text as text, a title, and the weeks in words for those who hear it. Always the same bytes."""
    buffer = io.StringIO()
    title, words = figure.texts[0].get_text(), escape(str(figure.get_label()))
    with _style():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Title": title})
    drawn = buffer.getvalue().replace("<svg ", '<svg role="img" ', 1)
    return drawn.replace("</title>", f"</title>\n <desc>{words}</desc>", 1).encode()


@contextmanager
def _style() -> Iterator[None]:
    """Matplotlib's defaults and ours alone: a `matplotlibrc` in the workspace must not restyle (or run TeX for) us."""
    with warnings.catch_warnings(), matplotlib.style.context(["default", _STYLE]):
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")  # drawn as a boxed sign
        yield


def _plain(text: str) -> str:
    """One line without control, format or surrogate characters, and no towers of combining marks."""
    spaced = "".join(c if unicodedata.category(c)[0] != "C" else " " * c.isspace() for c in text)
    marks = [bool(unicodedata.combining(c)) for c in spaced]
    return " ".join("".join(c for i, c in enumerate(spaced) if not all(marks[max(i - 2, 0) : i + 1])).split())


def _write(figure: Figure, y: float, text: str, *, tail: str, **look: object) -> None:
    """A line at the top, cut with an ellipsis until it and its `tail` fit the page."""
    whole = _plain(text)
    kept = whole[:LONGEST]
    line = figure.text(0.012, y, "", verticalalignment="top", **look)
    while True:
        line.set_text((kept if kept == whole else kept.rstrip() + "…") + tail)
        if not kept or line.get_window_extent().x1 <= 0.985 * figure.bbox.x1:
            return
        kept = kept[:-1]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _totals(weeks: Sequence[Week]) -> str:
    """What the complete weeks sum up to; the running week takes no part."""
    complete = [week for week in weeks if not week.partial]
    if not complete:
        return "No complete week yet"
    code, models = sum(week.code_deploys for week in complete), sum(week.model_deploys for week in complete)
    diverging = sum(week.diverges for week in complete)
    verb = "diverges" if diverging == 1 else "diverge"
    return (
        f"{_count(code, 'code deploy')} and {_count(models, 'model ship')} in {_count(len(complete), 'complete week')}"
        + (f" · {_count(diverging, 'week')} {verb}" if diverging else "")
    )


def _sentence(week: Week) -> str:
    """The week for a reader who cannot see it."""
    mttr = "no resolved incident" if week.mttr_hours is None else f"MTTR {_hours(week.mttr_hours)} hours"
    notes = ", diverging" * week.diverges + ", still running" * week.partial
    return (
        f"{week.label}: {_count(week.code_deploys, 'code deploy')}, "
        f"{_count(week.model_deploys, 'model ship')}, {mttr}{notes}."
    )


def _hours(hours: float) -> str:
    """Hours as a label: `1.6`, `132`, `<0.1`."""
    return "<0.1" if 0 < hours < 0.05 else f"{hours:.0f}" if hours >= 100 else f"{hours:.1f}"  # noqa: PLR2004


def _slots(weeks: Sequence[Week]) -> int:
    """How many weeks the width is shared by; one lonely week does not become a wall."""
    return max(len(weeks), FEWEST_SLOTS)


def _slot_points(weeks: Sequence[Week]) -> float:
    return INCHES[0] * 72 * PLOT[2] / _slots(weeks)


def _dates(bars: Axes, weeks: Sequence[Week], timezone: str) -> None:
    """Mondays under the bars, the newest always named, as many others as can be read; years where they change."""
    middle, half = (len(weeks) - 1) / 2, _slots(weeks) / 2
    bars.set_xlim(middle - half, middle + half)
    step = math.ceil(36 / _slot_points(weeks))
    places = list(range(len(weeks)))[::-step][::-1]
    years = sorted({week.week.year for week in weeks})
    labels, said = [], years[0] if len(years) == 1 else 0
    for place in places:
        week = weeks[place]
        labels.append(week.label if week.week.year == said else f"{week.label}\n{week.week.year}")
        said = week.week.year
    bars.set_xticks(places, labels, fontsize=SMALL if len(weeks) > 10 else MIDDLE)
    of_year = f" of {years[0]}" if len(years) == 1 else ""
    bars.set_xlabel(f"Weeks{of_year}, from Monday ({_plain(timezone)[:40]})", fontsize=SMALL, color=FAINT)


def _leave_empty(bars: Axes, hours: Axes, weeks: Sequence[Week]) -> None:
    """A frame that says why it is empty, without scales that would suggest measured zeros."""
    bars.set_yticks([])
    hours.set_yticks([])
    if not weeks:
        bars.set_xticks([])
    span = "this week" if len(weeks) == 1 else f"these {len(weeks)} weeks"
    reason = f"No code deploys, model ships or resolved incidents in {span}" if weeks else "No weeks to show"
    bars.text(0.5, 0.5, reason, transform=bars.transAxes, ha="center", va="center", fontsize=11, color=FAINT)


def _fill(figure: Figure, bars: Axes, hours: Axes, weeks: Sequence[Week]) -> None:
    """The chart proper: scales, bars and line first, then the labels into the room they leave."""
    _scales(bars, hours, weeks)
    _running(bars, weeks)
    _bars(bars, weeks)
    line = _line(hours, weeks)
    _label(_Room(hours, line), bars, hours, weeks)
    _legend(figure, weeks, line)


def _scales(bars: Axes, hours: Axes, weeks: Sequence[Week]) -> None:
    """Both axes from 0 with the same number of steps, so that the one grid serves both; whole deploys on the left."""
    tallest = max(week.code_deploys + week.model_deploys + week.gap * week.diverges for week in weeks)
    longest = max((week.mttr_hours or 0.0 for week in weeks), default=0.0)
    count = min(range(6, 2, -1), key=lambda steps: steps * _step(max(1.18 * tallest / steps, 1), whole=True))
    for axes, step, shown in (
        (bars, _step(max(1.18 * tallest / count, 1), whole=True), True),
        (hours, _step((1.18 * longest or 1.0) / count, whole=False), any(w.mttr_hours is not None for w in weeks)),
    ):
        ticks = [round(step * tick, 9) for tick in range(count + 1)] if shown else []
        axes.set_ylim(0, step * count)
        axes.set_yticks(ticks, [f"{tick:,.10g}" for tick in ticks])
        axes.tick_params(axis="y", length=0, labelsize=SMALL)
    bars.grid(axis="y", color="#e3e3e3", linewidth=0.7)


def _step(least: float, *, whole: bool) -> float:
    """The smallest round number that is not under `least`."""
    unit = 10.0 ** math.floor(math.log10(least))
    return next(s for m in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if (s := round(m * unit, 9)) >= least * (1 - 1e-9) and not (whole and s % 1))
