"""The page sections on what happened: weeks, incidents, DORA metrics."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from flowjoy.analysis.flow.dora import Dora, DoraFigure
from flowjoy.analysis.flow.incidents import ALL
from flowjoy.analysis.flow.weeks import HEALTHY_GAP, HEALTHY_HOURS
from flowjoy.analysis.results import Results
from flowjoy.domain import CoverageState, SourceKind, Week
from flowjoy.report.blocks import (
    ROW_LIMIT,
    Cell,
    Paragraph,
    Picture,
    Section,
    Table,
    more,
    number_cell,
    time_cell,
    week_cell,
)
from flowjoy.report.content.incidents import label, newest_first, shown
from flowjoy.report.content.retrospective import spike_text, unknown_text, unobserved_text, unread_text
from flowjoy.report.escaping import clean
from flowjoy.report.text import DORA_NAMES, counted, decimal, lagging, share, span


def weeks(results: Results, chart: Picture | None) -> Section:
    """Return the joint chart and the week table, with remarks on notable weeks."""
    header = (
        "week", "code deploys", "model deploys", "gap", "unified MTTR (h)", "resolved", "median", "p90", "remarks",
    )  # fmt: skip
    rows = [_week(week, results) for week in results.weeks]
    last = results.last_week
    paragraphs = []
    if last is not None and results.is_healthy(last) and not last.diverges:
        text = f"{last.label}: models within {HEALTHY_GAP} deploys of code, MTTR below {HEALTHY_HOURS} h."
        paragraphs.append(Paragraph(lead="Healthy.", text=text, mark="todo good"))
    if last is not None and not (last.code_known and last.models_known):
        text = "Deploys in these weeks are unknown, so no gap is shown."
        paragraphs.append(Paragraph(lead=f"Not read: {unread_text(last)}.", text=text, mark="todo bad"))
    return Section(
        id="weeks",
        title="Code and models, week by week",
        paragraphs=paragraphs,
        picture=chart,
        tables=(Table(caption="Week by week", header=header, rows=rows),),
        notes=(
            "Unified MTTR: mean time from start to end of every resolved incident that started in the week.",
            "Averages exclude the running week.",
        ),
    )


def _week(week: Week, results: Results) -> tuple[Cell, ...]:
    spike = next((item for item in results.spikes if item.week.week == week.week), None)
    remarks = [
        "running" if week.partial else "",
        lagging(week) if week.diverges else "",
        unobserved_text(week) if not week.observed else "",
        f"MTTR spike: {spike_text(spike)}" if spike is not None else "",
    ]
    remark = "; ".join(remark for remark in remarks if remark)
    mark = "wait" if week.diverges or spike else "calm" if remark else ""
    if not remark and results.is_healthy(week):
        remark, mark = "healthy", "good"
    resolved = "no data" if week.incidents is None else f"{week.resolved} of {week.incidents}"
    return (
        week_cell(week, results.bundle.window),
        Cell(text=counted(week.code_deploys, known=week.code_known), sort=week.code_deploys, number=True),
        _ships(week),
        number_cell(week.gap) if week.counted else Cell(text=unknown_text(week), sort="", number=True),
        number_cell(week.mttr_hours),
        Cell(text=resolved if week.incidents != 0 else "", sort=week.resolved, number=True),
        number_cell(week.mttr_median_hours),
        number_cell(week.mttr_p90_hours),
        Cell(text=remark, mark=mark, wide=True),
    )


def _ships(week: Week) -> Cell:
    if week.models_known and not week.observed:
        return Cell(sort="", number=True)
    return Cell(text=counted(week.model_deploys, known=week.models_known), sort=week.model_deploys, number=True)


def incidents(results: Results) -> Section:
    """Return how long incidents took, and which deploy each is attributed to."""
    failed = [item for item in results.bundle.coverage if item.kind is SourceKind.INCIDENTS]
    title = "Incidents and recovery"
    if all(item.state is CoverageState.NOT_CONFIGURED for item in failed):
        why = "No incident source is configured. Set pagerduty-token, incident-label or incident-file."
        return Section(id="incidents", title=title, paragraphs=(Paragraph(text=why),))
    if not results.incidents_are_known:
        why = "An incident source could not be read, so the MTTR is unknown: a partial mean would mislead."
        return Section(id="incidents", title=title, paragraphs=(Paragraph(text=why, mark="todo bad"),))
    causes, each = _causes(results), _each_incident(results)
    return Section(id="incidents", title=title, tables=(causes, each) if each.rows else (causes,))


def _causes(results: Results) -> Table:
    return Table(
        caption="Time to recovery, by cause",
        header=("attributed to", "resolved", "open", "mean (h)", "median", "p90"),
        rows=[
            (
                Cell(text="all: unified MTTR" if item.cause == ALL else item.cause),
                number_cell(item.resolved),
                number_cell(item.open),
                *(number_cell(value) for value in (item.mean_hours, item.median_hours, item.p90_hours)),
            )
            for item in results.recoveries
            if item.resolved or item.open or item.cause == ALL
        ],
    )


def _each_incident(results: Results) -> Table:
    return Table(
        caption="Incidents, and the deploys they are attributed to",
        header=("incident", "started", "took", "attributed to"),
        rows=[
            (
                Cell(text=label(row)),
                time_cell(row["start"], results.bundle.window),
                _duration(row["start"], row["end"], results.bundle.generated_at),
                Cell(text=clean(sentence, 300)),
            )
            for row, sentence in newest_first(results, ROW_LIMIT)
        ],
        more=more(len(shown(results)), "incidents.csv"),
    )


def _duration(start: datetime, end: datetime, now: datetime) -> Cell:
    is_open = pd.isna(end)
    took = (now if is_open else end) - start
    return Cell(
        text=f"≥ {span(took)}, open" if is_open else span(took),
        sort=took.total_seconds(),
        mark="wait" if is_open else "",
    )


def dora(dora_figures: Sequence[Dora]) -> Section:
    """Return the DORA metrics for code, models and both."""
    rows = [
        (
            Cell(text=name),
            *(cell for kind in dora_figures for cell in _figure(key, getattr(kind, key))),
        )
        for key, name in DORA_NAMES.items()
    ]
    header = ("figure", "code", "n", "models", "n", "both", "n")
    return Section(
        id="dora",
        title="DORA metrics",
        tables=(Table(caption="How fast and how safely changes go live", header=header, rows=rows),),
        notes=(
            "Recovery counts only incidents attributed to a deploy, so it differs from the unified MTTR.",
            "Lead time runs from the commit, or from the start of training, until the change is live.",
        ),
    )


def _figure(key: str, measured: DoraFigure) -> tuple[Cell, Cell]:
    if measured.value is None:
        return Cell(text="no data", sort="", number=True), number_cell(measured.n)
    if key.endswith("_rate"):
        return Cell(text=share(measured.value), sort=measured.value, number=True), number_cell(measured.n)
    unit = " h" if key.endswith("_hours") else ""
    return Cell(text=decimal(measured.value, unit), sort=measured.value, number=True), number_cell(measured.n)
