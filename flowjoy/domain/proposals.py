"""Code that asks to go live, and the files that decide about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class FileAtCommit:
    """A file at one commit: its text, None if it does not exist, or the reason it could not be read.

    `commit_is_gone`: GitHub does not know the commit, so its files are unknown.
    """

    text: str | None = None
    problem: str | None = None
    commit_is_gone: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowFile:
    """A workflow file that a proposal changes: its text on both sides; `path` is its name at the head."""

    path: str
    before: FileAtCommit
    after: FileAtCommit


GROUP = 0
"""Stands for the number of a merge group, which has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """Code that asks to go live: a pull request, a merge group, or a commit that is about to be deployed.

    `base_sha` is None for a commit that is not to be merged. `touched`: changed files that exist at the head;
    `removed`: those that no longer do; `renamed` maps new names to old ones. `files_known`: False if GitHub does not
    list every changed file. `workflows`: changed workflow files, up to a limit; `workflows_unread`: how many more;
    `other_workflows`: the base's other ones, if any are changed. `of_branch`: a commit that is about to be deployed
    from a branch beside the default one, which is its base. `others`: the same head against other bases: other pull
    requests, or a base branch that moved on.
    """

    head_sha: str
    base_sha: str | None = None
    number: int | None = None
    labels: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)
    files_known: bool = True
    workflows: tuple[WorkflowFile, ...] = ()
    workflows_unread: int = 0
    other_workflows: tuple[WorkflowFile, ...] = ()
    of_branch: bool = False
    others: tuple[Proposal, ...] = ()

    @property
    def every(self) -> tuple[Proposal, ...]:
        """The proposal and the others of its head: the gate is green only if it is for all of them."""
        return (self, *self.others)

    @property
    def ends(self) -> frozenset[str]:
        """The commits whose stubs are judged: the head, and each base."""
        return frozenset({self.head_sha, *(one.base_sha for one in self.every if one.base_sha is not None)})

    @property
    def is_merge(self) -> bool:
        """Whether it is to be merged; otherwise the commit itself is about to be deployed."""
        return self.base_sha is not None and not self.of_branch

    def changes_only(self, path: str) -> bool:
        """Return whether this file is known to be all that the proposal changes."""
        return self.files_known and self.touched | self.removed == {path}
