"""The text of drift alerts: which feature moved by how much, and the version to roll back to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flowjoy.analysis.flow.live_pairs import LivePair
from flowjoy.analysis.results import Results
from flowjoy.domain.alerts import AlertKind
from flowjoy.domain.drift import DriftCheck, DriftStatus
from flowjoy.report.content.alert_parts import ICONS, NOTHING, OVER, AlertText
from flowjoy.report.content.owners import DATA_TEAM, owner_of
from flowjoy.report.escaping import clean
from flowjoy.report.text import capital, moment, plural

SHOWN = 5
_NO_TARGET = "there is no earlier version to roll back to"


def of_drift(check: DriftCheck, results: Results) -> AlertText:
    """Return the text for live data that has drifted from training data."""
    model, zone = clean(check.model), results.bundle.window.timezone
    over = [item for item in check.judged if item.status in (DriftStatus.OVER, DriftStatus.DRIFT)] or check.judged
    worst = next(iter(over), None)
    feature = clean(worst.name, 40) if worst is not None else "a feature"
    kl = worst.kl_nats if worst is not None else None
    figure = "over the threshold" if kl is None else f"{kl:.3f} nats"
    times = (
        f" ({feature}: {kl / check.threshold:.1f} times the threshold)" if kl is not None and check.threshold else ""
    )
    version = f" v{clean(check.version, 40)}" if check.version else ""
    others = ", ".join(clean(item.name, 40) for item in over[1 : SHOWN + 1])
    verb = "is" if len(over) == 2 else "are"
    more = f" {plural(len(over) - 1, 'more feature')} {verb} over it: {others}." if others else ""
    target = _rollback(check, results)
    way_out = f"if predictions suffer, roll back to v{clean(target.version, 40)}" if target is not None else _NO_TARGET
    return AlertText(
        icon=ICONS[AlertKind.DRIFT],
        subject=model,
        state=f"live data has drifted{times}",
        summary=f"live data of {model}{version} has drifted{times}; {way_out}",
        facts=(
            f"KL divergence of {feature} between live data and the training data of {model}{version} is {figure}, over "
            f"the threshold of {check.threshold:g} in two consecutive checks, most recently {moment(check.at, zone)}."
            f"{more}"
        ),
        since=moment(check.at, zone),
        move=f"check {feature} in the live data, then retrain {model} on recent data.",
        emergency=_emergency(target, check, results),
        owner=owner_of(check.model, results),
        team=DATA_TEAM,
        details={
            "model": f"{model}{version}",
            "feature": feature,
            "kl_divergence": figure,
            "threshold": f"{check.threshold:g}",
        },
    )


def of_healed(check: DriftCheck, results: Results) -> AlertText:
    """Return the text for live data that matches training data again."""
    now = moment(results.bundle.generated_at, results.bundle.window.timezone)
    return AlertText(
        icon=OVER,
        subject=clean(check.model),
        state="live data matches training data again",
        facts=f"No feature was over {check.threshold:g} in the last two checks.",
        since=f"Last check {now}.",
        move=NOTHING,
    )


@dataclass(frozen=True, kw_only=True)
class _Rollback:
    """An earlier version of a model, until when it was live, and how many incidents began while it was."""

    version: str
    until: datetime | None
    incidents: int


def _rollback(check: DriftCheck, results: Results) -> _Rollback | None:
    """Return the last earlier version without an incident, or else the last earlier version; None without one."""
    live = _live(check, results)
    by_version: dict[str, list[LivePair]] = {}
    for pair in reversed(results.pairs[:-1]):
        version = _version(pair, check.model)
        if version is not None and version != live:
            by_version.setdefault(version, []).append(pair)
    earlier = [
        _Rollback(
            version=version, until=pairs[0].until, incidents=len({name for pair in pairs for name in pair.incidents})
        )
        for version, pairs in by_version.items()
    ]
    return next((item for item in earlier if not item.incidents), next(iter(earlier), None))


def _emergency(target: _Rollback | None, check: DriftCheck, results: Results) -> str:
    """Return the version to roll back to and its record, or that there is none."""
    if target is None:
        live = _live(check, results)
        only = f": v{clean(live, 40)} is the only one in the window" if live else ""
        return f"{capital(_NO_TARGET)}{only}."
    until = f"live until {moment(target.until, results.bundle.window.timezone)}" if target.until else "live before"
    incidents = plural(target.incidents, "incident") if target.incidents else "no incident"
    record = f", {incidents} in that time" if results.incidents_are_known else ""
    return f"If predictions suffer, roll back to v{clean(target.version, 40)} ({until}{record})."


def _live(check: DriftCheck, results: Results) -> str | None:
    return check.version or (_version(results.pairs[-1], check.model) if results.pairs else None)


def _version(pair: LivePair, model: str) -> str | None:
    return next((item.version for item in pair.models if item.name == model), None)
