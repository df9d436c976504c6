"""The outcome of an obligation in words."""

from __future__ import annotations

from datetime import datetime

from flowjoy.analysis.results import Results
from flowjoy.domain import Obligation, Status
from flowjoy.domain.bundle import RunParameters
from flowjoy.domain.listings import is_gone_for_good, names_in
from flowjoy.report.blocks import Mark
from flowjoy.report.escaping import clean
from flowjoy.report.prose import Commit, Countdown, Name, Prose, Span, prose
from flowjoy.report.text import moment, soon, span

_SHIPS = {"alias": "move the alias {} to it", "stage": "move it to the stage {}", "tag": "set the tag {} on it"}
MARKS = {
    Status.MET: Mark.GOOD,
    Status.LATE: Mark.BAD,
    Status.BREACHED: Mark.BAD,
    Status.UNKNOWN: Mark.BAD,
    Status.AT_RISK: Mark.WAIT,
    Status.PENDING: Mark.WAIT,
}


def outcome(item: Obligation, results: Results) -> str:
    """Return the outcome of an obligation in plain text."""
    as_of, zone = results.bundle.generated_at, results.bundle.window.timezone
    if item.is_running:
        return f"due in {span(item.deadline - as_of)} ({soon(item.deadline, zone, as_of)})"
    if item.status is Status.BREACHED:
        void = f"; {clean(item.reason, 300)}" if item.reason else ""
        return f"{span(as_of - item.deadline)} overdue, not shipped{void}"
    if item.status is Status.WAIVED:
        miss = "; counts as a miss: first seen after the deadline" if item.waived_miss else ""
        return f"waived until {excuse(item, results)}{miss}"
    if item.status is Status.LATE:
        shipped = item.shipped_at
        return "rolled back after the deadline" if shipped is None else f"shipped {span(shipped - item.deadline)} late"
    if item.status is Status.MET and item.shipped_at is not None:
        return _met(item, item.shipped_at, zone, as_of)
    if item.status is Status.UNDETERMINED and not item.reason and item.not_before and item.seen_by:
        between = f"{moment(item.not_before, zone, as_of)} and {moment(item.seen_by, zone, as_of)}"
        return f"shipped between {between}: set the tag flowjoy.deployed_at, or run FlowJoy hourly"
    if item.status is Status.CANCELLED:
        return "the code was rolled back in time"
    return clean(item.reason or "", 300)


def _met(item: Obligation, shipped_at: datetime, zone: str, now: datetime) -> str:
    if item.not_before is not None:
        between = f"{moment(item.not_before, zone, now)} and {moment(shipped_at, zone, now)}"
        return f"observed to ship between {between}"
    return "shipped with the code" if shipped_at <= item.start else f"shipped after {span(shipped_at - item.start)}"


def predicate(item: Obligation, results: Results) -> Prose:
    """Return what to say of a model: `is 2 h 5 m overdue`, `is due in 31 h (Tue 09:00 UTC)`, `shipped 3 h late`."""
    as_of, zone = results.bundle.generated_at, results.bundle.window.timezone
    if item.is_running:
        clock = Countdown(f"in {span(item.deadline - as_of)}", item.deadline, form="in")
        return prose("is due {} ({})", clock, soon(item.deadline, zone, as_of))
    if item.status is Status.BREACHED:
        return (f"is {span(as_of - item.deadline)} overdue",)
    if item.status is Status.LATE and item.shipped_at is None:
        return ("was not shipped before its code was rolled back, after the deadline",)
    if item.status is Status.WAIVED:
        waived = excuse(item, results)
        return (f"is waived until {waived}" if item.is_excused else f"was waived until {waived}",)
    text = outcome(item, results)
    if item.status in (Status.MET, Status.LATE) or (item.status is Status.UNDETERMINED and not item.reason):
        return (text or f"is {item.status.label}",)
    return (": ".join(filter(None, (f"is {item.status.label}", text))),)


def excuse(item: Obligation, results: Results) -> str:
    """Return the end of a waiver, why and by whom: `Tue 11 Jun 17:00 UTC: freeze, approved by ops`; empty if none."""
    if item.waiver is None:
        return ""
    until = moment(item.waiver.until, results.bundle.window.timezone, results.bundle.generated_at)
    return f"{until}: {clean(item.waiver.reason, 200)}, approved by {clean(item.waiver.by)}"


def release(item: Obligation) -> Span:
    """Return the release that owes the model: its commit, or else the id of its code event."""
    return Commit(item.sha) if item.sha else Name(item.code_id)


def needed(item: Obligation) -> Prose:
    """Return what a ship must be: `a new version`, or `version >=12`."""
    return ("a new version",) if item.requires == "any" else prose("version {}", Name(item.requires))


def other_pin(item: Obligation, results: Results) -> Prose | None:
    """Return what to do instead of a ship if the version that is needed was deleted and cannot ship any more."""
    if not is_gone_for_good(item.requires, names_in(results.bundle.listings, item.model)):
        return None
    mend = "replace the pin to version {} of {}, which was deleted, in {}; deploy that and waive this release"
    return prose(mend, Name(item.requires), Name(item.subject), Name(results.bundle.terms.model_stub))


def how_to_ship(terms: RunParameters) -> Prose:
    """Return how a version ships under the configured signal, in brackets; nothing where it is read from a file."""
    kind, _, name = terms.model_signal.partition(":")
    if kind in _SHIPS:
        return prose(f" ({_SHIPS[kind]})", Name(name))
    return (" (register it in MLflow)",) if terms.model_source else ()
