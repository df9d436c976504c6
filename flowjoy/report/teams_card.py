"""Alerts as Adaptive Cards 1.5 for Microsoft Teams.

Text is in text runs, which Teams shows as it is: a text block would read it as Markdown, with its links.
"""

from __future__ import annotations

from typing import Any

from flowjoy.report.content.alert_messages import AlertMessage
from flowjoy.report.escaping import clean

_TITLE, _FACTS, _NEXT = 150, 2500, 1000


def message(alert: AlertMessage) -> dict[str, Any]:
    """Return the body of a request to a workflow's webhook: one message with one card."""
    card = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": _card(alert)}
    return {"type": "message", "attachments": [card]}


def _card(alert: AlertMessage) -> dict[str, Any]:
    title, facts = clean(alert.title, _TITLE), clean(alert.text.facts, _FACTS)
    paragraphs = [alert.text.next_step, alert.text.emergency]
    links = [{"type": "Action.OpenUrl", "title": name, "url": address} for name, address in alert.links.items()]
    return {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.5",
        "fallbackText": title,
        "body": [
            _text(title, weight="bolder", size="medium"),
            _text(facts),
            *(_text(clean(text, _NEXT)) for text in paragraphs if text),
        ],
        **({"actions": links} if links else {}),
    }


def _text(text: str, **style: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}
