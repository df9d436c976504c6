"""The story of one run, top to bottom: settings, harvest, bundle, findings, report, verdict."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

from flowjoy.actions import event as triggers
from flowjoy.actions.context import ActionsContext, on_actions, read_context
from flowjoy.actions.core import Console, adopt_libraries, leave
from flowjoy.actions.event import RunEvent
from flowjoy.analysis.promise import verdict
from flowjoy.analysis.promise.dependencies import head_problem, idle_waivers, void_waivers
from flowjoy.analysis.results import Results, analyse
from flowjoy.clients.clock_skew import DECIDES, Clocks
from flowjoy.clients.size_limit import listening
from flowjoy.clients.transport import Budget, Transport, in_time
from flowjoy.config.given_inputs import command_line
from flowjoy.config.inputs import declared
from flowjoy.config.registry_address import warnings_of
from flowjoy.config.settings import Settings, credentials, read_settings, redactor
from flowjoy.domain import CoverageState, Decision, Note, NoteLevel, Status
from flowjoy.errors import FlowJoyError, HarvestError, InputError
from flowjoy.ledger.bundle_file import bundle_bytes
from flowjoy.pipeline import merge_gate
from flowjoy.pipeline.collect import collect
from flowjoy.pipeline.failed_checks import Ending, close_checks
from flowjoy.pipeline.publish import Publisher
from flowjoy.pipeline.run_context import (
    bundle_of,
    github_of,
    query_of,
    repository_info_of,
    terms_of,
    with_commit_judged,
)
from flowjoy.report import files, step_outputs
from flowjoy.report.content.drift_text import result as drift_result
from flowjoy.report.content.first_run import first_run, is_first
from flowjoy.report.content.headline import headline, outcome
from flowjoy.report.markdown import summary
from flowjoy.report.markdown_drift import faults as drift_faults
from flowjoy.report.text import code, counted, lagging, plural
from flowjoy.sinks import mlflow_ship_tag
from flowjoy.sources.base import Clients

_REPORT_SECONDS = 35
_ANNOTATIONS = 10
_CLOSING_SECONDS = 20
"""What is kept for a delivery that begins last, and then for turning the checks of a late run red."""
_GRACE_SECONDS = 9.0
"""What a delivery takes at least, whatever is left: alerts, upload and checks, three seconds each."""
_UNDECIDED = {"verdict": Decision.ERROR.value, "sla-status": Status.UNKNOWN.value}
_CANCEL_SECONDS = 1.8
"""A runner kills 2.5 s after SIGTERM."""


def run(environ: Mapping[str, str], argv: Sequence[str], *, now: datetime, stream: TextIO | None = None) -> int:
    """One run of the step. Gives the exit code; whatever happens, no crash reads as a pass."""
    console = Console(on_actions=on_actions(environ), stream=stream)
    try:
        runner = read_context(environ)
        console = _console(runner, stream, environ)
        # First of all, so that a run that is killed can never read as a pass.
        console.outputs(_UNDECIDED)
        settings = read_settings(environ, argv, runner)
        console.hide(redactor(environ, settings))
        with adopt_libraries(console, debug=runner.debug):
            whole = Budget(settings.timeout_seconds - min(_CLOSING_SECONDS, settings.timeout_seconds / 6))
            try:
                return in_time(lambda: _run(settings, runner, console, now, whole), whole.left() + _GRACE_SECONDS)
            except TimeoutError:
                console = console.taken_over()
                console.outputs(_UNDECIDED)
                raise _not_done(settings) from None
    except InputError as problem:
        ending = Ending(title="could not decide: an input is wrong", sentences=problem.problems)
        return _give_up(ending, console, environ, argv, heading="FlowJoy input")
    except FlowJoyError as problem:
        sentence = problem.advised if isinstance(problem, HarvestError) else str(problem)
        return _give_up(Ending(title=f"could not decide: {sentence}", sentences=[sentence]), console, environ, argv)
    except Exception as problem:  # noqa: BLE001  (the one place: a bug ends as "could not decide", in one line)
        at = problem.__traceback__
        while at is not None and at.tb_next is not None:
            at = at.tb_next
        where = f" in {at.tb_frame.f_code.co_name}, line {at.tb_lineno}" if at is not None else ""
        sentence = f"FlowJoy failed ({type(problem).__name__}{where}): could not decide. Please report this."
        return _give_up(Ending(title=sentence, sentences=[sentence]), console, environ, argv)


def _not_done(settings: Settings) -> HarvestError:
    return HarvestError(
        f"the run: not done within {settings.timeout_seconds} s, computing included",
        hint="raise timeout-seconds, or set fewer models, weeks or sources",
    )


def _give_up(
    ending: Ending, console: Console, environ: Mapping[str, str], argv: Sequence[str], *, heading: str = "FlowJoy"
) -> int:
    """Say why in log, summary and check; return the exit code."""
    for sentence in ending.sentences:
        console.error(sentence, title=heading)
    listed = "\n".join(f"- {code(console.redact(sentence), 1000)}" for sentence in ending.sentences)
    try:
        console.summary(f"## FlowJoy\n\n⚠️ **error**: {code(console.redact(ending.title), 400)}\n\n{listed}\n")
    except OSError as problem:
        console.warning(f"the job summary could not be written ({type(problem).__name__})")
    refused = close_checks(environ, argv, ending, console.redact)
    if refused is not None:
        console.notice(refused)
    return verdict.EXIT_UNDECIDED


def entry() -> NoReturn:
    """Run with the real environment, clock and signals: the container's door."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        command_line(declared(Path.cwd())).print_help()
        leave(0)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    leave(run(os.environ, sys.argv[1:], now=datetime.now(UTC)))


