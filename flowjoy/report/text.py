"""Formatting of timestamps, durations, counts and tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flowjoy.analysis.flow.drift_lag import Hours
from flowjoy.domain import ModelGap, Week
from flowjoy.domain.plurals import plural as plural  # noqa: PLC0414  (texts of the report import it from here)
from flowjoy.report.escaping import clean

_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_TOGETHER = re.compile(
    rf"(?:\b[A-Z][a-z]{{2}}\s)?\b(?:\d\d\s{_MONTH}|{_MONTH}\s\d\d)\b(?:\s\d{{4}}\b)?"  # a date
    r"|(?:\b[A-Z][a-z]{2}\s)?\b\d\d:\d\d\s(?:[A-Z]{2,5}\b|[+-]\d\d)"  # a time of day with its zone
    r"|\b\d+\s[dh]\s\d+\s[hm]\b|\b[\d.]+\s(?:[dhms]\b|%)"  # a duration or a share
)


def unbroken(text: str) -> str:
    """Return a text in which dates, times with their zone and durations stay on one line."""
    return _TOGETHER.sub(lambda match: match[0].replace(" ", "\u00a0"), text)


def moment(timestamp: datetime, timezone: str, now: datetime | None = None) -> str:
    """Return a timestamp as `Tue 25 Jun 09:00 UTC`, or as `Tue 25 Jun 2024 09:00 UTC` if `now` is in another year."""
    zone = ZoneInfo(timezone)
    local = timestamp.astimezone(zone)
    other = now is not None and local.year != now.astimezone(zone).year
    return local.strftime(f"%a %d %b{' %Y' if other else ''} %H:%M %Z")


def soon(timestamp: datetime, timezone: str, now: datetime) -> str:
    """Return `Tue 09:00 UTC` within the next six days, with the date after that."""
    local = timestamp.astimezone(ZoneInfo(timezone))
    return local.strftime("%a %H:%M %Z") if timestamp - now < timedelta(days=6) else moment(timestamp, timezone, now)


def span(length: timedelta) -> str:
    """Return `31 h 12 m`, `2 h`, `4 d 4 h` from four days on, `30 s` under a minute; rounded down, never negative."""
    if timedelta() < length < timedelta(seconds=1):
        return "less than a second"
    seconds = max(0, int(length.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    hours, minutes = divmod(minutes, 60)
    large, small = (f"{hours // 24} d", f"{hours % 24} h") if hours >= 96 else (f"{hours} h", f"{minutes} m")
    if not hours:
        return small
    return large if small.startswith("0 ") else f"{large} {small}"


def decimal(value: float | None, unit: str = "") -> str:
    """Return a number with one decimal, or `no data`; missing data is never shown as 0."""
    return "no data" if value is None else f"{value:.1f}{unit}"


def lag_text(lag: Hours) -> str:
    """Return `12.5 h`, `≥ 12.5 h` for a lower bound, or both ends of a range such as 41.0 to 60.0 h."""
    high = f"{lag.value:.1f}"
    if lag.at_least:
        return f"≥ {high} h"
    low = high if lag.low is None else f"{lag.low:.1f}"
    return f"{high} h" if low == high else f"{low}\u2013{high} h"


def counted(value: int, *, known: bool) -> str:
    """Return a count; if the source could not be read, `≥ 3` (known from earlier runs) or `no data`."""
    return str(value) if known else f"≥ {value}" if value > 0 else "no data"


def lagging(week: Week, name: Callable[[str], str] = clean) -> str:
    """Return `Model cadence lagging by 5 deploys`; with several models, `name` formats the one that lags."""
    whose = "Model" if week.named_model is None else name(week.named_model)
    return f"{whose} cadence lagging by {plural(week.lag, 'deploy')}"


def deploys_of(week: Week, about: ModelGap | None) -> str:
    """Return `9 code deploys and 4 model deploys`; with several models, `9 code deploys and 4 ships of ranker`."""
    if about is None or week.models == 1:
        return f"{plural(week.code_deploys, 'code deploy')} and {plural(week.model_deploys, 'model deploy')}"
    required = plural(about.code_deploys, "code deploy")
    return f"{required} and {plural(about.ships, 'ship')} of {clean(about.model)}"


def share(value: float) -> str:
    """Return `12.5 %` for 0.125."""
    return f"{100 * value:.1f} %"


DORA_NAMES = {
    "deployment_frequency": "deployment frequency (per week)",
    "lead_time_hours": "change lead time (median)",
    "change_fail_rate": "change fail rate",
    "recovery_hours": "failed deployment recovery time (median)",
    "rework_rate": "rework rate",
    "observed_fail_rate": "observed failures: share of deploys",
    "observed_recovery_hours": "observed failures: time until replaced (median)",
    "observed_rework_rate": "observed failures: rework rate",
}
"""Display names of the DORA metrics, by field."""


def capital(text: str) -> str:
    """Return the text with its first character in upper case."""
    return text[:1].upper() + text[1:]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; the cells are already escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
