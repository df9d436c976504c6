"""The week table: how often code and models ship, and how fast incidents heal. Knows weeks, no promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import TypedDict
from zoneinfo import ZoneInfo

import pandas as pd

from flowjoy.analysis.flow.model_gaps import MONDAY, WeekGaps, gaps_by_week
from flowjoy.analysis.timeline import END, START, TS, TYPE, cadence
from flowjoy.domain import EventType, ModelDependencies, Week, Window


class _Healing(TypedDict):
    resolved: int
    mttr_hours: float | None
    mttr_median_hours: float | None
    mttr_p90_hours: float | None


_NOTHING_RESOLVED = _Healing(resolved=0, mttr_hours=None, mttr_median_hours=None, mttr_p90_hours=None)


_NO_DEPENDENCE = ModelDependencies()


def window_of(as_of: datetime, *, weeks: int, timezone: str) -> Window:
    """The running week of `timezone` and the `weeks` - 1 before it, from a Monday midnight to `as_of`."""
    zone = ZoneInfo(timezone)
    local = as_of.astimezone(zone).date()
    monday = local - timedelta(days=local.weekday(), weeks=weeks - 1)
    since = datetime.combine(monday, time.min, tzinfo=zone)
    return Window(since=since.astimezone(as_of.tzinfo), until=as_of, timezone=timezone, weeks=weeks)


def week_table(
    events: pd.DataFrame,
    incidents: pd.DataFrame,
    window: Window,
    *,
    divergence_percent: float,
    dependence: ModelDependencies = _NO_DEPENDENCE,
    observed_since: Mapping[str, datetime] | None = None,
) -> tuple[Week, ...]:
    """One `Week` for every week of the window, oldest first, the running one last and marked partial.

    `mttr_hours` is the mean of end - start over all resolved incidents that *started* in the week; without one it is
    None. A complete week diverges when the gap of a model that a deploy requires as `any` is more than
    `divergence_percent` % of those deploys (SEMANTICS, Gap and Divergence). `observed_since`: when the alias or stage
    of each model was first observed, None where ships need no observation.
    """
    mondays = _mondays(window)
    counted = cadence(events)
    counted = counted.assign(**{MONDAY: _monday_of(counted[TS], window)})
    code, ships = (counted[counted[TYPE] == kind] for kind in EventType)
    deploys, shipped = (_a_week(part[MONDAY]) for part in (code, ships))
    started = _a_week(_monday_of(incidents[START], window))
    healing = _healing(incidents, window)
    begins = {monday: datetime.combine(monday, time.min, tzinfo=ZoneInfo(window.timezone)) for monday in mondays}
    gaps = gaps_by_week(
        code, ships, dependence, percent=divergence_percent, begins=begins, observed_since=observed_since
    )
    return tuple(
        _week(
            monday,
            deploys.get(monday, 0),
            shipped.get(monday, 0),
            gaps[monday],
            incidents=started.get(monday, 0),
            healing=healing.get(monday, _NOTHING_RESOLVED),
            partial=monday == mondays[-1],
        )
        for monday in mondays
    )


def _week(
    monday: date, code: int, ships: int, gaps: WeekGaps, *, incidents: int, healing: _Healing, partial: bool
) -> Week:
    lagging = None if partial else gaps.lagging
    furthest = gaps.furthest
    if partial and furthest is not None:
        furthest = replace(furthest, diverges=False)
    return Week(
        week=monday,
        code_deploys=code,
        model_deploys=ships,
        gap=code - ships if furthest is None else furthest.gap,
        incidents=incidents,
        partial=partial,
        diverges=lagging is not None,
        observed=gaps.observed,
        furthest=furthest,
        lagging=lagging,
        models=gaps.models,
        **healing,
    )


def without_incidents(weeks: tuple[Week, ...]) -> tuple[Week, ...]:
    """The same weeks where incidents are not known, or nobody tells of any: that none is known is not that none was.

    Nor is a mean over those of one of two sources the unified MTTR.
    """
    return tuple(replace(week, incidents=None, **_NOTHING_RESOLVED) for week in weeks)


def with_unread(weeks: tuple[Week, ...], *, code_known: bool, models_known: bool) -> tuple[Week, ...]:
    """The same weeks where code or models were not read: no week is said to lag behind what nobody knows."""
    counted = code_known and models_known
    return tuple(
        replace(
            week,
            code_known=code_known,
            models_known=models_known,
            diverges=week.diverges and counted,
            lagging=week.lagging if counted else None,
        )
        for week in weeks
    )


def week_of(stamp: datetime, timezone: str) -> datetime:
    """Return the instant at which the local week of `stamp` began."""
    local = stamp.astimezone(ZoneInfo(timezone))
    monday = local.date() - timedelta(days=local.weekday())
    return datetime.combine(monday, time.min, tzinfo=ZoneInfo(timezone)).astimezone(stamp.tzinfo)


def running_week(window: Window) -> datetime:
    """The instant at which the running week began: a local Monday midnight."""
    return datetime.combine(_mondays(window)[-1], time.min, tzinfo=ZoneInfo(window.timezone))


def last_complete(weeks: tuple[Week, ...]) -> Week | None:
    """The week before the running one; None when the window holds only the running week."""
    return next((week for week in reversed(weeks) if not week.partial), None)


def hours(start: pd.Series, end: pd.Series) -> pd.Series:
    """Hours from start to end; NaN where either is missing."""
    took: pd.Series = (end - start).dt.total_seconds() / 3600
    return took


def _healing(incidents: pd.DataFrame, window: Window) -> dict[date, _Healing]:
    """How long the resolved incidents of each week took; weeks without one are left out."""
    resolved = incidents[incidents[END].notna()]
    took = (resolved[END] - resolved[START]).groupby(_monday_of(resolved[START], window))
    # Hours only at the end: means of whole microseconds carry no noise of binary fractions.
    columns = (took.size(), took.mean(), took.median(), took.quantile(0.9))
    return {
        monday.date(): _Healing(
            resolved=int(n), mttr_hours=_hours(mean), mttr_median_hours=_hours(middle), mttr_p90_hours=_hours(slow)
        )
        for monday, n, mean, middle, slow in zip(columns[0].index, *columns, strict=True)
    }


def _mondays(window: Window) -> list[date]:
    first = window.since.astimezone(ZoneInfo(window.timezone)).date()
    return [first + timedelta(weeks=n) for n in range(window.weeks)]


def _a_week(mondays: pd.Series) -> dict[date, int]:
    """How many events lie in each week."""
    counted = mondays.value_counts()
    return {monday.date(): int(n) for monday, n in zip(pd.DatetimeIndex(counted.index), counted, strict=True)}


def _monday_of(stamps: pd.Series, window: Window) -> pd.Series:
    """The local Monday of each instant, as naive midnight."""
    local = stamps.dt.tz_convert(window.timezone).dt.tz_localize(None).dt.normalize()
    monday: pd.Series = local - pd.to_timedelta(local.dt.day_of_week, unit="D")
    return monday


def _hours(span: timedelta) -> float:
    return span.total_seconds() / 3600
