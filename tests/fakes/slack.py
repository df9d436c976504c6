"""Slack on loopback: the Web API as a bot sees it, file upload, and an incoming webhook. Strict where Slack is."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from tests.fakes.http_base import Answer, Request, StandIn

TOKEN = "xoxb-canary-token-of-slack"
CHANNEL = "C0RELEASES"
WEBHOOK_PATH = "/services/T000/B000/canary-webhook-of-slack"
BOT, USER = "B0FLOWJOY", "U0FLOWJOY"
_LONGEST = {"header": 150, "section": 3000, "context": 3000}
_TEXT_KEYS = {"plain_text": {"type", "text", "emoji"}, "mrkdwn": {"type", "text", "verbatim"}}
_BLOCK_KEYS = {"header": {"text"}, "section": {"text"}, "context": {"elements"}, "divider": set[str]()}
"""The keys that we use of each block, by Slack's reference of Block Kit."""


@dataclass(kw_only=True)
class Shared:
    """A file that was uploaded, and where it was shared."""

    name: str
    content: bytes = b""
    thread: str = ""


@dataclass(kw_only=True)
class Channel:
    """A channel and its messages, oldest first; a reply holds `thread_ts`."""

    name: str
    invited: bool = True
    messages: list[dict[str, Any]] = field(default_factory=list)


