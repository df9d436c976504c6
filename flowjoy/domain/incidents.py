"""Incidents of a service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """One incident. `end` is None while it is open: never 0 hours."""

    id: str
    source: str
    service: str
    start: datetime
    end: datetime | None = None
    title: str | None = None
    type: str | None = None
    url: str | None = None
    urgency: str | None = None
