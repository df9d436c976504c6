"""The CSV files. Cells that a spreadsheet would run are made text; rows and columns survive a re-read."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import pandas as pd

from flowjoy.analysis import timeline
from flowjoy.analysis.flow import incidents
from flowjoy.analysis.flow.dora import DORA_UNITS
from flowjoy.analysis.flow.drift_lag import DriftLag
from flowjoy.analysis.results import Results
from flowjoy.domain.timestamps import iso
from flowjoy.report.content.incidents import evidence, shown

_FORMULA = r"""(?=(?:[^\S\t\n]|["\x00\u200b\ufeff])*[=+\-@\uff1d\uff0b\uff0d\uff20])"""
_RUNS_IN_SPREADSHEETS = re.compile(rf"^(?=[\t\n])|(^|[;|\t\n]){_FORMULA}")
"""Where a formula begins: also behind the separator of another locale, behind blanks, and with full-width marks."""

_DECIMALS = 4

WEEK_COLUMNS = ["week", "code_deploys", "model_deploys", "gap", "mttr_hours", "incidents", "partial"]
EVIDENCE = "evidence"
INCIDENT_COLUMNS = [
    timeline.START,
    timeline.END,
    incidents.NEAREST_TS,
    incidents.DEPLOY_TYPE,
    incidents.CAUSE_TYPE,
    incidents.CAUSE_ID,
    incidents.MTTR_HR,
    incidents.RUNNER_UP_ID,
    timeline.ID,
    timeline.SERVICE,
    timeline.SOURCE,
    timeline.URGENCY,
    EVIDENCE,
]


def events_csv(results: Results) -> bytes:
    """`supply_chain_events.csv`: one row an event of the window, oldest first."""
    happened = timeline.shipped(results.events)
    inside = happened[happened[timeline.TS] >= pd.Timestamp(results.bundle.window.since)]
    return _csv(timeline.PUBLIC_COLUMNS, inside[timeline.PUBLIC_COLUMNS].itertuples(index=False, name=None))


def incidents_csv(results: Results) -> bytes:
    """`incidents.csv`: one row an incident that started in the window or is open, with its nearest deploy and cause."""
    rows = shown(results)
    complete = rows.assign(**{EVIDENCE: list(evidence(results, rows))})
    return _csv(INCIDENT_COLUMNS, complete[INCIDENT_COLUMNS].itertuples(index=False, name=None))


def weeks_csv(results: Results) -> bytes:
    """`weekly_flow.csv`: one row a week of the window.

    Blank are the MTTR where no incident was resolved, and what is counted of a source that was not read or observed.
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
    return _csv(WEEK_COLUMNS, rows)


RECOVERY_COLUMNS = ["week", "cause", "resolved", "open", "mean_hours", "median_hours", "p90_hours"]


def recovery_csv(results: Results) -> bytes:
    """`recovery.csv`: the unified MTTR of each week, then (without a week) of the window, whole and by cause.

    Blank where nothing is known; the mean, median and p90 of nothing are blank, too.
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
    return _csv(RECOVERY_COLUMNS, (*weekly, *window))


_NEITHER = (None, None, None, None)
DORA_COLUMNS = ["figure", "unit", "code", "code_n", "model", "model_n", "both", "both_n"]


def dora_csv(results: Results) -> bytes:
    """`dora.csv`: one row a figure, for code, models and both with how many cases it is over; blank without any.

    Then the drift lag, between the two; `at least` where a clock that still runs could make it longer, `at most` where
    a ship was only observed.
    """
    rows = (
        (name, unit, *(cell for dora in results.dora for cell in (getattr(dora, name).value, getattr(dora, name).n)))
        for name, unit in DORA_UNITS.items()
    )
    return _csv(DORA_COLUMNS, (*rows, *_lags(results.drift_lag)))


def _lags(lag: DriftLag | None) -> Iterator[tuple[object, ...]]:
    measured = (None, None, 0) if lag is None else (lag.median, lag.p90, lag.n)
    for name, value in (("drift_lag_hours", measured[0]), ("drift_lag_p90_hours", measured[1])):
        unit = "hours"
        if value is not None and (value.at_least or value.low is not None):
            unit = "hours, at least" if value.at_least else "hours, at most"
        yield name, unit, *_NEITHER, None if value is None else value.value, measured[2]


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode(errors="replace")


def _cell(value: object) -> str | int:
    """One cell: an instant in ISO, a number to four decimals, foreign text made harmless, nothing as blank."""
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):  # noqa: PLR0124  (NaN)
        return ""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, float):
        return str(round(value, _DECIMALS))
    if isinstance(value, int):
        return value
    # The writer quotes "\n", and would leave a bare "\r" to end the row.
    text = str(value).replace("\r\n", "\n").replace("\r", "\n")
    return _RUNS_IN_SPREADSHEETS.sub(r"\1'", text)
