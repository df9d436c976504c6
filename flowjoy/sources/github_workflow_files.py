"""The workflow files that a proposal changes, before and after, read by one query."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

from flowjoy.clients import github_files
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.responses import Response, Text, reader
from flowjoy.domain import FileAtCommit, Proposal, WorkflowFile
from flowjoy.errors import FaultKind, HarvestError

MAX_FILES = 20
FOLDER = ".github/workflows"
_WORKFLOW = re.compile(r"\.github/workflows/[^/]+\.ya?ml|(?:.+/)?action\.ya?ml")


class _Entry(Response):
    path: Text


def _query(size: int) -> str:
    return (
        f"query FlowJoyWorkflows($owner: String!, $name: String!{github_files.declared(size)}) {{\n"
        f"  repository(owner: $owner, name: $name) {{{github_files.fields(size)}\n  }}\n}}\n"
    )


WORKFLOWS_QUERY = _query(1)
"""The query for one file, for checking against GitHub's schema."""


def with_workflows(github: GitHubApi, proposal: Proposal) -> Proposal:
    """Return the proposal with the text of each changed workflow and composite action, at its base and head."""
    base_sha = proposal.base_sha
    was = set(proposal.renamed.values())
    changed = sorted(
        path for path in proposal.touched | (proposal.removed - was) if _is_workflow(path, proposal.renamed.get(path))
    )
    if base_sha is None or not changed:
        return proposal
    shown = changed[:MAX_FILES]
    locations = [(proposal.renamed.get(path, path), base_sha) for path in shown]
    locations += [(path, proposal.head_sha) for path in shown]
    texts = github.graphql(
        "workflow files",
        _query(len(locations)),
        lambda repository: github_files.texts_at(repository, locations),
        **github_files.variables_at(locations),
    )
    files = zip(shown, texts[: len(shown)], texts[len(shown) :], strict=True)
    return replace(
        proposal,
        other_workflows=_others_at(github, base_sha, {*changed, *was}),
        workflows=tuple(WorkflowFile(path=path, before=before, after=after) for path, before, after in files),
        workflows_unread=len(changed) - len(shown),
    )


def _others_at(github: GitHubApi, base_sha: str, changed: set[str]) -> tuple[WorkflowFile, ...]:
    """Return the base's other workflow files: a file that is added can run FlowJoy in place of one of them."""
    try:
        listed = github.get(f"/contents/{FOLDER}", reader(list[_Entry]), ref=base_sha)
    except HarvestError as problem:
        if problem.kind is not FaultKind.MISSING:
            raise
        return ()  # the base has no workflow
    paths = sorted(entry.path for entry in listed if entry.path not in changed and _is_workflow(entry.path))
    files: list[FileAtCommit] = []
    for start in range(0, len(paths), MAX_FILES):
        locations = [(path, base_sha) for path in paths[start : start + MAX_FILES]]
        files += github.graphql(
            "workflow files",
            _query(len(locations)),
            partial(github_files.texts_at, locations=locations),
            **github_files.variables_at(locations),
        )
    return tuple(WorkflowFile(path=path, before=file, after=file) for path, file in zip(paths, files, strict=True))


def _is_workflow(*paths: str | None) -> bool:
    return any(_WORKFLOW.fullmatch(path) for path in paths if path is not None)
