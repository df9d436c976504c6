"""Deployments of code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """What became of a code deployment. Only SUCCESS makes an event; PROVISIONAL is this very run's release."""

    SUCCESS = "success"
    FAILED = "failed"
    PROVISIONAL = "provisional"


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeRecord:
    """One deployment of one application sha, as its source tells it. `shipped_at` is its first success.

    A failed record carries the time of its last change and makes no event. `created_at` is when its source made it,
    which is what sources list by. `under_way`: it has not succeeded, and may yet. `source_gone`: a ledger remembers it,
    its source no longer shows it.
    """

    id: str
    service: str
    environment: str
    sha: str | None
    shipped_at: datetime
    run_id: str | None = None
    outcome: Outcome = Outcome.SUCCESS
    url: str | None = None
    created_at: datetime | None = None
    under_way: bool = False
    source_gone: bool = False
