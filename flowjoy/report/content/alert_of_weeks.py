"""The text of alerts about a week: models that lag behind code, and an MTTR that spikes."""

from __future__ import annotations

from datetime import date

from flowjoy.analysis.alerts.alert import Alert
from flowjoy.analysis.flow.divergence_and_spikes import Spike
from flowjoy.analysis.results import Results
from flowjoy.domain import Week
from flowjoy.domain.alerts import AlertKind
from flowjoy.report.content.alert_parts import ICONS, NOTHING, OVER, AlertText
from flowjoy.report.content.owners import DATA_TEAM, owner_of
from flowjoy.report.content.retrospective import spike_text
from flowjoy.report.escaping import clean
from flowjoy.report.text import lagging, plural

_SPIKE = "run a 48-hour spike to containerise the training job"
_PACKAGE = "with ops, package {} in the same CI job as the service, so that both ship together"


def of_divergence(alert: Alert, week: Week, results: Results) -> AlertText:
    """Return the text for models that lag behind code."""
    about, monday = week.lagging or week.furthest, _monday(alert)
    state = "second week in a row" if alert.escalated else f"week of {week.label}"
    model = "the model" if about is None else clean(about.model)
    share = f"a gap of {week.lag}, more than {results.bundle.terms.divergence_percent:g} % of the code deploys"
    longer = f" Models have lagged since the week of {monday}." if alert.escalated else ""
    return AlertText(
        icon=ICONS[alert.kind],
        subject=lagging(week),
        state=state,
        summary=f"{lagging(week)} in the week of {week.label}{', the second week in a row' if alert.escalated else ''}",
        facts=f"{_cadence(week)}: {share}.{longer}",
        since=f"week of {monday}",
        move=f"{_SPIKE if alert.escalated else _PACKAGE.format(model)}.",
        owner="" if about is None else owner_of(about.model, results),
        team=DATA_TEAM,
        details={"week": week.week.isoformat(), "gap": str(week.lag)},
    )


def of_spike(spike: Spike) -> AlertText:
    """Return the text for an MTTR that spikes."""
    week = spike.week
    still_open = (week.incidents or 0) - week.resolved
    unresolved = f", {still_open} still open" if still_open > 0 else ""
    return AlertText(
        icon=ICONS[AlertKind.MTTR_SPIKE],
        subject="Unified MTTR",
        state=f"{spike_text(spike)}, week of {week.label}",
        summary=f"unified MTTR is {spike_text(spike)}, in the week of {week.label}",
        facts=(
            f"The mean time to resolve incidents that began in the week of {week.label} was {spike_text(spike)} "
            f"({week.resolved} resolved{unresolved}; code and models together)."
        ),
        since=f"week of {week.label}",
        move="review these incidents with the data team, and put a data scientist on call next week.",
        team="ops",
        details={
            "week": week.week.isoformat(),
            "mttr_hours": f"{spike.hours:.1f}",
            "usual_hours": f"{spike.usual_hours:.1f}",
            "incidents_resolved": str(week.resolved),
        },
    )


def of_recovered(alert: Alert, week: Week) -> AlertText:
    """Return the text for a week that ended an alert."""
    mttr = "back to normal" if week.mttr_hours is None else f"back to {week.mttr_hours:.1f} h"
    diverged = alert.kind is AlertKind.DIVERGENCE
    incidents = "no incident was resolved" if week.mttr_hours is None else f"the MTTR was {week.mttr_hours:.1f} h"
    facts = _cadence(week) if diverged else f"In the week of {week.label}, {incidents}"
    since = f"The alert was for the week of {_monday(alert)}."
    return AlertText(
        icon=OVER,
        subject="Models no longer lag behind code" if diverged else "Unified MTTR",
        state=f"week of {week.label}" if diverged else f"{mttr}, week of {week.label}",
        facts=f"{facts}. {since}",
        since=since,
        move=NOTHING,
    )


def _cadence(week: Week) -> str:
    """Return the deploys of a week, and the ships of the model that is furthest behind, if one is required."""
    about = week.lagging or week.furthest
    if about is not None:
        deploys, ships = (
            plural(about.code_deploys, "code deploy"),
            plural(about.ships, "version") if about.ships else "no version",
        )
        return f"In the week of {week.label}, {deploys} needed {clean(about.model)}, and {ships} of it shipped"
    ships = plural(week.model_deploys, "model deploy") if week.ships_known else "an unknown number of model deploys"
    return f"In the week of {week.label}, {plural(week.code_deploys, 'code deploy')} and {ships} went live"


def _monday(alert: Alert) -> str:
    """Return the week in the subject of an alert, as in the week table."""
    return date.fromisoformat(alert.subject).strftime("%b %d")
