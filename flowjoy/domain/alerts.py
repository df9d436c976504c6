"""The kinds of alerts, and the steps of those that were sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AlertKind(StrEnum):
    """The subject of an alert, the most urgent first."""

    BREACH = "breach"
    DRIFT = "drift"
    DIVERGENCE = "divergence"
    MTTR_SPIKE = "mttr-spike"
    AT_RISK = "at-risk"


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertState:
    """One step of an alert that was sent to `sink` at `at`.

    `sink`: `slack`, `pagerduty`, or empty for the run's own output. `ref`: the thread in which to reply. `releases`:
    the code events that this step named. `sent_as`: the key under which an older FlowJoy sent it.
    """

    key: str
    step: str
    at: datetime
    sink: str = ""
    ref: str = ""
    releases: tuple[str, ...] = ()
    sent_as: str = ""
