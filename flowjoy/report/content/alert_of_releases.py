"""The text of alerts about releases that wait for a model: overdue, at risk, waived, and no longer waiting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from flowjoy.analysis.alerts.alert import Alert, WaitingReleases
from flowjoy.analysis.alerts.lifecycle import AlertStep, Notification
from flowjoy.analysis.results import Results
from flowjoy.domain import Obligation, Status
from flowjoy.domain.alerts import AlertKind
from flowjoy.domain.timestamps import iso
from flowjoy.report.content.alert_parts import EXCUSED, ICONS, MISSED, NOTHING, OVER, AlertText
from flowjoy.report.content.obligation_text import excuse, how_to_ship, other_pin, outcome
from flowjoy.report.content.owners import DATA_TEAM, owner_of
from flowjoy.report.escaping import clean
from flowjoy.report.prose import plain
from flowjoy.report.text import capital, moment, plural, span

NAME_LIMIT = 10
_RERUN = "nothing is left to ship. If pull requests are blocked, re-run their failed job."
_NAMES = {AlertKind.BREACH: "broken promise", AlertKind.AT_RISK: "deadline at risk"}


def of_waiting(notification: Notification, about: WaitingReleases, results: Results) -> AlertText:
    """Return the text for releases that wait: all of them, or for an update those that joined."""
    zone, kind = results.bundle.window.timezone, notification.alert.kind
    is_update, is_broken = notification.step is AlertStep.UPDATE, kind is AlertKind.BREACH
    model, first, count = clean(about.model), about.items[0], len(about.items)
    shown = _joined(about, notification) if is_update else about.items
    left, by = _left(first, results), moment(first.deadline, zone)
    ship = f"ship {needed(first)} of {model}{plain(how_to_ship(results.bundle.terms))}"
    ship = plain(other_pin(first, results) or ship)
    waiting = f"{plural(count, 'release')} {'waits' if count == 1 else 'wait'}"
    lead = "waiver ended, " if first.waiver is not None else ""
    state = f"{lead}{left}, {waiting}" if count > 1 else f"{lead}{left}"
    if is_update:
        state = f"{plural(len(shown), 'more release')} {_past(kind)}, {count} in total"
    total = f" {capital(waiting)} in total; the first {'was' if is_broken else 'is'} due by {by}." if is_update else ""
    return AlertText(
        icon=ICONS[kind],
        subject=model,
        state=state,
        summary=f"{model} is {left} ({'since' if is_broken else 'by'} {by}): {waiting} for {needed(first)}",
        facts=_facts(shown, results) + total,
        since=moment(notification.alert.began, zone),
        move=f"{ship}{'' if is_broken else f' by {by}'}.",
        emergency=_emergency(kind, results),
        owner=owner_of(about.model, results),
        team=DATA_TEAM,
        details={
            "model": model,
            "needs": needed(first),
            "first_release": _name(first),
            "deployed": iso(first.start),
            "due": iso(first.deadline),
            "releases_waiting": str(count),
            "urgency": left,
        },
    )


def of_waived(about: WaitingReleases, notification: Notification, results: Results) -> AlertText:
    """Return the text for waived releases: who signed the waivers, why, and until when."""
    items = _joined(about, notification) if notification.step is AlertStep.WAIVER else about.items
    by_waiver: dict[str, list[str]] = {}
    for item in items:
        by_waiver.setdefault(excuse(item, results), []).append(_name(item))
    lines = [f"{_listed(names)} until {text}" for text, names in by_waiver.items()]
    has_ended = notification.step is AlertStep.RECOVERY
    model = clean(about.model)
    is_one = len(items) == 1
    state = "waived, not shipped yet" if is_one else f"{plural(len(items), 'release')} waived, not shipped yet"
    return AlertText(
        icon=EXCUSED,
        subject=model,
        state=state,
        facts=f"A waiver on {model} excuses {'release' if is_one else 'releases'} {'; '.join(lines[:NAME_LIMIT])}.",
        since="The deadline has passed." if has_ended else "Nothing has shipped yet, so the alert stays open.",
        move=f"ship {needed(items[0])} of {model} before the waiver ends; otherwise the alert fires again.",
        owner=owner_of(about.model, results),
        team=DATA_TEAM,
    )


def of_ended(alert: Alert, about: WaitingReleases, results: Results) -> AlertText:
    """Return the text for releases that do not wait any more."""
    model, first = clean(about.model), about.items[0]
    ends = "; ".join(f"release {_name(item)}: {_end(item, results)}" for item in about.items[:NAME_LIMIT])
    more = len(about.items) - NAME_LIMIT
    rest = f"; … and {plural(more, 'more release')}" if more > 0 else ""
    was_blocking = alert.kind is AlertKind.BREACH and results.bundle.terms.enforce
    text = AlertText(
        icon=MISSED if any(item.is_missed for item in about.items) else OVER,
        subject=model,
        state=_ending(about.items),
        facts=f"{capital(ends)}{rest}.",
        since=f"It was due by {moment(first.deadline, results.bundle.window.timezone)}.",
        move=_RERUN if was_blocking else NOTHING,
    )
    unclear = next((item for item in about.items if item.status is Status.UNDETERMINED), None)
    if unclear is None:
        return text
    version = f" of v{clean(unclear.version, 40)}" if unclear.version else ""
    move = f"set the tag flowjoy.deployed_at{version} to the time it went live, and run FlowJoy hourly."
    return replace(text, move=move, owner=owner_of(alert.subject, results), team=DATA_TEAM)


def of_unknown(alert: Alert, results: Results) -> AlertText:
    """Return the text for an alert whose releases are not judged any more."""
    return AlertText(
        icon=OVER,
        subject=clean(alert.subject),
        state=f"{_NAMES.get(alert.kind, alert.kind.value)}: alert resolved",
        facts=_no_longer(alert, results),
        since=f"Checked {moment(results.bundle.generated_at, results.bundle.window.timezone)}.",
        move=NOTHING,
    )


def needed(item: Obligation) -> str:
    """Return the version that an obligation needs: `a new version`, `version 12` or `version 12 or higher`."""
    if item.requires == "any":
        return "a new version"
    version = clean(item.requires)
    return f"version {version[2:]} or higher" if version.startswith(">=") else f"version {version}"


def _joined(about: WaitingReleases, notification: Notification) -> Sequence[Obligation]:
    """Return the releases that this step names."""
    return tuple(item for item in about.items if item.code_id in notification.joined) or about.items


def _name(item: Obligation) -> str:
    return clean(item.sha[:12] if item.sha else item.code_id, 80)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAME_LIMIT
    return ", ".join(names[:NAME_LIMIT]) + (f" and {plural(more, 'other')}" if more > 0 else "")


def _past(kind: AlertKind) -> str:
    return "overdue" if kind is AlertKind.BREACH else "close to the deadline"


def _left(item: Obligation, results: Results) -> str:
    """Return `2 h 5 m overdue`, or `due in 11 h`."""
    left = item.deadline - results.bundle.generated_at
    return f"due in {span(left)}" if left >= timedelta() else f"{span(-left)} overdue"


def _facts(items: Sequence[Obligation], results: Results) -> str:
    """Return which release was deployed when, what it needs by when, and which other releases wait."""
    first, zone = items[0], results.bundle.window.timezone
    start, by = moment(first.start, zone), moment(first.deadline, zone)
    is_running = first.is_running
    text = (
        f"Release {_name(first)} was deployed {start}; {needed(first)} of {clean(first.model)} "
        f"{'is' if is_running else 'was'} due by {by} and has not shipped{' yet' if is_running else ''}."
    )
    if first.waiver is not None:
        signed = f"{clean(first.waiver.by)} ({clean(first.waiver.reason, 200)})"
        text += f" The waiver of {signed} ended {moment(first.waiver.until, zone)}."
    if first.reason:
        text += f" {capital(clean(first.reason, 300))}."
    others = [f"{_name(item)} ({_left(item, results)})" for item in items[1:]]
    if not others:
        return text
    more = len(items) - NAME_LIMIT
    rest = f" and {plural(more, 'other')}" if more > 0 else ""
    once = " One new version settles all of them." if all(item.requires == "any" for item in items) else ""
    return f"{text} Also waiting: {', '.join(others[: NAME_LIMIT - 1])}{rest}.{once}"


def _emergency(kind: AlertKind, results: Results) -> str:
    waiver = f"add a waiver to {clean(results.bundle.terms.model_stub)} on the default branch"
    if kind is AlertKind.BREACH and results.bundle.terms.enforce:
        return (
            "Pull requests are blocked where the check is required. In an emergency, have an administrator merge one "
            f"past it, or {waiver}; then re-run the failed jobs. The miss stays recorded."
        )
    if kind is AlertKind.BREACH:
        return f"If it cannot ship soon, {waiver}. The miss stays recorded."
    seen = "A run of FlowJoy has to see it before the deadline, or the miss is recorded."
    return f"If it cannot ship in time, {waiver}. {seen}"


def _ending(items: Sequence[Obligation]) -> str:
    """Return the state of releases that do not wait any more."""
    first = items[0]
    if len(items) > 1:
        return f"{plural(len(items), 'release')} no longer wait"
    if first.status is Status.UNDETERMINED:
        return "shipped, but it is unknown whether in time"
    if first.status is Status.MET:
        return "shipped in time"
    if first.status is Status.LATE and first.shipped_at is not None:
        return f"shipped {span(first.shipped_at - first.deadline)} late"
    was_rolled_back = first.status in (Status.CANCELLED, Status.LATE)
    return "no longer needed, the code was rolled back" if was_rolled_back else "no longer needed"


def _end(item: Obligation, results: Results) -> str:
    """Return how one release ended, with the version that shipped."""
    zone = results.bundle.window.timezone
    if item.status is Status.UNDETERMINED and not item.reason and item.not_before and item.seen_by:
        return f"shipped between {moment(item.not_before, zone)} and {moment(item.seen_by, zone)}"
    text = outcome(item, results) or item.status.label
    return f"v{clean(item.version, 40)} {text}" if item.shipped_at is not None and item.version else text


def _no_longer(alert: Alert, results: Results) -> str:
    """Return why none of an alert's releases is judged any more."""
    bundle, since = results.bundle, results.bundle.terms.sla_since
    named = {release for state in bundle.alerts if state.key == alert.key for release in state.releases}
    shipped_at = [record.shipped_at for record in bundle.code if record.id in named]
    if since is None or not shipped_at or max(shipped_at) >= since:
        return f"None of the releases that waited for {clean(alert.subject)} is judged any more."
    day = since.astimezone(ZoneInfo(bundle.window.timezone)).date().isoformat()
    return f"`sla-since` is now {day}, so the releases of {clean(alert.subject)} before it no longer count."
