"""What a page is made of: sections of plain text, figures, tables and pictures. Knows no findings and no HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from flowjoy.domain import Week, Window
from flowjoy.domain.timestamps import iso
from flowjoy.report.text import moment

ROW_LIMIT = 500
"""Of one table: the rest is in the bundle and the CSV files."""


@dataclass(frozen=True, kw_only=True)
class Countdown:
    """A time left, as it was when the page was made, and the instant that the page counts down to.

    `form` says how it is written: `left` for `31 h 12 m left`, `in` for `in 31 h 12 m`.
    """

    text: str
    due: datetime
    form: str = "left"

    @property
    def iso(self) -> str:
        """The instant for the page's script."""
        return iso(self.due)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell. `sort`: what it is sorted by, where that is not its text; a `clock` stands instead of the text."""

    text: str = ""
    sort: str | float | None = None
    mark: str = ""
    code: bool = False
    number: bool = False
    clock: Countdown | None = None
    wide: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table; `folded` behind its caption with its `total` of rows; `more` says what it leaves out."""

    caption: str
    header: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    more: str = ""
    folded: bool = False
    total: int = 0

    def numeric(self, column: int) -> bool:
        """Whether a column holds figures, which stand to the right."""
        return any(row[column].number for row in self.rows)


@dataclass(frozen=True, kw_only=True)
class KeyFigure:
    """One figure in large type, with what it is over."""

    name: str
    value: str
    note: str = ""
    mark: str = ""
    clock: Countdown | None = None


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """A sentence; `lead` stands out before it, a `clock` behind it."""

    text: str
    lead: str = ""
    mark: str = ""
    clock: Countdown | None = None


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
    key_figures: Sequence[KeyFigure] = ()
    paragraphs: Sequence[Paragraph] = ()
    picture: Picture | None = None
    tables: Sequence[Table] = field(default=())
    notes: Sequence[str] = ()


def time_cell(stamp: datetime, window: Window) -> Cell:
    """An instant as people read it, sorted by itself; with its year where that is not the year of as-of."""
    zone = ZoneInfo(window.timezone)
    local = stamp.astimezone(zone)
    same = local.year == window.until.astimezone(zone).year
    text = moment(stamp, window.timezone) if same else local.strftime("%a %d %b %Y %H:%M %Z")
    return Cell(text=text, sort=stamp.timestamp())


def week_cell(week: Week, window: Window) -> Cell:
    """A week by its Monday; with the year where that is not the year of as-of."""
    other = week.week.year != window.until.astimezone(ZoneInfo(window.timezone)).year
    return Cell(text=f"{week.label} {week.week.year}" if other else week.label, sort=week.week.toordinal())


def number_cell(value: float | None) -> Cell:
    """A count, or a figure to one decimal; blank for none."""
    if value is None:
        return Cell(number=True, sort="")
    return Cell(text=f"{value:d}" if isinstance(value, int) else f"{value:.1f}", sort=value, number=True)


def more(total: int, where: str = "flowjoy-bundle.json") -> str:
    """What a table of `total` rows leaves out."""
    return f"… and {total - ROW_LIMIT} more, in {where}." if total > ROW_LIMIT else ""
