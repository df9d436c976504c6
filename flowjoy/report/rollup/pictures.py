"""The pictures of a roll-up: services by weeks, the worst first, and the promise of all services over time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flowjoy.domain.plurals import grouped
from flowjoy.domain.rollup import RollUp
from flowjoy.domain.rollup_rows import BREACHED, ServiceWeekRow, WeekRow
from flowjoy.report import palette
from flowjoy.report.palette import Tone
from flowjoy.report.rollup.svg import HATCHED, Drawing

SHOWN = 300
"""The services that the map shows; the others are joined in one row for each team."""

_WIDTH, _NAMES, _TOP, _ROW = 1024, 270, 56, 13
_COLOURS: Mapping[str, Tone | str] = {
    "missed": palette.BAD,
    "some missed": palette.LATE,
    "unknown": HATCHED,
    "pending": palette.WAIT,
    "met": palette.GOOD,
    "none": palette.CALM_PALE,
}
"""The outcomes of a week, the worst first, and their colours."""

_LEGEND = {
    "missed": "half or more missed",
    "some missed": "some missed",
    "unknown": "not known",
    "pending": "running",
    "met": "met",
    "none": "nothing due",
}
_WORST_FIRST = tuple(_COLOURS)


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One row of the map: its name, and the outcome of each week."""

    name: str
    outcomes: Mapping[date, str]


def heat_map(rollup: RollUp) -> Drawing:
    """Return the map of services and weeks."""
    rows = _rows(rollup)
    mondays = [week.week for week in rollup.weeks]
    drawing = Drawing(_WIDTH, _TOP + _ROW * len(rows) + 8)
    cell = (_WIDTH - _NAMES) / max(1, len(mondays))
    _draw_legend(drawing)
    for column, monday in enumerate(mondays):
        if column % max(1, round(60 / cell)) == 0:
            drawing.text(_NAMES + column * cell, _TOP - 8, f"{monday:%b %d}", size=10)
    for number, row in enumerate(rows):
        top = _TOP + number * _ROW
        drawing.text(_NAMES - 8, top + 10, row.name, limit=42, size=10, anchor="end")
        for column, monday in enumerate(mondays):
            fill = _COLOURS[row.outcomes.get(monday, "unknown")]
            drawing.box(round(_NAMES + column * cell, 1), top, round(cell - 2, 1), _ROW - 2, fill)
    return drawing


def trend(weeks: Sequence[WeekRow]) -> Drawing:
    """Return a bar for each week: what was due, by how it ended."""
    height, base = 220, 190
    drawing = Drawing(_WIDTH, height)
    _draw_legend(drawing, {"some missed": "missed", "unknown": "not known", "met": "met"})
    left, bar = 60, (_WIDTH - 60) / max(1, len(weeks))
    tallest = max((week.due_met + week.due_missed + week.due_unknown for week in weeks), default=0) or 1
    drawing.text(left - 8, _TOP + 4, f"{tallest:,}", size=10, anchor="end")
    drawing.text(left - 8, base, "0", size=10, anchor="end")
    drawing.box(left, base, _WIDTH - left, 1, palette.LINE)
    for column, week in enumerate(weeks):
        x, y = left + column * bar, float(base)
        for outcome, count in (("met", week.due_met), ("unknown", week.due_unknown), ("some missed", week.due_missed)):
            part = (base - _TOP) * count / tallest
            y -= part
            if count:
                drawing.box(round(x + 2, 1), round(y, 1), round(bar - 6, 1), round(part, 1), _COLOURS[outcome])
        if column % max(1, round(48 / bar)) == 0:
            drawing.text(round(x + 2, 1), base + 16, f"{week.week:%b %d}", size=10)
    return drawing


def described(rollup: RollUp) -> str:
    """Return what the map shows, for readers who do not see it."""
    rows = len(_rows(rollup))
    return f"{grouped(rows, 'row')} of services, the worst first, and {grouped(len(rollup.weeks), 'week')}"


def _draw_legend(drawing: Drawing, outcomes: Mapping[str, str] = _LEGEND) -> None:
    x = 60.0
    for outcome, text in outcomes.items():
        drawing.box(x, 12, 14, 11, _COLOURS[outcome])
        drawing.text(x + 20, 22, text)
        x += 44 + 7 * len(text)


def _rows(rollup: RollUp) -> list[_Row]:
    """Return a row for each of the worst services, and one for each team of the others."""
    weeks: dict[tuple[str, str], list[ServiceWeekRow]] = defaultdict(list)
    for week in rollup.service_weeks:
        weeks[week.repository, week.service].append(week)

    def badness(number: int) -> tuple[bool, int, int, int]:
        row = rollup.services[number]
        own = weeks[row.repository, row.service]
        missed, unknown = sum(week.due_missed for week in own), sum(week.promise == "unknown" for week in own)
        return row.promise != BREACHED, -missed, -unknown, number

    ordered = [rollup.services[number] for number in sorted(range(len(rollup.services)), key=badness)]
    rows = [_Row(name=row.name, outcomes=_outcomes(weeks[row.repository, row.service])) for row in ordered[:SHOWN]]
    joined: dict[str, list[ServiceWeekRow]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for row in ordered[SHOWN:]:
        joined[row.team] += weeks[row.repository, row.service]
        counts[row.team] += 1
    return rows + [
        _Row(name=f"{team or 'no team'}: {counts[team]:,} more", outcomes=_outcomes(joined[team]))
        for team in sorted(joined)
    ]


def _outcomes(weeks: Iterable[ServiceWeekRow]) -> dict[date, str]:
    """Return the worst outcome of each week; where less than half of what was due is missed, some is."""
    by_week: dict[date, list[ServiceWeekRow]] = defaultdict(list)
    for week in weeks:
        by_week[week.week].append(week)
    outcomes = {}
    for monday, rows in by_week.items():
        outcome = min((row.promise for row in rows), key=_WORST_FIRST.index)
        missed = sum(row.due_missed for row in rows)
        due = missed + sum(row.due_met + row.due_pending + row.due_unknown for row in rows)
        outcomes[monday] = "some missed" if outcome == "missed" and 2 * missed < due else outcome
    return outcomes
