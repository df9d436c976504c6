"""Code deployments from the runs of a release workflow: the end of the first successful attempt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from flowjoy.analysis.promise import workflow_file
from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.clients import github_files, github_jobs, github_runs
from flowjoy.clients.github import GitHubApi, Repository
from flowjoy.clients.github_runs import Run, RunsPage
from flowjoy.clients.responses import reader
from flowjoy.domain import CodeRecord, Note, Outcome
from flowjoy.domain.deduplication import fold
from flowjoy.errors import HarvestError
from flowjoy.report.text import plural
from flowjoy.sources import github_other_branches as other_branches
from flowjoy.sources import github_uncertain_runs as uncertain
from flowjoy.sources.base import LATER, Clients, Entry, HarvestQuery, SourceResult, Survey, left_out, stamp_of

_SURVEYED = 50
_RED = {"failure", "timed_out", "cancelled"}


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """A run as of its last attempt, and its earlier attempts, oldest first.

    `jobs`: its deploy jobs; None if they were not read, then `known_end` is their end according to the ledger, if any.
    """

    run: Run
    earlier: tuple[Run, ...] = ()
    jobs: tuple[github_jobs.Job, ...] | None = None
    known_end: datetime | None = None

    @property
    def key(self) -> str:
        """The id of the run's record."""
        return f"run:{self.run.id}"


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
        on_branch = tuple(runs.values())
        ours = [run for run in on_branch if not _foreign(run, branch, github.repository)]
        if not query.settings.deploy_job:
            attempts = [Attempts(run=run, earlier=github_runs.earlier_attempts(github, run)) for run in ours]
            _refuse_own_failures(github, attempts, query)
            each = [(*item.earlier, item.run) for item in attempts]
            doubts = uncertain.refuse_uncertain(github, each, query)
            since = uncertain.settled_since(uncertain.ends_of(run for of_run in each for run in of_run), query)
            elsewhere, notes = other_branches.on_other_branches(github, path, branch, on_branch, since, query)
            return RunList(attempts, (*doubts, *notes, *other_branches.note_on_other_branches(elsewhere, branch)))
        items = _with_jobs(github, ours, query)
        since = uncertain.settled_since((end for item in items for _, end in _ends(item, item.key, query)), query)
        elsewhere, notes = other_branches.on_other_branches(github, path, branch, on_branch, since, query)
        if query.settings.branch:
            return RunList(items, other_branches.warn_of_ignored(elsewhere, branch))
        counted = _deployed_elsewhere(github, elsewhere, query)
        named = other_branches.note_on_counted([item.run for item in counted], branch)
        return RunList([*items, *counted], (*notes, *named))

    def parse(self, raw: RunList, query: HarvestQuery) -> SourceResult[CodeRecord]:
        """Return one record per run, and another each time that it went live anew after another commit."""
        entries = [_entry(item, query) for item in raw.runs]
        idle = frozenset(entry.id for entry in entries if not entry.is_ours)
        return SourceResult(
            records=fold(record for item in raw.runs if item.key not in idle for record in _records(item, query)),
            notes=(*raw.notes, *left_out((entry for entry in entries if not entry.is_ours), "run")),
            left_out=idle,
            entries=tuple(entries),
        )


def _with_jobs(github: GitHubApi, ours: Sequence[Run], query: HarvestQuery) -> list[Attempts]:
    """Return the runs with their deploy jobs, which are not read again where the ledger knows their end."""
    known = _known_ends(ours, query)
    jobs = github_jobs.read(
        github,
        [run.id for run in ours if _may_have_deployed(run, known)],
        query.settings.deploy_job,
        others=sorted(known, reverse=True),
        declared=lambda: workflow_file.job_names(_workflow_text(github, query)),
    )
    _refuse_own_job(github, jobs, query)
    return [Attempts(run=run, jobs=jobs.get(run.id), known_end=known.get(run.id)) for run in ours]


def _deployed_elsewhere(github: GitHubApi, runs: Sequence[Run], query: HarvestQuery) -> list[Attempts]:
    """Return the runs on other branches whose deploy job succeeded: what they deployed is live as well."""
    wanted = query.settings.deploy_job
    runs = [run for run in runs if other_branches.not_judged_before(run, query)]
    every = github_jobs.read(github, [run.id for run in runs], ["*"]) if runs else {}
    jobs = {
        number: [job for job in of_run if github_jobs.matches(job.name, wanted)] for number, of_run in every.items()
    }
    _refuse_own_job(github, jobs, query)
    return [Attempts(run=run, jobs=tuple(jobs[run.id])) for run in runs if any(job.succeeded for job in jobs[run.id])]


def survey(query: HarvestQuery, access: Clients) -> Survey:
    """Return the newest runs, whatever their branch or event. Raise HarvestError when GitHub does not answer."""
    runs = access.to_github.get(
        github_runs.runs_path(query.settings.workflow), reader(RunsPage), per_page=_SURVEYED
    ).workflow_runs
    branch = query.settings.branch or query.default_branch
    reasons = [(run, _foreign(run, branch, query.repository)) for run in runs]
    ours = [Attempts(run=run) for run, reason in reasons if not reason]
    elsewhere = [_left_out(run, reason) for run, reason in reasons if reason]
    own = GitHubRuns().parse(RunList(ours), query)
    # The survey does not read jobs.
    unread = f"its job {', '.join(query.settings.deploy_job)} was not read"
    entries = (entry if entry.is_ours else replace(entry, reason=unread) for entry in own.entries)
    return Survey(own=replace(own, entries=tuple(entries)), elsewhere=tuple(elsewhere))


