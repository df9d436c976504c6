"""Refuses a workflow that no longer releases: with its file or deploy job renamed, later releases are not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from flowjoy.analysis.promise import workflow_file
from flowjoy.clients import github_jobs
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_runs import Run
from flowjoy.clients.responses import Response, Text, reader
from flowjoy.errors import HarvestError
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.github_own_workflow import text_of


class _Workflow(Response):
    state: Text


def refuse_deleted(github: GitHubApi, query: HarvestQuery) -> None:
    """Raise HarvestError if the workflow's file was deleted, or has another name now."""
    name = query.settings.workflow or ""
    if github.get(f"/actions/workflows/{quote(name, safe='')}", reader(_Workflow)).state == "deleted":
        raise HarvestError(
            f"the workflow {name} was deleted or renamed, so later releases are not among its runs",
            hint="set workflow to the file that deploys now",
        )


def refuse_renamed_job(
    github: GitHubApi, runs: Sequence[Run], jobs: Mapping[int, Sequence[github_jobs.Job]], query: HarvestQuery
) -> None:
    """Raise HarvestError if neither the newest successful run nor the workflow's file has a job that deploys.

    `jobs`: those that match, skipped ones too, of each run that was read.
    """
    wanted = query.settings.deploy_job
    read = (run for run in runs if run.id in jobs and run.is_over and run.succeeded)
    newest = max(read, key=lambda run: (run.created_at, run.id), default=None)
    if newest is None or jobs[newest.id]:
        return
    declared = workflow_file.job_names(text_of(github, query))
    # A name at GitHub goes on where a matrix or a called workflow makes several jobs: `deploy (eu)`, `deploy / eu`.
    is_known = any(github_jobs.matches(name, wanted) for name in declared)
    is_known |= any(name.startswith(tuple(declared)) for name in wanted)
    if declared and not is_known:
        raise HarvestError(
            f"the newest run has no job that matches deploy-job {', '.join(wanted)!r}, and {query.settings.workflow} "
            "declares none",
            hint=f"set deploy-job to one of: {', '.join(sorted(declared)[:20])}",
        )
