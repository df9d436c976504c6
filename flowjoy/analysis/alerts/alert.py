"""Alerts as values: their kinds, keys and numbers. No rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from flowjoy.analysis.flow.trends import Spike
from flowjoy.domain import Obligation, Week
from flowjoy.domain.drift import DriftCheck


class AlertKind(StrEnum):
    """The subject of an alert, the most urgent first."""

    BREACH = "breach"
    DRIFT = "drift"
    DIVERGENCE = "divergence"
    MTTR_SPIKE = "mttr-spike"
    AT_RISK = "at-risk"


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingReleases:
    """The releases that wait for one model (or waited), the first due first."""

    model: str
    items: tuple[Obligation, ...]

    @property
    def releases(self) -> tuple[str, ...]:
        """The ids of the code events."""
        return tuple(item.code_id for item in self.items)


AlertSubject = WaitingReleases | Week | Spike | DriftCheck


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """An alert that fires now, or did.

    `subject`: the model, or the first ISO Monday of the weeks running; `key` is the same in every run. `began`: when it
    came to be wrong. `about`: the numbers of now, None where there are none. `escalated`: for the second complete week
    running. `superseded`: over, but another alert says more. `old`: it began before alerts count, so it is not sent.
    """

    kind: AlertKind
    subject: str
    key: str
    began: datetime
    about: AlertSubject | None = None
    escalated: bool = False
    superseded: bool = False
    old: bool = False


@dataclass(frozen=True, kw_only=True)
class AlertSnapshot:
    """Every alert: what fires now (the most urgent first), and, by key, what is over. What is in neither stays.

    `excused`: by key, the releases that were named and for which a waiver holds now.
    """

    ringing: tuple[Alert, ...] = ()
    over: Mapping[str, Alert] = field(default_factory=dict)
    excused: Mapping[str, Alert] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AlertInputs:
    """The values that alerts are made of. What was not read completely neither fires nor is over.

    `history`: the week table as far back as code is read; `weeks` and `spikes`: those of the window. `drift`: the check
    of this run, None without one; `drift_is_healed`: the last two checks are not over, as one is no recovery.
    """

    owed: Sequence[Obligation] = ()
    history: Sequence[Week] = ()
    weeks: Sequence[Week] = ()
    spikes: Sequence[Spike] = ()
    drift: DriftCheck | None = None
    drift_is_healed: bool = False
    promise_is_known: bool = True
    cadence_is_known: bool = True
    incidents_are_known: bool = True


def home_of(repository: str, service: str) -> str:
    """Return the part of a key that names the service: `<owner>/<repository>/<service>`."""
    return "/".join(filter(None, (repository, service)))


def key_of(home: str, kind: AlertKind, subject: str) -> str:
    """Return the name of an alert over all runs."""
    return f"{home}/{kind}/{subject}"


@dataclass(frozen=True, kw_only=True)
class SentAlerts:
    """The keys that were sent: `running` (with the releases that were named) not their end, `ended` also their end."""

    running: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ended: frozenset[str] = frozenset()
