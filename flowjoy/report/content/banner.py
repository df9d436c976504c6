"""The banner of each surface: the state of the service, of one release, or of code that asks to go live."""

from __future__ import annotations

from collections.abc import Sequence

from flowjoy.analysis.promise import verdict
from flowjoy.analysis.results import Results
from flowjoy.domain import AbsentStub, Obligation, Status
from flowjoy.report.blocks import Banner, Mark, Move
from flowjoy.report.content.first_run import first_run, is_older
from flowjoy.report.content.gate import blocked
from flowjoy.report.content.moves import moves, not_enforced
from flowjoy.report.content.obligation_text import needed, predicate, release
from flowjoy.report.escaping import clean
from flowjoy.report.links import NOWHERE, Links
from flowjoy.report.prose import Name, Prose, Text, joined, own, plain, prose
from flowjoy.report.text import capital, moment, plural, span

_NAME_LIMIT = 3
_NOT_YOURS = (
    "Your change did not cause it; an earlier release did. A branch rule that requires this check blocks merging."
)
_BLOCKS = "Until it ships, pull requests cannot merge where a branch rule requires this check."
_UNREAD = "This check fails for every change until the source can be read."
_RECORDED = Move(
    do="Nothing is left to ship for this release.",
    why="The miss is recorded, so the check of this commit stays red. Other commits and pull requests are not blocked.",
)


def headline(results: Results) -> str:
    """Return the headline of the banner as one line of plain text."""
    return plain(banner(results).headline)


def banner(results: Results, links: Links = NOWHERE) -> Banner:
    """Return the state of the service as of the run: the most serious thing first."""
    for state in (_undecided, _refused, _not_judged, _overdue, _running, _waived, _nothing_promised, _undetermined):
        content = state(results, links)
        if content is not None:
            return content
    return _kept(results)


def release_banner(results: Results, owed: Sequence[Obligation], links: Links = NOWHERE) -> Banner | None:
    """Return the final state of one release; None while an obligation of it runs, is unknown, or does not exist."""
    if not owed or any(item.is_running or item.status is Status.UNKNOWN for item in owed):
        return None
    broken = [item for item in owed if item.status in (Status.BREACHED, Status.LATE)]
    waived = [item for item in owed if item.status is Status.WAIVED]
    other = [item for item in owed if item.status is not Status.MET]
    if broken:
        first = max(broken, key=lambda item: ((item.closed_at or results.bundle.generated_at) - item.deadline, item.id))
        title = prose("{} {}", Name(first.subject), predicate(first, results))
        facts = (_released(first, results), *not_enforced(results))
        ways = moves(results, links, is_named=True) if first.status is Status.BREACHED else (_RECORDED,)
        word = "Overdue" if first.status is Status.BREACHED else "Late"
        return Banner(mark=Mark.BAD, word=word, title=title, facts=facts, moves=ways)
    if other:
        first = min(waived or other, key=lambda item: (item.status.value, item.model))
        word = "" if waived else capital(first.status.label)
        title = prose("{} {}", Name(first.subject), predicate(first, results))
        ways = moves(results, links, is_named=True) if first.is_excused else ()
        return Banner(mark=Mark.CALM, word=word, title=title, moves=ways)
    slowest = max(owed, key=lambda item: (item.shipped_at or item.start) - item.start)
    last = ", the last of them " if len(owed) > 1 and slowest.shipped_at and slowest.shipped_at > slowest.start else " "
    title = prose("{}{}{}", plural(len(owed), "model"), last, predicate(slowest, results))
    return Banner(mark=Mark.GOOD, word="Kept", title=title, facts=(_released(slowest, results),))


def _undecided(results: Results, links: Links) -> Banner | None:
    if results.verdict.exit_code != verdict.EXIT_UNDECIDED:
        return None
    reasons = clean("; ".join(results.verdict.reasons), 400)
    facts = (_UNREAD,) if verdict.unproved(results.bundle.coverage) and results.bundle.terms.enforce else ()
    return Banner(
        mark=Mark.BAD, word="", title=f"Could not decide: {reasons}", facts=facts, moves=moves(results, links)
    )


def _refused(results: Results, links: Links) -> Banner | None:
    return blocked(results.gate, results, links) if results.gate is not None else None


