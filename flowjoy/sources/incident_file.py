"""Incidents from a file, as incident tools export them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime

from flowjoy.domain import Incident, Note, NoteLevel
from flowjoy.domain.deduplication import unique
from flowjoy.domain.timestamps import iso_or_none
from flowjoy.errors import HarvestError
from flowjoy.sources import file_cells as cells
from flowjoy.sources import file_columns as columns
from flowjoy.sources import incident_rows as rows
from flowjoy.sources.base import Clients, HarvestQuery, SourceResult
from flowjoy.sources.tabular import Row, TextTable, read_table, read_text


class IncidentFile:
    """`incident-file`."""

    label = rows.INCIDENTS.label

    def fetch(self, query: HarvestQuery, access: Clients) -> str:
        """Return the file's text."""
        return read_text(query.settings.incident_file)

    def parse(self, raw: str, query: HarvestQuery) -> SourceResult[Incident]:
        """Return one record for each incident of this service; without an end it is open.

        Raise HarvestError for a row that cannot be read, with its line.
        """
        table = _checked(read_table(raw, rows.INCIDENTS))
        left_out = _left_out(table, query)
        ours = _with_reopened(
            [(row, rows.incident(row, query)) for row in table.rows if row.line not in left_out], query
        )
        texts: dict[rows.NotCounted, list[str]] = {}
        for why, word in left_out.values():
            texts.setdefault(why, []).append(word)
        named = {item.id for row, item in ours if row.get(*rows.ID)}
        records = unique(
            cells.with_distinct_ids(ours, lambda item: "" if item.id in named else _end_text(item), self.label)
        )
        notes = [columns.left_out(why.value, texts[why]) for why in rows.NotCounted if why in texts]
        notes += _open_notes(ours, {item.id for item in records if item.end is None})
        notes += _end_notes(ours, named)
        if table.rows and len(texts.get(rows.NotCounted.SERVICE, ())) == len(table.rows):
            # A misspelt service would read as one without incidents.
            cure = "set `service`, or leave the column out"
            notes += [Note(f"{cure}: no row is of {query.settings.service!r}, all dropped", NoteLevel.WARNING)]
        notes += columns.unread_columns(table, rows.INCIDENTS.known)
        return SourceResult(records=records, notes=tuple(notes))


def _left_out(table: TextTable, query: HarvestQuery) -> dict[int, tuple[rows.NotCounted, str]]:
    """Return, by line, why rows do not count.

    An export of changes has one row per state: "not an incident" in one applies to every row with its id.
    """
    reasons = {row.line: rows.not_counted(row, query) for row in table.rows}
    statuses = [(row.get(*rows.ID), reasons[row.line]) for row in table.rows]
    dismissed = {name: why for name, why in statuses if name and why and why[0] is rows.NotCounted.STATUS}
    reasons_by_line = {row.line: reasons[row.line] or dismissed.get(row.get(*rows.ID) or "") for row in table.rows}
    return {line: why for line, why in reasons_by_line.items() if why is not None}


def _end_text(item: Incident) -> str:
    return iso_or_none(item.end) or "open"


def _with_reopened(ours: list[tuple[Row, Incident]], query: HarvestQuery) -> list[tuple[Row, Incident]]:
    """Return the rows. An incident that was reopened after its latest known end does not have an end."""
    ends: dict[str, set[datetime]] = {}
    for _, item in ours:
        if item.end is not None:
            ends.setdefault(item.id, set()).add(item.end)
    # The row carries the end after which it was reopened, or as many rows say so as there are ends.
    after = {
        item.id
        for row, item in ours
        if row.get(*rows.ID) and rows.is_under_way(row) and row.get(*rows.END) and item.id in ends
        if rows.instant(row, rows.END, query) >= max(ends[item.id])
    }
    times = Counter(
        item.id for row, item in ours if row.get(*rows.ID) and not row.get(*rows.END) and rows.says_reopened(row)
    )
    reopened = after | {name for name, count in times.items() if count >= len(ends.get(name, ()))}
    return [(row, replace(item, end=None) if item.id in reopened else item) for row, item in ours]


def _open_notes(ours: list[tuple[Row, Incident]], still_open: set[str]) -> list[str]:
    """Return notes on incidents that are open although a row carries an end."""
    ended = Counter(item.id for row, item in ours if item.id in still_open and row.get(*rows.END) is not None)
    under_way = {item.id for row, item in ours if item.id in ended and rows.is_under_way(row)}
    reopened, ahead = len(under_way), sum(count for name, count in ended.items() if name not in under_way)
    notes = [f"incidents that end ahead of as-of, and so are open: {ahead}"] if ahead else []
    return notes + ([f"incidents that carry an end, and are open by their status: {reopened}"] if reopened else [])


def _end_notes(ours: list[tuple[Row, Incident]], named: set[str]) -> list[str]:
    """Return a note on incidents whose rows carry different ends."""
    ends: dict[str, set[datetime]] = {}
    for _, item in ours:
        if item.id in named and item.end is not None:
            ends.setdefault(item.id, set()).add(item.end)
    several = sum(len(of_one) > 1 for of_one in ends.values())
    return [f"incidents with several ends, of which the latest counts: {several}"] if several else []


def _checked(table: TextTable) -> TextTable:
    """Return the table. Raise HarvestError if it lacks a column of starts or ends.

    A misspelt header would leave every incident open.
    """
    if table.rows and not set(rows.START) & set(table.columns):
        first, names = table.rows[0], columns.named_briefly(sorted(table.columns.values()))
        problem = f"{rows.INCIDENTS.label}, line {first.line}, start does not have a time (columns: {names})"
        raise HarvestError(problem, hint=rows.INCIDENTS.cure)
    if table.rows and not set(rows.END) & set(table.columns):
        hint = "write a header line with start,end; the end of an open incident is empty"
        raise HarvestError(f"{rows.INCIDENTS.label}: the column 'end' is missing", hint=hint)
    return table
