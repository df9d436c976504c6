"""How instants, spans, tables and foreign text are written for people. Knows no report."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flowjoy.analysis.flow.drift_lag import Hours
from flowjoy.domain import ModelGap, Week

_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_PUNCTUATION = re.compile(r"[!-'*./:;<>@\[-`{-~]")


def visible(text: str) -> str:
    """Foreign text on one line, without control and direction marks."""
    return _INVISIBLE.sub(" ", text)


def clean(text: str, limit: int = 120) -> str:
    """The same, shortened."""
    line = visible(text).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def code(text: str, limit: int = 120) -> str:
    """Foreign text in Markdown, literally: no markup, no mention, no link, no cell break.

    Every mark that Markdown reads becomes an entity, which it does not; mentions are not looked for in code. GitHub
    looks for mail addresses after it has read entities: `<wbr>`, which nobody sees, parts them.
    """
    literal = _PUNCTUATION.sub(lambda mark: f"&#{ord(mark[0])};", clean(text, limit)).replace("&#64;", "<wbr>&#64;")
    return f"<code>{literal}</code>" if literal else ""


def trusted_markdown(text: str) -> str:
    """A sentence of our own in Markdown: what stands in angle brackets would be taken for a tag, and vanish."""
    return re.sub(r"<[^ ]*>", lambda match: f"`{match[0]}`", text)


def moment(stamp: datetime, timezone: str) -> str:
    """`Tue 25 Jun 09:00 UTC`."""
    return stamp.astimezone(ZoneInfo(timezone)).strftime("%a %d %b %H:%M %Z")


def soon(stamp: datetime, timezone: str, now: datetime) -> str:
    """`Tue 09:00 UTC` where the weekday says enough, else with the date."""
    local = stamp.astimezone(ZoneInfo(timezone))
    return local.strftime("%a %H:%M %Z") if stamp - now < timedelta(days=6) else moment(stamp, timezone)


def span(length: timedelta) -> str:
    """`31 h 12 m`, `4 d 4 h` from four days on, `30 s` under a minute; floored, never negative."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    hours, minutes = divmod(minutes, 60)
    if hours >= 96:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours} h {minutes} m" if hours else f"{minutes} m"


def figure(value: float | None, unit: str = "") -> str:
    """One decimal, or `no data`: never a 0 for nothing."""
    return "no data" if value is None else f"{value:.1f}{unit}"


def lag_text(lag: Hours) -> str:
    """`12.5 h`; `≥ 12.5 h` where it is only known to be longer, `41.0` to `60.0 h` where it lies between the two."""
    high = f"{lag.value:.1f}"
    if lag.at_least:
        return f"≥ {high} h"
    low = high if lag.low is None else f"{lag.low:.1f}"
    return f"{high} h" if low == high else f"{low}\u2013{high} h"


def counted(value: int, *, known: bool) -> str:
    """A count; of a source that could not be read `≥ 3`, as far as earlier runs remember, or `no data`."""
    return str(value) if known else f"≥ {value}" if value > 0 else "no data"


def lagging(week: Week, name: Callable[[str], str] = clean) -> str:
    """`Model cadence lagging by 5 deploys`; where several models could be meant, that of which (`name` writes it)."""
    whose = "Model" if week.named_model is None else name(week.named_model)
    return f"{whose} cadence lagging by {plural(week.lag, 'deploy')}"


def deploys_of(week: Week, about: ModelGap | None) -> str:
    """`9 code and 4 model deploys`; with several models, of one of them `9 code deploys and 4 ships of ranker`."""
    if about is None or week.models == 1:
        return f"{week.code_deploys} code and {week.model_deploys} model deploys"
    required = plural(about.code_deploys, "code deploy")
    return f"{required} and {plural(about.ships, 'ship')} of {clean(about.model)}"


def share(value: float) -> str:
    """`12.5 %` for 0.125."""
    return f"{100 * value:.1f} %"


DORA_NAMES = {
    "deployment_frequency": "deployment frequency (a week)",
    "lead_time_hours": "change lead time (median)",
    "change_fail_rate": "change fail rate",
    "recovery_hours": "failed deployment recovery time (median)",
    "rework_rate": "rework rate",
}
"""DORA's five as people call them, by field."""


def plural(count: int, noun: str) -> str:
    """`1 clock`, `2 clocks`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of cells that are already escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
