"""The next moves, in the imperative: sources to fix, models to ship, ways out, and the moves of alerts."""

from __future__ import annotations

from dataclasses import replace

from flowjoy.analysis.promise import verdict
from flowjoy.analysis.results import Results
from flowjoy.domain import Coverage, Decision, Obligation, Status
from flowjoy.domain.gate_findings import GateLevel
from flowjoy.report.blocks import Mark, Move
from flowjoy.report.content.alerts import OF_OBLIGATIONS, firing_alerts
from flowjoy.report.content.obligation_text import how_to_ship, needed, other_pin, predicate, release
from flowjoy.report.content.owners import actor, owner_of
from flowjoy.report.escaping import clean
from flowjoy.report.links import NOWHERE, Links
from flowjoy.report.prose import Link, Name, Prose, Text, joined, prose, spans
from flowjoy.report.text import capital, moment, plural

_SHOWN, _NAMED = 3, 10
_OTHERWISE = {
    Mark.WAIT: "After the deadline, this check fails.",
    Mark.CALM: "When the waiver ends, it is overdue again.",
}


def moves(results: Results, links: Links = NOWHERE, *, is_named: bool = False) -> tuple[Move, ...]:
    """Return what to do next: unread sources, overdue models, ways out, running models, then other firing alerts.

    If `is_named`, the title names the only model to ship, and the facts its release: the move does not repeat them.
    """
    fixes = [
        Move(
            do=f"Workflow maintainer: let FlowJoy read the source {clean(item.source)}.",
            why=prose("{}. Then {}.", _problem(item), rerun(links)),
            mark=Mark.BAD,
        )
        for item in verdict.unproved(results.bundle.coverage)
    ]
    missed = [item for item in results.scope if item.status is Status.BREACHED]
    overdue = _ships(missed, results, Mark.BAD, is_named=is_named, then=rerun(links))
    late = {item.model for item in missed}
    pending = [item for item in results.scope if item.is_running and item.model not in late]
    running = _ships(pending, results, Mark.WAIT, is_named=is_named and not overdue)
    excused = [item for item in results.scope if item.is_excused]
    waived = _ships(excused, results, Mark.CALM, is_named=is_named and not (overdue or running))
    others = [
        Move(do=f"{clean(alert.title, 200)}.", why=clean(alert.next_step, 400), mark=alert.mark)
        for alert in firing_alerts(results)
        if alert.kind not in OF_OBLIGATIONS
    ]
    ways = _ways_out(results, links, overdue)
    every = [*fixes, *overdue, *ways, *running] if overdue else [*fixes, *running, *ways]
    every += [*waived, *others]
    if not every and results.verdict.decision is Decision.PASS and _is_quiet(results):
        every.append(Move(do="Nothing to do.", mark=Mark.GOOD))
    return tuple(every)


def rerun(links: Links) -> Prose:
    """Return how to have this run judge again."""
    return prose("re-run the failed job of {}", Link("this run", links.run or ""))


def _problem(item: Coverage) -> str:
    """Return why a source could not be read, and what helps."""
    return capital(clean(": ".join(filter(None, (item.reason, item.hint))), 400)).rstrip(".")


def _is_quiet(results: Results) -> bool:
    """Return whether nothing waits for a person: a release that could not be judged or a missing setting does."""
    return results.sla_status in ("met", "late", "waived") and not results.count(Status.UNDETERMINED)


def _ways_out(results: Results, links: Links, overdue: list[Move]) -> list[Move]:
    """Return how to get out in an emergency, where the check blocks something, or will soon."""
    gate = results.gate
    refused = gate is not None and bool(gate.of(GateLevel.FAILURE))
    undecided = results.verdict.exit_code == verdict.EXIT_UNDECIDED
    if not results.bundle.terms.enforce or not (overdue or refused or undecided or results.count(Status.AT_RISK)):
        return []
    what = "this pull request" if gate is not None and gate.is_merge else "a pull request"
    bypass = Move(do=f"In an emergency, ask an administrator to merge {what} past the check.")
    if undecided:
        return [bypass]
    waiver = _waiver(results, links, is_overdue=bool(overdue), is_refused=refused)
    return [bypass, waiver] if gate is not None and gate.is_merge and (overdue or refused) else [waiver]


