"""Runs of the release workflow for pull requests. They never count, and may have deployed what was merged.

A workflow `on: pull_request: types: [closed]` deploys after the merge. A run that began before is a test or a preview.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from flowjoy.clients import github_jobs, github_pulls
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_pulls import PullRequest
from flowjoy.clients.github_runs import Run
from flowjoy.domain import Note, NoteLevel
from flowjoy.domain.plurals import plural
from flowjoy.errors import FaultKind, HarvestError
from flowjoy.sources import github_uncertain_runs as uncertain
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.github_settled_releases import SettledReleases, looked_at_before

_READ, _SHOWN = 20, 5
_JUST_CLOSED = timedelta(hours=1)
"""A run that began so soon after a pull request was closed belongs to it, also if its branch has a newer one."""

_UNREAD = (
    "pull requests cannot be read, so what runs of pull requests deployed after a merge is not judged: "
    "give the job pull-requests: read"
)


def refuse_merged(
    github: GitHubApi, runs: Sequence[Run], released: Collection[str], settled: SettledReleases, query: HarvestQuery
) -> tuple[Note | str, ...]:
    """Raise HarvestError if one of the runs may have deployed a merged pull request more than `sla-hours` ago.

    `released`: the commits that went live by runs that count, whose merge needs no other run. A younger run cannot
    have broken the promise: a note says so in time.
    """
    asked = [run for run in runs if uncertain.is_asked(run, settled, query)]
    pulls = _pulls(github, asked) if asked else ()
    if pulls is None and not query.settings.deploy_job:
        return (Note(_UNREAD, NoteLevel.WARNING),)
    previews = {run.id for run in asked if _began_before_the_merge(run, pulls or ())}
    merged = [run for run in asked if run.id not in previews and not _is_released(run, pulls or (), released)]
    old, young = uncertain.by_age(merged, settled, query)
    deployed, hint = _deployed(github, old[:_READ], query), _cure(query, is_unread=pulls is None)
    if deployed:
        raise HarvestError(_named(deployed, query), hint=hint)
    notes: list[Note | str] = []
    if len(old) > _READ:
        text = f"the newest {_READ} of {len(old)} runs after a merge were read: an earlier release by one is not seen"
        notes.append(Note(text, NoteLevel.WARNING))
    if deployed := _deployed(github, young, query):
        after = f"after {query.settings.sla_hours:g} h FlowJoy ends with exit code 2"
        notes.append(f"{_named(deployed, query)}; {hint}; {after}")
    new = [run for run in asked if run.id in previews and not looked_at_before(run.updated_at, query)]
    return (*notes, *_note_on_previews(github, new, query))


def _pulls(github: GitHubApi, asked: Sequence[Run]) -> tuple[PullRequest, ...] | None:
    """Return the pull requests that may be those of the runs; None if the token may not read them."""
    try:
        return github_pulls.changed_since(github, min(run.created_at for run in asked))
    except HarvestError as problem:
        if problem.kind is not FaultKind.PERMISSION:
            raise
        return None


def _began_before_the_merge(run: Run, pulls: Sequence[PullRequest]) -> bool:
    """Return whether a pull request of the run's branch was then open, or was never merged."""
    own = [pull for pull in pulls if _is_of(run, pull) and pull.created_at <= run.created_at]
    merges = [pull.merged_at for pull in own if pull.merged_at is not None]
    if any(at <= run.created_at <= at + _JUST_CLOSED for at in merges):
        return False
    return any(_lasts(pull, run) for pull in own)


def _lasts(pull: PullRequest, run: Run) -> bool:
    if pull.closed_at is None:
        return True
    return run.created_at < (pull.merged_at or pull.closed_at + _JUST_CLOSED)


def _is_released(run: Run, pulls: Sequence[PullRequest], released: Collection[str]) -> bool:
    """Return whether another run released the commit of the run, or the merge that it followed."""
    own = ((pull.merged_at, pull.merge_commit_sha) for pull in pulls if _is_of(run, pull))
    merges = [(at, sha) for at, sha in own if at is not None and sha is not None and at <= run.created_at]
    return run.head_sha in released or (bool(merges) and max(merges)[1] in released)


def _is_of(run: Run, pull: PullRequest) -> bool:
    """Return whether a run is of the commit or on the branch of a pull request, whose fork may be gone by now."""
    repositories = {repo.full_name.lower() for repo in (run.head_repository, pull.head.repo) if repo is not None}
    return run.head_sha == pull.head.sha or (run.head_branch == pull.head.ref and len(repositories) == 1)


def _deployed(github: GitHubApi, runs: Sequence[Run], query: HarvestQuery) -> list[Run]:
    """Return the runs whose deploy job succeeded; without `deploy-job`, those of which any job may have deployed."""
    jobs, wanted = github_jobs.read(github, [run.id for run in runs]), query.settings.deploy_job
    if not wanted:
        return [run for run in runs if uncertain.may_have_deployed(github, run, jobs[run.id])]
    matching = github_jobs.matching(jobs, wanted)
    return [run for run in runs if any(job.succeeded for job in matching[run.id])]


def _named(runs: Sequence[Run], query: HarvestQuery) -> str:
    shown = ", ".join(f"{run.id} ({run.event} on {run.head_branch})" for run in runs[:_SHOWN])
    return f"{plural(len(runs), 'run')} of {query.settings.workflow} after a merge may have deployed: {shown}"


def _cure(query: HarvestQuery, *, is_unread: bool) -> str:
    branch = query.settings.branch or query.default_branch or "the default branch"
    other = "give that job another name" if query.settings.deploy_job else "set deploy-job to the job that deploys"
    seen = "give the job pull-requests: read to show which runs began before a merge; or " if is_unread else ""
    return (
        f"{seen}deploy on push to {branch}, or let the job name its environment and set code-source: deployments; "
        f"if it is not production, {other}; a later release or sla-since ends this"
    )


def _note_on_previews(github: GitHubApi, new: Sequence[Run], query: HarvestQuery) -> tuple[str, ...]:
    """Return a note on the newest runs before a merge whose deploy job succeeded: they are taken for previews."""
    if not query.settings.deploy_job:
        return ()
    shown = ", ".join(str(run.id) for run in _deployed(github, [run for run in new if run.is_over][:_SHOWN], query))
    job = ", ".join(query.settings.deploy_job)
    text = (
        f"runs of pull requests before their merge are previews and do not count, although {job!r} succeeded: {shown}"
    )
    return (text,) if shown else ()