def _not_judged(results: Results, _links: Links) -> Banner | None:
    if results.judges_promise:
        return None
    if results.gate is None:
        return Banner(mark=Mark.CALM, word="No data", title="Nothing was judged")
    title = "The model stub is in order; the promise itself is judged on merge"
    return Banner(mark=Mark.GOOD, word="", title=title)


def _overdue(results: Results, links: Links) -> Banner | None:
    broken = [item for item in results.scope if item.status is Status.BREACHED]
    if not broken:
        return None
    first = min(broken, key=lambda item: (item.deadline, item.id))
    models = sorted({item.subject for item in broken})
    is_named = len(models) == 1
    if is_named:
        title = prose("{} {}", Name(first.subject), predicate(first, results))
    elif len(models) <= _NAME_LIMIT:
        title = prose("{} are overdue: {}", plural(len(models), "model"), joined(Name(name) for name in models))
    else:
        longest = span(results.bundle.generated_at - first.deadline)
        title = (f"{plural(len(models), 'model')} are overdue, the first by {longest}",)
    facts: list[Text] = [_waiting(first, len({item.code_id for item in broken}), results)]
    if results.gate is not None and results.gate.is_merge:
        title = prose("Merging is blocked: {}", title) if results.bundle.terms.enforce else title
        facts = [_NOT_YOURS, *facts]
    elif results.bundle.terms.enforce:
        facts.append(_BLOCKS)
    if all(is_older(item, results) for item in broken) and (sentence := first_run(results)):
        title, is_named = own(sentence), False
    facts += not_enforced(results)
    ways = moves(results, links, is_named=is_named)
    mark, word = (Mark.BAD, "") if results.bundle.terms.enforce else (Mark.CALM, "Not enforced")
    return Banner(mark=mark, word=word, title=title, facts=facts, moves=ways)


def _running(results: Results, links: Links) -> Banner | None:
    running = [item for item in results.scope if item.is_running]
    if not running:
        return None
    first = min(running, key=lambda item: (item.deadline, item.id))
    releases, models = sum(item.model == first.model for item in running), len({item.model for item in running})
    more = f"; {plural(releases, 'release')} wait for it" if releases > 1 else ""
    more += f"; {plural(models - 1, 'more model')} due later" if models > 1 else ""
    title = prose("{} {}{}", Name(first.subject), predicate(first, results), more)
    word = "At risk" if first.status is Status.AT_RISK else "Pending"
    facts, ways = (_released(first, results),), moves(results, links, is_named=True)
    return Banner(mark=Mark.WAIT, word=word, title=title, facts=facts, moves=ways)


def _waived(results: Results, links: Links) -> Banner | None:
    waived = [item for item in results.scope if item.is_excused]
    if not waived:
        return None
    first = min(waived, key=lambda item: (item.deadline, item.id))
    more = f"; {plural(len(waived) - 1, 'more waiver')}" if len(waived) > 1 else ""
    title = prose("{} {}{}", Name(first.subject), predicate(first, results), more)
    facts, ways = (_released(first, results),), moves(results, links, is_named=True)
    return Banner(mark=Mark.CALM, word="", title=title, facts=facts, moves=ways)


def _nothing_promised(results: Results, links: Links) -> Banner | None:
    title: Prose
    weeks = plural(results.bundle.window.weeks, "week")
    if results.sla_status == "none" and any(week.code_deploys for week in results.weeks):
        title = (f"no release in the last {weeks} owed a model, so nothing was kept or missed",)
        if results.bundle.terms.sla_since is not None and not results.scope:
            title = (f"every release in the last {weeks} is older than sla-since, so nothing was promised",)
        return Banner(mark=Mark.CALM, word="No data", title=title, moves=moves(results))
    if results.sla_status == "none":
        title = (f"no code was deployed to production in the last {weeks}, so nothing was promised or kept",)
        check = Move(
            do="If you did deploy:",
            why=prose(
                "check the inputs {} and {} of the FlowJoy step. Otherwise there is nothing to do.",
                Name("code-source"),
                Name("environment"),
            ),
        )
        return Banner(mark=Mark.CALM, word="No data", title=title, moves=(check, *moves(results)))
    return _undeclared(results, links) if results.sla_status == "undeclared" else None


