"""Sends alerts to a Slack incoming webhook."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flowjoy.clients import slack_errors
from flowjoy.clients.faults import Fault
from flowjoy.clients.slack import send_to_webhook
from flowjoy.report import slack_blocks
from flowjoy.report.content.alert_messages import AlertMessage
from flowjoy.sinks.base import AlertContext
from flowjoy.sinks.one_way_webhook import OneWayWebhook

NAME = "slack"


class SlackWebhook(OneWayWebhook):
    """An incoming webhook of one channel."""

    name, label = NAME, "Slack webhook"

    @classmethod
    def create(cls, context: AlertContext) -> SlackWebhook | None:
        """Return the sink if `slack-webhook-url` is set."""
        url = context.settings.slack_webhook_url
        return None if url is None else cls(url, context)

    def explain(self, problem: Exception) -> Fault | None:
        """Return the fault behind an exception of Slack's client."""
        return slack_errors.explain(problem)

    def request_of(self, message: AlertMessage) -> Callable[[], None]:
        """Return the request that posts a message as Block Kit blocks."""
        return partial(send_to_webhook, self._url, slack_blocks.fallback(message), slack_blocks.blocks(message))
