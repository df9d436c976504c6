"""The next moves, in the imperative: sources to fix, models to ship, ways out, and the moves of alerts."""

from __future__ import annotations

from flowjoy.analysis.promise import verdict
from flowjoy.analysis.promise.merge_gate import GateLevel
from flowjoy.analysis.results import Results
from flowjoy.domain import Decision, Obligation, Status
from flowjoy.domain.alerts import AlertKind
from flowjoy.report.blocks import Mark, Move
from flowjoy.report.content.alerts import firing_alerts
from flowjoy.report.content.obligation_text import needed, predicate, release
from flowjoy.report.content.owners import actor, owner_of
from flowjoy.report.escaping import clean
from flowjoy.report.links import NOWHERE, Links
from flowjoy.report.prose import Name, Text, prose
from flowjoy.report.text import capital, moment, plural

_OF_OBLIGATIONS = frozenset({AlertKind.BREACH, AlertKind.AT_RISK})


def moves(results: Results, links: Links = NOWHERE) -> tuple[Move, ...]:
    """Return what to do next: unread sources, overdue models, ways out, running models, then other firing alerts."""
    fixes = [
        Move(
            do=f"Fix {clean(item.source)}.",
            why=clean(": ".join(filter(None, (item.reason, item.hint))), 400),
            mark=Mark.BAD,
        )
        for item in verdict.unproved(results.bundle.coverage)
    ]
    overdue = _ships([item for item in results.scope if item.status is Status.BREACHED], results, Mark.BAD)
    late = {item.model for item in results.scope if item.status is Status.BREACHED}
    running = _ships([item for item in results.scope if item.is_running and item.model not in late], results, Mark.WAIT)
    waived = _ships([item for item in results.scope if item.is_excused], results, Mark.CALM)
    others = [
        Move(do=f"{clean(alert.title, 200)}.", why=clean(alert.next_step, 400), mark=Mark.BAD)
        for alert in firing_alerts(results)
        if alert.kind not in _OF_OBLIGATIONS
    ]
    every = [*fixes, *overdue, *_ways_out(results, links, overdue), *running, *waived, *others]
    if not every and results.verdict.decision is Decision.PASS and _is_quiet(results):
        every.append(Move(do="Nothing to do.", mark=Mark.GOOD))
    return tuple(every)


def _is_quiet(results: Results) -> bool:
    """Return whether nothing waits for a person: a release that could not be judged or a missing setting does."""
    return results.sla_status == "met" and not results.count(Status.UNDETERMINED)


def _ways_out(results: Results, links: Links, overdue: list[Move]) -> list[Move]:
    """Return how to get out in an emergency, where the check blocks something."""
    refused = results.gate is not None and bool(results.gate.of(GateLevel.FAILURE))
    if not (overdue or refused):
        return []
    stub, how = Name(results.bundle.terms.model_stub), links.page("how to write one", "promise.md#waivers")
    where = "It stands in {} on the default branch and names the model, a reason, a signature and an end ({})."
    ways = [Move(do="In an emergency, merge a waiver.", why=prose(f"{where} Then run this check again.", stub, how))]
    if results.gate is not None and results.gate.is_merge:
        why = "An administrator can merge past the required check; the miss stays recorded."
        ways.append(Move(do="Or ask for a bypass.", why=why))
    return ways


def _ships(owed: list[Obligation], results: Results, mark: Mark) -> list[Move]:
    """Return one move per model: the ship that its most urgent release needs, and how many more wait for it."""
    by_model: dict[str, list[Obligation]] = {}
    for item in sorted(owed, key=lambda item: (item.deadline, item.id)):
        by_model.setdefault(item.model, []).append(item)
    return [_ship(waiting, results, mark) for waiting in by_model.values()]


def _ship(waiting: list[Obligation], results: Results, mark: Mark) -> Move:
    first, others = waiting[0], len(waiting) - 1
    more = f" and {plural(others, 'more release')}" if others else ""
    due = moment(first.deadline, results.bundle.window.timezone)
    then = " Then run this check again." if mark is Mark.BAD else ""
    timing = predicate(first, results) if mark is not Mark.CALM else (f"was due by {due}",)
    why: Text = prose("For release {}{}: it {}.{}", release(first), more, timing, then)
    who = capital(actor(owner_of(first.model, results)))
    return Move(do=prose("{}: ship {} of {}.", who, needed(first), Name(first.subject)), why=why, mark=mark)


def not_enforced(results: Results) -> tuple[Text, ...]:
    """Return a note that a failure does not fail the step, where that was asked for."""
    is_soft = results.verdict.decision is Decision.FAIL and not results.bundle.terms.enforce
    return (prose("Reported only: {} is false, so the step does not fail.", Name("enforce")),) if is_soft else ()
