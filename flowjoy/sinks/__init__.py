"""The sinks, in the order in which they deliver. A new sink is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable

from flowjoy.sinks import pagerduty_events, slack_bot, slack_webhook
from flowjoy.sinks.base import AlertContext, AlertSink, Sink
from flowjoy.sinks.check_run import CheckRuns
from flowjoy.sinks.pull_request_comment import PullComment

SINKS: tuple[Sink, ...] = (CheckRuns(), PullComment())

ALERT_SINKS: tuple[Callable[[AlertContext], AlertSink | None], ...] = (
    pagerduty_events.of,
    slack_bot.of,
    slack_webhook.of,
)
"""The pager first. Each gives its destination where the inputs name one; of Slack's two at most one does."""
