"""The model stub at many commits, read by batched GraphQL queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

from flowjoy.analysis.promise import model_stub
from flowjoy.analysis.promise.dependencies import HEAD
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_files import MAX_IDS, WantedStubs
from flowjoy.domain import AbsentStub, FileAtCommit, StubFile, commit_sha

BATCH = 50


def _query(wanted: WantedStubs) -> str:
    return (
        f"query FlowJoyStubs($owner: String!, $name: String!{wanted.declared}) {{\n"
        f"  repository(owner: $owner, name: $name) {{{wanted.fields}\n  }}\n}}\n"
    )


STUB_QUERY = _query(WantedStubs(path="", commits=[HEAD], remembered={"": AbsentStub()}))
"""The query for one commit and one that is remembered, for checking against GitHub's schema."""


def read(
    github: GitHubApi, path: str, commits: Iterable[str], remembered: Mapping[str, StubFile] | None = None
) -> dict[str, StubFile]:
    """Return the stub at each commit (full shas, or HEAD). Raise HarvestError when GitHub does not answer.

    A remembered stub is used if GitHub gives the file the id that its text has in git.
    """
    wanted = sorted(set(commits))
    asked = [commit for commit in wanted if commit == HEAD or commit_sha.is_full(commit)]
    refused = {commit: FileAtCommit(problem=f"{commit[:40]!r} is not a commit sha") for commit in {*wanted} - {*asked}}
    stubs = {commit: model_stub.read(file) for commit, file in refused.items()}
    known = {commit: stub for commit, stub in (remembered or {}).items() if commit in asked and commit != HEAD}
    fresh = [commit for commit in asked if commit not in known]
    for start in range(max(-(-len(fresh) // BATCH), -(-len(known) // MAX_IDS))):
        some = dict(islice(known.items(), start * MAX_IDS, (start + 1) * MAX_IDS))
        stubs |= _read(
            github, WantedStubs(path=path, commits=fresh[start * BATCH : (start + 1) * BATCH], remembered=some)
        )
    refuted = [commit for commit in known if commit not in stubs]
    return stubs | read(github, path, refuted) if refuted else stubs


def _read(github: GitHubApi, wanted: WantedStubs) -> dict[str, StubFile]:
    return github.graphql("model stubs", _query(wanted), wanted.read, **wanted.variables)
