"""Runs of the release workflow that may have put code live although they did not succeed on the branch of releases."""

from __future__ import annotations

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


def refuse_uncertain(github: GitHubApi, runs: Iterable[Sequence[Run]], query: HarvestQuery) -> None:
    """Raise HarvestError if a run that did not succeed may have deployed more than `sla-hours` ago.

    `runs`: the attempts of each, the last one at the end. Without `deploy-job` any job may be the one that deploys, so
    only a run without a job that succeeded deployed nothing. A younger run cannot have broken the promise.
    """
    runs = [tuple(attempts) for attempts in runs]
    since = settled_since(ends_of(attempt for attempts in runs for attempt in attempts), query)
    until = query.as_of - timedelta(hours=query.settings.sla_hours)
    asked = [
        attempts[-1]
        for attempts in runs
        if not any(attempt.succeeded for attempt in attempts)
        and str(attempts[-1].id) != query.run_id
        and attempts[-1].created_at <= until
        and attempts[-1].updated_at >= since
        and may_have_begun(attempts[-1])
    ]
    jobs = github_jobs.read(github, [run.id for run in asked], ["*"]) if asked else {}
    uncertain = [run for run in asked if _may_have_deployed(github, jobs[run.id])]
    if uncertain:
        named = ", ".join(f"{run.id} ({run.conclusion or run.status})" for run in uncertain[:_SHOWN])
        counted = plural(len(uncertain), "run")
        raise HarvestError(
            f"{counted} of {query.settings.workflow} did not succeed but may have deployed: {named}",
            hint="set deploy-job to the job that deploys",
        )


def _may_have_deployed(github: GitHubApi, jobs: Sequence[github_jobs.Job]) -> bool:
    if not jobs or any(job.succeeded for job in jobs):
        return True
    return bool(github_job_annotations.with_title(github, (job.id for job in jobs if job.is_over), TITLE))
