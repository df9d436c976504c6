"""One sticky comment a pull request, updated in place, silent when nothing changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.responses import Id, Response, Text, reader
from flowjoy.errors import HarvestError
from flowjoy.report import markdown
from flowjoy.sinks.base import Publication

_MOST_PAGES = 20


class _Author(Response):
    type: Text


class _Comment(Response):
    id: Id
    body: str
    user: _Author | None  # the account is gone


class _Saved(Response):
    id: Id


class PullComment:
    """`comment`: `changes`, `always` or `off`."""

    label = "pull request comment"

    def publish(self, publication: Publication, github: GitHubApi) -> Mapping[str, str]:
        """Create, update or leave the comment."""
        number, wish = publication.trigger.pull_request, publication.settings.comment
        if number is None or wish == "off":
            return {}
        body = publication.redact(self.render(publication))
        held = _find(github, number, marker(publication))
        if held is None and (wish == "always" or markdown.noteworthy(publication.findings)):
            self._create(publication, github, number, body)
        elif held is not None and held.body != body:
            github.send("PATCH", f"/issues/comments/{held.id}", {"body": body}, reader(_Saved))
        return {}

    def render(self, publication: Publication) -> str:
        """The comment's text; its first line is how it is found again."""
        return f"{marker(publication)}\n{markdown.comment(publication.findings)}"

    def _create(self, publication: Publication, github: GitHubApi, number: int, body: str) -> None:
        def locate() -> tuple[str, str, dict[str, Any]]:
            # Looked for before every try: a creation that seemed to fail may have succeeded.
            held = _find(github, number, marker(publication))
            path = f"/issues/comments/{held.id}" if held else f"/issues/{number}/comments"
            return ("PATCH" if held else "POST"), path, {"body": body}

        github.send_to(locate, reader(_Saved))


def marker(publication: Publication) -> str:
    """An HTML comment that nobody sees. The service cannot end it."""
    service = "".join(sign if sign.isalnum() or sign in "._" else "~" for sign in publication.settings.service)
    return f"<!-- flowjoy {service} -->"


def _find(github: GitHubApi, number: int, mark: str) -> _Comment | None:
    """Our comment: by its first line, and written by an app. What people write is never touched."""
    for page in range(1, _MOST_PAGES + 1):
        kind = reader(list[_Comment])
        comments = github.get(f"/issues/{number}/comments", kind, per_page=PER_PAGE, page=page)
        for comment in comments:
            by_app = comment.user is not None and comment.user.type == "Bot"
            if by_app and comment.body.startswith(f"{mark}\n"):
                return comment
        if len(comments) < PER_PAGE:
            return None
    raise HarvestError("the pull request has too many comments to look through")
