"""DORA's five figures for code, for models and for both.

The names are those of dora.dev's software delivery metrics; `Dora` documents the definition of each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from flowjoy.analysis.event_columns import END, ID, KIND, SHA, START, TS, TYPE
from flowjoy.analysis.flow.incidents import AMBIGUOUS, CAUSE_ID, CAUSE_TYPE
from flowjoy.analysis.flow.weeks import hours, running_week, week_of
from flowjoy.analysis.timeline import deploys_and_ships, happened_since, without_provisional
from flowjoy.domain import EventType, Kind, ModelRecord, Precision, Window

BOTH = "both"
DORA_UNITS = {
    "deployment_frequency": "deploys a week",
    "lead_time_hours": "hours",
    "change_fail_rate": "share of deploys",
    "recovery_hours": "hours",
    "rework_rate": "per deploy",
    "observed_fail_rate": "share of deploys",
    "observed_recovery_hours": "hours",
    "observed_rework_rate": "per deploy",
}
"""The figures in the order in which they are shown, with their units: DORA's five, then those without incidents."""


@dataclass(frozen=True, kw_only=True)
class DoraFigure:
    """One figure and its number of cases. `value` is None without a case: missing data is different from 0.

    `at_most`: the value is an upper bound, because the time of a case was only observed.
    """

    value: float | None = None
    n: int = 0
    at_most: bool = False


@dataclass(frozen=True, kw_only=True)
class Dora:
    """The figures of one `kind` (`CODE`, `MODEL`, `both`), over the window.

    A deploy is an event of kind `deploy` (of a model: `ship`). Rates are shares: 0.25 is 25 %.

    `deployment_frequency`: deploys a week, over the complete weeks since the first known record; n: those weeks.
    `lead_time_hours`: change lead time, the median from commit to live over the commits that each deploy was the first
    to ship (a model: from the start of its training run, else from its registration); n: commits (and ships).
    `change_fail_rate`: deploys that are the cause of at least one incident / deploys, a deploy counts once; n: deploys.
    `recovery_hours`: failed deployment recovery time, the median of end - start over the resolved incidents that are
    attributed to a deploy, redeploy or rollback; n: those. An AMBIGUOUS incident counts in `both` alone, here and in
    the fail rate.
    `rework_rate`: (rollbacks + deploys made to fix an incident) / deploys; n: deploys. The deploy made to fix an
    incident is the last event while it was open, be it code or model, whatever caused it.

    The observed figures need no incident (`observed_failures`). `observed_fail_rate`: deploys that were rolled back,
    reverted or hotfixed / deploys. `observed_recovery_hours`: the median from a failed deploy to the event that
    replaced it; n: failed deploys. `observed_rework_rate`: the events that replaced a failed deploy / deploys.
    """

    kind: str
    deployment_frequency: DoraFigure = DoraFigure()
    lead_time_hours: DoraFigure = DoraFigure()
    change_fail_rate: DoraFigure = DoraFigure()
    recovery_hours: DoraFigure = DoraFigure()
    rework_rate: DoraFigure = DoraFigure()
    observed_fail_rate: DoraFigure = DoraFigure()
    observed_recovery_hours: DoraFigure = DoraFigure()
    observed_rework_rate: DoraFigure = DoraFigure()


@dataclass(frozen=True, kw_only=True)
class ChangeStarts:
    """The instants at which changes began, from which lead times are measured.

    `commits`: by sha, when the commits were made that its first deploy was the first to ship. `trainings`: by the id of
    a model event, when its training began.
    """

    commits: Mapping[str, Sequence[datetime]] = field(default_factory=dict)
    trainings: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        commits: Mapping[str, Sequence[datetime]],
        models: Iterable[ModelRecord],
        training_runs: Mapping[str, datetime | None],
    ) -> ChangeStarts:
        """Return the starts of `commits`, and of models by their training run, else by their registration."""
        started = {record.id: _started_at(record, training_runs) for record in models}
        return cls(commits=commits, trainings={name: at for name, at in started.items() if at is not None})


def _started_at(record: ModelRecord, training_runs: Mapping[str, datetime | None]) -> datetime | None:
    """Return when the change that a model version ships began; None where that is unknown.

    It is unknown where the training run could not be read, and for a version that may have been live before the first
    observation. Where registration is the ship, the time between the two means nothing.
    """
    if record.maybe_live_before:
        return None
    if record.run_id is not None:
        return training_runs.get(record.run_id)
    return None if record.precision is Precision.REGISTERED else record.registered_at


def dora(
    events: pd.DataFrame,
    matched: pd.DataFrame | None,
    window: Window,
    *,
    starts: ChangeStarts,
    known: Collection[EventType],
    observed_since: datetime | None = None,
) -> tuple[Dora, ...]:
    """Return the figures of CODE, of MODEL and of both. O((n + m) log(n + m)) for n events and m incidents.

    `events`: a timeline; `matched`: the incidents of `incidents.match_incidents`, None where they are unknown, and then
    the figures that need them have no data. `known`: the types that were read completely; the others, and `both` with
    them, have no data. `observed_since`: when the models' alias or stage was first observed, None where ships need no
    observation.
    """
    happened = happened_since(events, window.since)
    happened = happened.assign(_fix=fixes(happened, matched))
    leads = lead_times(events, starts)
    figures = []
    for kind in (*(kind.value for kind in EventType), BOTH):
        wanted = [kind] if kind != BOTH else [known.value for known in EventType]
        if set(wanted) <= {item.value for item in known}:
            mine = happened[happened[TYPE].isin(wanted)]
            causes = wanted if kind != BOTH else [*wanted, AMBIGUOUS]
            ordinary = _figures(kind, mine, _attributed(matched, causes, window), leads)
            since = first_week(events, wanted, window, observed_since if kind != EventType.CODE else None)
            figures.append(replace(ordinary, deployment_frequency=_frequency(mine, window, since)))
        else:
            figures.append(Dora(kind=kind))
    return tuple(figures)


