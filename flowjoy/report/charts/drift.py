"""The drift chart: one panel per feature with the shares of training and live rows in each bin.

The chart contains no value and no category of the data.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from flowjoy.domain.drift import DriftCheck, DriftStatus, FeatureDrift
from flowjoy.report.charts import style
from flowjoy.report.charts.labels import line, plain, shorten
from flowjoy.report.text import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL_LIMIT, COLUMNS = 12, 4  # panels in total, and per row
HEAD, FOOT, EDGE, BETWEEN = 66.0, 8.0, 8.0, 18.0  # points
TITLE, PLOT, UNDER, EMPTY = 25.0, 62.0, 20.0, 90.0
APART = 0.7  # bins of space before the rows without a value
ROOM = 1.28  # times the tallest bar: space for the label of the bin that differs the most

TRAINED: dict[str, Any] = {"facecolor": style.PALE_CODE, "edgecolor": style.CODE, "linewidth": 0.5}
LIVE: dict[str, Any] = {"facecolor": style.DARK, "edgecolor": style.DARK, "linewidth": 0}
OVER: dict[str, Any] = {"facecolor": style.MTTR, "edgecolor": style.MTTR, "linewidth": 0}


def draw(check: DriftCheck, *, service: str) -> Figure:
    """Draw the features that differ the most, worst first; a frame with a note if none was judged."""
    shown = check.judged[:PANEL_LIMIT]
    rows = math.ceil(len(shown) / COLUMNS)
    height = HEAD + (rows * (TITLE + PLOT + UNDER) if shown else EMPTY) + FOOT
    with style.isolated_style():
        FigureCanvasAgg(figure := Figure(figsize=(style.INCHES[0], height / 72), dpi=style.DPI))
        line(figure, 1 - 9 / height, service, tail=": live data against training data", size=13, weight="bold")
        line(figure, 1 - 30 / height, check.model, tail=_sums(check, len(shown)), size=9, color=style.FAINT)
        if shown:
            _legend(figure, shown, 1 - 42 / height)
        else:
            _empty(figure, check, height)
        for index, item in enumerate(shown):
            _panel(figure, item, index, height)
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
    axes = figure.add_axes((EDGE / 576, FOOT / height, 1 - 2 * EDGE / 576, EMPTY / height))
    axes.set(xticks=[], yticks=[])
    axes.spines[["left", "right", "bottom"]].set_visible(False)
    why = "Too few rows to judge" if check.status is DriftStatus.TOO_FEW else "Nothing could be compared"
    axes.text(0.5, 0.5, why, transform=axes.transAxes, ha="center", va="center", fontsize=11, color=style.FAINT)


def _legend(figure: Figure, shown: tuple[FeatureDrift, ...], y: float) -> None:
    """Draw a legend of the signs in use above the panels."""
    over = any(item.status is not DriftStatus.OK for item in shown)
    calm = any(item.status is DriftStatus.OK for item in shown)
    handles = [
        Patch(label="share of training rows", **TRAINED),
        *[Patch(label="share of live rows", **LIVE)] * calm,
        *[Patch(label="share of live rows, feature over the threshold", **OVER)] * over,
    ]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.004, y), ncols=len(handles))


def _panel(figure: Figure, item: FeatureDrift, index: int, height: float) -> None:
    """Draw one feature: name, figures, bars and the order of the bins."""
    row, column = divmod(index, COLUMNS)
    wide = (576 - 2 * EDGE - (COLUMNS - 1) * BETWEEN) / COLUMNS
    left = EDGE + column * (wide + BETWEEN)
    top = height - HEAD - row * (TITLE + PLOT + UNDER)
    axes = figure.add_axes((left / 576, (top - TITLE - PLOT) / height, wide / 576, PLOT / height))
    axes.set(xticks=[], yticks=[])
    axes.spines[["left", "right"]].set_visible(False)
    over = item.status is not DriftStatus.OK
    name = axes.text(0, PLOT + 12, "", transform=_points(axes, wide), va="bottom", weight="bold")
    shorten(name, plain(item.name) or "(no name)", wide, parts=2)
    figures = f"KL {item.kl_nats:.3f} · PSI {item.psi:.3f}" + " · over" * over
    options: dict[str, Any] = {"color": style.MTTR if over else style.FAINT, "fontsize": 7}
    axes.text(0, PLOT + 3, figures, transform=_points(axes, wide), va="bottom", **options)
    _bars(axes, item, over=over)


def _bars(axes: Axes, item: FeatureDrift, *, over: bool) -> None:
    trained, live = np.array(item.reference_shares), np.array(item.live_shares)
    last = len(trained) - item.has_missing
    positions = np.arange(len(trained), dtype=float)
    positions[last:] += APART
    positions[last - 1 :] += APART * item.folded
    axes.bar(positions, trained, width=0.86, label="trained", **TRAINED)
    axes.bar(positions, live, width=0.36, label="live", **(OVER if over else LIVE))
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
    axes.vlines(
        positions[biggest], max(trained[biggest], live[biggest]), 1.03 * highest, color=style.FAINT, linewidth=0.5
    )
    change = f"{100 * trained[biggest]:.0f} → {100 * live[biggest]:.0f} %"
    axes.text(positions[biggest] + edge, 1.04 * highest, change, ha=side, va="bottom", fontsize=6.5)
    small: dict[str, Any] = {"fontsize": 6.5, "color": style.FAINT, "va": "top"}
    if last > 1:
        order = "most to least common" if item.categorical else "low to high"
        axes.text(-0.45, -0.04 * highest, order, ha="left", **small)
    apart = ", ".join(["rest"] * item.folded + ["none"] * item.has_missing)
    axes.text(positions[-1] + 0.5, -0.04 * highest, apart, ha="right", **small)


def _points(axes: Axes, wide: float) -> Any:
    """Return a transform from points, measured from the lower left corner of the panel's plot."""
    from matplotlib.transforms import Affine2D

    return Affine2D().scale(1 / wide, 1 / PLOT) + axes.transAxes
