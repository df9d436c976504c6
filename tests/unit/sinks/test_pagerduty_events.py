"""Alerts and change events, against PagerDuty's Events API on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from flowjoy.analysis.alerts.lifecycle import AlertStep
from flowjoy.domain.alerts import AlertKind
from flowjoy.errors import FaultKind, HarvestError
from flowjoy.sinks.base import ReleaseChange
from flowjoy.sinks.pagerduty_events import LONGEST_SUMMARY, PagerDutyEvents, dedup_key
from tests.builders import at
from tests.fakes.faults import EmptyBody, Reset
from tests.fakes.http_base import Answer, Fault
from tests.fakes.pagerduty_events import ROUTING_KEY, PagerDutyEventsStandIn
from tests.unit.sinks.conftest import LINKS, SHA, Run, a_message


@pytest.fixture
def pager() -> Iterator[PagerDutyEventsStandIn]:
    with PagerDutyEventsStandIn() as stand_in:
        yield stand_in


def sink_of(run: Run, pager: PagerDutyEventsStandIn, **inputs: str) -> PagerDutyEvents:
    given = {"pagerduty_routing_key": ROUTING_KEY, "pagerduty_events_url": pager.url, **inputs}
    sink = PagerDutyEvents.create(run.alert_context(**given))
    assert sink is not None
    return sink


def test_create__without_a_routing_key_gives_no_sink(run: Run) -> None:
    assert PagerDutyEvents.create(run.alert_context()) is None


def test_sink__deduplicates_and_cannot_be_read(run: Run, pager: PagerDutyEventsStandIn) -> None:
    sink = sink_of(run, pager)
    assert (sink.deduplicates, sink.can_recall, sink.recall({"digest": "key"})) == (True, False, ())


def test_event__names_service_subject_kind_and_time(run: Run, pager: PagerDutyEventsStandIn) -> None:
    message = a_message()
    receipt = sink_of(run, pager).send(message)
    (alert,) = pager.alerts
    (event,) = alert.events
    payload = event["payload"]
    assert (payload["source"], payload["group"], payload["class"]) == ("shop", "recommender", "breach")
    assert (payload["severity"], payload["timestamp"]) == ("error", "2024-06-05T21:00:00Z")
    assert payload["summary"] == (
        "acme/shop: recommender is 12 h overdue (since Wed 05 Jun 09:00 UTC): 1 release waits for a new version"
    )
    assert event["links"] == [{"href": LINKS.run, "text": "Open the report"}]
    assert alert.dedup_key == dedup_key(message.notification.alert.key)
    assert (receipt.sent, receipt.releases) == (True, message.notification.joined)


def test_event__carries_the_facts_the_next_step_and_the_way_out(run: Run, pager: PagerDutyEventsStandIn) -> None:
    sink_of(run, pager).send(a_message())
    details = pager.alerts[0].events[0]["payload"]["custom_details"]
    assert details["what"].startswith(f"Release {SHA[:12]} was deployed Mon 03 Jun 09:00 UTC; a new version of")
    assert details["action"].startswith("Data team: ship a new version of recommender")
    assert details["emergency"].startswith("Pull requests are blocked where the check is required. In an emergency, ")
    facts = {"model": "recommender", "needs": "a new version", "releases_waiting": "1", "first_release": SHA[:12]}
    facts |= {
        "deployed": "2024-06-03T09:00:00Z",
        "due": "2024-06-05T09:00:00Z",
        "owner": "data team",
        "urgency": "12 h overdue",
    }
    assert details.items() >= facts.items()
    assert details["alert"] == a_message().notification.alert.key


def test_key__is_a_digest_that_contains_no_text_from_outside() -> None:
    assert len(dedup_key("acme/shop/breach/<script>")) == 64
    assert dedup_key("a") != dedup_key("b")


@pytest.mark.parametrize(
    ("step", "events", "is_open"),
    [
        (AlertStep.UPDATE, 2, True),
        (AlertStep.ESCALATION, 2, True),
        (AlertStep.RECOVERY, 1, False),
        (AlertStep.REMINDER, 1, True),
        (AlertStep.WAIVER, 1, True),
    ],
)
def test_step__triggers_resolves_or_is_left_to_pagerduty(
    run: Run, pager: PagerDutyEventsStandIn, step: AlertStep, events: int, *, is_open: bool
) -> None:
    sink = sink_of(run, pager)
    sink.send(a_message())
    receipt = sink.send(a_message(step))
    (alert,) = pager.alerts
    assert (len(alert.events), alert.is_open) == (events, is_open)
    assert receipt.sent is (step not in (AlertStep.REMINDER, AlertStep.WAIVER))


def test_kinds__are_those_of_the_input(run: Run, pager: PagerDutyEventsStandIn) -> None:
    assert sink_of(run, pager, pagerduty_kinds="drift,breach").kinds == (AlertKind.DRIFT, AlertKind.BREACH)


def test_key__of_an_older_version_is_resolved(run: Run, pager: PagerDutyEventsStandIn) -> None:
    sink_of(run, pager).send(a_message(sent_as=("shop/breach/old",)))
    assert pager.resolves == [dedup_key("shop/breach/old")]


def test_change__becomes_a_change_event(run: Run, pager: PagerDutyEventsStandIn) -> None:
    change = ReleaseChange(key="shop/change/1", at=at(5), summary="shop: " + "x" * 2000, details={"type": "CODE"})
    sink_of(run, pager).send_change(change, LINKS.of_run)
    (event,) = pager.changes
    assert len(event["payload"]["summary"]) <= LONGEST_SUMMARY
    assert (event["payload"]["timestamp"], event["payload"]["source"]) == ("2024-06-03T14:00:00Z", "shop")
    assert event["payload"]["custom_details"] == {"type": "CODE"}
    assert pager.alerts == []


@pytest.mark.parametrize(
    "fault", [Answer(502), Reset(), EmptyBody(), Answer(202, {"status": "maybe"}), Answer(202, [])], ids=repr
)
def test_fault__that_is_transient_is_repeated_once(run: Run, pager: PagerDutyEventsStandIn, fault: Fault) -> None:
    pager.fail("/v2/enqueue", fault=fault)
    sink_of(run, pager).send(a_message())
    assert len(pager.alerts) == 1
    pager.fail("/v2/enqueue", times=None, fault=fault)
    pager.requests.clear()
    with pytest.raises(HarvestError) as problem:
        sink_of(run, pager).send(a_message())
    assert (problem.value.is_transient, len(pager.requests)) == (True, 2)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, FaultKind.REFUSED), (401, FaultKind.AUTH), (403, FaultKind.PERMISSION)]
)
def test_refusal__is_not_repeated_and_names_the_routing_key(
    run: Run, pager: PagerDutyEventsStandIn, status: int, kind: FaultKind
) -> None:
    # PagerDuty sends these headers with every answer: only a 429 means that the rate is limited.
    answer: Any = Answer(status, {"status": "invalid event"}, {"ratelimit-reset": "0"})
    pager.fail("/v2/enqueue", times=None, fault=answer)
    with pytest.raises(HarvestError, match=str(status)) as problem:
        sink_of(run, pager).send(a_message())
    assert problem.value.kind is kind
    assert "pagerduty-routing-key" in problem.value.hint
    assert ROUTING_KEY not in problem.value.advised
    assert len(pager.requests) == 1


def test_redirect__does_not_get_the_routing_key(run: Run, pager: PagerDutyEventsStandIn) -> None:
    with PagerDutyEventsStandIn() as elsewhere:
        pager.fail("/v2/enqueue", times=None, fault=Answer(307, b"", {"Location": f"{elsewhere.url}/v2/enqueue"}))
        with pytest.raises(HarvestError):
            sink_of(run, pager).send(a_message())
        assert elsewhere.requests == []


def test_event__of_three_thousand_characters_is_cut_and_its_key_holds_none_of_them(
    run: Run, pager: PagerDutyEventsStandIn
) -> None:
    message = a_message()
    text = replace(message.state, facts="x" * 3_000, summary="x" * 3_000)
    alert = replace(message.notification.alert, key="acme/shop/breach/" + "y" * 3_000)
    long = replace(message, state=text, notification=replace(message.notification, alert=alert))
    sink_of(run, pager).send(long)
    (received,) = pager.alerts
    assert len(received.summary) == LONGEST_SUMMARY == 1024
    assert len(received.dedup_key) <= 255
    assert set(received.dedup_key) <= set("0123456789abcdef")
