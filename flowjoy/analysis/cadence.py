"""The week table: how often code and models ship, and how fast incidents heal. Knows weeks, no promise."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import TypedDict
from zoneinfo import ZoneInfo

import pandas as pd

from flowjoy.events import END, START, TS, TYPE, cadence
from flowjoy.model import EventType, Week, Window


def window_of(as_of: datetime, *, weeks: int, timezone: str) -> Window:
    """The running week of `timezone` and the `weeks` - 1 before it, from a Monday midnight to `as_of`."""
    zone = ZoneInfo(timezone)
    local = as_of.astimezone(zone).date()
    monday = local - timedelta(days=local.weekday(), weeks=weeks - 1)
    since = datetime.combine(monday, time.min, tzinfo=zone)
    return Window(since=since.astimezone(as_of.tzinfo), until=as_of, timezone=timezone, weeks=weeks)


def week_table(
    events: pd.DataFrame, incidents: pd.DataFrame, window: Window, *, divergence_percent: float
) -> tuple[Week, ...]:
    """One `Week` for every week of the window, oldest first, the running one last and marked partial.

    `mttr_hours` is the mean of end - start over all resolved incidents that *started* in the week; without one it is
    None. A complete week diverges when code >= 1 and gap > `divergence_percent` % of code (SEMANTICS, Divergence).
    """
    mondays = _mondays(window)
    counted = cadence(events)
    code, model = (_a_week(counted.loc[counted[TYPE] == kind, TS], window) for kind in EventType)
    started = _a_week(incidents[START], window)
    healing = _healing(incidents, window)
    return tuple(
        Week(
            week=monday,
            code_deploys=code.get(monday, 0),
            model_deploys=model.get(monday, 0),
            gap=(gap := code.get(monday, 0) - model.get(monday, 0)),
            incidents=started.get(monday, 0),
            partial=(partial := monday == mondays[-1]),
            diverges=not partial and _diverges(code.get(monday, 0), gap, divergence_percent),
            **healing.get(monday, _NOTHING_RESOLVED),
        )
        for monday in mondays
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
        replace(week, code_known=code_known, models_known=models_known, diverges=week.diverges and counted)
        for week in weeks
    )


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


class _Healing(TypedDict):
    resolved: int
    mttr_hours: float | None
    mttr_median_hours: float | None
    mttr_p90_hours: float | None


_NOTHING_RESOLVED = _Healing(resolved=0, mttr_hours=None, mttr_median_hours=None, mttr_p90_hours=None)


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


def _diverges(code: int, gap: int, percent: float) -> bool:
    return code >= 1 and gap * 100 > percent * code


def _mondays(window: Window) -> list[date]:
    first = window.since.astimezone(ZoneInfo(window.timezone)).date()
    return [first + timedelta(weeks=n) for n in range(window.weeks)]


def _a_week(stamps: pd.Series, window: Window) -> dict[date, int]:
    """How many instants lie in each week."""
    counted = _monday_of(stamps, window).value_counts()
    return {monday.date(): int(n) for monday, n in zip(pd.DatetimeIndex(counted.index), counted, strict=True)}


def _monday_of(stamps: pd.Series, window: Window) -> pd.Series:
    """The local Monday of each instant, as naive midnight."""
    local = stamps.dt.tz_convert(window.timezone).dt.tz_localize(None).dt.normalize()
    monday: pd.Series = local - pd.to_timedelta(local.dt.day_of_week, unit="D")
    return monday


def _hours(span: timedelta) -> float:
    return span.total_seconds() / 3600
