"""The sections of the page about what happened: weeks, incidents, DORA. Knows findings, no HTML."""

from __future__ import annotations

import pandas as pd

from flowjoy.analysis.flow import trends
from flowjoy.analysis.flow.dora import DoraFigure
from flowjoy.analysis.flow.incidents import ALL
from flowjoy.analysis.results import Results
from flowjoy.domain import CoverageState, Week
from flowjoy.report.blocks import MOST_ROWS, Cell, Paragraph, Picture, Section, Table, instant, monday, more, number
from flowjoy.report.content.incidents import label, newest_first, shown
from flowjoy.report.content.retrospective import spike_text, unknown_text, unobserved_text, unread_text
from flowjoy.report.text import DORA_NAMES, clean, counted, figure, lagging, share, span


def weeks(findings: Results, chart: Picture | None) -> Section:
    """The week table behind the joint chart, with what stands out in each week."""
    header = (
        "week", "code deploys", "model deploys", "gap", "unified MTTR (h)", "resolved", "median", "p90", "remarks",
    )  # fmt: skip
    rows = [_week(week, findings) for week in findings.weeks]
    last = findings.last_week
    said = []
    if last is not None and findings.is_healthy(last) and not last.diverges:
        text = f"{last.label}: models within {trends.HEALTHY_GAP} of code, MTTR below {trends.HEALTHY_HOURS} h."
        said.append(Paragraph(lead="Healthy.", text=text, mark="todo good"))
    if last is not None and not (last.code_known and last.models_known):
        text = "What was deployed in these weeks is not known, so no gap is told."
        said.append(Paragraph(lead=f"Not read: {unread_text(last)}.", text=text, mark="todo bad"))
    return Section(
        id="weeks",
        title="Code and models, week by week",
        paragraphs=said,
        picture=chart,
        tables=(Table(caption="The week table", header=header, rows=rows),),
        notes=(
            "Unified MTTR: mean time from start to end of every resolved incident that started in the week.",
            "The running week takes no part in any average.",
        ),
    )


def _week(week: Week, findings: Results) -> tuple[Cell, ...]:
    spike = next((item for item in findings.spikes if item.week.week == week.week), None)
    remarks = [
        "running" if week.partial else "",
        lagging(week) if week.diverges else "",
        unobserved_text(week) if not week.observed else "",
        f"MTTR spike: {spike_text(spike)}" if spike is not None else "",
    ]
    told = "; ".join(remark for remark in remarks if remark)
    mark = "bad" if week.diverges or spike else "calm" if told else ""
    if not told and findings.is_healthy(week):
        told, mark = "healthy", "good"
    resolved = "no data" if week.incidents is None else f"{week.resolved} of {week.incidents}"
    return (
        monday(week, findings.bundle.window),
        Cell(text=counted(week.code_deploys, known=week.code_known), sort=week.code_deploys, number=True),
        _ships(week),
        number(week.gap) if week.counted else Cell(text=unknown_text(week), sort="", number=True),
        number(week.mttr_hours),
        Cell(text=resolved if week.incidents != 0 else "", sort=week.resolved, number=True),
        number(week.mttr_median_hours),
        number(week.mttr_p90_hours),
        Cell(text=told, mark=mark, wide=True),
    )


def _ships(week: Week) -> Cell:
    if week.models_known and not week.observed:
        return Cell(sort="", number=True)
    return Cell(text=counted(week.model_deploys, known=week.models_known), sort=week.model_deploys, number=True)


def incidents(findings: Results) -> Section:
    """How long incidents took, and which deploy each is put down to."""
    failed = [item for item in findings.bundle.coverage if item.source.startswith("incidents")]
    title = "Incidents and recovery"
    if all(item.state is CoverageState.NOT_CONFIGURED for item in failed):
        why = "No source of incidents is set: pagerduty-token, incident-label or incident-file."
        return Section(id="incidents", title=title, paragraphs=(Paragraph(text=why),))
    if not findings.incidents_are_known:
        why = "A source of incidents could not be read, so there is no MTTR: a mean over a part would mislead."
        return Section(id="incidents", title=title, paragraphs=(Paragraph(text=why, mark="todo bad"),))
    causes = Table(
        caption="How long incidents took, by what they are put down to",
        header=("put down to", "resolved", "open", "mean (h)", "median", "p90"),
        rows=[
            (
                Cell(text="all: unified MTTR" if item.cause == ALL else item.cause),
                number(item.resolved),
                number(item.open),
                *(number(value) for value in (item.mean_hours, item.median_hours, item.p90_hours)),
            )
            for item in findings.recoveries
            if item.resolved or item.open or item.cause == ALL
        ],
    )
    now = findings.bundle.generated_at
    rows = []
    for row, said in newest_first(findings, MOST_ROWS):
        is_open = pd.isna(row["end"])
        took = (now if is_open else row["end"]) - row["start"]
        rows.append(
            (
                Cell(text=label(row)),
                instant(row["start"], findings.bundle.window),
                Cell(
                    text=f"≥ {span(took)}, open" if is_open else span(took),
                    sort=took.total_seconds(),
                    mark="wait" if is_open else "",
                ),
                Cell(text=clean(said, 300)),
            )
        )
    each = Table(
        caption="Each incident, and the deploy that it is put down to",
        header=("incident", "started", "took", "put down to"),
        rows=rows,
        more=more(len(shown(findings)), "incidents.csv"),
    )
    return Section(id="incidents", title=title, tables=(causes, each) if rows else (causes,))


def dora(findings: Results) -> Section:
    """DORA's five for code, models and both."""
    rows = [
        (
            Cell(text=name),
            *(cell for held in findings.dora for cell in _figure(key, getattr(held, key))),
        )
        for key, name in DORA_NAMES.items()
    ]
    header = ("figure", "code", "n", "models", "n", "both", "n")
    return Section(
        id="dora",
        title="DORA's five figures",
        tables=(Table(caption="How fast and how safely changes go live", header=header, rows=rows),),
        notes=(
            "Recovery counts only incidents that are put down to a deploy: it is not the unified MTTR.",
            "Lead time is from commit, or from the start of training, to live.",
        ),
    )


def _figure(key: str, held: DoraFigure) -> tuple[Cell, Cell]:
    if held.value is None:
        return Cell(text="no data", sort="", number=True), number(held.n)
    if key.endswith("_rate"):
        return Cell(text=share(held.value), sort=held.value, number=True), number(held.n)
    unit = " h" if key.endswith("_hours") else ""
    return Cell(text=figure(held.value, unit), sort=held.value, number=True), number(held.n)
