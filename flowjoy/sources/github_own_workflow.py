"""Refuses FlowJoy as a part of what deploys in the release workflow: its own failure would hide a release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flowjoy.analysis.promise import workflow_file
from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.clients import github_files, github_jobs
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_runs import Run
from flowjoy.errors import HarvestError
from flowjoy.report.text import plural
from flowjoy.sources.base import HarvestQuery

_RED = {"failure", "timed_out", "cancelled"}


def refuse_own_failures(github: GitHubApi, unshipped: Sequence[Run], query: HarvestQuery) -> None:
    """Raise HarvestError if runs failed and FlowJoy is part of them. `unshipped`: those without a success."""
    failed = sum(run.conclusion in _RED for run in unshipped)
    if failed and workflow_file.runs_flowjoy_in_a_release(text_of(github, query)):
        name = query.settings.workflow
        raise HarvestError(
            f"{name} runs FlowJoy too, and {plural(failed, 'run')} of it failed: a red FlowJoy would hide a release",
            hint="set deploy-job to the job that deploys, and keep FlowJoy in a job of its own",
        )


def refuse_own_job(github: GitHubApi, jobs: Mapping[int, Sequence[github_jobs.Job]], query: HarvestQuery) -> None:
    """Raise HarvestError if FlowJoy runs in the job that deploys, whose name only GitHub knows: `name` hides its id."""
    number = int(query.run_id) if query.run_id is not None and query.run_id.isdecimal() else 0
    running = {job.id: job.name for job in jobs.get(number, ()) if job.status == "in_progress"}
    if running and all(job.id in running for job in github_jobs.own_candidates(github, number, query.runner_name)):
        name = next(iter(running.values()))
        raise HarvestError(
            f"the job {name!r}, which deploys, is still running: FlowJoy in it would hide the release if it fails",
            hint="run FlowJoy in a job of its own that `needs` the job that deploys",
        )


def text_of(github: GitHubApi, query: HarvestQuery) -> str | None:
    """Return the workflow at the head of the default branch; None if it cannot be read."""
    path = f".github/workflows/{query.settings.workflow}"
    return github_files.read_one(github, path, HEAD).text
