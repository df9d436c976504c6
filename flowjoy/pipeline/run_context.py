"""Builds the context of a run: repository, GitHub client, harvest query, parameters, and the bundle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from flowjoy import __version__
from flowjoy.actions.context import ActionsContext
from flowjoy.actions.event import RunEvent
from flowjoy.actions.trusted_runs import ran_at_head
from flowjoy.analysis.alerts.lifecycle import adopted
from flowjoy.analysis.drift import history
from flowjoy.analysis.flow.weeks import window_of
from flowjoy.clients.github import GitHubApi, Repository
from flowjoy.clients.github_branches import DefaultBranch
from flowjoy.clients.responses import reader
from flowjoy.clients.transport import Transport
from flowjoy.config.settings import Settings
from flowjoy.domain import CoverageState, Incident, Proposal, SourceKind
from flowjoy.domain.bundle import Bundle, WrittenBy
from flowjoy.domain.drift import DriftCheck, PastDriftCheck, first_and_last
from flowjoy.errors import HarvestError
from flowjoy.ledger.source_gone import sighted
from flowjoy.pipeline.collected import Collected
from flowjoy.pipeline.run_parameters import terms_of
from flowjoy.report.links import Links
from flowjoy.sources.base import HarvestQuery


@dataclass(frozen=True, kw_only=True)
class RepositoryInfo:
    """The default branch of the repository, and whether it is known to be private."""

    default_branch: str | None
    private: bool


def repository_info_of(
    settings: Settings, runner: ActionsContext, github: GitHubApi | None, warn: Callable[[str], None]
) -> RepositoryInfo:
    """Read the repository from the event payload or from GitHub.

    The payload of a schedule is empty, but a schedule runs on the default branch.
    """
    payload = runner.event.get("repository")
    # Whether the repository is private only matters where incident titles could be shown.
    sources = (settings.pagerduty_token, settings.incident_label, settings.incident_file)
    shows_titles = settings.incident_titles == "auto" and any(source is not None for source in sources)
    if not isinstance(payload, dict) and runner.event_name == "schedule" and runner.ref and not shows_titles:
        return RepositoryInfo(default_branch=runner.ref.removeprefix("refs/heads/"), private=False)
    payload = payload if isinstance(payload, dict) else {}
    if github is not None and not payload.get("default_branch"):
        try:
            known = github.get("", reader(Repository))
        except HarvestError as problem:
            warn(f"the default branch is not known, so this run settles no earlier check: {problem}")
        else:
            return RepositoryInfo(default_branch=known.default_branch, private=known.private)
    branch = payload.get("default_branch")
    return RepositoryInfo(
        default_branch=branch if isinstance(branch, str) else None, private=payload.get("private") is True
    )


def links_of(
    settings: Settings,
    runner: ActionsContext,
    repository: RepositoryInfo,
    event: RunEvent,
    proposal: Proposal | None,
) -> Links:
    """Return the addresses that the report links. That of the registry stays out of public repositories."""
    home = f"{runner.server_url}/{runner.repository}" if runner.repository else None
    uri = settings.mlflow_tracking_uri or ""
    return Links(
        repository=home,
        registry=uri.rstrip("/") if repository.private and uri.startswith(("http://", "https://")) else None,
        documentation=runner.documentation_url,
        check=f"{home}/commit/{event.sha}/checks" if home and event.sha else None,
        run=f"{home}/actions/runs/{runner.run_id}" if home and runner.run_id else None,
        pull_request=proposal.number if proposal is not None else event.pull_request,
    )


def with_commit_judged(trigger: RunEvent, github: GitHubApi | None, default_branch: str | None) -> RunEvent:
    """Return the trigger with its trust settled: GitHub says whether a commit in doubt lies on the default branch.

    Later runs believe a run on a tag, or of a deployment, only if another run shows its commit as the head.
    """
    commit = trigger.unverified_commit
    if commit is None or github is None or default_branch is None:
        return trigger
    branch, is_head = DefaultBranch(github=github, name=default_branch), True
    try:
        holds = branch.holds(commit)
        if holds and trigger.event != "workflow_run":
            is_head = ran_at_head(branch.events_of_head(commit), commit, branch)
    except HarvestError as problem:
        reason = f"GitHub does not say whether its commit is on {default_branch} ({problem.advised})"
        return replace(trigger, distrust=reason)
    if not holds:
        return trigger
    unproved = f"its commit is on {default_branch}, and no run on {default_branch} is of that commit"
    return replace(trigger, trusted=True, remembered=is_head, distrust="" if is_head else unproved)


def github_of(settings: Settings, runner: ActionsContext, transport: Transport) -> GitHubApi | None:
    """Return the GitHub client; None without a token or a repository."""
    if settings.github_token is None or not runner.repository:
        return None
    return GitHubApi(
        repository=runner.repository,
        token=settings.github_token,
        api_url=runner.api_url,
        graphql_url=runner.graphql_url,
        transport=transport,
    )


def query_of(
    settings: Settings, runner: ActionsContext, home: RepositoryInfo, as_of: datetime, now: datetime
) -> HarvestQuery:
    """Return the query that this run sends to every source."""
    return HarvestQuery(
        settings=settings,
        as_of=as_of,
        now=now,
        since=window_of(as_of, weeks=settings.weeks, timezone=settings.timezone).since,
        repository=runner.repository,
        server_url=runner.server_url,
        registry_workspace=settings.registry.workspace,
        sha=runner.sha,
        # A run with `as-of` has no release of its own.
        run_id=runner.run_id if settings.as_of is None else None,
        runner_name=runner.runner_name,
        default_branch=home.default_branch,
        default_commit=runner.sha if runner.ref == f"refs/heads/{home.default_branch}" else None,
        own_deployment=_own_deployment(runner) if settings.as_of is None else None,
        own_tag=_own_tag(runner) if settings.as_of is None else None,
    )


def _own_tag(runner: ActionsContext) -> str | None:
    """Return the tag of the run's ref, or of the release whose event started it."""
    if runner.ref is not None and runner.ref.startswith("refs/tags/"):
        return runner.ref.removeprefix("refs/tags/")
    release = runner.event.get("release") if runner.event_name == "release" else None
    tag = release.get("tag_name") if isinstance(release, dict) else None
    return tag if isinstance(tag, str) else None


