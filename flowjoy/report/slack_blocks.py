"""Slack messages about alerts, as Block Kit blocks. External text is inert: escaped, in plain text objects.

A mention is markup in an element of its own, made from a validated Slack id alone.

Block ids carry marks that name the alert and the step of a message. A run without a ledger reads them from the
channel to learn which notifications were sent.
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
from flowjoy.report.content.alert_parts import AlertText
from flowjoy.report.content.owners import mention
from flowjoy.report.text import capital

MARKS_A_BLOCK = 12
"""Releases per mark: a `block_id` has at most 255 characters."""

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_HEADER, _TEXT, _NEXT, _FALLBACK = 150, 2500, 1000, 1000
_MENTIONS = frozenset({AlertStep.NEW, AlertStep.UPDATE, AlertStep.REMINDER, AlertStep.ESCALATION})
"""The steps that mention the owner: the others do not ask for a step that cannot wait."""

_STEPS = "|".join(AlertStep)
_MARK = re.compile(rf"flowjoy2-({_STEPS})-([0-9a-f]{{16}})((?:-[0-9a-f]{{16}})*)(?:\.\d+)?")
_OLD_MARK = re.compile(rf"flowjoy-({_STEPS})((?:-[0-9a-f]{{16}})+)")
"""Marks of earlier FlowJoy versions: one key per obligation."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """The alert and step of one message, and the releases it names, each as a digest."""

    key: str
    step: str
    releases: frozenset[str] = frozenset()


def digest(key: str) -> str:
    """Return the 16 hex digits that stand for a key in a mark."""
    return sha256(key.encode()).hexdigest()[:16]


def marks(message: Mapping[str, Any]) -> tuple[Mark, ...]:
    """Return the marks in a message of the channel."""
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
    """Return the mark of a message."""
    notification = message.notification
    return Mark(
        key=digest(notification.alert.key),
        step=notification.step.value,
        releases=frozenset(map(digest, notification.joined)),
    )


def blocks(message: AlertMessage) -> list[dict[str, Any]]:
    """Return header, facts, next step and links; dividers carry the marks that do not fit the block of the facts."""
    first, *rest = _marks(message)
    links = " · ".join(f"<{address}|{name}>" for name, address in message.links.items())
    mentioned = mention(message.text.owner) if message.step in _MENTIONS else ""
    return [
        {"type": "header", "text": _plain(message.title, _HEADER)},
        {"type": "section", "block_id": first, "text": _plain(message.text.facts, _TEXT)},
        {"type": "section", "text": _markup(f"*Next:* {mentioned}".rstrip())},
        {"type": "section", "text": _plain(_next(message.text, is_mentioned=bool(mentioned)), _NEXT)},
        *({"type": "divider", "block_id": mark} for mark in rest),
        *([{"type": "context", "elements": [_markup(links)]}] if links else []),
    ]


def fallback(message: AlertMessage) -> str:
    """Return the escaped text of desktop and phone notifications."""
    return escaped(f"{message.title}. {message.text.facts}", _FALLBACK)


def escaped(text: str, limit: int) -> str:
    """Replace Slack's three control characters by entities, so that text cannot form a mention or a link."""
    signs = [_ENTITIES.get(sign, sign) for sign in text]
    ends = list(accumulate(map(len, signs)))
    if not ends or ends[-1] <= limit:
        return "".join(signs)
    return "".join(sign for sign, end in zip(signs, ends, strict=True) if end < limit) + "…"


def _marks(message: AlertMessage) -> list[str]:
    """Return the `block_id`s; a number keeps those of one message distinct."""
    mark, releases = mark_of(message), [digest(release) for release in message.notification.joined]
    prefix = f"flowjoy2-{mark.step}-{mark.key}"
    groups = [releases[start : start + MARKS_A_BLOCK] for start in range(0, len(releases), MARKS_A_BLOCK)] or [[]]
    return ["-".join([prefix, *group]) + (f".{number}" if number else "") for number, group in enumerate(groups)]


def _next(text: AlertText, *, is_mentioned: bool) -> str:
    """Return the next step and the way out; without the actor where the line above mentions one."""
    step = capital(text.move) if is_mentioned else text.next_step
    return "\n".join(filter(None, (step, text.emergency)))


def _markup(text: str) -> dict[str, Any]:
    """Return our own markup: bold, a mention or links."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _plain(text: str, limit: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": escaped(text, limit), "emoji": False}
