"""A Slack message about alerts, as blocks. Foreign text is inert: plain text objects, escaped. Knows words, no network.

Its blocks carry marks (`block_id`) that say which step of which alerts it tells: by them a run without a ledger finds
in the channel what was told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from typing import Any

from flowjoy.analysis.alerts.lifecycle import AlertStep
from flowjoy.report.content.alert_messages import AlertMessage
from flowjoy.report.content.alert_text import AlertText

MARKS_A_BLOCK = 12
"""Releases in one mark: Slack takes a `block_id` of 255 characters."""

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_HEADER, _TEXT, _FALLBACK = 150, 2500, 1000
_STEPS = "|".join(AlertStep)
_MARK = re.compile(rf"flowjoy2-({_STEPS})-([0-9a-f]{{16}})((?:-[0-9a-f]{{16}})*)(?:\.\d+)?")
_OLD_MARK = re.compile(rf"flowjoy-({_STEPS})((?:-[0-9a-f]{{16}})+)")
"""An older FlowJoy marked each obligation by a key of its own."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """That a message is one step of one alert, and which releases it names; each by its digest."""

    key: str
    step: str
    releases: frozenset[str] = frozenset()


def digest(key: str) -> str:
    """Return what stands for a key in a mark: 16 hex digits."""
    return sha256(key.encode()).hexdigest()[:16]


def marks(message: Mapping[str, Any]) -> tuple[Mark, ...]:
    """Return the marks of a message of the channel."""
    blocks = message.get("blocks")
    ids = [block.get("block_id") for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []
    named: dict[tuple[str, str], set[str]] = {}
    for name in ids:
        if not isinstance(name, str):
            continue
        if match := _MARK.fullmatch(name):
            named.setdefault((match[2], match[1]), set()).update(filter(None, match[3].split("-")))
        elif old_match := _OLD_MARK.fullmatch(name):
            named.update({(key, old_match[1]): set() for key in old_match[2][1:].split("-")})
    return tuple(Mark(key=key, step=step, releases=frozenset(names)) for (key, step), names in named.items())


def mark_of(message: AlertMessage) -> Mark:
    """Return the mark that the message of a letter carries."""
    notification = message.notification
    return Mark(
        key=digest(notification.alert.key),
        step=notification.step.value,
        releases=frozenset(map(digest, notification.joined)),
    )


def blocks(message: AlertMessage, service: str) -> list[dict[str, Any]]:
    """Return header, text and links; dividers carry the marks for which the text has no room."""
    first, *rest = _marks(message)
    links = " · ".join(f"<{address}|{name}>" for name, address in message.links.items())
    foot: list[dict[str, Any]] = [_plain(service, _HEADER)]
    foot += [{"type": "mrkdwn", "text": links, "verbatim": True}] if links else []
    return [
        {"type": "header", "text": _plain(message.title, _HEADER)},
        {"type": "section", "block_id": first, "text": _plain(_text(message.text), _TEXT)},
        *({"type": "divider", "block_id": mark} for mark in rest),
        {"type": "context", "elements": foot},
    ]


def fallback(message: AlertMessage, service: str) -> str:
    """The text of notifications, escaped."""
    return escaped(f"{service}: {message.title} {message.text.what}", _FALLBACK)


def escaped(text: str, limit: int) -> str:
    """Slack's three control characters as entities, so that nothing in a text is a mention or a link."""
    signs = [_ENTITIES.get(sign, sign) for sign in text]
    ends = list(accumulate(map(len, signs)))
    if not ends or ends[-1] <= limit:
        return "".join(signs)
    return "".join(sign for sign, end in zip(signs, ends, strict=True) if end < limit) + "…"


def _marks(message: AlertMessage) -> list[str]:
    """Return the `block_id`s; the number keeps two of a message apart."""
    mark, releases = mark_of(message), [digest(release) for release in message.notification.joined]
    prefix = f"flowjoy2-{mark.step}-{mark.key}"
    groups = [releases[start : start + MARKS_A_BLOCK] for start in range(0, len(releases), MARKS_A_BLOCK)] or [[]]
    return ["-".join([prefix, *group]) + (f".{number}" if number else "") for number, group in enumerate(groups)]


def _text(text: AlertText) -> str:
    return f"{text.what}\n{text.since}\nWhose move: {text.move}"


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": escaped(text, limit), "emoji": False}
