"""Runs of the release workflow on other branches than that of the releases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flowjoy.clients import github_runs
from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.github_runs import Run
from flowjoy.domain import Note, NoteLevel
from flowjoy.domain.timestamps import iso
from flowjoy.report.text import plural
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.github_uncertain_runs import may_have_begun

_SHOWN = 5


def on_other_branches(
    github: GitHubApi, path: str, branch: str, since: datetime, query: HarvestQuery
) -> tuple[tuple[Run, ...], tuple[Note, ...]]:
    """Return the newest runs of the workflow on other branches of this repository, and a note on what was not read."""
    listed, total = github_runs.page_of(github, path, created=f">={iso(since)}", page=1)
    home = query.repository.lower()
    runs = tuple(
        run
        for run in listed.values()
        if run.head_branch != branch
        and not run.of_pull_request
        and run.head_repository is not None
        and run.head_repository.full_name.lower() == home
        and may_have_begun(run)
    )
    if total <= PER_PAGE or not runs:
        return runs, ()
    oldest = iso(min(run.created_at for run in listed.values()))
    text = f"runs on other branches than {branch} were read back to {oldest} only"
    return runs, (Note(text, NoteLevel.WARNING),)


def note_on_other_branches(runs: Sequence[Run], branch: str) -> tuple[str, ...]:
    """Return a note on the runs that succeeded on other branches, without a job that shows whether they deployed."""
    ended = [run for run in runs if run.succeeded]
    if not ended:
        return ()
    return (f"{_counted(ended, branch)} left out; set deploy-job, so that those that deployed count",)


def note_on_counted(runs: Sequence[Run], branch: str) -> tuple[str, ...]:
    """Return a note on the runs on other branches that count as releases, and on the input that leaves them out."""
    if not runs:
        return ()
    return (f"{_counted(runs, branch)} deployed and count; set branch to {branch} if that is not production",)


def warn_of_ignored(runs: Sequence[Run], branch: str) -> tuple[Note, ...]:
    """Return a warning that the input `branch` leaves out what runs on other branches may have deployed."""
    ended = [run for run in runs if run.succeeded]
    if not ended:
        return ()
    text = f"{_counted(ended, branch)} left out, because branch is set: what they deployed is not judged"
    return (Note(text, NoteLevel.WARNING),)


def _counted(runs: Sequence[Run], branch: str) -> str:
    names = ", ".join(sorted({str(run.head_branch) for run in runs})[:_SHOWN])
    return f"{plural(len(runs), 'run')} on other branches than {branch} ({names})"
