"""Keeps one comment per pull request, updated in place and only when it changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.responses import Id, Response, Text, reader
from flowjoy.errors import HarvestError
from flowjoy.report import surfaces
from flowjoy.sinks.base import Publication

_MAX_PAGES = 20


class _Author(Response):
    type: Text


class _Comment(Response):
    id: Id
    body: str
    user: _Author | None  # the account is gone


class _Saved(Response):
    id: Id


class PullRequestComment:
    """The comment, which `comment` makes `always`, on `changes` only, or `off`."""

    label = "pull request comment"

    def publish(self, publication: Publication, github: GitHubApi) -> Mapping[str, str]:
        """Create or update the comment, or leave it as it is."""
        number, mode = publication.trigger.pull_request, publication.settings.comment
        if number is None or mode == "off":
            return {}
        body = publication.redact(self.render(publication))
        current = _find(github, number, marker(publication))
        if current is None and (mode == "always" or surfaces.noteworthy(publication.results)):
            self._create(publication, github, number, body)
        elif current is not None and current.body != body:
            github.send("PATCH", f"/issues/comments/{current.id}", {"body": body}, reader(_Saved))
        return {}

    def render(self, publication: Publication) -> str:
        """Return the text of the comment; its first line identifies it in later runs."""
        return f"{marker(publication)}\n{surfaces.comment(publication.report)}"

    def _create(self, publication: Publication, github: GitHubApi, number: int, body: str) -> None:
        def locate() -> tuple[str, str, dict[str, Any]]:
            # Before every try, because a creation that seemed to fail may have succeeded.
            current = _find(github, number, marker(publication))
            path = f"/issues/comments/{current.id}" if current else f"/issues/{number}/comments"
            return ("PATCH" if current else "POST"), path, {"body": body}

        github.send_to(locate, reader(_Saved))


def marker(publication: Publication) -> str:
    """Return the HTML comment that marks ours. The name of the service cannot end it."""
    service = "".join(char if char.isalnum() or char in "._" else "~" for char in publication.settings.service)
    return f"<!-- flowjoy {service} -->"


def _find(github: GitHubApi, number: int, mark: str) -> _Comment | None:
    """Return our comment: its first line is ours, and an app wrote it. Comments of people are never edited."""
    for page in range(1, _MAX_PAGES + 1):
        kind = reader(list[_Comment])
        comments = github.get(f"/issues/{number}/comments", kind, per_page=PER_PAGE, page=page)
        for comment in comments:
            by_app = comment.user is not None and comment.user.type == "Bot"
            if by_app and comment.body.startswith(f"{mark}\n"):
                return comment
        if len(comments) < PER_PAGE:
            return None
    raise HarvestError("the pull request has too many comments to look through")
