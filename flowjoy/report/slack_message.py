"""A Slack message about alarms, as blocks. Foreign text is inert: plain text objects, escaped. Knows words, no network.

Its blocks carry marks (`block_id`) that say which step of which alarms it tells: by them a run without a ledger finds
in the channel what was told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import accumulate
from typing import Any

from flowjoy.analysis.notices import Notice, Step
from flowjoy.report.alarm_words import Words
from flowjoy.report.letter import Letter, parts
from flowjoy.report.words import plural

MOST_SECTIONS = 10
"""Slack refuses a message whose texts come to some thirteen thousand characters."""

MOST_NOTICES = 300
"""Of one letter: their marks fit into the 50 blocks that Slack takes."""

_MARKS_A_BLOCK = 13
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_HEADER, _TEXT, _FALLBACK = 150, 900, 1000
_MARK = re.compile(rf"flowjoy-({'|'.join(Step)})((?:-[0-9a-f]{{16}})+)")


def digest(key: str) -> str:
    """What stands for a key in a mark: 16 hex digits."""
    return sha256(key.encode()).hexdigest()[:16]


def marks(message: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """The (digest, step) of every alarm that a message of the channel tells."""
    blocks = message.get("blocks")
    ids = [block.get("block_id") for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []
    found = (_MARK.fullmatch(name) for name in ids if isinstance(name, str))
    return frozenset((name, match[1]) for match in found if match is not None for name in match[2][1:].split("-"))


def marks_of(letter: Letter) -> frozenset[tuple[str, str]]:
    """The marks that the message of a letter carries."""
    return frozenset((digest(notice.alarm.key), notice.step.value) for notice in letter.notices)


def blocks(letter: Letter, service: str) -> list[dict[str, Any]]:
    """Header, a section for each of the first alarms, a line for the rest, and links."""
    shown = zip(letter.notices[:MOST_SECTIONS], letter.words, strict=False)
    sections = [
        {"type": "section", "block_id": _mark([notice]), "text": _plain(_told(words, letter.title), _TEXT)}
        for notice, words in shown
    ]
    links = " · ".join(f"<{address}|{name}>" for name, address in letter.links.items())
    foot: list[dict[str, Any]] = [_plain(service, _HEADER)]
    foot += [{"type": "mrkdwn", "text": links, "verbatim": True}] if links else []
    return [
        {"type": "header", "text": _plain(letter.title, _HEADER)},
        *sections,
        *_rest(letter.notices[MOST_SECTIONS:]),
        {"type": "context", "elements": foot},
    ]


def fallback(letter: Letter, service: str) -> str:
    """The text of notifications, escaped."""
    return escaped(" ".join([f"{service}:", letter.title, *(said.what for said in letter.words[:3])]), _FALLBACK)


def escaped(text: str, limit: int) -> str:
    """Slack's three control characters as entities, so that nothing in a text is a mention or a link."""
    signs = [_ENTITIES.get(sign, sign) for sign in text]
    ends = list(accumulate(map(len, signs)))
    if not ends or ends[-1] <= limit:
        return "".join(signs)
    return "".join(sign for sign, end in zip(signs, ends, strict=True) if end < limit) + "…"


def _rest(notices: Sequence[Notice]) -> Iterator[dict[str, Any]]:
    """How many more there are; dividers carry the marks for which that line has no room."""
    for place, some in enumerate(parts(notices, _MARKS_A_BLOCK)):
        block: dict[str, Any] = {"type": "divider", "block_id": _mark(some)}
        if not place:
            block |= {"type": "section", "text": _plain(f"… and {plural(len(notices), 'more release')}", _TEXT)}
        yield block


def _mark(notices: Sequence[Notice]) -> str:
    """The `block_id` of notices of one step; Slack takes 255 characters."""
    return "-".join(["flowjoy", notices[0].step.value, *(digest(notice.alarm.key) for notice in notices)])


def _told(words: Words, title: str) -> str:
    lead = "" if title.endswith(words.title) else f"{words.title}\n"
    return f"{lead}{words.what}\n{words.since}\nWhose move: {words.move}"


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": escaped(text, limit), "emoji": False}
