"""The story of one run, top to bottom: settings, harvest, bundle, findings, report, verdict."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import TextIO

from flowjoy import files, outputs
from flowjoy import trigger as triggers
from flowjoy.analysis import dependency, verdict
from flowjoy.context import bundle_of, github_of, home_of, query_of, terms_of
from flowjoy.dependence import head_problem, side_of, stub_lines
from flowjoy.errors import FlowJoyError, HarvestError, InputError
from flowjoy.findings import Findings, bundle_bytes, find, with_gate
from flowjoy.github_api import GitHubApi
from flowjoy.harvest import Harvest, harvest
from flowjoy.model import CoverageState, Decision, PullRequest, Status
from flowjoy.report.headline import headline, outcome, release_name
from flowjoy.report.markdown import summary
from flowjoy.report.markdown_drift import fault as drift_fault
from flowjoy.runner import Console, Redactor, adopt_libraries
from flowjoy.settings import Runner, Settings, on_actions, read_runner, read_settings, travels_in_the_clear
from flowjoy.sinks import SINKS, artifact, model_stamp
from flowjoy.sinks.base import Publication
from flowjoy.sources.base import Access
from flowjoy.transport import Budget, Transport
from flowjoy.trigger import Trigger

_REPORT_SECONDS = 35
_PUBLISH_SECONDS = 30
_UPLOAD_SECONDS = 25
_CHECKS_SECONDS = 12
_LEAST_SECONDS = 3.0
_ANNOTATIONS = 10


def run(environ: Mapping[str, str], argv: Sequence[str], *, now: datetime, stream: TextIO | None = None) -> int:
    """One run of the step. Gives the exit code; whatever happens, no crash reads as a pass."""
    console = Console(on_actions=on_actions(environ), stream=stream)
    try:
        runner = read_runner(environ)
        console = _console(runner, stream)
        # First of all, so that a run that is killed can never read as a pass.
        console.outputs({"verdict": Decision.ERROR.value, "sla-status": Status.UNKNOWN.value})
        settings = read_settings(environ, argv, runner)
        console.hide(secret.reveal() for secret in (*settings.secrets, *runner.secrets))
        with adopt_libraries(console, debug=runner.debug):
            return _run(settings, runner, console, now)
    except InputError as problem:
        for sentence in problem.problems:
            console.error(sentence, title="FlowJoy input")
        console.summary("## FlowJoy\n\n⚠️ **error**: an input is wrong; the log says which.\n")
        return problem.exit_code
    except FlowJoyError as problem:
        console.error(str(problem))
        return problem.exit_code
    except Exception as problem:  # noqa: BLE001  (the one place: a bug ends as "could not decide", in one line)
        at = problem.__traceback__
        while at is not None and at.tb_next is not None:
            at = at.tb_next
        where = f" in {at.tb_frame.f_code.co_name}, line {at.tb_lineno}" if at is not None else ""
        console.error(f"FlowJoy failed ({type(problem).__name__}{where}): could not decide. Please report this.")
        return verdict.EXIT_UNDECIDED


def entry() -> int:
    """The container's door: the real environment, clock and signals."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    code = run(os.environ, sys.argv[1:], now=datetime.now(UTC))
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads of requests that were given up must not keep the process.
    os._exit(code)


def _stop(number: int, _frame: FrameType | None) -> None:
    """The runner cancels: the outputs already say `error`."""
    os._exit(128 + number)


def _run(settings: Settings, runner: Runner, console: Console, now: datetime) -> int:
    as_of = settings.as_of or now
    whole = Budget(settings.timeout_seconds)
    transport = Transport(Budget(max(5, settings.timeout_seconds - _REPORT_SECONDS)))
    github = github_of(settings, runner, transport)
    # A dry look at files asks nothing of GitHub.
    asks = settings.as_of is None or settings.code_source == "workflow-runs"
    home = home_of(settings, runner, github if asks else None, console.warning)
    trigger = triggers.read(
        runner.event_name,
        runner.event,
        sha=runner.sha,
        ref=runner.ref,
        repository=runner.repository,
        default_branch=home.default_branch,
    )
    _refuse_the_undecidable(settings, trigger, now)
    _warn_of_settings(settings, console)
    if settings.ship is not None:
        _ship(settings, runner, trigger, transport, console, now)
    with console.group(f"Harvest: {settings.service}"):
        query = query_of(settings, runner, home, as_of, now)
        access = Access(transport=transport, progress=console.log, github=github)
        harvested = harvest(query, access, trigger, terms_of(settings, runner, home))
    findings = find(bundle_of(harvested, settings, runner, home, as_of))
    if harvested.pull is not None and _gate_is_decidable(findings):
        findings = with_gate(findings, _gate(harvested, harvested.pull, findings, settings, trigger))
    with console.group("Report"):
        _log_findings(findings, console)
        rendered = files.renderings(findings, bundle_bytes(findings))
        written = files.write(rendered, settings.output_dir, runner.workspace, console.warning, console.redact)
        for path in written.values():
            console.log(path)
    delivered: dict[str, str] = {}
    if settings.as_of is None and not trigger.fork and runner.on_actions:
        publication = Publication(
            settings=settings,
            trigger=trigger,
            findings=findings,
            lines=stub_lines(harvested.stubs, trigger.sha, settings.model_stub),
            details_url=_run_url(runner),
            redact=console.redact,
        )
        name = _upload_name(settings, trigger, harvested)
        delivered = _store(name, publication, runner, written, console, whole)
        publication = replace(publication, artifact_url=delivered.get("artifact-url"))
        delivered |= _deliver(publication, github, console, whole)
    _publish(findings, written, delivered, console)
    return findings.verdict.exit_code


