"""Text in charts: cleaned, shortened to the space it has, and placed where it covers nothing."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from itertools import pairwise
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


def shared_prefixes(names: Iterable[str]) -> dict[str, int]:
    """Return how many characters of each name may be left out: the words that a long one shares with another one.

    Where that would make two names equal, only the words that all long names share.
    """
    long = sorted({name for name in names if len(name) > LONG_NAME})
    shared = [0, *map(_shared, pairwise(long)), 0]
    by_all = max([0, *_begins(long[0], _shared((long[0], long[-1])))]) if len(long) > 1 else 0
    skipped = {
        name: max([0, *_begins(name, max(around))]) for name, around in zip(long, pairwise(shared), strict=False)
    }
    often = Counter(name[skip:] for name, skip in skipped.items())
    return {name: skip if often[name[skip:]] == 1 else by_all for name, skip in skipped.items()}


def _shared(pair: tuple[str, str]) -> int:
    """Return how many characters two names share at their begin."""
    return next(
        (index for index, (one, other) in enumerate(zip(*pair, strict=False)) if one != other), min(map(len, pair))
    )


def _begins(name: str, end: int) -> list[int]:
    """Return where words begin, up to `end`."""
    return [index for index, sign in enumerate(name[:end], start=1) if sign in "-_./ "]


def cut(full: str, length: int, *, parts: int, shared: int = 0) -> str:
    """Return a name of at most `length` characters.

    It loses words of its `shared` prefix; if it is still too long it is cut in the middle, since names differ at both
    ends. One of `parts` equal parts of the characters is then kept from the start, the others from the end.
    """
    for begin in (0, *_begins(full, shared)):
        shown = "…" * (begin > 0) + full[begin:]
        if len(shown) <= length:
            return shown
    head = length // parts
    return f"{shown[:head]}…{shown[head - length :]}"


def shorten(text: Text, full: str, room: float, *, parts: int, shared: int = 0) -> None:
    """Write as much of `full` as fits `room` points."""
    for length in range(min(len(full), _LONGEST_NAME), 0, -1):
        text.set_text(cut(full, length, parts=parts, shared=shared))
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
