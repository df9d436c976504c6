"""The jobs of workflow runs in all attempts: whether the one that deploys succeeded, and when it ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, Self

from pydantic import model_validator

from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.responses import Count, Id, Instant, Many, Response, Text, reader, refusal
from flowjoy.domain.name_patterns import any_match, likely_first
from flowjoy.errors import HarvestError

AT_ONCE = 6
_SHOWN = 20
_MATRIX = re.compile(r" \(.*\)$", re.DOTALL)
UnderWay = Literal["in_progress", "queued", "requested", "waiting", "pending"]
Conclusion = Literal[
    "success",
    "failure",
    "neutral",
    "cancelled",
    "skipped",
    "timed_out",
    "action_required",
    "stale",
    "startup_failure",
]


class Execution(Response):
    """A run or a job at one of its attempts. An unknown status could mean success, so it is refused."""

    id: Id
    run_attempt: Id
    status: UnderWay | Literal["completed"]
    conclusion: Conclusion | None  # it is under way

    @model_validator(mode="after")
    def _is_concluded(self) -> Self:
        if self.is_over and self.conclusion is None:
            raise refusal("is completed without a conclusion")
        return self

    @property
    def is_over(self) -> bool:
        """Whether it ended, with whatever conclusion."""
        return self.status == "completed"

    @property
    def succeeded(self) -> bool:
        """Whether it is over and succeeded."""
        return self.is_over and self.conclusion == "success"


class Job(Execution):
    """A job at one attempt of its run."""

    name: Text
    completed_at: Instant | None  # it is under way
    runner_name: Text | None = None  # it is queued

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if self.succeeded and self.completed_at is None:
            raise refusal("succeeded, and does not say when")
        return self


class _Jobs(Response):
    total_count: Count
    jobs: Many[Job]


def read(github: GitHubApi, run_ids: Sequence[int]) -> dict[int, tuple[Job, ...]]:
    """Return the jobs of each run, of all its attempts."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(run_ids, pool.map(lambda run_id: _jobs(github, run_id), run_ids), strict=True))


def matching(jobs: Mapping[int, Sequence[Job]], wanted: Sequence[str]) -> dict[int, tuple[Job, ...]]:
    """Return each run's jobs that match one of the names or globs."""
    return {run_id: tuple(job for job in of_run if matches(job.name, wanted)) for run_id, of_run in jobs.items()}


def refuse_unmatched(
    github: GitHubApi,
    jobs: Mapping[int, Sequence[Job]],
    wanted: Sequence[str],
    *,
    others: Sequence[int],
    declared: Callable[[], Iterable[str]],
) -> None:
    """Raise HarvestError if a name or glob matches no job anywhere.

    It has to match a job of the runs, of the workflow's file (`declared`: a new job has not run yet), or of the
    `others`, which are read for this only, the first ones first.
    """
    seen = {job.name for of_run in jobs.values() for job in of_run}
    missing = _unmatched(wanted, seen)
    if seen and missing:
        missing = _unmatched(missing, declared())
    for start in range(0, len(others) if seen else 0, AT_ONCE):
        if not missing:
            break
        more = read(github, others[start : start + AT_ONCE])
        seen |= {job.name for of_run in more.values() for job in of_run}
        missing = _unmatched(missing, seen)
    if seen and missing:
        likely = ", ".join(likely_first(seen, missing)[:_SHOWN])
        raise HarvestError(
            f"the workflow has no job that matches deploy-job {', '.join(missing)!r}",
            hint=f"set deploy-job to one of: {likely}, or to several, one per line",
        )


def own_candidates(github: GitHubApi, run_id: int, runner_name: str | None) -> tuple[Job, ...]:
    """Return the running jobs of the run on the runner of that name, one of which is ours; without any, all of them."""
    running = [job for job in _jobs(github, run_id) if job.status == "in_progress"]
    return tuple([job for job in running if job.runner_name == runner_name] or running)


def _unmatched(wanted: Iterable[str], names: Iterable[str]) -> list[str]:
    known = set(names)
    return [pattern for pattern in wanted if not any(may_be(name, [pattern]) for name in known)]


def matches(name: str, wanted: Sequence[str]) -> bool:
    """Return whether a job, or the one that a matrix multiplied, has one of the names or matches a glob."""
    return any_match(name, wanted) or any_match(without_matrix(name), wanted)


def may_be(name: str, wanted: Sequence[str]) -> bool:
    """Return whether a job matches, or is declared with a `*` that may stand for what is wanted."""
    return matches(name, wanted) or ("*" in name and any(any_match(pattern, [name]) for pattern in wanted))


def without_matrix(name: str) -> str:
    """Return a job's name without the values that a matrix adds."""
    return _MATRIX.sub("", name)


def _jobs(github: GitHubApi, run_id: int) -> tuple[Job, ...]:
    """Return every job of every attempt of a run."""
    by_id: dict[int, Job] = {}
    page = total = shown = 0
    while page == 0 or len(by_id) < total or shown == PER_PAGE:
        page += 1
        listed = github.get(f"/actions/runs/{run_id}/jobs", reader(_Jobs), filter="all", per_page=PER_PAGE, page=page)
        shown, total = len(listed.jobs), max(total, listed.total_count)
        if not listed.jobs and len(by_id) < total:
            problem = f"GitHub run {run_id}: the list of jobs ends after {len(by_id)} of {total}"
            raise HarvestError(problem, hint="run again")
        by_id |= {job.id: job for job in listed.jobs}
    return tuple(by_id.values())