def _upload_name(settings: Settings, trigger: Trigger, harvested: Harvest) -> str | None:
    """Under which name the report goes up; None: not at all.

    What no later run may believe, or what knows less than an older ledger that could not be read, must not stand in
    front of that ledger.
    """
    if not harvested.may_remember:
        return None
    hides = trigger.of_pull_request or not harvested.confirmed
    return f"{settings.artifact_name}-unconfirmed" if hides else settings.artifact_name


def _store(
    name: str | None,
    publication: Publication,
    runner: Runner,
    written: Mapping[str, str],
    console: Console,
    whole: Budget,
) -> dict[str, str]:
    """Upload the files. It does not decide: without an artifact they stay where they are, and the log says why."""
    if name is None:
        console.warning("nothing is uploaded, so that the ledger of a newer FlowJoy is not buried: update this action")
        return {}
    if runner.results_url is None or runner.runtime_token is None:
        folder = publication.settings.output_dir.relative_to(runner.workspace.resolve()).as_posix()
        console.notice(f"no artifact is uploaded: this runner has no artifact service. The files are in {folder}")
        return {}
    budget = Budget(max(_LEAST_SECONDS, min(_UPLOAD_SECONDS, whole.left() - _CHECKS_SECONDS)))
    service = artifact.ArtifactService(
        address=runner.results_url, token=runner.runtime_token, transport=Transport(budget)
    )
    made_at = publication.findings.bundle.generated_at
    files_there = {name: runner.workspace / path for name, path in written.items()}
    expires_at = artifact.expiry(made_at, publication.settings.retention_days, runner.most_retention_days)
    try:
        with console.group(f"Artifact: {name}"):
            number = service.upload(name, files_there, made_at=made_at, expires_at=expires_at)
            console.log(f"uploaded as artifact {number}, kept until {expires_at.date()}")
    except HarvestError as problem:
        console.warning(f"the report was not uploaded: {problem}" + (f" ({problem.hint})" if problem.hint else ""))
        return {}
    except Exception as problem:  # noqa: BLE001  (an upload must not change the verdict)
        console.warning(f"the report was not uploaded ({type(problem).__name__}); please report this")
        return {}
    url = _run_url(runner)
    return {"artifact-id": str(number)} | ({"artifact-url": f"{url}/artifacts/{number}"} if url else {})


def _deliver(publication: Publication, github: GitHubApi | None, console: Console, whole: Budget) -> dict[str, str]:
    """Checks and comment. None of them decides: a failure is a warning."""
    outputs: dict[str, str] = {}
    if github is None:
        console.notice("without a github-token no check is written")
        return outputs
    github.transport = Transport(Budget(max(_LEAST_SECONDS, min(_PUBLISH_SECONDS, whole.left() - 1))))
    for sink in SINKS:
        try:
            outputs |= sink.publish(publication, github)
        except HarvestError as problem:
            console.warning(f"{sink.label}: {problem}" + (f" ({problem.hint})" if problem.hint else ""))
        except Exception as problem:  # noqa: BLE001  (a bug in a sink must not change the verdict)
            console.warning(f"{sink.label}: failed ({type(problem).__name__}); please report this")
    return outputs


def _ship(
    settings: Settings, runner: Runner, trigger: Trigger, transport: Transport, console: Console, now: datetime
) -> None:
    """Stamp first, so that this very run sees the model as shipped."""
    if trigger.pull_request is not None or trigger.fork:
        raise InputError("ship: expected the model's own release workflow, not a pull request")
    if settings.ship is None or settings.mlflow_tracking_uri is None:
        raise InputError("ship: expected mlflow-tracking-uri, the registry that knows the version")
    name, version = settings.ship
    uri = settings.mlflow_tracking_uri
    console.log(model_stamp.stamp(uri, name, version, at=now, run_id=runner.run_id, transport=transport))


