"""The kinds of events on the timeline, and how exactly their time is known."""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    """The half of the supply chain that an event belongs to."""

    CODE = "CODE"
    MODEL = "MODEL"


class Kind(StrEnum):
    """The effect of an event on production. Only DEPLOY and SHIP count as cadence."""

    DEPLOY = "deploy"
    REDEPLOY = "redeploy"
    ROLLBACK = "rollback"
    SHIP = "ship"
    COPY = "copy"


class Precision(StrEnum):
    """How exactly the time of an event is known."""

    EXACT = "exact"
    REGISTERED = "registered"
    OBSERVED = "observed"
