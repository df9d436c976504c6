"""The sections of the page: who is silent, what is broken, where models jam, the map, the trend and the teams."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from flowjoy.domain.rates import as_percent, per
from flowjoy.domain.rollup import RollUp
from flowjoy.domain.rollup_rows import ModelRow, ModelServiceRow, TeamRow, name_of
from flowjoy.report.blocks import ROW_LIMIT, Cell, Chart, Mark, Paragraph, Section, Table, number_cell
from flowjoy.report.prose import Name, own, prose
from flowjoy.report.rollup import pictures
from flowjoy.report.rollup.cells import (
    hours_cell,
    mttr_cell,
    names_of,
    percent_cell,
    rate_cell,
    report_time,
    service_cell,
)
from flowjoy.report.rollup.tables import SECONDS, TENTHS, hours, hours_each

MAP, TREND = "map", "trend"
_FEW = 15
_STATES = {"silent": Mark.WAIT, "refused": Mark.BAD, "never reported": Mark.BAD}


def sections(rollup: RollUp) -> dict[str, Section]:
    """Return the sections by their id, in reading order, without those that have nothing to show."""
    parts = (
        _silent(rollup),
        _broken(rollup),
        _jams(rollup),
        _map(rollup),
        _trend(rollup),
        _teams(rollup),
        _files(rollup),
    )
    return {part.id: part for part in parts if part is not None}


def _silent(rollup: RollUp) -> Section | None:
    if not rollup.silent:
        return None
    header = ("service", "team", "state", "last report", "promise then")
    rows = [
        (
            service_cell(row),
            Cell(text=row.team),
            Cell(text=row.voice, mark=_STATES.get(row.voice, Mark.NONE)),
            report_time(row.reported_at, rollup.as_of, "none"),
            Cell(text=row.last_status or ""),
        )
        for row in rollup.silent[:ROW_LIMIT]
    ]
    hours_of = f"{rollup.silent_after_hours} h"
    return Section(
        id="silent",
        title="Silent services",
        paragraphs=(Paragraph(text=f"Their state is unknown: no report of theirs from the last {hours_of} counts."),),
        tables=(_table("Services without a current report", header, rows, len(rollup.silent), "services.csv"),),
    )


def _broken(rollup: RollUp) -> Section | None:
    if not rollup.broken:
        return None
    waiting: dict[tuple[str, str], list[str]] = defaultdict(list)
    for item in rollup.model_services:
        if item.breached:
            waiting[item.repository, item.service].append(item.model)
    header = ("service", "team", "models not shipped", "breached", "running", "kept, 28 days", "MTTR")
    rows = [
        (
            service_cell(row),
            Cell(text=row.team),
            Cell(text=names_of(waiting[row.repository, row.service]), wide=True),
            number_cell(row.breached),
            number_cell(row.pending),
            rate_cell(row),
            mttr_cell(row),
        )
        for row in rollup.broken[:ROW_LIMIT]
    ]
    table = _table("Services with a broken promise", header, rows, len(rollup.broken), "services.csv")
    return Section(id="broken", title="Broken now", tables=(table,))


def _jams(rollup: RollUp) -> Section | None:
    """Return the models, and the services that wait for each."""
    if not rollup.models:
        return None
    whom: dict[str, list[ModelServiceRow]] = defaultdict(list)
    for item in rollup.model_services:
        if item.unshipped:
            whom[item.model].append(item)
    ordered = rollup.models_by_wait
    header = ("model", "services", "missed", "hours late", "not shipped", "breached", "unknown", "waiting")
    rows = [_jam(row, whom[row.model]) for row in ordered[:ROW_LIMIT]]
    return Section(
        id="models",
        title="Where models jam",
        tables=(_table("Models by what waits for them", header, rows, len(ordered), "models.csv"),),
    )


def _jam(row: ModelRow, waiting: Sequence[ModelServiceRow]) -> tuple[Cell, ...]:
    worst = sorted(waiting, key=lambda item: (-item.breached, -item.unshipped, item.repository, item.service))
    return (
        Cell(text=Name(row.model)),
        number_cell(row.services),
        number_cell(row.missed),
        number_cell(hours(row.late_seconds, SECONDS)),
        number_cell(row.unshipped),
        number_cell(row.breached),
        number_cell(row.unknown),
        Cell(text=names_of([name_of(item.repository, item.service) for item in worst]), wide=True),
    )


def _map(rollup: RollUp) -> Section:
    left_out = max(0, len(rollup.services) - pictures.SHOWN)
    rest = f"The {pictures.SHOWN} worst services; {left_out:,} others are joined by team. " if left_out else ""
    how = own("A week shows the worst outcome of what was due in it. Every week is in `service_weeks.csv`.")
    return Section(
        id="weeks",
        title="Services by week",
        chart=Chart(name=MAP, alt=pictures.described(rollup)),
        notes=(prose("{}{}", rest, how),),
    )


def _trend(rollup: RollUp) -> Section:
    header = (
        "week of",
        "services reporting",
        "code deploys",
        "model ships",
        "met",
        "missed",
        "kept",
        "MTTR",
        "incidents",
    )
    rows = [
        (
            Cell(text=f"{week.week:%d %b %Y}", sort=week.week.toordinal()),
            Cell(text=f"{week.reported:,} of {week.services:,}", sort=week.reported, number=True),
            number_cell(week.code_deploys),
            number_cell(week.model_deploys),
            number_cell(week.due_met),
            number_cell(week.due_missed),
            percent_cell(as_percent(week.due_met, week.due_missed)),
            hours_cell(hours_each(week.resolved_seconds, week.resolved)),
            number_cell(week.incidents),
        )
        for week in reversed(rollup.weeks)
    ]
    return Section(
        id="trend",
        title="Trend",
        chart=Chart(name=TREND, alt="Obligations due in each week: met, missed, or not known"),
        tables=(_table("All services, by week", header, rows, len(rows), "service_weeks.csv"),),
        notes=("Blended over all services. The newest week is not over, or not reported by all.",),
    )


def _teams(rollup: RollUp) -> Section:
    rows = (*rollup.teams[-1:], *rollup.teams[:-1])[:ROW_LIMIT]
    promise = ("team", "services", "silent", "broken", "unknown", "kept, 28 days")
    flow = ("team", "deploys a week", "lead time", "fail rate", "recovery", "MTTR")
    total = len(rollup.teams)
    return Section(
        id="teams",
        title="Teams",
        tables=(
            _table("The promise by team", promise, [_team_promise(row) for row in rows], total, "teams.csv"),
            _table("Delivery and incidents by team", flow, [_team_flow(row) for row in rows], total, "teams.csv"),
        ),
        notes=(
            "Deploys are of code and models, by week and service.",
            "Medians come from all records of a row and means from sums; no average is an average of averages.",
        ),
    )


def _team_promise(row: TeamRow) -> tuple[Cell, ...]:
    return (
        _team(row),
        number_cell(row.services),
        number_cell(row.services - row.reporting),
        number_cell(row.broken),
        number_cell(row.unknown),
        rate_cell(row),
    )


def _team_flow(row: TeamRow) -> tuple[Cell, ...]:
    fail_rate = per(row.failed, row.deploys)
    return (
        _team(row),
        number_cell(per(row.complete_week_deploys, row.complete_weeks)),
        hours_cell(hours(row.lead_median_tenths, TENTHS)),
        percent_cell(None if fail_rate is None else 100 * fail_rate),
        hours_cell(hours(row.recovery_median_tenths, TENTHS)),
        mttr_cell(row),
    )


def _team(row: TeamRow) -> Cell:
    return Cell(text="All services (blended)" if row.is_blended else row.team or "no team")


def _files(rollup: RollUp) -> Section | None:
    if not rollup.refused:
        return None
    rows = [
        (
            Cell(text=Name(row.file), wide=True),
            Cell(text=row.problem, wide=True),
            report_time(row.generated_at, rollup.as_of, "unknown"),
        )
        for row in rollup.refused[:ROW_LIMIT]
    ]
    header = ("file", "reason", "written")
    table = _table("Files that do not count", header, rows, len(rollup.refused), "coverage.csv")
    return Section(id="refused", title="Refused files", tables=(table,))


def _table(caption: str, header: tuple[str, ...], rows: Sequence[tuple[Cell, ...]], total: int, source: str) -> Table:
    return Table(caption=caption, header=header, rows=rows, total=total, source=source, shown=_FEW)
