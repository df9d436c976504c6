"""From one bundle to everything that is said about it. Pure: the same bundle gives the same findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pandas as pd

from flowjoy import bundle as bundles
from flowjoy import events as timeline
from flowjoy.analysis import alarms, cadence, drift, promise, recovery, signals, verdict
from flowjoy.analysis.advice import Advice, advise
from flowjoy.analysis.dependency import Gate
from flowjoy.analysis.dora import Dora, dora
from flowjoy.analysis.drift_lag import DriftLag, drift_lag
from flowjoy.analysis.notices import open_keys
from flowjoy.analysis.pairs import Pair, last_calm, pairs
from flowjoy.analysis.retrospective import Retrospective, retrospective, week_of
from flowjoy.analysis.signals import Spike
from flowjoy.bundle import Bundle
from flowjoy.dependence import dependence_of
from flowjoy.distribution import DriftCheck
from flowjoy.model import (
    Action,
    AlertState,
    CoverageState,
    Dependence,
    EventType,
    Kind,
    ModelRecord,
    Obligation,
    Precision,
    Recovery,
    Status,
    Verdict,
    Week,
)

_HISTORY_WEEKS = 56
"""400 days back, as far as code is read, in whole weeks."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What one run found. `obligations` are all, `scope` those in the window and every open one.

    `recoveries` is empty where a source of incidents could not be read, or none is set; `drift_lag` is None where a
    required source could not. `dora`: the figures of CODE, of MODEL and of both. `pairs`: which code was live with
    which models, the last one now; none where a required source could not be read. `scene`: what rings, and what is
    over of all that was told. `drift`: this run's drift check with what earlier
    ones make of it (None: not asked for); `drift_healed`: the last two checks are both not over the threshold.
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
    spikes: tuple[Spike, ...]
    pairs: tuple[Pair, ...]
    advice: tuple[Advice, ...]
    retro: Retrospective
    drift: DriftCheck | None
    drift_healed: bool
    scene: alarms.Scene = field(default_factory=alarms.Scene)
    gate: Gate | None = None

    @property
    def judges_promise(self) -> bool:
        """Whether the promise itself was judged."""
        return judges_promise(self.bundle)

    @property
    def incidents_are_known(self) -> bool:
        """Whether every source of incidents was read, and there is one: else "no incident" means nothing."""
        return _states(self.bundle, "incidents") == {CoverageState.COMPLETE}

    @property
    def unified_tag(self) -> str | None:
        """The name of the code and model pair that is live now, or that this very release makes live."""
        return self.pairs[-1].tag if self.pairs else None

    @property
    def rollback_target(self) -> Pair | None:
        """The last pair without an incident; None where incidents are not known, or there is none."""
        return last_calm(self.pairs) if self.incidents_are_known else None

    @property
    def last_week(self) -> Week | None:
        """The last complete week of the window."""
        return cadence.last_complete(self.weeks)

    def is_healthy(self, week: Week) -> bool:
        """Whether a week that is over earns the success mark; never where nobody knows of incidents."""
        return not week.partial and self.incidents_are_known and signals.healthy(week)

    def count(self, *statuses: Status) -> int:
        """How many obligations in scope have one of these statuses."""
        return sum(item.status in statuses for item in self.scope)


