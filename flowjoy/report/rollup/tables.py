"""The CSV files of a roll-up. A value that is not known, or has no case, is blank."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from flowjoy.domain.rates import as_percent, per
from flowjoy.domain.rollup import RollUp
from flowjoy.domain.rollup_rows import CoverageRow, ModelRow, ServiceRow, ServiceWeekRow, SharedFigures, TeamRow
from flowjoy.report.csv_files import to_csv

_Row = TypeVar("_Row")
Columns = Mapping[str, Callable[[_Row], object]]
"""The columns of a file in their order, each with the value that it shows of a row."""

BLENDED = "organisation (blended)"


def hours(tenths_or_seconds: int | None, each: int) -> float | None:
    """Return hours; `each`: how many of the unit are an hour."""
    return None if tenths_or_seconds is None else tenths_or_seconds / each


SECONDS, TENTHS = 3600, 36000

_DORA: Columns[SharedFigures] = {
    "rate_percent": lambda row: as_percent(row.due_met, row.due_missed),
    "rate_n": lambda row: row.due_met + row.due_missed,
    "code_deploys": lambda row: row.code_deploys,
    "model_deploys": lambda row: row.model_deploys,
    "deploys_a_week": lambda row: per(row.complete_week_deploys, row.complete_weeks),
    "service_weeks": lambda row: row.complete_weeks,
    "lead_time_median_hours": lambda row: hours(row.lead_median_tenths, TENTHS),
    "lead_times": lambda row: row.leads,
    "change_fail_rate": lambda row: per(row.failed, row.deploys),
    "rework_rate": lambda row: per(row.rework, row.deploys),
    "deploys": lambda row: row.deploys,
    "recovery_median_hours": lambda row: hours(row.recovery_median_tenths, TENTHS),
    "recoveries": lambda row: row.recoveries,
    "mttr_hours": lambda row: hours_each(row.resolved_seconds, row.resolved),
    "mttr_median_hours": lambda row: hours(row.mttr_median_tenths, TENTHS),
    "mttr_p90_hours": lambda row: hours(row.mttr_p90_tenths, TENTHS),
    "incidents": lambda row: row.incidents,
    "resolved": lambda row: row.resolved,
}

SERVICES: Columns[ServiceRow] = {
    "repository": lambda row: row.repository,
    "service": lambda row: row.service,
    "team": lambda row: row.team,
    "state": lambda row: row.voice,
    "reported_at": lambda row: row.reported_at,
    "promise": lambda row: row.promise,
    "last_promise": lambda row: row.last_status,
    "met": lambda row: row.met,
    "late": lambda row: row.late,
    "pending": lambda row: row.pending,
    "breached": lambda row: row.breached,
    "unknown": lambda row: row.unknown,
    "next_deadline": lambda row: row.next_deadline,
    **_DORA,
    "flowjoy": lambda row: row.version,
}

TEAMS: Columns[TeamRow] = {
    "team": lambda row: BLENDED if row.is_blended else row.team,
    "services": lambda row: row.services,
    "reporting": lambda row: row.reporting,
    "broken": lambda row: row.broken,
    "unknown": lambda row: row.unknown,
    "pending": lambda row: row.pending,
    "met": lambda row: row.met,
    **_DORA,
}

SERVICE_WEEKS: Columns[ServiceWeekRow] = {
    "repository": lambda row: row.repository,
    "service": lambda row: row.service,
    "week": lambda row: row.week,
    "state": lambda row: row.state,
    "promise": lambda row: row.promise,
    "code_deploys": lambda row: row.code_deploys,
    "model_deploys": lambda row: row.model_deploys,
    "gap": lambda row: row.gap,
    "model": lambda row: row.model,
    "diverges": lambda row: str(row.diverges).lower(),
    "mttr_hours": lambda row: hours_each(row.resolved_seconds, row.resolved),
    "incidents": lambda row: row.incidents,
    "resolved": lambda row: row.resolved,
    "due_met": lambda row: row.due_met,
    "due_missed": lambda row: row.due_missed,
    "due_pending": lambda row: row.due_pending,
    "due_unknown": lambda row: row.due_unknown,
}

MODELS: Columns[ModelRow] = {
    "model": lambda row: row.model,
    "services": lambda row: row.services,
    "met": lambda row: row.met,
    "missed": lambda row: row.missed,
    "late_hours": lambda row: hours(row.late_seconds, SECONDS),
    "unshipped": lambda row: row.unshipped,
    "breached": lambda row: row.breached,
    "unknown": lambda row: row.unknown,
    "oldest_deadline": lambda row: row.oldest_deadline,
    "ships": lambda row: row.ships,
    "lead_time_median_hours": lambda row: hours(row.lead_median_tenths, TENTHS),
    "lead_times": lambda row: row.leads,
    "change_fail_rate": lambda row: per(row.failed, row.ships),
    "recovery_median_hours": lambda row: hours(row.recovery_median_tenths, TENTHS),
    "recoveries": lambda row: row.recoveries,
}

COVERAGE: Columns[CoverageRow] = {
    "file": lambda row: row.file,
    "state": lambda row: row.state,
    "problem": lambda row: row.problem,
    "repository": lambda row: row.repository,
    "service": lambda row: row.service,
    "generated_at": lambda row: row.generated_at,
    "digest": lambda row: row.digest,
}


def hours_each(seconds: int | None, count: int | None) -> float | None:
    """Return the mean in hours."""
    mean = per(seconds, count)
    return None if mean is None else mean / SECONDS


def csv_files(rollup: RollUp) -> dict[str, Callable[[], bytes]]:
    """Return a function for each CSV file that makes its bytes."""
    every: dict[str, tuple[Columns[Any], Iterable[Any]]] = {
        "services.csv": (SERVICES, rollup.services),
        "service_weeks.csv": (SERVICE_WEEKS, rollup.service_weeks),
        "models.csv": (MODELS, rollup.models),
        "teams.csv": (TEAMS, rollup.teams),
        "coverage.csv": (COVERAGE, rollup.coverage),
    }
    return {name: partial(_file, columns, rows) for name, (columns, rows) in every.items()}


def _file(columns: Columns[_Row], rows: Iterable[_Row]) -> bytes:
    return to_csv(list(columns), ([value(row) for value in columns.values()] for row in rows))
