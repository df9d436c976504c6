"""What a page is made of: sections of plain text, figures, tables and pictures. Knows no findings and no HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flowjoy.report.words import moment

MOST_ROWS = 500
"""Of one table: the rest is in the bundle and the CSV files."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell. `sort`: what it is sorted by, where that is not its text; `due`: an instant to count down to."""

    text: str = ""
    sort: str | float | None = None
    mark: str = ""
    code: bool = False
    number: bool = False
    due: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table; `folded` behind its caption, `more` says what it leaves out."""

    caption: str
    header: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    more: str = ""
    folded: bool = False

    def numeric(self, place: int) -> bool:
        """Whether a column holds figures, which stand to the right."""
        return any(row[place].number for row in self.rows)


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One figure in large type, with what it is over."""

    name: str
    value: str
    note: str = ""
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """A sentence; `lead` stands out before it."""

    text: str
    lead: str = ""
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture as the source of an image, with the words for those who do not see it."""

    source: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of the page."""

    id: str
    title: str
    tiles: Sequence[Tile] = ()
    paragraphs: Sequence[Paragraph] = ()
    picture: Picture | None = None
    tables: Sequence[Table] = field(default=())
    notes: Sequence[str] = ()


def instant(stamp: datetime, timezone: str) -> Cell:
    """An instant as people read it, sorted by itself."""
    return Cell(text=moment(stamp, timezone), sort=stamp.timestamp())


def number(value: float | None) -> Cell:
    """A count, or a figure to one decimal; blank for none."""
    if value is None:
        return Cell(number=True, sort="")
    return Cell(text=f"{value:d}" if isinstance(value, int) else f"{value:.1f}", sort=value, number=True)


def more(total: int, where: str = "flowjoy-bundle.json") -> str:
    """What a table of `total` rows leaves out."""
    return f"… and {total - MOST_ROWS} more, in {where}." if total > MOST_ROWS else ""