def _waiver(results: Results, links: Links, *, is_overdue: bool, is_refused: bool) -> Move:
    """Return how to excuse a model for a while."""
    stub, how = Name(results.bundle.terms.model_stub), links.page("how to write one", "promise.md#waivers")
    add = prose("Add it to {} on the default branch: model, reason, who approves it, and until when ({}).", stub, how)
    if not (is_overdue or is_refused):
        late = " A run of FlowJoy has to see it before the deadline, or the miss is recorded: start one if none is due."
        return Move(do="If it cannot ship in time, merge a waiver before the deadline.", why=(*add, late))
    # Until it is merged, a model that is overdue blocks the pull request of its waiver too.
    past = " Where this check is required, an administrator merges it past the check." if is_overdue else ""
    after = prose(" Then {}.{}", rerun(links), " The miss stays recorded." if is_overdue else "")
    is_merge = results.gate is not None and results.gate.is_merge
    return Move(do="Or merge a waiver." if is_merge else "In an emergency, merge a waiver.", why=(*add, past, *after))


def _ships(owed: list[Obligation], results: Results, mark: Mark, *, is_named: bool, then: Prose = ()) -> list[Move]:
    """Return one move per model: the ship that its most urgent release needs. Many models are one move with a rest.

    `then`: what to do after the ships, where the check blocks something.
    """
    by_model: dict[str, list[Obligation]] = {}
    for item in sorted(owed, key=lambda item: (item.deadline, item.id)):
        by_model.setdefault(item.model, []).append(item)
    ships = [_ship(waiting, results, mark, is_named=is_named and len(by_model) == 1) for waiting in by_model.values()]
    shown = _SHOWN if len(ships) > _SHOWN + 1 else len(ships)
    if ships and then and results.bundle.terms.enforce:
        last = ships[shown - 1]
        ships[shown - 1] = replace(last, why=prose("{}Then {}.", (*spans(last.why), " ") if last.why else "", then))
    rest, names = ships[shown:], [Name(waiting[0].subject) for waiting in by_model.values()][shown:]
    if not rest:
        return ships
    more = " …" if len(names) > _NAMED else ""
    why = prose("{}{}", joined(names[:_NAMED]), more)
    return [*ships[:shown], Move(do=f"Ship {plural(len(rest), 'more model')}.", why=why, mark=mark, rest=tuple(rest))]


def _ship(waiting: list[Obligation], results: Results, mark: Mark, *, is_named: bool) -> Move:
    first, others = waiting[0], len(waiting) - 1
    who = capital(actor(owner_of(first.model, results)))
    ship = prose("ship {} of {}{}", needed(first), Name(first.subject), how_to_ship(results.bundle.terms))
    do = prose("{}: {}.", who, other_pin(first, results) or ship)
    if is_named:
        return Move(do=do, why=_OTHERWISE.get(mark, "") if results.bundle.terms.enforce else "", mark=mark)
    more = f" and {plural(others, 'more release')}" if others else ""
    due = moment(first.deadline, results.bundle.window.timezone, results.bundle.generated_at)
    timing = predicate(first, results) if mark is not Mark.CALM else (f"was due by {due}",)
    return Move(do=do, why=prose("For release {}{}: it {}.", release(first), more, timing), mark=mark)


def not_enforced(results: Results) -> tuple[Text, ...]:
    """Return a note that a failure does not fail the step, where that was asked for."""
    is_soft = results.verdict.decision is Decision.FAIL and not results.bundle.terms.enforce
    return (prose("Reported only: {} is false, so the step does not fail.", Name("enforce")),) if is_soft else ()
