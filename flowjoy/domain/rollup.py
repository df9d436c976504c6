"""The state of an organisation: what a roll-up of the bundles of many services says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flowjoy.domain.rollup_rows import (
    BREACHED,
    UNKNOWN,
    CoverageRow,
    ModelRow,
    ModelServiceRow,
    ServiceRow,
    ServiceWeekRow,
    TeamRow,
    WeekRow,
)


@dataclass(frozen=True, kw_only=True)
class RollUp:
    """The state of an organisation at `as_of`. `teams`: the organisation, which blends all of them, is the last row."""

    as_of: datetime
    weeks_shown: int
    silent_after_hours: int
    services: tuple[ServiceRow, ...]
    service_weeks: tuple[ServiceWeekRow, ...]
    models: tuple[ModelRow, ...]
    model_services: tuple[ModelServiceRow, ...]
    teams: tuple[TeamRow, ...]
    weeks: tuple[WeekRow, ...]
    coverage: tuple[CoverageRow, ...]

    @property
    def silent(self) -> tuple[ServiceRow, ...]:
        """The services of which no report counts, the longest silent first."""
        silent = (row for row in self.services if row.is_silent)
        return tuple(sorted(silent, key=lambda row: (row.reported_at is not None, row.reported_at or self.as_of)))

    @property
    def unknown(self) -> tuple[ServiceRow, ...]:
        """The services whose promise is unknown for any reason: the silent ones first, then by name."""
        return (*self.silent, *(row for row in self.services if row.promise == UNKNOWN and not row.is_silent))

    @property
    def broken(self) -> tuple[ServiceRow, ...]:
        """The services with a broken promise, the most breaches first."""
        broken = (row for row in self.services if row.promise == BREACHED)
        return tuple(sorted(broken, key=lambda row: (-row.breached, row.repository, row.service)))

    @property
    def models_by_wait(self) -> tuple[ModelRow, ...]:
        """The models, those first that most obligations wait for, then by how late they were."""
        return tuple(sorted(self.models, key=lambda row: (-row.breached, -row.unshipped, -row.late_seconds, row.model)))

    @property
    def organisation(self) -> TeamRow | None:
        """The row that blends all services; None without any."""
        return next((row for row in self.teams if row.is_blended), None)

    @property
    def refused(self) -> tuple[CoverageRow, ...]:
        """The files that were refused."""
        return tuple(row for row in self.coverage if row.state == "refused")
