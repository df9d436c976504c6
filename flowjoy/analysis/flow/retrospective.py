"""The two questions of a retrospective, answered from the data, and one action to try."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from flowjoy.analysis.flow.advice import Advice
from flowjoy.analysis.flow.drift_lag import DriftLag, drift_lag
from flowjoy.analysis.flow.weeks import week_of
from flowjoy.domain import Action, Obligation, Status, Week, Window
from flowjoy.domain.weeks import complete_weeks


@dataclass(frozen=True, kw_only=True)
class VersionGap:
    """The complete week in which a model was furthest behind code, and the MTTR of that week.

    `others_hours`: the median MTTR of the `n` other complete weeks with data; None without any.
    """

    week: Week
    others_hours: float | None
    n: int


@dataclass(frozen=True, kw_only=True)
class Bottleneck:
    """The model that delays releases most: of its `owed` obligations in the window, how many were missed or are open.

    `undetermined`: how many may or may not have been kept.
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

    `gap`: which week shows the biggest gap, and what was its MTTR? `jam`: which model delays releases most? `action`:
    the one to try before the next sprint, None without advice. `before`: the action that was proposed in an earlier
    week, and `measured` the current value of its measure.
    """

    gap: VersionGap | None
    jam: Bottleneck | None
    action: Advice | None
    before: Action | None
    measured: float | None


def retrospective(
    weeks: Sequence[Week],
    obligations: Sequence[Obligation],
    advice: Sequence[Advice],
    past: Sequence[Action],
    *,
    window: Window,
    unread: Collection[str] = (),
) -> Retrospective:
    """Return the answers for `window`. The action is the first recommendation.

    `past`: the actions that earlier runs proposed. `unread`: keys of advice whose signals this run could not read, so
    their absence measures nothing.
    """
    monday = week_of(window.until, window.timezone)
    before = max((action for action in past if action.week < monday), key=lambda action: action.week, default=None)
    return Retrospective(
        gap=_gap(weeks),
        jam=_bottleneck([item for item in obligations if item.start >= window.since], window),
        action=advice[0] if advice else None,
        before=before,
        measured=None if before is None or before.key in unread else _measured(before.key, weeks, advice),
    )


def _gap(weeks: Sequence[Week]) -> VersionGap | None:
    behind = [week for week in complete_weeks(weeks) if week.counted and week.gap > 0]
    if not behind:
        return None
    widest = max(behind, key=lambda week: (week.gap, week.week))
    others = [week.mttr_hours for week in complete_weeks(weeks) if week is not widest and week.mttr_hours is not None]
    return VersionGap(week=widest, others_hours=statistics.median(others) if others else None, n=len(others))


def _bottleneck(owed: Sequence[Obligation], window: Window) -> Bottleneck | None:
    by_model: defaultdict[str, list[Obligation]] = defaultdict(list)
    for item in owed:
        if item.status not in (Status.NOT_REQUIRED, Status.UNDECLARED, Status.UNKNOWN, Status.CANCELLED):
            by_model[item.model].append(item)
    candidates = [
        Bottleneck(
            model=model,
            owed=len(items),
            missed=sum(item.is_missed for item in items),
            open=sum(item.is_open for item in items),
            undetermined=sum(item.status is Status.UNDETERMINED for item in items),
            lag=drift_lag(items, None, since=window.since, as_of=window.until),
        )
        for model, items in sorted(by_model.items())
    ]
    return max(candidates, key=_severity, default=None)


def _severity(model: Bottleneck) -> tuple[float, float, int]:
    """Return the share that was missed, then the median lag, then the number of obligations."""
    median = model.lag.median
    return model.missed / model.owed, median.value if median is not None else 0.0, model.owed


def _measured(key: str, weeks: Sequence[Week], advice: Sequence[Advice]) -> float | None:
    """Return the current value of the measure of an earlier action."""
    last = complete_weeks(weeks)[-1:]
    if key in ("packaging", "stub"):
        return float(last[0].gap) if last and last[0].counted else None
    if key == "on-call":
        return last[0].mttr_hours if last else None
    # Advice that no longer fires measures 0.
    return next((row.value for row in advice if row.key == key), 0.0)
