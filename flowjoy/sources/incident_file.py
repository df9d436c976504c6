"""Incidents from a file, as incident tools export them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from flowjoy.domain import Incident, Note, NoteLevel
from flowjoy.domain.deduplication import unique
from flowjoy.domain.hosts import https_only
from flowjoy.domain.timestamps import EARLIEST, iso, iso_or_none, parse_iso, parse_local
from flowjoy.errors import HarvestError
from flowjoy.sources import file_cells as cells
from flowjoy.sources import file_columns as columns
from flowjoy.sources.base import Clients, HarvestQuery, SourceResult
from flowjoy.sources.tabular import Row, TextShape, TextTable, read_table, read_text

_START = (
    "start",
    "started_at",
    "start_time",
    "reported_at",
    "triggered_at",
    "created_at",
    "created_on",
    "created",
    "opened_at",
    "opened",
)
_END = ("end", "ended_at", "end_time", "resolved_at", "resolved_on", "resolved", "closed_at", "closed")
_CHANGED = ("last_status_change_at", "last_status_change_on", "status_category_changed")
_ID = ("id", "incident_id", "incident_number", "number", "issue_key", "key")
_TITLE = ("title", "summary", "short_description", "description", "name")
_TYPE = ("type", "issue_type", "incident_type")
_STATUS = ("status", "state", "resolution", "state_reason", "resolve_reason", "close_code")
_URL = (*columns.URL, "shortlink")
_RESOLVED = frozenset({"resolved", "closed", "done"})
_NOT_INCIDENTS = re.compile(
    r"false_?(positive|alert)s?|cancell?ed|duplicate.*|not_planned"
    r"|(won_?t|will_not)_(do|fix)|declined|rejected|invalid|not_required|obsolete"
    r"|not_an?_(bug|defect|issue|incident)"
    r"|(works|working|functions|functioning)_as_(designed|intended|expected)|(as|by)_design(ed)?"
    r"|(cannot|can_?t|could_not|unable_to)_(be_)?reproduced?|(not_solved_)?not_reproducible"
)
_REOPENED = re.compile(r"re_?opened")
_UNDER_WAY = re.compile(r"re_?opened|open|new|to_do|(work_)?in_progress|triggered|acknowledged|investigating")
"""A status that overrides the end in its row: many tools keep the first end when an incident is reopened."""
_MAINTENANCE = re.compile(r".*maintenance.*|planned|scheduled")

INCIDENTS = TextShape(
    label="incident file",
    times=_START,
    known=frozenset(
        {*_START, *_END, *_CHANGED, *_ID, *_TITLE, *_TYPE, "impact", *_STATUS, *_URL, *columns.SERVICE, "urgency"}
    ),
    cure="write a header line such as start,end,id,title,service; Created At and Resolved At of PagerDuty, Created and"
    " Resolved of Jira, opened_at and resolved_at of ServiceNow serve",
)
_DATES = tuple(
    f"{day} {time}"
    for day in ("%d %b %y", "%d %b %Y", "%b %d %Y", "%d %B %Y", "%B %d %Y")
    for time in ("%I:%M %p", "%I:%M:%S %p", "%H:%M", "%H:%M:%S")
)
"""How Jira and spreadsheets write a date whose month has a name. In `03/06/2024` either number may be the month."""


class NotCounted(StrEnum):
    """Reasons why a row is not an incident of this service."""

    SERVICE = "of another service"
    MAINTENANCE = "of planned maintenance"
    STATUS = "without an incident"
    URGENCY = "of low urgency (see `pagerduty-urgency`)"
    AHEAD = "ahead of as-of"


class IncidentFile:
    """`incident-file`."""

    label = INCIDENTS.label

    def fetch(self, query: HarvestQuery, access: Clients) -> str:
        """Return the file's text."""
        return read_text(query.settings.incident_file)

    def parse(self, raw: str, query: HarvestQuery) -> SourceResult[Incident]:
        """Return one record for each incident of this service; without an end it is open.

        Raise HarvestError for a row that cannot be read, with its line.
        """
        table = _checked(read_table(raw, INCIDENTS))
        left_out = _left_out(table, query)
        ours = _with_reopened([(row, _incident(row, query)) for row in table.rows if row.line not in left_out], query)
        texts: dict[NotCounted, list[str]] = {}
        for why, word in left_out.values():
            texts.setdefault(why, []).append(word)
        named = {item.id for row, item in ours if row.get(*_ID)}
        records = unique(
            cells.with_distinct_ids(ours, lambda item: "" if item.id in named else _end_text(item), self.label)
        )
        notes = [columns.left_out(why.value, texts[why]) for why in NotCounted if why in texts]
        notes += _open_notes(ours, {item.id for item in records if item.end is None})
        notes += _end_notes(ours, named)
        if table.rows and len(texts.get(NotCounted.SERVICE, ())) == len(table.rows):
            # A misspelt service would read as one without incidents.
            cure = "set `service`, or leave the column out"
            notes += [Note(f"{cure}: no row is of {query.settings.service!r}, all dropped", NoteLevel.WARNING)]
        notes += columns.unread_columns(table, INCIDENTS.known)
        return SourceResult(records=records, notes=tuple(notes))


