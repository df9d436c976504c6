"""Runs of the release workflow that may have put code live although they did not succeed on the branch of releases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from flowjoy.actions.core import TITLE
from flowjoy.clients import github_job_annotations, github_jobs
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_runs import Run
from flowjoy.errors import HarvestError
from flowjoy.report.text import plural
from flowjoy.sources.base import HarvestQuery

NEVER_BEGAN = frozenset({"skipped", "action_required", "startup_failure"})

_SHOWN = 5
_MAY_DEPLOY = re.compile("deploy|releas|publish|ship|roll|promot|prod|live|apply|push|sync", re.IGNORECASE)


def may_have_begun(run: Run) -> bool:
    """Return whether a job of the run may have run. One that was started again may have done so before."""
    return run.conclusion not in NEVER_BEGAN or run.run_attempt > 1


def settled_since(ends: Iterable[datetime], query: HarvestQuery) -> datetime:
    """Return the last of these releases whose deadline is over: an earlier one that is not known owes no more."""
    until = query.as_of - timedelta(hours=query.settings.sla_hours)
    return max((end for end in ends if end <= until), default=query.horizon)


def ends_of(attempts: Iterable[Run]) -> Iterator[datetime]:
    """Yield when each attempt that succeeded ended."""
    return (run.updated_at for run in attempts if run.succeeded)


def refuse_uncertain(github: GitHubApi, runs: Iterable[Sequence[Run]], query: HarvestQuery) -> tuple[str, ...]:
    """Raise HarvestError if a run that did not succeed may have deployed more than `sla-hours` ago.

    `runs`: the attempts of each, the last one at the end. Without `deploy-job` any job may be the one that deploys, so
    only a run without a job that succeeded deployed nothing. A younger run cannot have broken the promise: a note says
    in time what to set.
    """
    runs = [tuple(attempts) for attempts in runs]
    since = settled_since(ends_of(attempt for attempts in runs for attempt in attempts), query)
    until = query.as_of - timedelta(hours=query.settings.sla_hours)
    asked = [
        attempts[-1]
        for attempts in runs
        if not any(attempt.succeeded for attempt in attempts)
        and str(attempts[-1].id) != query.run_id
        and attempts[-1].updated_at >= since
        and attempts[-1].created_at <= query.as_of
        and may_have_begun(attempts[-1])
    ]
    young = [run for run in asked if run.created_at > until and run.is_over][:_SHOWN]
    asked = [run for run in asked if run.created_at <= until]
    every = [*asked, *young]
    jobs = github_jobs.read(github, [run.id for run in every], ["*"]) if every else {}
    uncertain = [run for run in asked if _may_have_deployed(github, run, jobs[run.id])]
    if uncertain:
        raise HarvestError(_named(uncertain, query), hint="set deploy-job to the job that deploys")
    uncertain = [run for run in young if _may_have_deployed(github, run, jobs[run.id])]
    if not uncertain:
        return ()
    hours = f"{query.settings.sla_hours:g} h"
    return (f"{_named(uncertain, query)}; set deploy-job, or FlowJoy ends with exit code 2 after {hours}",)


def _named(runs: Sequence[Run], query: HarvestQuery) -> str:
    named = ", ".join(f"{run.id} ({run.conclusion or run.status})" for run in runs[:_SHOWN])
    counted = plural(len(runs), "run")
    return f"{counted} of {query.settings.workflow} did not succeed but may have deployed: {named}"


def _may_have_deployed(github: GitHubApi, run: Run, jobs: Sequence[github_jobs.Job]) -> bool:
    if not jobs:
        # A run that waited for its turn and was cancelled by `concurrency` never had a job.
        return run.conclusion != "cancelled"
    to_deploy = [job for job in jobs if "deploy" in job.name.lower()]
    others = [job for job in jobs if job.succeeded and _MAY_DEPLOY.search(job.name)]
    if to_deploy and not others and all(job.conclusion == "skipped" for job in to_deploy):
        return False
    if any(job.succeeded for job in jobs):
        return True
    return bool(github_job_annotations.with_title(github, (job.id for job in jobs if job.is_over), TITLE))
