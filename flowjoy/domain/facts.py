"""The facts of one bundle, from which the roll-up of many counts. Each value is final: SQL only counts, sums and ranks.

Durations are whole seconds, weeks the local Monday in the time zone of the service. Columns of the same name have the
same type in every class: together they are one table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar

FACTS_SCHEMA = 1
"""Raised when a column changes its meaning. Columns are only added."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleFact:
    """The state of one service when its bundle was written.

    `problem`: why the bundle is refused; all that is not known of it is then None. `needs_newer`: it is refused
    because only a newer FlowJoy can read it. `running_week`: the week that was not over. `sla_status`: the promise in
    one word. `code_since`, `models_since`, `both_since`: the first week whose deploys count as cadence; None without
    a record. The last four: whether the source was read completely; `failures_known`: and what caused each incident.
    """

    fact: ClassVar[str] = "bundle"
    repository: str | None = None
    service: str | None = None
    generated_at: datetime | None = None
    problem: str | None = None
    needs_newer: bool = False
    version: str | None = None
    timezone: str | None = None
    running_week: date | None = None
    sla_status: str | None = None
    code_since: date | None = None
    models_since: date | None = None
    both_since: date | None = None
    code_known: bool = False
    models_known: bool = False
    incidents_known: bool = False
    failures_known: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class EventFact:
    """One event that happened. `cadence`: it is a deploy or a ship, and counts as one.

    `failed`: it caused an incident; `maybe_failed`: it or an event of the other type did. `rework`: it is a rollback,
    or ended an incident.
    """

    fact: ClassVar[str] = "event"
    event_id: str
    event_type: str
    kind: str
    model: str | None
    version: str | None
    sha: str | None
    happened_at: datetime
    week: date
    cadence: bool
    failed: bool
    maybe_failed: bool
    rework: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class LeadFact:
    """The time from one change (a commit, the training of a model) to the deploy that shipped it first."""

    fact: ClassVar[str] = "lead"
    event_id: str
    event_type: str
    model: str | None
    week: date
    seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ObligationFact:
    """The duty of one deploy to ship one model.

    `unsettled`: still owed, or unknown, and therefore counted however old it is. `running`: its deadline was ahead.
    `excused_until`: the end of the waiver that holds. `late_seconds`: how long after the deadline a missed one was
    shipped, or had not been shipped so far.
    """

    fact: ClassVar[str] = "obligation"
    obligation_id: str
    event_id: str
    sha: str | None
    model: str
    status: str
    met: bool
    missed: bool
    running: bool
    unsettled: bool
    started_at: datetime
    week: date
    deadline: datetime
    due_week: date
    excused_until: datetime | None
    shipped_at: datetime | None
    late_seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class IncidentFact:
    """One incident. `seconds` is None while it is open. `model`: the one that caused it, if a model did."""

    fact: ClassVar[str] = "incident"
    incident_id: str
    started_at: datetime
    ended_at: datetime | None
    week: date
    seconds: int | None
    cause_type: str | None
    event_id: str | None
    model: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class WeekFact:
    """One week of the service; a count that is not known is None. `model`: the one furthest behind code."""

    fact: ClassVar[str] = "week"
    week: date
    code_deploys: int | None
    model_deploys: int | None
    gap: int | None
    model: str | None
    incidents: int | None
    diverges: bool


Fact = BundleFact | EventFact | LeadFact | ObligationFact | IncidentFact | WeekFact
FACTS: tuple[type[Fact], ...] = (BundleFact, EventFact, LeadFact, ObligationFact, IncidentFact, WeekFact)
