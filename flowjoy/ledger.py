"""What earlier runs knew: evidence for events and observations, never for a status. Pure; knows bundles, no artifact.

A ledger is the bundle of an earlier run. Merging is a union: commutative, associative and idempotent, so it does not
matter which of two runs at once is read first. No status, verdict or count of a ledger is ever looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from flowjoy.analysis.promise import is_open
from flowjoy.bundle import Bundle, Terms
from flowjoy.dependence import HEAD, head_waivers
from flowjoy.instants import CLOCK_SKEW
from flowjoy.looks import compact, union
from flowjoy.model import (
    AlertState,
    CodeRecord,
    CoverageState,
    Look,
    ModelRecord,
    Outcome,
    Precision,
    StubText,
    Waiver,
)
from flowjoy.records import distinct, fold, release_key

MEMORY = timedelta(days=400)
"""How far back code is read and remembered: clocks stay open however old, and a rollback is known by what was there."""

_Record = TypeVar("_Record", CodeRecord, ModelRecord)


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What ledgers remember. `code_known_at`: when the deployments were last read completely, None: never.

    `open_since`: the start of the oldest clock that was open then; it only says how far to look again.
    """

    code: tuple[CodeRecord, ...] = ()
    models: tuple[ModelRecord, ...] = ()
    looks: tuple[Look, ...] = ()
    stubs: Mapping[str, StubText] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    alerts: tuple[AlertState, ...] = ()
    ledgers: tuple[int, ...] = ()
    code_known_at: datetime | None = None
    open_since: datetime | None = None


def why_not(bundle: Bundle, *, service: str, repository: str, now: datetime) -> str | None:
    """Why a bundle is not this service's ledger; None when it is."""
    if (bundle.service, bundle.repository.lower()) != (service, repository.lower()):
        return "it is of another service or repository"
    if bundle.generated_at > now + CLOCK_SKEW:
        return "it was made in the future"
    stamps = [
        *(record.shipped_at for record in bundle.code),
        *(record.shipped_at for record in bundle.models),
        *(look.at for look in bundle.observations),
    ]
    if any(stamp > bundle.generated_at + CLOCK_SKEW for stamp in stamps):
        return "it remembers what had not happened yet"
    return None


def memory_of(bundle: Bundle, asked: Terms, *, since: datetime, until: datetime, number: int) -> Memory:
    """What the bundle of artifact `number` remembers of the sources that are asked now, from `since` to `until`.

    This run's own release is not remembered: a later run finds it succeeded, with its exact time, or it never does.
    Files are not remembered, either: what is struck out of a file must not come back.
    """
    held = bundle.terms
    same_code = held.code_source == asked.code_source != ""
    same_models = held.model_source == asked.model_source != ""
    same_signal = same_models and held.model_signal == asked.model_signal
    code_read = any(item.source.startswith("code") and item.state is CoverageState.COMPLETE for item in bundle.coverage)
    as_far_back = min(bundle.window.since, bundle.generated_at - MEMORY) <= since
    return Memory(
        code=tuple(
            record
            for record in bundle.code
            if same_code and record.outcome is not Outcome.PROVISIONAL and since <= record.shipped_at <= until
        ),
        models=tuple(
            record
            for record in bundle.models
            # What was observed is found anew from the looks.
            if same_signal and record.precision is not Precision.OBSERVED and since <= record.shipped_at <= until
        ),
        looks=tuple(look for look in bundle.observations if same_models and since <= look.at <= until),
        stubs={
            sha: stub
            for sha, stub in bundle.stubs.items()
            if sha != HEAD and stub.problem is None and held.model_stub == asked.model_stub
        },
        waivers=tuple(waiver for waiver in bundle.waivers if waiver.until >= since),
        alerts=tuple(state for state in bundle.alerts if state.at >= since),
        ledgers=(number,),
        code_known_at=bundle.generated_at if same_code and code_read and as_far_back else None,
        open_since=min((item.start for item in bundle.obligations if is_open(item)), default=None),
    )


