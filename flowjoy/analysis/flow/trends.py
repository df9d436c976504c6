"""What stands out in the week table: divergence, MTTR spikes, and health. Knows weeks, no deploy and no incident.

Only complete weeks speak. The rules are documented in docs/metrics.md.
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
    """The weeks that are over, oldest first."""
    return tuple(week for week in weeks if not week.partial)


def recent(weeks: Sequence[Week]) -> tuple[Week, ...]:
    """The last four complete weeks."""
    return complete(weeks)[-RECENT_WEEKS:]


def spikes(weeks: Sequence[Week], *, factor: float) -> tuple[Spike, ...]:
    """The complete weeks whose MTTR spikes, oldest first; the first week with data has nothing to be compared with."""
    told = [(week, week.mttr_hours) for week in complete(weeks) if week.mttr_hours is not None]
    found = []
    for place, (week, hours) in enumerate(told):
        earlier = [before for _, before in told[max(0, place - RECENT_WEEKS) : place]]
        if not earlier:
            continue
        usual = statistics.median(earlier)
        sudden, trending = hours > factor * usual, hours > earlier[-1] and hours >= TRENDING_HOURS
        if sudden or trending:
            found.append(
                Spike(
                    week=week,
                    hours=hours,
                    usual_hours=usual,
                    before_hours=earlier[-1],
                    sudden=sudden,
                    trending=trending,
                )
            )
    return tuple(found)


def escalated(weeks: Sequence[Week]) -> Week | None:
    """The last complete week where it is the second (or a later) one running that diverges."""
    last = complete(weeks)[-2:]
    return next((later for earlier, later in pairwise(last) if earlier.diverges and later.diverges), None)


def healthy(week: Week, weeks: Sequence[Week]) -> bool:
    """Return whether a week earns the success mark: each model within two of code, and the MTTR under 1.5 hours.

    A week without an incident earns it where an incident of another one of `weeks` was resolved: else nothing is known
    of the MTTR. One whose incidents, code or models are not known, or without any code deploy, does not.
    """
    mended = week.mttr_hours is not None and week.mttr_hours < HEALTHY_HOURS
    calm = week.incidents == 0 and any(other.mttr_hours is not None for other in weeks)
    return week.counted and week.code_deploys > 0 and week.gap <= HEALTHY_GAP and (mended or calm)
