"""One tidy timeline of code and model events, and the frame of incidents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from flowjoy.analysis.event_columns import (
    CLAIMED,
    EARLIEST,
    END,
    ID,
    KIND,
    LATEST,
    NAME,
    OLD_SINCE,
    PRECISION,
    PROVISIONAL,
    RUN,
    SERVICE,
    SHA,
    SOURCE,
    START,
    TITLE,
    TS,
    TYPE,
    URGENCY,
    URL,
    VERSION,
)
from flowjoy.analysis.event_kinds import with_code_kinds, with_model_kinds
from flowjoy.domain import CodeRecord, EventType, Incident, Kind, ModelRecord, Outcome
from flowjoy.domain.timestamps import EARLIEST as _BEFORE_ALL
from flowjoy.domain.version_content import content_of
from flowjoy.domain.version_order import version_order

PUBLIC_COLUMNS = [TS, TYPE, SERVICE, NAME, VERSION, SHA, KIND, PRECISION, URL]
"""The columns of `supply_chain_events.csv`, in this order."""

INCIDENT_COLUMNS = [ID, SOURCE, SERVICE, START, END, TITLE, TYPE, URL, URGENCY]

_COUNTS_UP = re.compile(r"v?\d+(\.\d+)*([-+].*)?", re.ASCII)
_UTC = "datetime64[us, UTC]"
_TICK = timedelta(microseconds=1)


def timeline(
    code: Sequence[CodeRecord], models: Sequence[ModelRecord], *, service: str, until: datetime
) -> pd.DataFrame:
    """Return every event of a service up to and including `until`, oldest first; at one instant CODE precedes MODEL.

    Columns: `PUBLIC_COLUMNS` and `id`, `run_id`, `earliest`, `latest`, `provisional`, `first_live`, `old_since` and
    `claimed`. An event happened between `earliest` and `latest`, which are equal unless it was observed. `ts` is the
    earliest time of CODE, where a clock starts, and the latest of MODEL, where it stops. `first_live` is, for CODE, the
    row of the code timeline at which the sha first went live. After `old_since` and `claimed` a version of MODEL was
    live already. Failed deployments are not events; a provisional one is, and is marked.
    """
    events = pd.concat([_code_events(code, until), _model_events(models, service, until)], ignore_index=True)
    # Both halves are in order and CODE comes first: a stable sort keeps that within an instant.
    return events.sort_values(TS, kind="stable", ignore_index=True)


def without_provisional(events: pd.DataFrame) -> pd.DataFrame:
    """Return the events that happened, without the provisional release of this run."""
    return events[~events[PROVISIONAL]]


def known_text(cell: object) -> str | None:
    """Return a cell as text; None for one that is missing or empty."""
    return cell if isinstance(cell, str) and cell else None


def happened_since(events: pd.DataFrame, since: datetime) -> pd.DataFrame:
    """Return the events that happened from `since` on."""
    happened = without_provisional(events)
    return happened[happened[TS] >= pd.Timestamp(since)]


def deploys(events: pd.DataFrame) -> pd.DataFrame:
    """Return the events of kind `deploy`."""
    return events[events[KIND] == Kind.DEPLOY]


def deploys_and_ships(events: pd.DataFrame) -> pd.DataFrame:
    """Return the events of kind `deploy` and `ship`, without the provisional release.

    Versions that were live at the first observation of an alias or stage are left out: their ship time is unknown.
    """
    return events[events[KIND].isin([Kind.DEPLOY, Kind.SHIP]) & ~events[PROVISIONAL] & events[OLD_SINCE].isna()]


def incident_frame(incidents: Sequence[Incident], *, until: datetime) -> pd.DataFrame:
    """Return the incidents that started by `until`, oldest first. `end` is NaT where an incident ended later."""
    begun = [incident for incident in incidents if incident.start <= until]
    rows = [(i.id, i.source, i.service, i.start, i.end, i.title, i.type, i.url, i.urgency) for i in begun]
    frame = pd.DataFrame(rows, columns=INCIDENT_COLUMNS)
    frame = frame.astype({START: _UTC, END: _UTC})
    frame[END] = frame[END].where(frame[END] <= until)
    return frame.sort_values([START, ID], ignore_index=True)


def _code_events(records: Sequence[CodeRecord], until: datetime) -> pd.DataFrame:
    live = [r for r in records if r.outcome is not Outcome.FAILED and r.shipped_at <= until]
    frame = _frame([(r.shipped_at, r.service, "", "", r.sha, r.url, r.id, None, r.shipped_at) for r in live])
    frame[TYPE], frame[PRECISION] = EventType.CODE.value, "exact"
    frame[LATEST] = pd.Series([r.seen_by or r.shipped_at for r in live], index=frame.index, dtype=_UTC)
    frame[PROVISIONAL] = np.array([r.outcome is Outcome.PROVISIONAL for r in live], dtype=bool)
    frame[OLD_SINCE] = frame[CLAIMED] = pd.Series(pd.NaT, index=frame.index, dtype=_UTC)
    frame = frame.sort_values([TS, PROVISIONAL, ID], ignore_index=True)
    return with_code_kinds(frame)


def _model_events(records: Sequence[ModelRecord], service: str, until: datetime) -> pd.DataFrame:
    live = [r for r in records if r.shipped_at <= until]
    frame = _frame(
        [(r.shipped_at, service, r.name, r.version, None, r.url, r.id, r.run_id, _earliest(r)) for r in live]
    )
    frame[TYPE], frame[LATEST] = EventType.MODEL.value, frame[TS]
    frame[PRECISION] = np.array([r.precision.value for r in live], dtype=object)
    frame[PROVISIONAL] = False
    old_since = [(r.registered_at or _BEFORE_ALL) if r.maybe_live_before else None for r in live]
    frame[OLD_SINCE] = pd.Series(old_since, index=frame.index, dtype=_UTC)
    frame[CLAIMED] = pd.Series([r.claimed_at for r in live], index=frame.index, dtype=_UTC)
    frame["_copy"] = np.array([r.maybe_copy for r in live], dtype=bool)
    frame["_number"] = _ranks([r.version for r in live])
    frame["_registered"] = pd.Series([r.registered_at for r in live], index=frame.index, dtype=_UTC)
    contents = [content_of(model_id=r.model_id, run_id=r.run_id, source=r.source) for r in live]
    frame["_content"] = pd.Series(contents, index=frame.index, dtype=object)
    frame = frame.sort_values([TS, NAME, "_number", ID], ignore_index=True)
    frame = with_model_kinds(frame)
    return frame.drop(columns=["_number", "_copy", "_registered", "_content"])


def integer_versions(versions: Iterable[object]) -> npt.NDArray[np.float64]:
    """Return each version as a number; NaN where its name is not a whole number, as in `1.2.0` and `2026.11`."""
    names = [version if isinstance(version, str) and version.isdecimal() else "nan" for version in versions]
    return np.array(names, dtype=np.float64)


def _ranks(versions: Sequence[str | None]) -> npt.NDArray[np.float64]:
    """Return the rank of each version among all that count up: 9 < 10, 1.9.0 < 1.10.0. NaN for any other name."""
    counting = {version for version in versions if version is not None and _COUNTS_UP.fullmatch(version)}
    rank = {version: number for number, version in enumerate(sorted(counting, key=version_order))}
    return np.array([rank.get(version or "", np.nan) for version in versions], dtype=np.float64)


def _earliest(record: ModelRecord) -> datetime:
    """Return the earliest time at which the ship can have happened: an observed interval is open at its start."""
    return record.shipped_at if record.not_before is None else record.not_before + _TICK


def _frame(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    columns = [TS, SERVICE, NAME, VERSION, SHA, URL, ID, RUN, EARLIEST]
    frame = pd.DataFrame(rows, columns=columns)
    text = dict.fromkeys([SERVICE, NAME, VERSION, SHA, URL, ID, RUN], object)
    return frame.astype({**text, TS: _UTC, EARLIEST: _UTC})
