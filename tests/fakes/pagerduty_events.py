"""PagerDuty's Events API v2 on loopback: it folds triggers of one key, and refuses what the real one does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.fakes.http_base import Answer, Request, StandIn

ROUTING_KEY = "canaryroutingkey0000111122223333"
_SEVERITIES = {"critical", "error", "warning", "info"}


@dataclass(kw_only=True)
class Alert:
    """One alert: the events that made, repeated and ended it."""

    dedup_key: str
    events: list[dict[str, Any]] = field(default_factory=list)
    is_open: bool = True

    @property
    def summary(self) -> str:
        return str(self.events[0]["payload"]["summary"])


class PagerDutyEventsStandIn(StandIn):
    """`alerts` in the order in which they were raised, a key anew after it was resolved; `changes` as they came."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.changes: list[dict[str, Any]] = []
        self.resolves: list[str] = []
        super().__init__()

    def answer(self, request: Request) -> Answer:
        sent = request.json()
        if not isinstance(sent, dict) or sent.get("routing_key") != ROUTING_KEY:
            return Answer(400, {"status": "invalid event", "message": "Event object is invalid", "errors": ["no key"]})
        if request.path == "/v2/change/enqueue" and _is_payload(sent, needs=("summary",)):
            self.changes.append(sent)
            return Answer(202, {"status": "success", "message": "Change event processed"})
        if request.path == "/v2/enqueue" and 0 < len(sent.get("dedup_key", "")) <= 255:
            return self._event(sent)
        return Answer(400, {"status": "invalid event", "message": "Event object is invalid", "errors": ["shape"]})

    def _event(self, told: dict[str, Any]) -> Answer:
        key = told["dedup_key"]
        there = next((alert for alert in self.alerts if alert.dedup_key == key and alert.is_open), None)
        if told["event_action"] == "resolve":
            self.resolves.append(key)
            if there is not None:
                there.is_open = False
        elif told["event_action"] == "trigger" and _is_payload(told, needs=("summary", "source", "severity")):
            if there is None:
                there = Alert(dedup_key=key)
                self.alerts.append(there)
            there.events.append(told)
        else:
            return Answer(400, {"status": "invalid event", "message": "Event object is invalid", "errors": ["action"]})
        return Answer(202, {"status": "success", "message": "Event processed", "dedup_key": key})


def _is_payload(told: dict[str, Any], *, needs: tuple[str, ...]) -> bool:
    payload = told.get("payload", {})
    sound = all(isinstance(payload.get(name), str) and payload[name] for name in needs)
    if not sound or len(payload["summary"]) > 1024 or payload.get("severity", "info") not in _SEVERITIES:
        return False
    return datetime.fromisoformat(payload.get("timestamp", "2026-01-01T00:00:00Z")).tzinfo is not None