def _undeclared(results: Results, links: Links) -> Banner:
    title: Prose = ("no model dependency is declared, so nothing is promised",)
    stub, how = Name(results.bundle.terms.model_stub), links.page("how to write it", "promise.md#the-model-stub")
    why = prose("Or add {} to the repository ({}). Until then, no deadline is checked.", stub, how)
    if not results.bundle.terms.code_source:
        no_stub = "the input {} is empty, and {} does not apply to releases of a code file, so nothing is promised"
        title, why = prose(no_stub, Name("models"), stub), prose("Until then, no deadline is checked.")
    do = prose(
        "In the FlowJoy step, name the models that the code depends on, such as {}.", Name("models: recommender")
    )
    if results.commits_without_models:
        newest = results.bundle.stubs.get(results.commits_without_models[0])
        is_missing = isinstance(newest, AbsentStub)
        gone, empty = "{} is missing, so nothing is promised", "{} names no model, so nothing is promised"
        title = prose(gone if is_missing else empty, stub)
        do, why = prose("Add the models that the code depends on to {}.", stub), prose("See {}.", how)
    return Banner(mark=Mark.CALM, word="Not set up", title=title, moves=(Move(do=do, why=why), *moves(results)))


def _undetermined(results: Results, _links: Links) -> Banner | None:
    sentence = undetermined(results)
    if not sentence:
        return None
    return Banner(mark=Mark.CALM, word="Undetermined", title=sentence, moves=moves(results))


def undetermined(results: Results) -> str:
    """Return how many releases are undetermined, and how to settle them; empty if none is."""
    items = [item for item in results.scope if item.status is Status.UNDETERMINED]
    if not items:
        return ""
    releases = len({item.code_id for item in items})
    lead = f"nothing is due, but {plural(releases, 'release')} {'is' if releases == 1 else 'are'} undetermined"
    # With a reason it is the code whose time is unknown: a tag was moved, or a pre-release promoted.
    versions = sorted({f"{clean(item.model)} v{clean(item.version or '?', 40)}" for item in items if not item.reason})
    if not versions:
        return f"{lead}, neither kept nor broken: run FlowJoy hourly"
    stamp = f"set the tag flowjoy.deployed_at of {', '.join(versions[:_NAME_LIMIT])} to the time it went live"
    return f"{lead}, neither kept nor broken: {stamp}, and run FlowJoy hourly"


def _kept(results: Results) -> Banner:
    late = len({item.model for item in results.scope if item.status is Status.LATE})
    hours = f"{results.bundle.terms.sla_hours:g} h"
    if late:
        weeks = plural(results.bundle.window.weeks, "week")
        title = f"Nothing is due now; {plural(late, 'model')} shipped late in the last {weeks}"
    else:
        title = f"The {hours} promise holds: nothing is due"
    return Banner(mark=Mark.CALM if late else Mark.GOOD, word="", title=title, moves=moves(results))


def _released(item: Obligation, results: Results) -> Prose:
    zone, now = results.bundle.window.timezone, results.bundle.generated_at
    provisional = " (this very release, provisionally)" if item.provisional else ""
    deployed, due = moment(item.start, zone, now), moment(item.deadline, zone, now)
    verb = "is" if item.is_running else "was"
    hours = f"{results.bundle.terms.sla_hours:g} h"
    shipped = prose("{} of {} {} due within {}, by {}.", needed(item), Name(item.subject), verb, hours, due)
    return prose("Release {} was deployed {}{}{}; {}", release(item), deployed, _by_run(item), provisional, shipped)


def _by_run(item: Obligation) -> str:
    """Return which workflow run deployed a release, where runs are the releases; it shows branch and jobs."""
    kind, _, number = item.code_id.partition("@")[0].partition(":")
    return f" by run {number}" if kind == "run" and number.isdecimal() else ""


def _waiting(first: Obligation, releases: int, results: Results) -> Prose:
    more = (
        f" {plural(releases - 1, 'more release')} {'waits' if releases == 2 else 'wait'} as well."
        if releases > 1
        else ""
    )
    return prose("{}{}", _released(first, results), more)
