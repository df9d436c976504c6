"""The demo on a terminal: checks, comments and messages as short plain text."""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from shop import News

WIDTH = 100
_INDENT = " " * 7
_MARKS = {"success": "✓", "failure": "✗", "neutral": "●"}
_MARKDOWN = MarkdownIt("commonmark").enable("table")
_SLACK_LINK = re.compile(r"<[^|>]+\|([^>]*)>")


def heading(title: str) -> None:
    """Print the heading of a part."""
    print(f"\n{title}\n{'─' * len(title)}", flush=True)


def event(time: str, text: str) -> None:
    """Print what happens at a time of the day."""
    print(f"\n{time}  {textwrap.fill(text, WIDTH - 7, subsequent_indent=_INDENT)}", flush=True)


def report(news: News) -> None:
    """Print what a run changed."""
    for fields in news.checks:
        mark = _MARKS.get(fields["conclusion"], "?")
        print(f"{_INDENT}{mark} {fields['name']}: {fields['conclusion']} (on {fields['head_sha'][:7]})")
        print(textwrap.indent(textwrap.fill(fields["output"]["title"], WIDTH - 9), f"{_INDENT}  "), flush=True)
    for text in news.comments:
        _box("Comment on the pull request", markdown_lines(text))
    for message in news.messages:
        _box("Slack, in the thread" if "thread_ts" in message else "Slack, #releases", slack_lines(message))
    for action, summary in news.pager:
        print(textwrap.indent(textwrap.fill(f"PagerDuty {action}: {summary}", WIDTH - 7), _INDENT), flush=True)


def _box(title: str, lines: Iterable[str]) -> None:
    """Print a text with a line along its left edge."""
    print(f"       ┌ {title}")
    for line in lines:
        indent = "  " if line.startswith("• ") else ""
        for part in textwrap.wrap(line, WIDTH - 9, subsequent_indent=indent) or [""]:
            print(f"       │ {part}".rstrip())
    print("       └", flush=True)


def markdown_lines(text: str) -> list[str]:
    """Return Markdown as lines of plain text: all of it up to the first heading, then the headings alone."""
    lines: list[str] = []
    headings: list[str] = []
    bullet, kind = "", ""
    for token in _MARKDOWN.parse(text):
        if token.type == "list_item_open":
            bullet = "• "
        elif token.type.endswith("_open"):
            kind = token.type
        elif token.type == "inline":
            shown = "".join(_plain(token.children or []))
            if kind == "heading_open":
                headings.append(shown)
            elif not headings:
                lines += (bullet + shown).split("\n")
            bullet = ""
    return [*lines, *([f"(below: {'; '.join(headings)})"] if headings else [])]


def _plain(tokens: Iterable[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("text", "code_inline"):
            yield token.content
        elif token.type in ("softbreak", "hardbreak") or token.content == "<br>":
            yield "\n"


def slack_lines(message: dict[str, Any]) -> list[str]:
    """Return the blocks of a Slack message as lines of plain text."""
    parts = []
    for block in message["blocks"]:
        texts = [block["text"]] if "text" in block else block.get("elements", [])
        parts.append(" · ".join(_SLACK_LINK.sub(r"\1", text["text"]) for text in texts).replace("*", ""))
    return html.unescape("\n".join(filter(None, parts))).replace(":\n", ": ").split("\n")
