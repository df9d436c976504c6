"""Runs of the release workflow on other branches than that of the releases."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import NamedTuple

from flowjoy.clients import github_runs
from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.github_runs import Run
from flowjoy.domain import Note, NoteLevel
from flowjoy.domain.timestamps import iso
from flowjoy.report.text import plural
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.github_run_attempts import releases_nothing
from flowjoy.sources.github_settled_releases import SettledReleases, looked_at_before
from flowjoy.sources.github_uncertain_runs import may_have_begun

_SHOWN = 5


MAX_PAGES = 5

_WAITING, _SINCE_LAST_LOOK = timedelta(days=30), timedelta(days=7)
"""A run may wait for a reviewer for 30 days; after a run of FlowJoy it is looked for in the last seven only."""


class OtherRuns(NamedTuple):
    """The runs on other branches, those of pull requests, whatever their branch, and notes on what was not read."""

    elsewhere: tuple[Run, ...]
    of_pull_requests: tuple[Run, ...]
    notes: tuple[Note, ...] = ()


def other_runs(
    github: GitHubApi, path: str, branch: str, known: Sequence[Run], settled: SettledReleases, query: HarvestQuery
) -> OtherRuns:
    """Return the runs of the workflow that are not on the branch of releases.

    `known`: those of that branch's name, which need not be found again. A run counts by its last change: it may
    have waited for a reviewer, or been started again. Without an earlier run of FlowJoy, `settled` ends nothing: an
    older run may owe other models.
    """
    begin = until = query.horizon
    if query.code_read_at is not None:
        since, seen = settled.since, query.code_read_at - _SINCE_LAST_LOOK
        begin, until = max(since - _WAITING, min(since, seen)), max(since, seen)
    own = {run.id for run in known if run.created_at >= begin}
    listed, total = github_runs.page_of(github, path, created=f">={iso(begin)}", page=1)
    newest, page = dict(listed), 1
    while len(listed) == PER_PAGE and page < MAX_PAGES and _are_left(newest.keys() | own, total):
        page += 1
        listed, total = github_runs.page_of(github, path, created=f">={iso(begin)}", page=page)
        newest |= listed
    runs = tuple(
        run
        for run in newest.values()
        if run.head_branch != branch and not releases_nothing(run, query.repository) and may_have_begun(run)
    )
    every = {run.id: run for run in (*newest.values(), *known)}.values()
    pulls = tuple(run for run in every if run.of_pull_request and may_have_begun(run))
    oldest = min((run.created_at for run in newest.values()), default=begin)
    if len(listed) < PER_PAGE or oldest < until or not _are_left(newest.keys() | own, total):
        return OtherRuns(runs, pulls)
    text = f"runs on other branches were read back to {iso(oldest)} only: an earlier release from one is not seen"
    return OtherRuns(runs, pulls, (Note(text, NoteLevel.WARNING),))


def _are_left(seen: AbstractSet[int], total: int) -> bool:
    """Return whether the list has runs that were not seen. Its total says nothing where GitHub ends it."""
    return total >= github_runs.LISTING_CAP or total > len(seen)


def not_judged_before(run: Run, query: HarvestQuery) -> bool:
    """Return whether the jobs of a run must be read: not if a run of FlowJoy saw it ended, and deploying nothing."""
    if not run.is_over or f"run:{run.id}" in query.known_code:
        return True
    return not looked_at_before(run.updated_at, query)


def note_on_counted(runs: Sequence[Run], branch: str) -> tuple[str, ...]:
    """Return a note on the runs on other branches that count as releases, and on the input that leaves them out."""
    if not runs:
        return ()
    return (f"{_counted(runs, branch)} deployed and count; set branch to {branch} if that is not production",)


def warn_of_ignored(runs: Sequence[Run], settled: SettledReleases, branch: str) -> tuple[Note, ...]:
    """Return a warning that the input `branch` leaves out what runs on other branches may have deployed."""
    ended = [run for run in runs if run.succeeded and run.updated_at >= settled.since]
    if not ended:
        return ()
    text = f"{_counted(ended, branch)} left out, because branch is set: what they deployed is not judged"
    return (Note(text, NoteLevel.WARNING),)


def _counted(runs: Sequence[Run], branch: str) -> str:
    names = ", ".join(sorted({str(run.head_branch) for run in runs})[:_SHOWN])
    return f"{plural(len(runs), 'run')} on other branches than {branch} ({names})"
