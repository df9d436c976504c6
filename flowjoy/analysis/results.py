"""`analyse(bundle)`: every analysis of a bundle, once. The same bundle gives the same results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import pandas as pd

from flowjoy.analysis.alerts import conditions
from flowjoy.analysis.alerts.alert import AlertInputs, AlertSnapshot, home_of, key_of
from flowjoy.analysis.alerts.lifecycle import sent_alerts
from flowjoy.analysis.bundle_analyses import BundleAnalyses
from flowjoy.analysis.flow.advice import Advice
from flowjoy.analysis.flow.divergence_and_spikes import Spike
from flowjoy.analysis.flow.dora import Dora
from flowjoy.analysis.flow.drift_lag import DriftLag
from flowjoy.analysis.flow.live_pairs import LivePair, last_without_incident
from flowjoy.analysis.flow.observed_failures import ObservedFailure
from flowjoy.analysis.flow.retrospective import Retrospective
from flowjoy.analysis.flow.weeks import is_healthy, last_complete
from flowjoy.analysis.promise import verdict
from flowjoy.analysis.promise.compliance import ComplianceRate, rate
from flowjoy.analysis.source_coverage import is_complete, judges_promise
from flowjoy.domain import AlertState, Decision, Obligation, Recovery, SourceKind, Status, Verdict, Week
from flowjoy.domain.alerts import AlertKind
from flowjoy.domain.bundle import Bundle
from flowjoy.domain.drift import DriftCheck
from flowjoy.domain.gate_findings import MergeGate


@dataclass(frozen=True, kw_only=True)
class Results:
    """The results of one run.

    `obligations`: all of them; `scope`: those of the window and every open one. `may_be_overdue`: whether a model is
    overdue, as far as is known. `recoveries` is empty where a source of incidents could not be read, or none is set;
    `drift_lag` is None where a required source could not be read.
    `dora`: the figures of CODE, of MODEL and of both; `failures`: the deploys that failed by what followed them.
    `pairs`: the code and models that were live together, the last pair now; empty where a required source could not be
    read. `drift`: the drift check of this run, judged together with earlier ones (None: not configured);
    `drift_healed`: neither of the last two checks is over the threshold.
    `alerts`: the alerts that fire now, and the end of those that were sent; `alert_inputs`: what they are derived from.
    """

    bundle: Bundle
    events: pd.DataFrame
    incidents: pd.DataFrame
    weeks: tuple[Week, ...]
    obligations: tuple[Obligation, ...]
    scope: tuple[Obligation, ...]
    rate: ComplianceRate
    verdict: Verdict
    may_be_overdue: bool
    sla_status: str
    commits_without_models: tuple[str, ...]
    recoveries: tuple[Recovery, ...]
    drift_lag: DriftLag | None
    dora: tuple[Dora, ...]
    failures: tuple[ObservedFailure, ...]
    spikes: tuple[Spike, ...]
    pairs: tuple[LivePair, ...]
    advice: tuple[Advice, ...]
    retrospective: Retrospective
    drift: DriftCheck | None
    drift_healed: bool
    alert_inputs: AlertInputs = field(default_factory=AlertInputs)
    alerts: AlertSnapshot = field(default_factory=AlertSnapshot)
    gate: MergeGate | None = None

    @property
    def judges_promise(self) -> bool:
        """Whether the promise itself was judged."""
        return judges_promise(self.bundle)

    @property
    def incidents_are_known(self) -> bool:
        """Whether a source of incidents is set and every one was read: otherwise "no incident" means nothing."""
        return is_complete(self.bundle, SourceKind.INCIDENTS)

    @property
    def unified_tag(self) -> str | None:
        """The name of the code and model pair that is live now, or that this very release makes live."""
        return self.pairs[-1].tag if self.pairs else None

    @property
    def rollback_target(self) -> LivePair | None:
        """The last pair without an incident; None where incidents are unknown, or every pair had one."""
        return last_without_incident(self.pairs) if self.incidents_are_known else None

    @property
    def alerted_spikes(self) -> frozenset[date]:
        """The Mondays of the weeks whose MTTR spike fires, or fired, an alert."""
        home = home_of(self.bundle.repository, self.bundle.service)
        fired = {alert.key for alert in self.alerts.firing if not alert.old} | {sent.key for sent in self.bundle.alerts}
        mondays = (spike.week.week for spike in self.spikes)
        return frozenset(day for day in mondays if key_of(home, AlertKind.MTTR_SPIKE, day.isoformat()) in fired)

    @property
    def last_week(self) -> Week | None:
        """The last complete week of the window."""
        return last_complete(self.weeks)

    def is_healthy(self, week: Week) -> bool:
        """Return whether a complete week earns the success mark; never where incidents are unknown."""
        return not week.partial and self.incidents_are_known and is_healthy(week, self.weeks)

    def count(self, *statuses: Status) -> int:
        """Return how many obligations in scope have one of these statuses."""
        return sum(item.status in statuses for item in self.scope)

    @property
    def counts_are_known(self) -> bool:
        """Whether the promise was judged and every obligation is known: otherwise a count of 0 is unknown."""
        undecided = self.verdict.decision is Decision.ERROR or self.count(Status.UNKNOWN)
        return self.judges_promise and not undecided

    def known_count(self, *statuses: Status) -> int | None:
        """Return how many obligations in scope have one of these statuses; None where that is unknown."""
        count = self.count(*statuses)
        return count if count or self.counts_are_known else None


def analyse(bundle: Bundle) -> Results:
    """Return every analysis of a bundle."""
    analyses = BundleAnalyses(bundle)
    drift, drift_healed = analyses.drift
    results = Results(
        bundle=bundle,
        events=analyses.events,
        incidents=analyses.incidents,
        weeks=analyses.weeks,
        obligations=analyses.obligations,
        scope=analyses.scope,
        rate=rate(analyses.obligations, bundle.generated_at),
        verdict=analyses.verdict,
        may_be_overdue=verdict.may_be_overdue(bundle, analyses.as_far_as_known),
        sla_status=analyses.sla_status,
        commits_without_models=analyses.commits_without_models,
        recoveries=analyses.recoveries,
        drift_lag=analyses.drift_lag,
        dora=analyses.dora,
        failures=analyses.failures,
        spikes=analyses.spikes,
        pairs=analyses.pairs,
        advice=analyses.advice,
        retrospective=analyses.retrospective,
        drift=drift,
        drift_healed=drift_healed,
        alert_inputs=analyses.alert_inputs,
    )
    return with_alerts(results, bundle.alerts)


def with_alerts(results: Results, sent: Iterable[AlertState]) -> Results:
    """Return the same results with the alerts that were sent, and with those of them that are resolved."""
    bundle = replace(results.bundle, alerts=tuple(sent))
    alerts = conditions.snapshot(
        results.alert_inputs,
        home=home_of(bundle.repository, bundle.service),
        sent=sent_alerts(bundle.alerts),
        since=alerts_since(bundle),
        as_of=bundle.generated_at,
        timezone=bundle.window.timezone,
    )
    return replace(results, bundle=bundle, alerts=alerts)


def with_gate(results: Results, gate: MergeGate) -> Results:
    """Return the same results with the merge gate of a pull request, which counts in the verdict."""
    bundle = results.bundle
    judged = verdict.decide(bundle.coverage, results.scope, enforce=bundle.terms.enforce, gate=gate)
    return replace(results, gate=gate, verdict=judged)


def alerts_since(bundle: Bundle) -> datetime | None:
    """Return from when on alerts are sent: the first trusted run or the begin of the promise, whichever is later.

    Without a ledger that knows the first trusted run, the begin of the promise decides; None without either.
    """
    return max(filter(None, (bundle.first_trusted_at, bundle.terms.sla_since)), default=None)
