"""The note of a first run about history: only our own text and numbers."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

from flowjoy.analysis.results import Results
from flowjoy.domain import Obligation
from flowjoy.report.text import plural


def is_first(results: Results) -> bool:
    """Return whether no earlier trusted run is known."""
    return results.bundle.first_trusted_at == results.bundle.generated_at


def is_older(item: Obligation, results: Results) -> bool:
    """Return whether an obligation ran out before today, so that `sla-since` of today only leaves out the past."""
    zone = ZoneInfo(results.bundle.window.timezone)
    today = results.bundle.generated_at.astimezone(zone).date()
    return item.deadline < datetime.combine(today, time.min, tzinfo=zone)


def first_run(results: Results) -> str | None:
    """Return the past misses and the `sla-since` that starts today; None on later runs and without a miss."""
    if not is_first(results):
        return None
    missed = {item.code_id for item in results.scope if item.is_missed and is_older(item, results)}
    weeks = sum(week.diverges for week in results.weeks)
    parts = [f"{plural(len(missed), 'release')} broke the promise"] if missed else []
    parts += [f"{plural(weeks, 'week')} had models behind code"] if weeks else []
    if not parts:
        return None
    today = results.bundle.generated_at.astimezone(ZoneInfo(results.bundle.window.timezone)).date()
    cure = f"set `sla-since: {today.isoformat()}` to start from today" if missed else "no alert is sent for them"
    return f"First run: {' and '.join(parts)} before today; {cure}"
