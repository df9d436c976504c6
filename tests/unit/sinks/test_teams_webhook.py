"""Alerts to a workflow of Microsoft Teams on loopback, which validates each card by the released schema."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from flowjoy.analysis.results import analyse
from flowjoy.domain.alerts import AlertKind
from flowjoy.errors import FaultKind, HarvestError
from flowjoy.report import teams_card
from flowjoy.report.content.alert_messages import alert_message
from flowjoy.sinks.teams_webhook import TeamsWebhook
from tests.builders import a_bundle, a_deploy, at
from tests.fakes.faults import Reset
from tests.fakes.http_base import Answer, Fault
from tests.fakes.teams import TeamsStandIn, card_problems, texts_of
from tests.unit.sinks.conftest import LINKS, Run, a_message


@pytest.fixture
def teams() -> Iterator[TeamsStandIn]:
    with TeamsStandIn() as stand_in:
        yield stand_in


def sink_of(run: Run, teams: TeamsStandIn) -> TeamsWebhook:
    sink = TeamsWebhook.create(run.alert_context(teams_webhook_url=teams.webhook_url))
    assert sink is not None
    return sink


def test_create__without_a_webhook_gives_no_sink(run: Run) -> None:
    assert TeamsWebhook.create(run.alert_context()) is None


def test_sink__takes_every_kind_and_can_neither_be_read_nor_deduplicate(run: Run, teams: TeamsStandIn) -> None:
    sink = sink_of(run, teams)
    assert (sink.can_recall, sink.deduplicates, sink.recall({"digest": "key"})) == (False, False, ())
    assert set(sink.kinds) == set(AlertKind)
    assert teams.requests == []


def test_send__posts_one_card_with_title_facts_next_step_and_links(run: Run, teams: TeamsStandIn) -> None:
    message = a_message()
    receipt = sink_of(run, teams).send(message)
    (card,) = teams.cards
    title, facts, step, *_ = texts_of(card)
    assert (title, facts, step) == (message.title, message.text.facts, message.text.next_step)
    assert (card["version"], card["fallbackText"]) == ("1.5", message.title)
    assert [action["url"] for action in card["actions"]] == [LINKS.run]
    assert (receipt.sent, receipt.ref, receipt.releases) == (True, "", message.notification.joined)


def test_send__of_a_silent_step_posts_nothing_and_names_its_releases(run: Run, teams: TeamsStandIn) -> None:
    message = a_message(silent=True)
    receipt = sink_of(run, teams).send(message)
    assert (receipt.sent, receipt.releases, teams.requests) == (False, message.notification.joined, [])


@pytest.mark.parametrize("status", [200, 202])
def test_send__is_confirmed_by_either_status_of_a_workflow(run: Run, teams: TeamsStandIn, status: int) -> None:
    teams.fail("/workflows/", fault=Answer(status, b""))
    assert sink_of(run, teams).send(a_message()).sent


@pytest.mark.parametrize("fault", [Reset(), Answer(502), Answer(504)], ids=repr)
def test_send__that_may_have_been_delivered_is_not_repeated(run: Run, teams: TeamsStandIn, fault: Fault) -> None:
    teams.fail("/workflows/", fault=fault)
    with pytest.raises(HarvestError, match="Microsoft Teams"):
        sink_of(run, teams).send(a_message())
    assert teams.count("POST") == 1


def test_send__is_repeated_where_the_rate_is_limited(run: Run, teams: TeamsStandIn) -> None:
    teams.fail("/workflows/", fault=Answer(429, b"", {"Retry-After": "0"}))
    sink_of(run, teams).send(a_message())
    assert (teams.count("POST"), len(teams.cards)) == (2, 1)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(401, b"canary"), FaultKind.AUTH),
        (Answer(404, {"error": {"message": "canary"}}), FaultKind.MISSING),
        (Answer(400, b"<script>canary"), FaultKind.REFUSED),
    ],
)
def test_refusal__is_an_error_with_a_hint_and_repeats_no_text_of_the_server(
    run: Run, teams: TeamsStandIn, answer: Answer, kind: FaultKind
) -> None:
    teams.fail("/workflows/", times=None, fault=answer)
    with pytest.raises(HarvestError, match="Microsoft Teams") as raised:
        sink_of(run, teams).send(a_message())
    assert raised.value.kind is kind
    assert "check teams-webhook-url" in raised.value.advised
    assert "canary" not in raised.value.advised


def test_redirect__does_not_get_the_message(run: Run, teams: TeamsStandIn) -> None:
    with TeamsStandIn() as elsewhere:
        redirect: Any = Answer(302, b"", {"Location": elsewhere.webhook_url})
        teams.fail("/workflows/", times=None, fault=redirect)
        with pytest.raises(HarvestError):
            sink_of(run, teams).send(a_message())
        assert elsewhere.requests == []


@pytest.mark.parametrize("hostile", ["[x](https://evil.example)", "**x**", "<at>all</at>", "\u202e\u0000", "x" * 9000])
def test_hostile_names__stay_text_in_a_valid_card(hostile: str) -> None:
    bundle = a_bundle([a_deploy(0)], until=at(60), terms={"sla_since": at(0), "models": (hostile,)})
    results = analyse(bundle)
    (alert,) = results.alerts.firing
    message = alert_message(replace(a_message().notification, alert=alert), results, LINKS)
    (attachment,) = teams_card.message(message)["attachments"]
    card, usual = attachment["content"], teams_card.message(a_message())["attachments"][0]["content"]
    assert card_problems(card) == []
    assert len(texts_of(card)) == len(texts_of(usual))
    assert [action["url"] for action in card["actions"]] == [LINKS.run]
