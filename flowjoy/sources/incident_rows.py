"""One row of an incident file: whether it counts, and the incident that it describes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from flowjoy.domain import Incident
from flowjoy.domain.hosts import https_only
from flowjoy.domain.timestamps import EARLIEST, iso, parse_iso, parse_local
from flowjoy.errors import HarvestError
from flowjoy.sources import file_cells as cells
from flowjoy.sources import file_columns as columns
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.tabular import Row, TextShape

START = (
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
END = ("end", "ended_at", "end_time", "resolved_at", "resolved_on", "resolved", "closed_at", "closed")
_CHANGED = ("last_status_change_at", "last_status_change_on", "status_category_changed")
ID = ("id", "incident_id", "incident_number", "number", "issue_key", "key")
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
    times=START,
    known=frozenset(
        {*START, *END, *_CHANGED, *ID, *_TITLE, *_TYPE, "impact", *_STATUS, *_URL, *columns.SERVICE, "urgency"}
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


def not_counted(row: Row, query: HarvestQuery) -> tuple[NotCounted, str] | None:
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
    return (NotCounted.AHEAD, "") if instant(row, START, query) > query.as_of else None


def incident(row: Row, query: HarvestQuery) -> Incident:
    """Return the incident of a row. Raise HarvestError for one that cannot be read, with its line."""
    start, end = instant(row, START, query), _end(row, query)
    if start < EARLIEST:
        raise _wrong(row, _named(row, START), f"{iso(start)} is before 2005")
    if end is not None and end < start:
        raise HarvestError(
            f"{INCIDENTS.label}, line {row.line}: it ends before it starts", hint="fix or delete the row"
        )
    service = query.settings.service
    return Incident(
        id=f"incident:file:{row.get(*ID) or f'{service}:{iso(start)}'}",
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
    names = END if resolved is None else (*END, *_CHANGED)
    if is_under_way(row):
        return None
    if row.get(*names) is None:
        if resolved is None:
            return None
        hint = "write the time at which it was resolved, or leave the row out"
        raise HarvestError(f"{INCIDENTS.label}, line {row.line}: it is {resolved}, and has no end", hint=hint)
    end = instant(row, names, query)
    return end if end <= query.latest else None


def instant(row: Row, names: tuple[str, ...], query: HarvestQuery) -> datetime:
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


def is_under_way(row: Row) -> bool:
    """Return whether the status or resolution of a row says that the incident is open."""
    texts = [columns.word_of(row.cells.get(name, "")) for name in (*_STATUS[:2], "resolution")]
    return any(map(_UNDER_WAY.fullmatch, texts))


def says_reopened(row: Row) -> bool:
    """Return whether the status of a row says that the incident was reopened."""
    return any(_REOPENED.fullmatch(columns.word_of(row.cells.get(name, ""))) for name in _STATUS[:2])