def merge(one: Memory, other: Memory) -> Memory:
    """What either remembers."""
    return Memory(
        code=_joined(one.code, other.code),
        models=_joined(one.models, other.models),
        looks=union(one.looks, other.looks),
        stubs={
            sha: min((side[sha] for side in (one.stubs, other.stubs) if sha in side), key=repr)
            for sha in sorted({*one.stubs, *other.stubs})
        },
        waivers=first_seen((*one.waivers, *other.waivers)),
        alerts=distinct((*one.alerts, *other.alerts)),
        ledgers=tuple(sorted({*one.ledgers, *other.ledgers})),
        code_known_at=max(filter(None, (one.code_known_at, other.code_known_at)), default=None),
        open_since=min(filter(None, (one.open_since, other.open_since)), default=None),
    )


def reread_since(memory: Memory, changes_for: timedelta | None, sla: timedelta) -> datetime | None:
    """From where on code is asked for again: what may have changed since, and every open clock; None: from the start.

    What was shipped one clock before may have been shipped together with the oldest of it, so that is read, too.
    """
    if memory.code_known_at is None or changes_for is None:
        return None
    return min(filter(None, (memory.code_known_at - changes_for, memory.open_since))) - sla


def with_code(
    memory: Memory, found: Sequence[CodeRecord], asked_since: datetime
) -> tuple[tuple[CodeRecord, ...], tuple[str, ...]]:
    """What the source shows, and what only the ledger knows; and a note on what the source no longer shows.

    A success that the source confirmed once stays, flagged, when the source shows it no more or as no success.
    """
    groups = {release_key(record) for record in found if record.outcome is not Outcome.FAILED}
    ids = {record.id for record in found}
    kept = []
    for record in memory.code:
        if release_key(record) in groups or (record.outcome is Outcome.FAILED and record.id in ids):
            continue
        asked = record.created_at is not None and record.created_at >= asked_since
        gone = record.source_gone or asked or record.id in ids
        if record.outcome is Outcome.SUCCESS or not gone:
            kept.append(replace(record, source_gone=gone))
    replaced = {record.id for record in kept}
    return fold((*(record for record in found if record.id not in replaced), *kept)), _note(kept, "deployments")


def with_models(
    memory: Memory, found: Sequence[ModelRecord], names: Iterable[str]
) -> tuple[tuple[ModelRecord, ...], tuple[str, ...]]:
    """The same for the models asked for. A registry is always read whole, so what it does not show is gone."""
    ids, asked = {record.id for record in found}, set(names)
    kept = [replace(item, source_gone=True) for item in memory.models if item.name in asked and item.id not in ids]
    return (*found, *kept), _note(kept, "model versions")


def with_looks(memory: Memory, seen: Iterable[Look]) -> tuple[Look, ...]:
    """Every look that the next run must know."""
    return compact((*memory.looks, *seen))


def sighted(memory: Memory, stubs: Mapping[str, StubText], path: str, now: datetime) -> tuple[Waiver, ...]:
    """The waivers at the head of the default branch, each with the first instant at which a run saw it."""
    here = tuple(replace(waiver, seen_at=now) for waiver in head_waivers(stubs, path))
    return first_seen((*memory.waivers, *here))


def first_seen(waivers: Iterable[Waiver]) -> tuple[Waiver, ...]:
    """Each waiver once, with its earliest sight."""
    first: dict[Waiver, Waiver] = {}
    for waiver in sorted(waivers, key=repr):
        same = replace(waiver, seen_at=None)
        held = first.get(same, waiver)
        first[same] = replace(waiver, seen_at=min(filter(None, (held.seen_at, waiver.seen_at)), default=None))
    return distinct(first.values())


def _joined(one: tuple[_Record, ...], other: tuple[_Record, ...]) -> tuple[_Record, ...]:
    """One record an id: of two that differ the stronger, by one order for all."""
    joined: dict[str, _Record] = {}
    for record in one + other:
        held = joined.setdefault(record.id, record)
        if _weakness(record) < _weakness(held):
            joined[record.id] = record
    return tuple(joined[key] for key in sorted(joined))


def _weakness(record: CodeRecord | ModelRecord) -> tuple[bool, datetime, bool, str]:
    """A success before a failure, a stamp before a registration; then the earlier, and seen before forgotten."""
    if isinstance(record, CodeRecord):
        weak = record.outcome is not Outcome.SUCCESS
    else:
        weak = record.precision is not Precision.EXACT
    return weak, record.shipped_at, record.source_gone, repr(record)


def _note(kept: Sequence[CodeRecord] | Sequence[ModelRecord], what: str) -> tuple[str, ...]:
    gone = sum(record.source_gone for record in kept)
    return (f"{gone} {what} are known from the ledger only: the source no longer shows them",) if gone else ()
