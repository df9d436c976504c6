"""The kinds of events on the timeline, and how exactly their time is known."""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    """Which half of the supply chain an event belongs to."""

    CODE = "CODE"
    MODEL = "MODEL"


class Kind(StrEnum):
    """What an event did to production. Only DEPLOY and SHIP count as cadence."""

    DEPLOY = "deploy"
    REDEPLOY = "redeploy"
    ROLLBACK = "rollback"
    SHIP = "ship"
    COPY = "copy"


class Precision(StrEnum):
    """How well the instant of an event is known."""

    EXACT = "exact"
    REGISTERED = "registered"
    OBSERVED = "observed"
