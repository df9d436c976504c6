"""The sinks, in the order in which they are used. A new sink is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable

from flowjoy.sinks.base import AlertContext, AlertSink, Sink
from flowjoy.sinks.check_run import CheckRuns
from flowjoy.sinks.pagerduty_events import PagerDutyEvents
from flowjoy.sinks.pull_request_comment import PullRequestComment
from flowjoy.sinks.slack_bot import SlackBot
from flowjoy.sinks.slack_webhook import SlackWebhook
from flowjoy.sinks.teams_webhook import TeamsWebhook

SINKS: tuple[Sink, ...] = (CheckRuns(), PullRequestComment())

ALERT_SINKS: tuple[Callable[[AlertContext], AlertSink | None], ...] = (
    PagerDutyEvents.create,
    SlackBot.create,
    SlackWebhook.create,
    TeamsWebhook.create,
)
"""The pager first. Each returns None unless the inputs configure it; settings refuse both Slack sinks at once."""
