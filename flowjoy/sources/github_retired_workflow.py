"""Refuses a workflow that no longer releases: later releases would not be among its runs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from urllib.parse import quote

from flowjoy.analysis.promise import workflow_jobs
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_runs import Run
from flowjoy.clients.responses import Response, Text, reader
from flowjoy.errors import HarvestError
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.github_own_workflow import text_of

_CALL = "workflow_call"


class _Workflow(Response):
    state: Text


def refuse_retired(github: GitHubApi, runs: Iterable[Run], query: HarvestQuery) -> None:
    """Raise HarvestError if the workflow can have no new run: it was deleted or disabled, or is only called by others.

    `runs`: those on the branch of releases. While one of them is younger than `sla-hours`, what followed it cannot have
    broken the promise, so its file is not read.
    """
    name = query.settings.workflow or ""
    state = github.get(f"/actions/workflows/{quote(name, safe='')}", reader(_Workflow)).state
    if state == "deleted":
        raise HarvestError(
            f"the workflow {name} was deleted or renamed, so later releases are not among its runs",
            hint="set workflow to the file that deploys now",
        )
    until = query.as_of - timedelta(hours=query.settings.sla_hours)
    if any(run.created_at > until for run in runs):
        return
    if state == "disabled_manually":
        raise HarvestError(
            f"the workflow {name} is disabled, so releases by another one would not be seen",
            hint="set workflow to the file that deploys now, or enable it",
        )
    is_decisive = query.settings.branch in (None, query.default_branch)  # another branch has a file of its own
    if is_decisive and workflow_jobs.events(text_of(github, query)) == {_CALL}:
        raise HarvestError(
            f"the workflow {name} is only called by others, and the runs are theirs (its only event is {_CALL})",
            hint="set workflow to the file that calls it, and deploy-job to the job that deploys, as its runs show it",
        )
