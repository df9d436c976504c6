"""Sends alerts and change events to PagerDuty's Events API v2, which deduplicates events by our key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from flowjoy.analysis.alerts.lifecycle import AlertStep
from flowjoy.clients import http
from flowjoy.clients.faults import Service
from flowjoy.clients.pagerduty import STATUS_PAGE
from flowjoy.clients.responses import Response, read
from flowjoy.domain import AlertState
from flowjoy.domain.alerts import AlertKind
from flowjoy.domain.secret import Secret
from flowjoy.domain.timestamps import iso
from flowjoy.errors import FaultKind
from flowjoy.report.content.alert_messages import AlertMessage, Receipt, alert_subject
from flowjoy.report.content.alert_parts import AlertText
from flowjoy.report.escaping import clean
from flowjoy.sinks.base import AlertContext, ReleaseChange

NAME = "pagerduty"
LONGEST_SUMMARY = 1024
_TRIES = 2
_SEVERITY = {
    AlertKind.BREACH: "error",
    AlertKind.DRIFT: "error",
    AlertKind.DIVERGENCE: "warning",
    AlertKind.MTTR_SPIKE: "warning",
    AlertKind.AT_RISK: "warning",
}
_ACTION = {
    AlertStep.NEW: "trigger",
    AlertStep.UPDATE: "trigger",
    AlertStep.ESCALATION: "trigger",
    AlertStep.RECOVERY: "resolve",
}
_KEY_HINT = "check pagerduty-routing-key (an Events API v2 integration key of 32 characters) and pagerduty-events-url"
_EVENTS = Service(
    name="PagerDuty",
    hints={
        **dict.fromkeys((FaultKind.AUTH, FaultKind.PERMISSION, FaultKind.MISSING, FaultKind.REFUSED), _KEY_HINT),
        FaultKind.OUTAGE: STATUS_PAGE,
    },
)


class _Accepted(Response):
    status: Literal["success"]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event: `path` and body without the routing key."""

    path: str
    body: Mapping[str, Any]


class PagerDutyEvents:
    """The alerts of one service, as events with its routing key."""

    name, label, deduplicates, can_recall = NAME, "PagerDuty", True, False

    def __init__(self, routing_key: Secret, context: AlertContext) -> None:
        self._routing_key, self._context = routing_key, context
        self.kinds = context.settings.pagerduty_kinds

    @classmethod
    def create(cls, context: AlertContext) -> PagerDutyEvents | None:
        """Return the sink if `pagerduty-routing-key` is set."""
        key = context.settings.pagerduty_routing_key
        return None if key is None else cls(key, context)

    def recall(self, _names: Mapping[str, str]) -> tuple[AlertState, ...]:
        """Return nothing: the Events API cannot be read."""
        return ()

    def send(self, message: AlertMessage) -> Receipt:
        """Trigger or resolve an alert. Reminders are not sent: PagerDuty reminds people in its own way."""
        notification = message.notification
        event = self.render(message)
        if event is None:
            return Receipt(sent=False, releases=notification.joined)
        self._send(event)
        # An alert that an older FlowJoy opened under another key would stay open for ever.
        for key in notification.sent_as:
            self._send(Event(path="/v2/enqueue", body={"event_action": "resolve", "dedup_key": dedup_key(key)}))
        return Receipt(releases=notification.joined)

    def send_change(self, change: ReleaseChange, links: Mapping[str, str]) -> None:
        """Send one deploy or ship as a change event, so that a responder sees what changed."""
        body = {
            "payload": {
                "summary": clean(change.summary, LONGEST_SUMMARY),
                "timestamp": iso(change.at),
                "source": clean(self._context.settings.service),
                "custom_details": {name: clean(value, 300) for name, value in change.details.items()},
            },
            "links": _links(links),
        }
        self._send(Event(path="/v2/change/enqueue", body=body))

    def render(self, message: AlertMessage) -> Event | None:
        """Return the event of a message, None for a reminder. `dedup_key` contains no text from outside."""
        action = _ACTION.get(message.step)
        if action is None:
            return None
        body: dict[str, Any] = {"event_action": action, "dedup_key": dedup_key(message.notification.alert.key)}
        if action == "trigger":
            body |= {"payload": self._payload(message), "links": _links(message.links), "client": "FlowJoy"}
        return Event(path="/v2/enqueue", body=body)

    def _payload(self, message: AlertMessage) -> dict[str, Any]:
        notification, text = message.notification, message.state
        service, alert = clean(self._context.settings.service), notification.alert
        return {
            "summary": clean(f"{message.origin}: {text.summary or text.title}", LONGEST_SUMMARY),
            "source": service,
            "severity": "error" if notification.step is AlertStep.ESCALATION else _SEVERITY[alert.kind],
            "timestamp": iso(self._context.now),
            "component": service,
            "group": clean(alert_subject(notification)),
            "class": alert.kind.value,
            "custom_details": _details(text, alert.key),
        }

    def _send(self, event: Event) -> None:
        def request() -> None:
            address = f"{self._context.settings.pagerduty_events_url}{event.path}"
            body = {"routing_key": self._routing_key.reveal(), **event.body}
            read(_Accepted, http.request("POST", address, expected=202, json=body).json())

        self._context.transport.call("PagerDuty events", request, _EVENTS.explain, tries=_TRIES)


def dedup_key(key: str) -> str:
    """Return the SHA-256 of an alert's key, in hex."""
    return sha256(key.encode()).hexdigest()


def _details(text: AlertText, key: str) -> dict[str, str]:
    """Return what happened, what to do and the way out, and the facts one by one."""
    known = {
        "what": text.facts,
        "since": text.since,
        "action": text.next_step,
        "emergency": text.emergency,
        "owner": text.actor,
        **text.details,
    }
    return {name: clean(value, 1000) for name, value in known.items() if value} | {"alert": clean(key, 500)}


def _links(links: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"href": address, "text": name} for name, address in links.items()]
