"""Alerts in Slack by a bot, who finds its messages again and answers in their threads. Knows no webhook."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from math import inf
from typing import Annotated, Any

from pydantic import AfterValidator

from flowjoy.analysis.alerts.lifecycle import AlertStep, Notification
from flowjoy.clients.responses import Response, reader, refusal
from flowjoy.clients.slack import SlackApi, explain, is_rate_limit
from flowjoy.clients.transport import Transport
from flowjoy.config.settings import Settings
from flowjoy.domain import AlertState
from flowjoy.errors import FaultKind, HarvestError
from flowjoy.report import slack_blocks
from flowjoy.report.content.alert_messages import AlertMessage, Receipt
from flowjoy.sinks.base import AlertContext, AlertSink

NAME = "slack"
CHART = "unified_flow.png"
_TITLE = "Code and model cadence with the unified MTTR"
RECALLED = timedelta(days=30)
"""How far back the bot looks for what it told."""

AT_ONCE = timedelta(minutes=10)
"""Two runs at once tell the same within this time."""

_MOST_THREADS = 40
_TRIES = 2
_TS = re.compile(r"\d{9,10}(\.\d{1,9})?", re.ASCII)


def _timestamp(ts: str) -> str:
    if not _TS.fullmatch(ts):
        raise refusal("is not the timestamp of a message")
    return ts


class _Posted(Response):
    ts: Annotated[str, AfterValidator(_timestamp)]


def of(errand: AlertContext) -> AlertSink | None:
    """The bot, where there is a token and a channel."""
    settings = errand.settings
    if settings.slack_token is None or settings.slack_channel is None:
        return None
    api = SlackApi(token=settings.slack_token, api_url=settings.slack_api_url, transport=errand.transport)
    return SlackBot(api, settings.slack_channel, errand)


SCOPES = {
    "chat:write": "nothing can be told",
    "channels:history": "it cannot look for what it told (groups:history in a private channel)",
    "files:write": "the chart is not attached",
}


def examine(settings: Settings, transport: Transport) -> str:
    """What a bot's token is good for, without a message. HarvestError where it can tell nothing."""
    if settings.slack_token is None or settings.slack_channel is None:
        return "the webhook shows only by a message whether it works"
    api = SlackApi(token=settings.slack_token, api_url=settings.slack_api_url, transport=transport)
    who, has = api.scopes()
    if "groups:history" in has:
        has |= {"channels:history"}
    lacks = [f"without {scope} {so}" for scope, so in SCOPES.items() if scope not in has]
    if "chat:write" not in has:
        raise HarvestError(f"Slack: {'; '.join(lacks)}", hint="give the app these scopes and install it again")
    channel = api.channel_id(settings.slack_channel)
    asked = {"channel": channel, "limit": "1"}
    if "channels:history" in has:
        api.ask("conversations.history", dict, params=asked)
    return "; ".join((f"{who}, channel {channel}", *lacks))


