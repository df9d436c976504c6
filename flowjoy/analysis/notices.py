"""The life of an alarm: new, a reminder after a day, escalation, recovery. Each step is told once. Knows no channel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from flowjoy.analysis.alarms import FRESH, Alarm, AlarmKind, Scene, Told
from flowjoy.model import AlertState

REMIND_AFTER = timedelta(hours=24)


class Step(StrEnum):
    """A step in an alarm's life; of each at most one is told."""

    NEW = "new"
    REMINDER = "reminder"
    ESCALATION = "escalation"
    RECOVERY = "recovery"


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """One step of one alarm that is due to be told. `ref`: where its first telling can be answered.

    `quiet`: another alarm says more of the same matter, so there is nothing to read; only a pager must be told.
    """

    alarm: Alarm
    step: Step
    ref: str = ""
    quiet: bool = False


_ORDER = tuple(Step)
_FIRST = (Step.NEW, Step.ESCALATION)
"""What a life may begin with: an alarm that nobody was told of is escalated at once where it must be."""


def due(scene: Scene, told: Iterable[AlertState], as_of: datetime) -> tuple[Notice, ...]:
    """What one destination is still to be told at `as_of`; `told` is what it was told before.

    At most one notice a key. An alarm that names an occurrence (a week, an obligation) lives once; drift is named by
    its model, and may come again after it was over.
    """
    lives = _lives(told)
    notices = []
    for alarm in scene.ringing:
        life = lives.get(alarm.key, ())
        if alarm.kind is AlarmKind.DRIFT:
            life = _since_recovery(life)
        step = _next(alarm, life, as_of)
        if step is not None:
            notices.append(Notice(alarm=alarm, step=step, ref=_ref(life)))
    for key in sorted(scene.over.keys() & lives.keys()):
        alarm, life = scene.over[key], _since_recovery(lives[key])
        if life and (alarm.kind is AlarmKind.DRIFT or not _is_over(lives[key])):
            notices.append(Notice(alarm=alarm, step=Step.RECOVERY, ref=_ref(life), quiet=alarm.superseded))
    return tuple(notices)


def keys_told(told: Iterable[AlertState]) -> Told:
    """The keys that at least one destination was told of and not of their end; and those whose end all were told."""
    by_sink: dict[str, list[AlertState]] = {}
    for state in told:
        by_sink.setdefault(state.sink, []).append(state)
    lives = [(key, life) for states in by_sink.values() for key, life in _lives(states).items()]
    running = frozenset(key for key, life in lives if _since_recovery(life))
    return Told(running=running, ended=frozenset(key for key, _ in lives) - running)


def raised(told: Iterable[AlertState], sink: str, at: datetime) -> tuple[str, ...]:
    """The keys that one destination was told of for the first time, or with more weight, at `at`."""
    keys = (state.key for state in told if state.sink == sink and state.at == at and state.step in _FIRST)
    return tuple(dict.fromkeys(keys))


def _next(alarm: Alarm, life: Sequence[AlertState], as_of: datetime) -> Step | None:
    if not life:
        first = Step.ESCALATION if alarm.escalated else Step.NEW
        return first if as_of - alarm.began <= FRESH else None
    if _is_over(life):
        return None
    had = {state.step for state in life}
    if alarm.escalated and Step.ESCALATION not in had:
        return Step.ESCALATION
    last = max(state.at for state in life)
    return Step.REMINDER if Step.REMINDER not in had and as_of - last >= REMIND_AFTER else None


def _lives(told: Iterable[AlertState]) -> dict[str, tuple[AlertState, ...]]:
    """What was told of each key, oldest first."""
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


def _ref(life: Sequence[AlertState]) -> str:
    """Where the first telling stands; of two tellings at once by one order for all."""
    return next((state.ref for state in life if state.ref), "")
