"""The runs of a workflow, with their attempts, as GitHub lists them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import quote

from pydantic import model_validator

from flowjoy.clients import github_jobs
from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.responses import Count, Instant, Many, Response, Sha, Text, read, refusal
from flowjoy.domain.plurals import plural
from flowjoy.domain.timestamps import iso
from flowjoy.errors import HarvestError

LISTING_CAP = 1000
"""GitHub does not show more of a filtered list: a longer one is split by time."""

_SECOND = timedelta(seconds=1)


class _Repository(Response):
    full_name: Text


class Run(github_jobs.Execution):
    """A run as it was at one of its attempts."""

    head_sha: Sha
    head_branch: Text | None  # a deleted fork's
    head_repository: _Repository | None  # a deleted fork
    event: Text
    created_at: Instant
    updated_at: Instant

    @property
    def of_pull_request(self) -> bool:
        """Whether it belongs to a pull request, which does not release anything."""
        return self.event.startswith("pull_request")

    @model_validator(mode="after")
    def _says_whose_it_is(self) -> Self:
        # Only the fork of a pull request may be deleted: another run without its origin must not read as foreign.
        if not self.of_pull_request and (self.head_repository is None or self.head_branch is None):
            raise refusal("does not say which repository and branch it is of")
        return self


class RunsPage(Response):
    """One page of runs."""

    total_count: Count
    workflow_runs: Many[Run]


def runs_path(workflow: str | None) -> str:
    """Return the API path that lists the workflow's runs."""
    return f"/actions/workflows/{quote(workflow or '', safe='')}/runs"


def runs_between(
    github: GitHubApi, path: str, branch: str, since: datetime, until: datetime, progress: Callable[[str], None]
) -> dict[int, Run]:
    """Return all runs created in [since, until]; a slice over GitHub's cap is split in two."""
    created = f"{iso(since)}..{iso(until.replace(microsecond=0) + _SECOND)}"
    listed, total = page_of(github, path, branch=branch, created=created, page=1)
    if total >= LISTING_CAP:
        middle = (since + (until - since) / 2).replace(microsecond=0)
        if not since < middle < until:
            raise HarvestError(f"GitHub workflow runs: {LISTING_CAP} runs in one second cannot be listed")
        newer = runs_between(github, path, branch, middle + _SECOND, until, progress)
        return newer | runs_between(github, path, branch, since, middle, progress)
    runs, page, minimum = dict(listed), 1, total
    # Another page may follow a full one, whatever the total says: runs that start meanwhile shift all others.
    while len(runs) < minimum or len(listed) == PER_PAGE:
        page += 1
        listed, total = page_of(github, path, branch=branch, created=created, page=page)
        if total < minimum:
            raise HarvestError("GitHub workflow runs: the list shrank while it was read", hint="run again")
        if not listed.keys() - runs.keys():
            break
        runs |= listed
    if len(runs) < minimum:
        raise HarvestError(f"GitHub workflow runs: the list ends after {len(runs)} of {minimum}", hint="run again")
    progress(f"GitHub workflow runs: {len(runs)} between {created.replace('..', ' and ')}")
    return runs


def page_of(github: GitHubApi, path: str, *, page: int, **parameters: str | int) -> tuple[dict[int, Run], int]:
    """Return the runs on one page by id, and the number of all. Raise HarvestError when GitHub does not answer."""

    def check(answer: Any) -> tuple[dict[int, Run], int]:
        listed = read(RunsPage, answer)
        if not listed.workflow_runs and listed.total_count > (page - 1) * PER_PAGE:
            raise MalformedAnswerError(f"the answer counts {plural(listed.total_count, 'run')} and shows none")
        return {run.id: run for run in listed.workflow_runs}, listed.total_count

    return github.get(path, check, per_page=PER_PAGE, page=page, **parameters)


def earlier_attempts(github: GitHubApi, run: Run) -> tuple[Run, ...]:
    """Return the attempts before the last, oldest first: each success may have brought the commit back."""

    def attempt(number: int) -> Run:
        def check(answer: Any) -> Run:
            earlier = read(Run, answer)
            if (earlier.id, earlier.run_attempt) != (run.id, number):
                raise MalformedAnswerError("the answer is not the attempt that was asked for")
            return earlier

        return github.get(f"/actions/runs/{run.id}/attempts/{number}", check)

    return tuple(attempt(number) for number in range(1, run.run_attempt))
