"""One file at many commits, as fields of a GraphQL query on the repository. Knows files and commits, no meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flowjoy.model import StubText
from flowjoy.stub import LARGEST_BYTES
from flowjoy.transport import MalformedAnswerError

_FIELDS = """
    file{n}: object(expression: $file{n}) {{
      __typename
      ... on Blob {{ byteSize isBinary isTruncated text }}
    }}
    commit{n}: object(expression: $commit{n}) {{ __typename oid }}"""


def declared(size: int) -> str:
    """The declarations of the variables for `size` commits."""
    return "".join(f", $file{n}: String!, $commit{n}: String!" for n in range(size))


def fields(size: int) -> str:
    """The fields for `size` commits. A missing commit and a missing file look alike: both are asked for."""
    return "".join(_FIELDS.format(n=n) for n in range(size))


def variables(path: str, commits: Sequence[str]) -> dict[str, str]:
    """What the fields ask for."""
    files = {f"file{n}": f"{commit}:{path}" for n, commit in enumerate(commits)}
    return files | {f"commit{n}": commit for n, commit in enumerate(commits)}


def texts(repository: Mapping[str, Any], path: str, commits: Sequence[str]) -> dict[str, StubText]:
    """The file at each commit, out of an answer. Raises MalformedAnswerError when it does not hold them all."""
    if not all(name in repository for name in variables(path, commits)):
        raise MalformedAnswerError("the answer does not hold every file that was asked for")
    return {commit: _text(repository, n, path, commit) for n, commit in enumerate(commits)}


def variables_at(places: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What the fields ask for where each place has a path of its own; a place is a path and a commit."""
    files = {f"file{n}": f"{commit}:{path}" for n, (path, commit) in enumerate(places)}
    return files | {f"commit{n}": commit for n, (_, commit) in enumerate(places)}


def texts_at(repository: Mapping[str, Any], places: Sequence[tuple[str, str]]) -> tuple[StubText, ...]:
    """The file at each place. Raises MalformedAnswerError when the answer does not hold them all."""
    if not all(name in repository for name in variables_at(places)):
        raise MalformedAnswerError("the answer does not hold every file that was asked for")
    return tuple(_text(repository, n, path, commit) for n, (path, commit) in enumerate(places))


def _text(repository: Mapping[str, Any], place: int, path: str, commit: str) -> StubText:
    file, known = repository[f"file{place}"], repository[f"commit{place}"]
    shown = commit[:12]
    if not isinstance(known, dict) or known.get("__typename") != "Commit":
        return StubText(problem=f"the commit {shown} is gone from the repository", commit_is_gone=True)
    if file is None:
        return StubText()
    if not isinstance(file, dict) or file.get("__typename") != "Blob":
        return StubText(problem=f"{path} at {shown} is not a file. Set `model-stub` to the path of one")
    size, text = file.get("byteSize"), file.get("text")
    if not isinstance(size, int) or size > LARGEST_BYTES or file.get("isTruncated") is not False:
        return StubText(problem=f"{path} at {shown} is larger than {LARGEST_BYTES >> 10} KiB")
    if file.get("isBinary") is not False or not isinstance(text, str):
        return StubText(problem=f"{path} at {shown} is not text")
    return StubText(text=text)
