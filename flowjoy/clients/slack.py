"""Slack by its own client: one try a request, its faults in words a user can act on. Knows no alert."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, TypeVar
from urllib.request import HTTPRedirectHandler, build_opener, install_opener

from flowjoy.clients import signed_urls
from flowjoy.clients.size_limit import BoundedOpener
from flowjoy.clients.transport import Fault, MalformedAnswerError, Transport
from flowjoy.domain.secret import Secret
from flowjoy.errors import HarvestError

_PAGE, _MOST_PAGES = 200, 10
_SECONDS = 8
_ID = re.compile(r"[CGD][A-Z0-9]{6,}")
_T = TypeVar("_T")

_CURES = {
    "channel_not_found": "invite the bot (/invite @name in the channel), or check slack-channel",
    "not_in_channel": "invite the bot: /invite @name in the channel",
    "is_archived": "the channel is archived: set slack-channel to another",
    "channel_is_archived": "the channel is archived: make a webhook for another",
    "invalid_auth": "check slack-token: the bot token of the app, xoxb-…",
    "not_authed": "check slack-token: the bot token of the app, xoxb-…",
    "account_inactive": "the app was removed: install it again, and set slack-token",
    "token_revoked": "the token was revoked: install the app again, and set slack-token",  # nosec B105  (a cure, no password)
    "missing_scope": "give the app this scope and install it again",
    "msg_blocks_too_long": "please report this",
    "invalid_blocks": "please report this",
    "no_service": "the webhook was removed: make a new one, and set slack-webhook-url",
    "invalid_token": "check slack-webhook-url",  # nosec B105  (a cure, no password)
}


class RefusalError(Exception):
    """A webhook or an upload was refused: the status, and Slack's word for it."""

    def __init__(self, status: int, said: str, headers: Mapping[str, str]) -> None:
        self.status, self.said, self.headers = status, said, headers
        super().__init__(f"Slack answered {status}")


class ThreadGoneError(HarvestError):
    """The message that is to be answered is no longer there."""


