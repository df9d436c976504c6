"""One file at many commits, as fields of a GraphQL query on the repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1, sha256
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from flowjoy.analysis.promise import model_stub
from flowjoy.analysis.promise.model_stub import LARGEST_BYTES
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.responses import Count, GraphQL, Text, read_named, refusal
from flowjoy.domain import FileAtCommit, StubFile

MAX_IDS = 200
"""Ids of files; they are shorter than texts, so more of them fit into one query."""


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


class _Named(GraphQL):
    typename: Literal["Blob", "Commit", "Tag", "Tree"] = Field(alias="__typename")
    oid: Text


_FIELDS = """
    file{n}: object(expression: $file{n}) {{
      __typename
      ... on Blob {{ byteSize isBinary isTruncated text }}
    }}
    commit{n}: object(expression: $commit{n}) {{ __typename oid }}"""


_IDS = """
    known{n}: object(expression: $known{n}) {{ __typename oid }}
    at{n}: object(expression: $at{n}) {{ __typename oid }}"""


def declared(size: int) -> str:
    """Return the declarations of the variables for `size` commits."""
    return "".join(f", $file{n}: String!, $commit{n}: String!" for n in range(size))


def fields(size: int) -> str:
    """Return the fields for `size` commits. A missing commit and a missing file look alike, so both are asked for."""
    return "".join(_FIELDS.format(n=n) for n in range(size))


def variables(path: str, commits: Sequence[str]) -> dict[str, str]:
    """Return the variables of the fields."""
    files = {f"file{n}": f"{commit}:{path}" for n, commit in enumerate(commits)}
    return files | {f"commit{n}": commit for n, commit in enumerate(commits)}


def texts(repository: Mapping[str, Any], path: str, commits: Sequence[str]) -> dict[str, FileAtCommit]:
    """Return the file at each commit from an answer. Raise MalformedAnswerError if it does not contain them all."""
    return dict(zip(commits, texts_at(repository, [(path, commit) for commit in commits]), strict=True))


FILE_QUERY = f"""
query FlowJoyFile($owner: String!, $name: String!{declared(1)}) {{
  repository(owner: $owner, name: $name) {{{fields(1)}
  }}
}}
"""


def read_one(github: GitHubApi, path: str, commit: str) -> FileAtCommit:
    """Return a file at a commit. Raise HarvestError if GitHub does not answer."""
    asked = variables(path, [commit])
    return github.graphql(path, FILE_QUERY, lambda repository: texts(repository, path, [commit])[commit], **asked)


def variables_at(locations: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the variables of the fields for pairs of path and commit."""
    files = {f"file{n}": f"{commit}:{path}" for n, (path, commit) in enumerate(locations)}
    return files | {f"commit{n}": commit for n, (_, commit) in enumerate(locations)}


def texts_at(repository: Mapping[str, Any], locations: Sequence[tuple[str, str]]) -> tuple[FileAtCommit, ...]:
    """Return the file of each path and commit. Raise MalformedAnswerError if the answer does not contain them all."""
    objects: Mapping[str, GitObject] = read_named(GitObject | None, repository, variables_at(locations))
    files = ((objects[f"file{n}"], objects[f"commit{n}"]) for n in range(len(locations)))
    return tuple(_text(*pair, path, commit) for pair, (path, commit) in zip(files, locations, strict=True))


BlobIds = dict[str, str | None]
"""By commit, the id that git gives to the content of the stub; None where the commit has no stub."""


@dataclass(frozen=True, kw_only=True)
class WantedStubs:
    """The stub at some commits, and only its id at others, as part of a query on the repository."""

    path: str
    commits: Sequence[str]
    ids: Sequence[str] = ()

    @property
    def declared(self) -> str:
        """The declarations of the variables."""
        known = (f", $known{n}: String!, $at{n}: String!" for n in range(len(self.ids)))
        return declared(len(self.commits)) + "".join(known)

    @property
    def fields(self) -> str:
        """The fields."""
        return fields(len(self.commits)) + "".join(_IDS.format(n=n) for n in range(len(self.ids)))

    @property
    def variables(self) -> dict[str, str]:
        """The variables of the fields."""
        return variables(self.path, self.commits) | self._id_variables

    @property
    def _id_variables(self) -> dict[str, str]:
        files = {f"known{n}": f"{commit}:{self.path}" for n, commit in enumerate(self.ids)}
        return files | {f"at{n}": commit for n, commit in enumerate(self.ids)}

    def read(self, repository: Mapping[str, Any]) -> tuple[dict[str, StubFile], BlobIds]:
        """Return the stub at each commit, and the ids. A commit that is gone, or has a folder there, has no id."""
        files = texts(repository, self.path, self.commits)
        objects: Mapping[str, _Named | None] = read_named(_Named | None, repository, self._id_variables)
        ids: BlobIds = {}
        for n, sha in enumerate(self.ids):
            file, commit = objects[f"known{n}"], objects[f"at{n}"]
            if commit is not None and commit.typename == "Commit" and (file is None or file.typename == "Blob"):
                ids[sha] = None if file is None else file.oid
        return {commit: model_stub.read(file) for commit, file in files.items()}, ids


def git_id(text: str, like: str) -> str:
    """Return git's name of a text, by the hash that its repository uses."""
    content = text.encode(errors="replace")
    named = b"blob %d\0%b" % (len(content), content)
    # Git chose SHA-1; what is hashed here must also be a valid stub.
    chosen = sha256(named) if len(like) == 64 else sha1(named, usedforsecurity=False)
    return chosen.hexdigest()


def _text(file: GitObject | None, known: GitObject | None, path: str, commit: str) -> FileAtCommit:
    shown = commit[:12]
    if known is None or known.typename != "Commit":
        return FileAtCommit(problem=f"the commit {shown} is gone from the repository", commit_is_gone=True)
    if file is None:
        return FileAtCommit()
    if file.typename != "Blob":
        return FileAtCommit(problem=f"{path} at {shown} is not a file. Set `model-stub` to the path of one")
    if file.byte_size > LARGEST_BYTES or file.is_truncated:
        return FileAtCommit(problem=f"{path} at {shown} is larger than {LARGEST_BYTES >> 10} KiB")
    if file.is_binary or file.text is None:
        return FileAtCommit(problem=f"{path} at {shown} is not text")
    return FileAtCommit(text=file.text)