def _gate(
    harvested: Harvest, pull: PullRequest, findings: Findings, settings: Settings, trigger: Trigger
) -> dependency.Gate:
    path = settings.model_stub
    base = side_of(harvested.stubs, pull.base_sha, path, settings.models)
    head = side_of(harvested.stubs, pull.head_sha, path, settings.models)
    policy = dependency.Policy(
        stub_path=path,
        flag_label=settings.flag_label,
        flag_paths=settings.flag_paths,
        validated_tag=settings.model_validated_tag,
    )
    versions = None if trigger.fork else harvested.versions or ()
    judged = dependency.judge(
        pull, base=base, head=head, policy=policy, versions=versions, unknown_models=harvested.unknown_models
    )
    ahead = dependency.forecast(head.requirements, versions or (), findings.obligations, settings.sla_hours)
    return replace(judged, forecast=ahead)


def _console(runner: Runner, stream: TextIO | None) -> Console:
    hidden = [secret.reveal() for secret in runner.secrets]
    return Console(
        on_actions=runner.on_actions,
        output=runner.output,
        summary=runner.summary,
        redact=Redactor(hidden),
        stream=stream,
    )


def _refuse_the_undecidable(settings: Settings, trigger: Trigger, now: datetime) -> None:
    if trigger.of_pull_request and (trigger.pull_request is None or trigger.sha is None):
        raise InputError("GITHUB_EVENT_PATH: expected the payload of a pull request, with its number and head commit")
    if settings.sla_since is not None and settings.sla_since > now.date() + timedelta(days=1):
        raise InputError(f"sla-since {settings.sla_since.isoformat()!r}: expected a day that is not in the future")


def _warn_of_settings(settings: Settings, console: Console) -> None:
    if settings.mlflow_tracking_uri and travels_in_the_clear(settings.mlflow_tracking_uri):
        console.warning("mlflow-tracking-uri is http: what the registry says can be changed on the way")


def _run_url(runner: Runner) -> str | None:
    return f"{runner.server_url}/{runner.repository}/actions/runs/{runner.run_id}" if runner.run_id else None


def _gate_is_decidable(findings: Findings) -> bool:
    """Whether all that the gate looks at was read; the code timeline is only for its forecast."""
    missing = verdict.unproved(findings.bundle.coverage)
    return all(item.source.startswith("code") for item in missing)


def _log_findings(findings: Findings, console: Console) -> None:
    for week in findings.weeks:
        mttr = "" if week.mttr_hours is None else f"{week.mttr_hours:.1f}"
        mark = " running" if week.partial else f" Model cadence lagging by {week.gap} deploys" if week.diverges else ""
        console.log(f"{week.label}  code {week.code_deploys:>3}  model {week.model_deploys:>3}  MTTR {mttr:>5} h{mark}")


def _publish(findings: Findings, written: Mapping[str, str], delivered: Mapping[str, str], console: Console) -> None:
    for said in findings.bundle.coverage:
        if said.state is CoverageState.FAILED:
            say = console.error if said.required else console.warning
            say(f"{said.source}: {said.reason}" + (f" ({said.hint})" if said.hint else ""))
        for note in said.notes:
            console.notice(f"{said.source}: {note}")
    if (said_of_drift := drift_fault(findings)) is not None:
        console.warning(said_of_drift)
    unread = head_problem(findings.bundle.stubs, findings.bundle.terms.model_stub)
    if unread is not None:
        console.warning(f"no waiver of the default branch holds: {unread}")
    if findings.sla_status in ("none", "undeclared"):
        console.notice(headline(findings))
    broken = [item for item in findings.scope if item.status is Status.BREACHED]
    for item in broken[:_ANNOTATIONS]:
        console.error(f"{item.model} for {release_name(item)}: {outcome(item, findings)}", title="48 h promise broken")
    if len(broken) > _ANNOTATIONS:
        console.error(f"… and {len(broken) - _ANNOTATIONS} more broken promises", title="48 h promise broken")
    try:
        console.summary(summary(findings, delivered.get("artifact-url")))
    except OSError as problem:
        console.warning(f"the job summary could not be written ({type(problem).__name__})")
    # Last, and not forgiven: an output that cannot be written must not leave a pass to be read.
    console.outputs(outputs.fill(findings, {**written, **delivered}))
    console.log(f"verdict: {findings.verdict.decision.value}: {headline(findings)}")
