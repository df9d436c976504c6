"""From one bundle to everything that is said about it. Pure: the same bundle gives the same findings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pandas as pd

from flowjoy import events as timeline
from flowjoy.analysis import cadence, promise, recovery, verdict
from flowjoy.analysis.dependency import Gate
from flowjoy.bundle import Bundle
from flowjoy.dependence import dependence_of
from flowjoy.model import CoverageState, Dependence, Kind, Obligation, Status, Verdict, Week


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What one run found. `obligations` are all, `scope` those in the window and every open one."""

    bundle: Bundle
    events: pd.DataFrame
    incidents: pd.DataFrame
    weeks: tuple[Week, ...]
    obligations: tuple[Obligation, ...]
    scope: tuple[Obligation, ...]
    rate: promise.Rate
    verdict: Verdict
    sla_status: str
    drift_lag_hours: float | None
    gate: Gate | None = None

    @property
    def judges_promise(self) -> bool:
        """False on a fork's pull request: without secrets only its stub is judged, the promise on merge."""
        return any(item.required and item.source.startswith("code") for item in self.bundle.coverage)

    @property
    def last_week(self) -> Week | None:
        """The last complete week of the window."""
        return cadence.last_complete(self.weeks)

    def count(self, *statuses: Status) -> int:
        """How many obligations in scope have one of these statuses."""
        return sum(item.status in statuses for item in self.scope)


def find(bundle: Bundle) -> Findings:
    """Timeline, weeks, matches, obligations and verdict of a bundle."""
    until, terms = bundle.generated_at, bundle.terms
    events = timeline.timeline(bundle.code, bundle.models, service=bundle.service, until=until)
    incidents = timeline.incident_frame(bundle.incidents, until=until)
    dependence = dependence_of(terms.models, bundle.stubs, terms.model_stub, bundle.waivers)
    owed = _owed(events, bundle, dependence)
    code = tuple(record for record in bundle.code if not record.source_gone)
    models = tuple(record for record in bundle.models if not record.source_gone)
    if (code, models) != (bundle.code, bundle.models):
        confirmed = timeline.timeline(code, models, service=bundle.service, until=until)
        owed = promise.with_memory(_owed(confirmed, bundle, dependence), owed)
    missing = verdict.unproved(bundle.coverage)
    if missing:
        owed = promise.all_unknown(owed, "; ".join(item.source for item in missing) + " could not be read")
    scope = promise.in_scope(owed, bundle.window.since, until)
    weeks = cadence.week_table(events, incidents, bundle.window, divergence_percent=terms.divergence_percent)
    if any(item.state is CoverageState.FAILED and item.source.startswith("incidents") for item in bundle.coverage):
        weeks = cadence.without_incidents(weeks)
    decided = verdict.decide(bundle.coverage, scope, enforce=terms.enforce)
    return Findings(
        bundle=bundle,
        events=events,
        incidents=recovery.match_incidents(incidents, events, match_hours=terms.incident_match_hours),
        weeks=weeks,
        obligations=owed,
        scope=scope,
        rate=promise.rate(owed, until),
        verdict=decided,
        sla_status=_sla_status(decided, dependence, scope, events, bundle),
        drift_lag_hours=None if missing else _drift_lag_hours(owed, events, bundle),
    )


def _owed(events: pd.DataFrame, bundle: Bundle, dependence: Dependence) -> tuple[Obligation, ...]:
    terms = promise.Terms(
        sla_hours=bundle.terms.sla_hours,
        as_of=bundle.generated_at,
        since=bundle.terms.sla_since,
        every_version_stays_live=bundle.terms.model_signal == "registered",
    )
    owed = promise.obligations(events, dependence, terms)
    return promise.without_a_registry(owed, frozenset(bundle.unknown_models))


def with_gate(findings: Findings, gate: Gate) -> Findings:
    """The same findings when a pull request is judged, too."""
    decided = verdict.decide(findings.bundle.coverage, findings.scope, enforce=findings.bundle.terms.enforce, gate=gate)
    return replace(findings, gate=gate, verdict=decided)


def _sla_status(
    decided: Verdict, dependence: Dependence, scope: tuple[Obligation, ...], events: pd.DataFrame, bundle: Bundle
) -> str:
    """One word for the promise: the worst that is open, or why there is nothing to say."""
    judged = any(item.required and item.source.startswith("code") for item in bundle.coverage)
    if decided.exit_code == verdict.EXIT_UNDECIDED or not judged:
        return Status.UNKNOWN.value
    if not dependence.declared:
        return Status.UNDECLARED.value
    if any(item.status is Status.BREACHED for item in scope):
        return Status.BREACHED.value
    if any(promise.is_open(item) for item in scope):
        return Status.PENDING.value
    deployed = (events[timeline.KIND] == Kind.DEPLOY) & (events[timeline.TS] >= pd.Timestamp(bundle.window.since))
    return Status.MET.value if deployed.any() else "none"


def _drift_lag_hours(owed: tuple[Obligation, ...], events: pd.DataFrame, bundle: Bundle) -> float | None:
    """Hours from the latest code deploy to the next ship of its slowest model, or so far; 0 when met before."""
    deploys = events.loc[(events[timeline.KIND] == Kind.DEPLOY) & ~events[timeline.PROVISIONAL], timeline.ID]
    if deploys.empty:
        return None
    settled = {Status.NOT_REQUIRED, Status.CANCELLED, Status.UNKNOWN}
    latest = [item for item in owed if item.code_id == deploys.iloc[-1] and item.status not in settled]
    lags = [(item.shipped_at or bundle.generated_at) - item.start for item in latest]
    return max(timedelta(), *lags).total_seconds() / 3600 if lags else None