def _entry(item: Attempts, query: HarvestQuery) -> Entry:
    if _deployed_nothing(item, query):
        return _left_out(item.run, f"without a success of the job {', '.join(query.settings.deploy_job)!r}")
    record = min(_records(item, query), key=lambda record: (record.shipped_at, record.id))
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


def _deployed_nothing(item: Attempts, query: HarvestQuery) -> bool:
    """Return whether a run is over and its deploy job succeeded in none of its attempts."""
    if not query.settings.deploy_job or not item.run.is_over:
        return False
    return item.key not in query.known_code and not any(job.succeeded for job in item.jobs or ())


def _refuse_own_failures(github: GitHubApi, runs: Iterable[Attempts], query: HarvestQuery) -> None:
    """Raise HarvestError if runs failed and FlowJoy is part of them: its failure would hide what they deployed."""
    failed = sum(item.run.conclusion in _RED and not any(run.succeeded for run in item.earlier) for item in runs)
    if failed and workflow_file.runs_flowjoy_in_a_release(_workflow_text(github, query)):
        name = query.settings.workflow
        raise HarvestError(
            f"{name} runs FlowJoy too, and {plural(failed, 'run')} of it failed: a red FlowJoy would hide a release",
            hint="set deploy-job to the job that deploys, and keep FlowJoy in a job of its own",
        )


def _refuse_own_job(github: GitHubApi, jobs: Mapping[int, Sequence[github_jobs.Job]], query: HarvestQuery) -> None:
    """Raise HarvestError if FlowJoy runs in the job that deploys, whose name only GitHub knows: `name` hides its id."""
    number = int(query.run_id) if query.run_id is not None and query.run_id.isdecimal() else 0
    running = {job.id: job.name for job in jobs.get(number, ()) if job.status == "in_progress"}
    if running and all(job.id in running for job in github_jobs.own_candidates(github, number, query.runner_name)):
        name = next(iter(running.values()))
        raise HarvestError(
            f"the job {name!r}, which deploys, is still running: FlowJoy in it would hide the release if it fails",
            hint="run FlowJoy in a job of its own that `needs` the job that deploys",
        )


def _workflow_text(github: GitHubApi, query: HarvestQuery) -> str | None:
    """Return the workflow at the head of the default branch; None if it cannot be read."""
    path = f".github/workflows/{query.settings.workflow}"
    return github_files.read_one(github, path, HEAD).text


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
    releases = [run for run in runs.values() if not _foreign(run, branch, github.repository)]
    if any(run.created_at >= since for run in releases):
        raise HarvestError("GitHub workflow runs: the filtered list is empty, the full one is not", hint="run again")
    if total and not releases:
        seen = sorted({str(run.head_branch) for run in runs.values()})
        raise HarvestError(
            f"the workflow has {plural(total, 'run')}, but none on the branch {branch!r} in reach",
            hint=f"set branch to one of: {', '.join(seen[:20])}",
        )


def _foreign(run: Run, branch: str | None, repository: str) -> str:
    """Return why a run is not a release of this repository's branch; empty for one that is.

    A fork's branch may have the same name, and a pull request does not release anything.
    """
    home = "" if run.head_repository is None else run.head_repository.full_name
    if home.lower() != repository.lower():
        return f"from another repository, {home or 'which is gone'}"
    if run.of_pull_request:
        return f"event {run.event}, which releases nothing"
    return f"branch {run.head_branch}, not {branch}" if run.head_branch != branch else ""


def _records(item: Attempts, query: HarvestQuery) -> Iterator[CodeRecord]:
    """Yield a record for each attempt that went live; without one, a record of the last attempt's state."""
    run, name = item.run, f"GitHub run {item.run.id}"
    ends = [(attempt, end) for attempt, end in _ends(item, name, query) if end <= query.as_of]
    outcome, under_way = Outcome.SUCCESS, False
    if not ends:
        under_way = not run.is_over
        outcome, at = Outcome.FAILED, stamp_of(run.updated_at, name, query)
        if under_way and str(run.id) == query.run_id:
            outcome, at, under_way = Outcome.PROVISIONAL, query.as_of, False
        ends = [(0, at)]
    for index, (attempt, at) in enumerate(ends):
        yield CodeRecord(
            id=item.key if index == 0 else f"{item.key}@{attempt}",
            service=query.settings.service,
            environment=query.settings.environments,
            sha=run.head_sha,
            shipped_at=at,
            run_id=str(run.id),
            outcome=outcome,
            created_at=stamp_of(run.created_at, name, query),
            under_way=under_way,
            url=f"{query.server_url}/{query.repository}/actions/runs/{run.id}",
        )


def _ends(item: Attempts, name: str, query: HarvestQuery) -> list[tuple[int, datetime]]:
    """Return when each successful attempt went live, oldest first: the end of its deploy job, or of the attempt."""
    if not query.settings.deploy_job:
        succeeded = (run for run in (*item.earlier, item.run) if run.succeeded)
        return [(run.run_attempt, stamp_of(run.updated_at, name, query)) for run in succeeded]
    if item.jobs is None:
        return [] if item.known_end is None else [(1, item.known_end)]
    ends: dict[int, datetime] = {}
    for job in item.jobs:
        if job.succeeded and job.completed_at is not None:
            at = stamp_of(job.completed_at, f"{name}, job {job.id}", query)
            ends[job.run_attempt] = min(at, ends.get(job.run_attempt, at))
    return sorted(ends.items())
