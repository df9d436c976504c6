"""Text in charts: cleaned, shortened to the space it has, and placed where it covers nothing."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Any

from matplotlib.transforms import Bbox

from flowjoy.report.charts import style

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

LONG_NAME = 14  # characters: longer names lose what they share
_LONGEST_NAME = 44  # characters


def plain(text: str) -> str:
    """Return one line without control, format, private or surrogate characters, which would make an SVG invalid."""
    return " ".join("".join(c for c in text if c.isspace() or unicodedata.category(c)[0] != "C").split())


def line(figure: Figure, y: float, text: str, *, tail: str, **options: Any) -> None:
    """Draw a line at the top, shortened with an ellipsis until it fits the page together with its `tail`."""
    full = plain(text)
    line = figure.text(0.012, y, full + tail, verticalalignment="top", **options)
    for length in range(min(len(full), style.LONGEST), -1, -1):
        line.set_text((full if length == len(full) else full[:length].rstrip() + "…") + tail)
        if line.get_window_extent().x1 <= 0.985 * figure.bbox.x1:
            break


def distinct_names(names: Iterable[str]) -> dict[str, str]:
    """Return each name as shown: long ones without the words that they share with another one.

    Where that would make two names equal, both keep those words.
    """
    long = sorted({name for name in names if len(name) > LONG_NAME})
    shared = [0, *(sum(1 for _ in takewhile(_equal, zip(*pair, strict=False))) for pair in pairwise(long)), 0]
    shown = {}
    for name, *common in zip(long, shared, shared[1:], strict=False):
        skip = max((index for index, sign in enumerate(name[: max(common)], start=1) if sign in "-_./ "), default=0)
        shown[name] = f"…{name[skip:]}" if skip > 1 else name
    often = Counter(shown.values())
    return {name: shown[name] if often[shown.get(name, "")] == 1 else name for name in names}


def _equal(pair: tuple[str, str]) -> bool:
    return pair[0] == pair[1]


def cut(full: str, length: int, *, parts: int) -> str:
    """Return a name of at most `length` characters, cut in the middle, since names differ at both ends.

    One of `parts` equal parts of the characters is kept from the start, the others from the end.
    """
    head = length // parts
    return full if length >= len(full) else f"{full[:head]}…{full[head - length :]}"


def shorten(text: Text, full: str, room: float, *, parts: int) -> None:
    """Write as much of `full` as fits `room` points."""
    for length in range(min(len(full), _LONGEST_NAME), 0, -1):
        text.set_text(cut(full, length, parts=parts))
        if text.get_window_extent().width * 72 / style.DPI <= room:
            return


class FreeSpace:
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
