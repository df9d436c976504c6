"""The destinations that cannot be tested without sending something: whether each is set, and looks right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from flowjoy.config.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Destination:
    """One destination. `text`: what is known of it; `cure`: what to do, only if it looks wrong."""

    name: str
    is_set: bool
    text: str
    cure: str = ""


def unread_destinations(settings: Settings) -> Iterator[Destination]:
    """Yield each destination of alerts and events that is not set or cannot be read."""
    if settings.slack_token is None and settings.slack_webhook_url is None:
        yield Destination(name="alerts (Slack)", is_set=False, text="slack-token and slack-channel turn it on")
    yield _one_way("alerts (Teams)", "teams-webhook-url", settings.teams_webhook_url, "a message")
    yield _one_way("CDEvents", "cdevents-url", settings.cdevents_url, "a batch")
    key = settings.pagerduty_routing_key
    name = "alerts (PagerDuty)"
    if key is not None and not re.fullmatch(r"[A-Za-z0-9]{32}", key.reveal()):
        problem, cure = (
            "a routing key has 32 letters and digits",
            "take the Integration Key of an Events API v2 integration",
        )
        yield Destination(name=name, is_set=True, text=problem, cure=cure)
    else:
        shape = "the key has the right shape; only an event shows whether it works"
        yield Destination(name=name, is_set=key is not None, text=shape if key else "pagerduty-routing-key turns it on")


def _one_way(name: str, given: str, value: object, what: str) -> Destination:
    text = f"{given} turns it on" if value is None else f"only {what} shows whether {given} works"
    return Destination(name=name, is_set=value is not None, text=text)