class SlackBot:
    """A bot token: messages in a channel, what follows in their threads, the chart with the first."""

    name, folds, recalls = NAME, False, True

    def __init__(self, api: SlackApi, channel: str, errand: AlertContext) -> None:
        self._api, self._channel, self._errand = api, channel, errand
        self._has_chart = False
        self.label = f"Slack {channel}"

    def takes(self, _notice: Notification) -> bool:
        """Return True: Slack gets every alert."""
        return True

    def recall(self, names: Mapping[str, str]) -> tuple[AlertState, ...]:
        """Return what our messages of the last 30 days, and the answers in their threads, say of these alerts."""
        told, threads = [], []
        for message in self._history(RECALLED):
            found = self._states(message, names, str(message.get("ts")))
            told += found
            if found and message.get("reply_count"):
                threads.append(str(message.get("ts")))
        for thread in threads[:_MOST_THREADS]:
            for answer in self._replies(thread):
                told += self._states(answer, names, thread)
        return tuple(dict.fromkeys(told))

    def tell(self, letter: AlertMessage) -> Receipt:
        """Post one message, in the thread of the first where there is one; of two runs at once one message stays."""
        joined = letter.notification.joined
        if letter.quiet:
            return Receipt(sent=False, ref=letter.ref, releases=joined)
        channel, _, thread = letter.ref.partition("/")
        thread = thread if channel == self._id else ""
        try:
            ts = self._post(letter, thread)
        except HarvestError as problem:
            if problem.kind is not FaultKind.GONE:
                raise
            # The first message was deleted: this one starts a thread of its own.
            thread = ""
            ts = self._post(letter, thread)
        first, named = self._first(letter, thread, ts)
        if float(first) < float(ts):
            self._api.ask("chat.delete", dict, json={"channel": self._id, "ts": ts})
            joined = tuple(release for release in joined if slack_blocks.digest(release) in named)
        elif not thread and not self._has_chart:
            self._has_chart = True
            self._attach_chart(ts)
        return Receipt(ref=f"{self._id}/{thread or first}", releases=joined)

    def _first(self, letter: AlertMessage, thread: str, ts: str) -> tuple[str, frozenset[str]]:
        """Return the earlier message of this step and its releases; this one where the bot may not look."""
        own = ts, slack_blocks.mark_of(letter).releases
        try:
            return self._same(letter, thread, before=float(ts)) or own
        except HarvestError:
            return own

    def _post(self, letter: AlertMessage, thread: str) -> str:
        service = self._errand.settings.service
        message: dict[str, Any] = {
            "channel": self._id,
            "text": slack_blocks.fallback(letter, service),
            "blocks": slack_blocks.blocks(letter, service),
            "mrkdwn": False,
            "parse": "none",
            "link_names": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        if thread:
            message |= {"thread_ts": thread, "reply_broadcast": letter.step is AlertStep.ESCALATION}
        broken = False

        def request() -> str:
            # One that broke on the way may have come through: looked for before it is told again.
            nonlocal broken
            there = self._same(letter, thread) if broken else None
            broken = True
            try:
                return there[0] if there else self._api.once("chat.postMessage", reader(_Posted), json=message).ts
            except Exception as problem:
                broken = not is_rate_limit(problem)
                raise

        return self._api.transport.call("Slack chat.postMessage", request, explain, tries=_TRIES)

    def _same(self, letter: AlertMessage, thread: str, before: float = inf) -> tuple[str, frozenset[str]] | None:
        """Return the earliest message of the last minutes, before `before`, that is the same step of this alert.

        Updates and waivers are the same where earlier ones name all of their releases. With it the releases it names.
        """
        wanted, since = slack_blocks.mark_of(letter), (self._errand.now - AT_ONCE).timestamp()
        messages = self._replies(thread) if thread else self._history(AT_ONCE)
        same = {
            str(message.get("ts")): mark.releases
            for message in messages
            if since <= _seconds(message) < before and self._is_ours(message)
            for mark in slack_blocks.marks(message)
            if (mark.key, mark.step) == (wanted.key, wanted.step)
        }
        if letter.step in (AlertStep.UPDATE, AlertStep.WAIVER):
            same = {ts: releases for ts, releases in same.items() if releases & wanted.releases}
            if not wanted.releases <= frozenset().union(*same.values()):
                return None
        return (min(same, key=float), frozenset().union(*same.values())) if same else None

    def _states(self, message: Mapping[str, Any], names: Mapping[str, str], thread: str) -> list[AlertState]:
        at, ref = datetime.fromtimestamp(_seconds(message), UTC), f"{self._id}/{thread}"
        return [
            AlertState(
                key=names[mark.key],
                step=mark.step,
                at=at,
                sink=NAME,
                ref=ref,
                releases=tuple(sorted(names[digest] for digest in mark.releases if digest in names)),
            )
            for mark in slack_blocks.marks(message)
            if mark.key in names and self._is_ours(message)
        ]

    def _is_ours(self, message: Mapping[str, Any]) -> bool:
        """Whether this token wrote it: what others write must neither silence an alert nor end one."""
        return message.get("bot_id") in self._own_ids or message.get("user") in self._own_ids

    @cached_property
    def _own_ids(self) -> tuple[str, ...]:
        return self._api.own_ids()

    @cached_property
    def _id(self) -> str:
        return self._api.channel_id(self._channel)

    def _history(self, back: timedelta) -> Iterable[dict[str, Any]]:
        oldest = f"{(self._errand.now - back).timestamp():.6f}"
        return self._api.messages("conversations.history", channel=self._id, oldest=oldest)

    def _replies(self, thread: str) -> Iterable[dict[str, Any]]:
        return self._api.messages("conversations.replies", channel=self._id, ts=thread)

    def _attach_chart(self, thread: str) -> None:
        """The chart into the thread of this run's first message. Without it the message stands."""
        try:
            self._api.upload(self._errand.chart(), name=CHART, title=_TITLE, channel=self._id, thread=thread)
        except HarvestError as problem:
            self._errand.warn(
                f"Slack: the chart was not attached: {problem}" + (f" ({problem.hint})" if problem.hint else "")
            )
        except Exception as problem:  # noqa: BLE001  (a picture that cannot be drawn must not make an alert untold)
            self._errand.warn(f"Slack: the chart was not attached ({type(problem).__name__})")


def _seconds(message: Mapping[str, Any]) -> float:
    """Return when a message was posted; the epoch if it does not say, or cannot be true."""
    ts = str(message.get("ts") or "")
    return float(ts) if _TS.fullmatch(ts) else 0.0
