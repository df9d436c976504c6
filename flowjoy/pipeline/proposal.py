"""Reads the code that asks to go live: a pull request, a merge group, or a commit off the default branch."""

from __future__ import annotations

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
        number = trigger.pull_request
        if number is None:
            number = github_pull_request.find(github, sha, trigger.head, query.default_branch)
        if number is None and trigger.fork:
            note = "no pull request has this head commit: its stub alone is judged"
            return Proposal(head_sha=sha), 1, (note,)
        proposal = _off_branch(query, github, sha) if number is None else github_pull_request.read(github, number, sha)
    return github_workflow_files.with_workflows(github, proposal), 1, ()


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
