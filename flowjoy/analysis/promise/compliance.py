"""How judged obligations stand: open, missed, in scope, kept in the last 28 days. Knows no event and no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flowjoy.domain import Obligation, Status

RATE_DAYS = 28
ENOUGH = 5
"""Of fewer obligations a rate says little."""

_TELLS_NOTHING = frozenset({Status.UNKNOWN, Status.CANCELLED})


@dataclass(frozen=True, kw_only=True)
class ComplianceRate:
    """Kept promises of the last 28 days: met / (met + misses), `percent` None for n = 0, one decimal."""

    met: int
    misses: int
    left_out: int

    @property
    def n(self) -> int:
        """How many obligations the rate speaks of."""
        return self.met + self.misses

    @property
    def percent(self) -> float | None:
        """Rounded to one decimal; None without any obligation."""
        return round(100 * self.met / self.n, 1) if self.n else None

    def budget_left(self, target_percent: float) -> float | None:
        """1 - misses / allowed misses, where the target allows `n` * (1 - target); None where it allows none."""
        allowed = self.n * (1 - target_percent / 100)
        return 1 - self.misses / allowed if allowed > 0 else None


def rate(items: Sequence[Obligation], as_of: datetime) -> ComplianceRate:
    """The share met / (met + late + breached + waived misses) of obligations due in the last 28 days."""
    recent = [item for item in items if as_of - timedelta(days=RATE_DAYS) <= item.deadline <= as_of]
    met = sum(item.status is Status.MET for item in recent)
    misses = sum(item.is_missed for item in recent)
    return ComplianceRate(met=met, misses=misses, left_out=len(recent) - met - misses)


def in_scope(items: Sequence[Obligation], since: datetime, as_of: datetime) -> tuple[Obligation, ...]:
    """Obligations whose code deploy lies in the window, and every open one however old.

    What a release owed and cannot be known any more (its stub or model is gone) stays for 28 days after its deadline:
    it was said all that time, and nobody can mend it. A commit that is gone stops deciding then even in the window,
    once it is no longer live and a later release, which owes what code needs now, is known to have ended its clocks.
    """
    known_by = as_of - timedelta(days=RATE_DAYS)
    ended = (item for item in items if item.deadline <= as_of and item.status not in _TELLS_NOTHING)
    judged = max((item.start for item in ended), default=None)

    def decides(item: Obligation) -> bool:
        if item.status is not Status.UNKNOWN or item.deadline >= known_by:
            return item.start >= since or item.is_open
        return item.start >= since and not (item.replaced and judged is not None and item.start < judged)

    return tuple(item for item in items if decides(item))


def next_deadline(items: Sequence[Obligation]) -> datetime | None:
    """The first deadline that is still to come."""
    return min((item.deadline for item in items if item.is_running), default=None)


def all_unknown(items: Sequence[Obligation], reason: str) -> tuple[Obligation, ...]:
    """The same obligations when a source could not be proved complete: what became of them is not known."""
    settled = {Status.NOT_REQUIRED, Status.UNDECLARED}
    return tuple(
        item
        if item.status in settled
        else replace(item, status=Status.UNKNOWN, version=None, shipped_at=None, closed_at=None, reason=reason)
        for item in items
    )


def with_registered_ships(
    shown: Sequence[Obligation], borne_out: Sequence[Obligation], gone_since: Mapping[str, datetime]
) -> tuple[Obligation, ...]:
    """Return what is owed by all that sources show, closed also by versions that a registry only bears out.

    `borne_out` are the obligations of the timeline with those versions. `gone_since` says by `<model>/<version>` when
    one was first missed: it keeps closing what it closed, and nothing that began later.
    """
    closed = {
        item.id: item
        for item in borne_out
        if (missed := gone_since.get(f"{item.model}/{item.version}")) is None or item.start < missed
    }
    return tuple(
        closed[item.id] if item.id in closed and _weight(closed[item.id]) < _weight(item) else item for item in shown
    )


def with_ledger(confirmed: Sequence[Obligation], remembered: Sequence[Obligation]) -> tuple[Obligation, ...]:
    """Return what is owed by all that sources confirm, where what only a ledger remembers never makes it milder.

    `remembered` are the obligations of the timeline with what the sources no longer show. A deploy that only it has
    keeps the clock that it opened. Of the others the stricter of the two judgements counts: a version that shipped
    before is no new one, and a ledger closes nothing.
    """
    known = {item.id: item for item in confirmed}
    judged = {item.id: item for item in remembered}
    owed = [
        judged[item.id] if item.id in judged and _weight(judged[item.id]) > _weight(item) else item
        for item in confirmed
    ]
    kept = [item for item in remembered if item.id not in known]
    return tuple(sorted((*owed, *kept), key=lambda item: (item.start, item.id)))


def _weight(item: Obligation) -> tuple[bool, bool]:
    """Return how bad an obligation is: open before closed, missed before kept."""
    return item.is_open, item.is_missed


def with_unknown_models(items: Sequence[Obligation], unknown_models: frozenset[str]) -> tuple[Obligation, ...]:
    """The same obligations when the registry does not know some models: what became of those is not known."""
    reason = "the registry does not know this model"
    return tuple(all_unknown([item], reason)[0] if item.model in unknown_models else item for item in items)
