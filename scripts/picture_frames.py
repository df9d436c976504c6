"""Frames around FlowJoy's own texts, as HTML of our own: a check, a pull request comment, and a Slack channel.

The texts are what the demo sent. Each frame says that it is not a screenshot.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

_CAPTION = "Rendered from FlowJoy's text; not a screenshot of {}."
_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")  # the texts use tags, as GitHub allows
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "frames"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_SIGNS = {"success": "✓", "failure": "✕", "neutral": "■"}
_MARKUP = re.compile(r"<(?P<address>[^|>]+)(?:\|(?P<name>[^>]*))?>|\*(?P<bold>[^*\n]+)\*|`(?P<code>[^`\n]+)`")


def check(checks: Sequence[Mapping[str, Any]]) -> str:
    """Return the checks of a pull request, with the text of the first up to its first section."""
    text, *sections = re.split(r"^### ", checks[0]["output"]["summary"], flags=re.MULTILINE)
    return _TEMPLATES.get_template("check.html.j2").render(
        title="Checks",
        caption=_CAPTION.format("GitHub"),
        checks=checks,
        signs=_SIGNS,
        failed=sum(check["conclusion"] == "failure" for check in checks),
        summary=_markdown(text),
        below=[_MARKDOWN.renderInline(section.partition("\n")[0]) for section in sections],
    )


def comment(text: str) -> str:
    """Return a pull request comment."""
    shown = {"title": "Comment", "caption": _CAPTION.format("GitHub"), "comment": _markdown(text)}
    return _TEMPLATES.get_template("comment.html.j2").render(shown)


def slack(messages: Sequence[Mapping[str, Any]], pictures: Mapping[str, Sequence[bytes]]) -> str:
    """Return a channel with its last thread open. `pictures`: the PNG files of each thread, by its timestamp."""
    replies = [message for message in messages if "thread_ts" in message]
    threads: list[dict[str, Any]] = [
        {
            "first": _message(first),
            "pictures": [_data(picture) for picture in pictures.get(first["ts"], ())],
            "replies": [_message(reply) for reply in replies if reply["thread_ts"] == first["ts"]],
        }
        for first in messages
        if "thread_ts" not in first
    ]
    for thread in threads[:-1]:
        thread["first"]["replies"] = len(thread["pictures"]) + len(thread["replies"])
    shown = {"title": "Slack", "caption": _CAPTION.format("Slack"), "threads": threads}
    return _TEMPLATES.get_template("slack.html.j2").render(shown)


def _markdown(text: str) -> Markup:
    return Markup(_MARKDOWN.render(text))  # noqa: S704  # nosec B704 (FlowJoy escapes what is not its own)


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "time": datetime.fromtimestamp(float(message["ts"]), UTC).strftime("%a %H:%M UTC"),
        "html": Markup("\n").join(map(_block, message["blocks"])),
        "replies": 0,
    }


def _data(picture: bytes) -> str:
    return f"data:image/png;base64,{b64encode(picture).decode()}"


def _block(block: Mapping[str, Any]) -> Markup:
    """Return one Block Kit block. Raise KeyError for a kind that FlowJoy does not send."""
    if block["type"] == "divider":
        return Markup("<hr>")
    if block["type"] == "header":
        return Markup("<h4>{}</h4>").format(_text(block["text"]))
    if block["type"] == "section":
        return Markup('<p class="section">{}</p>').format(_text(block["text"]))
    spans = Markup("").join(Markup("<span>{}</span>").format(_text(element)) for element in block["elements"])
    return Markup('<p class="context">{}</p>').format(spans)


def _text(text: Mapping[str, Any]) -> Markup:
    """Return a text object: plain text as it is, `mrkdwn` with its links, mentions, bold and code."""
    if text["type"] == "plain_text":
        return _unescaped(text["text"])
    shown, end = Markup(""), 0
    for match in _MARKUP.finditer(text["text"]):
        shown += _unescaped(text["text"][end : match.start()]) + _marked(match)
        end = match.end()
    return shown + _unescaped(text["text"][end:])


def _marked(match: re.Match[str]) -> Markup:
    if match["bold"]:
        return Markup("<b>{}</b>").format(_unescaped(match["bold"]))
    if match["code"]:
        return Markup("<code>{}</code>").format(_unescaped(match["code"]))
    address, name = match["address"], match["name"]
    if address[0] in "@!#":
        return Markup("<b>@{}</b>").format(name or address.lstrip("@!#"))
    return Markup('<a href="{}">{}</a>').format(_unescaped(address), _unescaped(name or address))


def _unescaped(text: str) -> Markup:
    """Return text with Slack's three entities as Slack shows them, escaped for HTML."""
    return escape(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
