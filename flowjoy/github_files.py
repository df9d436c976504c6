"""One file at many commits, as fields of a GraphQL query on the repository. Knows files and commits, no meaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from flowjoy.answer import Count, GraphQL, read_named, refusal
from flowjoy.model import StubText
from flowjoy.stub import LARGEST_BYTES


class _Blob(GraphQL):
    typename: Literal["Blob"] = Field(alias="__typename")
    byte_size: Count
    is_truncated: bool
    is_binary: bool | None  # null: GitHub does not know
    text: str | None  # null: it is binary

    @model_validator(mode="after")
    def _is_shown(self) -> Self:
        if self.text is not None and bool(self.text) != bool(self.byte_size):
            raise refusal("does not hold the text that it counts")
        return self


class _Other(GraphQL):
    typename: Literal["Commit", "Tag", "Tree"] = Field(alias="__typename")


GitObject = Annotated[_Blob | _Other, Field(discriminator="typename")]

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
    """Return the file at each commit, out of an answer. Raise MalformedAnswerError when it does not hold them all."""
    return dict(zip(commits, texts_at(repository, [(path, commit) for commit in commits]), strict=True))


def variables_at(places: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What the fields ask for where each place has a path of its own; a place is a path and a commit."""
    files = {f"file{n}": f"{commit}:{path}" for n, (path, commit) in enumerate(places)}
    return files | {f"commit{n}": commit for n, (_, commit) in enumerate(places)}


def texts_at(repository: Mapping[str, Any], places: Sequence[tuple[str, str]]) -> tuple[StubText, ...]:
    """Return the file at each place. Raise MalformedAnswerError when the answer does not hold them all."""
    objects: Mapping[str, GitObject] = read_named(GitObject | None, repository, variables_at(places))
    files = ((objects[f"file{n}"], objects[f"commit{n}"]) for n in range(len(places)))
    return tuple(_text(*found, path, commit) for found, (path, commit) in zip(files, places, strict=True))


def _text(file: GitObject | None, known: GitObject | None, path: str, commit: str) -> StubText:
    shown = commit[:12]
    if known is None or known.typename != "Commit":
        return StubText(problem=f"the commit {shown} is gone from the repository", commit_is_gone=True)
    if file is None:
        return StubText()
    if file.typename != "Blob":
        return StubText(problem=f"{path} at {shown} is not a file. Set `model-stub` to the path of one")
    if file.byte_size > LARGEST_BYTES or file.is_truncated:
        return StubText(problem=f"{path} at {shown} is larger than {LARGEST_BYTES >> 10} KiB")
    if file.is_binary or file.text is None:
        return StubText(problem=f"{path} at {shown} is not text")
    return StubText(text=file.text)
