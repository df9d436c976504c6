"""Alerts in Slack by an incoming webhook, which only takes: the ledger alone says what was told. Knows no bot."""

from __future__ import annotations

from collections.abc import Mapping

from flowjoy.analysis.alerts.lifecycle import Notification
from flowjoy.clients.faults import HttpError
from flowjoy.clients.slack import explain, is_rate_limit, send_to_webhook
from flowjoy.domain import AlertState
from flowjoy.domain.secret import Secret
from flowjoy.errors import HarvestError
from flowjoy.report import slack_blocks
from flowjoy.report.content.alert_messages import AlertMessage, Receipt
from flowjoy.sinks.base import AlertContext, AlertSink

NAME = "slack"
_TRIES = 2


def of(errand: AlertContext) -> AlertSink | None:
    """The webhook, where there is one; settings refuse it beside a bot."""
    url = errand.settings.slack_webhook_url
    return None if url is None else SlackWebhook(url, errand)


class SlackWebhook:
    """An incoming webhook: it can neither look back nor answer in a thread, so the ledger alone says what was told."""

    name, label, folds, recalls = NAME, "Slack webhook", False, False

    def __init__(self, url: Secret, errand: AlertContext) -> None:
        self._url, self._errand = url, errand

    def takes(self, _notice: Notification) -> bool:
        """Return True: Slack gets every alert."""
        return True

    def recall(self, _names: Mapping[str, str]) -> tuple[AlertState, ...]:
        """Return nothing: a webhook only takes."""
        return ()

    def tell(self, letter: AlertMessage) -> Receipt:
        """Post one message. One that broke on the way may have come through: it is told by the next run."""
        broken, service = False, self._errand.settings.service

        def request() -> None:
            nonlocal broken
            if broken:
                raise HarvestError("Slack webhook: it is not known whether the message came through")
            broken = True
            try:
                text, blocks = slack_blocks.fallback(letter, service), slack_blocks.blocks(letter, service)
                send_to_webhook(self._url, text, blocks)
            except HttpError as problem:
                broken = not is_rate_limit(problem)
                raise

        if not letter.quiet:
            self._errand.transport.call("Slack webhook", request, explain, tries=_TRIES)
        return Receipt(sent=not letter.quiet, releases=letter.notification.joined)
