"""Alarms in plain words: what happened, since when, whose move it is. Knows findings, no channel and no markup."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

from flowjoy.analysis.alerts.alert import Alarm, AlarmKind, Waiting
from flowjoy.analysis.alerts.lifecycle import Notice, Step
from flowjoy.analysis.flow.trends import Spike
from flowjoy.analysis.results import Findings
from flowjoy.domain import Status, Week
from flowjoy.domain.drift import DriftCheck
from flowjoy.report.content.headline import outcome, release_name
from flowjoy.report.content.retrospective import spike_text
from flowjoy.report.text import clean, lagging, moment, plural

OVER = "✅"
EXCUSED = "⏸️"
MOST_NAMED = 10
ICONS = {
    AlarmKind.BREACH: "🔴",
    AlarmKind.DRIFT: "🔴",
    AlarmKind.DIVERGENCE: "⚠️",
    AlarmKind.MTTR_SPIKE: "⚠️",
    AlarmKind.AT_RISK: "🟠",
}
_CLOSED = {
    AlarmKind.BREACH: "Broken promise: alert closed",
    AlarmKind.AT_RISK: "Clock at risk: alert closed",
    AlarmKind.DRIFT: "Drift: alert closed",
    AlarmKind.DIVERGENCE: "Divergence: alert closed",
    AlarmKind.MTTR_SPIKE: "MTTR spike: alert closed",
}
"""Titles of alerts that end without numbers; the subject follows."""
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
    """Return what one notice says."""
    alarm, about = notice.alarm, notice.alarm.about
    if notice.step is Step.RECOVERY:
        return _over(alarm, findings)
    if isinstance(about, Waiting):
        said = _excused(_joined(about, notice)) if notice.step is Step.WAIVER else _promise(notice, about, findings)
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


def _joined(about: Waiting, notice: Notice) -> Waiting:
    """Return the releases that this step names."""
    return Waiting(model=about.model, items=tuple(item for item in about.items if item.code_id in notice.joined))


def _promise(notice: Notice, about: Waiting, findings: Findings) -> Words:
    hours, zone = f"{findings.bundle.terms.sla_hours:g} h", findings.bundle.window.timezone
    kind, model, first = notice.alarm.kind, clean(about.model), about.items[0]
    named = _joined(about, notice) if notice.step is Step.UPDATE else about
    what = "a new version" if first.requires == "any" else f"version {clean(first.requires)}"
    lead = "The code" if len(about.items) == 1 else "The first of them"
    live, by = moment(first.start, zone), moment(first.deadline, zone)
    is_broken = kind is AlarmKind.BREACH
    left = "" if is_broken else f" Less than a quarter of {hours} is left."
    waive = "; where it must wait, its owner signs a waiver in the stub" if is_broken else ""
    return Words(
        icon=ICONS[kind],
        title=_waiting_title(notice, about, len(named.items), findings),
        what=f"{model} for {_each(named, findings)}.{left}",
        since=f"{lead} went live {live}; the model {'was' if is_broken else 'is'} due by {by}.",
        move=f"data people: ship {what} of {model}{waive}.",
    )


def _waiting_title(notice: Notice, about: Waiting, joined: int, findings: Findings) -> str:
    model, count, is_broken = clean(about.model), len(about.items), notice.alarm.kind is AlarmKind.BREACH
    past = "past the deadline" if is_broken else "close to the deadline"
    if notice.step is Step.UPDATE:
        return f"{model}: {plural(joined, 'more release')} {past}, {count} in all"
    if count > 1:
        return f"{model}: {plural(count, 'release')} {past}"
    if is_broken:
        return f"The {findings.bundle.terms.sla_hours:g} h promise is broken: {model}"
    return f"{model} {outcome(about.items[0], findings)}"


def _each(about: Waiting, findings: Findings) -> str:
    """Return each of the first releases with what became of it, and how many more there are."""
    shown = [f"{release_name(item)}: {outcome(item, findings) or item.status.words}" for item in about.items]
    more = len(shown) - MOST_NAMED
    return "; ".join([*shown[:MOST_NAMED], *([f"… and {plural(more, 'more release')}"] if more > 0 else [])])


def _excused(about: Waiting) -> Words:
    """Return who excused which releases, why, and until when."""
    by_waiver: dict[str, list[str]] = {}
    for item in about.items:
        by_waiver.setdefault(item.waiver or "", []).append(release_name(item))
    lines = [
        f"{', '.join(names[:MOST_NAMED])}{' …' if len(names) > MOST_NAMED else ''}: {clean(waiver, 300)}"
        for waiver, names in by_waiver.items()
    ]
    model = clean(about.model)
    return Words(
        icon=EXCUSED,
        title=f"{model} is excused by a waiver",
        what=f"{model} for {'; '.join(lines[:MOST_NAMED])}.",
        since="Nothing is shipped yet: the alert stays open.",
        move="data people: ship before the waiver ends; then the alert is sent again.",
    )


def _divergence(alarm: Alarm, week: Week) -> Words:
    return Words(
        icon=ICONS[alarm.kind],
        title=lagging(week),
        what=_cadence(week),
        since=f"Since the week of {_monday(alarm)}.",
        move=f"data people, with ops: {_SPIKE}." if alarm.escalated else f"{_PACKAGE}.",
    )


def _cadence(week: Week) -> str:
    """Return the deploys of a week; of several models those of the one that lags."""
    about = week.lagging or week.furthest
    if week.named_model is not None and about is not None:
        needed = f"{plural(about.code_deploys, 'code deploy')} that require {clean(about.model)}"
        return f"Week of {week.label}: {needed}, and {plural(about.ships, 'ship')} of it."
    models = str(week.model_deploys) if week.ships_known else "an unknown number of"
    return f"Week of {week.label}: {week.code_deploys} code and {models} model deploys."


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


def _ending(about: Waiting) -> str:
    """Return what became of what was owed."""
    model, statuses = clean(about.model), {item.status for item in about.items}
    if len(about.items) > 1:
        return f"{model}: {plural(len(about.items), 'release')} wait no more"
    if Status.UNDETERMINED in statuses:
        return f"{model} was shipped, and it is unknown whether in time"
    return f"{model} was shipped" if about.items[0].shipped_at is not None else f"{model} is no longer owed"


def _monday(alarm: Alarm) -> str:
    """The week that names an alarm, as week tables write it."""
    return date.fromisoformat(alarm.subject).strftime("%b %d")


def _no_longer(alarm: Alarm, findings: Findings) -> str:
    """Return why none of the releases that an alert named is judged any more."""
    bundle, since = findings.bundle, findings.bundle.terms.sla_since
    named = {release for state in bundle.alerts if state.key == alarm.key for release in state.releases}
    shipped_at = [record.shipped_at for record in bundle.code if record.id in named]
    if since is None or not shipped_at or max(shipped_at) >= since:
        return f"No release that waited for {clean(alarm.subject)} is judged any more."
    day = since.astimezone(ZoneInfo(bundle.window.timezone)).date().isoformat()
    return f"`sla-since` is now {day}, so the releases of {clean(alarm.subject)} before it no longer count."


def _over(alarm: Alarm, findings: Findings) -> Words:
    """How an alarm ended."""
    about, zone = alarm.about, findings.bundle.window.timezone
    now = moment(findings.bundle.generated_at, zone)
    if isinstance(about, Waiting) and any(item.status is Status.WAIVED and not item.closed_at for item in about.items):
        return replace(_excused(about), since="Its clock has run out.")
    if isinstance(about, Waiting):
        ended = _ending(about)
        what = f"{clean(about.model)} for {_each(about, findings)}."
        since = f"It was due by {moment(about.items[0].deadline, zone)}."
    elif isinstance(about, Week):
        ended = "Models no longer lag behind code" if alarm.kind is AlarmKind.DIVERGENCE else "The MTTR is down again"
        mttr = "" if about.mttr_hours is None else f", MTTR {about.mttr_hours:.1f} h"
        what = f"{_cadence(about).removesuffix('.')}{mttr}."
        since = f"It was told for the week of {_monday(alarm)}."
    elif isinstance(about, DriftCheck):
        ended = f"Live data look like training data again: {clean(about.model)}"
        what, since = f"No feature is over {about.threshold:g} in two checks running.", f"Last check {now}."
    else:
        ended, what, since = (
            f"{_CLOSED[alarm.kind]} for {clean(alarm.subject)}",
            _no_longer(alarm, findings),
            f"Seen {now}.",
        )
    return Words(icon=OVER, title=ended, what=what, since=since, move="nobody: it is over.")
