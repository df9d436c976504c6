"""The headline of a run, and the next steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flowjoy.analysis.promise import verdict
from flowjoy.analysis.promise.merge_gate import GateLevel
from flowjoy.analysis.results import Results
from flowjoy.domain import Decision, Obligation, Status
from flowjoy.report.content.first_run import first_run, is_older
from flowjoy.report.escaping import clean
from flowjoy.report.text import moment, plural, soon, span

_NAME_LIMIT = 3


@dataclass(frozen=True, kw_only=True)
class HeadlineLine:
    """One line of plain text. `left` is the time left as of the run until `deadline`.

    `verdict` precedes the line where the verdict is not shown next to it.
    """

    before: str
    verdict: str = ""
    left: str = ""
    after: str = ""
    deadline: datetime | None = None

    @property
    def text(self) -> str:
        """The complete line."""
        return f"{self.verdict}{self.before}{self.left}{self.after}"


def headline(results: Results) -> str:
    """Return the verdict in one line of plain text; external names in it are cleaned, not escaped."""
    return headline_of(results).text


def headline_of(results: Results) -> HeadlineLine:
    """Return the headline with the time left as a separate part, for a page that counts down."""
    if results.verdict.exit_code == verdict.EXIT_UNDECIDED:
        return HeadlineLine(verdict="could not decide: ", before=clean("; ".join(results.verdict.reasons), 400))
    settled = _settled(results)
    if settled is not None:
        return HeadlineLine(before=settled)
    running = [item for item in results.scope if item.is_running]
    if running:
        first = min(running, key=lambda item: (item.deadline, item.id))
        more = f" and {plural(len(running) - 1, 'more clock')}" if len(running) > 1 else ""
        return _due(first, results, more)
    waived = next((item for item in results.scope if item.is_excused), None)
    by_status = {
        "none": f"no code deploy in the last {plural(results.bundle.window.weeks, 'week')}: nothing is promised",
        "undeclared": f"{clean(results.bundle.terms.model_stub)} names no model: nothing is promised. Add one to it"
        if results.commits_without_models
        else "no model dependency is declared. Set `models` to enforce the promise",
        "pending": "nothing is running, but a waived model is not shipped yet"
        + (f": {clean(waived.model)}, {clean(waived.waiver or '', 300)}" if waived is not None else ""),
    }
    kept = f"the {_hours(results)} promise holds: nothing is open"
    return HeadlineLine(before=by_status.get(results.sla_status, undetermined(results) or kept))


def undetermined(results: Results) -> str:
    """Return how many releases are undetermined, and how to fix it; empty if none is."""
    items = [item for item in results.scope if item.status is Status.UNDETERMINED]
    releases = len({item.code_id for item in items})
    if not items:
        return ""
    versions = sorted({f"{clean(item.model)} v{clean(item.version or '?', 40)}" for item in items})
    named = ", ".join(versions[:_NAME_LIMIT])
    return (
        f"nothing is open, but {plural(releases, 'release')} {'is' if releases == 1 else 'are'} undetermined, neither "
        f"kept nor broken: set the tag flowjoy.deployed_at of {named} to the time it went live, and run FlowJoy hourly"
    )


def why_no_rate(results: Results) -> str:
    """Return why no deadline of the rate period counts."""
    left_out = results.rate.left_out
    return f"{plural(left_out, 'deadline')} passed, neither kept nor broken" if left_out else "no deadline has passed"


def _hours(results: Results) -> str:
    return f"{results.bundle.terms.sla_hours:g} h"


def _settled(results: Results) -> str | None:
    """Return a headline that does not depend on time: refused by the merge gate, not judged, or promise broken."""
    refused = [item.text for item in results.gate.of(GateLevel.FAILURE)] if results.gate else []
    if refused:
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        return f"{clean(refused[0], 300)}{more}"
    if not results.judges_promise and results.gate is None:
        return "nothing was judged"
    if not results.judges_promise:
        return "the model stub is in order; the promise itself is judged on merge"
    broken = [item for item in results.scope if item.status is Status.BREACHED]
    if broken:
        if all(is_older(item, results) for item in broken) and (sentence := first_run(results)):
            return sentence
        named = ", ".join(sorted({clean(item.model) for item in broken}))
        releases = len({item.code_id for item in broken})
        return f"the {_hours(results)} promise is broken: {named} ({plural(releases, 'release')} waiting)"
    return None


@dataclass(frozen=True, kw_only=True)
class NextStep:
    """Something to do: `lead` names it, `text` says by when and why. `mark`: `bad`, `good` or empty.

    `left`: the time left as of the run until `deadline`, for a running obligation.
    """

    lead: str
    text: str
    mark: str = ""
    left: str = ""
    deadline: datetime | None = None

    @property
    def sentence(self) -> str:
        """The text with the time left as of the run."""
        return f"{self.text} ({self.left})." if self.left else self.text


def next_steps(results: Results) -> tuple[NextStep, ...]:
    """Return what to do next and by when: unread sources first, then one step per model, overdue ones first."""
    unread = verdict.unproved(results.bundle.coverage)
    steps = [
        NextStep(
            lead=f"Fix {clean(item.source)}:",
            text=clean(": ".join(filter(None, (item.reason, item.hint))), 400),
            mark="bad",
        )
        for item in unread
    ]
    steps += ships_due(results)
    if not steps and results.verdict.decision is Decision.PASS:
        unclear = undetermined(results)
        lead, mark = ("Record when it shipped:", "") if unclear else ("Nothing to do:", "good")
        steps.append(NextStep(lead=lead, text=headline(results), mark=mark))
    return tuple(steps)


def ships_due(results: Results) -> tuple[NextStep, ...]:
    """Return one step per model with an open obligation, overdue ones first."""
    steps = []
    breached = [item for item in results.scope if item.status is Status.BREACHED]
    running = [item for item in results.scope if item.is_running]
    for owed, mark in ((breached, "bad"), (running, "")):
        for model in sorted({item.model for item in owed}):
            waiting = sorted((item for item in owed if item.model == model), key=lambda item: (item.deadline, item.id))
            steps.append(_ship(waiting, results, mark))
    return tuple(steps)


def _ship(waiting: list[Obligation], results: Results, mark: str) -> NextStep:
    """Return the ship that the first of these obligations needs, and how many more wait for it."""
    first = waiting[0]
    what = "a new version" if first.requires == "any" else f"version {clean(first.requires)}"
    by = moment(first.deadline, results.bundle.window.timezone)
    others = f" and {plural(len(waiting) - 1, 'more release')}" if len(waiting) > 1 else ""
    lead, owed = f"Ship {what} of {clean(first.model)}", f"for {first.release}{others}"
    if mark:
        return NextStep(lead=lead, text=f"{owed}: it was due by {by} ({outcome(first, results)}).", mark=mark)
    left = f"{span(first.deadline - results.bundle.generated_at)} left"
    return NextStep(lead=lead, text=f"{owed}: it is due by {by}", left=left, deadline=first.deadline)


def _due(item: Obligation, results: Results, more: str) -> HeadlineLine:
    """Return `recommender due in 31 h 12 m (Tue 09:00 UTC)`."""
    now = results.bundle.generated_at
    return HeadlineLine(
        before=f"{clean(item.model)} due ",
        left=f"in {span(item.deadline - now)}",
        after=f" ({soon(item.deadline, results.bundle.window.timezone, now)}){more}",
        deadline=item.deadline,
    )


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
        return f"waived: {clean(item.waiver or '', 300)}{miss}"
    if item.status is Status.LATE:
        shipped = item.shipped_at
        return "rolled back after the deadline" if shipped is None else f"shipped {span(shipped - item.deadline)} late"
    if item.status is Status.MET and item.shipped_at is not None:
        return _met(item, item.shipped_at, zone)
    if item.status is Status.UNDETERMINED and item.not_before is not None and item.seen_by is not None:
        between = f"{moment(item.not_before, zone)} and {moment(item.seen_by, zone)}"
        return f"shipped between {between}: set the tag flowjoy.deployed_at, or run FlowJoy hourly"
    if item.status is Status.CANCELLED:
        return "the code was rolled back in time"
    return item.reason or ""


def _met(item: Obligation, shipped_at: datetime, zone: str) -> str:
    if item.not_before is not None:
        return f"observed to ship between {moment(item.not_before, zone)} and {moment(shipped_at, zone)}"
    return "shipped with the code" if shipped_at <= item.start else f"shipped after {span(shipped_at - item.start)}"
