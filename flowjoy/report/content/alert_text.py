"""The plain text of alerts: what happened, since when, and who has to act."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

from flowjoy.analysis.alerts.alert import Alert, WaitingReleases
from flowjoy.analysis.alerts.lifecycle import AlertStep, Notification
from flowjoy.analysis.flow.divergence_and_spikes import Spike
from flowjoy.analysis.results import Results
from flowjoy.domain import Status, Week
from flowjoy.domain.alerts import AlertKind
from flowjoy.domain.drift import DriftCheck
from flowjoy.report.content.headline import outcome
from flowjoy.report.content.retrospective import spike_text
from flowjoy.report.escaping import clean
from flowjoy.report.text import lagging, moment, plural

OVER = "✅"
EXCUSED = "⏸️"
NAME_LIMIT = 10
ICONS = {
    AlertKind.BREACH: "🔴",
    AlertKind.DRIFT: "🔴",
    AlertKind.DIVERGENCE: "⚠️",
    AlertKind.MTTR_SPIKE: "⚠️",
    AlertKind.AT_RISK: "🟠",
}
_CLOSED = {
    AlertKind.BREACH: "Broken promise: alert resolved",
    AlertKind.AT_RISK: "Deadline at risk: alert resolved",
    AlertKind.DRIFT: "Drift: alert resolved",
    AlertKind.DIVERGENCE: "Divergence: alert resolved",
    AlertKind.MTTR_SPIKE: "MTTR spike: alert resolved",
}
"""Titles of resolved alerts without numbers; the subject follows."""
_SPIKE = "run a 48-hour spike to containerise the training job"
_PACKAGE = "data team, with ops: package the model in the same CI job as the service"


@dataclass(frozen=True, kw_only=True)
class AlertText:
    """One alert in plain text; external names are cleaned, not escaped. `move`: who has to do what.

    `icon` precedes the title in chat and in lists; PagerDuty shows the title without it.
    """

    icon: str
    title: str
    what: str
    since: str
    move: str


def alert_text(notification: Notification, results: Results) -> AlertText:
    """Return the text of a notification."""
    alert, about = notification.alert, notification.alert.about
    if notification.step is AlertStep.RECOVERY:
        return _over(alert, results)
    if isinstance(about, WaitingReleases):
        text = (
            _excused(_joined(about, notification))
            if notification.step is AlertStep.WAIVER
            else _promise(notification, about, results)
        )
    elif isinstance(about, Spike):
        text = _spike(about)
    elif isinstance(about, Week):
        text = _divergence(alert, about)
    elif isinstance(about, DriftCheck):
        text = _drift(about, results)
    else:
        raise TypeError("a firing alert has figures")
    lead = {AlertStep.REMINDER: "Reminder: ", AlertStep.ESCALATION: "Second week in a row: "}.get(notification.step, "")
    return replace(text, title=f"{lead}{text.title}")


def _joined(about: WaitingReleases, notification: Notification) -> WaitingReleases:
    """Return the releases that this step names."""
    return WaitingReleases(
        model=about.model, items=tuple(item for item in about.items if item.code_id in notification.joined)
    )


def _promise(notification: Notification, about: WaitingReleases, results: Results) -> AlertText:
    hours, zone = f"{results.bundle.terms.sla_hours:g} h", results.bundle.window.timezone
    kind, model, first = notification.alert.kind, clean(about.model), about.items[0]
    named = _joined(about, notification) if notification.step is AlertStep.UPDATE else about
    what = "a new version" if first.requires == "any" else f"version {clean(first.requires)}"
    lead = "The code" if len(about.items) == 1 else "The first release"
    live, by = moment(first.start, zone), moment(first.deadline, zone)
    is_broken = kind is AlertKind.BREACH
    left = "" if is_broken else f" Less than a quarter of {hours} is left."
    waive = ", or have its owner sign a waiver in the stub" if is_broken else ""
    return AlertText(
        icon=ICONS[kind],
        title=_waiting_title(notification, about, len(named.items), results),
        what=f"{model} for {_each(named, results)}.{left}",
        since=f"{lead} went live {live}; the model {'was' if is_broken else 'is'} due by {by}.",
        move=f"data team: ship {what} of {model}{waive}.",
    )


def _waiting_title(notification: Notification, about: WaitingReleases, joined: int, results: Results) -> str:
    model, count, is_broken = clean(about.model), len(about.items), notification.alert.kind is AlertKind.BREACH
    past = "past the deadline" if is_broken else "close to the deadline"
    if notification.step is AlertStep.UPDATE:
        return f"{model}: {plural(joined, 'more release')} {past}, {count} in total"
    if count > 1:
        return f"{model}: {plural(count, 'release')} {past}"
    if is_broken:
        return f"The {results.bundle.terms.sla_hours:g} h promise is broken: {model}"
    return f"{model} {outcome(about.items[0], results)}"


def _each(about: WaitingReleases, results: Results) -> str:
    """Return the first releases with their outcomes, and the number of further ones."""
    shown = [f"{item.release}: {outcome(item, results) or item.status.label}" for item in about.items]
    more = len(shown) - NAME_LIMIT
    return "; ".join([*shown[:NAME_LIMIT], *([f"… and {plural(more, 'more release')}"] if more > 0 else [])])


def _excused(about: WaitingReleases) -> AlertText:
    """Return the text for excused releases: who signed the waivers, why, and until when."""
    by_waiver: dict[str, list[str]] = {}
    for item in about.items:
        by_waiver.setdefault(item.waiver or "", []).append(item.release)
    lines = [
        f"{', '.join(names[:NAME_LIMIT])}{' …' if len(names) > NAME_LIMIT else ''}: {clean(waiver, 300)}"
        for waiver, names in by_waiver.items()
    ]
    model = clean(about.model)
    return AlertText(
        icon=EXCUSED,
        title=f"{model} is excused by a waiver",
        what=f"{model} for {'; '.join(lines[:NAME_LIMIT])}.",
        since="Nothing has shipped yet, so the alert stays open.",
        move="data team: ship before the waiver ends; otherwise the alert is sent again.",
    )


def _divergence(alert: Alert, week: Week) -> AlertText:
    return AlertText(
        icon=ICONS[alert.kind],
        title=lagging(week),
        what=_cadence(week),
        since=f"Since the week of {_monday(alert)}.",
        move=f"data team, with ops: {_SPIKE}." if alert.escalated else f"{_PACKAGE}.",
    )


def _cadence(week: Week) -> str:
    """Return the deploys of a week; with several models, those of the model that lags."""
    about = week.lagging or week.furthest
    if week.named_model is not None and about is not None:
        verb = "requires" if about.code_deploys == 1 else "require"
        needed = f"{plural(about.code_deploys, 'code deploy')} that {verb} {clean(about.model)}"
        return f"Week of {week.label}: {needed}, and {plural(about.ships, 'ship')} of it."
    models = plural(week.model_deploys, "model deploy") if week.ships_known else "an unknown number of model deploys"
    return f"Week of {week.label}: {week.code_deploys} code and {models}."


def _spike(spike: Spike) -> AlertText:
    return AlertText(
        icon=ICONS[AlertKind.MTTR_SPIKE],
        title=f"Unified MTTR {spike.hours:.1f} h in the week of {spike.week.label}",
        what=f"{spike_text(spike)}, over {plural(spike.week.resolved, 'resolved incident')} of code and models.",
        since=f"Week of {spike.week.label}.",
        move="ops and data team: review the incidents together, with a data scientist on call.",
    )


def _drift(check: DriftCheck, results: Results) -> AlertText:
    worst, zone = next(iter(check.features), None), results.bundle.window.timezone
    figure = f"{worst.kl_nats:.3f} nats" if worst is not None and worst.kl_nats is not None else "over the threshold"
    feature = clean(worst.name, 80) if worst is not None else "a feature"
    model = clean(check.model) + (f" v{clean(check.version)}" if check.version else "")
    return AlertText(
        icon=ICONS[AlertKind.DRIFT],
        title=f"Live data has drifted from training data: {clean(check.model)}",
        what=f"{model}: KL divergence of {feature} is {figure}; the threshold is {check.threshold:g}.",
        since=f"Over the threshold in two consecutive checks, most recently {moment(check.at, zone)}.",
        move=f"data team: check {feature} and retrain; ops: prepare a rollback.",
    )


def _ending(about: WaitingReleases) -> str:
    """Return the title for releases that are no longer waiting."""
    model, statuses = clean(about.model), {item.status for item in about.items}
    if len(about.items) > 1:
        return f"{model}: {plural(len(about.items), 'release')} no longer wait"
    if Status.UNDETERMINED in statuses:
        return f"{model} was shipped; it is unknown whether before the deadline"
    return f"{model} was shipped" if about.items[0].shipped_at is not None else f"{model} is no longer owed"


def _monday(alert: Alert) -> str:
    """Return the week in the subject of an alert, as in the week table."""
    return date.fromisoformat(alert.subject).strftime("%b %d")


def _no_longer(alert: Alert, results: Results) -> str:
    """Return why none of an alert's releases is judged any more."""
    bundle, since = results.bundle, results.bundle.terms.sla_since
    named = {release for state in bundle.alerts if state.key == alert.key for release in state.releases}
    shipped_at = [record.shipped_at for record in bundle.code if record.id in named]
    if since is None or not shipped_at or max(shipped_at) >= since:
        return f"None of the releases that waited for {clean(alert.subject)} is judged any more."
    day = since.astimezone(ZoneInfo(bundle.window.timezone)).date().isoformat()
    return f"`sla-since` is now {day}, so the releases of {clean(alert.subject)} before it no longer count."


