"""Open pull requests as GitHub lists them."""

from __future__ import annotations

from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.responses import Response, Sha, reader


class _Head(Response):
    sha: Sha


class _Pull(Response):
    head: _Head


def open_heads(github: GitHubApi) -> tuple[str, ...]:
    """Return the head commits of the hundred open pull requests that changed last, each once."""
    filters: dict[str, str | int] = {"state": "open", "sort": "updated", "direction": "desc", "per_page": PER_PAGE}
    pulls = github.get("/pulls", reader(list[_Pull]), **filters)
    return tuple(dict.fromkeys(pull.head.sha for pull in pulls))
