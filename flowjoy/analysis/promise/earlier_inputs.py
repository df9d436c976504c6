"""Breaches that runs with earlier inputs found: naming other models or deployments does not settle what a release owes.

They stay open until the model ships, a waiver excuses them, or the promise begins later (`sla-since`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pandas as pd

from flowjoy.analysis.event_columns import KIND, NAME, PRECISION, TS, TYPE, VERSION
from flowjoy.analysis.promise.waivers import apply_waivers
from flowjoy.domain import EventType, Kind, Obligation, Precision, Requirement, Rule, Status, Waiver
from flowjoy.domain.bundle import Bundle


def still_owed(
    bundle: Bundle, judged: Iterable[Obligation], events: pd.DataFrame, waivers: tuple[Waiver, ...]
) -> Iterator[Obligation]:
    """Yield the earlier breaches of releases and models that the inputs of this run do not judge."""
    since = bundle.terms.sla_since
    known = {(item.sha, item.model) for item in judged}
    ships = events[events[TYPE] == EventType.MODEL]
    for item in bundle.owed_before.values():
        if (item.sha, item.model) not in known and (since is None or item.start >= since):
            yield apply_waivers(_shipped(item, ships), waivers, bundle.generated_at)


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
    return replace(item, status=Status.BREACHED, waiver=None, waived_miss=False)
