"""Alarms in plain words: what happened, since when, whose move it is. Knows findings, no channel and no markup."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from flowjoy.analysis.alarms import Alarm, AlarmKind
from flowjoy.analysis.notices import Notice, Step
from flowjoy.analysis.signals import Spike
from flowjoy.distribution import DriftCheck
from flowjoy.findings import Findings
from flowjoy.model import Obligation, Status, Week
from flowjoy.report.answers import spike_text
from flowjoy.report.headline import outcome, release_name
from flowjoy.report.words import clean, moment, plural

OVER = "✅"
ICONS = {
    AlarmKind.BREACH: "🔴",
    AlarmKind.DRIFT: "🔴",
    AlarmKind.DIVERGENCE: "⚠️",
    AlarmKind.MTTR_SPIKE: "⚠️",
    AlarmKind.AT_RISK: "🟠",
}
_SPIKE = "run a 48-hour spike to containerise the training job"
_PACKAGE = "data people, with ops: package the model in the same CI job as the service"


@dataclass(frozen=True, kw_only=True)
class Words:
    """One alarm in plain text; foreign names are cleaned, not escaped. `move`: whose move it is, and which.

    `icon` stands before the title where people only glance; some pages have no such sign.
    """

    icon: str
    title: str
    what: str
    since: str
    move: str


def words(notice: Notice, findings: Findings) -> Words:
    """What one notice says."""
    alarm, about = notice.alarm, notice.alarm.about
    if notice.step is Step.RECOVERY:
        return _over(alarm, findings)
    if isinstance(about, Obligation):
        said = _promise(alarm, about, findings)
    elif isinstance(about, Spike):
        said = _spike(about)
    elif isinstance(about, Week):
        said = _divergence(alarm, about)
    elif isinstance(about, DriftCheck):
        said = _drift(about, findings)
    else:
        raise TypeError("an alarm that rings has its numbers")
    lead = {Step.REMINDER: "Still so: ", Step.ESCALATION: "Second week running: "}.get(notice.step, "")
    return replace(said, title=f"{lead}{said.title}")


def _promise(alarm: Alarm, item: Obligation, findings: Findings) -> Words:
    hours, zone = f"{findings.bundle.terms.sla_hours:g} h", findings.bundle.window.timezone
    model, release = clean(item.model), release_name(item)
    what = "a new version" if item.requires == "any" else f"version {clean(item.requires)}"
    live, by = moment(item.start, zone), moment(item.deadline, zone)
    if alarm.kind is AlarmKind.BREACH:
        return Words(
            icon=ICONS[alarm.kind],
            title=f"The {hours} promise is broken: {model}",
            what=f"{model} for {release}: {outcome(item, findings)}.",
            since=f"The code went live {live}; the model was due by {by}.",
            move=f"data people: ship {what} of {model}; where it must wait, its owner signs a waiver in the stub.",
        )
    return Words(
        icon=ICONS[alarm.kind],
        title=f"{model} {outcome(item, findings)}",
        what=f"{model} for {release}: less than a quarter of its {hours} is left.",
        since=f"The code went live {live}; the model is due by {by}.",
        move=f"data people: ship {what} of {model}.",
    )


def _divergence(alarm: Alarm, week: Week) -> Words:
    return Words(
        icon=ICONS[alarm.kind],
        title=f"Model cadence lagging by {plural(week.gap, 'deploy')}",
        what=f"Week of {week.label}: {week.code_deploys} code and {week.model_deploys} model deploys.",
        since=f"Since the week of {_monday(alarm)}.",
        move=f"data people, with ops: {_SPIKE}." if alarm.escalated else f"{_PACKAGE}.",
    )


def _spike(spike: Spike) -> Words:
    return Words(
        icon=ICONS[AlarmKind.MTTR_SPIKE],
        title=f"Unified MTTR {spike.hours:.1f} h in the week of {spike.week.label}",
        what=f"{spike_text(spike)}, over {plural(spike.week.resolved, 'resolved incident')} of code and models.",
        since=f"Week of {spike.week.label}.",
        move="ops and data people: walk through the incidents together, with a data scientist on call.",
    )


def _drift(check: DriftCheck, findings: Findings) -> Words:
    worst = next(iter(check.features), None)
    figure = f"{worst.kl_nats:.3f} nats" if worst is not None and worst.kl_nats is not None else "over the threshold"
    feature = clean(worst.name, 80) if worst is not None else "a feature"
    model = clean(check.model) + (f" v{clean(check.version)}" if check.version else "")
    return Words(
        icon=ICONS[AlarmKind.DRIFT],
        title=f"Live data drifts from training data: {clean(check.model)}",
        what=f"{model}: KL divergence of {feature} is {figure}, the threshold {check.threshold:g}.",
        since=f"Over in two checks running, the last {moment(check.at, findings.bundle.window.timezone)}.",
        move=f"data people: look at {feature} and train again; ops: know the version to roll back to.",
    )


def _ending(item: Obligation) -> str:
    """What became of what was owed."""
    if item.status is Status.UNDETERMINED:
        return "was shipped, and nobody can say whether in time"
    return "was shipped" if item.shipped_at is not None else "is no longer owed"


def _monday(alarm: Alarm) -> str:
    """The week that names an alarm, as week tables write it."""
    return date.fromisoformat(alarm.subject).strftime("%b %d")


def _over(alarm: Alarm, findings: Findings) -> Words:
    """How an alarm ended."""
    about, zone = alarm.about, findings.bundle.window.timezone
    now = moment(findings.bundle.generated_at, zone)
    if isinstance(about, Obligation):
        ended = f"{clean(about.model)} {_ending(about)}"
        what = f"{clean(about.model)} for {release_name(about)}: {outcome(about, findings) or about.status.value}."
        since = f"It was due by {moment(about.deadline, zone)}."
    elif isinstance(about, Week):
        ended = "Models no longer lag behind code" if alarm.kind is AlarmKind.DIVERGENCE else "The MTTR is down again"
        mttr = "" if about.mttr_hours is None else f", MTTR {about.mttr_hours:.1f} h"
        deploys = f"{about.code_deploys} code and {about.model_deploys} model deploys"
        what = f"Week of {about.label}: {deploys}{mttr}."
        since = f"It was told for the week of {_monday(alarm)}."
    elif isinstance(about, DriftCheck):
        ended = f"Live data look like training data again: {clean(about.model)}"
        what, since = f"No feature is over {about.threshold:g} in two checks running.", f"Last check {now}."
    else:
        ended, what, since = "Over", "What it was about is no longer there.", f"Seen {now}."
    return Words(icon=OVER, title=ended, what=what, since=since, move="nobody: it is over.")
