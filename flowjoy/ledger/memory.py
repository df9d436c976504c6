"""The part of a ledger that a later run keeps: events and observations. Statuses and verdicts are computed again.

A ledger is the bundle of an earlier run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.domain import (
    AliasObservation,
    CodeRecord,
    ModelRecord,
    Obligation,
    Outcome,
    Precision,
    Status,
    StubFile,
    UnreadableStub,
)
from flowjoy.domain.alias_observations import since_horizon
from flowjoy.domain.bundle import Bundle, RunParameters
from flowjoy.domain.deduplication import DELETED
from flowjoy.domain.records import Records
from flowjoy.domain.timestamps import CLOCK_SKEW, EARLIEST
from flowjoy.ledger.earlier_runs import checks_of, is_masked
from flowjoy.ledger.source_gone import AskedSources

MEMORY = timedelta(days=400)
"""How far back code is read and remembered: obligations stay open however old, and a rollback needs its past."""

_ENDS = "a ship, a waiver or a later sla-since ends it"
_JUDGED_BY = {
    "models": "models",
    "model_stub": "model-stub",
    "code_source": "code-source, environment, workflow or branch",
    "model_source": "model-source or mlflow-tracking-uri",
}
"""The terms that decide which releases and models are judged, and the inputs behind them."""


def why_not(bundle: Bundle, *, repository: str, now: datetime) -> str | None:
    """Return why a bundle is not a ledger of this repository; None if it is."""
    if bundle.repository.lower() != repository.lower():
        return "it is of another repository"
    if bundle.generated_at > now + CLOCK_SKEW:
        return "it was made in the future"
    stamps = [
        *(record.seen_by or record.shipped_at for record in bundle.code),
        *(record.shipped_at for record in bundle.models),
        *(observation.at for observation in bundle.observations),
    ]
    if any(stamp > bundle.generated_at + CLOCK_SKEW for stamp in stamps):
        return "it remembers what had not happened yet"
    stamps += [record.created_at for record in bundle.code if record.created_at is not None]
    stamps += [item.start for item in bundle.obligations]
    if any(stamp < EARLIEST for stamp in stamps):
        return "it remembers what no source can tell of"
    return None


def memory_of(bundle: Bundle, asked: RunParameters, *, since: datetime, until: datetime, number: int) -> Records:
    """Return the records of artifact `number` that come from the sources asked now, from `since` to `until`.

    Records of another source are left out, except for ships in another registry: what was live before is not new.
    """
    scope = _Scope(written=bundle.terms, asked=asked, since=since, until=until)
    code = tuple(_not_yet_live(record) for record in bundle.code if scope.same_code and scope.holds(record))
    ships = _ships(bundle, scope)
    shas, runs = {record.sha for record in code}, {record.run_id for record in ships}
    return Records(
        code=code,
        models=ships,
        observations=_observations(bundle, scope),
        stubs=_stubs(bundle, scope),
        waivers=tuple(waiver for waiver in bundle.waivers if waiver.until >= since),
        alerts=tuple(state for state in bundle.alerts if state.at >= since),
        # A ledger of other sources is left to a later run that asks them again.
        ledgers=(number,) if scope.all_same else (),
        commits={sha: times for sha, times in bundle.commits.items() if sha in shas},
        corrections=tuple(item for item in bundle.corrections if item.deployed in shas),
        training_runs={run: begun for run, begun in bundle.training_runs.items() if run in runs},
        actions=tuple(action for action in bundle.actions if scope.covers(action.week)),
        inventory=None if is_masked(bundle.inventory) else bundle.inventory,
        models_gone={key: at for key, at in bundle.models_gone.items() if scope.same_models and scope.covers(at)},
        not_yet={key: at for key, at in bundle.not_yet.items() if scope.covers(at) and scope.same_code},
        listings=bundle.listings if scope.same_models else {},
        first_listed=bundle.first_listed if scope.same_models else {},
        owed_before=_owed_before(bundle, scope),
        drift_marks=tuple(mark for mark in bundle.drift_marks if scope.covers(mark.at) and not is_masked(mark)),
        cdevents=bundle.cdevents,
        first_trusted_at=_first_trusted_at(bundle),
        **checks_of(bundle),
    )


def of_another_name(bundle: Bundle, *, since: datetime, until: datetime) -> Records:
    """Return what is overdue in the ledger of a service that has another name now."""
    cure = "if that is another service, set artifact-name"
    reason = f"owed by the service {bundle.service!r}, whose ledger has this name; {_ENDS}; {cure}"
    owed = (item for item in bundle.obligations if _is_overdue(item) and since <= item.start <= until)
    return Records(owed_before={item.id: replace(item, reason=reason) for item in owed if not is_masked(item)})


@dataclass(frozen=True, kw_only=True)
class _Scope(AskedSources):
    """The part of a ledger that answers today's question."""

    since: datetime
    until: datetime

    def covers(self, stamp: datetime) -> bool:
        return self.since <= stamp <= self.until

    def holds(self, record: CodeRecord | ModelRecord) -> bool:
        return self.covers(record.shipped_at) and not is_masked(record)


