"""Sends alerts to a Slack incoming webhook, which cannot be read: only the ledger knows what was sent."""

from __future__ import annotations

from collections.abc import Mapping

from flowjoy.clients.faults import HttpError
from flowjoy.clients.slack import send_to_webhook
from flowjoy.clients.slack_errors import explain, is_rate_limit
from flowjoy.domain import AlertState
from flowjoy.domain.alerts import AlertKind
from flowjoy.domain.secret import Secret
from flowjoy.errors import HarvestError
from flowjoy.report import slack_blocks
from flowjoy.report.content.alert_messages import AlertMessage, Receipt
from flowjoy.sinks.base import AlertContext

NAME = "slack"
_TRIES = 2


class SlackWebhook:
    """An incoming webhook: no threads and no chart."""

    name, label, deduplicates, can_recall = NAME, "Slack webhook", False, False
    kinds = tuple(AlertKind)

    def __init__(self, url: Secret, context: AlertContext) -> None:
        self._url, self._context = url, context

    @classmethod
    def create(cls, context: AlertContext) -> SlackWebhook | None:
        """Return the sink if `slack-webhook-url` is set."""
        url = context.settings.slack_webhook_url
        return None if url is None else cls(url, context)

    def recall(self, _names: Mapping[str, str]) -> tuple[AlertState, ...]:
        """Return nothing: a webhook cannot be read."""
        return ()

    def send(self, message: AlertMessage) -> Receipt:
        """Post one message.

        After a dropped connection the message may have been delivered, so it is not retried in this run.
        """
        if message.quiet:
            return Receipt(sent=False, releases=message.notification.joined)
        text, blocks = slack_blocks.fallback(message), slack_blocks.blocks(message)
        may_be_delivered = False

        def request() -> None:
            nonlocal may_be_delivered
            if may_be_delivered:
                raise HarvestError("Slack webhook: it is unknown whether the message was delivered")
            may_be_delivered = True
            try:
                send_to_webhook(self._url, text, blocks)
            except HttpError as problem:
                may_be_delivered = not is_rate_limit(problem)
                raise

        self._context.transport.call("Slack webhook", request, explain, tries=_TRIES)
        return Receipt(releases=message.notification.joined)
