"""Code deployments from the runs of a release workflow: the end of the first successful attempt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from flowjoy import github_jobs, shas
from flowjoy.errors import HarvestError
from flowjoy.github_api import PER_PAGE, GitHubApi, listing
from flowjoy.instants import iso
from flowjoy.model import CodeRecord, Outcome
from flowjoy.records import fold
from flowjoy.report.words import plural
from flowjoy.sources.base import Access, Parsed, Query, stamp_of
from flowjoy.transport import MalformedAnswerError

LISTING_CAP = 1000
"""GitHub shows no more of a filtered listing: a fuller slice of time is split."""

_SECOND = timedelta(seconds=1)
_UNDER_WAY = {"in_progress", "queued", "requested", "waiting", "pending"}
_NOT_BEGUN = {"queued", "requested", "waiting", "pending"}
_NEVER_BEGAN = {"skipped", "action_required", "stale", "startup_failure"}
_CONCLUSIONS = {
    *("success", "failure", "neutral", "cancelled", "skipped"),
    *("timed_out", "action_required", "stale", "startup_failure"),
}


class GitHubRuns:
    """`code-source: workflow-runs`."""

    label = "GitHub workflow runs"
    changes_for = timedelta(days=66)  # a run can be run again for 30 days, and then wait and run for 35

    def fetch(self, query: Query, access: Access) -> list[dict[str, Any]]:
        """Every run of the workflow on the branch back to the horizon, with the earlier attempts of re-runs."""
        workflow = quote(query.settings.workflow or "", safe="")
        github, path = access.to_github, f"/actions/workflows/{workflow}/runs"
        branch = query.settings.branch or query.default_branch or _default_branch(github)
        since = query.horizon.replace(microsecond=0)
        runs = _slice(github, path, branch, since, query.now, access)
        if not runs and query.horizon > query.whole_horizon:
            # Nothing new to a ledger: whether that can be is told by what was there before.
            since = query.whole_horizon.replace(microsecond=0)
            runs = _slice(github, path, branch, since, query.now, access)
        if not runs:
            _prove_empty(github, path, branch, since)
        ours = [run for run in runs.values() if _is_release(run, branch, github.repository)]
        wanted = query.settings.deploy_job
        if wanted:
            github_jobs.read(github, [run for run in ours if _may_have_deployed(run, query)], wanted)
        for run in ours:
            if run["run_attempt"] > 1 and not wanted:
                run["earlier"] = _earlier_attempts(github, run)
        return ours

    def parse(self, raw: list[dict[str, Any]], query: Query) -> Parsed[CodeRecord]:
        """Return one record a run, and one more for each time that it went live anew after another commit."""
        idle = {f"run:{run['id']}" for run in raw if deployed_nothing(run, query)}
        records = fold(record for run in raw if f"run:{run['id']}" not in idle for record in _records(run, query))
        named = ", ".join(query.settings.deploy_job)
        note = f"{plural(len(idle), 'run')} without a success of the job {named!r} put nothing live: left out"
        return Parsed(records=records, notes=(note,) if idle else (), left_out=frozenset(idle))


def deployed_nothing(run: dict[str, Any], query: Query) -> bool:
    """Return whether a run is over and its deploy job succeeded in none of its attempts."""
    if not query.settings.deploy_job or run.get("status") != "completed":
        return False
    return f"run:{run['id']}" not in query.known_code and not any(github_jobs.ended(job) for job in run.get("jobs", ()))


def _may_have_deployed(run: dict[str, Any], query: Query) -> bool:
    """Whether a run's jobs must be asked for: not where it never began, nor where an earlier run knew the answer."""
    if run.get("conclusion") in _NEVER_BEGAN or run.get("status") in _NOT_BEGUN:
        return False
    return run["run_attempt"] > 1 or run.get("status") != "completed" or f"run:{run['id']}" not in query.known_code


