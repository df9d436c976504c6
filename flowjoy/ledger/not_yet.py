"""Bounds the times that sources give by what earlier runs saw: what had not happened yet then, happened later.

A time that can be set afterwards (a stamp, the publication of a release, the registration of a version that was not
ready, or that was one of another model's) therefore starts or stops a clock no earlier than a run last saw it missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flowjoy.domain import CodeRecord, ModelRecord, ModelVersion, Outcome, Precision
from flowjoy.domain.alias_observations import every_change
from flowjoy.domain.listings import keys_of, last_readings, stamp_key, version_key
from flowjoy.domain.records import Records
from flowjoy.domain.timestamps import EARLIEST
from flowjoy.ledger.other_signals import is_by


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
    bounds = {**known, **dict.fromkeys(waiting, now)}
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


Bounds = list[tuple[datetime, datetime]]
"""Pairs of times, the first excluded: in one of them something happened."""


@dataclass(frozen=True, kw_only=True)
class Listings:
    """The readings of a registry or file: `Records.listings` and `Records.first_listed`."""

    without: Mapping[str, datetime]
    first: Mapping[str, datetime]

    def read(self, models: Iterable[str], versions: Iterable[ModelVersion], now: datetime) -> Listings:
        """Return the listings after a reading of `models`, whose `versions` were all read now.

        A version that the last reading did not list may have been another model's then, because a registered model can
        be renamed. Those of other models stay.
        """
        asked, shown = set(models), {key: last for version in versions for key, last in keys_of(version)}
        read = {name for model in asked for name in last_readings(model)}
        return Listings(
            without={
                **_of_others(self.without, asked),
                **{key: self.without.get(key, self.without.get(last, EARLIEST)) for key, last in shown.items()},
                **dict.fromkeys(read, now),
            },
            first={
                **_of_others(self.first, asked),
                **{key: self._first_with(key, last, now) for key, last in shown.items()},
            },
        )

    def _first_with(self, key: str, last: str, now: datetime) -> datetime:
        """Return the first reading that listed it; of a ledger that did not keep that, the last one."""
        return self.first.get(key, self.without.get(last, now) if key in self.without else now)


def models_no_earlier(
    records: Iterable[ModelRecord], listings: Listings, settled: Mapping[str, Bounds] | None = None
) -> tuple[ModelRecord, ...]:
    """Return the ships; one that claims a time at which a run did not see it lies between that and the first that did.

    Observed ships have such bounds already. A stamp may narrow the bounds that are `settled` for its version.
    """

    def bounded(record: ModelRecord) -> ModelRecord:
        stamps = () if record.stamp is None else (stamp_key(record, record.stamp),)
        unseen = [
            key for key in (version_key(record), *stamps) if record.shipped_at < listings.without.get(key, EARLIEST)
        ]
        within = [] if record.stamp is None or settled is None else settled.get(version_key(record), [])
        if not unseen or any(after < record.shipped_at <= seen for after, seen in within):
            return record
        after = max(listings.without[key] for key in unseen)
        seen = max(listings.first[key] for key in unseen)
        return replace(record, not_before=after, shipped_at=max(seen, after + timedelta(microseconds=1)))

    return tuple(record if record.precision is Precision.OBSERVED else bounded(record) for record in records)


def settled_bounds(memory: Records, signal: str) -> dict[str, Bounds]:
    """Return, by version, the times between which earlier runs found that it went live: by observation, or by bounds.

    Only what they found by the same signal counts. A stamp that they believed leaves no bounds but its own microsecond.
    """
    believed: dict[str, Bounds] = {}
    bounds: defaultdict[str, Bounds] = defaultdict(list)
    for record in memory.models:
        if record.not_before is not None and is_by(record, signal):
            bounds[version_key(record)].append((record.not_before, record.shipped_at))
        elif record.stamp is not None:
            tick = record.shipped_at - timedelta(microseconds=1)
            believed.setdefault(version_key(record), []).append((tick, record.shipped_at))
    for change in every_change(item for item in memory.observations if item.signal == signal):
        if change.not_before is not None:
            bounds[version_key(change.observation)].append((change.not_before, change.observation.at))
    return bounds | believed


def _of_others(known: Mapping[str, datetime], asked: Container[str]) -> dict[str, datetime]:
    return {key: at for key, at in known.items() if key.rpartition("/")[0] not in asked}


def with_commit(record: CodeRecord) -> str:
    """Return the key of the bound that holds while a release has this commit."""
    return f"{record.id}@{str(record.sha)[:12]}"
