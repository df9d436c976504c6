"""Recommendations, each with the numbers that triggered it.

The rows and their wording are those of the table in docs/metrics.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flowjoy.analysis.flow.divergence_and_spikes import escalated, spikes_of
from flowjoy.analysis.flow.incidents import ALL
from flowjoy.analysis.flow.weeks import HEALTHY_GAP
from flowjoy.domain import EventType, ModelGap, Recovery, Week
from flowjoy.domain.plurals import plural
from flowjoy.domain.weeks import complete_weeks, recent_weeks


@dataclass(frozen=True, kw_only=True)
class Advice:
    """One recommendation. `because`: the numbers that triggered it; `escalated`: for the second consecutive week.

    `key` names the row; `measure`: the value it should improve, and `value` its current value, for a later comparison.
    """

    key: str
    because: str
    do: str
    benefit: str
    measure: str
    value: float | None
    escalated: bool = False


def advise(
    weeks: Sequence[Week],
    recoveries: Sequence[Recovery],
    *,
    drift_is_checked: bool,
    untagged: str | None,
    divergence_percent: float,
) -> tuple[Advice, ...]:
    """Return the recommendations whose signals fire, in the order of the table.

    Signals of weeks consider the last four complete weeks and name the newest week that shows them. `untagged`: the
    unified tag that code and models could carry but do not; None where they do, or where no tag exists.
    """
    rows = (
        _packaging(weeks, divergence_percent),
        _on_call(weeks),
        _stub(weeks),
        _drift(recoveries, drift_is_checked=drift_is_checked),
        _one_tag(untagged),
    )
    return tuple(row for row in rows if row is not None)


def _packaging(weeks: Sequence[Week], percent: float) -> Advice | None:
    week = _newest(week for week in recent_weeks(weeks) if week.diverges)
    if week is None:
        return None
    again = escalated(weeks)
    first = "run a 48-hour spike to containerise the training job; then " if again is not None else ""
    return Advice(
        key="packaging",
        because=f"{_deploys(week)}: a gap of {week.lag} is more than {percent:g} % of code"
        + (", for the second week running" if again is not None else ""),
        do=f"{first}package the model in the same CI job as the service container, and block the release unless both "
        "pass integration tests",
        benefit="models refresh with features",
        measure="gap of the last complete week",
        value=_gap(weeks),
        escalated=again is not None,
    )


def _on_call(weeks: Sequence[Week]) -> Advice | None:
    shown = {week.week for week in recent_weeks(weeks)}
    rising = [spike for spike in spikes_of(weeks, factor=float("inf")) if spike.week.week in shown]
    spike = rising[-1] if rising else None
    if spike is None:
        return None
    return Advice(
        key="on-call",
        because=f"unified MTTR of {spike.week.label}: {spike.hours:.1f} h, up from {spike.before_hours:.1f} h",
        do="rotate a data scientist into on-call one week a month, and write rollback-model runbooks with SREs",
        benefit="hand-off lag drops; target below 1 h",
        measure="unified MTTR of the last complete week, in hours",
        value=_mttr(weeks),
    )


def _stub(weeks: Sequence[Week]) -> Advice | None:
    behind = [week for week in recent_weeks(weeks) if week.counted and week.gap > HEALTHY_GAP]
    # The row of packaging names the newest week that diverges, so prefer another week here.
    named = _newest(week for week in behind if week.diverges)
    week = _newest(week for week in behind if week is not named) or named
    if week is None:
        return None
    return Advice(
        key="stub",
        because=f"{_furthest(week)}: models more than {HEALTHY_GAP} behind",
        do="let every feature-flag pull request carry the model stub, and let CI fail without it",
        benefit="synchronised releases",
        measure="gap of the last complete week",
        value=_gap(weeks),
    )


def _drift(recoveries: Sequence[Recovery], *, drift_is_checked: bool) -> Advice | None:
    by_cause = {item.cause: item.resolved + item.open for item in recoveries}
    caused, everything = by_cause.get(EventType.MODEL, 0), by_cause.get(ALL, 0)
    if drift_is_checked or not caused:
        return None
    return Advice(
        key="drift",
        because=f"incidents put down to a model: {caused} of {everything}, and live data is not checked for drift",
        do="check live against training distribution after each deploy, and page when the KL divergence is over the "
        "threshold",
        benefit="degradation found hours before users notice",
        measure="incidents put down to a model, in the window",
        value=float(caused),
    )


def _one_tag(untagged: str | None) -> Advice | None:
    if untagged is None:
        return None
    return Advice(
        key="tag",
        because=f"code and models live in two registries, and no live model version says that it belongs to {untagged}",
        do="tag image and model with the unified tag <service>:<git-sha>-<model-sha> (the output unified-tag; on the "
        "model version as the tag flowjoy.unified_tag)",
        benefit="provenance; one-tag rollback",
        measure="live pairs without a unified tag",
        value=1.0,
    )


def _newest(weeks: Iterable[Week]) -> Week | None:
    matching = list(weeks)
    return matching[-1] if matching else None


def _deploys(week: Week) -> str:
    return _counts(week, week.lagging or week.furthest)


def _furthest(week: Week) -> str:
    return _counts(week, week.furthest)


def _counts(week: Week, model: ModelGap | None) -> str:
    """Return the deploys of a week; of several models those of the model that the signal is about."""
    if model is None or week.models == 1:
        code, models = plural(week.code_deploys, "code deploy"), plural(week.model_deploys, "model deploy")
        return f"{week.label}: {code} and {models}"
    code, ships = plural(model.code_deploys, "code deploy"), plural(model.ships, "ship")
    return f"{week.label}: {code} and {ships} of {model.model}"


def _gap(weeks: Sequence[Week]) -> float | None:
    last = complete_weeks(weeks)[-1:]
    return float(last[0].gap) if last and last[0].counted else None


def _mttr(weeks: Sequence[Week]) -> float | None:
    last = complete_weeks(weeks)[-1:]
    return last[0].mttr_hours if last else None
