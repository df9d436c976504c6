"""Code that asks to be merged: its commits, labels and the files it changes. Knows pull requests and merge groups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flowjoy.errors import HarvestError
from flowjoy.github_api import PER_PAGE, GitHubApi
from flowjoy.model import Proposal
from flowjoy.transport import MalformedAnswerError

MOST_FILES = 3000
"""GitHub lists no more files of a pull request."""

MOST_COMPARED = 300
"""GitHub lists no more files of a comparison."""

_MOST_PAGES = 10
_GONE = "removed"


@dataclass(frozen=True, kw_only=True)
class ChangedFile:
    """One changed file. `was`: its former name, where it was renamed."""

    name: str
    status: str
    was: str | None = None


def read(github: GitHubApi, number: int, head_sha: str | None) -> Proposal:
    """The pull request as it is now. Raises HarvestError when it is not complete, or has moved on from `head_sha`."""
    pull = github.get(f"/pulls/{number}", _checked)
    if pull["head"]["sha"] != head_sha:
        raise HarvestError("the pull request has a newer commit", hint="its own run judges it; this one is out of date")
    changed = pull["changed_files"]
    if changed > MOST_FILES:
        raise HarvestError(f"the pull request changes {changed} files, GitHub lists {MOST_FILES}", hint="split it")
    return _proposal(
        _every_file(github, number, changed),
        head_sha=pull["head"]["sha"],
        base_sha=pull["base"]["sha"],
        number=number,
        labels=frozenset(label["name"] for label in pull["labels"]),
    )


def group(github: GitHubApi, base_sha: str, head_sha: str) -> Proposal:
    """The merge group between two commits. Each of its pull requests was judged with its labels before."""
    files = github.get(f"/compare/{base_sha}...{head_sha}", _checked_comparison)
    known = len(files) < MOST_COMPARED
    return _proposal(files, head_sha=head_sha, base_sha=base_sha, files_known=known)


def find(github: GitHubApi, head_sha: str, head: str | None, default_branch: str | None) -> int | None:
    """Return the number of the pull request with this head commit; None where GitHub lists none.

    By `head` (`owner:branch`), else among the open ones: GitHub does not know a fork's commit by its sha. Of several
    the open one, and the one into the default branch.
    """
    wishes: dict[str, str | int] = {"state": "all", "head": head} if head is not None else {"state": "open"}
    matching: list[dict[str, Any]] = []
    for page in range(1, _MOST_PAGES + 1):
        pulls = github.get("/pulls", _checked_pulls, per_page=PER_PAGE, page=page, **wishes)
        matching += [pull for pull in pulls if pull["head"]["sha"] == head_sha]
        if len(pulls) < PER_PAGE:
            break
    best = min(
        matching,
        key=lambda pull: (pull.get("state") != "open", pull["base"].get("ref") != default_branch, pull["number"]),
        default=None,
    )
    return None if best is None else int(best["number"])


def _every_file(github: GitHubApi, number: int, changed: int) -> list[ChangedFile]:
    """Every entry of the list, counted as GitHub counts: a renamed file is one."""
    files: dict[str, ChangedFile] = {}
    page = 0
    while len(files) < changed:
        page += 1
        found = github.get(f"/pulls/{number}/files", _checked_files, per_page=PER_PAGE, page=page)
        new = {file.name: file for file in found if file.name not in files}
        if not new:
            raise HarvestError(f"the pull request changes {changed} files, GitHub lists {len(files)}", hint="run again")
        files |= new
    return list(files.values())


def _proposal(files: Iterable[ChangedFile], *, head_sha: str, **more: Any) -> Proposal:
    files = list(files)
    touched = frozenset(file.name for file in files if file.status != _GONE)
    # A file that moved away is as gone as one that was deleted.
    gone = {file.name for file in files if file.status == _GONE} | {file.was for file in files if file.was is not None}
    return Proposal(
        head_sha=head_sha,
        touched=touched,
        removed=frozenset(gone - touched),
        renamed={file.name: file.was for file in files if file.was is not None},
        **more,
    )


def _checked(answer: Any) -> dict[str, Any]:
    try:
        shaped = (
            isinstance(answer["changed_files"], int)
            and all(isinstance(answer[side]["sha"], str) for side in ("head", "base"))
            and all(isinstance(label["name"], str) for label in answer["labels"])
        )
    except (KeyError, TypeError):
        shaped = False
    if not shaped:
        raise MalformedAnswerError("the answer is not a pull request")
    pull: dict[str, Any] = answer
    return pull


def _checked_pulls(answer: Any) -> list[dict[str, Any]]:
    try:
        shaped = isinstance(answer, list) and all(
            isinstance(pull["number"], int)
            and isinstance(pull["head"]["sha"], str)
            and isinstance(pull["base"], dict)
            and isinstance(pull["state"], str)
            for pull in answer
        )
    except (KeyError, TypeError):
        shaped = False
    if not shaped:
        raise MalformedAnswerError("the answer is not a list of pull requests")
    pulls: list[dict[str, Any]] = answer
    return pulls


def _checked_comparison(answer: Any) -> list[ChangedFile]:
    if not isinstance(answer, dict) or not isinstance(answer.get("status"), str):
        raise MalformedAnswerError("the answer is not a comparison of two commits")
    return _checked_files(answer.get("files"))


def _checked_files(answer: Any) -> list[ChangedFile]:
    try:
        files = [_file(item) for item in answer]
    except (KeyError, TypeError, AttributeError):
        files = None
    if files is None or not isinstance(answer, list):
        raise MalformedAnswerError("the answer is not a list of files")
    return files


def _file(item: dict[str, Any]) -> ChangedFile:
    """One entry. Of a copy the former name is still there; a renamed file must name it."""
    name, status = item["filename"], item["status"]
    was = item["previous_filename"] if status == "renamed" else None
    if not all(isinstance(text, str) and text for text in (name, status, *([was] if status == "renamed" else []))):
        raise TypeError("a file has no name or no status")
    return ChangedFile(name=name, status=status, was=was)
