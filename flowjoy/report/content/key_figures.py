"""The figures at the head of the page: what runs, what is broken, what is kept. Knows findings, no HTML."""

from __future__ import annotations

from flowjoy.analysis.promise import compliance
from flowjoy.analysis.promise.verdict import unproved
from flowjoy.analysis.results import Results
from flowjoy.domain import CoverageState, Status
from flowjoy.report.blocks import Clock, Tile
from flowjoy.report.content.headline import why_no_rate
from flowjoy.report.text import figure, lag_text, span


def tiles(findings: Results) -> tuple[Tile, ...]:
    """Running and broken promises, the rate, drift lag and the unified MTTR; each with what it is over."""
    lag = findings.drift_lag.current if findings.drift_lag is not None else None
    week = findings.last_week
    return (
        running(findings),
        _broken(findings),
        _kept(findings),
        Tile(
            name="drift lag now",
            value="no data" if lag is None else lag_text(lag),
            note="from the latest deploy to the next ship of its slowest model",
        ),
        Tile(
            name="unified MTTR, last week",
            value=figure(None if week is None else week.mttr_hours, " h"),
            note=_resolved(findings),
        ),
    )


def _broken(findings: Results) -> Tile:
    name, broken = "promises broken", findings.count(Status.BREACHED)
    if _unjudged(findings):
        return Tile(name=name, value="no data", note=_UNJUDGED)
    return Tile(name=name, value=str(broken), mark="bad" if broken else "good")


_UNJUDGED = "a source that decides could not be read"


def _unjudged(findings: Results) -> bool:
    """Whether nobody can say what is kept: then a 0 would look like good news."""
    return bool(unproved(findings.bundle.coverage))


def running(findings: Results) -> Tile:
    """How many clocks run, and how much is left of the one that ends next."""
    if _unjudged(findings):
        return Tile(name="clocks running", value="no data", note=_UNJUDGED)
    count, due = sum(item.is_running for item in findings.scope), compliance.next_deadline(findings.scope)
    if not count or due is None:
        return Tile(name="clocks running", value=str(count))
    clock = Clock(text=f"{span(due - findings.bundle.generated_at)} left", due=due)
    return Tile(name="clocks running", value=str(count), note="the next to end:", mark="wait", clock=clock)


def _kept(findings: Results) -> Tile:
    rate, target = findings.rate, findings.bundle.terms.sla_target
    name = f"kept, last {compliance.RATE_DAYS} days"
    if rate.percent is None:
        why = _UNJUDGED if _unjudged(findings) else why_no_rate(findings)
        return Tile(name=name, value="no data", note=f"{why}; target {target:g} %")
    few = ", too few to judge" if rate.n < compliance.ENOUGH else ""
    return Tile(
        name=name,
        value=f"{rate.percent:.1f} %",
        note=f"of {rate.n}{few}; target {target:g} %",
        mark="" if few else "good" if rate.percent >= target else "bad",
    )


def _resolved(findings: Results) -> str:
    """What the MTTR is over, or why there is none."""
    week = findings.last_week
    if week is None:
        return "no week is complete yet"
    states = {item.state for item in findings.bundle.coverage if item.source.startswith("incidents")}
    if CoverageState.FAILED in states:
        return "a source of incidents could not be read"
    if states <= {CoverageState.NOT_CONFIGURED}:
        return "no source of incidents is set"
    return f"{week.resolved} of {week.incidents} resolved" if week.incidents else "no incident began in it"
