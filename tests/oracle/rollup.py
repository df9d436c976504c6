"""The roll-up a second time, naively: from the results of each service, in Python, without SQL."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from flowjoy.analysis.flow.dora import DoraFigure
from flowjoy.analysis.flow.incidents import ALL
from flowjoy.analysis.flow.weeks import window_of
from flowjoy.analysis.results import Results
from flowjoy.domain import Status
from flowjoy.domain.rates import as_percent, per
from flowjoy.domain.rollup import RollUp
from flowjoy.domain.rollup_rows import ServiceRow


def own_instant(results: Results) -> dict[str, Any]:
    """What a bundle says of its service, as far as a row of services says it."""
    both = next(item for item in results.dora if item.kind == "both")
    every = next((item for item in results.recoveries if item.cause == ALL), None)
    return {
        "promise": results.sla_status,
        "met": results.count(Status.MET),
        "late": results.count(Status.LATE),
        "pending": sum(item.is_running for item in results.scope),
        "breached": results.count(Status.BREACHED),
        "unknown": results.count(Status.UNKNOWN),
        "rate": results.rate.percent,
        "code_deploys": _total(week.code_deploys if week.code_known else None for week in results.weeks),
        "model_deploys": _total(week.model_deploys if week.ships_known else None for week in results.weeks),
        "deployment_frequency": both.deployment_frequency.value,
        "lead_time": (both.lead_time_hours.n, _rounded(both.lead_time_hours)),
        "change_fail_rate": both.change_fail_rate.value,
        "rework_rate": both.rework_rate.value,
        "recovery": _rounded(both.recovery_hours),
        "resolved": None if every is None else every.resolved,
        "mttr": None if every is None or every.mean_hours is None else round(every.mean_hours, 6),
        "mttr_median": None if every is None or every.median_hours is None else round(every.median_hours, 6),
        "mttr_p90": None if every is None or every.p90_hours is None else round(every.p90_hours, 6),
        "next_deadline": min((item.deadline for item in results.scope if item.is_running), default=None),
    }


def of_row(row: ServiceRow) -> dict[str, Any]:
    """The same of a row of services."""
    return {
        "promise": row.promise,
        "met": row.met,
        "late": row.late,
        "pending": row.pending,
        "breached": row.breached,
        "unknown": row.unknown,
        "rate": as_percent(row.due_met, row.due_missed),
        "code_deploys": row.code_deploys,
        "model_deploys": row.model_deploys,
        "deployment_frequency": per(row.complete_week_deploys, row.complete_weeks),
        "lead_time": (row.leads, _hours(row.lead_median_tenths)),
        "change_fail_rate": per(row.failed, row.deploys),
        "rework_rate": per(row.rework, row.deploys),
        "recovery": _hours(row.recovery_median_tenths),
        "resolved": row.resolved,
        "mttr": None if row.resolved_seconds is None else round(row.resolved_seconds / (row.resolved or 0) / 3600, 6),
        "mttr_median": _hours(row.mttr_median_tenths),
        "mttr_p90": _hours(row.mttr_p90_tenths),
        "next_deadline": row.next_deadline,
    }


def promise_of(results: Results, as_of: datetime, *, silent_after_hours: int = 48) -> str:
    """The promise of a service as one can know it later."""
    if results.bundle.generated_at < as_of - timedelta(hours=silent_after_hours):
        return "unknown"
    ended = [item.waiver.until for item in results.scope if item.is_excused and item.waiver is not None]
    ended += [item.deadline for item in results.scope if item.is_running]
    unseen = any(end < as_of for end in ended)
    return "unknown" if unseen and results.sla_status != "breached" else results.sla_status


def resolved_in(results: Results, as_of: datetime, *, weeks: int = 12) -> int:
    """How many resolved incidents began in the window of the roll-up; 0 where they are not known."""
    since = window_of(as_of, weeks=weeks, timezone=results.bundle.window.timezone).since
    inside = [item for item in results.bundle.incidents if item.start >= since and item.end is not None]
    return sum(item.end <= results.bundle.generated_at for item in inside if item.end) * results.incidents_are_known


def weeks_of(results: Results) -> list[tuple[Any, ...]]:
    """The week table of a bundle."""
    return [
        (
            week.week,
            "partial" if week.partial else "complete",
            week.code_deploys if week.code_known else None,
            week.model_deploys if week.ships_known else None,
            week.lag if week.counted else None,
            week.diverges,
            week.incidents,
            None if week.incidents is None else week.resolved,
            week.mttr_hours,
        )
        for week in results.weeks
    ]


def weeks_in(view: RollUp) -> list[tuple[Any, ...]]:
    """The same of the only service of a roll-up."""
    return [
        (
            row.week,
            row.state,
            row.code_deploys,
            row.model_deploys,
            row.gap,
            row.diverges,
            row.incidents,
            row.resolved,
            None if not row.resolved else (row.resolved_seconds or 0) / row.resolved / 3600,
        )
        for row in view.service_weeks
    ]


def _total(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _rounded(figure: DoraFigure) -> float | None:
    return None if figure.value is None else round(figure.value, 6)


def _hours(tenths: int | None) -> float | None:
    return None if tenths is None else round(tenths / 36000, 6)
