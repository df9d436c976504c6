"""The model stub at many commits, by one batched GraphQL query. Knows files and commits, not what a stub means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from flowjoy.github_api import GitHubApi
from flowjoy.model import StubText
from flowjoy.stub import LARGEST_BYTES
from flowjoy.transport import MalformedAnswerError

HEAD = "HEAD"
"""The head of the default branch, beside the shas."""

BATCH = 50
_FULL_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

_FIELDS = """
    file{n}: object(expression: $file{n}) {{
      __typename
      ... on Blob {{ byteSize isBinary isTruncated text }}
    }}
    commit{n}: object(expression: $commit{n}) {{ __typename oid }}"""


def _query(size: int) -> str:
    """One query for the file at `size` commits. A missing commit and a missing file look alike: both are asked for."""
    declared = "".join(f", $file{n}: String!, $commit{n}: String!" for n in range(size))
    fields = "".join(_FIELDS.format(n=n) for n in range(size))
    return (
        f"query FlowJoyStubs($owner: String!, $name: String!{declared}) {{\n"
        f"  repository(owner: $owner, name: $name) {{{fields}\n  }}\n}}\n"
    )


STUB_QUERY = _query(1)
"""The query for one commit, for reading and for checking against GitHub's schema."""


def read(github: GitHubApi, path: str, commits: Iterable[str]) -> dict[str, StubText]:
    """The file at each commit (full shas, or HEAD). Raises HarvestError when GitHub does not answer."""
    found = {}
    wanted = sorted(set(commits))
    for commit in wanted:
        if commit != HEAD and not _FULL_SHA.fullmatch(commit):
            found[commit] = StubText(problem=f"{commit[:40]!r} is no commit sha")
    askable = [commit for commit in wanted if commit not in found]
    for start in range(0, len(askable), BATCH):
        found |= _read_batch(github, path, askable[start : start + BATCH])
    return found


def _read_batch(github: GitHubApi, path: str, commits: list[str]) -> dict[str, StubText]:
    variables = {f"file{n}": f"{commit}:{path}" for n, commit in enumerate(commits)}
    variables |= {f"commit{n}": commit for n, commit in enumerate(commits)}

    def check(repository: dict[str, Any]) -> dict[str, StubText]:
        if not all(name in repository for name in variables):
            raise MalformedAnswerError("the answer does not hold every file that was asked for")
        return {commit: _text(repository, n, path, commit) for n, commit in enumerate(commits)}

    return github.graphql("model stubs", _query(len(commits)), check, **variables)


def _text(repository: Mapping[str, Any], place: int, path: str, commit: str) -> StubText:
    file, known = repository[f"file{place}"], repository[f"commit{place}"]
    shown = commit[:12]
    if not isinstance(known, dict) or known.get("__typename") != "Commit":
        return StubText(problem=f"the commit {shown} is gone from the repository")
    if file is None:
        return StubText()
    if not isinstance(file, dict) or file.get("__typename") != "Blob":
        return StubText(problem=f"{path} at {shown} is no file")
    size, text = file.get("byteSize"), file.get("text")
    if not isinstance(size, int) or size > LARGEST_BYTES or file.get("isTruncated") is not False:
        return StubText(problem=f"{path} at {shown} is larger than {LARGEST_BYTES >> 10} KiB")
    if file.get("isBinary") is not False or not isinstance(text, str):
        return StubText(problem=f"{path} at {shown} is not text")
    return StubText(text=text)
