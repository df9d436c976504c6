"""The deploy that caused an incident, and how long its recovery took."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd

from flowjoy.analysis.event_columns import END, ID, START, TS, TYPE
from flowjoy.analysis.flow.weeks import hours
from flowjoy.analysis.timeline import without_provisional
from flowjoy.domain import EventType, Recovery

NEAREST_TS, DEPLOY_TYPE, NEAREST_ID = "nearest_ts", "deploy_type", "nearest_id"
CAUSE_TYPE, CAUSE_ID, RUNNER_UP_ID, MTTR_HR = "cause_type", "cause_id", "runner_up_id", "mttr_hr"
CAUSE_TS, OTHER_ID, OTHER_TS = "cause_ts", "other_id", "other_ts"
UNATTRIBUTED, AMBIGUOUS, ALL = "UNATTRIBUTED", "AMBIGUOUS", "all"

MATCH_COLUMNS = [NEAREST_ID, CAUSE_TYPE, CAUSE_ID, RUNNER_UP_ID]

_AMBIGUITY = timedelta(minutes=30)


def match_incidents(incidents: pd.DataFrame, events: pd.DataFrame, *, match_hours: float) -> pd.DataFrame:
    """Return the incidents (oldest first) with `nearest_ts`, `deploy_type`, `cause_type`, `cause_id`, `mttr_hr`, ….

    `nearest`: the event nearest in time, before or after; ties go to the earlier. `cause`: the latest event with
    0 <= start - ts <= `match_hours`, else UNATTRIBUTED; AMBIGUOUS when the latest event of the other type is also in
    that range and within 30 minutes of it: then `runner_up_id` names that one. `other_id`, `other_ts`: the latest event
    of the other type in that range, however far from the cause. `mttr_hr` is NaN while the incident is open. Every kind
    of event counts, as a rollback can also cause an incident. O((n + m) log(n + m)).
    """
    happened = without_provisional(events)
    matched = _with_nearest(incidents, happened)
    matched = _with_cause(matched, happened, timedelta(hours=match_hours))
    return matched.assign(**{MTTR_HR: hours(matched[START], matched[END])})


def _with_nearest(incidents: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    # Of events at one instant the first counts as the earlier one, before and after an incident.
    points = events.drop_duplicates(TS, keep="first")[[TS, TYPE, ID]]
    before = _asof(incidents, points, direction="backward")
    after = _asof(incidents, points, direction="forward")
    take_after = before[TS].isna() | ((after[TS] - incidents[START]) < (incidents[START] - before[TS]))
    nearest = before.where(~take_after, after)
    return incidents.assign(**{NEAREST_TS: nearest[TS], DEPLOY_TYPE: nearest[TYPE], NEAREST_ID: nearest[ID]})


def _with_cause(incidents: pd.DataFrame, events: pd.DataFrame, reach: timedelta) -> pd.DataFrame:
    winner = _asof(incidents, events[[TS, TYPE, ID]], direction="backward")
    caused = (incidents[START] - winner[TS]) <= reach
    code, model = (
        _asof(incidents, events.loc[events[TYPE] == kind, [TS, TYPE, ID]], direction="backward") for kind in EventType
    )
    other = model.where(winner[TYPE] == EventType.CODE, code)
    in_reach = caused & ((incidents[START] - other[TS]) <= reach)
    close = in_reach & ((winner[TS] - other[TS]) <= _AMBIGUITY)
    kind = winner[TYPE].where(caused, UNATTRIBUTED).where(~close, AMBIGUOUS)
    return incidents.assign(
        **{
            CAUSE_TYPE: kind,
            CAUSE_ID: winner[ID].where(caused),
            CAUSE_TS: winner[TS].where(caused),
            RUNNER_UP_ID: other[ID].where(close),
            OTHER_ID: other[ID].where(in_reach),
            OTHER_TS: other[TS].where(in_reach),
        }
    )


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


def _asof(incidents: pd.DataFrame, events: pd.DataFrame, *, direction: str) -> pd.DataFrame:
    """Return for each incident the event next to its start on one side; same-second events match. Keep the index."""
    matches = pd.merge_asof(
        incidents[[START]],
        events.rename(columns={column: f"_{column}" for column in events.columns}),
        left_on=START,
        right_on=f"_{TS}",
        direction="backward" if direction == "backward" else "forward",
    )
    matches.index = incidents.index
    return matches[[f"_{column}" for column in events.columns]].set_axis(events.columns, axis=1)
