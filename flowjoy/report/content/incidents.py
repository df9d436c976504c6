"""Incidents in plain text: name, attributed deploy and reason. External names are cleaned."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pandas as pd

from flowjoy.analysis import event_columns
from flowjoy.analysis.flow import incidents as recovery
from flowjoy.analysis.results import Results
from flowjoy.report.escaping import clean
from flowjoy.report.text import span


def shown(results: Results) -> pd.DataFrame:
    """Return the incidents that started in the window or are still open, oldest first."""
    incidents = results.incidents
    inside = incidents[event_columns.START] >= pd.Timestamp(results.bundle.window.since)
    return incidents[inside | incidents[event_columns.END].isna()]


def evidence(results: Results, rows: pd.DataFrame) -> Iterator[str]:
    """Yield a sentence for each of these rows of `results.incidents`.

    `MODEL recommender v7, 41 m earlier; runner-up CODE 1a2b3c4, 3 h 0 m`
    """
    names = _names(results)
    for row in rows.to_dict("records"):
        yield _evidence(row, names, results.bundle.terms.incident_match_hours)


def newest_first(results: Results, limit: int) -> list[tuple[dict[Hashable, Any], str]]:
    """Return the newest incidents in the report, at most `limit`, each with its sentence."""
    rows = shown(results).iloc[::-1].head(limit)
    return list(zip(rows.to_dict("records"), evidence(results, rows), strict=True))


def label(row: Mapping[Hashable, Any]) -> str:
    """Return the name of an incident at its source, such as `Q0001` or `#12`; for a file, its start."""
    source, number = row[event_columns.SOURCE], str(row[event_columns.ID]).rpartition(":")[2]
    if source == "file":
        return clean(str(row[event_columns.ID]).removeprefix("incident:file:"))
    return f"#{number}" if source == "github" else clean(number)


def _evidence(row: Mapping[Hashable, Any], names: dict[str, str], reach_hours: float) -> str:
    kind = row[recovery.CAUSE_TYPE]
    if pd.isna(kind):
        return "not known: code or models could not be read"
    if kind == recovery.UNATTRIBUTED:
        return f"no deploy in the {reach_hours:g} h before it{_nearest(row, names)}"
    cause = f"{names[row[recovery.CAUSE_ID]]}, {_before(row, recovery.CAUSE_TS)} earlier"
    if pd.isna(row[recovery.OTHER_ID]):
        return cause
    other = f"{names[row[recovery.OTHER_ID]]}, {_before(row, recovery.OTHER_TS)}"
    return f"{cause}, or {other}: too close to tell" if kind == recovery.AMBIGUOUS else f"{cause}; runner-up {other}"


def _nearest(row: Mapping[Hashable, Any], names: dict[str, str]) -> str:
    if pd.isna(row[recovery.NEAREST_ID]):
        return ""
    gap: timedelta = row[recovery.NEAREST_TS] - row[event_columns.START]
    side = "later" if gap > timedelta() else "earlier"
    return f"; nearest {names[row[recovery.NEAREST_ID]]}, {span(abs(gap))} {side}"


def _before(row: Mapping[Hashable, Any], column: str) -> str:
    return span(row[event_columns.START] - row[column])


def _names(results: Results) -> dict[str, str]:
    """Return a name for each event: its type with the short SHA, or with model and version."""
    columns = (event_columns.ID, event_columns.TYPE, event_columns.SHA, event_columns.NAME, event_columns.VERSION)
    rows = zip(*(results.events[column] for column in columns), strict=True)
    return {number: _name(str(kind), sha, name, version) for number, kind, sha, name, version in rows}


def _name(kind: str, sha: object, name: object, version: object) -> str:
    if isinstance(sha, str):
        return f"{kind} {clean(sha[:12])}"
    called = clean(str(name)) if name else "deploy"
    return f"{kind} {called}" + (f" v{clean(version)}" if isinstance(version, str) and version else "")
