"""A workflow of Microsoft Teams on loopback, which validates cards by the released schema of Adaptive Cards 1.5.0."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft6Validator

from tests.fakes.http_base import Answer, Request, StandIn

SCHEMA = Path(__file__).parent / "schemas" / "adaptive-cards-1.5.0" / "adaptive-card.json"
CARD = "application/vnd.microsoft.card.adaptive"
LARGEST_MESSAGE = 28 * 1024


@functools.cache
def _validator() -> Draft6Validator:
    return Draft6Validator(json.loads(SCHEMA.read_text()))


def card_problems(card: Any) -> list[str]:
    """What the released schema finds wrong with a card."""
    return [f"{problem.json_path}: {problem.message[:200]}" for problem in _validator().iter_errors(card)]


def texts_of(card: dict[str, Any]) -> list[str]:
    """Every text that a reader of the card sees as it is. Any other element would read text as Markdown."""
    assert {element["type"] for element in card["body"]} <= {"RichTextBlock"}
    return [run["text"] for element in card["body"] for run in element["inlines"]]


class TeamsStandIn(StandIn):
    """`cards` as they came. The real one answers 202 before it has looked at the card; this one looks."""

    def __init__(self) -> None:
        self.cards: list[dict[str, Any]] = []
        self.problems: list[str] = []
        super().__init__()
        self.webhook_url = f"{self.url}/workflows/canary-of-teams/triggers/manual/paths/invoke?sig=canary-signature"

    def answer(self, request: Request) -> Answer:
        if request.method != "POST" or request.query.get("sig") != "canary-signature":
            return Answer(401, {"error": {"code": "DirectApiAuthorizationRequired"}})
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return Answer(400, {"error": {"code": "InvalidRequestContent"}})
        sent = request.json()
        attachments = sent.get("attachments", []) if sent.get("type") == "message" else []
        cards = [item["content"] for item in attachments if item.get("contentType") == CARD]
        self.problems += [problem for card in cards for problem in card_problems(card)]
        if len(cards) != 1 or self.problems or len(request.body) > LARGEST_MESSAGE:
            return Answer(400, {"error": {"code": "TriggerInputSchemaMismatch"}})
        self.cards += cards
        return Answer(202, b"")

    def links(self) -> list[str]:
        """The hosts of every link."""
        return [urlsplit(action["url"]).netloc for card in self.cards for action in card.get("actions", ())]