class SlackStandIn(StandIn):
    """One workspace with the channel `releases`. `clock` gives messages their time; `scopes` are what the app may."""

    def __init__(self) -> None:
        self.channels = {CHANNEL: Channel(name="releases")}
        self.files: dict[str, Shared] = {}
        self.hooked: list[dict[str, Any]] = []
        self.clock = datetime(2026, 3, 2, 9, tzinfo=UTC)
        self.scopes = {"chat:write", "channels:history", "files:write", "channels:read"}
        self._count = 0
        super().__init__()

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    @property
    def webhook_url(self) -> str:
        return f"{self.url}{WEBHOOK_PATH}"

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What stands in the channel and in its threads."""
        return self.channels[CHANNEL].messages

    @property
    def titles(self) -> list[str]:
        """The header of each message, oldest first."""
        return [message["blocks"][0]["text"]["text"] for message in self.messages]

    def write(self, text: str = "hello", **more: Any) -> dict[str, Any]:
        """A message that somebody else writes."""
        return self._add(self.channels[CHANNEL], {"text": text, "user": "U0SOMEBODY", **more})

    def answer(self, request: Request) -> Answer:
        if request.path.startswith("/api/"):
            return self._method(request.path.removeprefix("/api/"), request)
        if request.path == WEBHOOK_PATH:
            return self._hook(request)
        if request.path.startswith("/upload/") and "authorization" not in request.headers:
            self.files[request.path.rpartition("/")[2]].content = request.body.split(b"\r\n\r\n", 1)[1]
            return Answer(200, b"OK")
        return Answer(404, b"no_team")

    def _hook(self, request: Request) -> Answer:
        sent = request.json()
        if not sent.get("text") or _wrong_blocks(sent.get("blocks", [])):
            return Answer(400, b"invalid_blocks")
        self.hooked.append(sent)
        return Answer(200, b"ok")

    def _method(self, method: str, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _refused("invalid_auth")
        if method == "auth.test":
            return Answer(200, self._who({}).body, {"X-OAuth-Scopes": ",".join(sorted(self.scopes))})
        given = arguments_of(request)
        needed = {
            "chat.postMessage": "chat:write",
            "chat.delete": "chat:write",
            "conversations.history": "channels:history",
            "conversations.replies": "channels:history",
            "conversations.list": "channels:read",
            "files.getUploadURLExternal": "files:write",
            "files.completeUploadExternal": "files:write",
        }.get(method)
        if needed is not None and needed not in self.scopes:
            return _refused("missing_scope", needed=needed, provided=",".join(sorted(self.scopes)))
        return {
            "chat.postMessage": self._post,
            "chat.delete": self._delete,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "conversations.list": self._list,
            "files.getUploadURLExternal": self._place,
            "files.completeUploadExternal": self._share,
        }.get(method, lambda _: _refused("unknown_method"))(given)

    def _who(self, _given: dict[str, Any]) -> Answer:
        return _fine(url="https://acme.slack.com/", team="acme", user="flowjoy", user_id=USER, bot_id=BOT)

    def _post(self, given: dict[str, Any]) -> Answer:
        channel = self.channels.get(str(given.get("channel")))
        if channel is None:
            return _refused("channel_not_found")
        if not channel.invited:
            return _refused("not_in_channel")
        if _wrong_blocks(given.get("blocks", [])) or not given.get("text"):
            return _refused("invalid_blocks")
        thread = given.get("thread_ts")
        if thread and not any(message["ts"] == thread for message in channel.messages):
            return _refused("thread_not_found")
        kept = {key: value for key, value in given.items() if key in ("text", "blocks", "thread_ts", "reply_broadcast")}
        message = self._add(channel, {**kept, "bot_id": BOT, "user": USER})
        return _fine(channel=given["channel"], ts=message["ts"], message=message)

    def _add(self, channel: Channel, message: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        made = {"type": "message", "ts": f"{int(self.clock.timestamp())}.{self._count:06d}", **message}
        channel.messages.append(made)
        return made

    def _delete(self, given: dict[str, Any]) -> Answer:
        channel = self.channels[str(given["channel"])]
        there = [m for m in channel.messages if m["ts"] == given["ts"] and m.get("bot_id") == BOT]
        if not there:
            return _refused("message_not_found")
        channel.messages.remove(there[0])
        return _fine(channel=given["channel"], ts=given["ts"])

    def _history(self, given: dict[str, Any]) -> Answer:
        channel = self.channels.get(str(given.get("channel")))
        if channel is None:
            return _refused("channel_not_found")
        since = float(given.get("oldest") or 0)
        shown = [m for m in channel.messages if "thread_ts" not in m or m.get("reply_broadcast")]
        result = [self._with_replies(m, channel) for m in shown if float(m["ts"]) >= since]
        return _page(result[::-1], given)

    def _with_replies(self, message: dict[str, Any], channel: Channel) -> dict[str, Any]:
        replies = sum(m.get("thread_ts") == message["ts"] for m in channel.messages)
        return {**message, "reply_count": replies, "thread_ts": message["ts"]} if replies else message

    def _replies(self, given: dict[str, Any]) -> Answer:
        channel = self.channels[str(given["channel"])]
        result = [m for m in channel.messages if given["ts"] in (m["ts"], m.get("thread_ts"))]
        return _page(result, given) if result else _refused("thread_not_found")

    def _list(self, given: dict[str, Any]) -> Answer:
        result = [{"id": number, "name": channel.name} for number, channel in self.channels.items()]
        return _page(result, given, "channels")

    def _place(self, given: dict[str, Any]) -> Answer:
        number = f"F{len(self.files):04d}"
        self.files[number] = Shared(name=str(given["filename"]))
        return _fine(upload_url=f"{self.url}/upload/{number}", file_id=number)

    def _share(self, given: dict[str, Any]) -> Answer:
        for file in json.loads(given["files"]):
            self.files[file["id"]].thread = str(given.get("thread_ts") or "")
        return _fine(files=json.loads(given["files"]))


def arguments_of(request: Request) -> dict[str, Any]:
    if "json" in request.headers.get("content-type", ""):
        return dict(request.json())
    return {**request.query, **dict(parse_qsl(request.body.decode()))}


def _wrong_blocks(blocks: list[dict[str, Any]]) -> bool:
    """What Slack refuses: too many blocks, a block id twice or too long, and what is wrong within a block."""
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    return (
        len(blocks) > 50
        or len(set(ids)) < len(ids)
        or any(len(name) > 255 for name in ids)
        or any(map(_is_wrong, blocks))
    )


def _is_wrong(block: dict[str, Any]) -> bool:
    """Unknown types and keys, a header that is not plain text, more than ten elements, texts too long or empty."""
    kind = block.get("type", "")
    if block.keys() - {"type", "block_id"} != _BLOCK_KEYS.get(kind, {"another type"}):
        return True
    texts = block.get("elements", [block["text"]] if "text" in block else [])
    return (
        (kind == "header" and block["text"].get("type") != "plain_text")
        or (kind == "context" and not 0 < len(texts) <= 10)
        or any(text.keys() - _TEXT_KEYS.get(text.get("type"), set()) for text in texts)
        or any(not 0 < len(text.get("text", "")) <= _LONGEST[kind] for text in texts)
    )


def _page(items: list[dict[str, Any]], given: dict[str, Any], name: str = "messages") -> Answer:
    first, limit = int(given.get("cursor") or 0), int(given.get("limit") or 100)
    cursor = str(first + limit) if first + limit < len(items) else ""
    shown = items[first : first + limit]
    return _fine(**{name: shown, "has_more": bool(cursor), "response_metadata": {"next_cursor": cursor}})


def _fine(**more: Any) -> Answer:
    return Answer(200, {"ok": True, **more})


def _refused(error: str, **more: Any) -> Answer:
    return Answer(200, {"ok": False, "error": error, **more})


def mentions_and_links(message: dict[str, Any]) -> list[str]:
    """What Slack would make of the texts of a message: `<…>` in any of them is a mention or a link."""
    texts = [message["text"]]
    for block in message.get("blocks", []):
        current = [block["text"]] if "text" in block else block.get("elements", [])
        texts += [text["text"] for text in current]
    return [result for text in texts for result in re.findall(r"<[^>]*>", text)]
