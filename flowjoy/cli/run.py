"""`run`: one run of the step. Context, collect, analyse, notify, report, publish."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

from flowjoy.actions.context import ActionsContext, on_actions, read_context
from flowjoy.actions.core import Console, adopt_libraries, leave
from flowjoy.analysis.promise import verdict
from flowjoy.analysis.results import Results, analyse
from flowjoy.cli.prepared_run import PreparedRun, console_of, prepared
from flowjoy.cli.run_log import annotate, announce_first_run, log_results
from flowjoy.cli.undecided import append_summary, give_up
from flowjoy.clients.clock_skew import DECIDES, Clocks
from flowjoy.clients.request_tally import RequestTally
from flowjoy.clients.size_limit import listening
from flowjoy.clients.transport import Budget, in_time
from flowjoy.config.given_inputs import command_line
from flowjoy.config.inputs import declared
from flowjoy.config.settings import Settings, credentials, read_settings, redactor
from flowjoy.domain import Decision, Status
from flowjoy.errors import HarvestError, InputError
from flowjoy.ledger.bundle_file import bundle_bytes
from flowjoy.pipeline import gate_of_run
from flowjoy.pipeline.collect import collect
from flowjoy.pipeline.collected import Collected
from flowjoy.pipeline.failed_checks import Ending, close_checks
from flowjoy.pipeline.publish import Publisher
from flowjoy.pipeline.run_context import bundle_of, links_of, query_of
from flowjoy.pipeline.run_parameters import terms_of
from flowjoy.report import files, step_outputs
from flowjoy.report.content.report import Report, report_of
from flowjoy.report.links import Links
from flowjoy.report.prose import plain
from flowjoy.report.surfaces import summary
from flowjoy.sinks import mlflow_ship_tag
from flowjoy.sources.base import Clients

_CLOSING_SECONDS = 20
"""Time reserved for a delivery that begins last, and then for turning the checks of a late run red."""
_GRACE_SECONDS = 9.0
"""Minimum time of a delivery, whatever is left: alerts, upload and checks, three seconds each."""
_UNDECIDED = {"verdict": Decision.ERROR.value, "sla-status": Status.UNKNOWN.value}
_CANCEL_SECONDS = 1.8
"""A runner kills the process 2.5 s after SIGTERM."""


def run(environ: Mapping[str, str], argv: Sequence[str], *, now: datetime, stream: TextIO | None = None) -> int:
    """Run the step once and return its exit code. No failure reads as a pass."""
    console = Console(on_actions=on_actions(environ), stream=stream)
    try:
        context = read_context(environ)
        console = console_of(context, environ, stream)
        # First of all, so that a run that is killed cannot read as a pass.
        console.outputs(_UNDECIDED)
        settings = read_settings(environ, argv, context)
        console.hide(redactor(environ, settings))
        with adopt_libraries(console, debug=context.debug):
            budget = Budget(settings.timeout_seconds - min(_CLOSING_SECONDS, settings.timeout_seconds / 6))
            try:
                return in_time(
                    lambda: _run_step(settings, context, console, now, budget), budget.left() + _GRACE_SECONDS
                )
            except TimeoutError:
                console = console.taken_over()
                console.outputs(_UNDECIDED)
                raise _late(settings) from None
    except Exception as problem:  # noqa: BLE001  (the only broad one: a bug ends as "could not decide", in one line)
        return give_up(problem, console, environ, argv)


def entry() -> NoReturn:
    """Run with the real environment, clock and signals: the entry point of the container."""
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
    ending = Ending(title="Cancelled before it could decide", conclusion="cancelled")
    with suppress(Exception):
        redact = redactor(os.environ, given=credentials(os.environ))
        in_time(lambda: close_checks(os.environ, sys.argv[1:], ending, redact, _CANCEL_SECONDS), _CANCEL_SECONDS)
    os._exit(128 + number)


def _run_step(settings: Settings, context: ActionsContext, console: Console, now: datetime, budget: Budget) -> int:
    tally = RequestTally(_services(settings, context))
    with listening(tally.note):
        exit_code = _judged(settings, context, console, now, budget)
    if context.debug:
        for line in tally.lines():
            console.log(line)
    return exit_code


def _services(settings: Settings, context: ActionsContext) -> dict[str, str]:
    """Return the addresses of the services whose answers are counted, and whose clocks are compared."""
    registry = settings.registry.databricks_host or settings.mlflow_tracking_uri or ""
    return {"GitHub": context.api_url, "the registry": registry}


def _judged(settings: Settings, context: ActionsContext, console: Console, now: datetime, budget: Budget) -> int:
    """Collect, judge and publish; return the exit code."""
    this = prepared(settings, context, console, now, budget)
    _ship(this)
    collected = _collected(this)
    # A proposal may be judged by other settings than its own.
    this = replace(this, settings=collected.applied.settings)
    results = _analysed(this, collected)
    links = links_of(this.settings, context, this.repository, this.event, collected.proposal)
    publisher = Publisher(
        settings=this.settings,
        runner=context,
        trigger=this.event,
        harvested=collected,
        console=console,
        budget=budget,
        default_branch=this.repository.default_branch,
        links=links,
    )
    _require_time(this, results)
    results = publisher.settle(publisher.alert(results))
    written = _report(this, results, links)
    report = report_of(results, links)
    _require_time(this, results)
    delivered = publisher.publish(results, report, written, this.github)
    _conclude(results, report, {**written, **delivered}, console)
    return results.verdict.exit_code


def _collected(this: PreparedRun) -> Collected:
    """Read every source. Raise HarvestError where the clocks of services are too far apart to judge a deadline."""
    settings, console = this.settings, this.console
    clocks = Clocks(_services(settings, this.context))
    query = query_of(settings, this.context, this.repository, this.as_of, this.now)
    clients = Clients(transport=this.transport, progress=console.log, github=this.github)
    with console.group(f"Harvest: {settings.service}"), listening(clocks.note):
        collected = collect(query, clients, this.event, terms_of(settings, this.repository.default_branch))
    if settings.as_of is None:
        _compare(clocks, console)
    return collected


def _analysed(this: PreparedRun, collected: Collected) -> Results:
    """Return the results of every analysis, with the merge gate where a proposal is judged."""
    bundle = bundle_of(collected, this.settings, this.context, this.repository, this.as_of, trigger=this.event)
    results = gate_of_run.judged(analyse(bundle), collected)
    announce_first_run(results, this.console)
    return results


def _report(this: PreparedRun, results: Results, links: Links) -> dict[str, str]:
    """Write the files of the report; return their paths in the workspace by name."""
    console = this.console
    with console.group("Report"):
        log_results(results, console)
        rendered = files.renderings(results, bundle_bytes(results, console.redact), console.redact, links)
        folder, workspace = this.settings.output_dir, this.context.workspace
        written = files.write(rendered, folder, workspace, console.warning, console.redact)
        for path in written.values():
            console.log(path)
    return written


def _conclude(results: Results, report: Report, files_and_urls: Mapping[str, str], console: Console) -> None:
    """Write the annotations, the job summary and the outputs."""
    annotate(results, console)
    append_summary(console, summary(report, files_and_urls.get("artifact-url")))
    # Last, and not forgiven: an output that cannot be written must not leave a pass to be read.
    console.outputs(step_outputs.fill(results, files_and_urls))
    console.log(f"verdict: {results.verdict.decision.value}: {plain(report.banner.headline)}")


def _ship(this: PreparedRun) -> None:
    """Stamp the version in the input `ship`, if any, before anything is read: this run already sees it as shipped."""
    if this.settings.ship is None:
        return
    if this.event.proposes or this.event.fork:
        raise InputError("ship: expected the model's own release workflow, not a pull request")
    if this.context.on_actions and not this.event.trusted:
        branch = this.repository.default_branch or "the default branch"
        raise InputError(
            f"ship: expected a trusted run, and this one is not: {this.event.distrust}. Run the model's release "
            f"workflow on {branch}"
        )
    uri = this.settings.mlflow_tracking_uri
    if uri is None:
        raise InputError("ship: expected mlflow-tracking-uri, the registry that knows the version")
    name, version = this.settings.ship
    run_id, transport = this.context.run_id, this.transport
    this.console.log(mlflow_ship_tag.stamp(uri, name, version, at=this.now, run_id=run_id, transport=transport))


def _compare(clocks: Clocks, console: Console) -> None:
    """Warn of clocks that differ. Raise HarvestError where the difference could move a deadline by an hour."""
    for gap in clocks.gaps():
        if gap.size > DECIDES:
            raise HarvestError(f"{gap}: could not decide", hint="set the clock that is wrong by NTP, and run again")
        console.warning(f"{gap}: deadlines are only as exact as that. Set the clock that is wrong by NTP")


def _require_time(this: PreparedRun, results: Results) -> None:
    """Raise HarvestError where the time is used up: nothing turns green after it. An undecided run may still end."""
    if this.budget.left() <= 0 and results.verdict.exit_code != verdict.EXIT_UNDECIDED:
        raise _late(this.settings)


def _late(settings: Settings) -> HarvestError:
    return HarvestError(
        f"the run: not done within {settings.timeout_seconds} s, computing included",
        hint="raise timeout-seconds, or set fewer models, weeks or sources",
    )
