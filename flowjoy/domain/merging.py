"""How two ledgers' values of one field become one. Every rule is commutative, associative and idempotent."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from flowjoy.domain import Action, CodeRecord, Inventory, ModelRecord, Outcome, Precision, StubFile, Waiver
from flowjoy.domain.deduplication import distinct
from flowjoy.domain.drift import PastDriftCheck, first_and_last

_Record = TypeVar("_Record", CodeRecord, ModelRecord)
_Value = TypeVar("_Value")
_Item = TypeVar("_Item", bound=Hashable)
_Ordered = TypeVar("_Ordered", int, str)


def strongest_per_id(one: tuple[_Record, ...], other: tuple[_Record, ...]) -> tuple[_Record, ...]:
    """Return one record an id: of two that differ the stronger, and the same one for everyone."""
    joined: dict[str, _Record] = {}
    for record in one + other:
        known = joined.setdefault(record.id, record)
        if record != known and _weakness(record) < _weakness(known):
            joined[record.id] = record
    return tuple(joined[key] for key in sorted(joined))


def _weakness(record: CodeRecord | ModelRecord) -> tuple[bool, datetime, bool, str]:
    """Sort a success before a failure and a stamp before a registration; then the earlier; then one still shown."""
    if isinstance(record, CodeRecord):
        weak = record.outcome is not Outcome.SUCCESS
    else:
        weak = record.precision is not Precision.EXACT
    return weak, record.shipped_at, record.source_gone, repr(record)


def smallest_per_key(
    one: Mapping[str, _Value], other: Mapping[str, _Value], rank: Callable[[_Value], str] = repr
) -> dict[str, _Value]:
    """Return the entries of both; of two values that differ the one that reads smaller."""
    return {key: min((side[key] for side in (one, other) if key in side), key=rank) for key in sorted({*one, *other})}


def one_stub_per_commit(one: Mapping[str, StubFile], other: Mapping[str, StubFile]) -> dict[str, StubFile]:
    """Return the stubs of both; of two that differ at one commit, a file before an absent one."""
    return smallest_per_key(one, other, lambda stub: repr(stub.file))


def earliest_per_key(one: Mapping[str, datetime], other: Mapping[str, datetime]) -> dict[str, datetime]:
    """Return the entries of both, each with its earliest time."""
    return {key: min(side[key] for side in (one, other) if key in side) for key in sorted({*one, *other})}


def latest_per_key(one: Mapping[str, datetime], other: Mapping[str, datetime]) -> dict[str, datetime]:
    """Return the entries of both, each with its latest time."""
    return {key: max(side[key] for side in (one, other) if key in side) for key in sorted({*one, *other})}


def earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the earlier of two times, if there is one."""
    return min(filter(None, (one, other)), default=None)


def latest(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the later of two times, if there is one."""
    return max(filter(None, (one, other)), default=None)


def newest(one: Inventory | None, other: Inventory | None) -> Inventory | None:
    """Return the inventory that was read last, if there is one."""
    return max(filter(None, (one, other)), key=lambda item: (item.read_at, repr(item)), default=None)


def first_seen(one: Iterable[Waiver], other: Iterable[Waiver]) -> tuple[Waiver, ...]:
    """Return each waiver once, with the earliest time at which a run saw it."""
    first: dict[Waiver, Waiver] = {}
    for waiver in sorted((*one, *other), key=repr):
        same = replace(waiver, seen_at=None)
        first[same] = replace(waiver, seen_at=earliest(first.get(same, waiver).seen_at, waiver.seen_at))
    return distinct(first.values())


def all_distinct(one: Iterable[_Item], other: Iterable[_Item]) -> tuple[_Item, ...]:
    """Return the values of both, each once."""
    return distinct((*one, *other))


def all_sorted(one: Iterable[_Ordered], other: Iterable[_Ordered]) -> tuple[_Ordered, ...]:
    """Return the numbers or ids of both, each once and in order."""
    return tuple(sorted(set(one) | set(other)))


def one_per_week(one: Iterable[Action], other: Iterable[Action]) -> tuple[Action, ...]:
    """Return one action a week: the same one for everyone."""
    by_week = {action.week: action for action in sorted((*one, *other), key=repr, reverse=True)}
    return tuple(by_week[week] for week in sorted(by_week))


def first_and_last_checks(one: Iterable[PastDriftCheck], other: Iterable[PastDriftCheck]) -> tuple[PastDriftCheck, ...]:
    """Return the first and the last check of each sample in either."""
    return first_and_last((*one, *other))