def _stop(number: int, _frame: FrameType | None) -> None:
    """Close the check as cancelled and end at once; the outputs already say `error`."""
    for again in (signal.SIGTERM, signal.SIGINT):
        signal.signal(again, lambda *_: os._exit(128 + number))
    ending = Ending(title="cancelled before it could decide", conclusion="cancelled")
    with suppress(Exception):
        redact = redactor(os.environ, given=credentials(os.environ))
        in_time(lambda: close_checks(os.environ, sys.argv[1:], ending, redact, _CANCEL_SECONDS), _CANCEL_SECONDS)
    os._exit(128 + number)


def _run(settings: Settings, runner: ActionsContext, console: Console, now: datetime, whole: Budget) -> int:
    transport = Transport(Budget(max(5, settings.timeout_seconds - _REPORT_SECONDS)))
    github = github_of(settings, runner, transport)
    # A dry look at files asks nothing of GitHub.
    asks = settings.as_of is None or settings.code_source == "workflow-runs"
    home = repository_info_of(settings, runner, github if asks else None, console.warning)
    trigger = triggers.read(
        runner.event_name,
        runner.event,
        sha=runner.sha,
        ref=runner.ref,
        repository=runner.repository,
        default_branch=home.default_branch,
    )
    _refuse_the_undecidable(settings, runner, now)
    if settings.as_of is None:
        trigger = with_commit_judged(trigger, github, home.default_branch)
    # A pull request's own workflow must not move the instant at which it is judged.
    as_of = now if trigger.proposes else settings.as_of or now
    _warn_of_settings(settings, console)
    if settings.ship is not None:
        _ship(settings, runner, trigger, transport, console, now)
    registry = settings.registry.databricks_host or settings.mlflow_tracking_uri or ""
    clocks = Clocks({"GitHub": runner.api_url, "the registry": registry})
    with console.group(f"Harvest: {settings.service}"):
        query = query_of(settings, runner, home, as_of, now)
        access = Clients(transport=transport, progress=console.log, github=github)
        with listening(clocks.note):
            harvested = collect(query, access, trigger, terms_of(settings, home))
    if settings.as_of is None:
        _compare(clocks, console)
    settings = harvested.applied.settings
    bundle = bundle_of(harvested, settings, runner, home, as_of, trusted=trigger.trusted)
    findings = merge_gate.judged(analyse(bundle), harvested)
    if is_first(findings):
        console.notice(first_run(findings) or "First run: nothing before today broke the promise")
        console.notice("no ledger of an earlier run was found: the history begins today, also that of alerts")
    delivery = Publisher(
        settings=settings,
        runner=runner,
        trigger=trigger,
        harvested=harvested,
        console=console,
        whole=whole,
        default_branch=home.default_branch,
    )
    _demand_time(whole, settings, findings)
    findings = delivery.alert(findings)
    with console.group("Report"):
        _log_findings(findings, console)
        rendered = files.renderings(findings, bundle_bytes(findings, console.redact), console.redact)
        written = files.write(rendered, settings.output_dir, runner.workspace, console.warning, console.redact)
        for path in written.values():
            console.log(path)
    _demand_time(whole, settings, findings)
    delivered = delivery.publish(findings, written, github)
    _publish(findings, written, delivered, console)
    return findings.verdict.exit_code


def _compare(clocks: Clocks, console: Console) -> None:
    """Warn of clocks that are apart. Raise HarvestError where that could move a deadline by an hour."""
    for gap in clocks.gaps():
        if gap.size > DECIDES:
            raise HarvestError(f"{gap}: could not decide", hint="set the clock that is wrong by NTP, and run again")
        console.warning(f"{gap}: deadlines are only as exact as that. Set the clock that is wrong by NTP")


def _demand_time(whole: Budget, settings: Settings, findings: Results) -> None:
    """Raise HarvestError where the time is used up: nothing turns green after it. What could not decide may say so."""
    if whole.left() <= 0 and findings.verdict.exit_code != verdict.EXIT_UNDECIDED:
        raise _not_done(settings)


