"""The life cycle of an alert: new, updates, a reminder after a day, escalation, recovery. Each step is sent once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from flowjoy.analysis.alerts.alert import Alert, AlertSnapshot, SentAlerts, WaitingReleases, home_of, key_of
from flowjoy.domain import AlertState
from flowjoy.domain.alerts import AlertKind

REMIND_AFTER = timedelta(hours=24)
MAX_JOINED = 200
"""The number of new releases that one notification names; the next run names the others."""


class AlertStep(StrEnum):
    """A step in the life of an alert. Each is sent at most once; an update and a waiver once for each release."""

    NEW = "new"
    UPDATE = "update"
    WAIVER = "waiver"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    RECOVERY = "recovery"


@dataclass(frozen=True, kw_only=True, slots=True)
class Notification:
    """One step of one alert that is due to be sent. `ref`: the first message, for replies.

    `silent`: another alert covers the same matter, so no message is sent; only a pager is informed. `joined`: the
    releases that this step names for the first time. `sent_as`: the older keys under which the alert was sent.
    """

    alert: Alert
    step: AlertStep
    ref: str = ""
    silent: bool = False
    joined: tuple[str, ...] = ()
    sent_as: tuple[str, ...] = ()


_OWED = re.compile(r"((?:file:.*?:\d{4}-\d\d-\d\dT[^/]*)|[^/]+)/(.+)", re.DOTALL)
"""The id of an obligation: that of the code event, and the model. Service names from files may contain a slash."""

_ORDER = tuple(AlertStep)
_FIRST = (AlertStep.NEW, AlertStep.ESCALATION)
"""A life begins with one of these: an alert that is new and already escalated is escalated at once."""

_AGAIN = frozenset({AlertKind.BREACH, AlertKind.AT_RISK, AlertKind.DRIFT})
"""These name a model and may fire again; the others name weeks and fire once."""


def due_notifications(alerts: AlertSnapshot, sent: Iterable[AlertState], as_of: datetime) -> tuple[Notification, ...]:
    """Return the notifications that one destination is due at `as_of`, at most one a key.

    `sent`: what it was sent before.
    """
    lives = _lives(sent)
    notifications: dict[str, Notification] = {}
    for alert in alerts.firing:
        life = lives.get(alert.key, ())
        life = _since_recovery(life) if alert.kind in _AGAIN else life
        notification = None if alert.old else _next(alert, life, as_of)
        if notification is not None:
            notifications[alert.key] = notification
    for key, alert in alerts.excused.items():
        life = _since_recovery(lives.get(key, ()))
        joined = tuple(release for release in _releases(alert) if release in _named(life))
        if joined and key not in notifications:
            notifications[key] = _notification(alert, AlertStep.WAIVER, life, joined)
    for key in sorted(alerts.resolved.keys() & lives.keys()):
        alert, life = alerts.resolved[key], _since_recovery(lives[key])
        if life and (alert.kind in _AGAIN or not _has_ended(lives[key])):
            notifications[key] = replace(_notification(alert, AlertStep.RECOVERY, life, ()), silent=alert.superseded)
    return tuple(notifications.values())


def sent_alerts(sent: Iterable[AlertState]) -> SentAlerts:
    """Return the keys whose end some destination was not sent yet, and those whose end every destination was sent."""
    by_sink: dict[str, list[AlertState]] = {}
    for state in sent:
        by_sink.setdefault(state.sink, []).append(state)
    lives = [(key, life) for states in by_sink.values() for key, life in _lives(states).items()]
    running: dict[str, frozenset[str]] = {}
    for key, life in lives:
        if since := _since_recovery(life):
            named = frozenset(release for state in since for release in state.releases)
            running[key] = running.get(key, frozenset()) | named
    return SentAlerts(running=running, ended=frozenset(key for key, _ in lives) - running.keys())


def raised(sent: Iterable[AlertState], sink: str, at: datetime) -> tuple[str, ...]:
    """Return the keys that one destination was sent as new or escalated at `at`."""
    keys = (state.key for state in sent if state.sink == sink and state.at == at and state.step in _FIRST)
    return tuple(dict.fromkeys(keys))


def adopted(sent: Iterable[AlertState], *, repository: str, service: str) -> tuple[AlertState, ...]:
    """Return what was sent, with the keys of older FlowJoy versions (no repository; one a release) in today's form.

    The old key stays as `sent_as`, the only one by which PagerDuty knows the alert. Alerts that an older FlowJoy ended
    for one release are left out: they must not end the alert of the model.
    """
    lives: dict[tuple[str, str], list[AlertState]] = {}
    for state in sent:
        lives.setdefault((state.sink, state.key), []).append(state)
    kept: list[AlertState] = []
    for (_, key), life in lives.items():
        today = _key_of_today(key, home_of(repository, service), service)
        if today is None:
            kept += life
        elif not today[1] or not _has_ended(life):
            kept += [replace(state, key=today[0], sent_as=key, releases=today[1]) for state in life]
    return tuple(kept)


def _key_of_today(key: str, home: str, service: str) -> tuple[str, tuple[str, ...]] | None:
    """Return today's form of an old key, and the release that it named; None for a key that is not old."""
    kind, _, subject = key.removeprefix(f"{service}/").partition("/")
    if key.startswith(f"{home}/") or not key.startswith(f"{service}/") or kind not in set(AlertKind):
        return None
    if kind not in (AlertKind.BREACH, AlertKind.AT_RISK):
        return key_of(home, AlertKind(kind), subject), ()
    owed = _OWED.fullmatch(subject)
    return (key_of(home, AlertKind(kind), owed[2]), (owed[1],)) if owed else None


