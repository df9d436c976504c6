"""The key figures below the banner: kept promises, drift lag and unified MTTR, each with what it covers."""

from __future__ import annotations

import math

from flowjoy.analysis.promise import compliance
from flowjoy.analysis.promise.compliance import ComplianceRate
from flowjoy.analysis.promise.verdict import unproved
from flowjoy.analysis.results import Results
from flowjoy.domain import CoverageState, SourceKind
from flowjoy.report.blocks import KeyFigure, Mark
from flowjoy.report.content.promise import why_no_rate
from flowjoy.report.prose import Name, prose
from flowjoy.report.text import counted, decimal, lag_text

_UNJUDGED = "a required source could not be read"


def key_figures(results: Results) -> tuple[KeyFigure, ...]:
    """Return the rate of kept promises, last week's cadence, the drift lag and the unified MTTR."""
    lag = results.drift_lag.current if results.drift_lag is not None else None
    week = results.last_week
    return (
        _kept(results),
        _cadence(results),
        KeyFigure(
            name="drift lag",
            value="no data" if lag is None else lag_text(lag),
            note="from the latest deploy to the next ship of its slowest model",
        ),
        KeyFigure(
            name="unified MTTR, last week",
            value=decimal(None if week is None else week.mttr_hours, " h"),
            note=_resolved(results),
        ),
    )


def _kept(results: Results) -> KeyFigure:
    rate, target = results.rate, results.bundle.terms.sla_target
    name = f"kept, last {compliance.RATE_DAYS} days"
    if rate.percent is None:
        why = _UNJUDGED if unproved(results.bundle.coverage) else why_no_rate(results)
        return KeyFigure(name=name, value="no data", note=f"{why}; target {target:g} %")
    few = rate.n < compliance.ENOUGH
    left_out = f", {rate.left_out} left out" if rate.left_out else ""
    budget = "too few to judge" if few else _budget(rate, target)
    return KeyFigure(
        name=name,
        value=f"{rate.percent:.1f} %",
        note=f"of {rate.n}{left_out}; target {target:g} %, {budget}",
        mark=Mark.NONE if few else Mark.GOOD if rate.percent >= target else Mark.BAD,
    )


def _budget(rate: ComplianceRate, target: float) -> str:
    """Return the remaining share of the error budget, or by how many misses it is exceeded."""
    left = rate.budget_left(target)
    if left is None:
        return "no miss allowed"
    if left >= 0:
        return f"{100 * left:.0f} % of the error budget left"
    return f"{rate.misses} missed, {math.floor(rate.misses / (1 - left))} allowed"


def _cadence(results: Results) -> KeyFigure:
    """Return code deploys and model ships of the last complete week."""
    week, name = results.last_week, "deploys, last week"
    if week is None:
        return KeyFigure(name=name, value="no data", note="no week is complete yet")
    code = counted(week.code_deploys, known=week.code_known)
    models = counted(week.model_deploys, known=week.models_known) if week.observed else "no data"
    value = "no data" if code == models == "no data" else f"{code} code, {models} model"
    mark = Mark.BAD if week.diverges else Mark.NONE
    of_model = () if week.named_model is None or week.models == 1 else prose(" for {}", Name(week.named_model))
    note = prose("a gap of {}{}", str(week.gap), of_model) if week.counted else "gap unknown"
    return KeyFigure(name=name, value=value, note=note, mark=mark)


def _resolved(results: Results) -> str:
    """Return what the MTTR covers, or why there is none."""
    week = results.last_week
    if week is None:
        return "no week is complete yet"
    states = {item.state for item in results.bundle.coverage if item.kind is SourceKind.INCIDENTS}
    if CoverageState.FAILED in states:
        return "an incident source could not be read"
    if states <= {CoverageState.NOT_CONFIGURED}:
        return "no incident source is configured"
    return f"{week.resolved} of {week.incidents} resolved" if week.incidents else "no incident started in it"
