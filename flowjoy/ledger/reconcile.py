"""What was found, made whole by what a ledger remembers. Pure; knows records and a memory, no bundle or artifact.

A source is believed in what it shows, and never in that something it once confirmed is no more: that stays, flagged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
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
from flowjoy.domain.deduplication import DELETED, release_key
from flowjoy.domain.merging import first_seen
from flowjoy.domain.records import Records
from flowjoy.domain.timestamps import iso

SHOWN_GONE = 5

_Listed = Mapping[tuple[str, str | None], ModelVersion]


def with_code(
    memory: Records, found: Sequence[CodeRecord], left_out: frozenset[str] = frozenset(), *, moves: bool = False
) -> tuple[CodeRecord, ...]:
    """Return what the source shows as it shows it, and what only the ledger knows, flagged.

    `left_out`: ids of what the source shows, and what is no release: not gone, and not to be remembered. A success that
    the source confirmed once stays when the source shows it no more, or as no success; and where a commit `moves` (that
    of a tag), under an id of its own when the source shows another commit.
    """
    shown = {record.id: record for record in found if record.outcome is not Outcome.FAILED}
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
        # Of a release's jobs the earliest counts: a later one does not start the clock anew.
        elif same is None and not (key in first and first[key] <= record.shipped_at):
            kept.append(replace(record, source_gone=True))
    replaced = {record.id for record in kept}
    # Not folded into what is shown: that is judged by itself, as without a ledger.
    return tuple(
        sorted((*(record for record in found if record.id not in replaced), *kept), key=lambda record: record.id)
    )


def with_models(
    memory: Records,
    found: Sequence[ModelRecord],
    names: Iterable[str],
    listed: Sequence[ModelVersion],
    known: Mapping[str, Registered],
    by_registration: frozenset[str] = frozenset(),
) -> tuple[ModelRecord, ...]:
    """Return the same for the models asked for. A registry is always read whole, so what it does not list is gone.

    Of a version that it lists the registry's word holds: a stamp that was taken back is no ship. But a stamp that
    was moved to a later time does not make the version new once more, and neither does the stamp of one of those that
    had shipped `by_registration` (ids). A version of a model that was deleted and made again is another one, whatever
    its number.
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
    shown = _shipped_before(stays, (record for record in found if record.id not in exact), by_registration)
    seen = (replace(r, borne_out=_is_borne_out(r, listed, known.get(r.name))) if r.source_gone else r for r in shown)
    return (*seen, *gone)


def _is_listed(record: ModelRecord, there: _Listed) -> bool:
    """Return whether the registry lists this very version: one of its number that was registered when it was."""
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
    # The version that has its number now is another one.
    return replace(record, id=f"{record.id}{DELETED}", version=f"{record.version}{DELETED}")


def _is_borne_out(record: ModelRecord, listed: Sequence[ModelVersion], known: Registered | None) -> bool:
    """Return whether the registry itself shows that a version was there which it no longer lists.

    Numbers count up and are never given twice, so that a higher one that was registered later proves a lower one; of
    the newest version only the change of the model tells. A ledger alone proves none.
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
    remembered: Iterable[ModelRecord], found: Iterable[ModelRecord], by_registration: frozenset[str]
) -> Iterator[ModelRecord]:
    """Yield what the registry shows; a stamp that came later than the first ship ships the version again, not anew."""
    stamped = {record.id: record for record in remembered if record.precision is Precision.EXACT}
    for record in found:
        first = stamped.get(record.id)
        if record.id in by_registration and record.registered_at is not None:
            yield replace(record, shipped_at=record.registered_at, precision=Precision.REGISTERED)
            yield replace(record, id=_again(record))
        elif first is None or record.precision is not Precision.EXACT or first.shipped_at >= record.shipped_at:
            yield record
        else:
            yield replace(record, shipped_at=first.shipped_at)
            yield replace(record, id=_again(record))


def _again(record: ModelRecord) -> str:
    return f"{record.id}@{iso(record.shipped_at)}"


def aside(memory: Records, names: Iterable[str]) -> tuple[ModelRecord, ...]:
    """What is remembered of models that this run does not ask for: a later one may."""
    asked = set(names)
    return tuple(record for record in memory.models if record.name not in asked)


def gone_since(
    memory: Records, records: Iterable[ModelRecord], listed: Iterable[ModelVersion], now: datetime
) -> dict[str, datetime]:
    """When each version that is gone was first missed; one that is listed (again) is not gone."""
    missed = {f"{record.name}/{record.version}": now for record in records if record.source_gone}
    there = {f"{version.name}/{version.version}" for version in listed}
    return {key: at for key, at in {**missed, **memory.models_gone}.items() if key not in there}


def gone(records: Iterable[CodeRecord] | Iterable[ModelRecord]) -> tuple[str, ...]:
    """Return a note that names what only the ledger knows."""
    names = sorted(record.id for record in records if record.source_gone)
    if not names:
        return ()
    more = f" and {len(names) - SHOWN_GONE} more" if len(names) > SHOWN_GONE else ""
    return (f"known from the ledger only, the source no longer shows it: {', '.join(names[:SHOWN_GONE])}{more}",)


def with_observations(memory: Records, seen: Iterable[AliasObservation]) -> tuple[AliasObservation, ...]:
    """Return every observation that the next run needs."""
    return compact((*memory.observations, *seen))


def sighted(memory: Records, stubs: Mapping[str, StubFile], path: str, now: datetime) -> tuple[Waiver, ...]:
    """The waivers at the head of the default branch, each with the first instant at which a run saw it."""
    here = tuple(replace(waiver, seen_at=now) for waiver in head_waivers(stubs, path))
    return first_seen(memory.waivers, here)