def _own_deployment(runner: ActionsContext) -> int | None:
    """Return the id of the deployment whose event started this run."""
    deployment = runner.event.get("deployment") if runner.event_name in ("deployment", "deployment_status") else None
    number = deployment.get("id") if isinstance(deployment, dict) else None
    return number if isinstance(number, int) else None


def keeps_ledger(harvested: Collected, runner: ActionsContext) -> bool:
    """Return whether the ledger could be read, if there is one, and this run's report becomes the next."""
    stores = runner.results_url is not None and runner.runtime_token is not None
    ledger = [item for item in harvested.records.coverage if item.kind is SourceKind.LEDGER]
    is_read = any(item.state is CoverageState.COMPLETE for item in ledger)
    return is_read and stores and harvested.may_remember and harvested.confirmed


def bundle_of(
    harvested: Collected,
    settings: Settings,
    runner: ActionsContext,
    home: RepositoryInfo,
    as_of: datetime,
    *,
    trigger: RunEvent,
) -> Bundle:
    """Return the records with the inputs that decide what they mean, and the run that collected them."""
    records = harvested.records
    begins = trigger.believed and settings.as_of is None and runner.on_actions and keeps_ledger(harvested, runner)
    records = replace(
        records,
        incidents=_with_titles_allowed(records.incidents, settings, home),
        waivers=sighted(records, records.stubs, as_of),
        alerts=adopted(records.alerts, repository=runner.repository, service=settings.service),
        first_trusted_at=records.first_trusted_at or (as_of if begins else None),
        drift_marks=first_and_last((*records.drift_marks, *_own_mark(records.drift, settings))),
    )
    return Bundle(
        **vars(records),
        service=settings.service,
        repository=runner.repository,
        generated_at=as_of,
        window=window_of(as_of, weeks=settings.weeks, timezone=settings.timezone),
        terms=terms_of(settings, home.default_branch),
        unknown_models=tuple(sorted(harvested.unknown_models)),
        written_by=_written_by(settings, runner, home, trigger),
    )


def _written_by(settings: Settings, runner: ActionsContext, home: RepositoryInfo, trigger: RunEvent) -> WrittenBy:
    """Return what this run says of itself. A dry look is believed by no later run."""
    return WrittenBy(
        version=__version__,
        event=trigger.event,
        ref=runner.ref,
        run_id=runner.run_id,
        head_sha=trigger.sha,
        default_branch=home.default_branch,
        distrust="it is a dry run with as-of" if settings.as_of is not None else trigger.distrust,
    )


def _own_mark(drift: DriftCheck | None, settings: Settings) -> tuple[PastDriftCheck, ...]:
    """Return the result of this run's drift check; none with `as-of`, which later runs must not remember."""
    mark = history.past_check(drift) if settings.as_of is None else None
    return () if mark is None else (mark,)


def _with_titles_allowed(
    incidents: tuple[Incident, ...], settings: Settings, home: RepositoryInfo
) -> tuple[Incident, ...]:
    """Return incidents without title and type, which may name customers, unless private or asked for."""
    if settings.incident_titles == "always" or (settings.incident_titles == "auto" and home.private):
        return incidents
    return tuple(replace(incident, title=None, type=None) for incident in incidents)