def _figures(
    kind: str,
    mine: pd.DataFrame,
    attributed: pd.DataFrame | None,
    leads: Sequence[tuple[str, timedelta]],
) -> Dora:
    deploys = deploys_and_ships(mine)
    ids = frozenset(deploys[ID])
    ordinary = Dora(
        kind=kind, lead_time_hours=_median([lead / timedelta(hours=1) for name, lead in leads if name in ids])
    )
    if attributed is None:
        return ordinary
    rework = (mine[KIND] == Kind.ROLLBACK) | mine["_fix"]
    return Dora(
        kind=kind,
        lead_time_hours=ordinary.lead_time_hours,
        change_fail_rate=_share(int(deploys[ID].isin(attributed[CAUSE_ID]).sum()), len(deploys)),
        recovery_hours=_median(hours(attributed[START], attributed[END]).dropna().tolist()),
        rework_rate=_share(int(rework.sum()), len(deploys)),
    )


def _frequency(mine: pd.DataFrame, window: Window, since: datetime | None) -> DoraFigure:
    """Return deploys a week over the complete weeks from `since` on; no data without one."""
    ends = running_week(window)
    if since is None or since >= ends:
        return DoraFigure()
    weeks = round((ends - since) / timedelta(weeks=1))  # an hour more or less where the clocks change
    deploys = deploys_and_ships(mine)[TS]
    n = int(((deploys >= pd.Timestamp(since)) & (deploys < pd.Timestamp(ends))).sum())
    return DoraFigure(value=n / weeks, n=weeks)


def first_week(
    events: pd.DataFrame, wanted: Collection[str], window: Window, observed_since: datetime | None
) -> datetime | None:
    """Return when the first week to count begins: the one of the first known record, or that of the window.

    A kind without any record counts from the first record of the other kind. Of ships that must be observed, only weeks
    that were observed from their start on count.
    """
    happened = without_provisional(events)
    of_kind = happened.loc[happened[TYPE].isin(wanted), TS]
    first = (happened[TS] if of_kind.empty else of_kind).min()
    if pd.isna(first):
        return None
    begins = max(window.since, week_of(first.to_pydatetime(), window.timezone))
    if observed_since is not None and observed_since > begins:
        week = week_of(observed_since, window.timezone)
        begins = week if week == observed_since else week_of(week + timedelta(days=8), window.timezone)
    return begins


def lead_times(events: pd.DataFrame, starts: ChangeStarts) -> list[tuple[str, timedelta]]:
    """Return the time of each change from its start until it was live, with the id of the deploy that shipped it first.

    It is 0 for a commit that is dated later.
    """
    counted = deploys_and_ships(events)
    code = counted[counted[TYPE] == EventType.CODE].drop_duplicates(SHA)
    began = [
        (row, at) for row in zip(code[ID], code[SHA], code[TS], strict=True) for at in starts.commits.get(row[1], ())
    ]
    ships = counted[counted[TYPE] == EventType.MODEL]
    trained = [(name, live, starts.trainings.get(name)) for name, live in zip(ships[ID], ships[TS], strict=True)]
    return [
        *((name, max(timedelta(), live - at)) for (name, _, live), at in began),
        *((name, max(timedelta(), live - at)) for name, live, at in trained if at is not None),
    ]


def _attributed(matched: pd.DataFrame | None, causes: Sequence[str], window: Window) -> pd.DataFrame | None:
    """Return the incidents of the window that are attributed to such deploys."""
    if matched is None:
        return None
    return matched[matched[CAUSE_TYPE].isin(causes) & (matched[START] >= pd.Timestamp(window.since))]


def fixes(happened: pd.DataFrame, matched: pd.DataFrame | None) -> pd.Series:
    """Return which events are the last one while a resolved incident was open, and therefore its fix."""
    over = None if matched is None else matched[matched[END].notna()].sort_values(END, kind="stable")
    if over is None or over.empty:
        return pd.Series(data=False, index=happened.index)
    events = happened[happened[KIND].isin([Kind.DEPLOY, Kind.SHIP, Kind.ROLLBACK])][[TS, ID]]
    last = pd.merge_asof(over[[START, END]], events, left_on=END, right_on=TS, direction="backward")
    return happened[ID].isin(last.loc[last[TS] > last[START], ID])


def _median(values: Sequence[float]) -> DoraFigure:
    return DoraFigure(value=float(np.median(values)), n=len(values)) if values else DoraFigure()


def _share(part: int, total: int) -> DoraFigure:
    return DoraFigure(value=part / total, n=total) if total else DoraFigure()
