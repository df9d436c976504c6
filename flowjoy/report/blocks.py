"""The building blocks of a report: a banner, and sections of key figures, sentences, pictures and tables.

The content is written once in these blocks; `html.py` and `markdown.py` render them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from flowjoy.domain import Week, Window
from flowjoy.report.prose import Text, plain, spans
from flowjoy.report.text import moment, unbroken

ROW_LIMIT = 500
"""Maximum rows of a table; the bundle and the CSV files contain all rows."""


class Mark(StrEnum):
    """The meaning of a word, a figure or a sentence: the same colour and sign on every surface."""

    NONE = ""
    GOOD = "good"
    BAD = "bad"
    WAIT = "wait"
    CALM = "calm"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One table cell. `sort` is its sort key if it differs from the text; `wide` cells hold sentences."""

    text: Text = ""
    sort: str | float | None = None
    mark: Mark = Mark.NONE
    number: bool = False
    wide: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table. `total` counts all rows, of which `rows` has at most ROW_LIMIT; the others are in the file `source`.

    `shown`: the rows that the page shows before the others are unfolded; 0 folds the table itself. `cap`: the rows that
    the Markdown surfaces show, 0 for none.
    """

    caption: str
    header: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    total: int
    source: str = "flowjoy-bundle.json"
    shown: int = ROW_LIMIT
    cap: int = 20

    def numeric(self, column: int) -> bool:
        """Return whether a column contains numbers, which are right-aligned."""
        return any(row[column].number for row in self.rows)

    def more(self, shown: int) -> str:
        """Return a note on the rows that are left out after so many; empty if none is."""
        rest = self.total - min(shown, len(self.rows))
        return f"… and {rest} more, in {self.source}." if rest > 0 else ""


@dataclass(frozen=True, kw_only=True)
class KeyFigure:
    """One figure in large type, with a note on what it covers."""

    name: str
    value: str
    note: Text = ""
    mark: Mark = Mark.NONE


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """A sentence with an optional bold `lead` before it."""

    text: Text
    lead: Text = ""
    mark: Mark = Mark.NONE


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A few examples of many items, as one sentence: `3 branches without a commit for 28 days: a, b, c`."""

    lead: str
    items: Sequence[Text]
    total: int


@dataclass(frozen=True, kw_only=True)
class Cadence:
    """Code deploys and model ships by week, for the small chart that GitHub draws."""

    labels: Sequence[str]
    code: Sequence[int]
    models: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A picture by its name among the files, with its alternative text; `cadence` is its small form.

    `over_time`: its newest week is at the right, where a narrow screen begins.
    """

    name: str
    alt: str
    cadence: Cadence | None = None
    over_time: bool = True


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section of a report, in the order in which it is read."""

    id: str
    title: str
    key_figures: Sequence[KeyFigure] = ()
    paragraphs: Sequence[Paragraph] = ()
    chart: Chart | None = None
    tables: Sequence[Table] = field(default=())
    listings: Sequence[Listing] = ()
    notes: Sequence[Text] = ()


@dataclass(frozen=True, kw_only=True)
class Move:
    """Something to do: in the imperative, by when and why, and who does it. `rest`: further moves of the same kind."""

    do: Text
    why: Text = ""
    mark: Mark = Mark.NONE
    rest: tuple[Move, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Banner:
    """The first thing to read: a status word, one sentence, the facts behind it, and the ways out.

    `word` precedes the title where the status is not obvious from it. `cure`: the first move where it must also be read
    without the moves, as in the title of a check and in the log.
    """

    mark: Mark
    word: str
    title: Text
    facts: Sequence[Text] = ()
    moves: Sequence[Move] = ()
    cure: str = ""

    @property
    def headline(self) -> Text:
        """The title, with the cure if there is one."""
        if not self.cure:
            return self.title
        return (*spans(self.title), " " if plain(self.title).endswith("?") else ". ", self.cure)


SIGNS = {Mark.GOOD: "✅", Mark.BAD: "❌", Mark.WAIT: "⏳", Mark.CALM: "ℹ️", Mark.NONE: ""}  # noqa: RUF001  (the sign people know)


def time_cell(timestamp: datetime, window: Window) -> Cell:
    """Return a cell with a timestamp, sorted by time; the year is shown if it differs from the year of the run."""
    text = moment(timestamp, window.timezone, window.until)
    return Cell(text=unbroken(text), sort=timestamp.timestamp())


def week_cell(week: Week, window: Window) -> Cell:
    """Return a cell with the Monday of a week."""
    return Cell(text=unbroken(week_name(week, window)), sort=week.week.toordinal())


def week_name(week: Week, window: Window) -> str:
    """Return the Monday of a week as `Jun 03`; the year is shown if it differs from the year of the run."""
    other = week.week.year != window.until.astimezone(ZoneInfo(window.timezone)).year
    return f"{week.label} {week.week.year}" if other else week.label


def number_cell(value: float | None) -> Cell:
    """Return a cell with an integer, or a number with one decimal; blank for None."""
    if value is None:
        return Cell(number=True, sort="")
    return Cell(text=f"{value:d}" if isinstance(value, int) else f"{value:.1f}", sort=value, number=True)
