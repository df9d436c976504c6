"""Sends alerts as a Slack bot; finds its earlier messages and replies in their threads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from math import inf
from typing import Annotated, Any

from pydantic import AfterValidator

from flowjoy.analysis.alerts.lifecycle import AlertStep
from flowjoy.clients.responses import Response, read, refusal
from flowjoy.clients.slack import SlackApi
from flowjoy.clients.slack_errors import explain, is_rate_limit
from flowjoy.clients.transport import Transport
from flowjoy.config.settings import Settings
from flowjoy.domain import AlertState
from flowjoy.domain.alerts import AlertKind
from flowjoy.errors import FaultKind, HarvestError
from flowjoy.report import slack_blocks
from flowjoy.report.content.alert_messages import AlertMessage, Receipt
from flowjoy.sinks.base import AlertContext

NAME = "slack"
CHART = "unified_flow.png"
_TITLE = "Code and model cadence with the unified MTTR"
RECALLED = timedelta(days=30)
"""How far back the bot searches for its messages."""

CONCURRENT = timedelta(minutes=10)
"""Concurrent runs send the same message within this time."""

_MAX_THREADS = 40
_TRIES = 2
_TS = re.compile(r"\d{9,10}(\.\d{1,9})?", re.ASCII)


def _timestamp(ts: str) -> str:
    if not _TS.fullmatch(ts):
        raise refusal("is not the timestamp of a message")
    return ts


class _Posted(Response):
    ts: Annotated[str, AfterValidator(_timestamp)]


SCOPES = {
    "chat:write": "no alert can be sent",
    "channels:history": "it cannot find its earlier messages (groups:history in a private channel)",
    "files:write": "the chart is not attached",
}


def examine(settings: Settings, transport: Transport) -> str:
    """Return what the bot's token permits, without sending a message. Raise HarvestError if it cannot send any."""
    if settings.slack_token is None or settings.slack_channel is None:
        return "only a message shows whether the webhook works"
    api = SlackApi(token=settings.slack_token, api_url=settings.slack_api_url, transport=transport)
    identity, scopes = api.scopes()
    if "groups:history" in scopes:
        scopes |= {"channels:history"}
    missing = [f"without {scope} {effect}" for scope, effect in SCOPES.items() if scope not in scopes]
    if "chat:write" not in scopes:
        raise HarvestError(f"Slack: {'; '.join(missing)}", hint="give the app these scopes and install it again")
    channel = api.channel_id(settings.slack_channel)
    if "channels:history" in scopes:
        api.ask("conversations.history", dict, params={"channel": channel, "limit": "1"})
    return "; ".join((f"{identity}, channel {channel}", *missing))


