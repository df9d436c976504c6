"""The verdict: pass, fail or error. A missing value never counts as a kept promise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from flowjoy.analysis.promise import compliance
from flowjoy.domain import (
    Coverage,
    CoverageState,
    Decision,
    ModelDependencies,
    Obligation,
    SourceKind,
    Status,
    Verdict,
)
from flowjoy.domain.bundle import Bundle
from flowjoy.domain.gate_findings import GateLevel, MergeGate
from flowjoy.domain.promise import UNREADABLE

EXIT_PASS, EXIT_BROKEN, EXIT_UNDECIDED = 0, 1, 2


def unproved(coverage: Sequence[Coverage]) -> tuple[Coverage, ...]:
    """Return the required sources that were not read completely."""
    return tuple(item for item in coverage if item.required and item.state is not CoverageState.COMPLETE)


def decide(
    coverage: Sequence[Coverage], obligations: Sequence[Obligation], *, enforce: bool, gate: MergeGate | None = None
) -> Verdict:
    """Return the verdict. It is `pass` only when every required source is complete, every obligation known and kept.

    A failed `gate` fails it. Unknown obligations of a release that the gate refuses before it is live do not count:
    the gate reports them. `enforce` False turns the exit code of a `fail` into 0, but never that of an `error`.
    """
    missing = unproved(coverage)
    if missing or not any(item.required for item in coverage):
        reasons = [f"{item.source}: {item.reason or item.state}" for item in missing] or ["no source was required"]
        return Verdict(decision=Decision.ERROR, reasons=tuple(reasons), exit_code=EXIT_UNDECIDED)
    unknown = [item for item in obligations if item.status is Status.UNKNOWN and not _refused(item, gate)]
    if unknown:
        reasons = [f"{_undecided(item)}: {item.reason or 'not known'}" for item in unknown]
        return Verdict(decision=Decision.ERROR, reasons=tuple(reasons), exit_code=EXIT_UNDECIDED)
    broken = [item for item in obligations if item.status is Status.BREACHED]
    reasons = [f"{item.model} was not shipped for {item.code_id}" for item in broken]
    if gate is not None:
        reasons += [finding.text for finding in gate.of(GateLevel.FAILURE)]
    if reasons:
        exit_code = EXIT_BROKEN if enforce else EXIT_PASS
        return Verdict(decision=Decision.FAIL, reasons=tuple(reasons), exit_code=exit_code)
    return Verdict(decision=Decision.PASS, reasons=(), exit_code=EXIT_PASS)


def may_be_overdue(bundle: Bundle, known: Sequence[Obligation]) -> bool:
    """Return whether a model may be overdue of which a run cannot decide. `known`: the obligations as far as is known.

    So a failure of a source blocks nothing while every deadline that is known was kept or is ahead. But a deploy that
    could not be read may be overdue once its clock would have run out since the last run that could decide.
    """
    now, clock = bundle.generated_at, timedelta(hours=bundle.terms.sla_hours)
    scope = compliance.in_scope(known, bundle.window.since, now)
    unread = {item.kind for item in unproved(bundle.coverage)} - {SourceKind.MODELS}
    if unread and (bundle.decided_at is None or now - bundle.decided_at > clock):
        return True
    return any(
        item.status is Status.BREACHED or (item.status is Status.UNKNOWN and item.deadline < now) for item in scope
    )


_ENDED = (Status.MET, Status.LATE, Status.WAIVED, Status.UNDETERMINED)


def sla_status(decided: Verdict, dependencies: ModelDependencies, scope: Sequence[Obligation], live: str | None) -> str:
    """Return the promise in one word: its worst open status, how it ended, or why nothing is promised.

    `live`: the commit that is live, empty if it is unknown; None without a deploy in the window.
    """
    if decided.exit_code == EXIT_UNDECIDED:
        return Status.UNKNOWN.value
    if any(item.status is Status.BREACHED for item in scope):
        return Status.BREACHED.value
    if not dependencies.declared:
        return Status.UNDECLARED.value
    if any(item.is_running for item in scope):
        return Status.PENDING.value
    if any(item.is_excused for item in scope):
        return Status.WAIVED.value
    if live is None:
        return "none"
    # Code without a stub, or whose stub names no model, promises nothing, whatever earlier releases kept.
    if not dependencies.named(live):
        return Status.UNDECLARED.value
    ended = {item.status for item in scope}
    return next((status.value for status in _ENDED if status in ended), "none")


def _undecided(item: Obligation) -> str:
    if item.model == UNREADABLE:
        return f"the model stub of {item.code_id} cannot be read"
    return f"{item.model} for {item.code_id}"


def _refused(item: Obligation, gate: MergeGate | None) -> bool:
    return gate is not None and gate.failed and item.provisional and item.sha == gate.sha
