"""The life of an alert: new, updates, a reminder after a day, escalation, recovery. Each step is sent once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from flowjoy.analysis.alerts.alert import Alert, AlertKind, AlertSnapshot, SentAlerts, WaitingReleases, home_of, key_of
from flowjoy.domain import AlertState

REMIND_AFTER = timedelta(hours=24)
MOST_JOINED = 200
"""So many releases are named by one notice; the next run names the others."""


class AlertStep(StrEnum):
    """A step in the life of an alert; each is sent at most once, an update and a waiver once for each release."""

    NEW = "new"
    UPDATE = "update"
    WAIVER = "waiver"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    RECOVERY = "recovery"


@dataclass(frozen=True, kw_only=True, slots=True)
class Notification:
    """One step of one alert that is due to be sent. `ref`: where its first message can be answered.

    `quiet`: another alert says more of the same matter, so there is nothing to read; only a pager must know. `joined`:
    the releases that this step names for the first time. `sent_as`: the older keys under which the alert was sent.
    """

    alert: Alert
    step: AlertStep
    ref: str = ""
    quiet: bool = False
    joined: tuple[str, ...] = ()
    sent_as: tuple[str, ...] = ()


_OWED = re.compile(r"((?:file:.*?:\d{4}-\d\d-\d\dT[^/]*)|[^/]+)/(.+)", re.DOTALL)
"""The id of an obligation: that of the code event, and the model. A service of a file's rows may hold a slash."""

_ORDER = tuple(AlertStep)
_FIRST = (AlertStep.NEW, AlertStep.ESCALATION)
"""A life begins with one of these: an alert that was not sent before is escalated at once where it must be."""

_AGAIN = frozenset({AlertKind.BREACH, AlertKind.AT_RISK, AlertKind.DRIFT})
"""These name a model and may fire again; the others name weeks, and live once."""


def due(scene: AlertSnapshot, told: Iterable[AlertState], as_of: datetime) -> tuple[Notification, ...]:
    """Return what one destination is still to be sent at `as_of`, at most one notice a key.

    `told`: what it was sent before.
    """
    lives = _lives(told)
    notices: dict[str, Notification] = {}
    for alert in scene.ringing:
        life = lives.get(alert.key, ())
        life = _since_recovery(life) if alert.kind in _AGAIN else life
        notice = None if alert.old else _next(alert, life, as_of)
        if notice is not None:
            notices[alert.key] = notice
    for key, alert in scene.excused.items():
        life = _since_recovery(lives.get(key, ()))
        joined = tuple(release for release in _releases(alert) if release in _named(life))
        if joined and key not in notices:
            notices[key] = _notice(alert, AlertStep.WAIVER, life, joined)
    for key in sorted(scene.over.keys() & lives.keys()):
        alert, life = scene.over[key], _since_recovery(lives[key])
        if life and (alert.kind in _AGAIN or not _is_over(lives[key])):
            notices[key] = replace(_notice(alert, AlertStep.RECOVERY, life, ()), quiet=alert.superseded)
    return tuple(notices.values())


def keys_sent(told: Iterable[AlertState]) -> SentAlerts:
    """Return the keys that a destination was sent and not their end, and those whose end all destinations were sent."""
    by_sink: dict[str, list[AlertState]] = {}
    for state in told:
        by_sink.setdefault(state.sink, []).append(state)
    lives = [(key, life) for states in by_sink.values() for key, life in _lives(states).items()]
    running: dict[str, frozenset[str]] = {}
    for key, life in lives:
        if since := _since_recovery(life):
            named = frozenset(release for state in since for release in state.releases)
            running[key] = running.get(key, frozenset()) | named
    return SentAlerts(running=running, ended=frozenset(key for key, _ in lives) - running.keys())


def raised(told: Iterable[AlertState], sink: str, at: datetime) -> tuple[str, ...]:
    """Return the keys that one destination was sent for the first time, or with more weight, at `at`."""
    keys = (state.key for state in told if state.sink == sink and state.at == at and state.step in _FIRST)
    return tuple(dict.fromkeys(keys))


