"""Combines the records that sources show now with those that the ledger remembers: what stays once a source is gone.

What a source shows replaces what is remembered. What it confirmed once and no longer shows stays, flagged as gone.
Records of files, of a source that the inputs no longer name, and those older than `ledger/memory` keeps do not stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from flowjoy.analysis.promise.dependencies import head_waivers
from flowjoy.domain import (
    AliasObservation,
    CodeRecord,
    ModelRecord,
    ModelVersion,
    Outcome,
    Precision,
    Registered,
    StubFile,
    Waiver,
)
from flowjoy.domain.alias_observations import compact
from flowjoy.domain.bundle import RunParameters
from flowjoy.domain.deduplication import DELETED, release_key
from flowjoy.domain.listings import last_listing
from flowjoy.domain.merging import first_seen
from flowjoy.domain.records import Records
from flowjoy.domain.timestamps import iso

SHOWN_GONE = 5

_Listed = Mapping[tuple[str, str | None], ModelVersion]


@dataclass(frozen=True, kw_only=True)
class AskedSources:
    """The sources that a ledger was `written` from and those `asked` now: only records of the same source stay.

    A file of deployments is never the same source: a line that was deleted from it must not come back.
    """

    written: RunParameters
    asked: RunParameters

    @property
    def same_code(self) -> bool:
        """Whether both name one source of deployments."""
        return self.written.code_source == self.asked.code_source != ""

    @property
    def same_models(self) -> bool:
        """Whether both name one registry, or files."""
        return self.written.model_source == self.asked.model_source

    @property
    def moved_models(self) -> bool:
        """Whether they name two registries."""
        return "" not in (self.written.model_source, self.asked.model_source) and not self.same_models

    @property
    def all_same(self) -> bool:
        """Whether both name the same sources, files included."""
        written, asked = (
            (terms.code_source, terms.model_source, terms.model_signal) for terms in (self.written, self.asked)
        )
        return written == asked


def with_code(
    memory: Records, current: Sequence[CodeRecord], left_out: frozenset[str] = frozenset(), *, moves: bool = False
) -> tuple[CodeRecord, ...]:
    """Return the records of the source, and those that only the ledger knows, flagged as gone.

    `left_out`: ids that the source shows but that are not releases: neither gone nor remembered. A success that the
    source confirmed once stays if the source no longer shows it as one. If the commit of a record `moves` (that of a
    tag), the remembered commit stays under an id of its own.
    """
    shown = {record.id: record for record in current if record.outcome is not Outcome.FAILED}
    live = sorted(shown.values(), key=lambda record: record.shipped_at, reverse=True)
    first = {release_key(record): record.shipped_at for record in live}
    kept = []
    for record in memory.code:
        key, same = release_key(record), shown.get(record.id)
        if record.outcome is not Outcome.SUCCESS or record.id in left_out:
            continue
        if same is not None and moves and same.sha != record.sha:
            kept.append(replace(record, id=f"{record.id}@{str(record.sha)[:12]}", source_gone=True))
        elif same is not None and record.shipped_at < same.shipped_at:
            # Published or started again: the first success is what opened the clock.
            kept.append(replace(record, id=f"{record.id}@{iso(record.shipped_at)}", source_gone=True))
        # The earliest job of a release counts: a later one does not restart its deadline.
        elif same is None and not (key in first and first[key] <= record.shipped_at):
            kept.append(replace(record, source_gone=True))
    replaced = {record.id for record in kept}
    # Not folded: the records of the source are judged as they would be without a ledger.
    return tuple(
        sorted((*(record for record in current if record.id not in replaced), *kept), key=lambda record: record.id)
    )


def with_models(
    memory: Records,
    current: Sequence[ModelRecord],
    names: Iterable[str],
    listed: Sequence[ModelVersion],
    known: Mapping[str, Registered],
    before: Mapping[str, ModelRecord] | None = None,
) -> tuple[ModelRecord, ...]:
    """Return the same for the models asked for. A registry is always read completely, so what it does not list is gone.

    For a version that it lists the registry is right: a stamp that was removed is not a ship. A stamp that was moved to
    a later time does not make the version new again, nor does the stamp of one that had shipped `before` (by id).
    A version of a model that was deleted and created again is a different version, even with the same number.
    """
    asked = set(names)
    there: _Listed = {(version.name, version.version): version for version in listed}
    gone = [
        _as_gone(record, there, listed, known.get(record.name))
        for record in memory.models
        if record.name in asked and not _is_listed(record, there)
    ]
    exact = {record.id for record in gone}
    stays = (record for record in memory.models if _is_listed(record, there))
    shown = tuple(_shipped_before(stays, [record for record in current if record.id not in exact], before or {}))
    seen = (replace(r, borne_out=_is_borne_out(r, listed, known.get(r.name))) if r.source_gone else r for r in shown)
    same = {_ship(record) for record in shown if record.registered_at is not None}
    return (*seen, *(record for record in gone if _ship(record) not in same))


def _ship(record: ModelRecord) -> tuple[object, ...]:
    """Return what a ship is known by, also if a run that asked another registry remembers it under another name."""
    number = record.id.removesuffix(DELETED)
    return number, record.registered_at, record.shipped_at, record.not_before, record.precision


def _is_listed(record: ModelRecord, there: _Listed) -> bool:
    """Return whether the registry lists this version: the same number, registered at the same time."""
    version = there.get((record.name, record.version))
    if version is None:
        return False
    stamps = (record.registered_at, version.registered_at)
    return None in stamps or stamps[0] == stamps[1]


def _as_gone(
    record: ModelRecord, there: _Listed, listed: Sequence[ModelVersion], known: Registered | None
) -> ModelRecord:
    record = replace(record, source_gone=True, borne_out=_is_borne_out(record, listed, known))
    if (record.name, record.version) not in there:
        return record
    # Another version has its number now.
    return replace(record, id=f"{record.id}{DELETED}", version=f"{record.version}{DELETED}")


def _is_borne_out(record: ModelRecord, listed: Sequence[ModelVersion], known: Registered | None) -> bool:
    """Return whether the registry itself proves that a version existed which it no longer lists.

    Numbers increase and are never reused, so a higher number registered later proves a lower one. The newest version is
    proved only by a change of the model. A ledger alone proves nothing.
    """
    since, number = record.registered_at or record.shipped_at, record.version or ""
    if known is None or not number.isdigit() or (known.created_at is not None and since < known.created_at):
        return False
    later = [
        int(version.version)
        for version in listed
        if version.name == record.name
        and version.version.isdigit()
        and (version.registered_at is None or version.registered_at >= since)
    ]
    return int(number) < max(later, default=0) or known.lost_one


def _shipped_before(
    remembered: Iterable[ModelRecord], current: Sequence[ModelRecord], before: Mapping[str, ModelRecord]
) -> Iterator[ModelRecord]:
    """Yield the records of the registry; a stamp later than the first ship is a repeated ship of the version.

    A stamp that earlier runs believed still says when, within the bounds of what was observed, after it was moved.
    """
    earlier = {**{record.id: record for record in remembered if record.precision is Precision.EXACT}, **before}
    stamped = {(record.name, record.version) for record in current if record.precision is Precision.EXACT}
    for record in current:
        first = earlier.get(record.id)
        if first is None or (record.name, record.version) not in stamped or not _is_before(first, record):
            yield record
            continue
        kept = ("shipped_at", "not_before", "precision", "stamp", "maybe_live_before", "maybe_copy")
        yield replace(record, **{name: getattr(first, name) for name in kept})
        if record.precision is Precision.EXACT:
            yield replace(record, id=_again(record))


def _is_before(first: ModelRecord, record: ModelRecord) -> bool:
    """Return whether a remembered ship is the first one of a version whose record the registry shows now."""
    if record.precision is Precision.EXACT:
        return first.shipped_at < record.shipped_at
    if record.precision is not Precision.OBSERVED or record.not_before is None or first.not_before is not None:
        return False
    return record.not_before < first.shipped_at <= record.shipped_at


def _again(record: ModelRecord) -> str:
    return f"{record.id}@{iso(record.shipped_at)}"


def only_listed(memory: Records, listed: Iterable[ModelVersion]) -> Records:
    """Return the memory of a file, whose rows may go: its versions that the file still lists."""
    there: _Listed = {(version.name, version.version): version for version in listed}
    return replace(memory, models=tuple(record for record in memory.models if _is_listed(record, there)))


def gone_since(
    memory: Records, records: Iterable[ModelRecord], listed: Iterable[ModelVersion], now: datetime
) -> dict[str, datetime]:
    """Return since when each version may be missing: from the last reading that listed it, or else from now.

    A version that is listed again is not missing.
    """
    listed_at = {record.name: memory.listings.get(last_listing(record.name), now) for record in records}
    missed = {f"{record.name}/{record.version}": listed_at[record.name] for record in records if record.source_gone}
    there = {f"{version.name}/{version.version}" for version in listed}
    return {key: at for key, at in {**missed, **memory.models_gone}.items() if key not in there}


def gone(records: Iterable[CodeRecord] | Iterable[ModelRecord]) -> tuple[str, ...]:
    """Return a note that names the records that only the ledger knows."""
    names = sorted(record.id for record in records if record.source_gone)
    if not names:
        return ()
    more = f" and {len(names) - SHOWN_GONE} more" if len(names) > SHOWN_GONE else ""
    return (f"known from the ledger only, the source no longer shows it: {', '.join(names[:SHOWN_GONE])}{more}",)


def with_observations(memory: Records, seen: Iterable[AliasObservation]) -> tuple[AliasObservation, ...]:
    """Return every observation that the next run needs."""
    return compact((*memory.observations, *seen))


def sighted(memory: Records, stubs: Mapping[str, StubFile], now: datetime) -> tuple[Waiver, ...]:
    """Return the waivers at the head of the default branch, each with the time at which a run first saw it."""
    here = tuple(replace(waiver, seen_at=now) for waiver in head_waivers(stubs))
    return first_seen(memory.waivers, here)
