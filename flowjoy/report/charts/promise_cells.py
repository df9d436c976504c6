"""The weeks of the promise chart that are not shown in detail: one cell a week, and the ships counted below.

The horizontal unit is weeks since the start of the window, the vertical unit is points.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from matplotlib.collections import PolyCollection

from flowjoy.report import palette
from flowjoy.report.charts import style
from flowjoy.report.charts.promise_lane import NUMBER, SHIP, STYLES
from flowjoy.report.charts.promise_layout import CELLS, Lane
from flowjoy.report.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes

LABEL = 40.0  # points of a count of ships
INSET = 0.1  # share of a week on both sides of a cell
THINNEST_PART = 2.5  # points


def groups(weeks: int) -> list[int]:
    """Return the first weeks of even groups that are wide enough for a label, and the number of weeks."""
    count = min(int(CELLS / LABEL), weeks)
    return [index * weeks // count for index in range(count + 1)]


def cells(lane: Lane, block: tuple[float, float]) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """Yield the corners of the parts of each cell: a share for each kind of result, the worst on top."""
    deep = block[1] - block[0]
    for week, kinds in enumerate(lane.cells):
        low, total = block[1], kinds.total()
        shares = {kind: max(deep * kinds[kind] / total, THINNEST_PART) for kind in STYLES if kinds[kind]}
        for kind, share in (shares or {"": deep}).items():
            high = low - share * deep / max(sum(shares.values()), deep)
            left, right = week + INSET, week + 1 - INSET
            yield kind, [(left, high), (right, high), (right, low), (left, low)]
            low = high


def draw(axes: Axes, boxes: Sequence[tuple[str, list[tuple[float, float]]]]) -> None:
    """Draw the cells of all lanes; a week without a release is an empty cell."""
    empty = {"facecolor": palette.RAISED.light, "edgecolor": palette.LINE.light}
    for kind, base in {"": empty, **STYLES}.items():
        if corners := [box for name, box in boxes if name == kind]:
            options = {**base, "linestyle": "solid", "linewidth": 0.4}
            axes.add_collection(PolyCollection(corners, label=kind or "no release", **options), autolim=False)


def ships(axes: Axes, lane: Lane, low: float) -> None:
    """Count the ships of each group of weeks below the cells, which end at `low`."""
    bounds = groups(len(lane.cells))
    for first, last in pairwise(bounds):
        if count := sum(lane.shipped[first:last]):
            axes.hlines(low + SHIP, first + INSET, last - INSET, color=palette.MODEL.light, linewidth=1.6)
            text = plural(count, "ship")
            axes.text((first + last) / 2, low + NUMBER, text, ha="center", va="center", fontsize=style.SMALL)
