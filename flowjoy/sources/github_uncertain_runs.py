"""Runs of the release workflow that may have put code live although nothing shows that they did.

Without `deploy-job` these are runs that did not succeed on the branch of releases, and any run on another branch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta

from flowjoy.actions.core import TITLE
from flowjoy.clients import github_job_annotations, github_jobs
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_runs import Run
from flowjoy.errors import HarvestError
from flowjoy.report.text import plural
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.github_settled_releases import SettledReleases, judged_before

NEVER_BEGAN = frozenset({"skipped", "action_required", "startup_failure"})

_SHOWN = 5
MAY_DEPLOY = re.compile("deploy|releas|publish|ship|roll|promot|prod|live|apply|push|sync", re.IGNORECASE)


def may_have_begun(run: Run) -> bool:
    """Return whether a job of the run may have run. One that was started again may have done so before."""
    return run.conclusion not in NEVER_BEGAN or run.run_attempt > 1


def refuse_uncertain(
    github: GitHubApi, runs: Sequence[Run], branch: str, settled: SettledReleases, query: HarvestQuery
) -> tuple[str, ...]:
    """Raise HarvestError if one of the runs may have deployed more than `sla-hours` ago.

    `runs`: those on `branch` that did not succeed, and those on others. Any of their jobs may be the one that deploys,
    so only a run without a job that succeeded deployed nothing. A younger run cannot have broken the promise: a note
    says in time what to set.
    """
    old, young = by_age((run for run in runs if is_asked(run, settled, query)), settled, query)
    jobs = github_jobs.read(github, [run.id for run in (*old, *young)])
    uncertain = [run for run in old if may_have_deployed(github, run, jobs[run.id])]
    if uncertain:
        raise HarvestError(_named(uncertain, branch, query), hint=_cure(uncertain, branch))
    uncertain = [run for run in young if may_have_deployed(github, run, jobs[run.id])]
    if not uncertain:
        return ()
    hours = f"{query.settings.sla_hours:g} h"
    inputs = "deploy-job or branch" if _are_elsewhere(uncertain, branch) else "deploy-job"
    return (f"{_named(uncertain, branch, query)}; set {inputs}, or FlowJoy ends with exit code 2 after {hours}",)


def is_asked(run: Run, settled: SettledReleases, query: HarvestQuery) -> bool:
    """Return whether it matters what a run deployed. What went live before `sla-since` opens no clock."""
    if str(run.id) == query.run_id or run.created_at > query.as_of or not may_have_begun(run):
        return False
    if run.is_over and query.owes_nothing(run.updated_at):
        return False
    return run.updated_at >= settled.since or not judged_before(run.created_at, run.updated_at, query)


def by_age(asked: Iterable[Run], settled: SettledReleases, query: HarvestQuery) -> tuple[list[Run], list[Run]]:
    """Return the runs that began more than `sla-hours` ago and may owe a model, and some younger ones that are over."""
    until, listed = query.as_of - timedelta(hours=query.settings.sla_hours), list(asked)
    old = settled.owing((run for run in listed if run.created_at <= until), lambda run: (run.updated_at, run.head_sha))
    return old, [run for run in listed if run.created_at > until and run.is_over][:_SHOWN]


def _named(runs: Sequence[Run], branch: str, query: HarvestQuery) -> str:
    """Return which runs are in doubt, each with its conclusion, or the branch if it is another one."""
    shown = (
        f"{run.id} (on {run.head_branch})"
        if run.head_branch != branch
        else f"{run.id} ({run.conclusion or run.status})"
        for run in runs[:_SHOWN]
    )
    reason = "may have deployed" if _are_elsewhere(runs, branch) else "did not succeed but may have deployed"
    return f"{plural(len(runs), 'run')} of {query.settings.workflow} {reason}: {', '.join(shown)}"


def _cure(runs: Sequence[Run], branch: str) -> str:
    job = "set deploy-job to the job that deploys"
    return f"{job}, or branch to {branch} if no other branch deploys" if _are_elsewhere(runs, branch) else job


def _are_elsewhere(runs: Sequence[Run], branch: str) -> bool:
    return any(run.head_branch != branch for run in runs)


def may_have_deployed(github: GitHubApi, run: Run, jobs: Sequence[github_jobs.Job]) -> bool:
    """Return whether any job of a run may have deployed, where no `deploy-job` says which one does."""
    if not jobs:
        # A run that waited for its turn and was cancelled by `concurrency` never had a job.
        return run.conclusion != "cancelled"
    to_deploy = [job for job in jobs if "deploy" in job.name.lower()]
    others = [job for job in jobs if job.succeeded and MAY_DEPLOY.search(job.name)]
    if to_deploy and not others and all(job.conclusion == "skipped" for job in to_deploy):
        return False
    if any(job.succeeded for job in jobs):
        return True
    return bool(github_job_annotations.with_title(github, (job.id for job in jobs if job.is_over), TITLE))
