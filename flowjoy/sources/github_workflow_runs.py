"""Code deployments from the runs of a release workflow: the end of the first successful attempt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from flowjoy.analysis.promise import workflow_jobs
from flowjoy.clients import github_jobs, github_runs
from flowjoy.clients.github import GitHubApi, Repository
from flowjoy.clients.github_branches import has_tag
from flowjoy.clients.github_runs import Run, RunsPage
from flowjoy.clients.responses import reader
from flowjoy.domain import CodeRecord, Note, Outcome
from flowjoy.domain.deduplication import fold
from flowjoy.errors import HarvestError
from flowjoy.report.text import plural
from flowjoy.sources import github_other_branches as other_branches
from flowjoy.sources import github_uncertain_runs as uncertain
from flowjoy.sources.base import LATER, Clients, Entry, HarvestQuery, SourceResult, Survey, left_out
from flowjoy.sources.github_own_workflow import refuse_own_failures, refuse_own_job, text_of
from flowjoy.sources.github_pull_request_runs import refuse_merged
from flowjoy.sources.github_renamed_job import JobsOfRuns, refuse_renamed
from flowjoy.sources.github_retired_workflow import refuse_retired
from flowjoy.sources.github_run_attempts import Attempts, releases_nothing
from flowjoy.sources.github_settled_releases import SettledReleases

_SURVEYED = 50
_BEFORE_MERGE = "merge_group"
"""The event of a merge queue, which tests what asks to be merged."""


class RunList(NamedTuple):
    """The runs that may be releases, and notes on others."""

    runs: list[Attempts]
    notes: tuple[Note | str, ...] = ()


class GitHubRuns:
    """`code-source: workflow-runs`."""

    label = "GitHub workflow runs"

    def fetch(self, query: HarvestQuery, access: Clients) -> RunList:
        """Return every run of the workflow on the branch back to the horizon, with the earlier attempts of re-runs.

        With `deploy-job` also those on other branches in which that job succeeded, unless `branch` is set.
        """
        github, path = access.to_github, github_runs.runs_path(query.settings.workflow)
        branch = query.settings.branch or query.default_branch or github.get("", reader(Repository)).default_branch
        since = query.horizon.replace(microsecond=0)
        runs = github_runs.runs_between(github, path, branch, since, query.now, access.progress)
        if not runs:
            _prove_empty(github, path, branch, since)
        refuse_retired(github, runs.values(), query)
        if runs and (query.settings.branch or not query.settings.deploy_job):
            _refuse_shared_name(github, branch)
        on_branch = tuple(runs.values())
        ours = _releases(on_branch, branch, github)
        items, renamed = _with_jobs(github, ours, query) if query.settings.deploy_job else _with_attempts(github, ours)
        released = ((end, item.run.head_sha) for item in items for _, end in item.ends(query))
        settled = SettledReleases(github, query, released)
        elsewhere, pulls, notes = other_branches.other_runs(github, path, branch, on_branch, settled, query)
        ignored = other_branches.warn_of_ignored(elsewhere, settled, branch) if query.settings.branch else ()
        elsewhere = () if query.settings.branch else elsewhere
        if not query.settings.deploy_job:
            unshipped = [item.run for item in items if not item.ends(query)]
            refuse_own_failures(github, unshipped, query)
            doubtful = [*unshipped, *(run for run in elsewhere if run.event != _BEFORE_MERGE)]
            doubts = uncertain.refuse_uncertain(github, doubtful, branch, settled, query)
            merged = refuse_merged(github, pulls, _live(items, query), settled, query)
            return RunList(items, (*doubts, *merged, *notes, *ignored))
        counted = _deployed_elsewhere(github, elsewhere, settled, query)
        every = [*items, *counted]
        merged = refuse_merged(github, pulls, _live(every, query), settled, query)
        named = other_branches.note_on_counted([item.run for item in counted], branch)
        return RunList(every, (*renamed, *merged, *notes, *ignored, *named))

    def parse(self, raw: RunList, query: HarvestQuery) -> SourceResult[CodeRecord]:
        """Return one record per run, and another each time that it went live anew after another commit."""
        entries = [_entry(item, query) for item in raw.runs]
        idle = frozenset(entry.id for entry in entries if not entry.is_ours)
        return SourceResult(
            records=fold(record for item in raw.runs if item.key not in idle for record in item.records(query)),
            notes=(*raw.notes, *left_out((entry for entry in entries if not entry.is_ours), "run")),
            left_out=idle,
            entries=tuple(entries),
        )


def _refuse_shared_name(github: GitHubApi, branch: str) -> None:
    """Raise HarvestError if a tag has the name of the branch: its runs would count as those of the branch."""
    if has_tag(github, branch):
        raise HarvestError(
            f"a tag has the name of the branch {branch!r}, and GitHub lists the runs of both alike",
            hint="delete the tag, and forbid its name by a tag ruleset",
        )


def _releases(runs: Iterable[Run], branch: str, github: GitHubApi) -> list[Run]:
    """Return the runs of this repository's branch that may release something."""
    return [run for run in runs if run.head_branch == branch and not releases_nothing(run, github.repository)]


def _with_jobs(github: GitHubApi, ours: Sequence[Run], query: HarvestQuery) -> tuple[list[Attempts], tuple[str, ...]]:
    """Return the runs with their deploy jobs, which are not read again where the ledger knows their end, and notes."""
    known = _known_ends(ours, query)
    wanted = query.settings.deploy_job
    every = github_jobs.read(github, [run.id for run in ours if _may_have_deployed(run, known)])
    github_jobs.refuse_unmatched(
        github,
        every,
        wanted,
        others=sorted(known, reverse=True),
        declared=lambda: workflow_jobs.job_names(text_of(github, query)),
    )
    jobs = github_jobs.matching(every, wanted)
    refuse_own_job(github, jobs, query)
    notes = refuse_renamed(github, JobsOfRuns(runs=ours, jobs=every, known=known), query)
    return [Attempts(run=run, jobs=jobs.get(run.id), known_end=known.get(run.id)) for run in ours], notes