@dataclass(frozen=True, kw_only=True)
class SlackApi:
    """The Web API with one token."""

    token: Secret
    api_url: str
    transport: Transport

    def ask(self, method: str, check: Callable[[dict[str, Any]], _T], **arguments: Any) -> _T:
        """The answer as `check` reads it. `arguments`: those of the client's `api_call` (`params` or `json`)."""
        return self.transport.call(f"Slack {method}", lambda: self.once(method, check, **arguments), explain)

    def scopes(self) -> tuple[str, frozenset[str]]:
        """Who the token is (team and user), and what it may do; Slack says that in a header."""

        def request() -> tuple[str, frozenset[str]]:
            answer = self._answer("auth.test")
            held = {str(name).lower(): str(value) for name, value in answer.headers.items()}
            who = f"{answer.data.get('user')} in {answer.data.get('team')}"
            return who, frozenset(part.strip() for part in held.get("x-oauth-scopes", "").split(","))

        return self.transport.call("Slack auth.test", request, explain)

    def once(self, method: str, check: Callable[[dict[str, Any]], _T], **arguments: Any) -> _T:
        """One request; the client's own exceptions. An answer that is not what the API promises is a malformed one."""
        return check(self._answer(method, **arguments).data)

    def _answer(self, method: str, **arguments: Any) -> Any:
        from slack_sdk import WebClient
        from slack_sdk.errors import SlackApiError

        client = WebClient(self.token.reveal(), base_url=f"{self.api_url}/", timeout=_SECONDS, retry_handlers=[])
        _follow_no_redirect(client)
        try:
            answer = client.api_call(method, **arguments)
        except (AttributeError, TypeError):
            raise MalformedAnswerError("the answer is no object") from None
        except SlackApiError as problem:
            if isinstance(problem.response.data, dict):
                raise
            raise MalformedAnswerError("the answer is no object") from None
        if not isinstance(answer.data, dict):
            raise MalformedAnswerError("the answer is no object")
        return answer

    def pages(self, method: str, name: str, asked: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """The items of a list, page by page; the newest 2,000 of a long one."""

        def check(answer: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
            items, held = answer.get(name), answer.get("response_metadata")
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise MalformedAnswerError(f"the answer is no list of {name}")
            return items, str(held.get("next_cursor") or "") if isinstance(held, dict) else ""

        cursor = ""
        for _ in range(_MOST_PAGES):
            more = {"cursor": cursor} if cursor else {}
            items, cursor = self.ask(method, check, params={**asked, **more, "limit": str(_PAGE)})
            yield from items
            if not cursor:
                return

    def channel_id(self, channel: str) -> str:
        """The id of a channel; a name is looked up among those that the bot sees."""
        if _ID.fullmatch(channel):
            return channel
        asked = {"types": "public_channel,private_channel", "exclude_archived": "true"}
        for held in self.pages("conversations.list", "channels", asked):
            if held.get("name") == channel and _ID.fullmatch(str(held.get("id"))):
                return str(held["id"])
        raise HarvestError(
            f"Slack: the bot sees no channel {channel!r}", hint="set slack-channel to its id, and invite the bot"
        )

    def upload(self, picture: bytes, *, name: str, title: str, channel: str, thread: str) -> None:
        """A PNG into a thread. Only Slack's own host gets it, without the token."""
        asked = {"filename": name, "length": str(len(picture))}
        address, number = self.ask("files.getUploadURLExternal", _place, params=asked)
        signed_urls.check_host(address, self.api_url, hosts=(".slack.com",), owner="Slack")

        def send() -> None:
            with signed_urls.plain_session() as session:
                files = {"file": (name, picture, "image/png")}
                answer = session.post(address, files=files, allow_redirects=False, timeout=(4, 8))
                if answer.status_code != 200:
                    raise RefusalError(answer.status_code, "", answer.headers)

        self.transport.call("Slack upload", send, explain)
        files = json.dumps([{"id": number, "title": title}])
        asked = {"files": files, "channel_id": channel, "thread_ts": thread}
        self.ask("files.completeUploadExternal", dict, params=asked)


def _place(answer: dict[str, Any]) -> tuple[str, str]:
    address, number = answer.get("upload_url"), answer.get("file_id")
    if not isinstance(address, str) or not isinstance(number, str) or not number.isalnum():
        raise MalformedAnswerError("the answer names no place for the file")
    return address, number


def send_to_webhook(url: Secret, text: str, blocks: list[dict[str, Any]]) -> None:
    """Post one message. Raises RefusalError."""
    from slack_sdk.webhook import WebhookClient

    client = WebhookClient(url.reveal(), timeout=_SECONDS, retry_handlers=[])
    _follow_no_redirect(client)
    answer = client.send(text=text, blocks=blocks, unfurl_links=False, unfurl_media=False)
    # A proxy's page has status 200 as well.
    if answer.status_code != 200 or not _says_ok(str(answer.body)):
        raise RefusalError(answer.status_code, str(answer.body), answer.headers)


def _says_ok(body: str) -> bool:
    """Return whether a webhook took the message: Slack says `ok`, servers that speak like it `{"ok": true}`."""
    if body.strip() == "ok":
        return True
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and answer.get("ok") is True


class _NoRedirect(HTTPRedirectHandler):
    """A redirect is an answer like any other refusal."""

    def redirect_request(self, *_: Any) -> None:
        """Nowhere."""


def _follow_no_redirect(client: Any) -> None:
    """Slack's clients use urllib, which sends the token along to wherever it is redirected.

    They take no opener, but use the one that is installed, unless they have a proxy of their own; that of the
    environment is the opener's, too.
    """
    install_opener(build_opener(_NoRedirect, BoundedOpener))
    client.proxy = None


def explain(problem: Exception) -> Fault | None:
    """What a refusal means to a user. What a server says is repeated only where it is a single word."""
    from slack_sdk.errors import SlackApiError

    if isinstance(problem, SlackApiError):
        held = problem.response
        needed = str(held.get("needed") or "")
        scope = f": {needed}" if re.fullmatch(r"[a-z:,._]{1,100}", needed) else ""
        return _fault(int(held.status_code), str(held.get("error") or ""), held.headers, scope)
    if isinstance(problem, RefusalError):
        return _fault(problem.status, problem.said, problem.headers, "")
    if isinstance(problem, HTTPException):
        return Fault(problem=f"the answer broke off ({type(problem).__name__})", hint="run again", passing=True)
    return None


def is_limited(problem: Exception) -> bool:
    """Whether a request was surely not carried out: Slack limits the rate."""
    fault = explain(problem)
    return fault is not None and fault.problem == _LIMITED


_LIMITED = "Slack limits the rate (429)"


def _fault(status: int, said: str, headers: Mapping[str, str], scope: str) -> Fault:
    word = said if re.fullmatch(r"[a-z_]{1,60}", said) else str(status)
    if status == 429 or word == "ratelimited":
        wait = next((str(value) for name, value in headers.items() if name.lower() == "retry-after"), "")
        seconds = float(wait) if wait.isdecimal() else None
        return Fault(problem=_LIMITED, hint="run again later", passing=True, wait_seconds=seconds)
    if status >= 500 or word in ("internal_error", "fatal_error", "service_unavailable"):
        return Fault(problem=f"Slack failed ({word})", hint="see slack-status.com", passing=True)
    if word == "200" or 300 <= status < 400:
        return Fault(problem="Slack's answer is not what its API promises", hint="run again", passing=True)
    cure = _CURES.get(word, "look this word up at docs.slack.dev")
    gone = word in ("thread_not_found", "message_not_found")
    return Fault(problem=f"Slack refused ({word}{scope})", hint=cure, error=ThreadGoneError if gone else HarvestError)
