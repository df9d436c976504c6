"""What sources hand over, made one: unique ids, matrix jobs folded. Knows records, no frame and no network."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from dataclasses import fields, replace
from typing import Any, TypeVar

from flowjoy.model import CodeRecord, Incident, ModelRecord, Outcome

_Record = TypeVar("_Record", CodeRecord, ModelRecord, Incident)
_Value = TypeVar("_Value", bound=Hashable)
_HALF = re.compile("[\ud800-\udfff]")


def unique(records: Iterable[_Record]) -> tuple[_Record, ...]:
    """One record an id, sorted by id, whatever order or multiplicity they came in.

    Two records of one id that differ (a record met twice while it changed) keep the one that reads smallest,
    so that shuffled input gives the same answer.
    """
    kept: dict[str, _Record] = {}
    for record in map(_sound, records):
        held = kept.setdefault(record.id, record)
        if held != record and repr(record) < repr(held):
            kept[record.id] = record
    return tuple(kept[key] for key in sorted(kept))


def distinct(values: Iterable[_Value]) -> tuple[_Value, ...]:
    """Each value once, in one order, whatever order or multiplicity they came in."""
    return tuple(sorted(set(values), key=repr))


def _sound(record: _Record) -> _Record:
    """The record without halves of surrogate pairs, which JSON can carry, and neither UTF-8 nor pandas can."""
    held = {item.name: getattr(record, item.name) for item in fields(record)}
    sound: dict[str, Any] = {
        name: _HALF.sub("\ufffd", text) for name, text in held.items() if isinstance(text, str) and _HALF.search(text)
    }
    return replace(record, **sound) if sound else record


def fold(records: Iterable[CodeRecord]) -> tuple[CodeRecord, ...]:
    """One record per (service, environment, sha, run): matrix jobs and re-runs become their earliest success.

    A deployment without a run stands for itself. A group that never succeeded stays provisional where one of its
    jobs is this very run, else failed.
    """
    groups: dict[tuple[str, ...], list[CodeRecord]] = {}
    for record in unique(records):
        groups.setdefault(release_key(record), []).append(record)
    return unique(_earliest(group) for group in groups.values())


def release_key(record: CodeRecord) -> tuple[str, ...]:
    """What the jobs of one release share: (service, environment, sha, run); without a run or sha its own id."""
    if record.run_id is None or record.sha is None:
        return "", record.id
    return record.service, record.environment, record.sha, record.run_id


def _earliest(group: list[CodeRecord]) -> CodeRecord:
    for outcome in (Outcome.SUCCESS, Outcome.PROVISIONAL, Outcome.FAILED):
        found = [record for record in group if record.outcome is outcome]
        if found:
            return min(found, key=lambda record: (record.shipped_at, record.id))
    raise AssertionError("a group holds at least one record")


def shipped_again(records: Iterable[ModelRecord]) -> tuple[ModelRecord, ...]:
    """Give every ship after a version's first an id of its own: `model:<name>/<version>@<instant>`."""
    from flowjoy.instants import iso

    seen: set[str] = set()
    marked = []
    for record in sorted(records, key=lambda record: (record.shipped_at, record.id)):
        first = record.id not in seen
        seen.add(record.id)
        marked.append(record if first else replace(record, id=f"{record.id}@{iso(record.shipped_at)}"))
    return unique(marked)
