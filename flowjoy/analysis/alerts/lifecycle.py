"""The life of an alert: new, updates, a reminder after a day, escalation, recovery. Each step is sent once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from flowjoy.analysis.alerts.alert import Alarm, AlarmKind, Scene, Told, Waiting, home_of, key_of
from flowjoy.domain import AlertState

REMIND_AFTER = timedelta(hours=24)
MOST_JOINED = 200
"""So many releases are named by one notice; the next run names the others."""


class Step(StrEnum):
    """A step in the life of an alert; each is sent at most once, an update and a waiver once for each release."""

    NEW = "new"
    UPDATE = "update"
    WAIVER = "waiver"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    RECOVERY = "recovery"


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """One step of one alert that is due to be sent. `ref`: where its first message can be answered.

    `quiet`: another alert says more of the same matter, so there is nothing to read; only a pager must know. `joined`:
    the releases that this step names for the first time. `sent_as`: the older keys under which the alert was sent.
    """

    alarm: Alarm
    step: Step
    ref: str = ""
    quiet: bool = False
    joined: tuple[str, ...] = ()
    sent_as: tuple[str, ...] = ()


_OWED = re.compile(r"((?:file:.*?:\d{4}-\d\d-\d\dT[^/]*)|[^/]+)/(.+)", re.DOTALL)
"""The id of an obligation: that of the code event, and the model. A service of a file's rows may hold a slash."""

_ORDER = tuple(Step)
_FIRST = (Step.NEW, Step.ESCALATION)
"""A life begins with one of these: an alert that was not sent before is escalated at once where it must be."""

_AGAIN = frozenset({AlarmKind.BREACH, AlarmKind.AT_RISK, AlarmKind.DRIFT})
"""These name a model and may fire again; the others name weeks, and live once."""


def due(scene: Scene, told: Iterable[AlertState], as_of: datetime) -> tuple[Notice, ...]:
    """Return what one destination is still to be sent at `as_of`, at most one notice a key.

    `told`: what it was sent before.
    """
    lives = _lives(told)
    notices: dict[str, Notice] = {}
    for alarm in scene.ringing:
        life = lives.get(alarm.key, ())
        life = _since_recovery(life) if alarm.kind in _AGAIN else life
        notice = None if alarm.old else _next(alarm, life, as_of)
        if notice is not None:
            notices[alarm.key] = notice
    for key, alarm in scene.excused.items():
        life = _since_recovery(lives.get(key, ()))
        joined = tuple(release for release in _releases(alarm) if release in _named(life))
        if joined and key not in notices:
            notices[key] = _notice(alarm, Step.WAIVER, life, joined)
    for key in sorted(scene.over.keys() & lives.keys()):
        alarm, life = scene.over[key], _since_recovery(lives[key])
        if life and (alarm.kind in _AGAIN or not _is_over(lives[key])):
            notices[key] = replace(_notice(alarm, Step.RECOVERY, life, ()), quiet=alarm.superseded)
    return tuple(notices.values())


def keys_told(told: Iterable[AlertState]) -> Told:
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
    return Told(running=running, ended=frozenset(key for key, _ in lives) - running.keys())


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
    if key.startswith(f"{home}/") or not key.startswith(f"{service}/") or kind not in set(AlarmKind):
        return None
    if kind not in (AlarmKind.BREACH, AlarmKind.AT_RISK):
        return key_of(home, AlarmKind(kind), subject), ()
    owed = _OWED.fullmatch(subject)
    return (key_of(home, AlarmKind(kind), owed[2]), (owed[1],)) if owed else None


def _next(alarm: Alarm, life: Sequence[AlertState], as_of: datetime) -> Notice | None:
    waits = _releases(alarm)
    if not life:
        return _notice(alarm, Step.ESCALATION if alarm.escalated else Step.NEW, life, waits)
    if _is_over(life):
        return None
    had = {state.step for state in life}
    if alarm.escalated and Step.ESCALATION not in had:
        return _notice(alarm, Step.ESCALATION, life, ())
    named = _named(life)
    joined = tuple(release for release in waits if release not in named)
    # Where it is not known which releases were named, a message is better missed than sent twice.
    if joined and any(state.releases for state in life):
        return _notice(alarm, Step.UPDATE, life, joined)
    last = max(state.at for state in life)
    is_due = Step.REMINDER not in had and as_of - last >= REMIND_AFTER
    return _notice(alarm, Step.REMINDER, life, ()) if is_due else None


def _notice(alarm: Alarm, step: Step, life: Sequence[AlertState], joined: tuple[str, ...]) -> Notice:
    # Where the first message stands; of two at once by one order for all.
    ref = next((state.ref for state in life if state.ref), "")
    sent_as = tuple(dict.fromkeys(state.sent_as for state in life if state.sent_as))
    return Notice(alarm=alarm, step=step, ref=ref, joined=joined[:MOST_JOINED], sent_as=sent_as)


def _releases(alarm: Alarm) -> tuple[str, ...]:
    return alarm.about.releases if isinstance(alarm.about, Waiting) else ()


def _named(life: Iterable[AlertState]) -> frozenset[str]:
    """Return the releases that are known to wait: one for which a waiver was sent must be named anew after it."""
    named: set[str] = set()
    for state in life:
        if state.step == Step.WAIVER:
            named -= set(state.releases)
        else:
            named |= set(state.releases)
    return frozenset(named)


def _lives(told: Iterable[AlertState]) -> dict[str, tuple[AlertState, ...]]:
    """Return what was sent of each key, oldest first."""
    lives: dict[str, list[AlertState]] = {}
    known = [state for state in told if state.step in _ORDER]
    for state in sorted(known, key=lambda state: (state.at, _ORDER.index(Step(state.step)), state.ref)):
        lives.setdefault(state.key, []).append(state)
    return {key: tuple(life) for key, life in lives.items()}


def _since_recovery(life: tuple[AlertState, ...]) -> tuple[AlertState, ...]:
    ends = [place for place, state in enumerate(life) if state.step == Step.RECOVERY]
    return life[ends[-1] + 1 :] if ends else life


def _is_over(life: Sequence[AlertState]) -> bool:
    return any(state.step == Step.RECOVERY for state in life)
