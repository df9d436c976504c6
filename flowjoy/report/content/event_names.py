"""The names by which sentences call the events of a timeline."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from flowjoy.analysis.event_columns import ID, NAME, SHA, TYPE, VERSION
from flowjoy.report.prose import Commit, ModelVersionName, Name, Prose, prose


def event_names(events: pd.DataFrame) -> Mapping[str, Prose]:
    """Return a name for each event, by its id: its type with the commit, or with model and version."""
    rows = zip(*(events[column] for column in (ID, TYPE, SHA, NAME, VERSION)), strict=True)
    return {number: _name(str(kind), sha, name, version) for number, kind, sha, name, version in rows}


def _name(kind: str, sha: object, name: object, version: object) -> Prose:
    if isinstance(sha, str):
        return prose("{} {}", kind, Commit(sha))
    if isinstance(version, str) and version and name:
        return prose("{} {}", kind, ModelVersionName(str(name), version))
    return prose("{} {}", kind, Name(str(name))) if name else (f"{kind} deploy",)