def _slice(
    github: GitHubApi, path: str, branch: str, since: datetime, until: datetime, access: Access
) -> dict[int, dict[str, Any]]:
    """All runs created in [since, until]; a slice over GitHub's cap is split in two."""
    created = f"{iso(since)}..{iso(until.replace(microsecond=0) + _SECOND)}"
    found, total = _page(github, path, branch=branch, created=created, page=1)
    if total >= LISTING_CAP:
        middle = (since + (until - since) / 2).replace(microsecond=0)
        if not since < middle < until:
            raise HarvestError(f"GitHub workflow runs: {LISTING_CAP} runs in one second cannot be listed")
        newer = _slice(github, path, branch, middle + _SECOND, until, access)
        return newer | _slice(github, path, branch, since, middle, access)
    runs, page, least = dict(found), 1, total
    # A full page may hide another one, whatever the count says: runs that start meanwhile move all others.
    while len(runs) < least or len(found) == PER_PAGE:
        page += 1
        found, total = _page(github, path, branch=branch, created=created, page=page)
        if total < least:
            raise HarvestError("GitHub workflow runs: the list shrank while it was read", hint="run again")
        if not found.keys() - runs.keys():
            break
        runs |= found
    if len(runs) < least:
        raise HarvestError(f"GitHub workflow runs: the list ends after {len(runs)} of {least}", hint="run again")
    access.progress(f"GitHub workflow runs: {len(runs)} between {created.replace('..', ' and ')}")
    return runs


def _page(github: GitHubApi, path: str, *, page: int, **parameters: str | int) -> tuple[dict[int, dict[str, Any]], int]:
    def check(answer: Any) -> tuple[dict[int, dict[str, Any]], int]:
        runs, total = _checked(answer)
        if not runs and total > (page - 1) * PER_PAGE:
            raise MalformedAnswerError(f"the answer counts {total} runs and shows none")
        return runs, total

    return github.get(path, check, per_page=PER_PAGE, page=page, **parameters)


def _checked(answer: Any) -> tuple[dict[int, dict[str, Any]], int]:
    runs, total = listing(answer, "workflow_runs")
    for run in runs:
        if not all(isinstance(run.get(key), int) for key in ("id", "run_attempt")):
            raise MalformedAnswerError("a run has no id or no attempt")
        if not shas.is_full(shas.lowered(str(run.get("head_sha")))):
            raise MalformedAnswerError(f"run {run['id']} has no commit sha")
        _check_origin(run)
        _check_words(run)
    return {run["id"]: run for run in runs}, total


def _check_origin(run: dict[str, Any]) -> None:
    """Only a fork of a pull request may be gone: a run of ours that hides its origin must not read as foreign."""
    if str(run.get("event", "")).startswith("pull_request"):
        return
    head = run.get("head_repository")
    named = isinstance(head, dict) and isinstance(head.get("full_name"), str) and head["full_name"]
    if not named or not isinstance(run.get("head_branch"), str) or not isinstance(run.get("event"), str):
        raise MalformedAnswerError(f"run {run['id']} does not say which repository, branch and event it is of")


def _check_words(run: dict[str, Any]) -> None:
    """A word that is not known could mean success: it must not read as "never succeeded"."""
    done = run.get("status") == "completed" and run.get("conclusion") in _CONCLUSIONS
    if not done and run.get("status") not in _UNDER_WAY:
        raise MalformedAnswerError(f"run {run['id']} is {run.get('status')!r} with {run.get('conclusion')!r}")


def _prove_empty(github: GitHubApi, path: str, branch: str, since: datetime) -> None:
    """Filtered listings can be stale: an empty one is believed when the unfiltered one shows no such release either."""
    runs, total = _page(github, path, page=1)
    releases = [run for run in runs.values() if _is_release(run, branch, github.repository)]
    if any(str(run.get("created_at")) >= iso(since) for run in releases):
        raise HarvestError("GitHub workflow runs: the filtered list is empty, the whole one is not", hint="run again")
    if total and not releases:
        seen = sorted({str(run.get("head_branch")) for run in runs.values()})
        raise HarvestError(
            f"the workflow has {total} runs, but none on the branch {branch!r} in reach",
            hint=f"set branch to one of: {', '.join(seen[:20])}",
        )


