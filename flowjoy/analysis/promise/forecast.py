"""Whether the models of code are there, what its merge or deployment would start, and how long earlier ships took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median

import pandas as pd

from flowjoy.analysis.event_columns import EARLIEST, KIND, NAME, TS, TYPE, VERSION
from flowjoy.domain import EventType, Kind, ModelVersion, Obligation, Requirement, Rule, Status
from flowjoy.domain.gate_findings import AVAILABLE
from flowjoy.domain.plurals import plural
from flowjoy.domain.timestamps import iso

FORECAST_RELEASES = 5


def forecast(
    requirements: Mapping[str, Requirement],
    versions: Sequence[ModelVersion],
    owed: Sequence[Obligation],
    sla_hours: float,
    *,
    act: str = "merging",
    waiting: Mapping[str, tuple[str, datetime]] | None = None,
) -> tuple[str, ...]:
    """Return what the `act` would start, one sentence per model.

    `merging starts a 48 h clock for recommender; its last 5 ships took 31 h (median)`. `waiting`: by model the version
    that is new since the last deploy, and until when code that goes live counts as shipped with it.
    """
    sentences = []
    for model, requirement in sorted(requirements.items()):
        if requirement.rule is Rule.NONE or _already_fits(requirement, versions):
            continue
        text = f"{act} starts a {sla_hours:g} h clock for {model}"
        if requirement.rule is Rule.ANY and waiting and model in waiting:
            version, until = waiting[model]
            sentences.append(f"{text}, which version {version} meets if the code is live by {iso(until)}")
            continue
        hours = [lag / timedelta(hours=1) for lag in last_lags(model, owed)]
        if hours:
            last, note = ("ship", "") if len(hours) == 1 else (plural(len(hours), "ship"), " (median)")
            text += f"; its last {last} took {median(hours):.0f} h{note}"
        sentences.append(text)
    return tuple(sentences)


def waiting_ships(events: pd.DataFrame, as_of: datetime, sla_hours: float) -> dict[str, tuple[str, datetime]]:
    """Return, by model, the newest version that would count as shipped with code that goes live now, and how long."""
    code = events[(events[TYPE] == EventType.CODE) & (events[KIND] == Kind.DEPLOY)]
    begin = pd.Timestamp(as_of - timedelta(hours=sla_hours))
    since = begin if code.empty else max(begin, code[TS].iloc[-1] + pd.Timedelta(microseconds=1))
    ships = events[(events[TYPE] == EventType.MODEL) & (events[KIND] == Kind.SHIP) & (events[EARLIEST] >= since)]
    return {
        name: (str(version), at.to_pydatetime() + timedelta(hours=sla_hours))
        for name, version, at in zip(ships[NAME], ships[VERSION], ships[EARLIEST], strict=True)
    }


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
