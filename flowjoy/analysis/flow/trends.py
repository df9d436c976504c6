"""Trends of the week table: divergence, MTTR spikes and healthy weeks.

Only complete weeks count. The rules are documented in docs/metrics.md.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from flowjoy.domain import Week

RECENT_WEEKS = 4
TRENDING_HOURS = 2.0
HEALTHY_HOURS, HEALTHY_GAP = 1.5, 2


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


def complete(weeks: Sequence[Week]) -> tuple[Week, ...]:
    """Return the complete weeks, oldest first."""
    return tuple(week for week in weeks if not week.partial)


def recent(weeks: Sequence[Week]) -> tuple[Week, ...]:
    """Return the last four complete weeks."""
    return complete(weeks)[-RECENT_WEEKS:]


def spikes(weeks: Sequence[Week], *, factor: float) -> tuple[Spike, ...]:
    """Return the complete weeks whose MTTR spikes, oldest first; the first week with data cannot spike."""
    with_data = [(week, week.mttr_hours) for week in complete(weeks) if week.mttr_hours is not None]
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


def escalated(weeks: Sequence[Week]) -> Week | None:
    """Return the last complete week if it and the one before it diverge."""
    last = complete(weeks)[-2:]
    return next((later for earlier, later in pairwise(last) if earlier.diverges and later.diverges), None)


def healthy(week: Week, weeks: Sequence[Week]) -> bool:
    """Return whether a week earns the success mark: each model within two of code, and the MTTR under 1.5 hours.

    A week without an incident earns it if an incident of another one of `weeks` was resolved: otherwise the MTTR is
    unknown. A week with unknown incidents, code or models, or without any code deploy, does not.
    """
    is_quick = week.mttr_hours is not None and week.mttr_hours < HEALTHY_HOURS
    is_calm = week.incidents == 0 and any(other.mttr_hours is not None for other in weeks)
    return week.counted and week.code_deploys > 0 and week.gap <= HEALTHY_GAP and (is_quick or is_calm)
