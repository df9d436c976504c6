"""Pull requests and merge groups: their commits, labels and changed files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal, Self
from urllib.parse import quote

from pydantic import model_validator

from flowjoy.clients import github_branches
from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.responses import Count, Id, Many, Response, Sha, Text, reader, refusal
from flowjoy.domain import Proposal
from flowjoy.domain.plurals import plural
from flowjoy.errors import HarvestError

MAX_FILES = 3000
"""GitHub does not list more files of a pull request."""

MAX_COMPARED = 300
"""GitHub does not list more files of a comparison."""

_MAX_PAGES = 10
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


class _DetailedPull(_Pull):
    changed_files: Count
    labels: Many[_Label]


class _File(Response):
    filename: Text
    status: Literal["added", "removed", "modified", "renamed", "copied", "changed", "unchanged"]
    previous_filename: Text | None = None  # only a renamed or copied file has had another name

    @property
    def was(self) -> str | None:
        """The former name of a renamed file; None for a copy, whose original still exists."""
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
    """Return the pull request. Raise HarvestError if it is incomplete or its head is not `head_sha`."""
    pull = github.get(f"/pulls/{number}", reader(_DetailedPull))
    if pull.head.sha != head_sha:
        raise HarvestError("the pull request has a newer commit", hint="its own run judges it; this one is out of date")
    changed = pull.changed_files
    if changed > MAX_FILES:
        raise HarvestError(
            f"the pull request changes {plural(changed, 'file')}, GitHub lists {MAX_FILES}", hint="split it"
        )
    proposal = _proposal(
        _every_file(github, number, changed),
        head_sha=pull.head.sha,
        base_sha=pull.base.sha,
        number=number,
        labels=frozenset(label.name for label in pull.labels),
    )
    # GitHub sets `base.sha` when the pull request is pushed to; the branch may have moved on since.
    current = github_branches.head_of(github, pull.base.ref)
    return proposal if current == pull.base.sha else replace(proposal, others=(replace(proposal, base_sha=current),))


def group(github: GitHubApi, base_sha: str, head_sha: str) -> Proposal:
    """Return the merge group between two commits; its pull requests were judged before, with their labels."""
    compared = github.get(f"/compare/{base_sha}...{head_sha}", reader(_Comparison))
    if compared.status == "behind":
        raise HarvestError("the merge group does not add a commit to its base", hint="run again")
    return _of_comparison(compared, head_sha)


def against_branch(github: GitHubApi, branch: str, head_sha: str) -> Proposal:
    """Return a commit and its changes to the head of a branch; without a base if the branch contains it."""
    compared = github.get(f"/compare/{quote(branch, safe='')}...{head_sha}", reader(_Comparison))
    if compared.status in ("behind", "identical"):
        return Proposal(head_sha=head_sha)
    return replace(_of_comparison(compared, head_sha), of_branch=True)


def _of_comparison(compared: _Comparison, head_sha: str) -> Proposal:
    known = len(compared.files) < MAX_COMPARED
    return _proposal(compared.files, head_sha=head_sha, base_sha=compared.base_commit.sha, files_known=known)


def find(
    github: GitHubApi, head_sha: str, head: str | None, default_branch: str | None, named: Iterable[int] = ()
) -> tuple[int, ...]:
    """Return the numbers of the pull requests with this head commit; empty if GitHub does not list one.

    Searched by `head` (`owner:branch`), otherwise among the open ones: GitHub does not find a fork's commit by its sha.
    `named`: numbers that are looked up in any case. Every open one counts, that into the default branch first; without
    an open one, one that is closed.
    """
    filters: dict[str, str | int] = {"state": "all", "head": head} if head is not None else {"state": "open"}
    matching: list[_Pull] = []
    for page in range(1, _MAX_PAGES + 1):
        pulls = github.get("/pulls", reader(list[_Pull]), per_page=PER_PAGE, page=page, **filters)
        matching += [pull for pull in pulls if pull.head.sha == head_sha]
        if len(pulls) < PER_PAGE:
            break
    listed = {pull.number for pull in matching}
    others = [github.get(f"/pulls/{number}", reader(_Pull)) for number in sorted(set(named) - listed)]
    matching += [pull for pull in others if pull.head.sha == head_sha]
    ordered = sorted(matching, key=lambda pull: (pull.state != "open", pull.base.ref != default_branch, pull.number))
    asking = [pull.number for pull in ordered if pull.state == "open"]
    return tuple(asking or [pull.number for pull in ordered[:1]])


def _every_file(github: GitHubApi, number: int, changed: int) -> list[_File]:
    """Return every changed file. As in GitHub's count, a renamed file is one."""
    files: dict[str, _File] = {}
    page = 0
    while page == 0 or len(files) < changed:
        page += 1
        listed = github.get(f"/pulls/{number}/files", reader(list[_File]), per_page=PER_PAGE, page=page)
        known = len(files)
        files |= {file.filename: file for file in listed}
        if len(files) == known:
            break
    if len(files) != changed:
        raise HarvestError(
            f"the pull request changes {plural(changed, 'file')}, GitHub lists {len(files)}", hint="run again"
        )
    return list(files.values())


def _proposal(files: Iterable[_File], *, head_sha: str, **more: Any) -> Proposal:
    files = list(files)
    touched = frozenset(file.filename for file in files if file.status != _GONE)
    # For its old path, moving a file is the same as deleting it.
    renamed = {file.filename: file.was for file in files if file.was is not None}
    gone = {file.filename for file in files if file.status == _GONE} | set(renamed.values())
    return Proposal(
        head_sha=head_sha,
        touched=touched,
        removed=frozenset(gone - touched),
        renamed=renamed,
        **more,
    )
