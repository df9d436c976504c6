"""The model stub at many commits, by one batched GraphQL query. Knows files and commits, not what a stub means."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flowjoy import github_files
from flowjoy.dependence import HEAD
from flowjoy.github_api import GitHubApi
from flowjoy.model import StubText

BATCH = 50
_FULL_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def _query(size: int) -> str:
    """One query for the file at `size` commits."""
    return (
        f"query FlowJoyStubs($owner: String!, $name: String!{github_files.declared(size)}) {{\n"
        f"  repository(owner: $owner, name: $name) {{{github_files.fields(size)}\n  }}\n}}\n"
    )


STUB_QUERY = _query(1)
"""The query for one commit, for reading and for checking against GitHub's schema."""


def is_sha(commit: str) -> bool:
    """Whether this is a whole commit sha."""
    return _FULL_SHA.fullmatch(commit) is not None


def read(github: GitHubApi, path: str, commits: Iterable[str]) -> dict[str, StubText]:
    """The file at each commit (full shas, or HEAD). Raises HarvestError when GitHub does not answer."""
    found = {}
    wanted = sorted(set(commits))
    for commit in wanted:
        if commit != HEAD and not is_sha(commit):
            found[commit] = StubText(problem=f"{commit[:40]!r} is no commit sha")
    askable = [commit for commit in wanted if commit not in found]
    for start in range(0, len(askable), BATCH):
        found |= _read_batch(github, path, askable[start : start + BATCH])
    return found


def _read_batch(github: GitHubApi, path: str, commits: list[str]) -> dict[str, StubText]:
    return github.graphql(
        "model stubs",
        _query(len(commits)),
        lambda repository: github_files.texts(repository, path, commits),
        **github_files.variables(path, commits),
    )