class SlackBot:
    """A bot token: messages in a channel, later steps in their threads, the chart with the first message."""

    name, deduplicates, can_recall = NAME, False, True
    kinds = tuple(AlertKind)

    def __init__(self, api: SlackApi, channel: str, context: AlertContext) -> None:
        self._api, self._channel, self._context = api, channel, context
        self._has_chart = False
        self.label = f"Slack {channel}"

    @classmethod
    def create(cls, context: AlertContext) -> SlackBot | None:
        """Return the sink if `slack-token` and `slack-channel` are set."""
        settings = context.settings
        if settings.slack_token is None or settings.slack_channel is None:
            return None
        api = SlackApi(token=settings.slack_token, api_url=settings.slack_api_url, transport=context.transport)
        return cls(api, settings.slack_channel, context)

    def recall(self, names: Mapping[str, str]) -> tuple[AlertState, ...]:
        """Return what our messages of the last 30 days, and the replies in their threads, say about these alerts."""
        states, threads = [], []
        for posted in self._history(RECALLED):
            matches = self._states(posted, names, str(posted.get("ts")))
            states += matches
            if matches and posted.get("reply_count"):
                threads.append(str(posted.get("ts")))
        for thread in threads[:_MAX_THREADS]:
            for reply in self._replies(thread):
                states += self._states(reply, names, thread)
        return tuple(dict.fromkeys(states))

    def send(self, message: AlertMessage) -> Receipt:
        """Post one message, in the alert's thread if it has one. Of concurrent runs only the first message remains."""
        joined = message.notification.joined
        if message.quiet:
            return Receipt(sent=False, ref=message.ref, releases=joined)
        channel, _, thread = message.ref.partition("/")
        thread = thread if channel == self._id else ""
        try:
            ts = self._post(message, thread)
        except HarvestError as problem:
            if problem.kind is not FaultKind.GONE:
                raise
            # The first message was deleted: this one starts a thread of its own.
            thread = ""
            ts = self._post(message, thread)
        first, named = self._first(message, thread, ts)
        if float(first) < float(ts):
            self._api.ask("chat.delete", dict, json={"channel": self._id, "ts": ts})
            joined = tuple(release for release in joined if slack_blocks.digest(release) in named)
        elif not thread and not self._has_chart:
            self._has_chart = True
            self._attach_chart(ts)
        return Receipt(ref=f"{self._id}/{thread or first}", releases=joined)

    def _first(self, message: AlertMessage, thread: str, ts: str) -> tuple[str, frozenset[str]]:
        """Return the first message of this step and its releases; this message if the bot may not read others."""
        own = ts, slack_blocks.mark_of(message).releases
        try:
            return self._same(message, thread, before=float(ts)) or own
        except HarvestError:
            return own

    def _post(self, message: AlertMessage, thread: str) -> str:
        content: dict[str, Any] = {
            "channel": self._id,
            "text": slack_blocks.fallback(message),
            "blocks": slack_blocks.blocks(message),
            "mrkdwn": False,
            "parse": "none",
            "link_names": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if thread:
            content |= {"thread_ts": thread, "reply_broadcast": message.step is AlertStep.ESCALATION}
        may_be_delivered = False

        def request() -> str:
            # After a dropped connection the message may have been delivered: search before sending it again.
            nonlocal may_be_delivered
            delivered = self._same(message, thread) if may_be_delivered else None
            may_be_delivered = True
            try:
                return delivered[0] if delivered else self._api.once("chat.postMessage", _posted_at, json=content)
            except Exception as problem:
                may_be_delivered = not is_rate_limit(problem)
                raise

        return self._api.transport.call("Slack chat.postMessage", request, explain, tries=_TRIES)

    def _same(self, message: AlertMessage, thread: str, before: float = inf) -> tuple[str, frozenset[str]] | None:
        """Return the first message of the last minutes, before `before`, on the same step of this alert, if any.

        Updates and waivers are the same if earlier ones name all their releases, which are returned with it.
        """
        wanted, since = slack_blocks.mark_of(message), (self._context.now - CONCURRENT).timestamp()
        recent = self._replies(thread) if thread else self._history(CONCURRENT)
        same = {
            str(posted.get("ts")): mark.releases
            for posted in recent
            if since <= _seconds(posted) < before and self._is_ours(posted)
            for mark in slack_blocks.marks(posted)
            if (mark.key, mark.step) == (wanted.key, wanted.step)
        }
        if message.step in (AlertStep.UPDATE, AlertStep.WAIVER):
            same = {ts: releases for ts, releases in same.items() if releases & wanted.releases}
            if not wanted.releases <= frozenset().union(*same.values()):
                return None
        return (min(same, key=float), frozenset().union(*same.values())) if same else None

    def _states(self, posted: Mapping[str, Any], names: Mapping[str, str], thread: str) -> list[AlertState]:
        at, ref = datetime.fromtimestamp(_seconds(posted), UTC), f"{self._id}/{thread}"
        return [
            AlertState(
                key=names[mark.key],
                step=mark.step,
                at=at,
                sink=NAME,
                ref=ref,
                releases=tuple(sorted(names[digest] for digest in mark.releases if digest in names)),
            )
            for mark in slack_blocks.marks(posted)
            if mark.key in names and self._is_ours(posted)
        ]

    def _is_ours(self, posted: Mapping[str, Any]) -> bool:
        """Return whether this token posted it: messages of others must neither silence an alert nor end one."""
        return posted.get("bot_id") in self._own_ids or posted.get("user") in self._own_ids

    @cached_property
    def _own_ids(self) -> tuple[str, ...]:
        return self._api.own_ids()

    @cached_property
    def _id(self) -> str:
        return self._api.channel_id(self._channel)

    def _history(self, back: timedelta) -> Iterable[dict[str, Any]]:
        oldest = f"{(self._context.now - back).timestamp():.6f}"
        return self._api.messages("conversations.history", channel=self._id, oldest=oldest)

    def _replies(self, thread: str) -> Iterable[dict[str, Any]]:
        return self._api.messages("conversations.replies", channel=self._id, ts=thread)

    def _attach_chart(self, thread: str) -> None:
        """Upload the chart into the thread of this run's first message, which remains if the upload fails."""
        try:
            self._api.upload(self._context.chart(), name=CHART, title=_TITLE, channel=self._id, thread=thread)
        except HarvestError as problem:
            self._context.warn(f"Slack: the chart was not attached: {problem.advised}")
        except Exception as problem:  # noqa: BLE001  (a chart that cannot be drawn must not stop an alert)
            self._context.warn(f"Slack: the chart was not attached ({type(problem).__name__})")


def _posted_at(answer: object) -> str:
    return read(_Posted, answer).ts


def _seconds(posted: Mapping[str, Any]) -> float:
    """Return when a message was posted; the epoch if it does not say, or cannot be true."""
    ts = str(posted.get("ts") or "")
    return float(ts) if _TS.fullmatch(ts) else 0.0
