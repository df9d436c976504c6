"""The building blocks of the report page: key figures, paragraphs, tables and pictures, all in plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from flowjoy.domain import Week, Window
from flowjoy.domain.timestamps import iso
from flowjoy.report.text import moment

ROW_LIMIT = 500
"""Maximum rows per table; the bundle and the CSV files contain all rows."""


@dataclass(frozen=True, kw_only=True)
class Countdown:
    """The time left as of the run, and the deadline that the page counts down to.

    `form`: `left` for `31 h 12 m left`, `in` for `in 31 h 12 m`.
    """

    text: str
    due: datetime
    form: str = "left"

    @property
    def iso(self) -> str:
        """The deadline for the script of the page, in ISO 8601."""
        return iso(self.due)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One table cell. `sort` is its sort key if it differs from the text; a `clock` replaces the text."""

    text: str = ""
    sort: str | float | None = None
    mark: str = ""
    code: bool = False
    number: bool = False
    clock: Countdown | None = None
    wide: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table. `more` says which rows are left out.

    If `folded`, the page shows only the caption and the `total` of rows until the table is opened.
    """

    caption: str
    header: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    more: str = ""
    folded: bool = False
    total: int = 0

    def numeric(self, column: int) -> bool:
        """Return whether a column contains numbers, which are right-aligned."""
        return any(row[column].number for row in self.rows)


@dataclass(frozen=True, kw_only=True)
class KeyFigure:
    """One figure in large type, with a note on what it covers."""

    name: str
    value: str
    note: str = ""
    mark: str = ""
    clock: Countdown | None = None


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """A sentence with an optional bold `lead` before it and a `clock` after it."""

    text: str
    lead: str = ""
    mark: str = ""
    clock: Countdown | None = None


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture as an image source, with its alternative text."""

    source: str
    alt: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section of the page."""

    id: str
    title: str
    key_figures: Sequence[KeyFigure] = ()
    paragraphs: Sequence[Paragraph] = ()
    picture: Picture | None = None
    tables: Sequence[Table] = field(default=())
    notes: Sequence[str] = ()


def time_cell(timestamp: datetime, window: Window) -> Cell:
    """Return a cell with a timestamp, sorted by time; the year is shown if it differs from the year of the run."""
    zone = ZoneInfo(window.timezone)
    local = timestamp.astimezone(zone)
    same = local.year == window.until.astimezone(zone).year
    text = moment(timestamp, window.timezone) if same else local.strftime("%a %d %b %Y %H:%M %Z")
    return Cell(text=text, sort=timestamp.timestamp())


def week_cell(week: Week, window: Window) -> Cell:
    """Return a cell with the Monday of a week; the year is shown if it differs from the year of the run."""
    other = week.week.year != window.until.astimezone(ZoneInfo(window.timezone)).year
    return Cell(text=f"{week.label} {week.week.year}" if other else week.label, sort=week.week.toordinal())


def number_cell(value: float | None) -> Cell:
    """Return a cell with an integer, or a number with one decimal; blank for None."""
    if value is None:
        return Cell(number=True, sort="")
    return Cell(text=f"{value:d}" if isinstance(value, int) else f"{value:.1f}", sort=value, number=True)


def more(total: int, where: str = "flowjoy-bundle.json") -> str:
    """Return a note on the rows of `total` that a table leaves out."""
    return f"… and {total - ROW_LIMIT} more, in {where}." if total > ROW_LIMIT else ""
