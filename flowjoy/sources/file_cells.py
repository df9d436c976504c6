"""Single cells of a user's file, and records that must not hide each other."""

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


def told_apart(rows: list[tuple[Row, _Record]], rest: Callable[[_Record], str], label: str) -> list[_Record]:
    """Return the records so that none hides another: one id at two times is refused.

    A record without an id is known by its time; where two at one time differ in the rest, that joins the id.
    """
    instants: dict[str, datetime] = {}
    rests: dict[str, set[str]] = {}
    for row, item in rows:
        at = item.start if isinstance(item, Incident) else item.shipped_at
        if instants.setdefault(item.id, at) != at:
            raise HarvestError(f"{label}, line {row.line}: its id stands in another row, with another time")
        rests.setdefault(item.id, set()).add(rest(item))
    return [replace(item, id=f"{item.id}:{rest(item)}") if len(rests[item.id]) > 1 else item for _, item in rows]


def timestamp(
    row: Row, name: str, label: str, query: HarvestQuery, parse: Callable[[str], datetime] | None = None
) -> datetime:
    """Return the timestamp in a cell. HarvestError names the line and what is wrong."""
    what, text = f"{label}, line {row.line}, {name}", row.get(name)
    if text is None:
        raise HarvestError(f"{what} carries no time")
    try:
        at = (parse or written_iso)(text)
    except ValueError as problem:
        raise HarvestError(f"{what} carries a wrong time: {problem}") from None
    return stamp_of(at, what, query)


def written_iso(text: str) -> datetime:
    """Return an ISO-8601 timestamp with an offset, which may be written as `UTC` or `GMT`. Raises ValueError."""
    return parse_iso(with_offset(text))


def with_offset(text: str) -> str:
    """Return a timestamp with `+00:00` for the `UTC` or `GMT` at its end."""
    return re.sub(r"\s*(\+00:?00\s+)?(UTC|GMT)$", "+00:00", text.strip())


def https(value: str | None) -> str | None:
    """Return only an address that is a link for people; nothing that runs."""
    return value if value is not None and value.startswith("https://") else None
