"""Slack through its own client: one try a request, with errors that say what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.request import HTTPRedirectHandler, build_opener, install_opener

from pydantic import Field

from flowjoy.clients import http, signed_urls
from flowjoy.clients.faults import HttpError, MalformedAnswerError
from flowjoy.clients.responses import Many, Response, Text, read, reader
from flowjoy.clients.size_limit import BoundedOpener
from flowjoy.clients.slack_errors import explain
from flowjoy.clients.transport import Transport
from flowjoy.domain.secret import Secret
from flowjoy.errors import HarvestError

_PER_PAGE, _MAX_PAGES = 200, 10
_TIMEOUT_SECONDS = 8
_ID = re.compile(r"[CGD][A-Z0-9]{6,}")
_T = TypeVar("_T")
_P = TypeVar("_P", bound="_Page")


class _Identity(Response):
    user: str | None = None
    team: str | None = None
    user_id: str | None = None
    bot_id: str | None = None


class _Metadata(Response):
    next_cursor: str | None = None


class _Page(Response):
    response_metadata: _Metadata | None = None

    @property
    def cursor(self) -> str:
        """Where the next page begins; empty at the end."""
        return (self.response_metadata and self.response_metadata.next_cursor) or ""


class _Channel(Response):
    id: Text
    name: str | None = None


class _Channels(_Page):
    channels: Many[_Channel]


class _Messages(_Page):
    messages: Many[dict[str, Any]]  # other apps write messages of any shape


class _Upload(Response):
    upload_url: Text
    file_id: Annotated[str, Field(pattern="^[A-Za-z0-9]+$")]


@dataclass(frozen=True, kw_only=True)
class SlackApi:
    """Slack's Web API with one token."""

    token: Secret
    api_url: str
    transport: Transport

    def ask(self, method: str, check: Callable[[Any], _T], **arguments: Any) -> _T:
        """Return the answer as `check` reads it. `arguments`: those of the client's `api_call` (`params`, `json`)."""
        return self.transport.call(f"Slack {method}", lambda: self.once(method, check, **arguments), explain)

    def scopes(self) -> tuple[str, frozenset[str]]:
        """Return the token's user and team, and its scopes, which Slack sends in a header."""

        def request() -> tuple[str, frozenset[str]]:
            answer = self._answer("auth.test")
            headers = {str(name).lower(): str(value) for name, value in answer.headers.items()}
            identity = read(_Identity, answer.data)
            scopes = headers.get("x-oauth-scopes", "").split(",")
            return f"{identity.user} in {identity.team}", frozenset(scope.strip() for scope in scopes)

        return self.transport.call("Slack auth.test", request, explain)

    def own_ids(self) -> tuple[str, ...]:
        """Return the ids of the bot and of its user, as messages name their author."""
        identity = self.ask("auth.test", reader(_Identity))
        return tuple(filter(None, (identity.bot_id, identity.user_id)))

    def once(self, method: str, check: Callable[[Any], _T], **arguments: Any) -> _T:
        """Send one request, which may raise the client's own exceptions."""
        return check(self._answer(method, **arguments).data)

    def _answer(self, method: str, **arguments: Any) -> Any:
        from slack_sdk import WebClient
        from slack_sdk.errors import SlackApiError

        client = WebClient(
            self.token.reveal(), base_url=f"{self.api_url}/", timeout=_TIMEOUT_SECONDS, retry_handlers=[]
        )
        _follow_no_redirect(client)
        try:
            answer = client.api_call(method, **arguments)
        except (AttributeError, TypeError):
            raise MalformedAnswerError("the answer is not an object") from None
        except SlackApiError as problem:
            if isinstance(problem.response.data, dict):
                raise
            raise MalformedAnswerError("the answer is not an object") from None
        if not isinstance(answer.data, dict):
            raise MalformedAnswerError("the answer is not an object")
        return answer

    def messages(self, method: str, **parameters: str) -> Iterator[dict[str, Any]]:
        """Yield the messages of a channel or thread, page by page; the newest 2,000 of a long one."""
        for page in self._pages(method, reader(_Messages), parameters):
            yield from page.messages

    def _pages(self, method: str, check: Callable[[Any], _P], parameters: Mapping[str, str]) -> Iterator[_P]:
        cursor = ""
        for _ in range(_MAX_PAGES):
            position = {"cursor": cursor} if cursor else {}
            page = self.ask(method, check, params={**parameters, **position, "limit": str(_PER_PAGE)})
            yield page
            cursor = page.cursor
            if not cursor:
                return

    def channel_id(self, channel: str) -> str:
        """Return the id of a channel; a name is looked up among the channels that the bot sees."""
        if _ID.fullmatch(channel):
            return channel
        parameters = {"types": "public_channel,private_channel", "exclude_archived": "true"}
        for page in self._pages("conversations.list", reader(_Channels), parameters):
            for candidate in page.channels:
                if candidate.name == channel and _ID.fullmatch(candidate.id):
                    return candidate.id
        raise HarvestError(
            f"Slack: the bot does not see the channel {channel!r}",
            hint="set slack-channel to its id, and invite the bot",
        )

    def upload(self, picture: bytes, *, name: str, title: str, channel: str, thread: str) -> None:
        """Upload a PNG into a thread. It is sent to Slack's own host only, without the token."""
        parameters = {"filename": name, "length": str(len(picture))}
        target = self.ask("files.getUploadURLExternal", reader(_Upload), params=parameters)
        signed_urls.check_host(target.upload_url, self.api_url, hosts=(".slack.com",), owner="Slack")

        def send() -> None:
            http.request("POST", target.upload_url, files={"file": (name, picture, "image/png")})

        self.transport.call("Slack upload", send, explain)
        files = json.dumps([{"id": target.file_id, "title": title}])
        parameters = {"files": files, "channel_id": channel, "thread_ts": thread}
        self.ask("files.completeUploadExternal", dict, params=parameters)


def send_to_webhook(url: Secret, text: str, blocks: list[dict[str, Any]]) -> None:
    """Post one message. Raise HttpError if Slack does not confirm it."""
    from slack_sdk.webhook import WebhookClient

    client = WebhookClient(url.reveal(), timeout=_TIMEOUT_SECONDS, retry_handlers=[])
    _follow_no_redirect(client)
    answer = client.send(text=text, blocks=blocks, unfurl_links=False, unfurl_media=False)
    # A proxy's page has status 200 as well.
    if answer.status_code != 200 or not _is_confirmed(str(answer.body)):
        raise HttpError(answer.status_code, answer.headers, str(answer.body))


def _is_confirmed(body: str) -> bool:
    """Return whether a webhook took the message: Slack answers `ok`, compatible servers `{"ok": true}`."""
    if body.strip() == "ok":
        return True
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and answer.get("ok") is True


class _NoRedirect(HTTPRedirectHandler):
    """Treats a redirect as an error."""

    def redirect_request(self, *_: Any) -> None:
        """Return None: do not follow."""


def _follow_no_redirect(client: Any) -> None:
    """Stop Slack's clients from sending the token to wherever they are redirected.

    They use the installed opener of urllib, unless they have a proxy of their own; the opener also uses the proxy of
    the environment.
    """
    install_opener(build_opener(_NoRedirect, BoundedOpener))
    client.proxy = None
