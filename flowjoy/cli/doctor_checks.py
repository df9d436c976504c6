"""What a run needs, each tried by itself: a line a probe, the cure beside what failed. It only reads.

A probe is the source's own fetch and parse, so that doctor says what a run would say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from flowjoy.actions.context import ActionsContext
from flowjoy.actions.core import Console
from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.analysis.promise.model_stub import DEFAULT_NAME, Stub, parse
from flowjoy.cli.doctor_deployments import Deployments, newest
from flowjoy.clients.github import PER_PAGE, Repository
from flowjoy.clients.github_checks import ListedChecks
from flowjoy.clients.responses import reader
from flowjoy.clients.transport import Budget, Transport
from flowjoy.config.settings import Settings
from flowjoy.domain import CodeRecord, ModelRecord, Outcome, Rule, SourceKind, StubFile
from flowjoy.domain.timestamps import iso
from flowjoy.errors import FaultKind, HarvestError, StubError
from flowjoy.pipeline.run_context import RepositoryInfo, github_of, repository_info_of
from flowjoy.report.text import clean, plural, visible
from flowjoy.sinks import slack_bot
from flowjoy.sources import (
    CODE_SOURCES,
    CODE_SURVEYS,
    INCIDENT_SOURCES,
    MODEL_SOURCES,
    github_inventory,
    github_model_stubs,
    ledger_artifacts,
)
from flowjoy.sources.base import Clients, Entry, HarvestQuery, SourceResult
from flowjoy.sources.github_issues import GitHubIssues
from flowjoy.sources.pagerduty_incidents import PagerDutyIncidents

_PROBE_SECONDS, _PROBE_SHARE = 10.0, 1 / 12
"""One probe gets this long, or this share of `timeout-seconds` where that is more."""

_TIMELINE_SECONDS, _TIMELINE_SHARE = 30.0, 1 / 3
"""The code timeline goes back 400 days: many pages where a team deploys often."""

_START_SECONDS = 2
"""Loading the clients is part of the time, and no request."""

_NEEDS = {"deployments": "deployments: read", "workflow-runs": "actions: read", "releases": "contents: read"}
TITLES = {"deployments": "deployments", "workflow-runs": "runs", "releases": "releases", "file": "rows"}
_SEEN_BY_WRITING = "whether it may write shows only by writing, for which a run needs"
_FORMER_NAME = "models.json"
_T = TypeVar("_T")
_Work = Callable[[Clients], tuple[_T, str]]
"""What was read, and what is said of it. Raises HarvestError."""


class DoctorChecks:
    """Tries one thing after the other, a line each. What fails stops nothing; all end within `timeout-seconds`."""

    def __init__(self, settings: Settings, runner: ActionsContext, console: Console) -> None:
        self.failed = False
        self._settings, self._runner, self._console = settings, runner, console
        self._whole = Budget(settings.timeout_seconds - _START_SECONDS)
        self._github = github_of(settings, runner, Transport(self._whole))

    def of_repository(self) -> RepositoryInfo:
        """The repository itself; what is not known of it stays so."""

        def work(access: Clients) -> tuple[RepositoryInfo, str]:
            found = access.to_github.get("", reader(Repository))
            kind = "private" if found.private else "public"
            home = RepositoryInfo(default_branch=found.default_branch, private=found.private)
            return home, f"{self._runner.repository}, {kind}, default branch {clean(found.default_branch)}"

        home = self._try("repository", work, needs="metadata: read")
        return (
            home if home is not None else repository_info_of(self._settings, self._runner, None, self._console.warning)
        )

    def of_code(self, query: HarvestQuery) -> Deployments | None:
        """Return the newest deployments, also those of other environments and branches; None if none are known."""
        settings = self._settings
        source, needs = CODE_SOURCES[settings.code_source], _NEEDS.get(settings.code_source, "")

        def work(access: Clients) -> tuple[SourceResult[CodeRecord], str]:
            result = source.parse(source.fetch(query, access), query)
            return result, _of_timeline(result, query)

        own = self._try(f"code ({source.label})", work, needs=needs, seconds=self._timeline_seconds)
        survey = CODE_SURVEYS.get(settings.code_source)
        if survey is None:
            return newest(own, None)
        everywhere = {"deployments": "deployments of every environment", "workflow-runs": "runs of every branch"}
        tried = everywhere[settings.code_source]
        return newest(own, self._try(tried, lambda access: (survey(query, access), ""), needs=needs))

    def of_stub(self, chosen: Iterable[Entry]) -> Mapping[str, StubFile]:
        """Return the stub at the head of the default branch, and at the newest deployments."""
        path, reads = self._settings.model_stub, self._settings.reads_github
        shas = {entry.sha for entry in chosen if entry.is_ours and entry.sha is not None}

        held: dict[str, StubFile] = {}

        def work(access: Clients) -> tuple[None, str]:
            # Shas of a file need not be commits of this repository.
            held.update(github_model_stubs.read(access.to_github, path, {HEAD, *(shas if reads else ())}))
            former = _former_stub(access) if held[HEAD] == StubFile() and path == DEFAULT_NAME else ""
            return None, _of_stub(held[HEAD], path) + former

        self._try(f"model stub ({path})", work, needs="contents: read")
        unknown = StubFile(problem="the stub could not be read")
        head = held.get(HEAD, StubFile() if self._github is None else unknown)
        if head == StubFile() and not self._settings.models:
            self._console.warning(f"no dependence is declared: set models, or add {path} to the default branch")
        return held or dict.fromkeys(shas if reads else (), unknown)

    def of_github(self, query: HarvestQuery) -> None:
        """The rest of what a run asks of GitHub, or writes there."""
        settings = self._settings

        def reports(access: Clients) -> tuple[None, str]:
            found = ledger_artifacts.read(query, access.to_github)
            told = f"{plural(len(found.ledgers), 'report')} of earlier runs under the name {settings.artifact_name}"
            return None, "; ".join((told, *found.notes))

        def checks(access: Clients) -> tuple[None, str]:
            runs = access.to_github.get("/commits/HEAD/check-runs", reader(ListedChecks), per_page=PER_PAGE).check_runs
            ours = sum(run.name.startswith(f"{settings.check_name} / ") for run in runs)
            told = f"{len(runs)} on the newest commit of the default branch, {ours} of them by {settings.check_name}"
            return None, f"{told}; {_SEEN_BY_WRITING} checks: write"

        def pulls(access: Clients) -> tuple[None, str]:
            count = github_inventory.read(access.to_github, query.now).pulls_total
            return None, f"{count} open; {_SEEN_BY_WRITING} pull-requests: write (without comments: read)"

        self._try("artifacts", reports, needs="actions: read")
        self._try("checks", checks, needs="checks: write")
        self._try("pull requests", pulls, needs="pull-requests: write")

    def of_incidents(self, query: HarvestQuery) -> None:
        """Every incident source that is set."""
        for name, source in INCIDENT_SOURCES.items():

            def work(access: Clients, source: Any = source) -> tuple[None, str]:
                raw = source.fetch(query, access)
                parsed = source.parse(raw, query)
                told = f"{plural(len(parsed.records), 'incident')} since {iso(query.since)}"
                silent = _silent_services(raw, query.settings) if isinstance(source, PagerDutyIncidents) else ()
                none_of = f"none of {', '.join(silent)} (is the id right?)" if silent else ""
                return None, "; ".join(filter(None, (told, none_of, *parsed.notes)))

            tried = SourceKind.INCIDENTS.named(source.label)
            if getattr(self._settings, name) is None:
                self._say("not set", tried, f"{name.replace('_', '-')} turns it on")
            else:
                self._try(tried, work, needs="issues: read" if isinstance(source, GitHubIssues) else "")

    def of_models(self, query: HarvestQuery, stubs: Mapping[str, StubFile]) -> None:
        """Every model that `models` or the stub names, each by itself; a file in one look."""
        source, settings = MODEL_SOURCES[self._settings.model_source], self._settings
        every_model = SourceKind.MODELS.named(source.label)
        names = sorted({*settings.models, *_models_of(stubs.get(HEAD, StubFile()), settings.model_stub)})
        if not names:
            self._say("not set", every_model, "neither models nor the stub names one")
            return
        for asked in [(name,) for name in names] if settings.model_source == "mlflow" else [tuple(names)]:
            tried = f"model {clean(asked[0])} ({source.label})" if len(asked) == 1 else every_model

            def work(access: Clients, asked: tuple[str, ...] = asked, tried: str = tried) -> tuple[None, str]:
                _refuse_no_database(settings)
                wanted = replace(query, models=asked)
                parsed = source.parse(source.fetch(wanted, access), wanted)
                found = "; ".join((*(_of_model(name, parsed, wanted) for name in asked), *parsed.notes))
                for unseen in parsed.unseen:
                    if unseen.is_misspelt:
                        raise HarvestError(unseen.problem, hint=unseen.cure)
                    self._say("not set", tried, found)
                    return None, ""
                return None, found

            self._try(tried, work)

    def of_alerts(self) -> None:
        """Whoever is told of alerts, as far as that shows without telling anything."""
        settings = self._settings
        if settings.slack_token is None and settings.slack_webhook_url is None:
            self._say("not set", "alerts (Slack)", "slack-token and slack-channel turn it on")
        else:
            self._try("alerts (Slack)", lambda access: (None, slack_bot.examine(settings, access.transport)))
        key = settings.pagerduty_routing_key
        if key is None:
            self._say("not set", "alerts (PagerDuty)", "pagerduty-routing-key turns it on")
        elif not re.fullmatch(r"[A-Za-z0-9]{32}", key.reveal()):
            cure = "take the Integration Key of an Events API v2 integration"
            self._fail("alerts (PagerDuty)", "a routing key has 32 letters and digits", cure)
        else:
            self._say("ok", "alerts (PagerDuty)", "the key has the right shape; only an event shows whether it works")

    @property
    def _timeline_seconds(self) -> float:
        return max(_TIMELINE_SECONDS, self._settings.timeout_seconds * _TIMELINE_SHARE)

    def _try(self, tried: str, work: _Work[_T], *, needs: str = "", seconds: float = 0) -> _T | None:
        """What `work` read, or None where it failed. `needs`: the permission at GitHub without which it must fail."""
        if needs and self._github is None:
            self._say("not set", tried, "there is no GITHUB_REPOSITORY or no github-token")
            return None
        share = seconds or max(_PROBE_SECONDS, self._settings.timeout_seconds * _PROBE_SHARE)
        granted = min(share, self._whole.left())
        if not granted:
            self._fail(tried, "not tried: timeout-seconds are used up", "raise timeout-seconds")
            return None
        transport = Transport(Budget(granted))
        github = self._github.within(transport) if self._github is not None else None
        try:
            value, found = work(Clients(transport=transport, progress=lambda _: None, github=github))
        except HarvestError as problem:
            late = "" if transport.budget.left() else f"; it was given {granted:.0f} s"
            lacks = (
                f"; this one needs {needs}"
                if needs and problem.kind in (FaultKind.PERMISSION, FaultKind.MISSING)
                else ""
            )
            self._fail(tried, f"{problem}{late}", problem.hint + lacks)
        except Exception as problem:  # noqa: BLE001  (a bug in one probe must not take the others)
            self._fail(tried, f"{type(problem).__name__} while reading", "please report this")
        else:
            if found:
                self._say("ok", tried, found)
            return value
        return None

    def _fail(self, tried: str, problem: str, cure: str) -> None:
        self.failed = True
        self._say("FAILED", tried, f"{problem}. Fix: {cure}" if cure else problem)

    def _say(self, state: str, tried: str, found: str) -> None:
        self._console.log(visible(f"{state:<8} {tried}: {found}"))


def _of_timeline(parsed: SourceResult[CodeRecord], query: HarvestQuery) -> str:
    if not parsed.records:
        named = f": a job with environment: {query.settings.environments} makes the first"
        return "there are none yet" + (named if query.settings.code_source == "deployments" else "")
    live = sum(record.outcome is Outcome.SUCCESS for record in parsed.records)
    told = f"{plural(live, 'deploy')} went live, {len(parsed.records) - live} never did or not yet"
    return "; ".join((told, *parsed.notes))


def _read_stub(held: StubFile, path: str) -> Stub | None:
    """The stub, None where there is none. Raises HarvestError where it is no stub."""
    if held.problem is not None:
        raise HarvestError(held.problem, hint=f"put a readable {path} on the default branch, or none")
    try:
        return None if held.text is None else parse(held.text, path)
    except StubError as problem:
        raise HarvestError(str(problem), hint="mend it on the default branch") from None


def _of_stub(held: StubFile, path: str) -> str:
    stub = _read_stub(held, path)
    if stub is None:
        return "there is none on the default branch"
    named = ", ".join(f"{clean(item.model)} ({item})" for item in stub.requirements)
    return f"valid, names {named or 'no model'}"


def _former_stub(access: Clients) -> str:
    """Return the cure where the stub has the former default name; empty for a foreign file of that name."""
    former = github_model_stubs.read(access.to_github, _FORMER_NAME, {HEAD})[HEAD]
    try:
        is_stub = _read_stub(former, _FORMER_NAME) is not None
    except HarvestError:
        return ""
    cure = f"rename it to {DEFAULT_NAME}, or set `model-stub` to {_FORMER_NAME}"
    return f"; {_FORMER_NAME} there is a valid stub: {cure}" if is_stub else ""


def _models_of(held: StubFile, path: str) -> Iterable[str]:
    """The models that the stub asks for."""
    try:
        stub = _read_stub(held, path)
    except HarvestError:  # said already
        return ()
    return () if stub is None else [item.model for item in stub.requirements if item.rule is not Rule.NONE]


def _of_model(name: str, parsed: SourceResult[ModelRecord], query: HarvestQuery) -> str:
    """How many versions a model has, how many shipped, and which one an alias or stage names now."""
    signal = query.settings.model_signal
    shipped = {record.version or record.id for record in parsed.records if record.name == name}
    if query.settings.model_source == "file":
        return f"{clean(name)} shipped {plural(len(shipped), 'version')}"
    versions = [version for version in parsed.versions if version.name == name]
    told = f"{plural(len(versions), 'version')}, {sum(version.ready for version in versions)} READY"
    named = [f"{signal} names {look.version or 'none'} now" for look in parsed.looks if look.model == name]
    return ", ".join((told, f"{len(shipped)} shipped by {signal}", *named))


def _refuse_no_database(settings: Settings) -> None:
    """MLflow would make an embedded registry that is not there, and find it empty."""
    path = (settings.mlflow_tracking_uri or "").partition("sqlite:///")[2]
    if settings.model_source == "mlflow" and path and not Path(path).exists():
        raise HarvestError(f"there is no database {path}", hint="check mlflow-tracking-uri")


def _silent_services(raw: Iterable[Any], settings: Settings) -> list[str]:
    """The services asked for of which there is no incident: they are quiet, or their ids are wrong."""
    heard = {incident.service.id for incident in raw if incident.service is not None}
    return [service for service in settings.pagerduty_services if service not in heard]
