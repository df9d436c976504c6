"""The rows of a roll-up: what `rollup.sql` counts, one class for each view. Durations: seconds or tenths of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpectedService:
    """One service that should report, and its team."""

    repository: str
    service: str
    team: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedFigures:
    """The columns that services, teams and the organisation share. None: not known."""

    due_met: int
    due_missed: int
    code_deploys: int | None
    model_deploys: int | None
    complete_weeks: int | None
    complete_week_deploys: int | None
    deploys: int | None
    failed: int | None
    rework: int | None
    incidents: int | None
    resolved: int | None
    resolved_seconds: int | None
    mttr_median_tenths: int | None
    mttr_p90_tenths: int | None
    leads: int
    lead_median_tenths: int | None
    recoveries: int
    recovery_median_tenths: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceRow(SharedFigures):
    """One service. `voice`: whether it reports; `promise`: now; `last_status`: when it was last looked at.

    Obligations: `met`, `late`, `pending`, `breached` and `unknown` of the window, and every open one; `due_met` and
    `due_missed` of the last 28 days.
    """

    view: ClassVar[str] = "services"
    order: ClassVar[str] = "repository, service"
    repository: str
    service: str
    team: str
    voice: str
    reported_at: datetime | None
    version: str | None
    promise: str
    last_status: str | None
    met: int
    late: int
    pending: int
    breached: int
    unknown: int
    next_deadline: datetime | None

    @property
    def is_silent(self) -> bool:
        """Whether its state is unknown because no report of it counts: silent, refused or never reported."""
        return self.voice != REPORTING

    @property
    def name(self) -> str:
        """Its repository, and the service where that has another name."""
        return name_of(self.repository, self.service)


def name_of(repository: str, service: str) -> str:
    """Return the repository, and the service where that has another name."""
    same = repository.rpartition("/")[2] == service.lower()
    return repository if same else f"{repository}/{service}"


REPORTING = "reporting"
BREACHED, UNKNOWN = "breached", "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamRow(SharedFigures):
    """One team, or with `level` `organisation` all services. `broken` and the like count services."""

    view: ClassVar[str] = "teams"
    order: ClassVar[str] = "level DESC, team"
    level: str
    team: str
    services: int
    reporting: int
    broken: int
    unknown: int
    pending: int
    met: int

    @property
    def is_blended(self) -> bool:
        """Whether the row blends all services."""
        return self.level == "organisation"


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceWeekRow:
    """One week of one service. `promise`: the worst outcome of what was due then."""

    view: ClassVar[str] = "service_weeks"
    order: ClassVar[str] = "repository, service, week"
    repository: str
    service: str
    week: date
    state: str
    promise: str
    code_deploys: int | None
    model_deploys: int | None
    gap: int | None
    model: str | None
    diverges: bool
    incidents: int | None
    resolved: int | None
    resolved_seconds: int | None
    due_met: int
    due_missed: int
    due_pending: int
    due_unknown: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRow:
    """One model over all services that depend on it. `unshipped`: obligations that wait for it."""

    view: ClassVar[str] = "models"
    order: ClassVar[str] = "model"
    model: str
    services: int
    met: int
    missed: int
    late_seconds: int
    unshipped: int
    breached: int
    unknown: int
    oldest_deadline: datetime | None
    ships: int
    failed: int
    leads: int
    lead_median_tenths: int | None
    recoveries: int
    recovery_median_tenths: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelServiceRow:
    """The obligations of one service to one model."""

    view: ClassVar[str] = "model_services"
    order: ClassVar[str] = "model, repository, service"
    model: str
    repository: str
    service: str
    missed: int
    unshipped: int
    breached: int
    unknown: int
    late_seconds: int


@dataclass(frozen=True, kw_only=True, slots=True)
class WeekRow:
    """One week of the organisation. `reported`: the services whose reports cover some of it; `complete`: all of it."""

    view: ClassVar[str] = "weeks"
    order: ClassVar[str] = "week"
    week: date
    services: int
    reported: int
    complete: int
    code_deploys: int | None
    model_deploys: int | None
    due_met: int
    due_missed: int
    due_unknown: int
    incidents: int | None
    resolved: int | None
    resolved_seconds: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CoverageRow:
    """One file, and whether it counts: counted, copy, superseded, later or refused."""

    view: ClassVar[str] = "coverage"
    order: ClassVar[str] = "file"
    file: str
    state: str
    problem: str
    repository: str | None
    service: str | None
    generated_at: datetime | None
    digest: str
