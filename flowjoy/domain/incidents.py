"""Incidents of a service, and how long they took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """One incident. `end` is None while it is open; an open incident does not count as 0 hours."""

    id: str
    source: str
    service: str
    start: datetime
    end: datetime | None = None
    title: str | None = None
    type: str | None = None
    url: str | None = None
    urgency: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery:
    """The duration of incidents of one `cause`: CODE, MODEL, AMBIGUOUS, UNATTRIBUTED, or `all` of them (the MTTR)."""

    cause: str
    resolved: int
    open: int
    mean_hours: float | None
    median_hours: float | None
    p90_hours: float | None
