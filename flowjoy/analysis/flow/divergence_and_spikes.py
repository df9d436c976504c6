"""Weeks that stand out: those in which a model diverges from code, and those in which the MTTR spikes.

The total of ships hides a model that is behind, so each model is compared with the deploys that require it. The running
week never diverges, nor does one whose counts are unknown.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise

import pandas as pd

from flowjoy.analysis.event_columns import NAME, SHA
from flowjoy.domain import ModelDependencies, ModelGap, Rule, Week
from flowjoy.domain.weeks import RECENT_WEEKS, complete_weeks

TRENDING_HOURS = 2.0
MONDAY = "monday"
"""The column with the week of each event: its local Monday, a naive midnight."""


@dataclass(frozen=True, kw_only=True)
class WeekGaps:
    """The gaps of one week.

    `furthest`: the model with the largest gap; `lagging`: the one of those that diverge. `models`: how many are
    required as `any`. `observed`: the ships of each required model are known.
    """

    furthest: ModelGap | None = None
    lagging: ModelGap | None = None
    models: int = 0
    observed: bool = True


def gaps_by_week(
    code: pd.DataFrame,
    ships: pd.DataFrame,
    dependencies: ModelDependencies,
    *,
    percent: float,
    begins: Mapping[date, datetime],
    observed_since: Mapping[str, datetime] | None = None,
) -> dict[date, WeekGaps]:
    """Return the gaps of each week in `begins`, which gives the time at which it begins.

    `code` and `ships` are deploys and ships with a `MONDAY`. `observed_since`: when each model was first observed, None
    where ships need no observation; the ships of a model are unknown in weeks that began earlier.
    """
    depended: defaultdict[date, set[str]] = defaultdict(set)
    owed: defaultdict[date, Counter[str]] = defaultdict(Counter)
    for monday, sha in zip(code[MONDAY].dt.date, code[SHA], strict=True):
        requirements = dependencies.of(sha if isinstance(sha, str) else None)
        depended[monday].update(item.model for item in requirements)
        owed[monday].update(item.model for item in requirements if item.rule is Rule.ANY)
    shipped = Counter(zip(ships[MONDAY].dt.date, ships[NAME], strict=True))
    every = set(dependencies.models or observed_since or ())
    return {
        monday: _gaps(
            [ModelGap(model=model, code_deploys=n, ships=shipped[monday, model]) for model, n in owed[monday].items()],
            percent,
            _unobserved(depended[monday] or every, begun, observed_since),
        )
        for monday, begun in begins.items()
    }


def _unobserved(
    models: Iterable[str], begun: datetime, observed_since: Mapping[str, datetime] | None
) -> frozenset[str]:
    if observed_since is None:
        return frozenset()
    return frozenset(name for name in models if name not in observed_since or observed_since[name] > begun)


def _gaps(required: list[ModelGap], percent: float, unobserved: frozenset[str]) -> WeekGaps:
    judged = [
        replace(item, diverges=item.gap * 100 > percent * item.code_deploys)
        for item in required
        if item.model not in unobserved
    ]
    judged.sort(key=_behind)
    return WeekGaps(
        furthest=next(iter(judged), None),
        lagging=next((item for item in judged if item.diverges), None),
        models=len(required),
        observed=not unobserved,
    )


def _behind(item: ModelGap) -> tuple[int, int, str]:
    """Order models: the largest gap first; of equal ones that of fewer deploys, then the first by name."""
    return -item.gap, item.code_deploys, item.model


def escalated(weeks: Sequence[Week]) -> Week | None:
    """Return the last complete week if it and the one before it diverge."""
    last = complete_weeks(weeks)[-2:]
    return next((later for earlier, later in pairwise(last) if earlier.diverges and later.diverges), None)


@dataclass(frozen=True, kw_only=True)
class Spike:
    """A week whose MTTR stands out.

    `usual_hours`: the median of the (up to four) weeks with data before it; `before_hours`: the week with data before
    it. `sudden`: over the factor times the usual; `trending`: higher than the week before and at least two hours.
    """

    week: Week
    hours: float
    usual_hours: float
    before_hours: float
    sudden: bool
    trending: bool


def spikes_of(weeks: Sequence[Week], *, factor: float) -> tuple[Spike, ...]:
    """Return the complete weeks whose MTTR spikes, oldest first; the first week with data cannot spike."""
    with_data = [(week, week.mttr_hours) for week in complete_weeks(weeks) if week.mttr_hours is not None]
    result = []
    for index, (week, hours) in enumerate(with_data):
        earlier = [before for _, before in with_data[max(0, index - RECENT_WEEKS) : index]]
        if not earlier:
            continue
        usual = statistics.median(earlier)
        sudden, trending = hours > factor * usual, hours > earlier[-1] and hours >= TRENDING_HOURS
        if sudden or trending:
            result.append(
                Spike(
                    week=week,
                    hours=hours,
                    usual_hours=usual,
                    before_hours=earlier[-1],
                    sudden=sudden,
                    trending=trending,
                )
            )
    return tuple(result)


def as_running(week: Week) -> Week:
    """Return the week as the running one: it is partial, so it never diverges."""
    furthest = None if week.furthest is None else replace(week.furthest, diverges=False)
    return replace(week, partial=True, diverges=False, lagging=None, furthest=furthest)


def with_unread(weeks: tuple[Week, ...], *, code_known: bool, models_known: bool) -> tuple[Week, ...]:
    """Return the same weeks with unknown code or model counts. A week with unknown counts never diverges."""
    counted = code_known and models_known
    return tuple(
        replace(
            week,
            code_known=code_known,
            models_known=models_known,
            diverges=week.diverges and counted,
            lagging=week.lagging if counted else None,
        )
        for week in weeks
    )
