"""The key figures at the top of the page."""

from __future__ import annotations

from flowjoy.analysis.promise import compliance
from flowjoy.analysis.promise.verdict import unproved
from flowjoy.analysis.results import Results
from flowjoy.domain import CoverageState, SourceKind, Status
from flowjoy.report.blocks import Countdown, KeyFigure
from flowjoy.report.content.headline import why_no_rate
from flowjoy.report.text import decimal, lag_text, span


def key_figures(results: Results) -> tuple[KeyFigure, ...]:
    """Return running and broken promises, compliance rate, drift lag and unified MTTR, each with what it covers."""
    lag = results.drift_lag.current if results.drift_lag is not None else None
    week = results.last_week
    return (
        running(results),
        _broken(results),
        _kept(results),
        KeyFigure(
            name="drift lag now",
            value="no data" if lag is None else lag_text(lag),
            note="from the latest deploy to the next ship of its slowest model",
        ),
        KeyFigure(
            name="unified MTTR, last week",
            value=decimal(None if week is None else week.mttr_hours, " h"),
            note=_resolved(results),
        ),
    )


def _broken(results: Results) -> KeyFigure:
    name, broken = "promises broken", results.count(Status.BREACHED)
    if _unjudged(results):
        return KeyFigure(name=name, value="no data", note=_UNJUDGED)
    return KeyFigure(name=name, value=str(broken), mark="bad" if broken else "good")


_UNJUDGED = "a required source could not be read"


def _unjudged(results: Results) -> bool:
    """Return whether a deciding source could not be read: a 0 would look like good news then."""
    return bool(unproved(results.bundle.coverage))


def running(results: Results) -> KeyFigure:
    """Return the number of running clocks, and the time left on the next one."""
    if _unjudged(results):
        return KeyFigure(name="clocks running", value="no data", note=_UNJUDGED)
    count, due = sum(item.is_running for item in results.scope), compliance.next_deadline(results.scope)
    if not count or due is None:
        return KeyFigure(name="clocks running", value=str(count))
    clock = Countdown(text=f"{span(due - results.bundle.generated_at)} left", due=due)
    return KeyFigure(name="clocks running", value=str(count), note="next deadline:", mark="wait", clock=clock)


def _kept(results: Results) -> KeyFigure:
    rate, target = results.rate, results.bundle.terms.sla_target
    name = f"kept, last {compliance.RATE_DAYS} days"
    if rate.percent is None:
        why = _UNJUDGED if _unjudged(results) else why_no_rate(results)
        return KeyFigure(name=name, value="no data", note=f"{why}; target {target:g} %")
    few = ", too few to judge" if rate.n < compliance.ENOUGH else ""
    return KeyFigure(
        name=name,
        value=f"{rate.percent:.1f} %",
        note=f"of {rate.n}{few}; target {target:g} %",
        mark="" if few else "good" if rate.percent >= target else "bad",
    )


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