def find(bundle: Bundle) -> Findings:
    """Timeline, weeks, matches, obligations and verdict of a bundle."""
    until, terms = bundle.generated_at, bundle.terms
    events = timeline.timeline(bundle.code, bundle.models, service=bundle.service, until=until)
    dependence = dependence_of(terms.models, bundle.stubs, terms.model_stub, bundle.waivers)
    owed = _owed(events, bundle, dependence)
    code = tuple(record for record in bundle.code if not record.source_gone)
    models = tuple(record for record in bundle.models if not record.source_gone)
    if (code, models) != (bundle.code, bundle.models):
        confirmed = timeline.timeline(code, models, service=bundle.service, until=until)
        owed = promise.with_memory(_owed(confirmed, bundle, dependence), owed, bundle.models_gone)
    missing = verdict.unproved(bundle.coverage)
    if missing:
        owed = promise.all_unknown(owed, "; ".join(item.source for item in missing) + " could not be read")
    scope = promise.in_scope(owed, bundle.window.since, until)
    matched = _matched(events, bundle)
    weeks = cadence.week_table(events, matched, bundle.window, divergence_percent=terms.divergence_percent)
    healing = recovery.recoveries(matched, since=bundle.window.since)
    if _states(bundle, "incidents") - {CoverageState.COMPLETE}:
        weeks, healing = cadence.without_incidents(weeks), ()
    weeks = cadence.with_unread(weeks, code_known=_is_read(bundle, "code"), models_known=_is_read(bundle, "models"))
    decided = verdict.decide(bundle.coverage, scope, enforce=terms.enforce)
    lived = () if missing else _pairs(events, matched, dependence, bundle)
    advice = advise(
        weeks,
        healing,
        drift_is_checked=bundle.drift is not None,
        untagged=_untagged(lived, bundle),
        divergence_percent=terms.divergence_percent,
    )
    spikes = signals.spikes(weeks, factor=terms.mttr_spike_factor)
    drifted, healed = drift.trend(bundle.drift, bundle.drift_marks)
    found = Findings(
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
    return replace(found, scene=_scene(found))


def with_alerts(findings: Findings, told: Iterable[AlertState]) -> Findings:
    """The same findings when more was told of alarms: of that, too, it is known now whether it is over."""
    found = replace(findings, bundle=replace(findings.bundle, alerts=tuple(told)))
    return replace(found, scene=_scene(found))


def _scene(found: Findings) -> alarms.Scene:
    bundle, timezone = found.bundle, found.bundle.window.timezone
    # Weeks that diverge running are known by the first of them, however short the window.
    window = cadence.window_of(bundle.generated_at, weeks=_HISTORY_WEEKS, timezone=timezone)
    percent = bundle.terms.divergence_percent
    evidence = alarms.Evidence(
        owed=found.obligations,
        history=cadence.week_table(found.events, found.incidents, window, divergence_percent=percent),
        weeks=found.weeks,
        spikes=found.spikes,
        promise_is_known=found.judges_promise and not verdict.unproved(bundle.coverage),
        cadence_is_known=_states(bundle, "code") == _states(bundle, "models") == {CoverageState.COMPLETE},
        incidents_are_known=found.incidents_are_known,
        drift=found.drift,
        drift_is_healed=found.drift_healed,
    )
    told = open_keys(bundle.alerts)
    return alarms.scene(evidence, service=bundle.service, told=told, as_of=bundle.generated_at, timezone=timezone)


def judges_promise(bundle: Bundle) -> bool:
    """False on a fork's pull request: without secrets only its stub is judged, the promise on merge."""
    return any(item.required and item.source.startswith("code") for item in bundle.coverage)


def _matched(events: pd.DataFrame, bundle: Bundle) -> pd.DataFrame:
    """The incidents, each with the deploy it is put down to, where every deploy that it could be was read."""
    incidents = timeline.incident_frame(bundle.incidents, until=bundle.generated_at)
    matched = recovery.match_incidents(incidents, events, match_hours=bundle.terms.incident_match_hours)
    return matched if _causes_are_known(bundle) else recovery.without_causes(matched)


def _causes_are_known(bundle: Bundle) -> bool:
    """False where code or models could not be read: the latest deploy before an incident may be one of those."""
    return CoverageState.FAILED not in _states(bundle, "code") | _states(bundle, "models")


def bundle_bytes(findings: Findings) -> bytes:
    """The bundle as it is written: the records, what became of each obligation, and every figure."""
    matches = findings.incidents[[timeline.ID, *recovery.MATCH_COLUMNS]]
    figures: Mapping[str, object] = {
        "weeks": findings.weeks,
        "recoveries": findings.recoveries,
        "dora": findings.dora,
        "drift_lag": findings.drift_lag,
        "spikes": findings.spikes,
        "advice": findings.advice,
        "retrospective": findings.retro,
        "alarms": findings.scene.ringing,
        "drift_status": findings.drift.status if findings.drift is not None else None,
        "drift_healed": findings.drift_healed,
        "unified_tag": findings.unified_tag,
        "rollback_target": findings.rollback_target,
        "matches": matches.where(matches.notna(), None).to_dict("records"),
    }
    told = replace(findings.bundle, obligations=findings.obligations, actions=_actions(findings))
    judged = {} if findings.gate is None else {"gate": findings.gate}
    return bundles.to_json(told, {"pairs": findings.pairs, "figures": figures, **judged})


def _actions(findings: Findings) -> tuple[Action, ...]:
    """What earlier runs proposed, and what this one does; the first of a week stands for it."""
    past, bundle, row = findings.bundle.actions, findings.bundle, findings.retro.action
    week = week_of(bundle.generated_at, bundle.window.timezone)
    if row is None or any(action.week == week for action in past):
        return past
    return (*past, Action(week=week, key=row.key, do=row.do, measure=row.measure, value=row.value))


def _begun(record: ModelRecord, bundle: Bundle) -> datetime | None:
    """When the way of a model version to its ship began: with its training, else with its registration.

    Not known of a run that could not be read, and of a version that may have been live before anybody looked. Where
    registering *is* shipping, the time between the two says nothing.
    """
    if record.maybe_live_before:
        return None
    if record.run_id is not None:
        return bundle.training_runs.get(record.run_id)
    return None if record.precision is Precision.REGISTERED else record.registered_at


def _pairs(events: pd.DataFrame, matched: pd.DataFrame, dependence: Dependence, bundle: Bundle) -> tuple[Pair, ...]:
    return pairs(
        events,
        matched,
        dependence,
        service=bundle.service,
        since=bundle.window.since,
        newest_is_live=bundle.terms.model_signal == "registered",
    )


def _untagged(lived: Sequence[Pair], bundle: Bundle) -> str | None:
    """The unified tag of the live pair, where not one of its model versions says that it carries any."""
    now = lived[-1] if lived else None
    if now is None or now.tag is None:
        return None
    live = {(model.name, model.version) for model in now.models}
    tagged = any(record.unified_tag for record in bundle.models if (record.name, record.version) in live)
    return None if tagged else now.tag


def _is_read(bundle: Bundle, source: str) -> bool:
    """Whether nothing is missing of a source: else a count of it is no count."""
    return not _states(bundle, source) - {CoverageState.COMPLETE}


def _states(bundle: Bundle, source: str) -> set[CoverageState]:
    return {item.state for item in bundle.coverage if item.source.startswith(source)}


def _dora(events: pd.DataFrame, matched: pd.DataFrame, bundle: Bundle) -> tuple[Dora, ...]:
    begun = {record.id: _begun(record, bundle) for record in bundle.models}
    return dora(
        events,
        matched if _states(bundle, "incidents") == {CoverageState.COMPLETE} and _causes_are_known(bundle) else None,
        bundle.window,
        commits=bundle.commits,
        begun={name: instant for name, instant in begun.items() if instant is not None},
        known=[
            kind
            for kind, source in ((EventType.CODE, "code"), (EventType.MODEL, "models"))
            if _states(bundle, source) == {CoverageState.COMPLETE}
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
    if decided.exit_code == verdict.EXIT_UNDECIDED or not judges_promise(bundle):
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