def _with_attempts(github: GitHubApi, ours: Sequence[Run]) -> tuple[list[Attempts], tuple[str, ...]]:
    """Return the runs with their earlier attempts: without `deploy-job`, each attempt that succeeded deployed."""
    return [Attempts(run=run, earlier=github_runs.earlier_attempts(github, run)) for run in ours], ()


def _live(items: Iterable[Attempts], query: HarvestQuery) -> set[str]:
    """Return the commits that the runs put live."""
    return {item.run.head_sha for item in items if item.ends(query)}


def _deployed_elsewhere(
    github: GitHubApi, runs: Sequence[Run], settled: SettledReleases, query: HarvestQuery
) -> list[Attempts]:
    """Return the runs on other branches whose deploy job succeeded: what they deployed is live as well."""
    unknown = [run for run in runs if other_branches.not_judged_before(run, query)]
    asked = settled.owing(unknown, lambda run: (run.updated_at, run.head_sha))
    jobs = github_jobs.matching(github_jobs.read(github, [run.id for run in asked]), query.settings.deploy_job)
    refuse_own_job(github, jobs, query)
    return [Attempts(run=run, jobs=jobs[run.id]) for run in asked if any(job.succeeded for job in jobs[run.id])]


def survey(query: HarvestQuery, access: Clients) -> Survey:
    """Return the newest runs, whatever their branch or event. Raise HarvestError when GitHub does not answer."""
    runs = access.to_github.get(
        github_runs.runs_path(query.settings.workflow), reader(RunsPage), per_page=_SURVEYED
    ).workflow_runs
    branch, job = query.settings.branch or query.default_branch, ", ".join(query.settings.deploy_job)
    by_job = bool(job) and query.settings.branch is None  # whatever the branch
    reasons = [(run, releases_nothing(run, query.repository), run.head_branch != branch) for run in runs]
    ours = [Attempts(run=run) for run, never, is_off in reasons if not never and (by_job or not is_off)]
    off = f"no success of the job {job!r} is known" if by_job else f"not {branch}"
    elsewhere = [
        _left_out(run, never or f"branch {run.head_branch}, {off}") for run, never, is_off in reasons if never or is_off
    ]
    own = GitHubRuns().parse(RunList(ours), query)
    # The survey does not read jobs.
    unread = f"its job {job} was not read"
    entries = (entry if entry.is_ours else replace(entry, reason=unread) for entry in own.entries)
    return Survey(own=replace(own, entries=tuple(entries)), elsewhere=tuple(elsewhere))


def _entry(item: Attempts, query: HarvestQuery) -> Entry:
    if item.deployed_nothing(query):
        return _left_out(item.run, f"without a success of the job {', '.join(query.settings.deploy_job)!r}")
    record = min(item.records(query), key=lambda record: (record.shipped_at, record.id))
    return Entry.of(record, str(item.run.head_branch), _unfinished(item.run, record))


def _unfinished(run: Run, record: CodeRecord) -> str:
    """Return why a run did not put anything live; empty for one that did, or is this very run."""
    if record.outcome is not Outcome.FAILED:
        return ""
    if record.under_way:
        return f"still in progress (status {run.status})"
    return LATER if run.succeeded else f"conclusion {run.conclusion}"


def _left_out(run: Run, reason: str) -> Entry:
    """Return the entry of a run that is not a release of this service."""
    return Entry(
        id=f"run:{run.id}",
        at=run.created_at,
        label=str(run.head_branch),
        sha=run.head_sha,
        reason=reason,
        is_ours=False,
    )


def _may_have_deployed(run: Run, known: Mapping[int, datetime]) -> bool:
    """Return whether a run's jobs must be read: not if it never began, nor if their end is known.

    A run that waits for a reviewer, or was started again, may have deployed already.
    """
    return uncertain.may_have_begun(run) and run.id not in known


def _known_ends(runs: Sequence[Run], query: HarvestQuery) -> dict[int, datetime]:
    """Return when the deploy jobs of runs ended, if the ledger knows it and it is certain.

    The jobs of a commit with several runs are always read: a deploy that did not happen would make another a rollback.
    """
    commits = Counter(run.head_sha for run in runs)
    known = {}
    for run in runs:
        end = query.known_code.get(f"run:{run.id}")
        final = run.run_attempt == 1 and run.is_over and run.conclusion not in uncertain.NEVER_BEGAN
        if end is not None and final and commits[run.head_sha] == 1 and run.created_at <= end <= run.updated_at:
            known[run.id] = end
    return known


def _prove_empty(github: GitHubApi, path: str, branch: str, since: datetime) -> None:
    """Raise HarvestError unless the unfiltered list is empty of releases as well: filtered lists can be stale."""
    runs, total = github_runs.page_of(github, path, page=1)
    releases = _releases(runs.values(), branch, github)
    if any(run.created_at >= since for run in releases):
        raise HarvestError("GitHub workflow runs: the filtered list is empty, the full one is not", hint="run again")
    if total and not releases:
        seen = sorted({str(run.head_branch) for run in runs.values() if not run.of_pull_request})
        cure = f"deploy on push to {branch}, or set workflow to the file that deploys"
        raise HarvestError(
            f"the workflow has {plural(total, 'run')}, but none on the branch {branch!r} in reach",
            hint=f"set branch to one of: {', '.join(seen[:20])}"
            if seen
            else f"runs of pull requests do not count; {cure}",
        )
