"""A Slack message about alarms, as blocks. Foreign text is inert: plain text objects, escaped. Knows words, no network.

Each alarm's block carries a mark (`block_id`) that says which step of which alarm it tells: by it a run without a
ledger finds in the channel what was told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from itertools import accumulate
from typing import Any

from flowjoy.analysis.notices import Notice, Step
from flowjoy.report.alarm_words import Words
from flowjoy.report.letter import Letter
from flowjoy.report.words import plural

MOST_SECTIONS = 40
"""Slack takes 50 blocks a message."""

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_HEADER, _TEXT, _FALLBACK = 150, 2900, 1000
_MARK = re.compile(rf"flowjoy-([0-9a-f]{{32}})-({'|'.join(Step)})")


def digest(key: str) -> str:
    """What stands for a key in a mark: 32 hex digits."""
    return sha256(key.encode()).hexdigest()[:32]


def mark(notice: Notice) -> str:
    """The `block_id` of a notice."""
    return f"flowjoy-{digest(notice.alarm.key)}-{notice.step.value}"


def marks(message: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The (digest, step) of every alarm that a message of the channel tells."""
    blocks = message.get("blocks")
    ids = [block.get("block_id") for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []
    found = (_MARK.fullmatch(name) for name in ids if isinstance(name, str))
    return tuple((match[1], match[2]) for match in found if match is not None)


def blocks(letter: Letter) -> list[dict[str, Any]]:
    """Header, a section for each alarm, and links."""
    sections = [
        {"type": "section", "block_id": mark(notice), "text": _plain(_told(words, letter.title), _TEXT)}
        for notice, words in zip(letter.notices, letter.words, strict=True)
    ][:MOST_SECTIONS]
    more = len(letter.notices) - len(sections)
    rest = [{"type": "section", "text": _plain(f"… and {plural(more, 'more release')}", _TEXT)}] if more else []
    links = " · ".join(f"<{address}|{name}>" for name, address in letter.links.items())
    foot = [{"type": "context", "elements": [{"type": "mrkdwn", "text": links, "verbatim": True}]}] if links else []
    return [{"type": "header", "text": _plain(letter.title, _HEADER)}, *sections, *rest, *foot]


def fallback(letter: Letter) -> str:
    """The text of notifications, escaped."""
    return escaped(" ".join([letter.title, *(said.what for said in letter.words[:3])]), _FALLBACK)


def escaped(text: str, limit: int) -> str:
    """Slack's three control characters as entities, so that nothing in a text is a mention or a link."""
    signs = [_ENTITIES.get(sign, sign) for sign in text]
    ends = list(accumulate(map(len, signs)))
    if not ends or ends[-1] <= limit:
        return "".join(signs)
    return "".join(sign for sign, end in zip(signs, ends, strict=True) if end < limit) + "…"


def _told(words: Words, title: str) -> str:
    lead = "" if title.endswith(words.title) else f"{words.title}\n"
    return f"{lead}{words.what}\n{words.since}\nWhose move: {words.move}"


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": escaped(text, limit), "emoji": False}
