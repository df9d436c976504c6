"""The drift chart: one panel per feature with the shares of training and live rows in each bin.

The chart contains no value and no category of the data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.transforms import Affine2D

from flowjoy.domain.drift import DriftCheck, DriftStatus, FeatureDrift
from flowjoy.report import palette
from flowjoy.report.charts import style
from flowjoy.report.charts.labels import line, plain, shared_prefixes, shorten
from flowjoy.report.text import plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

FAINT = palette.FAINT.light
PANEL_LIMIT, COLUMNS = 12, 4  # panels in total, and at most in a row
HEAD, FOOT, EDGE, BETWEEN = 70.0, 10.0, 8.0, 20.0  # points
TITLE, UNDER, EMPTY = 27.0, 22.0, 90.0
PLOT = {1: 120.0, 2: 100.0}  # points of height by panels in a row
FLAT = 64.0
PAGE = 72 * style.INCHES[0]
APART = 0.7  # bins of space before the rows without a value
ROOM = 1.28  # times the tallest bar: space for the label of the bin that differs the most

TRAINED: dict[str, Any] = {"facecolor": palette.CALM_PALE.light, "edgecolor": palette.CALM.light, "linewidth": 0.5}
LIVE: dict[str, Any] = {"facecolor": palette.TEXT.light, "linewidth": 0}
OVER: dict[str, Any] = {"facecolor": palette.WAIT.light, "linewidth": 0}
DRIFTED: dict[str, Any] = {"facecolor": palette.BAD.light, "linewidth": 0}


@dataclass(frozen=True, kw_only=True)
class _Grid:
    """The panels, in rows that are filled as evenly as possible."""

    panels: int

    @property
    def rows(self) -> int:
        return math.ceil(self.panels / COLUMNS)

    @property
    def columns(self) -> int:
        return math.ceil(self.panels / self.rows)

    @property
    def wide(self) -> float:
        """The width of a panel in points."""
        return (PAGE - 2 * EDGE - (self.columns - 1) * BETWEEN) / self.columns

    @property
    def tall(self) -> float:
        """The height of the plot of a panel in points."""
        return PLOT.get(self.columns, FLAT)


def draw(check: DriftCheck, *, service: str) -> Figure:
    """Draw the features that differ the most, worst first; a frame with a note if none was judged."""
    shown = check.judged[:PANEL_LIMIT]
    grid = _Grid(panels=len(shown))
    height = HEAD + (grid.rows * (TITLE + grid.tall + UNDER) if shown else EMPTY) + FOOT
    with style.isolated_style():
        FigureCanvasAgg(figure := Figure(figsize=(style.INCHES[0], height / 72), dpi=style.DPI))
        line(figure, 1 - 9 / height, service, tail=": live data against training data", size=13, weight="bold")
        line(figure, 1 - 30 / height, check.model, tail=_sums(check, len(shown)), size=9, color=FAINT)
        over, tone = (DRIFTED, palette.BAD_TEXT) if check.status is DriftStatus.DRIFT else (OVER, palette.WAIT_TEXT)
        if shown:
            _legend(figure, shown, 1 - 42 / height, over)
        else:
            _empty(figure, check, height)
        shared = shared_prefixes([plain(item.name) for item in check.judged])
        for index, item in enumerate(shown):
            axes = _panel(figure, grid, index, height)
            ok = item.status is DriftStatus.OK
            _title(axes, item, shared.get(plain(item.name), 0), grid, FAINT if ok else tone.light)
            _bars(axes, item, LIVE if ok else over)
    return figure


def _sums(check: DriftCheck, shown: int) -> str:
    """`: drift · worst 0.2130 nats, threshold 0.1 · the worst 12 of 20 features`."""
    parts = [f": {check.status.value}"]
    if check.judged:
        parts.append(f"worst {check.judged[0].kl_nats:.4f} nats, threshold {check.threshold:g}")
        total = plural(len(check.judged), "feature")
        parts.append(total if shown == len(check.judged) else f"the worst {shown} of {total}")
    return " · ".join(parts)


def _empty(figure: Figure, check: DriftCheck, height: float) -> None:
    why = "Too few rows to judge" if check.status is DriftStatus.TOO_FEW else "Nothing could be compared"
    figure.text(0.5, (FOOT + EMPTY / 2) / height, why, ha="center", va="center", fontsize=11, color=FAINT)


def _legend(figure: Figure, shown: tuple[FeatureDrift, ...], y: float, over: Mapping[str, Any]) -> None:
    """Draw a legend of the signs in use above the panels."""
    is_over, is_calm = (any((item.status is DriftStatus.OK) == ok for item in shown) for ok in (False, True))
    handles = [
        Patch(label="share of training rows", **TRAINED),
        *[Patch(label="share of live rows", **LIVE)] * is_calm,
        *[Patch(label="share of live rows, feature over the threshold", **over)] * is_over,
    ]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.004, y), ncols=len(handles))


def _panel(figure: Figure, grid: _Grid, index: int, height: float) -> Axes:
    """Return the plot of one feature."""
    row, column = divmod(index, grid.columns)
    left = EDGE + column * (grid.wide + BETWEEN)
    bottom = height - HEAD - row * (TITLE + grid.tall + UNDER) - TITLE - grid.tall
    axes = figure.add_axes((left / PAGE, bottom / height, grid.wide / PAGE, grid.tall / height))
    axes.set(xticks=[], yticks=[])
    axes.spines[["left", "right"]].set_visible(False)
    return axes


def _title(axes: Axes, item: FeatureDrift, shared: int, grid: _Grid, colour: str) -> None:
    """Write name and figures of a feature above its plot."""
    points = Affine2D().scale(1 / grid.wide, 1 / grid.tall) + axes.transAxes  # from the lower left corner of the plot
    name = axes.text(0, grid.tall + 13, "", transform=points, va="bottom", weight="bold")
    shorten(name, plain(item.name) or "(no name)", grid.wide, parts=2, shared=shared)
    figures = f"KL {item.kl_nats:.3f} · PSI {item.psi:.3f}" + " · over" * (item.status is not DriftStatus.OK)
    axes.text(0, grid.tall + 3, figures, transform=points, va="bottom", color=colour, fontsize=style.SMALL)


def _bars(axes: Axes, item: FeatureDrift, style_of_live: Mapping[str, Any]) -> None:
    """Draw the shares of each bin, and name the bin that differs the most."""
    trained, live = np.array(item.reference_shares), np.array(item.live_shares)
    last = len(trained) - item.has_missing
    positions = np.arange(len(trained), dtype=float)
    positions[last:] += APART
    positions[last - 1 :] += APART * item.folded
    axes.bar(positions, trained, width=0.86, label="trained", **TRAINED)
    axes.bar(positions, live, width=0.36, label="live", **style_of_live)
    highest = max(float(trained.max()), float(live.max()))
    axes.set(xlim=(-0.6, positions[-1] + 0.6), ylim=(0, highest * ROOM))
    biggest = int(np.lexsort((trained, np.abs(live - trained)))[-1])  # of bins that differ equally, the fullest
    side = (
        "left"
        if positions[biggest] < positions[-1] * 0.2
        else "right"
        if positions[biggest] > positions[-1] * 0.8
        else "center"
    )
    edge = {"left": -0.45, "center": 0.0, "right": 0.45}[side]
    # Above all bars, with a line down to its own.
    axes.vlines(positions[biggest], max(trained[biggest], live[biggest]), 1.03 * highest, color=FAINT, linewidth=0.5)
    change = f"{100 * trained[biggest]:.0f} → {100 * live[biggest]:.0f} %"
    axes.text(positions[biggest] + edge, 1.04 * highest, change, ha=side, va="bottom", fontsize=style.SMALL)
    small: dict[str, Any] = {"fontsize": style.SMALL, "color": FAINT, "va": "top"}
    if last > 1:
        order = "most to least common" if item.categorical else "low to high"
        axes.text(-0.45, -0.04 * highest, order, ha="left", **small)
    apart = ", ".join(["rest"] * item.folded + ["none"] * item.has_missing)
    axes.text(positions[-1] + 0.5, -0.04 * highest, apart, ha="right", **small)