def _left_out(table: TextTable, query: HarvestQuery) -> dict[int, tuple[NotCounted, str]]:
    """Return, by line, why rows do not count.

    An export of changes has one row per state: "not an incident" in one applies to every row with its id.
    """
    reasons = {row.line: _not_counted(row, query) for row in table.rows}
    statuses = [(row.get(*_ID), reasons[row.line]) for row in table.rows]
    dismissed = {name: why for name, why in statuses if name and why and why[0] is NotCounted.STATUS}
    reasons_by_line = {row.line: reasons[row.line] or dismissed.get(row.get(*_ID) or "") for row in table.rows}
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
        if row.get(*_ID) and _is_under_way(row) and row.get(*_END) and item.id in ends
        if _instant(row, _END, query) >= max(ends[item.id])
    }
    times = Counter(item.id for row, item in ours if row.get(*_ID) and not row.get(*_END) and _says_reopened(row))
    reopened = after | {name for name, count in times.items() if count >= len(ends.get(name, ()))}
    return [(row, replace(item, end=None) if item.id in reopened else item) for row, item in ours]


def _open_notes(ours: list[tuple[Row, Incident]], still_open: set[str]) -> list[str]:
    """Return notes on incidents that are open although a row carries an end."""
    ended = Counter(item.id for row, item in ours if item.id in still_open and row.get(*_END) is not None)
    under_way = {item.id for row, item in ours if item.id in ended and _is_under_way(row)}
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


def _is_under_way(row: Row) -> bool:
    """Return whether the status or resolution of a row says that the incident is open."""
    texts = [columns.word_of(row.cells.get(name, "")) for name in (*_STATUS[:2], "resolution")]
    return any(map(_UNDER_WAY.fullmatch, texts))


def _says_reopened(row: Row) -> bool:
    return any(_REOPENED.fullmatch(columns.word_of(row.cells.get(name, ""))) for name in _STATUS[:2])


def _checked(table: TextTable) -> TextTable:
    """Return the table. Raise HarvestError if it lacks a column of starts or ends.

    A misspelt header would leave every incident open.
    """
    if table.rows and not set(_START) & set(table.columns):
        first, names = table.rows[0], columns.named_briefly(sorted(table.columns.values()))
        problem = f"{INCIDENTS.label}, line {first.line}, start does not have a time (columns: {names})"
        raise HarvestError(problem, hint=INCIDENTS.cure)
    if table.rows and not set(_END) & set(table.columns):
        hint = "write a header line with start,end; the end of an open incident is empty"
        raise HarvestError(f"{INCIDENTS.label}: the column 'end' is missing", hint=hint)
    return table


