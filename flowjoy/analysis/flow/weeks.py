"""The week table: how often code and models ship, and how fast incidents are resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import TypedDict
from zoneinfo import ZoneInfo

import pandas as pd

from flowjoy.analysis.event_columns import END, START, TS, TYPE
from flowjoy.analysis.flow.divergence_and_spikes import MONDAY, WeekGaps, as_running, gaps_by_week
from flowjoy.analysis.timeline import deploys_and_ships
from flowjoy.domain import EventType, ModelDependencies, Week, Window


class _Recovery(TypedDict):
    resolved: int
    mttr_hours: float | None
    mttr_median_hours: float | None
    mttr_p90_hours: float | None


HEALTHY_HOURS, HEALTHY_GAP = 1.5, 2
_NOTHING_RESOLVED = _Recovery(resolved=0, mttr_hours=None, mttr_median_hours=None, mttr_p90_hours=None)
_NO_DEPENDENCIES = ModelDependencies()


def window_of(as_of: datetime, *, weeks: int, timezone: str) -> Window:
    """Return the running week of `timezone` and the `weeks` - 1 before it, from a Monday midnight to `as_of`."""
    zone = ZoneInfo(timezone)
    monday = monday_of(as_of.astimezone(zone).date()) - timedelta(weeks=weeks - 1)
    since = datetime.combine(monday, time.min, tzinfo=zone)
    return Window(since=since.astimezone(as_of.tzinfo), until=as_of, timezone=timezone, weeks=weeks)


def week_table(
    events: pd.DataFrame,
    incidents: pd.DataFrame,
    window: Window,
    *,
    divergence_percent: float,
    dependencies: ModelDependencies = _NO_DEPENDENCIES,
    observed_since: Mapping[str, datetime] | None = None,
) -> tuple[Week, ...]:
    """Return a `Week` for every week of the window, oldest first, the running one last and marked partial.

    `mttr_hours` is the mean of end - start over all resolved incidents that *started* in the week; without one it is
    None. A complete week diverges when the gap of a model that a deploy requires as `any` is more than
    `divergence_percent` % of those deploys. `observed_since`: when the alias or stage of each model was first observed,
    None where ships need no observation.
    """
    mondays = _mondays(window)
    counted = deploys_and_ships(events)
    counted = counted.assign(**{MONDAY: _local_mondays(counted[TS], window)})
    code, ships = (counted[counted[TYPE] == kind] for kind in EventType)
    deploys, shipped = (_a_week(part[MONDAY]) for part in (code, ships))
    started = _a_week(_local_mondays(incidents[START], window))
    recovery = _recoveries(incidents, window)
    begins = {monday: datetime.combine(monday, time.min, tzinfo=ZoneInfo(window.timezone)) for monday in mondays}
    gaps = gaps_by_week(
        code, ships, dependencies, percent=divergence_percent, begins=begins, observed_since=observed_since
    )
    *complete, running = (
        _week(
            monday,
            deploys.get(monday, 0),
            shipped.get(monday, 0),
            gaps[monday],
            incidents=started.get(monday, 0),
            recovery=recovery.get(monday, _NOTHING_RESOLVED),
        )
        for monday in mondays
    )
    return (*complete, as_running(running))


def _week(monday: date, code: int, ships: int, gaps: WeekGaps, *, incidents: int, recovery: _Recovery) -> Week:
    return Week(
        week=monday,
        code_deploys=code,
        model_deploys=ships,
        gap=code - ships if gaps.furthest is None else gaps.furthest.gap,
        incidents=incidents,
        partial=False,
        diverges=gaps.lagging is not None,
        observed=gaps.observed,
        furthest=gaps.furthest,
        lagging=gaps.lagging,
        models=gaps.models,
        **recovery,
    )


def without_incidents(weeks: tuple[Week, ...]) -> tuple[Week, ...]:
    """Return the same weeks with unknown incidents, for sources that are missing or not complete.

    Without a source there is no data, which is different from zero incidents. A mean over one of two sources is not the
    unified MTTR either.
    """
    return tuple(replace(week, incidents=None, **_NOTHING_RESOLVED) for week in weeks)


def monday_of(day: date) -> date:
    """Return the Monday of the ISO week of `day`."""
    return day - timedelta(days=day.weekday())


def week_of(timestamp: datetime, timezone: str) -> datetime:
    """Return the instant at which the local week of `timestamp` began."""
    zone = ZoneInfo(timezone)
    monday = monday_of(timestamp.astimezone(zone).date())
    return datetime.combine(monday, time.min, tzinfo=zone).astimezone(timestamp.tzinfo)


def running_week(window: Window) -> datetime:
    """Return the instant at which the running week began: a local Monday midnight."""
    return datetime.combine(_mondays(window)[-1], time.min, tzinfo=ZoneInfo(window.timezone))


def last_complete(weeks: tuple[Week, ...]) -> Week | None:
    """Return the week before the running one; None when the window has only the running week."""
    return next((week for week in reversed(weeks) if not week.partial), None)


def hours(start: pd.Series, end: pd.Series) -> pd.Series:
    """Return the hours from start to end; NaN where either is missing."""
    took: pd.Series = (end - start).dt.total_seconds() / 3600
    return took


def _recoveries(incidents: pd.DataFrame, window: Window) -> dict[date, _Recovery]:
    """Return the recovery times of each week; weeks without a resolved incident are left out."""
    resolved = incidents[incidents[END].notna()]
    took = (resolved[END] - resolved[START]).groupby(_local_mondays(resolved[START], window))
    # Convert to hours last: means of whole microseconds are exact.
    columns = (took.size(), took.mean(), took.median(), took.quantile(0.9))
    return {
        monday.date(): _Recovery(
            resolved=int(n), mttr_hours=_hours(mean), mttr_median_hours=_hours(middle), mttr_p90_hours=_hours(slow)
        )
        for monday, n, mean, middle, slow in zip(columns[0].index, *columns, strict=True)
    }


def _mondays(window: Window) -> list[date]:
    first = window.since.astimezone(ZoneInfo(window.timezone)).date()
    return [first + timedelta(weeks=n) for n in range(window.weeks)]


def _a_week(mondays: pd.Series) -> dict[date, int]:
    """Return the number of events in each week."""
    counted = mondays.value_counts()
    return {monday.date(): int(n) for monday, n in zip(pd.DatetimeIndex(counted.index), counted, strict=True)}


def _local_mondays(timestamps: pd.Series, window: Window) -> pd.Series:
    """Return the local Monday of each timestamp, as naive midnight."""
    local = timestamps.dt.tz_convert(window.timezone).dt.tz_localize(None).dt.normalize()
    monday: pd.Series = local - pd.to_timedelta(local.dt.day_of_week, unit="D")
    return monday


def _hours(span: timedelta) -> float:
    return span.total_seconds() / 3600


def is_healthy(week: Week, weeks: Sequence[Week]) -> bool:
    """Return whether a week earns the success mark: each model within two of code, and the MTTR under 1.5 hours.

    A week without an incident earns it if an incident of another one of `weeks` was resolved: otherwise the MTTR is
    unknown. A week with unknown incidents, code or models, or without any code deploy, does not.
    """
    is_quick = week.mttr_hours is not None and week.mttr_hours < HEALTHY_HOURS
    is_calm = week.incidents == 0 and any(other.mttr_hours is not None for other in weeks)
    return week.counted and week.code_deploys > 0 and week.gap <= HEALTHY_GAP and (is_quick or is_calm)
