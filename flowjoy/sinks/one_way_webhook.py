"""A webhook that takes alerts and cannot be read: only the ledger knows what was sent.

Each destination adds its card and its request.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from flowjoy.clients.faults import Fault
from flowjoy.domain import AlertState
from flowjoy.domain.alerts import AlertKind
from flowjoy.domain.secret import Secret
from flowjoy.errors import FaultKind, HarvestError
from flowjoy.report.content.alert_messages import AlertMessage, Receipt
from flowjoy.sinks.base import AlertContext

_TRIES = 2


class OneWayWebhook(ABC):
    """A webhook without threads and chart."""

    name: ClassVar[str]
    label: ClassVar[str]
    deduplicates, can_recall = False, False
    kinds = tuple(AlertKind)

    def __init__(self, url: Secret, context: AlertContext) -> None:
        self._url, self._context = url, context

    @abstractmethod
    def explain(self, problem: Exception) -> Fault | None:
        """Return the fault behind an exception of its request, None for any other exception."""

    @abstractmethod
    def request_of(self, message: AlertMessage) -> Callable[[], Any]:
        """Return the request that posts a message once."""

    def recall(self, _names: Mapping[str, str]) -> tuple[AlertState, ...]:
        """Return nothing: a webhook cannot be read."""
        return ()

    def send(self, message: AlertMessage) -> Receipt:
        """Post one message.

        After a dropped connection the message may have been delivered, so it is not retried in this run.
        """
        if message.quiet:
            return Receipt(sent=False, releases=message.notification.joined)
        post = self.request_of(message)
        may_be_delivered = False

        def request() -> None:
            nonlocal may_be_delivered
            if may_be_delivered:
                raise HarvestError(f"{self.label}: it is unknown whether the message was delivered")
            may_be_delivered = True
            try:
                post()
            except Exception as problem:
                fault = self.explain(problem)
                may_be_delivered = fault is None or fault.kind is not FaultKind.RATE_LIMIT
                raise

        self._context.transport.call(self.label, request, self.explain, tries=_TRIES)
        return Receipt(releases=message.notification.joined)
