"""Cells of a user's file as values, and records with distinct ids."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from flowjoy.domain import CodeRecord, Incident
from flowjoy.domain.timestamps import parse_iso
from flowjoy.errors import HarvestError
from flowjoy.sources.base import HarvestQuery, stamp_of
from flowjoy.sources.tabular import Row

_Record = TypeVar("_Record", CodeRecord, Incident)


def with_distinct_ids(rows: list[tuple[Row, _Record]], rest: Callable[[_Record], str], label: str) -> list[_Record]:
    """Return the records so that none replaces another. Raise HarvestError for one id at two times.

    A record without an id is identified by its time. Of two at one time that differ, the rest becomes part of the id.
    """
    instants: dict[str, datetime] = {}
    rests: dict[str, set[str]] = {}
    for row, item in rows:
        at = item.start if isinstance(item, Incident) else item.shipped_at
        if instants.setdefault(item.id, at) != at:
            raise HarvestError(f"{label}, line {row.line}: its id is also in another row, with another time")
        rests.setdefault(item.id, set()).add(rest(item))
    return [replace(item, id=f"{item.id}:{rest(item)}") if len(rests[item.id]) > 1 else item for _, item in rows]


def timestamp(
    row: Row, name: str, label: str, query: HarvestQuery, parse: Callable[[str], datetime] | None = None
) -> datetime:
    """Return the timestamp in a cell. Raise HarvestError with the line and the problem."""
    what, text = f"{label}, line {row.line}, {name}", row.get(name)
    if text is None:
        raise HarvestError(f"{what} does not have a time")
    try:
        at = (parse or written_iso)(text)
    except ValueError as problem:
        raise HarvestError(f"{what} carries a wrong time: {problem}") from None
    return stamp_of(at, what, query)


def written_iso(text: str) -> datetime:
    """Return an ISO-8601 timestamp with an offset, which may be written as `UTC` or `GMT`. Raise ValueError."""
    return parse_iso(with_offset(text))


def with_offset(text: str) -> str:
    """Return a timestamp with `+00:00` for the `UTC` or `GMT` at its end."""
    return re.sub(r"\s*(\+00:?00\s+)?(UTC|GMT)$", "+00:00", text.strip())
