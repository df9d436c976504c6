"""Bounds the times that sources give by what earlier runs saw: what had not happened yet then, happened later.

A time that can be set afterwards (a stamp, the publication of a release, the registration of a version that was not
ready, or that was one of another model's) therefore starts or stops a clock no earlier than a run last saw it missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from flowjoy.domain import CodeRecord, ModelRecord, ModelVersion, Outcome, Precision
from flowjoy.domain.listings import last_listing, version_key
from flowjoy.domain.timestamps import EARLIEST


def models_not_yet(
    known: Mapping[str, datetime], ships: Iterable[ModelRecord], listed: Iterable[ModelVersion], now: datetime
) -> dict[str, datetime]:
    """Return the bounds of ships: those known, and now for each version that is not ready or did not ship."""
    shipped = {(record.name, record.version) for record in ships}
    waiting = {f"model:{v.name}/{v.version}": now for v in listed if (v.name, v.version) not in shipped}
    return {**_of_kind("model:", known), **waiting}


def code_not_yet(
    known: Mapping[str, datetime],
    remembered: Iterable[CodeRecord],
    current: Sequence[CodeRecord],
    waiting: Iterable[str],
    *,
    moved_after: datetime | None,
    now: datetime,
) -> dict[str, datetime]:
    """Return the bounds of releases: those known, and now for each of the `waiting` ids.

    `moved_after`: when the ledger was written. A record whose commit was another one then went live later; None for a
    source whose records do not move.
    """
    shown = {record.id: record for record in current}
    bounds = {**_of_kind("release:", known), **dict.fromkeys(waiting, now)}
    for record in remembered:
        same = shown.get(record.id)
        moved = same is not None and same.sha != record.sha and record.outcome is Outcome.SUCCESS
        if moved_after is not None and same is not None and moved:
            bounds.setdefault(with_commit(same), moved_after)
    for record in current:
        if record.id in bounds:
            bounds.setdefault(with_commit(record), bounds[record.id])
    return bounds


def code_no_earlier(
    current: Iterable[CodeRecord],
    bounds: Mapping[str, datetime],
    *,
    known: Mapping[str, datetime],
    remembered: Iterable[CodeRecord],
    now: datetime,
) -> tuple[CodeRecord, ...]:
    """Return the releases, none earlier than its bound, and each that has one with the time by which it was live.

    That is the run that first saw it, or an earlier release of the same commit. `known`: the bounds of the ledger. A
    release that it bounds, and does not remember, counts from its bound alone.
    """
    seen_by = {with_commit(record): record.seen_by for record in remembered}

    def bounded(record: CodeRecord) -> CodeRecord:
        key = with_commit(record)
        times = [bounds[name] for name in (record.id, key) if name in bounds]
        if not times or max(times) < record.shipped_at:
            return record
        seen = seen_by.get(key) if key in known else now
        return replace(record, shipped_at=max(times), seen_by=seen)

    return _narrowed([bounded(record) for record in current])


def _narrowed(records: Sequence[CodeRecord]) -> tuple[CodeRecord, ...]:
    """Return the releases, none live later than another one of its commit was at the latest."""

    def latest(record: CodeRecord) -> datetime:
        return record.seen_by or record.shipped_at

    def narrowed(record: CodeRecord) -> CodeRecord:
        same = [other for other in records if other.sha == record.sha and other.outcome is Outcome.SUCCESS]
        live_by = min((latest(other) for other in same if latest(other) >= record.shipped_at), default=latest(record))
        return replace(record, seen_by=live_by) if live_by < latest(record) else record

    return tuple(record if record.seen_by is None else narrowed(record) for record in records)


def models_no_earlier(
    records: Iterable[ModelRecord], bounds: Mapping[str, datetime], listed: Mapping[str, datetime]
) -> tuple[ModelRecord, ...]:
    """Return the ships, none earlier than its bound or than its version was `listed`. Observed ones have bounds."""

    def bounded(record: ModelRecord) -> ModelRecord:
        times = (bounds.get(record.id, EARLIEST), listed.get(version_key(record), EARLIEST))
        return replace(record, shipped_at=max(record.shipped_at, *times))

    return tuple(record if record.precision is Precision.OBSERVED else bounded(record) for record in records)


def listings(
    known: Mapping[str, datetime], models: Iterable[str], versions: Iterable[ModelVersion], now: datetime
) -> dict[str, datetime]:
    """Return the listings of `models`, whose versions were all read now, and the `known` ones of other models.

    By version the time of the last reading that did not list it: it may have been another model's then, because a
    registered model can be renamed. By model the time of the last reading.
    """
    asked, listed = set(models), {version_key(version): last_listing(version.name) for version in versions}
    return {
        **{key: at for key, at in known.items() if key.rpartition("/")[0] not in asked},
        **{key: known.get(key, known.get(model, EARLIEST)) for key, model in listed.items()},
        **{last_listing(name): now for name in asked},
    }


def with_commit(record: CodeRecord) -> str:
    """Return the key of the bound that holds while a release has this commit."""
    return f"{record.id}@{str(record.sha)[:12]}"


def _of_kind(prefix: str, known: Mapping[str, datetime]) -> dict[str, datetime]:
    return {key: at for key, at in known.items() if key.startswith(prefix)}
