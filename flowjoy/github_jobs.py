"""The jobs of workflow runs, of all their attempts: whether the one that deploys succeeded, and when it ended."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flowjoy.errors import HarvestError
from flowjoy.github_api import PER_PAGE, GitHubApi, listing
from flowjoy.patterns import any_match, likely_first
from flowjoy.transport import MalformedAnswerError

_AT_ONCE, _SHOWN = 6, 20
_MATRIX = re.compile(r" \(.*\)$", re.DOTALL)
_CONCLUSIONS = {
    *("success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required", "stale"),
    "startup_failure",
}
_UNDER_WAY = {"in_progress", "queued", "requested", "waiting", "pending"}


def read(github: GitHubApi, runs: Sequence[dict[str, Any]], wanted: Sequence[str]) -> None:
    """Give each run its `jobs` that match one of the names or globs. Raise HarvestError where no run has such a job.

    A pattern also matches the jobs that a matrix makes of its job: `deploy` those of `deploy (eu)`.
    """
    seen: set[str] = set()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for run, jobs in zip(runs, pool.map(lambda run: _jobs(github, run), runs), strict=True):
            seen |= {job["name"] for job in jobs}
            run["jobs"] = [job for job in jobs if _matches(job["name"], wanted)]
    if seen and not any(run["jobs"] for run in runs):
        raise HarvestError(
            f"the workflow has no job that matches deploy-job {', '.join(wanted)!r}",
            hint=f"set deploy-job to one of: {', '.join(likely_first(seen, wanted)[:_SHOWN])}",
        )


def ended(job: dict[str, Any]) -> bool:
    """Return whether a job is over and succeeded."""
    return bool(job["status"] == "completed" and job["conclusion"] == "success")


def _matches(name: str, wanted: Sequence[str]) -> bool:
    return any_match(name, wanted) or any_match(_MATRIX.sub("", name), wanted)


def _jobs(github: GitHubApi, run: dict[str, Any]) -> list[dict[str, Any]]:
    """Every job of every attempt of a run."""
    found: dict[int, dict[str, Any]] = {}
    page, total = 0, 1
    while len(found) < total:
        page += 1
        jobs, total = github.get(
            f"/actions/runs/{run['id']}/jobs", _checked, filter="all", per_page=PER_PAGE, page=page
        )
        if not jobs and len(found) < total:
            problem = f"GitHub run {run['id']}: the list of jobs ends after {len(found)} of {total}"
            raise HarvestError(problem, hint="run again")
        found |= {job["id"]: job for job in jobs}
    return list(found.values())


def _checked(answer: Any) -> tuple[list[dict[str, Any]], int]:
    jobs, total = listing(answer, "jobs")
    for job in jobs:
        if not all(isinstance(job.get(key), int) for key in ("id", "run_attempt")) or not isinstance(
            job.get("name"), str
        ):
            raise MalformedAnswerError("a job has no id, no attempt or no name")
        done = job.get("status") == "completed" and job.get("conclusion") in _CONCLUSIONS
        # A word that is not known could mean success: it must not read as "never succeeded".
        if not done and job.get("status") not in _UNDER_WAY:
            raise MalformedAnswerError(f"job {job['id']} is {job.get('status')!r} with {job.get('conclusion')!r}")
    return jobs, total
