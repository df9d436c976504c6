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


_LITERAL = re.compile(r"%|[.:;'](?=\s|$)|(?<=\d)[.:](?=\d+(?![\d:]))|(?<=[^\W\d])['-](?=[^\W\d])")
"""Punctuation inside and after words, which has no meaning in Markdown and can start no link."""

_REFERENCE = re.compile(r"(?i:\bGH-(?=\d)|www(?=\.))|(?<![0-9a-fA-F])[0-9a-fA-F]{7,}", re.ASCII)
_PARTS = re.compile(r".{1,6}")


def prose(text: str, limit: int = 1000) -> str:
    """Return text as literal Markdown prose: no markup, mention, reference, emoji or link, and no cell break.

    GitHub looks for those in the rendered text, after entities are decoded, but not across elements: an invisible
    `<wbr>` after the first sign, or inside what could be a commit, prevents each of them.
    """
    line = _REFERENCE.sub(lambda match: _PARTS.sub("\\g<0>\0", match[0]), clean(text, limit))
    out, end = [], 0
    literal = {match.start() for match in _LITERAL.finditer(line)}
    for match in _PUNCTUATION.finditer(line):
        if match.start() not in literal:
            out += [line[end : match.start()], f"&#{ord(match[0])};", "<wbr>" if match[0] in "@#:" else ""]
            end = match.end()
    escaped = "".join([*out, line[end:]]).replace("\0", "<wbr>")
    return _LIST.sub(lambda match: f"{match[1]}&#{ord(match[2])};", escaped)


_LIST = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=[-+=]))(.)")
"""Signs that begin a list or underline a heading at the start of a line."""
