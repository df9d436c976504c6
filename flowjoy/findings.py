"""From one bundle to everything that is said about it. Pure: the same bundle gives the same findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from flowjoy import bundle as bundles
from flowjoy import events as timeline
from flowjoy.analysis import cadence, promise, recovery, verdict
from flowjoy.analysis.dependency import Gate
from flowjoy.analysis.dora import Dora, dora
from flowjoy.analysis.drift_lag import DriftLag, drift_lag
from flowjoy.bundle import Bundle
from flowjoy.dependence import dependence_of
from flowjoy.model import CoverageState, Dependence, EventType, Kind, Obligation, Recovery, Status, Verdict, Week


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What one run found. `obligations` are all, `scope` those in the window and every open one.

    `recoveries` is empty where a source of incidents could not be read; `drift_lag` is None where a required source
    could not. `dora`: the figures of CODE, of MODEL and of both.
    """

    bundle: Bundle
    events: pd.DataFrame
    incidents: pd.DataFrame
    weeks: tuple[Week, ...]
    obligations: tuple[Obligation, ...]
    scope: tuple[Obligation, ...]
    rate: promise.Rate
    verdict: Verdict
    sla_status: str
    recoveries: tuple[Recovery, ...]
    drift_lag: DriftLag | None
    dora: tuple[Dora, ...]
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
    matched = recovery.match_incidents(incidents, events, match_hours=terms.incident_match_hours)
    healing = recovery.recoveries(matched, since=bundle.window.since)
    if any(item.state is CoverageState.FAILED and item.source.startswith("incidents") for item in bundle.coverage):
        weeks, healing = cadence.without_incidents(weeks), ()
    decided = verdict.decide(bundle.coverage, scope, enforce=terms.enforce)
    return Findings(
        bundle=bundle,
        events=events,
        incidents=matched,
        weeks=weeks,
        obligations=owed,
        scope=scope,
        rate=promise.rate(owed, until),
        verdict=decided,
        sla_status=_sla_status(decided, dependence, scope, events, bundle),
        recoveries=healing,
        drift_lag=None if missing else drift_lag(owed, _latest_deploy(events), since=bundle.window.since, as_of=until),
        dora=_dora(events, matched, bundle),
    )


def bundle_bytes(findings: Findings) -> bytes:
    """The bundle as it is written: the records, what became of each obligation, and every figure."""
    matches = findings.incidents[[timeline.ID, *recovery.MATCH_COLUMNS]]
    figures: Mapping[str, object] = {
        "weeks": findings.weeks,
        "recoveries": findings.recoveries,
        "dora": findings.dora,
        "drift_lag": findings.drift_lag,
        "matches": matches.where(matches.notna(), None).to_dict("records"),
    }
    return bundles.to_json(replace(findings.bundle, obligations=findings.obligations), figures)


def _dora(events: pd.DataFrame, matched: pd.DataFrame, bundle: Bundle) -> tuple[Dora, ...]:
    def states(source: str) -> set[CoverageState]:
        return {item.state for item in bundle.coverage if item.source.startswith(source)}

    begun = {r.id: bundle.training_runs.get(r.run_id or "", r.registered_at) for r in bundle.models}
    return dora(
        events,
        matched if states("incidents") == {CoverageState.COMPLETE} else None,
        bundle.window,
        commits=bundle.commits,
        begun={name: instant for name, instant in begun.items() if instant is not None},
        known=[
            kind
            for kind, source in ((EventType.CODE, "code"), (EventType.MODEL, "models"))
            if states(source) == {CoverageState.COMPLETE}
        ],
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


def _latest_deploy(events: pd.DataFrame) -> str | None:
    """The id of the latest deploy that happened."""
    deploys = events.loc[(events[timeline.KIND] == Kind.DEPLOY) & ~events[timeline.PROVISIONAL], timeline.ID]
    return None if deploys.empty else str(deploys.iloc[-1])
