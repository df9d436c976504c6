"""Alerts to an incoming webhook, against Slack on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from flowjoy.domain.alerts import AlertKind
from flowjoy.errors import FaultKind, HarvestError
from flowjoy.sinks.slack_webhook import SlackWebhook
from tests.fakes.faults import EmptyBody, Reset, Truncate
from tests.fakes.http_base import Answer, Fault
from tests.fakes.slack import SlackStandIn, mentions_and_links
from tests.unit.sinks.conftest import LINKS, Run, a_message


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with SlackStandIn() as stand_in:
        yield stand_in


def sink_of(run: Run, slack: SlackStandIn) -> SlackWebhook:
    sink = SlackWebhook.create(run.alert_context(slack_webhook_url=slack.webhook_url))
    assert sink is not None
    return sink


def test_create__without_a_webhook_gives_no_sink(run: Run) -> None:
    assert SlackWebhook.create(run.alert_context()) is None


def test_sink__can_neither_be_read_nor_deduplicate(run: Run, slack: SlackStandIn) -> None:
    sink = sink_of(run, slack)
    assert (sink.can_recall, sink.deduplicates, sink.recall({"digest": "key"})) == (False, False, ())
    assert slack.requests == []


def test_kinds__are_all(run: Run, slack: SlackStandIn) -> None:
    assert set(sink_of(run, slack).kinds) == set(AlertKind)


def test_send__posts_title_text_and_links(run: Run, slack: SlackStandIn) -> None:
    message = a_message()
    receipt = sink_of(run, slack).send(message)
    (posted,) = slack.hooked
    assert posted["blocks"][0]["text"]["text"] == message.title
    assert "recommender" in posted["text"]
    assert mentions_and_links(posted) == [f"<{LINKS.run}|Open the report>"]
    assert (receipt.sent, receipt.ref, receipt.releases) == (True, "", message.notification.joined)


def test_send__of_a_silent_step_posts_nothing_and_names_its_releases(run: Run, slack: SlackStandIn) -> None:
    message = a_message(silent=True)
    receipt = sink_of(run, slack).send(message)
    assert (receipt.sent, receipt.releases, slack.requests) == (False, message.notification.joined, [])


@pytest.mark.parametrize("fault", [Reset(), Truncate(0.5), EmptyBody(), Answer(502), Answer(200, b"<html>")], ids=repr)
def test_send__that_may_have_been_delivered_is_not_repeated(run: Run, slack: SlackStandIn, fault: Fault) -> None:
    slack.fail("/services/", fault=fault)
    with pytest.raises(HarvestError, match="Slack webhook"):
        sink_of(run, slack).send(a_message())
    assert slack.count("POST") == 1


def test_send__is_repeated_where_the_rate_is_limited(run: Run, slack: SlackStandIn) -> None:
    slack.fail("/services/", fault=Answer(429, b"", {"Retry-After": "0"}))
    sink_of(run, slack).send(a_message())
    assert (slack.count("POST"), len(slack.hooked)) == (2, 1)


@pytest.mark.parametrize(
    ("answer", "problem", "kind"),
    [
        (Answer(404, b"no_service"), "no_service", FaultKind.MISSING),
        (Answer(403, b"invalid_token"), "invalid_token", FaultKind.AUTH),
        (Answer(403, b"<script>canary"), "403", FaultKind.REFUSED),
    ],
)
def test_refusal__is_an_error_with_a_hint_and_repeats_no_text_of_the_server(
    run: Run, slack: SlackStandIn, answer: Answer, problem: str, kind: FaultKind
) -> None:
    slack.fail("/services/", times=None, fault=answer)
    with pytest.raises(HarvestError, match=problem) as raised:
        sink_of(run, slack).send(a_message())
    assert raised.value.kind is kind
    assert "canary" not in raised.value.advised
    assert "canary-webhook" not in raised.value.advised


def test_redirect__does_not_get_the_message(run: Run, slack: SlackStandIn) -> None:
    with SlackStandIn() as elsewhere:
        redirect: Any = Answer(302, b"", {"Location": elsewhere.webhook_url})
        slack.fail("/services/", times=None, fault=redirect)
        with pytest.raises(HarvestError):
            sink_of(run, slack).send(a_message())
        assert elsewhere.requests == []
