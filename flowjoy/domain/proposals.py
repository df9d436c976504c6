"""Code that asks to go live, and the files that decide about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class StubFile:
    """What stands in the stub's file at one commit: its text, None where no such file is, or why it is unknown.

    `commit_is_gone`: GitHub does not know the commit, so that nothing can be said of its files.
    """

    text: str | None = None
    problem: str | None = None
    commit_is_gone: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowFile:
    """A workflow file that a proposal changes: its text on both sides; `path` is its name at the head."""

    path: str
    before: StubFile
    after: StubFile


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """Code that asks to go live: a pull request, a merge group, or a commit that is about to be deployed.

    `base_sha` is None for a commit that is not merged into anything. `touched` are the files that the head has, and
    `removed` those that it no longer has; `renamed` maps new names to old ones. `files_known`: False where GitHub
    does not list every changed file. `workflows`: changed workflow files, up to a limit, and `workflows_unread` of them
    beyond it.
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

    @property
    def is_merge(self) -> bool:
        """Whether it is to be merged; else the commit itself is about to be deployed."""
        return self.base_sha is not None

    def changes_only(self, path: str) -> bool:
        """Return whether this file is known to be all that the proposal changes."""
        return self.files_known and self.touched | self.removed == {path}
