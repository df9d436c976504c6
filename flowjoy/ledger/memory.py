"""What earlier runs knew: evidence for events and observations, never for a status. Pure; knows bundles, no artifact.

A ledger is the bundle of an earlier run. Merging is a union: commutative, associative and idempotent, so it does not
matter which of two runs at once is read first. No status, verdict or count of a ledger is ever looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from flowjoy.analysis.drift import history as drift_marks
from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.analysis.promise.model_stub import parse
from flowjoy.domain import (
    Action,
    AlertState,
    AliasObservation,
    CodeRecord,
    Inventory,
    ModelRecord,
    Outcome,
    Precision,
    StubFile,
    Waiver,
)
from flowjoy.domain.alias_observations import since_horizon, union
from flowjoy.domain.bundle import Bundle, RunParameters
from flowjoy.domain.deduplication import distinct
from flowjoy.domain.drift import PastDriftCheck
from flowjoy.domain.timestamps import CLOCK_SKEW, EARLIEST
from flowjoy.errors import StubError

MEMORY = timedelta(days=400)
"""How far back code is read and remembered: clocks stay open however old, and a rollback is known by what was there."""

_MASKED = "***"
"""What stands where a secret stood: such a text is not what its source said."""

_Record = TypeVar("_Record", CodeRecord, ModelRecord)
_Told = TypeVar("_Told")


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What ledgers remember."""

    code: tuple[CodeRecord, ...] = ()
    models: tuple[ModelRecord, ...] = ()
    looks: tuple[AliasObservation, ...] = ()
    stubs: Mapping[str, StubFile] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    alerts: tuple[AlertState, ...] = ()
    ledgers: tuple[int, ...] = ()
    commits: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    training_runs: Mapping[str, datetime | None] = field(default_factory=dict)
    actions: tuple[Action, ...] = ()
    inventory: Inventory | None = None
    models_gone: Mapping[str, datetime] = field(default_factory=dict)
    drift_marks: tuple[PastDriftCheck, ...] = ()
    first_trusted_at: datetime | None = None


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
    stamps += [record.created_at for record in bundle.code if record.created_at is not None]
    stamps += [item.start for item in bundle.obligations]
    if any(stamp < EARLIEST for stamp in stamps):
        return "it remembers what no source can tell of"
    return None


def memory_of(bundle: Bundle, asked: RunParameters, *, since: datetime, until: datetime, number: int) -> Memory:
    """What the bundle of artifact `number` remembers of the sources that are asked now, from `since` to `until`.

    A run's own release is remembered as not yet live: a later run finds it succeeded, with its exact time, or never.
    Files are not remembered, either: what is struck out of a file must not come back.
    """
    held = bundle.terms
    same_code = held.code_source == asked.code_source != ""
    same_models = held.model_source == asked.model_source != ""
    same_signal = same_models and held.model_signal == asked.model_signal
    same_question = (held.code_source, held.model_source, held.model_signal) == (
        asked.code_source,
        asked.model_source,
        asked.model_signal,
    )

    def holds(told: CodeRecord | ModelRecord | AliasObservation | PastDriftCheck, stamp: datetime) -> bool:
        return since <= stamp <= until and _MASKED not in repr(told)

    code = tuple(_not_yet(record) for record in bundle.code if same_code and holds(record, record.shipped_at))
    shipped = [r for r in (*bundle.models, *bundle.models_aside) if same_models and holds(r, r.shipped_at)]
    runs = {record.run_id for record in shipped}
    return Memory(
        code=code,
        # What was observed is found anew from the looks.
        models=tuple(r for r in shipped if same_signal and r.precision is not Precision.OBSERVED),
        looks=tuple(
            look
            for look in since_horizon(bundle.observations, since)
            if same_models and look.at <= until and _MASKED not in repr(look)
        ),
        stubs={
            sha: stub
            for sha, stub in bundle.stubs.items()
            if sha != HEAD
            and held.model_stub == asked.model_stub
            and _MASKED not in repr(stub)
            and _is_sound(stub, held.model_stub)
        },
        waivers=tuple(waiver for waiver in bundle.waivers if waiver.until >= since),
        alerts=tuple(state for state in bundle.alerts if state.at >= since),
        # What is of another question is left to a later run that asks it again.
        ledgers=(number,) if same_question else (),
        commits={sha: told for sha, told in bundle.commits.items() if sha in {record.sha for record in code}},
        training_runs={run: told for run, told in bundle.training_runs.items() if same_models and run in runs},
        actions=tuple(action for action in bundle.actions if since <= action.week <= until),
        inventory=bundle.inventory if _MASKED not in repr(bundle.inventory) else None,
        models_gone={key: at for key, at in bundle.models_gone.items() if same_models and since <= at <= until},
        drift_marks=tuple(mark for mark in bundle.drift_marks if holds(mark, mark.at)),
        first_trusted_at=_first_trusted_at(bundle),
    )


def _first_trusted_at(bundle: Bundle) -> datetime:
    """Return when a trusted run was first; a ledger that does not say so was itself written by one."""
    if bundle.first_trusted_at is not None:
        return min(bundle.first_trusted_at, bundle.generated_at)
    return min((bundle.generated_at, *(state.at for state in bundle.alerts)))


def is_masked(told: object) -> bool:
    """Whether a secret was cut out of it."""
    return _MASKED in repr(told)


def _is_sound(stub: StubFile, path: str) -> bool:
    """Whether the stub can be read. One that cannot is looked at again: one garbled answer must not stay for ever."""
    try:
        return stub.problem is None and (stub.text is None or bool(parse(stub.text, path)))
    except StubError:
        return False


def _not_yet(record: CodeRecord) -> CodeRecord:
    if record.outcome is not Outcome.PROVISIONAL:
        return record
    return replace(record, outcome=Outcome.FAILED, under_way=True)


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
        commits=_least(one.commits, other.commits),
        training_runs=_least(one.training_runs, other.training_runs),
        actions=one_a_week((*one.actions, *other.actions)),
        inventory=max(filter(None, (one.inventory, other.inventory)), key=lambda i: (i.read_at, repr(i)), default=None),
        models_gone={
            key: min(side[key] for side in (one.models_gone, other.models_gone) if key in side)
            for key in sorted({*one.models_gone, *other.models_gone})
        },
        drift_marks=drift_marks.compact((*one.drift_marks, *other.drift_marks)),
        first_trusted_at=min(filter(None, (one.first_trusted_at, other.first_trusted_at)), default=None),
    )


def first_seen(waivers: Iterable[Waiver]) -> tuple[Waiver, ...]:
    """Each waiver once, with its earliest sight."""
    first: dict[Waiver, Waiver] = {}
    for waiver in sorted(waivers, key=repr):
        same = replace(waiver, seen_at=None)
        held = first.get(same, waiver)
        first[same] = replace(waiver, seen_at=min(filter(None, (held.seen_at, waiver.seen_at)), default=None))
    return distinct(first.values())


def one_a_week(actions: Iterable[Action]) -> tuple[Action, ...]:
    """Of each week one action, by one order for all."""
    by_week = {action.week: action for action in sorted(actions, key=repr, reverse=True)}
    return tuple(by_week[week] for week in sorted(by_week))


def _least(one: Mapping[str, _Told], other: Mapping[str, _Told]) -> dict[str, _Told]:
    """Either's entries; where the two differ, by one order for all."""
    return {key: min((held[key] for held in (one, other) if key in held), key=repr) for key in sorted({*one, *other})}


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
