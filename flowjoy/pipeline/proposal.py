"""Reads the code that asks to go live: a pull request, a merge group, or a commit off the default branch."""

from __future__ import annotations

from dataclasses import replace

from flowjoy.actions.event import RunEvent
from flowjoy.clients.github import GitHubApi
from flowjoy.domain import Proposal, SourceKind
from flowjoy.errors import HarvestError
from flowjoy.pipeline.step import StepResult
from flowjoy.sources import github_pull_request, github_workflow_files
from flowjoy.sources.base import Clients, HarvestQuery


def kind_of(trigger: RunEvent) -> SourceKind:
    """Return what the coverage calls it."""
    if not trigger.proposes:
        return SourceKind.BRANCH
    return SourceKind.PULL_REQUEST if trigger.base_sha is None else SourceKind.MERGE_GROUP


def read(query: HarvestQuery, access: Clients, trigger: RunEvent) -> StepResult[Proposal]:
    """Return what asks to go live, with the workflow files that it changes."""
    github, sha = access.to_github, trigger.sha or ""
    if trigger.base_sha is not None:
        proposal = github_pull_request.group(github, trigger.base_sha, sha)
        _refuse_unlisted(proposal, query)
    elif not trigger.proposes:
        proposal = _off_branch(query, github, sha)
    else:
        numbers: tuple[int, ...] = () if trigger.pull_request is None else (trigger.pull_request,)
        if not numbers:
            numbers = github_pull_request.find(github, sha, trigger.head, query.default_branch, trigger.named)
        if not numbers and trigger.fork:
            note = "no pull request has this head commit: its stub alone is judged"
            return Proposal(head_sha=sha), 1, (note,)
        proposal = _of_all(github, numbers, sha) if numbers else _off_branch(query, github, sha)
    return github_workflow_files.with_workflows(github, proposal), 1, ()


def _of_all(github: GitHubApi, numbers: tuple[int, ...], sha: str) -> Proposal:
    """Return the first pull request, and the others of the same head with it: they share its checks."""
    first, *more = (github_pull_request.read(github, number, sha) for number in numbers)
    others = (github_workflow_files.with_workflows(github, one) for proposal in more for one in proposal.every)
    return replace(first, others=(*first.others, *(replace(one, others=()) for one in others)))


def _off_branch(query: HarvestQuery, github: GitHubApi, sha: str) -> Proposal:
    """Return a commit that no pull request proposes, compared with the default branch."""
    if query.default_branch is None:
        raise HarvestError(
            "the default branch is not known, so this commit cannot be compared with it", hint="run again"
        )
    proposal = github_pull_request.against_branch(github, query.default_branch, sha)
    _refuse_unlisted(proposal, query)
    return proposal


def _refuse_unlisted(proposal: Proposal, query: HarvestQuery) -> None:
    """Raise HarvestError if a flag may be among the changed files that GitHub does not list."""
    settings = query.settings
    if settings.flag_paths and not proposal.files_known and settings.model_stub not in proposal.touched:
        limit = github_pull_request.MAX_COMPARED
        raise HarvestError(
            f"{limit} files or more change, and GitHub lists {limit} of them: flag-paths may match others",
            hint=f"touch {settings.model_stub} as well, or merge in smaller steps",
        )
