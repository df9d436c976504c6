"""The checks of `doctor`: each tries one thing that a run needs, and logs one line with the cure if it failed.

A check is the source's own fetch and parse, so that doctor says what a run would say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from flowjoy.actions.context import ActionsContext
from flowjoy.actions.core import Console
from flowjoy.analysis.promise import model_stub
from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.cli import doctor_messages, doctor_releases
from flowjoy.cli.doctor_deployments import Deployments, newest
from flowjoy.cli.doctor_destinations import unread_destinations
from flowjoy.clients.github import PER_PAGE, Repository
from flowjoy.clients.github_checks import ListedChecks
from flowjoy.clients.responses import reader
from flowjoy.clients.transport import Budget, Transport
from flowjoy.config.settings import Settings
from flowjoy.domain import AbsentStub, CodeRecord, FileAtCommit, SourceKind, StubFile
from flowjoy.domain.bundle import RunParameters
from flowjoy.errors import FaultKind, HarvestError
from flowjoy.pipeline.run_context import RepositoryInfo, github_of, repository_info_of
from flowjoy.report.escaping import clean, visible
from flowjoy.report.text import plural
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
from flowjoy.sources.base import Clients, HarvestQuery, SourceResult
from flowjoy.sources.github_issues import GitHubIssues
from flowjoy.sources.pagerduty_incidents import PagerDutyIncidents

_PROBE_SECONDS, _PROBE_SHARE = 10.0, 1 / 12
"""The time for one check: this long, or this share of `timeout-seconds` if that is more."""

_TIMELINE_SECONDS, _TIMELINE_SHARE = 30.0, 1 / 3
"""The code timeline goes back 400 days: many pages for a team that deploys often."""

_SHOWN = 5
_START_SECONDS = 2
"""The time to load the clients, which is not part of any request."""

_NEEDS = {"deployments": "deployments: read", "workflow-runs": "actions: read", "releases": "contents: read"}
TITLES = {"deployments": "deployments", "workflow-runs": "runs", "releases": "releases", "file": "rows"}
_SEEN_BY_WRITING = "whether it may write shows only by writing, for which a run needs"
_T = TypeVar("_T")
_Work = Callable[[Clients], tuple[_T, str]]
"""Returns a value and its text. Raises HarvestError."""


class DoctorChecks:
    """Runs one check after the other. A failure does not stop the others; all end within `timeout-seconds`."""

    def __init__(self, settings: Settings, runner: ActionsContext, console: Console) -> None:
        self.failed = False
        self._settings, self._runner, self._console = settings, runner, console
        self._whole = Budget(settings.timeout_seconds - _START_SECONDS)
        self._github = github_of(settings, runner, Transport(self._whole))

    def of_repository(self) -> RepositoryInfo:
        """Check access to the repository. Return its default branch and visibility, as far as they are known."""

        def work(access: Clients) -> tuple[RepositoryInfo, str]:
            answer = access.to_github.get("", reader(Repository))
            kind = "private" if answer.private else "public"
            home = RepositoryInfo(default_branch=answer.default_branch, private=answer.private)
            return home, f"{self._runner.repository}, {kind}, default branch {clean(answer.default_branch)}"

        home = self._try("repository", work, needs="metadata: read")
        return (
            home if home is not None else repository_info_of(self._settings, self._runner, None, self._console.warning)
        )

    def of_code(self, query: HarvestQuery) -> Deployments | None:
        """Check the source of code. Return the newest deployments of every environment and branch; None if unknown."""
        settings = self._settings
        source, needs = CODE_SOURCES[settings.code_source], _NEEDS.get(settings.code_source, "")

        def work(access: Clients) -> tuple[SourceResult[CodeRecord], str]:
            result = source.parse(source.fetch(query, access), query)
            return result, doctor_messages.timeline_text(result, query)

        own = self._try(
            f"code ({source.label})",
            work,
            needs=needs,
            seconds=self._timeline_seconds,
        )
        survey = CODE_SURVEYS.get(settings.code_source)
        if survey is None:
            return newest(own, None)
        everywhere = {"deployments": "deployments of every environment", "workflow-runs": "runs of every branch"}
        tried = everywhere[settings.code_source]
        return newest(own, self._try(tried, lambda access: (survey(query, access), ""), needs=needs))

    def of_stub(self, code: Deployments | None, query: HarvestQuery) -> Mapping[str, StubFile]:
        """Check the stub. Return it at the head of the default branch and at the deployed commits."""
        path, shas = self._settings.model_stub, doctor_releases.commits(code, query)
        stubs: dict[str, StubFile] = {}

        def work(access: Clients) -> tuple[None, str]:
            stubs.update(github_model_stubs.read(access.to_github, path, {HEAD, *shas}))
            return None, doctor_messages.stub_text(stubs[HEAD], path, access)

        self._try(f"model stub ({path})", work, needs="contents: read", seconds=self._timeline_seconds)
        unknown = model_stub.read(FileAtCommit(problem="the stub could not be read"))
        head = stubs.get(HEAD, AbsentStub() if self._github is None else unknown)
        if isinstance(head, AbsentStub) and not self._settings.models:
            self._console.warning(f"no dependence is declared: set models, or add {path} to the default branch")
        return stubs or dict.fromkeys(shas, unknown)

    def of_releases(
        self, code: Deployments | None, stubs: Mapping[str, StubFile], query: HarvestQuery, terms: RunParameters
    ) -> None:
        """Check that the stub at every release that a run judges can be read."""
        if HEAD not in stubs:  # none was read
            return
        for sha, reason in list(doctor_releases.unjudged(code, stubs, query, terms).items())[:_SHOWN]:
            self._fail(f"model stub at {sha[:12]}", reason, doctor_messages.cure_of_release(stubs[sha]))

    def of_github(self, query: HarvestQuery) -> None:
        """Check the rest of what a run reads from GitHub or writes there."""
        settings = self._settings

        def reports(access: Clients) -> tuple[None, str]:
            artifacts = ledger_artifacts.read(query, access.to_github)
            text = f"{plural(len(artifacts.ledgers), 'report')} of earlier runs under the name {settings.artifact_name}"
            return None, "; ".join((text, *artifacts.notes))

        def checks(access: Clients) -> tuple[None, str]:
            runs = access.to_github.get("/commits/HEAD/check-runs", reader(ListedChecks), per_page=PER_PAGE).check_runs
            ours = sum(run.name.startswith(f"{settings.check_name} / ") for run in runs)
            text = f"{len(runs)} on the newest commit of the default branch, {ours} of them by {settings.check_name}"
            return None, f"{text}; {_SEEN_BY_WRITING} checks: write"

        def pulls(access: Clients) -> tuple[None, str]:
            count = github_inventory.read(access.to_github, query.now).pulls_total
            return None, f"{count} open; {_SEEN_BY_WRITING} pull-requests: write (without comments: read)"

        self._try("artifacts", reports, needs="actions: read")
        self._try("checks", checks, needs="checks: write")
        self._try("pull requests", pulls, needs="pull-requests: write")
        if self._settings.reads_github:
            hotfixes = partial(doctor_messages.hotfix_text, self._settings.hotfix_label)
            self._try("hotfix-label", hotfixes, needs="pull-requests: read")

    def of_incidents(self, query: HarvestQuery) -> None:
        """Check every configured source of incidents."""
        for name, source in INCIDENT_SOURCES.items():

            def work(access: Clients, source: Any = source) -> tuple[None, str]:
                raw = source.fetch(query, access)
                parsed = source.parse(raw, query)
                asked = isinstance(source, PagerDutyIncidents)
                return None, doctor_messages.incidents_text(raw if asked else None, parsed, query)

            tried = SourceKind.INCIDENTS.named(source.label)
            if getattr(self._settings, name) is None:
                self._say("not set", tried, f"{name.replace('_', '-')} turns it on")
            else:
                self._try(tried, work, needs="issues: read" if isinstance(source, GitHubIssues) else "")

    def of_models(self, names: Sequence[str], query: HarvestQuery) -> None:
        """Check the models that a run needs: a registry one by one, a file at once."""
        source, settings = MODEL_SOURCES[self._settings.model_source], self._settings
        every_model = SourceKind.MODELS.named(source.label)
        if not names:
            self._say("not set", every_model, "neither `models` nor a stub names one")
            return
        for asked in [(name,) for name in names] if settings.model_source == "mlflow" else [tuple(names)]:
            tried = f"model {clean(asked[0])} ({source.label})" if len(asked) == 1 else every_model

            def work(access: Clients, asked: tuple[str, ...] = asked, tried: str = tried) -> tuple[None, str]:
                doctor_messages.refuse_missing_database(settings)
                wanted = replace(query, models=asked)
                parsed = source.parse(source.fetch(wanted, access), wanted)
                text = "; ".join((*(doctor_messages.model_text(name, parsed, wanted) for name in asked), *parsed.notes))
                for unseen in parsed.unseen:
                    if unseen.is_misspelt:
                        raise HarvestError(unseen.problem, hint=unseen.cure)
                    self._say("not set", tried, text)
                    return None, ""
                return None, text

            self._try(tried, work)

    @property
    def _timeline_seconds(self) -> float:
        return max(_TIMELINE_SECONDS, self._settings.timeout_seconds * _TIMELINE_SHARE)

    def of_alerts(self) -> None:
        """Check the destinations of alerts and events, as far as possible without sending anything."""
        if self._settings.slack_token is not None or self._settings.slack_webhook_url is not None:
            self._try("alerts (Slack)", lambda access: (None, slack_bot.examine(self._settings, access.transport)))
        for item in unread_destinations(self._settings):
            if item.cure:
                self._fail(item.name, item.text, item.cure)
            else:
                self._say("ok" if item.is_set else "not set", item.name, item.text)

    def _try(self, tried: str, work: _Work[_T], *, needs: str = "", seconds: float = 0) -> _T | None:
        """Return the value of `work`, or None if it failed. `needs`: the permission at GitHub that it requires."""
        if needs and self._github is None:
            self._say("not set", tried, "GITHUB_REPOSITORY or github-token is not set")
            return None
        share = seconds or max(_PROBE_SECONDS, self._settings.timeout_seconds * _PROBE_SHARE)
        granted = min(share, self._whole.left())
        if not granted:
            self._fail(tried, "not tried: timeout-seconds are used up", "raise timeout-seconds")
            return None
        transport = Transport(Budget(granted))
        github = self._github.within(transport) if self._github is not None else None
        try:
            value, text = work(Clients(transport=transport, progress=lambda _: None, github=github))
        except HarvestError as problem:
            late = "" if transport.budget.left() else f"; it was given {granted:.0f} s"
            lacks = (
                f"; this one needs {needs}"
                if needs and problem.kind in (FaultKind.PERMISSION, FaultKind.MISSING)
                else ""
            )
            self._fail(tried, f"{problem}{late}", problem.hint + lacks)
        except Exception as problem:  # noqa: BLE001  (a bug in one check must not stop the others)
            self._fail(tried, f"{type(problem).__name__} while reading", "please report this")
        else:
            if text:
                self._say("ok", tried, text)
            return value
        return None

    def _fail(self, tried: str, problem: str, cure: str) -> None:
        self.failed = True
        self._say("FAILED", tried, f"{problem}. Fix: {cure}" if cure else problem)

    def _say(self, state: str, tried: str, text: str) -> None:
        self._console.log(visible(f"{state:<8} {tried}: {text}"))
