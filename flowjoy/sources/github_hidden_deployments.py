"""Deployments that a FlowJoy step in the job that deploys hides: if it fails, so does the deployment."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from flowjoy.actions.core import TITLE
from flowjoy.clients import github_job_annotations, github_jobs
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_deployments import UNDER_WAY, Deployment
from flowjoy.domain import CodeRecord, Outcome
from flowjoy.errors import HarvestError
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.github_settled_releases import SettledReleases, looked_at_before

OWN_JOB_CURE = "run FlowJoy in a job of its own that `needs` the job that deploys and has no `environment`"

_JOB_IN_URL = re.compile(r"/actions/runs/\d{1,20}/job/(\d{1,20})(?:[/?#]|$)")


def refuse_own_job(github: GitHubApi, listed: Iterable[tuple[Deployment, CodeRecord]], query: HarvestQuery) -> None:
    """Raise HarvestError if a job of this run is deploying, and FlowJoy may be a step of that job."""
    running = [
        node
        for node, record in listed
        if record.outcome is Outcome.PROVISIONAL and record.run_id == query.run_id and _is_running(node)
    ]
    if running and not _runs_elsewhere(github, [_job_of(node) for node in running], query):
        raise HarvestError(
            f"the job that makes deployment {running[0].database_id} is still running: FlowJoy in it would hide the "
            "release if it fails",
            hint=OWN_JOB_CURE,
        )


def _runs_elsewhere(github: GitHubApi, deploying: Sequence[int | None], query: HarvestQuery) -> bool:
    """Return whether FlowJoy runs in another job than these; None: the one that deploys is not known."""
    if query.run_id is None or not query.run_id.isdecimal():
        return False
    try:
        jobs = github_jobs.own_candidates(github, int(query.run_id), query.runner_name)
    except HarvestError:
        return False
    return sum(job.id not in deploying for job in jobs) > deploying.count(None)


def hidden(
    github: GitHubApi, listed: Sequence[tuple[Deployment, CodeRecord]], query: HarvestQuery
) -> dict[int, datetime]:
    """Return the failed deployments in whose job FlowJoy ran, by id, and when each may have gone live.

    FlowJoy runs after the step that deploys, so the deployment may have failed only because FlowJoy did. A failure
    before a release that owes the same models, and whose deadline is over, is not looked at.
    """
    live = [record for _, record in listed if record.outcome is Outcome.SUCCESS]
    settled = SettledReleases(github, query, ((record.shipped_at, str(record.sha)) for record in live))
    failed = [
        (record, node.database_id, job)
        for node, record in listed
        if record.outcome is Outcome.FAILED and not record.under_way
        if record.shipped_at >= settled.since or not looked_at_before(record.shipped_at, query)
        if (job := _job_of(node)) is not None
    ]
    doubtful = settled.owing(failed, lambda item: (item[0].shipped_at, str(item[0].sha)))
    jobs = {number: job for _, number, job in doubtful}
    annotated = github_job_annotations.with_title(github, jobs.values(), TITLE)
    return {node.database_id: _begun(node) for node, _ in listed if jobs.get(node.database_id) in annotated}


def _job_of(node: Deployment) -> int | None:
    """Return the id of the job that made a deployment, from the address of a status's log."""
    jobs = {int(match[1]) for status in node.statuses.nodes if (match := _JOB_IN_URL.search(status.log_url or ""))}
    return max(jobs, default=None)


def _begun(node: Deployment) -> datetime:
    """Return when the job began: the earliest time at which its deployment may have been live."""
    under_way = [status.created_at for status in node.statuses.nodes if status.state == "IN_PROGRESS"]
    return min(under_way, default=node.created_at)


def _is_running(node: Deployment) -> bool:
    """Return whether the last status says so; of two at one time, a final one is the last."""
    last = max(node.statuses.nodes, key=lambda status: (status.created_at, status.state not in UNDER_WAY), default=None)
    return last is not None and last.state == "IN_PROGRESS"
