"""From one bundle to everything that is said about it. Pure: the same bundle gives the same findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

import pandas as pd

from flowjoy.analysis import timeline
from flowjoy.analysis.alerts import alert, conditions
from flowjoy.analysis.alerts.lifecycle import keys_sent
from flowjoy.analysis.drift import history
from flowjoy.analysis.evidence import (
    dora_of,
    incidents_of,
    is_read,
    judges_promise,
    latest_deploy,
    obligations_of,
    pairs_of,
    states,
    untagged,
    week_table_of,
    weeks_of,
)
from flowjoy.analysis.flow import incidents as recovery
from flowjoy.analysis.flow import trends
from flowjoy.analysis.flow import weeks as cadence
from flowjoy.analysis.flow.advice import Advice, advise
from flowjoy.analysis.flow.dora import Dora
from flowjoy.analysis.flow.drift_lag import DriftLag, drift_lag
from flowjoy.analysis.flow.live_pairs import LivePair, last_calm
from flowjoy.analysis.flow.retrospective import Retrospective, retrospective
from flowjoy.analysis.flow.trends import Spike
from flowjoy.analysis.promise import compliance, verdict
from flowjoy.analysis.promise.dependencies import dependencies_of
from flowjoy.analysis.promise.merge_gate import MergeGate
from flowjoy.domain import (
    AlertState,
    CoverageState,
    Kind,
    ModelDependencies,
    Obligation,
    Recovery,
    SourceKind,
    Status,
    Verdict,
    Week,
)
from flowjoy.domain.bundle import Bundle
from flowjoy.domain.drift import DriftCheck

_HISTORY_WEEKS = 56
"""400 days back, as far as code is read, in whole weeks."""


@dataclass(frozen=True, kw_only=True)
class Results:
    """What one run found. `obligations` are all, `scope` those in the window and every open one.

    `recoveries` is empty where a source of incidents could not be read, or none is set; `drift_lag` is None where a
    required source could not. `dora`: the figures of CODE, of MODEL and of both. `pairs`: which code was live with
    which models, the last one now; none where a required source could not be read. `drift`: this run's drift check with
    what earlier ones make of it (None: not asked for); `drift_healed`: the last two checks are both not over the
    threshold. `evidence`: what alerts are judged by; `scene`: what rings, and what is over of all that was told.
    """

    bundle: Bundle
    events: pd.DataFrame
    incidents: pd.DataFrame
    weeks: tuple[Week, ...]
    obligations: tuple[Obligation, ...]
    scope: tuple[Obligation, ...]
    rate: compliance.ComplianceRate
    verdict: Verdict
    sla_status: str
    unnamed: tuple[str, ...]
    recoveries: tuple[Recovery, ...]
    drift_lag: DriftLag | None
    dora: tuple[Dora, ...]
    spikes: tuple[Spike, ...]
    pairs: tuple[LivePair, ...]
    advice: tuple[Advice, ...]
    retro: Retrospective
    drift: DriftCheck | None
    drift_healed: bool
    evidence: alert.AlertInputs = field(default_factory=alert.AlertInputs)
    scene: alert.AlertSnapshot = field(default_factory=alert.AlertSnapshot)
    gate: MergeGate | None = None

    @property
    def judges_promise(self) -> bool:
        """Whether the promise itself was judged."""
        return judges_promise(self.bundle)

    @property
    def incidents_are_known(self) -> bool:
        """Whether every source of incidents was read, and there is one: else "no incident" means nothing."""
        return states(self.bundle, SourceKind.INCIDENTS) == {CoverageState.COMPLETE}

    @property
    def unified_tag(self) -> str | None:
        """The name of the code and model pair that is live now, or that this very release makes live."""
        return self.pairs[-1].tag if self.pairs else None

    @property
    def rollback_target(self) -> LivePair | None:
        """The last pair without an incident; None where incidents are not known, or there is none."""
        return last_calm(self.pairs) if self.incidents_are_known else None

    @property
    def last_week(self) -> Week | None:
        """The last complete week of the window."""
        return cadence.last_complete(self.weeks)

    def is_healthy(self, week: Week) -> bool:
        """Whether a week that is over earns the success mark; never where nobody knows of incidents."""
        return not week.partial and self.incidents_are_known and trends.healthy(week, self.weeks)

    def count(self, *statuses: Status) -> int:
        """How many obligations in scope have one of these statuses."""
        return sum(item.status in statuses for item in self.scope)


def find(bundle: Bundle) -> Results:
    """Timeline, weeks, matches, obligations and verdict of a bundle."""
    until, terms = bundle.generated_at, bundle.terms
    events = timeline.timeline(bundle.code, bundle.models, service=bundle.service, until=until)
    dependence = dependencies_of(terms.models, bundle.stubs, terms.model_stub, bundle.waivers)
    owed = obligations_of(events, bundle, dependence)
    missing = verdict.unproved(bundle.coverage)
    scope = compliance.in_scope(owed, bundle.window.since, until)
    matched = incidents_of(events, bundle)
    weeks = weeks_of(events, matched, dependence, bundle)
    healing = recovery.recoveries(matched, since=bundle.window.since) if is_read(bundle, SourceKind.INCIDENTS) else ()
    decided = verdict.decide(bundle.coverage, scope, enforce=terms.enforce)
    lived = () if missing else pairs_of(events, matched, dependence, bundle)
    advice = advise(
        weeks,
        healing,
        drift_is_checked=bundle.drift is not None,
        untagged=untagged(lived, bundle),
        divergence_percent=terms.divergence_percent,
    )
    spikes = trends.spikes(weeks, factor=terms.mttr_spike_factor)
    drifted, healed = history.trend(bundle.drift, bundle.drift_marks)
    found = Results(
        bundle=bundle,
        events=events,
        incidents=matched,
        weeks=weeks,
        obligations=owed,
        scope=scope,
        rate=compliance.rate(owed, until),
        verdict=decided,
        sla_status=_sla_status(decided, dependence, scope, events, bundle),
        unnamed=_unnamed(events, dependence, bundle),
        recoveries=healing,
        drift_lag=None if missing else drift_lag(owed, latest_deploy(events), since=bundle.window.since, as_of=until),
        dora=dora_of(events, matched, bundle),
        spikes=spikes,
        pairs=lived,
        advice=advice,
        drift=drifted,
        drift_healed=healed,
        retro=retrospective(
            weeks,
            owed,
            advice,
            bundle.actions,
            since=bundle.window.since,
            as_of=until,
            timezone=bundle.window.timezone,
            unread=[key for key, unknown in (("tag", bool(missing)), ("drift", not healing)) if unknown],
        ),
    )
    return _with_scene(replace(found, evidence=_evidence(found, dependence)))


def with_alerts(findings: Results, told: Iterable[AlertState]) -> Results:
    """The same findings when more was told of alerts: of that, too, it is known now whether it is over."""
    return _with_scene(replace(findings, bundle=replace(findings.bundle, alerts=tuple(told))))


def alerts_since(bundle: Bundle) -> datetime | None:
    """Return from when on alerts are sent: the first trusted run or the begin of the promise, whichever is later.

    Where no ledger says when the first trusted run was, the promise alone says it; None: nothing does.
    """
    return max(filter(None, (bundle.first_trusted_at, bundle.terms.sla_since)), default=None)


def _with_scene(found: Results) -> Results:
    bundle = found.bundle
    scene = conditions.scene(
        found.evidence,
        home=alert.home_of(bundle.repository, bundle.service),
        told=keys_sent(bundle.alerts),
        since=alerts_since(bundle),
        as_of=bundle.generated_at,
        timezone=bundle.window.timezone,
    )
    return replace(found, scene=scene)


def _evidence(found: Results, dependence: ModelDependencies) -> alert.AlertInputs:
    bundle, timezone = found.bundle, found.bundle.window.timezone
    # Weeks that diverge running are known by the first of them, however short the window.
    window = cadence.window_of(bundle.generated_at, weeks=_HISTORY_WEEKS, timezone=timezone)
    return alert.AlertInputs(
        owed=found.obligations,
        history=week_table_of(found.events, found.incidents, dependence, bundle, window),
        weeks=found.weeks,
        spikes=found.spikes,
        promise_is_known=found.judges_promise and not verdict.unproved(bundle.coverage),
        cadence_is_known=states(bundle, SourceKind.CODE)
        == states(bundle, SourceKind.MODELS)
        == {CoverageState.COMPLETE},
        incidents_are_known=found.incidents_are_known,
        drift=found.drift,
        drift_is_healed=found.drift_healed,
    )


def with_gate(findings: Results, gate: MergeGate) -> Results:
    """The same findings when a pull request is judged, too."""
    decided = verdict.decide(findings.bundle.coverage, findings.scope, enforce=findings.bundle.terms.enforce, gate=gate)
    return replace(findings, gate=gate, verdict=decided)


def _sla_status(
    decided: Verdict, dependence: ModelDependencies, scope: tuple[Obligation, ...], events: pd.DataFrame, bundle: Bundle
) -> str:
    """One word for the promise: the worst that is open, or why there is nothing to say."""
    if decided.exit_code == verdict.EXIT_UNDECIDED or not judges_promise(bundle):
        return Status.UNKNOWN.value
    if not dependence.declared:
        return Status.UNDECLARED.value
    if any(item.status is Status.BREACHED for item in scope):
        return Status.BREACHED.value
    if any(item.is_open for item in scope):
        return Status.PENDING.value
    deployed = _deployed(events, bundle)
    if not deployed:
        return "none"
    # A stub that names no model promises nothing, so nothing was kept either: the newest release has the last word.
    return Status.UNDECLARED.value if dependence.by_sha.get(deployed[-1]) == () else Status.MET.value


def _unnamed(events: pd.DataFrame, dependence: ModelDependencies, bundle: Bundle) -> tuple[str, ...]:
    """Return the commits of the window's deploys whose stub names no model, newest first."""
    return tuple(sha for sha in reversed(_deployed(events, bundle)) if dependence.by_sha.get(sha) == ())


def _deployed(events: pd.DataFrame, bundle: Bundle) -> list[str]:
    """Return the commit of each deploy of the window, oldest first; an empty text where it is not known."""
    inside = (events[timeline.KIND] == Kind.DEPLOY) & (events[timeline.TS] >= pd.Timestamp(bundle.window.since))
    return [sha if isinstance(sha, str) else "" for sha in events.loc[inside, timeline.SHA]]
