"""The results of a run in its log: the weeks, and an annotation for everything that a person should act on."""

from __future__ import annotations

from flowjoy.actions.core import Console
from flowjoy.analysis.promise.dependencies import head_problem, head_waivers, named_models, not_applied
from flowjoy.analysis.promise.waivers import unused_waivers, void_waivers, with_first_seen
from flowjoy.analysis.results import Results
from flowjoy.domain import Coverage, CoverageState, Note, NoteLevel, Status
from flowjoy.report.content.banner import headline
from flowjoy.report.content.drift_text import faults as drift_faults
from flowjoy.report.content.drift_text import result as drift_result
from flowjoy.report.content.first_run import first_run, is_first
from flowjoy.report.content.obligation_text import outcome
from flowjoy.report.text import counted, lagging, plural

_LIMIT = 10
"""GitHub shows ten annotations of one level per step."""

_BROKEN = "48 h promise broken"


def announce_first_run(results: Results, console: Console) -> None:
    """Announce where the history begins, if this is the first run."""
    if is_first(results):
        is_judged = results.counts_are_known and not results.count(Status.UNDETERMINED)
        if note := first_run(results) or ("First run: nothing before today broke the promise" if is_judged else None):
            console.notice(note)
        service = results.bundle.service
        console.notice(
            f"no ledger of an earlier run of {service} was found: the history begins today, also that of alerts"
        )


def log_results(results: Results, console: Console) -> None:
    """Log a line per week, and the result of the drift check."""
    for week in results.weeks:
        mttr = "" if week.mttr_hours is None else f"{week.mttr_hours:.1f}"
        mark = " running" if week.partial else f" {lagging(week)}" if week.diverges else ""
        code = counted(week.code_deploys, known=week.code_known)
        model = counted(week.model_deploys, known=week.models_known) if week.observed else "?"
        console.log(f"{week.label}  code {code:>3}  model {model:>3}  MTTR {mttr:>5} h{mark}")
    if results.drift is not None:
        console.log(drift_result(results.drift))


def annotate(results: Results, console: Console) -> None:
    """Annotate what was not read, what does not count, and what is broken."""
    for coverage in results.bundle.coverage:
        _annotate_source(coverage, console)
    for sentence in drift_faults(results):
        console.warning(sentence)
    _annotate_stubs(results, console)
    if results.sla_status in ("none", "undeclared"):
        console.notice(headline(results))
    _annotate_breaches(results, console)


def _annotate_source(coverage: Coverage, console: Console) -> None:
    if coverage.state is CoverageState.FAILED:
        log = console.error if coverage.required else console.warning
        log(f"{coverage.source}: {coverage.reason}" + (f" ({coverage.hint})" if coverage.hint else ""))
    for note in coverage.notes:
        is_warning = isinstance(note, Note) and note.level is NoteLevel.WARNING
        log = console.warning if is_warning else console.notice
        log(f"{coverage.source}: {note}")


def _annotate_stubs(results: Results, console: Console) -> None:
    """Name the waivers that have no effect, and the releases without a promise."""
    bundle, path = results.bundle, results.bundle.terms.model_stub
    unread = head_problem(bundle.stubs, path)
    if unread is not None:
        console.warning(f"no waiver of the default branch holds: {unread}")
    waivers = with_first_seen(head_waivers(bundle.stubs), bundle.waivers)
    for sentence in void_waivers(waivers, bundle.generated_at):
        console.warning(sentence)
    for sentence in unused_waivers(waivers, {*bundle.terms.models, *named_models(bundle.stubs)}):
        console.notice(sentence)
    if (models := not_applied(bundle)) and results.sla_status != "undeclared":
        console.warning(
            f"{path} requires {', '.join(models[:_LIMIT])}, but releases of a code file owe the models of the input "
            "`models`, in any version. Name them there; a required version needs another code-source"
        )
    commits = results.commits_without_models
    if commits and results.sla_status != "undeclared":
        shown, releases = ", ".join(sha[:12] for sha in commits[:_LIMIT]), plural(len(commits), "release")
        console.notice(f"{path} is missing or names no model at {shown}: nothing is promised for {releases}")


def _annotate_breaches(results: Results, console: Console) -> None:
    broken = [item for item in results.scope if item.status is Status.BREACHED]
    for item in broken[:_LIMIT]:
        console.error(f"{item.model} for {item.release}: {outcome(item, results)}", title=_BROKEN)
    if len(broken) > _LIMIT:
        console.error(f"… and {plural(len(broken) - _LIMIT, 'more broken promise')}", title=_BROKEN)
