"""The obligations that a merge or a deployment would start, and how long earlier ones took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from statistics import median

from flowjoy.domain import ModelVersion, Obligation, Requirement, Rule, Status
from flowjoy.domain.plurals import plural

FORECAST_RELEASES = 5


def forecast(
    requirements: Mapping[str, Requirement],
    versions: Sequence[ModelVersion],
    owed: Sequence[Obligation],
    sla_hours: float,
    *,
    act: str = "merging",
) -> tuple[str, ...]:
    """Return what the `act` would start, one sentence per model.

    `merging starts a 48 h clock for recommender; its last 5 ships took 31 h (median)`
    """
    sentences = []
    for model, requirement in sorted(requirements.items()):
        if requirement.rule is Rule.NONE or _already_fits(requirement, versions):
            continue
        text = f"{act} starts a {sla_hours:g} h clock for {model}"
        hours = [lag / timedelta(hours=1) for lag in last_lags(model, owed)]
        if hours:
            last, note = ("ship", "") if len(hours) == 1 else (plural(len(hours), "ship"), " (median)")
            text += f"; its last {last} took {median(hours):.0f} h{note}"
        sentences.append(text)
    return tuple(sentences)


def last_lags(model: str, owed: Sequence[Obligation]) -> list[timedelta]:
    """Return how long the last five releases waited for this model; 0 when it shipped with the code."""
    shipped = [
        max(item.shipped_at - item.start, timedelta())
        for item in owed
        if item.model == model and item.shipped_at is not None and item.status in (Status.MET, Status.LATE)
    ]
    return shipped[-FORECAST_RELEASES:]


def _already_fits(requirement: Requirement, versions: Sequence[ModelVersion]) -> bool:
    """Return whether a READY version already meets a pin, so no clock starts; `any` always needs a new version."""
    return requirement.rule is not Rule.ANY and any(
        version.ready and version.name == requirement.model and requirement.fits(version.version)
        for version in versions
    )
