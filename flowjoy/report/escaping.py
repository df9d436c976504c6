"""Escaping of external text: on one line, cut, and as literal Markdown."""

from __future__ import annotations

import re

_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_PUNCTUATION = re.compile(r"[!-'*./:;<>@\[-`{-~]")


def visible(text: str) -> str:
    """Return external text on one line, with control and direction characters replaced by spaces."""
    return _INVISIBLE.sub(" ", text)


def clean(text: str, limit: int = 120) -> str:
    """Return external text on one line without control and direction characters, cut to `limit`."""
    line = visible(text).strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def code(text: str, limit: int = 120) -> str:
    """Return external text as literal Markdown code: no markup, mention or link, and no cell break.

    Every character with a meaning in Markdown becomes an entity. GitHub does not look for mentions in code, but it
    autolinks e-mail addresses after decoding entities; an invisible `<wbr>` prevents that.
    """
    literal = _PUNCTUATION.sub(lambda mark: f"&#{ord(mark[0])};", clean(text, limit)).replace("&#64;", "<wbr>&#64;")
    return f"<code>{literal}</code>" if literal else ""


def trusted_markdown(text: str) -> str:
    """Return one of our own sentences as Markdown: angle brackets become code, or GitHub would read them as a tag."""
    return re.sub(r"<[^ ]*>", lambda match: f"`{match[0]}`", text)