def _over(alert: Alert, results: Results) -> AlertText:
    """Return the text for a resolved alert."""
    about, zone = alert.about, results.bundle.window.timezone
    now = moment(results.bundle.generated_at, zone)
    if isinstance(about, WaitingReleases) and any(item.is_excused for item in about.items):
        return replace(_excused(about), since="The deadline has passed.")
    if isinstance(about, WaitingReleases):
        ended = _ending(about)
        what = f"{clean(about.model)} for {_each(about, results)}."
        since = f"It was due by {moment(about.items[0].deadline, zone)}."
    elif isinstance(about, Week):
        ended = (
            "Models no longer lag behind code" if alert.kind is AlertKind.DIVERGENCE else "The MTTR is back to normal"
        )
        mttr = "" if about.mttr_hours is None else f", MTTR {about.mttr_hours:.1f} h"
        what = f"{_cadence(about).removesuffix('.')}{mttr}."
        since = f"The alert was for the week of {_monday(alert)}."
    elif isinstance(about, DriftCheck):
        ended = f"Live data matches training data again: {clean(about.model)}"
        what, since = f"No feature was over {about.threshold:g} in the last two checks.", f"Last check {now}."
    else:
        ended, what, since = (
            f"{_CLOSED[alert.kind]} for {clean(alert.subject)}",
            _no_longer(alert, results),
            f"Checked {now}.",
        )
    return AlertText(icon=OVER, title=ended, what=what, since=since, move="no action: the alert is resolved.")
