"""Refuses a `deploy-job` that is no longer the job that deploys: later releases would not be seen.

The runs are the proof. The file only vouches for a job that has not run yet.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flowjoy.analysis.promise import workflow_jobs
from flowjoy.clients import github_jobs
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_jobs import Job
from flowjoy.clients.github_runs import Run
from flowjoy.domain.name_patterns import likely_first
from flowjoy.domain.timestamps import day_after
from flowjoy.errors import HarvestError
from flowjoy.report.text import plural
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.github_own_workflow import text_of
from flowjoy.sources.github_uncertain_runs import MAY_DEPLOY

_SHOWN, _OFFERED = 5, 20
_PARTS = re.compile(r" / | \(")


@dataclass(frozen=True, kw_only=True)
class JobsOfRuns:
    """The runs on the branch of releases, oldest first, with all jobs of each run that was read.

    `known`: when the deploy jobs of the other runs ended, according to the ledger.
    """

    runs: Sequence[Run]
    jobs: Mapping[int, Sequence[Job]]
    known: Mapping[int, datetime]

    def last_release(self, query: HarvestQuery) -> datetime | None:
        """Return when `deploy-job` last succeeded; None if it never did."""
        deployed = github_jobs.matching(self.jobs, query.settings.deploy_job).values()
        ends = [job.completed_at for jobs in deployed for job in jobs if job.succeeded and job.completed_at is not None]
        return max((end for end in (*ends, *self.known.values()) if end <= query.as_of), default=None)

    def after(self, last: datetime | None, query: HarvestQuery) -> list[Run]:
        """Return the runs that are over, and whose last success came after the last release."""
        over = [run for run in self.runs if run.id in self.jobs and run.is_over and run.created_at <= query.as_of]
        return [run for run in over if last is None or _last_success(run, self.jobs[run.id]) > last]


def refuse_renamed(github: GitHubApi, read: JobsOfRuns, query: HarvestQuery) -> tuple[str, ...]:
    """Raise HarvestError if runs after the last release show that another job deploys now.

    A run that began less than `sla-hours` ago cannot have broken the promise: a note says in time what to set. One
    that ended before `sla-since` owes nothing, and does not make the names of its jobs usual.
    """
    last, wanted = read.last_release(query), query.settings.deploy_job
    later = read.after(last, query)
    lacking = [run for run in later if not any(_shows(job, wanted) for job in read.jobs[run.id])]
    declared = workflow_jobs.job_names(text_of(github, query)) if lacking else frozenset()
    is_declared = any(github_jobs.may_be(name, wanted) for name in declared)
    newest = max((run for run in later if run.succeeded), key=lambda run: (run.created_at, run.id), default=None)
    if newest is not None and newest in lacking and not is_declared:
        raise _undeclared(declared, _names([read.jobs[newest.id]]), query)
    if last is None:
        return ()
    foreign = [] if is_declared else lacking
    doubted = [run for run in later if not query.owes_nothing(_last_success(run, read.jobs[run.id]))]
    usual = _names(jobs for number, jobs in read.jobs.items() if number not in {run.id for run in later})
    if not _doubtful(doubted, read.jobs, usual, foreign, wanted):
        return ()
    remembered = sorted(read.known, reverse=True)[: github_jobs.AT_ONCE]
    usual |= _names(github_jobs.read(github, remembered).values())
    doubtful = _doubtful(doubted, read.jobs, usual, foreign, wanted)
    until = query.as_of - timedelta(hours=query.settings.sla_hours)
    old = {run: names for run, names in doubtful.items() if run.created_at <= until}
    if old:
        raise HarvestError(_named(old, query), hint=_cure(old, read, query))
    hours = f"{query.settings.sla_hours:g} h"
    after = f"after {hours} FlowJoy ends with exit code 2"
    return (f"{_named(doubtful, query)}; {_cure(doubtful, read, query)}; {after}",) if doubtful else ()


def _undeclared(declared: Collection[str], seen: Iterable[str], query: HarvestQuery) -> HarvestError:
    wanted = query.settings.deploy_job
    file = f"{query.settings.workflow} {'declares none' if declared else 'cannot be read'}"
    likely = ", ".join(likely_first({*declared, *seen}, wanted)[:_OFFERED])
    return HarvestError(
        f"the newest run has no job that matches deploy-job {', '.join(wanted)!r}, and {file}",
        hint=f"set deploy-job to one of: {likely}, or to several, one per line",
    )


def _doubtful(
    runs: Iterable[Run],
    jobs: Mapping[int, Sequence[Job]],
    usual: Collection[str],
    foreign: Collection[Run],
    wanted: Sequence[str],
) -> dict[Run, list[str]]:
    """Return the runs that may have deployed without `deploy-job`, with the jobs that may have done it.

    A job that matches and failed shows that the name is still right. Where it was only skipped, as by a filter of
    paths, or is declared again, a new job must be called like one that deploys; not so in the `foreign` runs.
    """
    result: dict[Run, list[str]] = {}
    for run in runs:
        if any(github_jobs.matches(job.name, wanted) and job.conclusion != "skipped" for job in jobs[run.id]):
            continue
        new = {job.name for job in jobs[run.id] if job.succeeded and not _is_usual(job.name, usual, wanted)}
        if names := sorted(name for name in new if run in foreign or MAY_DEPLOY.search(name)):
            result[run] = names
    return result


def _is_usual(name: str, usual: Collection[str], wanted: Sequence[str]) -> bool:
    """Return whether earlier runs had the job, perhaps for another value of its matrix.

    That does not hold for the matrix of the job that deploys: `deploy (eu)` is not `deploy (production)`.
    """
    base = github_jobs.without_matrix(name)
    if name in usual or base in {github_jobs.without_matrix(pattern) for pattern in wanted}:
        return name in usual
    return base in {github_jobs.without_matrix(known) for known in usual}


def _shows(job: Job, wanted: Sequence[str]) -> bool:
    """Return whether a job is one that deploys, or a skipped one in its place.

    GitHub shows a job that was skipped before its matrix or its called workflow began under its name alone.
    """
    if job.conclusion != "skipped":
        return github_jobs.matches(job.name, wanted)
    heads = {pattern[: part.start()] for pattern in wanted for part in _PARTS.finditer(pattern)}
    return github_jobs.may_be(workflow_jobs.EXPRESSION.sub("*", job.name), [*wanted, *heads])


def _last_success(run: Run, jobs: Iterable[Job]) -> datetime:
    ends = (job.completed_at for job in jobs if job.succeeded and job.completed_at is not None)
    return max(ends, default=run.updated_at)


def _names(runs: Iterable[Iterable[Job]]) -> set[str]:
    return {job.name for jobs in runs for job in jobs}


def _named(doubtful: Mapping[Run, Sequence[str]], query: HarvestQuery) -> str:
    """Return which runs are in doubt, each with the jobs that may have deployed."""
    shown = [f"{run.id} ({', '.join(names[:_SHOWN])})" for run, names in list(doubtful.items())[:_SHOWN]]
    job = ", ".join(query.settings.deploy_job)
    runs = f"{plural(len(doubtful), 'run')} of {query.settings.workflow}"
    return f"{runs} after the last release may have deployed without the job {job!r}: {', '.join(shown)}"


def _cure(doubtful: Mapping[Run, Sequence[str]], read: JobsOfRuns, query: HarvestQuery) -> str:
    names = likely_first((name for jobs in doubtful.values() for name in jobs), query.settings.deploy_job)
    added = ", ".join(names[:_SHOWN])
    since = day_after(max(_last_success(run, read.jobs[run.id]) for run in doubtful)).isoformat()
    ends = f"the next release ends this, or sla-since set to {since} or a later day"
    return f"add a line to deploy-job with the one that deploys: {added}; if none does, {ends}"
