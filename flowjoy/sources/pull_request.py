"""One pull request: its commits, labels and the files it changes."""

from __future__ import annotations

from typing import Any

from flowjoy.errors import HarvestError
from flowjoy.github_api import PER_PAGE, GitHubApi
from flowjoy.model import PullRequest
from flowjoy.transport import MalformedAnswerError

MOST_FILES = 3000
"""GitHub lists no more files of a pull request."""


def read(github: GitHubApi, number: int, head_sha: str | None) -> PullRequest:
    """The pull request as it is now. Raises HarvestError when it is not complete, or has moved on from `head_sha`."""
    pull = github.get(f"/pulls/{number}", _checked)
    if pull["head"]["sha"] != head_sha:
        raise HarvestError("the pull request has a newer commit", hint="its own run judges it; this one is out of date")
    changed = pull["changed_files"]
    if changed > MOST_FILES:
        raise HarvestError(f"the pull request changes {changed} files, GitHub lists {MOST_FILES}", hint="split it")
    files: dict[str, str] = {}
    page = 0
    while len(files) < changed:
        page += 1
        found = github.get(f"/pulls/{number}/files", _checked_files, per_page=PER_PAGE, page=page)
        if not found.keys() - files.keys():
            raise HarvestError(f"the pull request changes {changed} files, GitHub lists {len(files)}", hint="run again")
        files |= found
    return PullRequest(
        number=number,
        head_sha=pull["head"]["sha"],
        base_sha=pull["base"]["sha"],
        labels=frozenset(label["name"] for label in pull["labels"]),
        touched=frozenset(name for name, status in files.items() if status != "removed"),
        removed=frozenset(name for name, status in files.items() if status == "removed"),
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


def _checked_files(answer: Any) -> dict[str, str]:
    try:
        files = {item["filename"]: item["status"] for item in answer}
        # A file that moved away is as gone as one that was deleted.
        files |= {item["previous_filename"]: "removed" for item in answer if item.get("previous_filename")}
    except (KeyError, TypeError, AttributeError):
        raise MalformedAnswerError("the answer is not a list of files") from None
    return files