def _is_release(run: dict[str, Any], branch: str, repository: str) -> bool:
    """A run of our own branch: a fork's branch may have the same name, and a pull request releases nothing."""
    head = run.get("head_repository")
    ours = isinstance(head, dict) and str(head.get("full_name", "")).lower() == repository.lower()
    return ours and run.get("head_branch") == branch and not str(run.get("event", "")).startswith("pull_request")


def _default_branch(github: GitHubApi) -> str:
    def check(answer: Any) -> str:
        branch = answer.get("default_branch") if isinstance(answer, dict) else None
        if not isinstance(branch, str) or not branch:
            raise MalformedAnswerError("the answer does not name the default branch")
        return branch

    return github.get("", check)


def _earlier_attempts(github: GitHubApi, run: dict[str, Any]) -> list[dict[str, Any]]:
    """The attempts before the last one, oldest first: each success may have brought the commit back."""

    def check(answer: Any) -> dict[str, Any]:
        if not isinstance(answer, dict) or answer.get("id") != run["id"]:
            raise MalformedAnswerError("the answer is not an attempt of the run")
        _check_words(answer)
        return answer

    return [
        {**github.get(f"/actions/runs/{run['id']}/attempts/{attempt}", check), "run_attempt": attempt}
        for attempt in range(1, run["run_attempt"])
    ]


def _records(run: dict[str, Any], query: Query) -> Iterator[CodeRecord]:
    """A record for each attempt that went live; else one that says how the last attempt stands."""
    name = f"GitHub run {run['id']}"
    ends = [(attempt, end) for attempt, end in _ends(run, name, query) if end <= query.as_of]
    outcome, under_way = Outcome.SUCCESS, False
    if not ends:
        under_way = run.get("status") in _UNDER_WAY
        outcome, at = Outcome.FAILED, stamp_of(run.get("updated_at"), name, query)
        if under_way and str(run["id"]) == query.run_id:
            outcome, at, under_way = Outcome.PROVISIONAL, query.as_of, False
        ends = [(0, at)]
    for place, (attempt, at) in enumerate(ends):
        yield CodeRecord(
            id=f"run:{run['id']}" if place == 0 else f"run:{run['id']}@{attempt}",
            service=query.settings.service,
            environment=query.settings.environments,
            sha=shas.lowered(run["head_sha"]),
            shipped_at=at,
            run_id=str(run["id"]),
            outcome=outcome,
            created_at=stamp_of(run.get("created_at"), name, query),
            under_way=under_way,
            url=f"{query.server_url}/{query.repository}/actions/runs/{run['id']}",
        )


def _ends(run: dict[str, Any], name: str, query: Query) -> list[tuple[int, datetime]]:
    """When each successful attempt went live, oldest first: the end of its deploy job, else of the attempt."""
    known = query.known_code.get(f"run:{run['id']}")
    if query.settings.deploy_job and "jobs" not in run:
        return [] if known is None else [(1, known)]
    if query.settings.deploy_job:
        ends: dict[int, datetime] = {}
        for job in filter(github_jobs.ended, run["jobs"]):
            at = stamp_of(job.get("completed_at"), f"{name}, job {job['id']}", query)
            ends[job["run_attempt"]] = min(at, ends.get(job["run_attempt"], at))
        return sorted(ends.items())
    return [
        (attempt["run_attempt"], stamp_of(attempt.get("updated_at"), name, query))
        for attempt in [*run.get("earlier", ()), run]
        if attempt.get("status") == "completed" and attempt.get("conclusion") == "success"
    ]