def _observations(bundle: Bundle, scope: _Scope) -> tuple[AliasObservation, ...]:
    if not scope.same_models:
        return ()
    recent = since_horizon(bundle.observations, scope.since)
    return tuple(item for item in recent if item.at <= scope.until and not is_masked(item))


def _ships(bundle: Bundle, scope: _Scope) -> tuple[ModelRecord, ...]:
    """Return the ships by every signal. Those of another registry are gone, and their numbers are not of this one."""
    ships = [record for record in (*bundle.models, *bundle.models_aside) if scope.holds(record)]
    if scope.moved_models:
        return tuple(map(_elsewhere, ships))
    if not scope.same_models:
        return ()
    # Observed ships are derived anew from the observations.
    observes = scope.asked.model_signal.startswith(("alias:", "stage:"))
    return tuple(r for r in ships if not observes or r.precision is not Precision.OBSERVED)


def _elsewhere(record: ModelRecord) -> ModelRecord:
    if record.id.endswith(DELETED):
        return record
    return replace(record, id=f"{record.id}{DELETED}", version=f"{record.version}{DELETED}", source_gone=True)


def _is_overdue(item: Obligation) -> bool:
    return item.status is Status.BREACHED or item.is_excused


def _owed_before(bundle: Bundle, scope: _Scope) -> Mapping[str, Obligation]:
    """Return the breaches that a run with other inputs, or of a file, found, and those that it had from runs before it.

    Those stay after a late ship, so that a release is not judged by a later deployment of the same commit.
    """
    changed = [name for term, name in _JUDGED_BY.items() if getattr(bundle.terms, term) != getattr(scope.asked, term)]
    named = (
        f"owed under earlier inputs ({'; '.join(changed)} changed)" if changed else "owed by a row that left code-file"
    )
    reason = f"{named}; {_ENDS}"
    new = {
        item.id: replace(item, reason=reason)
        for item in bundle.obligations
        if (changed or not bundle.terms.code_source) and _is_overdue(item)
    }
    kept = {
        item.id: replace(item, reason=bundle.owed_before[item.id].reason)
        for item in bundle.obligations
        if item.id in bundle.owed_before and (item.is_open or item.status is Status.LATE)
    }
    every = {**new, **kept}.items()
    return {key: item for key, item in every if scope.covers(item.start) and not is_masked(item)}


def _stubs(bundle: Bundle, scope: _Scope) -> Mapping[str, StubFile]:
    """Return the stubs at commits. HEAD moves, and a stub that could not be read is read again."""
    if scope.written.model_stub != scope.asked.model_stub:
        return {}
    return {
        sha: stub
        for sha, stub in bundle.stubs.items()
        if sha != HEAD and not is_masked(stub) and not isinstance(stub, UnreadableStub)
    }


def _first_trusted_at(bundle: Bundle) -> datetime:
    """Return the time of the first trusted run; a ledger that does not name it was itself written by one."""
    if bundle.first_trusted_at is not None:
        return min(bundle.first_trusted_at, bundle.generated_at)
    return min((bundle.generated_at, *(state.at for state in bundle.alerts)))


def _not_yet_live(record: CodeRecord) -> CodeRecord:
    """Return a run's own release as one that had not succeeded: a later run reads what became of it."""
    if record.outcome is not Outcome.PROVISIONAL:
        return record
    return replace(record, outcome=Outcome.FAILED, under_way=True)
