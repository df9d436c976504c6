"""Code that asks to be merged: its commits, labels and the files it changes. Knows pull requests and merge groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal, Self
from urllib.parse import quote

from pydantic import model_validator

from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.responses import Count, Id, Many, Response, Sha, Text, reader, refusal
from flowjoy.domain import Proposal
from flowjoy.errors import HarvestError

MOST_FILES = 3000
"""GitHub lists no more files of a pull request."""

MOST_COMPARED = 300
"""GitHub lists no more files of a comparison."""

_MOST_PAGES = 10
_GONE = "removed"


class _Commit(Response):
    sha: Sha
    ref: Text


class _Pull(Response):
    number: Id
    state: Literal["open", "closed"]
    head: _Commit
    base: _Commit


class _Label(Response):
    name: Text


class _WholePull(_Pull):
    changed_files: Count
    labels: Many[_Label]


class _File(Response):
    filename: Text
    status: Literal["added", "removed", "modified", "renamed", "copied", "changed", "unchanged"]
    previous_filename: Text | None = None  # only a renamed or copied file has had another name

    @property
    def was(self) -> str | None:
        """The former name of a renamed file; of a copy it is still there."""
        return self.previous_filename if self.status == "renamed" else None

    @model_validator(mode="after")
    def _names_both(self) -> Self:
        if self.status == "renamed" and self.previous_filename is None:
            raise refusal("does not say what it was called before")
        return self


class _Tree(Response):
    sha: Sha


class _Content(Response):
    tree: _Tree


class _Step(Response):
    commit: _Content


class _Base(Response):
    sha: Sha


class _Comparison(Response):
    base_commit: _Base
    status: Literal["ahead", "behind", "diverged", "identical"]
    merge_base_commit: _Step
    commits: Many[_Step]
    files: Many[_File]

    @model_validator(mode="after")
    def _shows_what_differs(self) -> Self:
        trees = {step.commit.tree.sha for step in (self.merge_base_commit, *self.commits[-1:])}
        has_commits = self.status in ("ahead", "diverged")
        if has_commits and not self.files and (len(trees) > 1 or not self.commits):
            raise refusal("shows no file that differs between two trees")
        return self


def read(github: GitHubApi, number: int, head_sha: str | None) -> Proposal:
    """The pull request as it is now. Raises HarvestError when it is not complete, or has moved on from `head_sha`."""
    pull = github.get(f"/pulls/{number}", reader(_WholePull))
    if pull.head.sha != head_sha:
        raise HarvestError("the pull request has a newer commit", hint="its own run judges it; this one is out of date")
    changed = pull.changed_files
    if changed > MOST_FILES:
        raise HarvestError(f"the pull request changes {changed} files, GitHub lists {MOST_FILES}", hint="split it")
    return _proposal(
        _every_file(github, number, changed),
        head_sha=pull.head.sha,
        base_sha=pull.base.sha,
        number=number,
        labels=frozenset(label.name for label in pull.labels),
    )


def group(github: GitHubApi, base_sha: str, head_sha: str) -> Proposal:
    """The merge group between two commits. Each of its pull requests was judged with its labels before."""
    compared = github.get(f"/compare/{base_sha}...{head_sha}", reader(_Comparison))
    if compared.status == "behind":
        raise HarvestError("the merge group has no commit that its base lacks", hint="run again")
    return _of_comparison(compared, head_sha)


def beside(github: GitHubApi, branch: str, head_sha: str) -> Proposal:
    """Return a commit with what it changes to the head of a branch; without a base where it lies on that branch."""
    compared = github.get(f"/compare/{quote(branch, safe='')}...{head_sha}", reader(_Comparison))
    if compared.status in ("behind", "identical"):
        return Proposal(head_sha=head_sha)
    return replace(_of_comparison(compared, head_sha), of_branch=True)


def _of_comparison(compared: _Comparison, head_sha: str) -> Proposal:
    known = len(compared.files) < MOST_COMPARED
    return _proposal(compared.files, head_sha=head_sha, base_sha=compared.base_commit.sha, files_known=known)


def find(github: GitHubApi, head_sha: str, head: str | None, default_branch: str | None) -> int | None:
    """Return the number of the pull request with this head commit; None where GitHub lists none.

    By `head` (`owner:branch`), else among the open ones: GitHub does not know a fork's commit by its sha. Of several
    the open one, and the one into the default branch.
    """
    wishes: dict[str, str | int] = {"state": "all", "head": head} if head is not None else {"state": "open"}
    matching: list[_Pull] = []
    for page in range(1, _MOST_PAGES + 1):
        pulls = github.get("/pulls", reader(list[_Pull]), per_page=PER_PAGE, page=page, **wishes)
        matching += [pull for pull in pulls if pull.head.sha == head_sha]
        if len(pulls) < PER_PAGE:
            break
    best = min(
        matching,
        key=lambda pull: (pull.state != "open", pull.base.ref != default_branch, pull.number),
        default=None,
    )
    return None if best is None else best.number


def _every_file(github: GitHubApi, number: int, changed: int) -> list[_File]:
    """Every entry of the list, counted as GitHub counts: a renamed file is one."""
    files: dict[str, _File] = {}
    page = 0
    while page == 0 or len(files) < changed:
        page += 1
        found = github.get(f"/pulls/{number}/files", reader(list[_File]), per_page=PER_PAGE, page=page)
        known = len(files)
        files |= {file.filename: file for file in found}
        if len(files) == known:
            break
    if len(files) != changed:
        raise HarvestError(f"the pull request changes {changed} files, GitHub lists {len(files)}", hint="run again")
    return list(files.values())


def _proposal(files: Iterable[_File], *, head_sha: str, **more: Any) -> Proposal:
    files = list(files)
    touched = frozenset(file.filename for file in files if file.status != _GONE)
    # A file that moved away is as gone as one that was deleted.
    renamed = {file.filename: file.was for file in files if file.was is not None}
    gone = {file.filename for file in files if file.status == _GONE} | set(renamed.values())
    return Proposal(
        head_sha=head_sha,
        touched=touched,
        removed=frozenset(gone - touched),
        renamed=renamed,
        **more,
    )
