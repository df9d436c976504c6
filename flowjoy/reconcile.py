"""What was found, made whole by what a ledger remembers. Pure; knows records and a memory, no bundle or artifact.

A source is believed in what it shows, and never in that something it once confirmed is no more: that stays, flagged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from flowjoy.dependence import head_waivers
from flowjoy.instants import iso
from flowjoy.ledger import Memory, first_seen
from flowjoy.looks import compact
from flowjoy.model import CodeRecord, Look, ModelRecord, ModelVersion, Outcome, Precision, StubText, Waiver
from flowjoy.records import fold, release_key

SHOWN_GONE = 5


def reread_since(memory: Memory, changes_for: timedelta | None, sla: timedelta) -> datetime | None:
    """From where on code is asked for again; None: from the start.

    What may have changed since the last look: what is young enough, what was under way, whatever is held to be gone
    (one bad answer must not be believed for ever), and the deploys of open clocks. And one clock more: a model may have
    been shipped together with the oldest of these.
    """
    if memory.code_known_at is None or changes_for is None:
        return None
    # What the source can be asked for by its name need not be found by its age.
    unsettled = [
        r.created_at
        for r in memory.code
        if r.created_at is not None and (r.source_gone or (r.under_way and not r.ask_again))
    ]
    oldest = [memory.code_known_at - changes_for, *unsettled]
    return min([*oldest, memory.open_since] if memory.open_since is not None else oldest) - sla


def has_shrunk(memory: Memory, found: Sequence[CodeRecord], total: int | None) -> bool:
    """Whether the source counts fewer deployments than it must: some of those that were not asked for are gone."""
    known_at = memory.code_known_at
    if total is None or memory.code_total is None or known_at is None:
        return False
    return total < memory.code_total + sum(r.created_at is not None and r.created_at > known_at for r in found)


def with_code(
    memory: Memory,
    found: Sequence[CodeRecord],
    asked_since: datetime | None,
    left_out: frozenset[str] = frozenset(),
) -> tuple[CodeRecord, ...]:
    """What the source shows, and what only the ledger knows. What the source shows as a success is so as it shows it.

    `left_out`: ids of what the source shows, and what is no release: not gone, and not to be remembered.
    `asked_since`: what was created since then was asked for, None: everything. A success that the source confirmed
    once stays, flagged, when the source shows it no more, or as no success.
    """
    shown = {record.id for record in found if record.outcome is not Outcome.FAILED}
    groups = {release_key(record) for record in found if record.outcome is not Outcome.FAILED}
    failed = {record.id for record in found} - shown
    kept = []
    for record in memory.code:
        asked = asked_since is None or (record.created_at is not None and record.created_at >= asked_since)
        gone = record.source_gone or asked or record.id in failed
        # Of a release's jobs the earliest counts; one that was not asked for is still there.
        if record.id in shown | left_out or (gone and release_key(record) in groups):
            continue
        if record.outcome is Outcome.SUCCESS or not gone:
            kept.append(replace(record, source_gone=gone))
    replaced = {record.id for record in kept}
    return fold((*(record for record in found if record.id not in replaced), *kept))


def with_models(
    memory: Memory, found: Sequence[ModelRecord], names: Iterable[str], listed: Iterable[ModelVersion]
) -> tuple[ModelRecord, ...]:
    """The same for the models asked for. A registry is always read whole, so what it does not list is gone.

    Of a version that it lists the registry's word holds: a stamp that was taken back is no ship. But a stamp that
    was moved to a later time does not make the version new once more.
    """
    asked, there = set(names), {(version.name, version.version) for version in listed}
    kept = [
        replace(record, source_gone=True)
        for record in memory.models
        if record.name in asked and (record.name, record.version) not in there
    ]
    exact = {record.id for record in kept}
    shown = _shipped_before(memory, (record for record in found if record.id not in exact))
    return (*shown, *kept)


def _shipped_before(memory: Memory, found: Iterable[ModelRecord]) -> Iterator[ModelRecord]:
    """Yield what the registry shows; a stamp that was moved to a later time ships the version again, not anew."""
    stamped = {record.id: record for record in memory.models if record.precision is Precision.EXACT}
    for record in found:
        first = stamped.get(record.id)
        if first is None or record.precision is not Precision.EXACT or first.shipped_at >= record.shipped_at:
            yield record
        else:
            yield replace(record, shipped_at=first.shipped_at)
            yield replace(record, id=f"{record.id}@{iso(record.shipped_at)}")


def aside(memory: Memory, names: Iterable[str]) -> tuple[ModelRecord, ...]:
    """What is remembered of models that this run does not ask for: a later one may."""
    asked = set(names)
    return tuple(record for record in memory.models if record.name not in asked)


def gone_since(
    memory: Memory, records: Iterable[ModelRecord], listed: Iterable[ModelVersion], now: datetime
) -> dict[str, datetime]:
    """When each version that is gone was first missed; one that is listed (again) is not gone."""
    missed = {f"{record.name}/{record.version}": now for record in records if record.source_gone}
    there = {f"{version.name}/{version.version}" for version in listed}
    return {key: at for key, at in {**missed, **memory.models_gone}.items() if key not in there}


def gone(records: Iterable[CodeRecord] | Iterable[ModelRecord]) -> tuple[str, ...]:
    """A note that names what only the ledger knows."""
    names = sorted(record.id for record in records if record.source_gone)
    if not names:
        return ()
    more = f" and {len(names) - SHOWN_GONE} more" if len(names) > SHOWN_GONE else ""
    return (f"known from the ledger only, the source no longer shows it: {', '.join(names[:SHOWN_GONE])}{more}",)


def with_looks(memory: Memory, seen: Iterable[Look]) -> tuple[Look, ...]:
    """Every look that the next run must know."""
    return compact((*memory.looks, *seen))


def sighted(memory: Memory, stubs: Mapping[str, StubText], path: str, now: datetime) -> tuple[Waiver, ...]:
    """The waivers at the head of the default branch, each with the first instant at which a run saw it."""
    here = tuple(replace(waiver, seen_at=now) for waiver in head_waivers(stubs, path))
    return first_seen((*memory.waivers, *here))
