"""Code deployments from GitHub's deployments, with all their statuses in one GraphQL query a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from flowjoy.clients import github_environments
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_deployments import (
    UNDER_WAY,
    Deployment,
    DeploymentStatus,
    Ref,
    with_every_status,
    with_refs,
)
from flowjoy.clients.responses import Connection
from flowjoy.domain import CodeRecord, Outcome, StubFile
from flowjoy.domain.deduplication import fold, release_key
from flowjoy.report.text import plural
from flowjoy.sources import github_deployment_pages
from flowjoy.sources.base import LATER, Clients, Entry, HarvestQuery, SourceResult, Survey, left_out, stamp_of
from flowjoy.sources.github_hidden_deployments import OWN_JOB_CURE, hidden, refuse_own_job
from flowjoy.sources.github_missing_environments import is_ours, newest_deployments, prove_empty, refuse_absent
from flowjoy.sources.github_moved_deployments import Moved, moved_on

_PULL_REQUEST = re.compile(r"(?:refs/)?pull/(\d+)/(?:merge|head)")
_RUN_IN_URL = re.compile(r"/actions/runs/(\d{1,20})(?:/|$)")
_FOR_PULL_REQUEST = "for a pull request"
_ELSEWHERE = "succeeded only in another environment"


@dataclass(frozen=True, kw_only=True)
class Deployments:
    """The deployments as GitHub lists them, the stubs and their ids that came with them, and notes on an empty list.

    `hidden`: those that FlowJoy itself may have made fail, by id, and when each may have gone live.
    """

    nodes: tuple[Deployment, ...]
    newest: Connection[Deployment] | None = None
    stubs: Mapping[str, StubFile] = field(default_factory=dict)
    stub_ids: Mapping[str, str | None] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    hidden: Mapping[int, datetime] = field(default_factory=dict)


class GitHubDeployments:
    """`code-source: deployments`."""

    label = "GitHub deployments"

    def fetch(self, query: HarvestQuery, access: Clients) -> Deployments:
        """Return every deployment to the environments back to the horizon, with all statuses and its ref.

        A ledger does not shorten the list: a deployment that failed long ago may have succeeded since.
        """
        github = access.to_github
        environments = github_environments.chosen(github, query.settings.environment)
        listed = _pages(github, query, access, environments) if environments else Deployments(nodes=())
        if not listed.nodes:
            listed = replace(listed, notes=prove_empty(github, query))
        else:
            refuse_absent(github, query, listed.nodes)
            moved = Moved() if listed.newest is None else moved_on(github, listed.nodes, listed.newest, query)
            listed = replace(listed, nodes=(*listed.nodes, *moved.nodes), notes=moved.notes)
        nodes = [with_every_status(github, node) for node in listed.nodes]
        used = sorted({node.environment for node in nodes})
        nodes = list(with_refs(github, used, nodes))
        judged = [(node, _record(node, query)) for node in nodes if _pull_request_of(node) is None]
        refuse_own_job(github, judged, query)
        return replace(listed, nodes=tuple(nodes), hidden=hidden(github, judged, query))

    def parse(self, raw: Deployments, query: HarvestQuery) -> SourceResult[CodeRecord]:
        """Return one record per release: matrix jobs of one run and sha are folded into their earliest success."""
        listed = [(node, _record(node, query, raw.hidden)) for node in raw.nodes if _pull_request_of(node) is None]
        records = fold(record for _, record in listed)
        proposed = [_proposed(node) for node in raw.nodes if _pull_request_of(node) is not None]
        releases: dict[tuple[str, ...], list[str]] = {}
        for record in records:
            if record.outcome is not Outcome.FAILED:
                releases.setdefault(release_key(record), []).append(record.id)
        entries = [*proposed, *(_entry(node, record, releases, query) for node, record in listed)]
        noted = [entry for entry in entries if entry.reason in (_FOR_PULL_REQUEST, _ELSEWHERE)]
        return SourceResult(
            records=records,
            notes=(*raw.notes, *left_out(noted, "deployment"), *_hidden_note(raw.hidden)),
            stubs=raw.stubs,
            stub_ids=raw.stub_ids,
            left_out=frozenset(entry.id for entry in proposed),
            entries=tuple(entries),
        )


def survey(query: HarvestQuery, access: Clients) -> Survey:
    """Return the newest deployments, whatever their environment. Raise HarvestError when GitHub does not answer."""
    listed = newest_deployments(access.to_github, query)
    wanted, named = query.settings.environment, query.settings.environments
    ours = tuple(node for node in listed.nodes if github_environments.is_meant(node.environment, wanted))
    elsewhere = tuple(
        _left_out(node, f"environment {node.environment}, not {named}")
        for node in listed.nodes
        if not github_environments.is_meant(node.environment, wanted)
    )
    return Survey(own=GitHubDeployments().parse(Deployments(nodes=ours), query), elsewhere=elsewhere)


def _proposed(node: Deployment) -> Entry:
    return _left_out(node, _FOR_PULL_REQUEST, f"#{_pull_request_of(node)}")


def _left_out(node: Deployment, reason: str, detail: str = "") -> Entry:
    """Return the entry of a deployment that is not a release of this service."""
    return Entry(
        id=f"deployment:{node.database_id}",
        at=node.created_at,
        label=node.environment,
        sha=node.commit_oid,
        reason=reason,
        detail=detail,
        is_ours=False,
    )


def _entry(
    node: Deployment, record: CodeRecord, releases: Mapping[tuple[str, ...], Sequence[str]], query: HarvestQuery
) -> Entry:
    """Return the entry of one deployment. `releases`: the ids of what counts, by the key of their release."""
    reason, detail = _unshipped(node, record, _other_environments(node, query))
    release = releases.get(release_key(record), ())
    if release and record.id not in release:
        job, counted = f"another job of run {record.run_id}", f"counted as {release[-1].replace(':', ' ')}"
        reason, detail = (reason, f"{detail}; {job}, {counted}") if reason else (job, counted)
    return Entry.of(record, node.environment, reason, detail)


def _unshipped(node: Deployment, record: CodeRecord, elsewhere: tuple[str, ...]) -> tuple[str, str]:
    """Return why a deployment did not succeed, and the detail; both are empty for a success.

    `elsewhere`: the other environments in which it succeeded.
    """
    if record.outcome is not Outcome.FAILED:
        return "", ""
    if elsewhere:
        return _ELSEWHERE, ", ".join(elsewhere)
    statuses = node.statuses.nodes
    if any(status.state == "SUCCESS" for status in statuses):
        return LATER, ""
    # Of two statuses at one time, the final one counts.
    final = ("FAILURE", "ERROR", "INACTIVE")
    last = max(statuses, key=lambda status: (status.created_at, status.state in final), default=None)
    if last is None:
        return "still in progress", "it has no status"
    return "still in progress" if record.under_way else "never succeeded", f"last status {last.state.lower()}"


def _pull_request_of(node: Deployment) -> int | None:
    """Return the number of the pull request that a deployment was made for; None for any other ref."""
    match = None if node.ref is None else _PULL_REQUEST.fullmatch(_full_name(node.ref))
    return int(match[1]) if match is not None else None


def _other_environments(node: Deployment, query: HarvestQuery) -> tuple[str, ...]:
    """Return where a deployment succeeded, if that was only in environments that were not asked for."""
    successes = [status for status in node.statuses.nodes if status.state == "SUCCESS"]
    if any(is_ours(status, node, query) for status in successes):
        return ()
    return tuple(sorted({str(status.environment) for status in successes}))


def _full_name(ref: Ref) -> str:
    return ref.name if ref.name.startswith("refs/") else f"{ref.prefix}{ref.name}"


def _pages(github: GitHubApi, query: HarvestQuery, access: Clients, environments: list[str]) -> Deployments:
    pages = github_deployment_pages.read(github, query, access, environments)
    return Deployments(nodes=pages.up_to(query), newest=pages.newest, stubs=pages.stubs, stub_ids=pages.stub_ids)


def _hidden_note(hidden: Mapping[int, datetime]) -> tuple[str, ...]:
    if not hidden:
        return ()
    counted = f"{plural(len(hidden), 'deployment')} whose job failed after FlowJoy ran in it: counted as live"
    return (f"{counted}; {OWN_JOB_CURE}",)


def _record(node: Deployment, query: HarvestQuery, hidden: Mapping[int, datetime] = MappingProxyType({})) -> CodeRecord:
    name = f"GitHub deployment {node.database_id}"
    created_at = stamp_of(node.created_at, name, query)
    stamps = [
        (stamp_of(status.created_at, name, query), status.state)
        for status in node.statuses.nodes
        if is_ours(status, node, query)
    ]
    successes = [at for at, state in stamps if state == "SUCCESS" and at <= query.as_of]
    run_id = _run_of(node.statuses.nodes)
    outcome, at = Outcome.FAILED, max([at for at, _ in stamps], default=created_at)
    unfinished = all(state in UNDER_WAY for last, state in stamps if last == at)
    if successes:
        outcome, at = Outcome.SUCCESS, min(successes)
    elif node.database_id in hidden:
        outcome, at = Outcome.SUCCESS, stamp_of(hidden[node.database_id], name, query)
    elif _is_this_run(node, run_id, query) and unfinished:
        outcome, at = Outcome.PROVISIONAL, query.as_of
    repository = f"{query.server_url}/{query.repository}"
    return CodeRecord(
        id=f"deployment:{node.database_id}",
        service=query.settings.service,
        environment=node.environment,
        sha=node.commit_oid,
        shipped_at=at,
        run_id=run_id,
        outcome=outcome,
        created_at=created_at,
        under_way=outcome is Outcome.FAILED and unfinished,
        url=f"{repository}/actions/runs/{run_id}" if run_id else f"{repository}/commit/{node.commit_oid}",
    )


def _run_of(statuses: Iterable[DeploymentStatus]) -> str | None:
    """Return the id of the workflow run, from the address of a status's log."""
    runs = {match[1] for status in statuses if (match := _RUN_IN_URL.search(status.log_url or ""))}
    return min(runs, key=int, default=None)


def _is_this_run(node: Deployment, run_id: str | None, query: HarvestQuery) -> bool:
    """Return whether this run makes the deployment, by the run's id or by the event; not by its commit."""
    if query.run_id is None:
        return False
    return run_id == query.run_id or node.database_id == query.own_deployment
