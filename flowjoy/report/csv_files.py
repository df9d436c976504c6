"""The CSV files. Cells that a spreadsheet would evaluate become text; rows and columns survive a round trip."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import pandas as pd

from flowjoy.analysis import event_columns, timeline
from flowjoy.analysis.flow import incidents
from flowjoy.analysis.flow.dora import DORA_UNITS, DoraFigure
from flowjoy.analysis.flow.drift_lag import DriftLag
from flowjoy.analysis.results import Results
from flowjoy.domain.timestamps import iso
from flowjoy.report.content.incidents import evidence, shown
from flowjoy.report.prose import plain

_FORMULA = r"""(?=(?:[^\S\t\n]|["\x00\u200b\ufeff])*[=+\-@\uff1d\uff0b\uff0d\uff20])"""
_RUNS_IN_SPREADSHEETS = re.compile(rf"^(?=[\t\n])|(^|[;|\t\n]){_FORMULA}")
"""The start of a formula, also after a separator of another locale, after blanks, or in full-width characters."""

_DECIMALS = 4

WEEK_COLUMNS = ["week", "code_deploys", "model_deploys", "gap", "mttr_hours", "incidents", "partial"]
EVIDENCE = "evidence"
INCIDENT_COLUMNS = [
    event_columns.START,
    event_columns.END,
    incidents.NEAREST_TS,
    incidents.DEPLOY_TYPE,
    incidents.CAUSE_TYPE,
    incidents.CAUSE_ID,
    incidents.MTTR_HR,
    incidents.RUNNER_UP_ID,
    event_columns.ID,
    event_columns.SERVICE,
    event_columns.SOURCE,
    event_columns.URGENCY,
    EVIDENCE,
]


def events_csv(results: Results) -> bytes:
    """Return `supply_chain_events.csv`: one row per event of the window, oldest first."""
    inside = timeline.happened_since(results.events, results.bundle.window.since)
    return to_csv(timeline.PUBLIC_COLUMNS, inside[timeline.PUBLIC_COLUMNS].itertuples(index=False, name=None))


def incidents_csv(results: Results) -> bytes:
    """Return `incidents.csv`: one row per incident that started in the window or is open."""
    rows = shown(results)
    complete = rows.assign(**{EVIDENCE: [plain(sentence) for sentence in evidence(results, rows)]})
    return to_csv(INCIDENT_COLUMNS, complete[INCIDENT_COLUMNS].itertuples(index=False, name=None))


def weeks_csv(results: Results) -> bytes:
    """Return `weekly_flow.csv`: one row per week of the window.

    The MTTR is blank if no incident was resolved; counts are blank if their source was not read or observed.
    """
    rows = (
        (
            week.week.isoformat(),
            week.code_deploys if week.code_known else None,
            week.model_deploys if week.ships_known else None,
            week.gap if week.counted else None,
            week.mttr_hours,
            week.incidents,
            str(week.partial).lower(),
        )
        for week in results.weeks
    )
    return to_csv(WEEK_COLUMNS, rows)


RECOVERY_COLUMNS = ["week", "cause", "resolved", "open", "mean_hours", "median_hours", "p90_hours"]


def recovery_csv(results: Results) -> bytes:
    """Return `recovery.csv`: the unified MTTR of each week, then of the window (without a week) in total and by cause.

    Unknown values are blank; so are mean, median and p90 without a resolved incident.
    """
    weekly = (
        (
            week.week.isoformat(),
            incidents.ALL,
            None if week.incidents is None else week.resolved,
            None if week.incidents is None else week.incidents - week.resolved,
            week.mttr_hours,
            week.mttr_median_hours,
            week.mttr_p90_hours,
        )
        for week in results.weeks
    )
    window = (
        (
            "",
            recovery.cause,
            recovery.resolved,
            recovery.open,
            recovery.mean_hours,
            recovery.median_hours,
            recovery.p90_hours,
        )
        for recovery in results.recoveries
    )
    return to_csv(RECOVERY_COLUMNS, (*weekly, *window))


_NEITHER = (None, None, None, None)
DORA_COLUMNS = ["figure", "unit", "code", "code_n", "model", "model_n", "both", "both_n"]


def dora_csv(results: Results) -> bytes:
    """Return `dora.csv`: one row per metric, for code, models and both, each with its number of cases.

    Metrics without cases are blank. The drift lag follows: `at least` if a running obligation could make it longer,
    `at most` if a ship was only observed.
    """
    rows = (
        (name, _bounded(unit, figures), *(cell for item in figures for cell in (item.value, item.n)))
        for name, unit in DORA_UNITS.items()
        for figures in [[getattr(dora, name) for dora in results.dora]]
    )
    return to_csv(DORA_COLUMNS, (*rows, *_lags(results.drift_lag)))


def _bounded(unit: str, figures: Iterable[DoraFigure]) -> str:
    return f"{unit}, at most" if any(item.at_most for item in figures) else unit


def _lags(lag: DriftLag | None) -> Iterator[tuple[object, ...]]:
    measured = (None, None, 0) if lag is None else (lag.median, lag.p90, lag.n)
    for name, value in (("drift_lag_hours", measured[0]), ("drift_lag_p90_hours", measured[1])):
        unit = "hours"
        if value is not None and (value.at_least or value.low is not None):
            unit = "hours, at least" if value.at_least else "hours, at most"
        yield name, unit, *_NEITHER, None if value is None else value.value, measured[2]


def to_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return a CSV file of these columns, whose cells are harmless in a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode(errors="replace")


def _cell(value: object) -> str | int:
    """Return one cell: ISO 8601 timestamps, numbers with four decimals, external text made harmless, None as blank."""
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):  # noqa: PLR0124  (NaN)
        return ""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, float):
        return str(round(value, _DECIMALS))
    if isinstance(value, int):
        return value
    # The csv module quotes "\n" but writes a bare "\r", which would end the row.
    text = str(value).replace("\r\n", "\n").replace("\r", "\n")
    return _RUNS_IN_SPREADSHEETS.sub(r"\1'", text)
