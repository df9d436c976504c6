"""The compliance rate, the error budget and the scope of judged obligations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flowjoy.domain import Obligation, Status
from flowjoy.domain.rates import as_percent

RATE_DAYS = 28
ENOUGH = 5
"""A rate of fewer obligations is marked as too few to judge."""

_INCONCLUSIVE = frozenset({Status.UNKNOWN, Status.CANCELLED})


@dataclass(frozen=True, kw_only=True)
class ComplianceRate:
    """The kept share of obligations due in the last 28 days: met / (met + misses); `percent` is None for n = 0."""

    met: int
    misses: int
    left_out: int

    @property
    def n(self) -> int:
        """The number of obligations in the rate."""
        return self.met + self.misses

    @property
    def percent(self) -> float | None:
        """The rate, rounded to one decimal; None without any obligation."""
        return as_percent(self.met, self.misses)

    def budget_left(self, target_percent: float) -> float | None:
        """Return 1 - misses / allowed misses, where the target allows `n` * (1 - target); None where it allows none."""
        allowed = self.n * (1 - target_percent / 100)
        return 1 - self.misses / allowed if allowed > 0 else None


def rate(items: Sequence[Obligation], as_of: datetime) -> ComplianceRate:
    """Return met / (met + late + breached + waived misses) of the obligations due in the last 28 days."""
    recent = [item for item in items if as_of - timedelta(days=RATE_DAYS) <= item.deadline <= as_of]
    met = sum(item.status is Status.MET for item in recent)
    misses = sum(item.is_missed for item in recent)
    return ComplianceRate(met=met, misses=misses, left_out=len(recent) - met - misses)


def judged_since(as_of: datetime, sla_hours: float) -> datetime:
    """Return when a release went live whose deadline is 28 days ago."""
    return as_of - timedelta(days=RATE_DAYS, hours=sla_hours)


def in_scope(items: Sequence[Obligation], since: datetime, as_of: datetime) -> tuple[Obligation, ...]:
    """Return the obligations whose code was deployed in the window, and every open one however old.

    An obligation that became unknown for good (its stub, model or commit is gone) is left out 28 days after its
    deadline, in the window or not, once it is `replaced` and a later release has a known outcome. That of the commit
    that is live stays, whatever its age.
    """
    unknown_since = as_of - timedelta(days=RATE_DAYS)
    ended = (item for item in items if item.deadline <= as_of and item.status not in _INCONCLUSIVE)
    judged = max((item.start for item in ended), default=None)

    def decides(item: Obligation) -> bool:
        if item.status is not Status.UNKNOWN or item.deadline >= unknown_since:
            return item.start >= since or item.is_open
        return not (item.replaced and judged is not None and item.start < judged)

    return tuple(item for item in items if decides(item))


def next_deadline(items: Sequence[Obligation]) -> datetime | None:
    """Return the next deadline."""
    return min((item.deadline for item in items if item.is_running), default=None)


def all_unknown(items: Sequence[Obligation], reason: str) -> tuple[Obligation, ...]:
    """Return the same obligations as unknown, for a source that was not read completely."""
    settled = {Status.NOT_REQUIRED, Status.UNDECLARED}
    return tuple(
        item
        if item.status in settled
        else replace(item, status=Status.UNKNOWN, version=None, shipped_at=None, closed_at=None, reason=reason)
        for item in items
    )


def with_registered_ships(
    confirmed: Sequence[Obligation], also_registered: Sequence[Obligation], gone_since: Mapping[str, datetime]
) -> tuple[Obligation, ...]:
    """Return the `confirmed` obligations, also met by ships that only the ledger remembers of registered versions.

    `also_registered`: the obligations of the timeline with those ships. `gone_since`: by `<model>/<version>` since when
    a ship may be missing in its source. It still meets the obligations of earlier releases, and none of later ones.
    """
    closed = {
        item.id: item
        for item in also_registered
        if (missed := gone_since.get(f"{item.model}/{item.version}")) is None or item.start < missed
    }
    return tuple(
        closed[item.id] if item.id in closed and _severity(closed[item.id]) < _severity(item) else item
        for item in confirmed
    )


def with_ledger(confirmed: Sequence[Obligation], remembered: Sequence[Obligation]) -> tuple[Obligation, ...]:
    """Return the `confirmed` obligations together with those that only a ledger remembers.

    `remembered`: the obligations of the timeline with the records that sources no longer show. A deploy that only a
    ledger remembers keeps its obligations. For the others the stricter of the two statuses counts: a remembered ship
    can show that a version is not new, but it meets nothing.
    """
    confirmed_ids = {item.id for item in confirmed}
    judged = {item.id: item for item in remembered}
    owed = [
        judged[item.id] if item.id in judged and _severity(judged[item.id]) > _severity(item) else item
        for item in confirmed
    ]
    kept = [item for item in remembered if item.id not in confirmed_ids]
    return tuple(sorted((*owed, *kept), key=lambda item: (item.start, item.id)))


def _severity(item: Obligation) -> tuple[bool, bool]:
    """Return how bad an obligation is: open is worse than closed, then missed is worse than kept."""
    return item.is_open, item.is_missed


def with_unknown_models(
    items: Sequence[Obligation], unknown_models: frozenset[str], live: str | None, remembered_since: datetime | None
) -> tuple[Obligation, ...]:
    """Return the same obligations; those of models that the registry does not know are unknown.

    `live`: the commit that is live. Another one is replaced, but not if it was breached while runs remembered every
    ship (`remembered_since`): deleting a model does not settle what it owes.
    """

    def unknown(item: Obligation) -> Obligation:
        stays = item.status is Status.BREACHED and remembered_since is not None and remembered_since <= item.deadline
        reason = "the registry does not know this model"
        return replace(all_unknown([item], reason)[0], replaced=item.sha != live and not stays)

    return tuple(unknown(item) if item.model in unknown_models else item for item in items)
