"""Alerts as values: their kinds, keys and subjects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from flowjoy.analysis.flow.divergence_and_spikes import Spike
from flowjoy.domain import Obligation, Week
from flowjoy.domain.alerts import AlertKind
from flowjoy.domain.drift import DriftCheck


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingReleases:
    """The releases that wait or waited for one model, the earliest deadline first."""

    model: str
    items: tuple[Obligation, ...]

    @property
    def releases(self) -> tuple[str, ...]:
        """The ids of the code events."""
        return tuple(item.code_id for item in self.items)


AlertSubject = WaitingReleases | Week | Spike | DriftCheck


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """An alert that fires, or is resolved.

    `subject`: the model, or the ISO Monday of the first of consecutive weeks; `key` is the same in every run. `began`:
    when its condition was first met. `about`: its current values, None where there are none. `escalated`: it fires for
    the second consecutive complete week. `superseded`: resolved, but another alert replaces it. `old`: it began before
    alerts were first sent, so it is not sent.
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
    """The alerts that fire now, the most urgent first, and by key those that are resolved. Any other stays as it is.

    `excused`: by key, the releases that were named and for which a waiver holds now.
    """

    firing: tuple[Alert, ...] = ()
    resolved: Mapping[str, Alert] = field(default_factory=dict)
    excused: Mapping[str, Alert] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AlertInputs:
    """The values that alerts are derived from. An alert on a source that was not read neither fires nor is resolved.

    `history`: the week table as far back as code is read; `weeks` and `spikes`: those of the window. `drift`: the check
    of this run, None without one; `drift_is_healed`: neither of the last two checks is over the threshold.
    """

    obligations: Sequence[Obligation] = ()
    history: Sequence[Week] = ()
    weeks: Sequence[Week] = ()
    spikes: Sequence[Spike] = ()
    drift: DriftCheck | None = None
    drift_is_healed: bool = False
    promise_is_known: bool = True
    cadence_is_known: bool = True
    incidents_are_known: bool = True


def home_of(repository: str, service: str) -> str:
    """Return the prefix of the keys of a service: `<owner>/<repository>/<service>`."""
    return "/".join(filter(None, (repository, service)))


def key_of(home: str, kind: AlertKind, subject: str) -> str:
    """Return the key of an alert, which is the same in every run."""
    return f"{home}/{kind}/{subject}"


@dataclass(frozen=True, kw_only=True)
class SentAlerts:
    """The keys of alerts that were sent: `running`, with the releases named, and `ended`, whose end was sent."""

    running: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ended: frozenset[str] = frozenset()
