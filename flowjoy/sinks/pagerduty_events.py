"""Alerts and changes in PagerDuty, by its Events API v2. It folds what it is told twice, by our key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from flowjoy.analysis.alerts.alert import AlertKind
from flowjoy.analysis.alerts.lifecycle import AlertStep, Notification
from flowjoy.clients import http
from flowjoy.clients.faults import Service
from flowjoy.clients.pagerduty import STATUS_PAGE
from flowjoy.clients.responses import Response, read
from flowjoy.domain import AlertState
from flowjoy.domain.timestamps import iso
from flowjoy.errors import FaultKind
from flowjoy.report.content.alert_messages import AlertMessage, Receipt, alert_subject
from flowjoy.report.content.alert_text import AlertText
from flowjoy.report.text import clean
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

_KEY = "check pagerduty-routing-key (an Events API v2 integration key of 32 characters) and pagerduty-events-url"
_EVENTS = Service(
    name="PagerDuty",
    credential="the routing key",
    hints={
        **dict.fromkeys((FaultKind.AUTH, FaultKind.PERMISSION, FaultKind.NOT_FOUND, FaultKind.REFUSED), _KEY),
        FaultKind.OUTAGE: STATUS_PAGE,
    },
)


class _Accepted(Response):
    status: Literal["success"]


def of(errand: AlertContext) -> PagerDutyEvents | None:
    """The pager, where a routing key is set."""
    return PagerDutyEvents(errand) if errand.settings.pagerduty_routing_key is not None else None


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event: `path` and body without the routing key."""

    path: str
    body: Mapping[str, Any]


class PagerDutyEvents:
    """`pagerduty-routing-key`."""

    name, label, folds, recalls = NAME, "PagerDuty", True, False

    def __init__(self, errand: AlertContext) -> None:
        self._errand = errand

    def takes(self, notice: Notification) -> bool:
        """Return whether `pagerduty-kinds` names the kind; the end of what was sent is always for the pager."""
        return notice.step is AlertStep.RECOVERY or notice.alert.kind in self._errand.settings.pagerduty_kinds

    def recall(self, _names: Mapping[str, str]) -> tuple[AlertState, ...]:
        """Return nothing: the Events API only takes."""
        return ()

    def tell(self, letter: AlertMessage) -> Receipt:
        """Trigger or resolve an alert; PagerDuty reminds people in its own way."""
        notice, event = letter.notification, self.render(letter.notification, letter.state, letter.links)
        if event is None:
            return Receipt(sent=False, releases=notice.joined)
        self._send(event)
        # What an older FlowJoy opened under another key would stay open for ever.
        for key in notice.sent_as:
            self._send(Event(path="/v2/enqueue", body={"event_action": "resolve", "dedup_key": dedup_key(key)}))
        return Receipt(releases=notice.joined)

    def tell_change(self, change: ReleaseChange, links: Mapping[str, str]) -> None:
        """Tell of one deploy or ship, so that a responder sees what changed."""
        body = {
            "payload": {
                "summary": clean(change.summary, LONGEST_SUMMARY),
                "timestamp": iso(change.at),
                "source": clean(self._errand.settings.service),
                "custom_details": {name: clean(value, 300) for name, value in change.details.items()},
            },
            "links": _links(links),
        }
        self._send(Event(path="/v2/change/enqueue", body=body))

    def render(self, notice: Notification, words: AlertText, links: Mapping[str, str]) -> Event | None:
        """The event of one notice; None for a reminder. `dedup_key` holds no text from outside."""
        action = _ACTION.get(notice.step)
        if action is None:
            return None
        body: dict[str, Any] = {"event_action": action, "dedup_key": dedup_key(notice.alert.key)}
        if action == "trigger":
            severity = "error" if notice.step is AlertStep.ESCALATION else _SEVERITY[notice.alert.kind]
            body |= {
                "payload": self._payload(notice, words, severity, self._errand.now),
                "links": _links(links),
                "client": "FlowJoy",
            }
        return Event(path="/v2/enqueue", body=body)

    def _payload(self, notice: Notification, words: AlertText, severity: str, now: datetime) -> dict[str, Any]:
        service = clean(self._errand.settings.service)
        return {
            "summary": clean(f"{service}: {words.title}. {words.what}", LONGEST_SUMMARY),
            "source": service,
            "severity": severity,
            "timestamp": iso(now),
            "component": service,
            "group": clean(alert_subject(notice)),
            "class": notice.alert.kind.value,
            "custom_details": {
                "what": clean(words.what, 1000),
                "since": clean(words.since, 1000),
                "action": clean(words.move, 1000),
                "alert": clean(notice.alert.key, 500),
            },
        }

    def _send(self, event: Event) -> None:
        key, address = self._errand.settings.pagerduty_routing_key, self._errand.settings.pagerduty_events_url
        if key is None:
            raise TypeError("a pager without a routing key is never made")

        def request() -> None:
            body = {"routing_key": key.reveal(), **event.body}
            answer = http.request("POST", f"{address}{event.path}", expected=202, json=body)
            read(_Accepted, answer.json())

        self._errand.transport.call("PagerDuty events", request, _EVENTS.explain, tries=_TRIES)


def dedup_key(key: str) -> str:
    """SHA-256 of an alert's key, in hex: by it PagerDuty makes one of what it is told twice."""
    return sha256(key.encode()).hexdigest()


def _links(links: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"href": address, "text": name} for name, address in links.items()]