def _ship(
    settings: Settings, runner: ActionsContext, trigger: RunEvent, transport: Transport, console: Console, now: datetime
) -> None:
    """Stamp first, so that this very run sees the model as shipped."""
    if trigger.proposes or trigger.fork:
        raise InputError("ship: expected the model's own release workflow, not a pull request")
    if settings.ship is None or settings.mlflow_tracking_uri is None:
        raise InputError("ship: expected mlflow-tracking-uri, the registry that knows the version")
    name, version = settings.ship
    uri = settings.mlflow_tracking_uri
    console.log(mlflow_ship_tag.stamp(uri, name, version, at=now, run_id=runner.run_id, transport=transport))


def _console(runner: ActionsContext, stream: TextIO | None, environ: Mapping[str, str]) -> Console:
    return Console(
        on_actions=runner.on_actions,
        output=runner.output,
        summary=runner.summary,
        redact=redactor(environ, given=credentials(environ)),
        stream=stream,
    )


def _refuse_the_undecidable(settings: Settings, runner: ActionsContext, now: datetime) -> None:
    lacking = triggers.missing(runner.event_name, runner.event)
    if lacking is not None:
        raise InputError(
            f"GITHUB_EVENT_PATH: the payload of {runner.event_name!r} has no {lacking}, so nothing can be judged. "
            "Run the step on the event itself, with the payload that GitHub wrote"
        )
    if settings.sla_since is not None and settings.sla_since > now.date() + timedelta(days=1):
        raise InputError(f"sla-since {settings.sla_since.isoformat()!r}: expected a day that is not in the future")


def _warn_of_settings(settings: Settings, console: Console) -> None:
    for sentence in warnings_of(settings.registry_uri, settings.registry):
        console.warning(sentence)


def _log_findings(findings: Results, console: Console) -> None:
    for week in findings.weeks:
        mttr = "" if week.mttr_hours is None else f"{week.mttr_hours:.1f}"
        mark = " running" if week.partial else f" {lagging(week)}" if week.diverges else ""
        code = counted(week.code_deploys, known=week.code_known)
        model = counted(week.model_deploys, known=week.models_known) if week.observed else "?"
        console.log(f"{week.label}  code {code:>3}  model {model:>3}  MTTR {mttr:>5} h{mark}")
    if findings.drift is not None:
        console.log(drift_result(findings.drift))


def _warn_of_stubs(findings: Results, console: Console) -> None:
    """Say which waivers do not hold, and which releases promise nothing."""
    bundle, path = findings.bundle, findings.bundle.terms.model_stub
    unread = head_problem(bundle.stubs, path)
    if unread is not None:
        console.warning(f"no waiver of the default branch holds: {unread}")
    for sentence in void_waivers(bundle.stubs, path, bundle.generated_at):
        console.warning(sentence)
    for sentence in idle_waivers(bundle.stubs, path, bundle.terms.models):
        console.notice(sentence)
    commits = findings.commits_without_models
    if commits and findings.sla_status != "undeclared":
        shown = ", ".join(sha[:12] for sha in commits[:_ANNOTATIONS])
        console.notice(f"{path} names no model at {shown}: nothing is promised for {plural(len(commits), 'release')}")


def _publish(findings: Results, written: Mapping[str, str], delivered: Mapping[str, str], console: Console) -> None:
    for said in findings.bundle.coverage:
        if said.state is CoverageState.FAILED:
            say = console.error if said.required else console.warning
            say(f"{said.source}: {said.reason}" + (f" ({said.hint})" if said.hint else ""))
        for note in said.notes:
            say = console.warning if isinstance(note, Note) and note.level is NoteLevel.WARNING else console.notice
            say(f"{said.source}: {note}")
    for sentence in drift_faults(findings):
        console.warning(sentence)
    _warn_of_stubs(findings, console)
    if findings.sla_status in ("none", "undeclared"):
        console.notice(headline(findings))
    broken = [item for item in findings.scope if item.status is Status.BREACHED]
    for item in broken[:_ANNOTATIONS]:
        console.error(f"{item.model} for {item.release}: {outcome(item, findings)}", title="48 h promise broken")
    if len(broken) > _ANNOTATIONS:
        console.error(f"… and {plural(len(broken) - _ANNOTATIONS, 'more broken promise')}", title="48 h promise broken")
    try:
        console.summary(summary(findings, delivered.get("artifact-url")))
    except OSError as problem:
        console.warning(f"the job summary could not be written ({type(problem).__name__})")
    # Last, and not forgiven: an output that cannot be written must not leave a pass to be read.
    console.outputs(step_outputs.fill(findings, {**written, **delivered}))
    console.log(f"verdict: {findings.verdict.decision.value}: {headline(findings)}")
