"""The section on incidents: how long they took, and which deploy each is attributed to."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from flowjoy.analysis import event_columns
from flowjoy.analysis.flow import incidents as recovery
from flowjoy.analysis.results import Results
from flowjoy.domain import CoverageState, SourceKind
from flowjoy.report.blocks import ROW_LIMIT, Cell, Mark, Paragraph, Section, Table, number_cell, time_cell
from flowjoy.report.content.event_names import event_names
from flowjoy.report.escaping import clean
from flowjoy.report.prose import Name, Prose, prose
from flowjoy.report.text import plural, span

_UNFOLDED_ROWS = 6


def shown(results: Results) -> pd.DataFrame:
    """Return the incidents that started in the window or are still open, oldest first."""
    incidents = results.incidents
    inside = incidents[event_columns.START] >= pd.Timestamp(results.bundle.window.since)
    return incidents[inside | incidents[event_columns.END].isna()]


def evidence(results: Results, rows: pd.DataFrame) -> Iterator[Prose]:
    """Yield a sentence for each of these rows of `results.incidents`.

    `MODEL recommender v7, 41 m earlier; runner-up CODE 1a2b3c4, 3 h`
    """
    names = event_names(results.events)
    for row in rows.to_dict("records"):
        yield _evidence(row, names, results.bundle.terms.incident_match_hours)


def newest_first(results: Results, limit: int) -> list[tuple[dict[Hashable, Any], Prose]]:
    """Return the newest incidents in the report, at most `limit`, each with its sentence."""
    rows = shown(results).iloc[::-1].head(limit)
    return list(zip(rows.to_dict("records"), evidence(results, rows), strict=True))


def label(row: Mapping[Hashable, Any]) -> str:
    """Return the name of an incident at its source, such as `Q0001` or `#12`; for a file, its start."""
    source, number = row[event_columns.SOURCE], str(row[event_columns.ID]).rpartition(":")[2]
    if source == "file":
        return clean(str(row[event_columns.ID]).removeprefix("incident:file:"))
    return f"#{number}" if source == "github" else clean(number)


def _evidence(row: Mapping[Hashable, Any], names: Mapping[str, Prose], reach_hours: float) -> Prose:
    kind = row[recovery.CAUSE_TYPE]
    if pd.isna(kind):
        return ("not known: code or models could not be read",)
    if kind == recovery.UNATTRIBUTED:
        return prose("no deploy in the {} h before it{}", f"{reach_hours:g}", _nearest(row, names))
    cause = prose("{}, {} earlier", names[row[recovery.CAUSE_ID]], _before(row, recovery.CAUSE_TS))
    if pd.isna(row[recovery.OTHER_ID]):
        return cause
    other = prose("{}, {}", names[row[recovery.OTHER_ID]], _before(row, recovery.OTHER_TS))
    is_close = kind == recovery.AMBIGUOUS
    return prose("{}, or {}: too close to tell" if is_close else "{}; runner-up {}", cause, other)


def _nearest(row: Mapping[Hashable, Any], names: Mapping[str, Prose]) -> Prose:
    if pd.isna(row[recovery.NEAREST_ID]):
        return ()
    gap: timedelta = row[recovery.NEAREST_TS] - row[event_columns.START]
    side = "later" if gap > timedelta() else "earlier"
    return prose("; nearest {}, {} {}", names[row[recovery.NEAREST_ID]], span(abs(gap)), side)


def _before(row: Mapping[Hashable, Any], column: str) -> str:
    return span(row[event_columns.START] - row[column])


def section(results: Results) -> Section:
    """Return how long incidents took, and which deploy each is attributed to."""
    sources = [item for item in results.bundle.coverage if item.kind is SourceKind.INCIDENTS]
    title = "Incidents and recovery"
    if all(item.state is CoverageState.NOT_CONFIGURED for item in sources):
        why = "No incident source is configured. Set pagerduty-token, incident-label or incident-file."
        return Section(id="incidents", title=title, paragraphs=(Paragraph(text=why),))
    if not results.incidents_are_known:
        why = "An incident source could not be read, so the MTTR is unknown: a partial mean would mislead."
        return Section(id="incidents", title=title, paragraphs=(Paragraph(text=why, mark=Mark.BAD),))
    each = _each(results)
    if not each.rows:
        return Section(id="incidents", title=title, paragraphs=(Paragraph(text="No incident in these weeks."),))
    return Section(id="incidents", title=title, paragraphs=_open_now(results), tables=(_causes(results), each))


def _open_now(results: Results) -> tuple[Paragraph, ...]:
    is_open = results.incidents[event_columns.END].isna()
    if not is_open.any():
        return ()
    oldest = results.bundle.generated_at - results.incidents.loc[is_open, event_columns.START].min()
    count = plural(int(is_open.sum()), "incident")
    text = f"{count} still open, not included in the means; the oldest for {span(oldest)}."
    return (Paragraph(text=text, mark=Mark.WAIT),)


def _causes(results: Results) -> Table:
    rows = [
        (
            Cell(text="all: unified MTTR" if item.cause == recovery.ALL else item.cause),
            number_cell(item.resolved),
            number_cell(item.open),
            *(number_cell(value) for value in (item.mean_hours, item.median_hours, item.p90_hours)),
        )
        for item in results.recoveries
        if item.resolved or item.open or item.cause == recovery.ALL
    ]
    header = ("attributed to", "resolved", "open", "mean (h)", "median", "p90")
    return Table(caption="Time to recovery, by cause", header=header, rows=rows, total=len(rows))


def _each(results: Results) -> Table:
    return Table(
        caption="Incidents, and the deploys they are attributed to",
        header=("incident", "started", "took", "attributed to"),
        rows=[
            (
                Cell(text=Name(label(row))),
                time_cell(row[event_columns.START], results.bundle.window),
                _duration(row[event_columns.START], row[event_columns.END], results.bundle.generated_at),
                Cell(text=sentence, wide=True),
            )
            for row, sentence in newest_first(results, ROW_LIMIT)
        ],
        total=len(shown(results)),
        source="incidents.csv",
        shown=_UNFOLDED_ROWS,
    )


def _duration(start: datetime, end: datetime, now: datetime) -> Cell:
    is_open = pd.isna(end)
    took = (now if is_open else end) - start
    text = f"≥ {span(took)}, open" if is_open else span(took)
    return Cell(text=text, sort=took.total_seconds(), mark=Mark.WAIT if is_open else Mark.NONE)