def adopted(told: Iterable[AlertState], *, repository: str, service: str) -> tuple[AlertState, ...]:
    """Return what was sent, with keys of an older FlowJoy (no repository; one a release) as those of today.

    The old key stays as `sent_as`, because PagerDuty knows the alert by no other. What an older FlowJoy ended for one
    release is left out: it must not end the alert of the model.
    """
    lives: dict[tuple[str, str], list[AlertState]] = {}
    for state in told:
        lives.setdefault((state.sink, state.key), []).append(state)
    kept: list[AlertState] = []
    for (_, key), life in lives.items():
        today = _key_of_today(key, home_of(repository, service), service)
        if today is None:
            kept += life
        elif not today[1] or not _is_over(life):
            kept += [replace(state, key=today[0], sent_as=key, releases=today[1]) for state in life]
    return tuple(kept)


def _key_of_today(key: str, home: str, service: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the key that an old one has become, and the release that it named; None for one that is not old."""
    kind, _, subject = key.removeprefix(f"{service}/").partition("/")
    if key.startswith(f"{home}/") or not key.startswith(f"{service}/") or kind not in set(AlertKind):
        return None
    if kind not in (AlertKind.BREACH, AlertKind.AT_RISK):
        return key_of(home, AlertKind(kind), subject), ()
    owed = _OWED.fullmatch(subject)
    return (key_of(home, AlertKind(kind), owed[2]), (owed[1],)) if owed else None


def _next(alert: Alert, life: Sequence[AlertState], as_of: datetime) -> Notification | None:
    waits = _releases(alert)
    if not life:
        return _notice(alert, AlertStep.ESCALATION if alert.escalated else AlertStep.NEW, life, waits)
    if _is_over(life):
        return None
    had = {state.step for state in life}
    if alert.escalated and AlertStep.ESCALATION not in had:
        return _notice(alert, AlertStep.ESCALATION, life, ())
    named = _named(life)
    joined = tuple(release for release in waits if release not in named)
    # Where it is not known which releases were named, a message is better missed than sent twice.
    if joined and any(state.releases for state in life):
        return _notice(alert, AlertStep.UPDATE, life, joined)
    last = max(state.at for state in life)
    is_due = AlertStep.REMINDER not in had and as_of - last >= REMIND_AFTER
    return _notice(alert, AlertStep.REMINDER, life, ()) if is_due else None


def _notice(alert: Alert, step: AlertStep, life: Sequence[AlertState], joined: tuple[str, ...]) -> Notification:
    # Where the first message stands; of two at once by one order for all.
    ref = next((state.ref for state in life if state.ref), "")
    sent_as = tuple(dict.fromkeys(state.sent_as for state in life if state.sent_as))
    return Notification(alert=alert, step=step, ref=ref, joined=joined[:MOST_JOINED], sent_as=sent_as)


def _releases(alert: Alert) -> tuple[str, ...]:
    return alert.about.releases if isinstance(alert.about, WaitingReleases) else ()


def _named(life: Iterable[AlertState]) -> frozenset[str]:
    """Return the releases that are known to wait: one for which a waiver was sent must be named anew after it."""
    named: set[str] = set()
    for state in life:
        if state.step == AlertStep.WAIVER:
            named -= set(state.releases)
        else:
            named |= set(state.releases)
    return frozenset(named)


def _lives(told: Iterable[AlertState]) -> dict[str, tuple[AlertState, ...]]:
    """Return what was sent of each key, oldest first."""
    lives: dict[str, list[AlertState]] = {}
    known = [state for state in told if state.step in _ORDER]
    for state in sorted(known, key=lambda state: (state.at, _ORDER.index(AlertStep(state.step)), state.ref)):
        lives.setdefault(state.key, []).append(state)
    return {key: tuple(life) for key, life in lives.items()}


def _since_recovery(life: tuple[AlertState, ...]) -> tuple[AlertState, ...]:
    ends = [place for place, state in enumerate(life) if state.step == AlertStep.RECOVERY]
    return life[ends[-1] + 1 :] if ends else life


def _is_over(life: Sequence[AlertState]) -> bool:
    return any(state.step == AlertStep.RECOVERY for state in life)
