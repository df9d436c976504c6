"""The week table: how often code and models ship, and how fast incidents heal. Knows weeks, no promise."""

from __future__ import annotations

from datetime import datetime, time, timedelta
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
    counts = pd.crosstab(_monday_of(counted[TS], window), counted[TYPE]).reindex(index=mondays, fill_value=0)
    healing = _healing(incidents, window).reindex(mondays)
    started = incidents.groupby(_monday_of(incidents[START], window)).size().reindex(mondays, fill_value=0)
    rows = []
    for monday in mondays:
        code = int(counts.at[monday, EventType.CODE]) if EventType.CODE in counts else 0
        model = int(counts.at[monday, EventType.MODEL]) if EventType.MODEL in counts else 0
        partial = monday == mondays[-1]
        resolved = healing.loc[monday]
        rows.append(
            Week(
                week=monday.date(),
                code_deploys=code,
                model_deploys=model,
                gap=code - model,
                incidents=int(started[monday]),
                resolved=0 if pd.isna(resolved["n"]) else int(resolved["n"]),
                mttr_hours=_number(resolved["mean"]),
                mttr_median_hours=_number(resolved["median"]),
                mttr_p90_hours=_number(resolved["p90"]),
                partial=partial,
                diverges=not partial and code >= 1 and (code - model) * 100 > divergence_percent * code,
            )
        )
    return tuple(rows)


def last_complete(weeks: tuple[Week, ...]) -> Week | None:
    """The week before the running one; None when the window holds only the running week."""
    return next((week for week in reversed(weeks) if not week.partial), None)


def hours(start: pd.Series, end: pd.Series) -> pd.Series:
    """end - start in hours; NaN where either is missing."""
    return (end - start).dt.total_seconds() / 3600


def _healing(incidents: pd.DataFrame, window: Window) -> pd.DataFrame:
    resolved = incidents[incidents[END].notna()]
    took = (resolved[END] - resolved[START]).groupby(_monday_of(resolved[START], window))
    # Hours only at the end: means of whole microseconds carry no noise of binary fractions.
    spans = pd.DataFrame({"mean": took.mean(), "median": took.median(), "p90": took.quantile(0.9)})
    return spans.apply(lambda column: column.dt.total_seconds() / 3600).assign(n=took.size())


def _mondays(window: Window) -> pd.DatetimeIndex:
    first = window.since.astimezone(ZoneInfo(window.timezone)).date()
    return pd.DatetimeIndex([pd.Timestamp(first + timedelta(weeks=n)) for n in range(window.weeks)]).as_unit("us")


def _monday_of(stamps: pd.Series, window: Window) -> pd.Series:
    """The local Monday of each instant, as naive midnight."""
    local = stamps.dt.tz_convert(window.timezone).dt.tz_localize(None).dt.normalize()
    return local - pd.to_timedelta(local.dt.weekday, unit="D")


def _number(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