def _next(alert: Alert, life: Sequence[AlertState], as_of: datetime) -> Notification | None:
    waiting = _releases(alert)
    if not life:
        return _notification(alert, AlertStep.ESCALATION if alert.escalated else AlertStep.NEW, life, waiting)
    if _has_ended(life):
        return None
    steps = {state.step for state in life}
    if alert.escalated and AlertStep.ESCALATION not in steps:
        return _notification(alert, AlertStep.ESCALATION, life, ())
    named = _named(life)
    joined = tuple(release for release in waiting if release not in named)
    # Where the named releases are unknown, no update is better than one that repeats them.
    if joined and any(state.releases for state in life):
        return _notification(alert, AlertStep.UPDATE, life, joined)
    last = max(state.at for state in life)
    is_due = AlertStep.REMINDER not in steps and as_of - last >= REMIND_AFTER
    return _notification(alert, AlertStep.REMINDER, life, ()) if is_due else None


def _notification(alert: Alert, step: AlertStep, life: Sequence[AlertState], joined: tuple[str, ...]) -> Notification:
    # The first message; `life` is sorted, so every run chooses the same one.
    ref = next((state.ref for state in life if state.ref), "")
    sent_as = tuple(dict.fromkeys(state.sent_as for state in life if state.sent_as))
    return Notification(alert=alert, step=step, ref=ref, joined=joined[:MAX_JOINED], sent_as=sent_as)


def _releases(alert: Alert) -> tuple[str, ...]:
    return alert.about.releases if isinstance(alert.about, WaitingReleases) else ()


def _named(life: Iterable[AlertState]) -> frozenset[str]:
    """Return the releases that were named. One for which a waiver was sent must be named again after it."""
    named: set[str] = set()
    for state in life:
        if state.step == AlertStep.WAIVER:
            named -= set(state.releases)
        else:
            named |= set(state.releases)
    return frozenset(named)


def _lives(sent: Iterable[AlertState]) -> dict[str, tuple[AlertState, ...]]:
    """Return what was sent for each key, oldest first."""
    lives: dict[str, list[AlertState]] = {}
    known = [state for state in sent if state.step in _ORDER]
    for state in sorted(known, key=lambda state: (state.at, _ORDER.index(AlertStep(state.step)), state.ref)):
        lives.setdefault(state.key, []).append(state)
    return {key: tuple(life) for key, life in lives.items()}


def _since_recovery(life: tuple[AlertState, ...]) -> tuple[AlertState, ...]:
    ends = [index for index, state in enumerate(life) if state.step == AlertStep.RECOVERY]
    return life[ends[-1] + 1 :] if ends else life


def _has_ended(life: Sequence[AlertState]) -> bool:
    return any(state.step == AlertStep.RECOVERY for state in life)
