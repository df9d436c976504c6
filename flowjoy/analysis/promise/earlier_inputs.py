"""Breaches that earlier runs found: naming other models or deployments does not settle what a release owes.

They stay open until the model ships, a waiver excuses them, or the promise begins later (`sla-since`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pandas as pd

from flowjoy.analysis.event_columns import KIND, NAME, PRECISION, TS, TYPE, VERSION
from flowjoy.analysis.promise.waivers import apply_waivers
from flowjoy.domain import EventType, Kind, Obligation, Precision, Requirement, Rule, Status, Waiver
from flowjoy.domain.bundle import Bundle


def with_owed_before(
    bundle: Bundle, judged: Iterable[Obligation], events: pd.DataFrame, waivers: tuple[Waiver, ...]
) -> tuple[Obligation, ...]:
    """Return the `judged` obligations and the earlier breaches that the inputs of this run do not judge, oldest first.

    Such a breach replaces a judged obligation with its id.
    """
    judged = tuple(judged)
    before = {item.id: item for item in _still_owed(bundle, judged, events, waivers)}
    others = (item for item in judged if item.id not in before)
    return tuple(sorted((*others, *before.values()), key=lambda item: (item.start, item.id)))


def _still_owed(
    bundle: Bundle, judged: Iterable[Obligation], events: pd.DataFrame, waivers: tuple[Waiver, ...]
) -> Iterator[Obligation]:
    since = bundle.terms.sla_since
    known: defaultdict[tuple[str, str], list[Obligation]] = defaultdict(list)
    for item in judged:
        known[_release_and_model(item)].append(item)
    ships = events[events[TYPE] == EventType.MODEL]
    for item in bundle.owed_before.values():
        now = _shipped(item, ships)
        if not _is_judged(now, known[_release_and_model(item)]) and (since is None or item.start >= since):
            yield apply_waivers(now, waivers, bundle.generated_at)


def _release_and_model(item: Obligation) -> tuple[str, str]:
    return item.sha or item.code_id, item.model


def _is_judged(item: Obligation, judged: Iterable[Obligation]) -> bool:
    """Return whether this run judges an earlier breach: by a clock that began no later, or one that a ship closed.

    A deployment that ended before the breach began is another one, and a rollback in time, which no run saw then, does
    not cancel a breach.
    """
    return any(
        other.status is not Status.CANCELLED and (other.closed_at is None or other.closed_at >= item.start)
        if other.start <= item.start
        else other.shipped_at is not None and item.status is Status.BREACHED
        for other in judged
    )


def _shipped(item: Obligation, ships: pd.DataFrame) -> Obligation:
    """Return a breach as late if a version that it needs has shipped since, else as breached."""
    requirement = Requirement.of(item.model, item.requires)
    after = ships[(ships[NAME] == item.model) & (ships[TS] > pd.Timestamp(item.deadline))]
    new = after[after[KIND] == Kind.SHIP] if requirement.rule is Rule.ANY else after
    for version, at, precision in zip(new[VERSION], new[TS], new[PRECISION], strict=True):
        if requirement.fits(str(version)):
            shipped = at.to_pydatetime()
            return replace(
                item,
                status=Status.LATE,
                version=str(version),
                shipped_at=shipped,
                closed_at=shipped,
                precision=Precision(precision),
            )
    if item.status is Status.LATE:
        return item
    return replace(item, status=Status.BREACHED, waiver=None, waived_miss=False)
