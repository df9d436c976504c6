"""Whether the models of code are there, what its merge or deployment would start, and how long earlier ships took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from statistics import median

from flowjoy.domain import ModelVersion, Obligation, Requirement, Rule, Status
from flowjoy.domain.gate_findings import AVAILABLE
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


def state_of(requirements: Mapping[str, Requirement], versions: Sequence[ModelVersion] | None) -> str:
    """Return in one sentence whether the required models are there; `versions` None: the registry was not read."""
    if versions is None:
        return "The model stub is valid"
    if all(item.rule is Rule.NONE for item in requirements.values()):
        return "This code requires no model, so nothing is promised for it"
    missing = [
        f"{model}: no version that fits {item} is registered yet"
        for model, item in sorted(requirements.items())
        if item.rule not in (Rule.ANY, Rule.NONE)
        and not any(one.name == model and item.fits(one.version) for one in versions)
    ]
    more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
    return f"{missing[0]}{more}" if missing else AVAILABLE


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
