"""Deployments of code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """The result of a code deployment. Only SUCCESS becomes an event; PROVISIONAL is the release of this run itself."""

    SUCCESS = "success"
    FAILED = "failed"
    PROVISIONAL = "provisional"


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeRecord:
    """One deployment of one application commit, as its source reports it. `shipped_at` is its first success.

    A failed record carries the time of its last change and does not become an event. `created_at`: the time by which
    sources list it. `under_way`: it has not succeeded yet, but still may. `source_gone`: a ledger remembers it, but its
    source no longer lists it. `seen_by`: it went live between `shipped_at` and then; None: exactly at `shipped_at`.
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
    seen_by: datetime | None = None
