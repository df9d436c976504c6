"""Sends alerts to a workflow of Microsoft Teams, which posts them in its channel or chat."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flowjoy.clients import http
from flowjoy.clients.faults import Fault, Service
from flowjoy.errors import FaultKind
from flowjoy.report import teams_card
from flowjoy.report.content.alert_messages import AlertMessage
from flowjoy.sinks.base import AlertContext
from flowjoy.sinks.one_way_webhook import OneWayWebhook

_CURE = "check teams-webhook-url: the address of a workflow that starts when a Teams webhook request is received"
_TEAMS = Service(
    name="Microsoft Teams",
    hints=dict.fromkeys((FaultKind.AUTH, FaultKind.PERMISSION, FaultKind.MISSING, FaultKind.REFUSED), _CURE),
)


class TeamsWebhook(OneWayWebhook):
    """The webhook of one workflow."""

    name, label = "teams", "Microsoft Teams"

    @classmethod
    def create(cls, context: AlertContext) -> TeamsWebhook | None:
        """Return the sink if `teams-webhook-url` is set."""
        url = context.settings.teams_webhook_url
        return None if url is None else cls(url, context)

    def explain(self, problem: Exception) -> Fault | None:
        """Return the fault behind an error status."""
        return _TEAMS.explain(problem)

    def request_of(self, message: AlertMessage) -> Callable[[], object]:
        """Return the request that posts a message as an Adaptive Card. A workflow answers 202, or 200 on older ones."""
        body = teams_card.message(message)
        return partial(http.request, "POST", self._url.reveal(), expected=http.SUCCESS, json=body)
