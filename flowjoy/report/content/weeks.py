"""The section on code and model cadence, week by week, with the unified MTTR."""

from __future__ import annotations

from flowjoy.analysis.flow.weeks import HEALTHY_GAP, HEALTHY_HOURS
from flowjoy.analysis.results import Results
from flowjoy.domain import Week
from flowjoy.report.blocks import Cadence, Cell, Chart, Mark, Paragraph, Section, Table, number_cell, week_cell
from flowjoy.report.content.retrospective import spike_text, unknown_text, unobserved_text, unread_text
from flowjoy.report.text import counted, lagging, plural

_HEADER = ("week", "code deploys", "model deploys", "gap", "unified MTTR (h)", "resolved", "median", "p90", "remarks")
_CADENCE_WEEKS = 12
"""Maximum weeks in the small chart; the dates of more weeks would overlap."""
_UNFOLDED = 6


def section(results: Results) -> Section:
    """Return the joint chart and the week table, the newest first, with remarks on notable weeks."""
    rows = [_row(week, results) for week in reversed(results.weeks)]
    last = results.last_week
    paragraphs = []
    if last is not None and results.is_healthy(last) and not last.diverges:
        text = f"{last.label}: models within {HEALTHY_GAP} deploys of code, MTTR below {HEALTHY_HOURS} h."
        paragraphs.append(Paragraph(lead="Healthy.", text=text, mark=Mark.GOOD))
    if last is not None and not (last.code_known and last.models_known):
        text = "Deploys in these weeks are unknown, so no gap is shown."
        paragraphs.append(Paragraph(lead=f"Not read: {unread_text(last)}.", text=text, mark=Mark.BAD))
    total = plural(len(rows), "week")
    alt = f"Code deploys, model ships and unified MTTR week by week, for {total}: see the table below"
    return Section(
        id="weeks",
        title="Code and models, week by week",
        paragraphs=paragraphs,
        chart=Chart(name="unified_flow", alt=alt, cadence=_cadence(results)),
        tables=(
            Table(caption="Week by week", header=_HEADER, rows=rows, total=len(rows), shown=_UNFOLDED, cap=len(rows)),
        ),
        notes=(
            "Unified MTTR: mean time from start to end of every resolved incident that started in the week.",
            "Averages exclude the running week.",
        ),
    )


def _row(week: Week, results: Results) -> tuple[Cell, ...]:
    spike = next((item for item in results.spikes if item.week.week == week.week), None)
    remarks = [
        "running" if week.partial else "",
        lagging(week) if week.diverges else "",
        unobserved_text(week) if not week.observed else "",
        f"MTTR spike: {spike_text(spike)}" if spike is not None else "",
    ]
    remark = "; ".join(remark for remark in remarks if remark)
    mark = Mark.WAIT if week.diverges or spike else Mark.CALM if remark else Mark.NONE
    if not remark and results.is_healthy(week):
        remark, mark = "healthy", Mark.GOOD
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


def _cadence(results: Results) -> Cadence | None:
    """Return the counts of the complete weeks for the small chart; None where nothing could be drawn or was read."""
    weeks = [week for week in results.weeks if week.observed and not week.partial][-_CADENCE_WEEKS:]
    read = all(week.code_known and week.models_known for week in weeks)
    if not read or not any(week.code_deploys or week.model_deploys for week in weeks):
        return None
    return Cadence(
        labels=[week.label for week in weeks],
        code=[week.code_deploys for week in weeks],
        models=[week.model_deploys for week in weeks],
    )
