"""The cells of the tables of a roll-up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flowjoy.analysis.promise.compliance import ENOUGH
from flowjoy.domain.rates import as_percent
from flowjoy.domain.rollup_rows import ServiceRow, SharedFigures
from flowjoy.report.blocks import Cell
from flowjoy.report.prose import Name, Prose, joined
from flowjoy.report.rollup.tables import hours_each
from flowjoy.report.text import moment, span

_UTC = "UTC"
_NAMED = 3


def service_cell(row: ServiceRow) -> Cell:
    """Return a cell with the name of a service."""
    return Cell(text=Name(row.name), sort=row.name)


def names_of(names: Sequence[str]) -> Prose:
    """Return the first names, and how many more there are."""
    more = len(names) - _NAMED
    shown = joined(Name(name) for name in names[:_NAMED])
    return (*shown, f" and {more:,} more") if more > 0 else shown


def report_time(at: datetime | None, as_of: datetime, absent: str) -> Cell:
    """Return a cell with the time of a report and its age; `absent` is the text where there is none."""
    if at is None:
        return Cell(text=absent, sort=0)
    age = f" ({span(as_of - at)} ago)" if at < as_of else ""
    return Cell(text=f"{moment(at, _UTC, as_of)}{age}", sort=at.timestamp())


def rate_cell(row: SharedFigures) -> Cell:
    """Return the rate of kept promises with its n; never 100 % where nothing was due."""
    percent, n = as_percent(row.due_met, row.due_missed), row.due_met + row.due_missed
    if percent is None:
        return Cell(text="nothing due", sort="", number=True)
    few = ", too few" if n < ENOUGH else ""
    return Cell(text=f"{percent:.1f} % of {n:,}{few}", sort=percent, number=True)


def mttr_cell(row: SharedFigures) -> Cell:
    """Return a cell with the unified MTTR."""
    return hours_cell(hours_each(row.resolved_seconds, row.resolved))


def percent_cell(value: float | None) -> Cell:
    """Return a cell with a share; blank for None."""
    return Cell(text="" if value is None else f"{value:.1f} %", sort="" if value is None else value, number=True)


def hours_cell(value: float | None) -> Cell:
    """Return a cell with hours; blank for None."""
    return Cell(text="" if value is None else f"{value:.1f} h", sort="" if value is None else value, number=True)
