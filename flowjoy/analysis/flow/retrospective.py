"""The two questions of a retrospective, answered from the data, and the one action to try. Knows values, no frame."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from flowjoy.analysis.flow import trends
from flowjoy.analysis.flow.advice import Advice
from flowjoy.analysis.flow.drift_lag import DriftLag, drift_lag
from flowjoy.analysis.flow.weeks import week_of
from flowjoy.domain import Action, Obligation, Status, Week


@dataclass(frozen=True, kw_only=True)
class VersionGap:
    """The complete week in which a model was furthest behind code, and what the MTTR was then.

    `others_hours`: the median MTTR of the `n` other complete weeks with data; None without any.
    """

    week: Week
    others_hours: float | None
    n: int


@dataclass(frozen=True, kw_only=True)
class Bottleneck:
    """The model that jams most: of `owed` obligations in the window so many were missed, or are open now.

    Of those that are `undetermined` it is not known whether they were kept.
    """

    model: str
    owed: int
    missed: int
    open: int
    undetermined: int
    lag: DriftLag


@dataclass(frozen=True, kw_only=True)
class Retrospective:
    """The answers.

    `gap`: which week shows the biggest gap, and what of the MTTR? `jam`: where does code flow but models jam?
    `action`: the one to try before the next sprint, None where nothing asks for one. `before`: the action that was
    proposed in an earlier week, and `measured` where its measure stands now.
    """

    gap: VersionGap | None
    jam: Bottleneck | None
    action: Advice | None
    before: Action | None
    measured: float | None


def retrospective(
    weeks: Sequence[Week],
    owed: Sequence[Obligation],
    advice: Sequence[Advice],
    past: Sequence[Action],
    *,
    since: datetime,
    as_of: datetime,
    timezone: str,
    unread: Collection[str] = (),
) -> Retrospective:
    """The answers, for the window that begins at `since`. `past`: the actions that earlier runs proposed.

    `unread`: keys of advice whose signals nobody could look for in this run: that they do not fire measures nothing.

    The action is the first recommendation.
    """
    monday = week_of(as_of, timezone)
    before = max((action for action in past if action.week < monday), key=lambda action: action.week, default=None)
    return Retrospective(
        gap=_gap(weeks),
        jam=_jam([item for item in owed if item.start >= since], since=since, as_of=as_of),
        action=advice[0] if advice else None,
        before=before,
        measured=None if before is None or before.key in unread else _measured(before.key, weeks, advice),
    )


def _gap(weeks: Sequence[Week]) -> VersionGap | None:
    behind = [week for week in trends.complete(weeks) if week.counted and week.gap > 0]
    if not behind:
        return None
    widest = max(behind, key=lambda week: (week.gap, week.week))
    others = [week.mttr_hours for week in trends.complete(weeks) if week is not widest and week.mttr_hours is not None]
    return VersionGap(week=widest, others_hours=statistics.median(others) if others else None, n=len(others))


def _jam(owed: Sequence[Obligation], *, since: datetime, as_of: datetime) -> Bottleneck | None:
    by_model: defaultdict[str, list[Obligation]] = defaultdict(list)
    for item in owed:
        if item.status not in (Status.NOT_REQUIRED, Status.UNDECLARED, Status.UNKNOWN, Status.CANCELLED):
            by_model[item.model].append(item)
    jams = [
        Bottleneck(
            model=model,
            owed=len(items),
            missed=sum(item.is_missed for item in items),
            open=sum(item.is_open for item in items),
            undetermined=sum(item.status is Status.UNDETERMINED for item in items),
            lag=drift_lag(items, None, since=since, as_of=as_of),
        )
        for model, items in sorted(by_model.items())
    ]
    return max(jams, key=_weight, default=None)


def _weight(jam: Bottleneck) -> tuple[float, float, int]:
    """The share that was missed, then how long it takes, then how often."""
    median = jam.lag.median
    return jam.missed / jam.owed, median.value if median is not None else 0.0, jam.owed


def _measured(key: str, weeks: Sequence[Week], advice: Sequence[Advice]) -> float | None:
    """Where the measure of an earlier action stands now."""
    last = trends.complete(weeks)[-1:]
    if key in ("packaging", "stub"):
        return float(last[0].gap) if last and last[0].counted else None
    if key == "on-call":
        return last[0].mttr_hours if last else None
    # What no longer fires has gone to nothing.
    return next((row.value for row in advice if row.key == key), 0.0)
