"""The deploy that caused an incident, and how long its recovery took."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.extensions import take

from flowjoy.analysis.event_columns import END, ID, PROVISIONAL, START, TS, TYPE
from flowjoy.analysis.flow.weeks import hours
from flowjoy.analysis.promise.columns import Indices
from flowjoy.analysis.promise.microseconds import Micros, of_column, of_duration
from flowjoy.domain import EventType, Recovery

NEAREST_TS, DEPLOY_TYPE, NEAREST_ID = "nearest_ts", "deploy_type", "nearest_id"
CAUSE_TYPE, CAUSE_ID, RUNNER_UP_ID, MTTR_HR = "cause_type", "cause_id", "runner_up_id", "mttr_hr"
CAUSE_TS, OTHER_ID, OTHER_TS = "cause_ts", "other_id", "other_ts"
UNATTRIBUTED, AMBIGUOUS, ALL = "UNATTRIBUTED", "AMBIGUOUS", "all"

MATCH_COLUMNS = [NEAREST_ID, CAUSE_TYPE, CAUSE_ID, RUNNER_UP_ID]

_AMBIGUITY = of_duration(timedelta(minutes=30))
_NO_EVENT = -1
_FAR = np.iinfo(np.int64).max // 2
"""Further from every time than two events can be from each other, in microseconds."""


def match_incidents(incidents: pd.DataFrame, events: pd.DataFrame, *, match_hours: float) -> pd.DataFrame:
    """Return the incidents (oldest first) with `nearest_ts`, `deploy_type`, `cause_type`, `cause_id`, `mttr_hr`, ….

    `nearest`: the event nearest in time, before or after; ties go to the earlier. `cause`: the latest event with
    0 <= start - ts <= `match_hours`, else UNATTRIBUTED; AMBIGUOUS when the latest event of the other type is also in
    that range and within 30 minutes of it: then `runner_up_id` names that one. `other_id`, `other_ts`: the latest event
    of the other type in that range, however far from the cause. `mttr_hr` is NaN while the incident is open. Every kind
    of event counts, as a rollback can also cause an incident. O((n + m) log(n + m)).
    """
    rows = np.flatnonzero(~events[PROVISIONAL])
    is_model = (events[TYPE] == EventType.MODEL).to_numpy(dtype=bool)
    # No event stands before the first and after the last one, so that each search finds something.
    times = np.concatenate([[-_FAR], of_column(events[TS])[rows], [_FAR]])
    kinds = np.concatenate([[_NO_EVENT], is_model[rows].astype(np.int8), [_NO_EVENT]])
    rows = np.concatenate([[_NO_EVENT], rows, [_NO_EVENT]])
    starts = of_column(incidents[START])
    latest = np.searchsorted(times, starts, side="right") - 1
    nearest = rows[_nearest(times, starts, latest)]
    causes = _causes(times, kinds, latest, starts - of_duration(timedelta(hours=match_hours)))
    cause, other, runner_up = (rows[index] for index in causes)

    def of(rows: Indices, name: str) -> pd.Series:
        return pd.Series(take(events[name].array, rows, allow_fill=True), incidents.index, events[name].dtype)

    return incidents.assign(
        **{
            NEAREST_TS: of(nearest, TS),
            DEPLOY_TYPE: of(nearest, TYPE),
            NEAREST_ID: of(nearest, ID),
            CAUSE_TYPE: of(cause, TYPE).fillna(UNATTRIBUTED).where(runner_up == _NO_EVENT, AMBIGUOUS),
            CAUSE_ID: of(cause, ID),
            CAUSE_TS: of(cause, TS),
            RUNNER_UP_ID: of(runner_up, ID),
            OTHER_ID: of(other, ID),
            OTHER_TS: of(other, TS),
            MTTR_HR: hours(incidents[START], incidents[END]),
        }
    )


def _nearest(times: Micros, starts: Micros, latest: Indices) -> Indices:
    """Return the event next to each start; of events at one instant the first, before and after an incident."""
    before, after = np.searchsorted(times, times[latest]), latest + 1
    return np.where(times[after] - starts < starts - times[before], after, before)


def _causes(times: Micros, kinds: npt.NDArray[np.int8], latest: Indices, since: Micros) -> tuple[Indices, ...]:
    """Return the latest event, that of the other type, and that one again where it is as likely; 0 before `since`."""
    cause = np.where(times[latest] >= since, latest, 0)
    turns = np.flatnonzero(np.diff(kinds, prepend=_NO_EVENT - 1))
    other = np.maximum(turns[np.searchsorted(turns, cause, side="right") - 1] - 1, 0)
    other = np.where(times[other] >= since, other, 0)
    return cause, other, np.where(times[cause] - times[other] <= _AMBIGUITY, other, 0)


def without_causes(matched: pd.DataFrame) -> pd.DataFrame:
    """Return the same incidents without causes, because with missing deploys a cause would be a guess."""
    unknown = pd.Series(None, index=matched.index, dtype=object)
    never = pd.Series(pd.NaT, index=matched.index, dtype=matched[START].dtype)
    names = (DEPLOY_TYPE, NEAREST_ID, CAUSE_TYPE, CAUSE_ID, RUNNER_UP_ID, OTHER_ID)
    return matched.assign(**dict.fromkeys(names, unknown), **dict.fromkeys((NEAREST_TS, CAUSE_TS, OTHER_TS), never))


def recoveries(matched: pd.DataFrame, *, since: datetime) -> tuple[Recovery, ...]:
    """Return the recovery times of incidents that started since `since`: of all of them, then by cause.

    Mean, median and 90th percentile are over the resolved ones, in hours; None without any. Without known causes only
    the row of all incidents is returned.
    """
    window = matched[matched[START] >= pd.Timestamp(since)]
    if window[CAUSE_TYPE].isna().any():
        return (_recovery(ALL, window),)
    kinds = [*(kind.value for kind in EventType), AMBIGUOUS, UNATTRIBUTED]
    return (_recovery(ALL, window), *(_recovery(kind, window[window[CAUSE_TYPE] == kind]) for kind in kinds))


def _recovery(cause: str, incidents: pd.DataFrame) -> Recovery:
    took = hours(incidents[START], incidents[END]).dropna()
    mean, median, p90 = (
        (None, None, None) if took.empty else (float(took.mean()), float(took.median()), float(took.quantile(0.9)))
    )
    return Recovery(
        cause=cause,
        resolved=len(took),
        open=len(incidents) - len(took),
        mean_hours=mean,
        median_hours=median,
        p90_hours=p90,
    )