def _not_counted(row: Row, query: HarvestQuery) -> tuple[NotCounted, str] | None:
    """Return why a row does not count, and the text that says so; its other cells need not be readable."""
    service = row.get(*columns.SERVICE)
    if service is not None and not columns.names_service(service, query.settings.service):
        return NotCounted.SERVICE, service
    for name in (*_TYPE, "impact", *_STATUS):
        cell = row.cells.get(name, "")
        word = columns.word_of(cell)
        if _MAINTENANCE.fullmatch(word):
            return NotCounted.MAINTENANCE, ""
        if name in _STATUS and _NOT_INCIDENTS.fullmatch(word):
            return NotCounted.STATUS, cell
    if query.settings.pagerduty_urgency == "high" and columns.word_of(row.get("urgency") or "") == "low":
        return NotCounted.URGENCY, ""
    return (NotCounted.AHEAD, "") if _instant(row, _START, query) > query.as_of else None


def _incident(row: Row, query: HarvestQuery) -> Incident:
    start, end = _instant(row, _START, query), _end(row, query)
    if start < EARLIEST:
        raise _wrong(row, _named(row, _START), f"{iso(start)} is before 2005")
    if end is not None and end < start:
        raise HarvestError(
            f"{INCIDENTS.label}, line {row.line}: it ends before it starts", hint="fix or delete the row"
        )
    service = query.settings.service
    return Incident(
        id=f"incident:file:{row.get(*_ID) or f'{service}:{iso(start)}'}",
        source="file",
        service=service,
        start=start,
        end=end,
        title=row.get(*_TITLE),
        type=row.get(*_TYPE),
        urgency=row.get("urgency"),
        url=https_only(row.get(*_URL)),
    )


def _end(row: Row, query: HarvestQuery) -> datetime | None:
    """Return when an incident ended; None while it is open, also if its end is in the future."""
    resolved = next((cell for cell in map(row.get, _STATUS[:2]) if columns.word_of(cell or "") in _RESOLVED), None)
    names = _END if resolved is None else (*_END, *_CHANGED)
    if _is_under_way(row):
        return None
    if row.get(*names) is None:
        if resolved is None:
            return None
        hint = "write the time at which it was resolved, or leave the row out"
        raise HarvestError(f"{INCIDENTS.label}, line {row.line}: it is {resolved}, and has no end", hint=hint)
    end = _instant(row, names, query)
    return end if end <= query.latest else None


def _instant(row: Row, names: tuple[str, ...], query: HarvestQuery) -> datetime:
    """Return the timestamp in the first of these cells that has one. Raise HarvestError with the line."""
    name = _named(row, names)
    text = row.get(name)
    if text is None:
        raise HarvestError(f"{INCIDENTS.label}, line {row.line}, {name} does not have a time")
    try:
        return _wall_clock(query.settings.timezone)(cells.with_offset(text))
    except ValueError as problem:
        raise _wrong(row, name, str(problem)) from None


def _named(row: Row, names: tuple[str, ...]) -> str:
    return next((name for name in names if row.get(name) is not None), names[0])


def _wrong(row: Row, name: str, problem: str) -> HarvestError:
    hint = (
        "write 2024-06-03T09:00:00Z; to read times without an offset, such as 03/Jun/24 9:00 AM, set `timezone`"
        " (for UTC: Etc/UTC)"
    )
    return HarvestError(f"{INCIDENTS.label}, line {row.line}, {name} carries a wrong time: {problem}", hint=hint)


def _wall_clock(zone: str) -> Callable[[str], datetime]:
    """Return the parser of an incident's times. Without an offset, they are wall-clock times in `timezone`.

    The default, `UTC`, still requires an offset, because nothing says that it was meant; `Etc/UTC` does.
    """

    def parse(text: str) -> datetime:
        written = _iso_of(text)
        return parse_iso(written) if zone == "UTC" else parse_local(written, ZoneInfo(zone))

    return parse


def _iso_of(text: str) -> str:
    """Return a date whose month has a name as ISO-8601 without an offset; other text as it is."""
    if not re.search(r"[A-Za-z]{3}", text):
        return text
    plain = " ".join(re.split(r"[\s/,.-]+", text.strip()))
    for form in _DATES:
        try:
            return datetime.strptime(plain, form).isoformat()  # noqa: DTZ007  (the zone comes from `timezone`)
        except ValueError:
            continue
    return text
