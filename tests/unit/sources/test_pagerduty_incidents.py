"""PagerDuty's incidents, over HTTP to a stand-in that pages, limits and refuses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flowjoy.clients import pagerduty as pagerduty_rest
from flowjoy.clients.transport import Budget, Transport
from flowjoy.domain import Incident
from flowjoy.errors import FaultKind, HarvestError
from flowjoy.sources.base import Clients, HarvestQuery, SourceResult
from flowjoy.sources.pagerduty_incidents import PagerDutyIncidents
from tests.builders import a_query, at, spans
from tests.fakes.faults import Edited, EmptyBody, Garbage, Meanwhile, Reset, Truncate
from tests.fakes.http_base import Answer, Fault
from tests.fakes.pagerduty import TOKEN, PagerDutyStandIn


@pytest.fixture
def pagerduty() -> Iterator[PagerDutyStandIn]:
    with PagerDutyStandIn() as stand_in:
        yield stand_in


def question(pagerduty: PagerDutyStandIn, **inputs: str) -> HarvestQuery:
    given = {"pagerduty_token": TOKEN, "pagerduty_api_url": pagerduty.url, **inputs}
    return a_query(Path("/nowhere"), **given)


def ask(pagerduty: PagerDutyStandIn, query: HarvestQuery | None = None, **inputs: str) -> SourceResult[Incident]:
    query = query or question(pagerduty, **inputs)
    source = PagerDutyIncidents()
    access = Clients(transport=Transport(Budget(30)), progress=lambda _: None)
    return source.parse(source.fetch(query, access), query)


def test_incident__is_told_whole(pagerduty: PagerDutyStandIn) -> None:
    pagerduty.add(at(1), at(3), title="Checkout is down", urgency="low")
    (incident,) = ask(pagerduty).records
    assert incident == Incident(
        id="incident:pagerduty:Q0001",
        source="pagerduty",
        service="Service PSHOP",
        start=at(1),
        end=at(3),
        title="Checkout is down",
        urgency="low",
        url="https://acme.pagerduty.com/incidents/Q0001",
    )


def test_open__has_no_end(pagerduty: PagerDutyStandIn) -> None:
    pagerduty.add(at(1), None)
    pagerduty.add(at(2), None, status="acknowledged")
    assert spans(ask(pagerduty).records) == [(1, None), (2, None)]


def test_pages__are_followed_to_the_end(pagerduty: PagerDutyStandIn) -> None:
    for number in range(250):
        pagerduty.add(at(number / 10), at(number / 10 + 1))
    assert len(ask(pagerduty).records) == 250
    assert pagerduty.count("GET", "/incidents") == 3


def test_none__is_believed_because_the_total_says_so(pagerduty: PagerDutyStandIn) -> None:
    assert ask(pagerduty).records == ()


@pytest.mark.matrix
@pytest.mark.parametrize(
    "fault",
    [
        Answer(429, {}, {"ratelimit-reset": "0"}),
        Truncate(0.5),
        EmptyBody(),
        Garbage(),
        Reset(),
        Answer(502),
        Answer(200, {}),
    ],
)
@pytest.mark.parametrize("page", [0, 1, 2])
def test_fault__in_passing_changes_nothing(pagerduty: PagerDutyStandIn, fault: Fault, page: int) -> None:
    for number in range(250):
        pagerduty.add(at(number / 10), at(number / 10 + 1))
    right = ask(pagerduty)
    pagerduty.fail("/incidents", skip=page, fault=fault)
    assert ask(pagerduty) == right


def test_faults__of_one_reading_together_change_nothing(pagerduty: PagerDutyStandIn) -> None:
    """Three pages, one refused for the rate, one cut short."""
    for number in range(250):
        pagerduty.add(at(number / 10), at(number / 10 + 1) if number % 9 else None)
    right = ask(pagerduty)
    asked = pagerduty.count("GET", "/incidents")
    pagerduty.fail("offset=100", fault=Answer(429, {}, {"ratelimit-reset": "0"}))
    pagerduty.fail("offset=200", fault=Truncate(0.5))
    assert ask(pagerduty) == right
    assert pagerduty.count("GET", "/incidents") == 2 * asked + 2


def test_rate__limit_is_waited_for_as_long_as_it_says(pagerduty: PagerDutyStandIn) -> None:
    pagerduty.fail("/incidents", fault=Answer(429, {}, {"ratelimit-reset": "1"}))
    begun = time.monotonic()
    ask(pagerduty)
    assert time.monotonic() - begun >= 1
    pagerduty.fail("/incidents", times=None, fault=Answer(429, {}, {"Retry-After": "3600"}))
    pagerduty.requests.clear()
    with pytest.raises(HarvestError):
        ask(pagerduty)
    assert len(pagerduty.requests) == 1


def test_refusal__in_the_middle_of_paging_is_not_asked_again_and_leaves_no_part(pagerduty: PagerDutyStandIn) -> None:
    for number in range(150):
        pagerduty.add(at(number), at(number + 1))
    pagerduty.fail("offset=100", times=None, fault=Answer(401))
    with pytest.raises(HarvestError, match="401"):
        ask(pagerduty)
    assert len(pagerduty.requests) == 2


def test_incident__that_begins_while_paging_is_neither_lost_nor_doubled(pagerduty: PagerDutyStandIn) -> None:
    for number in range(100):
        pagerduty.add(at(number), at(number + 1))
    pagerduty.fail("offset=0", fault=Meanwhile(lambda: pagerduty.add(at(2.5), at(3))))
    result = ask(pagerduty)
    assert len(result.records) in (100, 101)
    assert len({incident.start for incident in result.records}) == len(result.records)
    assert len(ask(pagerduty).records) == 101


@pytest.mark.parametrize(
    ("fault", "kind", "named"),
    [
        (Answer(401), FaultKind.AUTH, "pagerduty-token"),
        (Answer(403), FaultKind.PERMISSION, "403"),
        (Answer(429, {}, {"ratelimit-reset": "3600"}), FaultKind.RATE_LIMIT, " UTC (429)"),
        (Answer(429), FaultKind.RATE_LIMIT, "429"),
        (Answer(400), FaultKind.REFUSED, "pagerduty-services"),
        (Answer(503), FaultKind.OUTAGE, "status.pagerduty.com"),
        (Answer(302, b"", {"Location": "https://elsewhere.example"}), FaultKind.REFUSED, "302"),
        (Answer(200, {"incidents": []}), FaultKind.MALFORMED, "`more`"),
        (Answer(200, {"incidents": [], "more": True, "total": 0}), FaultKind.MALFORMED, ""),
        (
            Answer(200, {"incidents": [{"id": "Q1"}], "more": False, "total": 1}),
            FaultKind.MALFORMED,
            "`created_at` (incidents.0, id Q1)",
        ),
        (Answer(200, {"incidents": [], "more": False, "total": 7}), None, "0 of 7"),
    ],
)
def test_fault__for_ever_is_an_error_that_says_what_to_do(
    pagerduty: PagerDutyStandIn, fault: Fault, kind: FaultKind | None, named: str
) -> None:
    pagerduty.fail("/incidents", times=None, fault=fault)
    with pytest.raises(HarvestError) as problem:
        ask(pagerduty)
    assert (problem.value.kind, named in problem.value.advised) == (kind, True)
    assert TOKEN not in problem.value.advised


def test_list__that_repeats_itself_ends(pagerduty: PagerDutyStandIn) -> None:
    pagerduty.add(at(1), at(2))
    same = {"incidents": [pagerduty.entries[0].body], "more": True, "total": 200}
    pagerduty.fail("/incidents", times=None, fault=Answer(200, same))
    with pytest.raises(HarvestError, match="repeats itself"):
        ask(pagerduty)


def test_range__longer_than_allowed_is_split(pagerduty: PagerDutyStandIn) -> None:
    query = replace(question(pagerduty), since=at(-24 * 400))
    pagerduty.add(at(-24 * 399), at(-24 * 399 + 1))
    pagerduty.add(at(-24 * 200), at(-24 * 200 + 1))
    pagerduty.add(at(1), at(2))
    assert len(ask(pagerduty, query).records) == 3


def test_range__with_more_than_can_be_listed_is_split(
    pagerduty: PagerDutyStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagerduty_rest, "MAX_LISTED", 250)
    for number in range(400):
        pagerduty.add(at(number), at(number + 1))
    assert len(ask(pagerduty).records) == 400


def test_services__are_asked_for(pagerduty: PagerDutyStandIn) -> None:
    pagerduty.add(at(1), at(2), service="PSHOP")
    pagerduty.add(at(3), at(4), service="PCART")
    pagerduty.add(at(5), at(6), service="PBILL")
    assert spans(ask(pagerduty, pagerduty_services="PCART").records) == [(3, 4)]
    assert spans(ask(pagerduty, pagerduty_services="PSHOP,PBILL").records) == [(1, 2), (5, 6)]


def test_end__is_resolved_at_else_the_log_else_the_last_change(pagerduty: PagerDutyStandIn) -> None:
    pagerduty.add(at(1), at(2), logged_at=at(9), changed_at=at(10))
    pagerduty.add(at(3), at(4), says_resolved_at=False, logged_at=at(5), changed_at=at(10))
    pagerduty.add(at(6), at(7), says_resolved_at=False, changed_at=at(8))
    assert spans(ask(pagerduty).records) == [(1, 2), (3, 5), (6, 8)]


def test_urgency__of_the_pager_alone_counts_where_asked_for(pagerduty: PagerDutyStandIn) -> None:
    """Work items of low urgency make the figures worse: apache/devlake#8367."""
    pagerduty.add(at(1), at(2))
    pagerduty.add(at(3), at(74), urgency="low", title="renew a certificate")
    assert spans(ask(pagerduty).records) == [(1, 2), (3, 74)]
    asked = ask(pagerduty, pagerduty_urgency="high")
    assert spans(asked.records) == [(1, 2)]
    assert asked.notes == ("incidents left out: 1 of low urgency (see `pagerduty-urgency`)",)


def test_urgency__of_merged_incidents_is_the_highest_of_them(pagerduty: PagerDutyStandIn) -> None:
    parent = pagerduty.add(at(2), at(6), urgency="low")
    pagerduty.add(at(1), at(2.5), merged_into=parent)
    pagerduty.add(at(8), at(9), urgency="low", merged_into="Q0004")
    pagerduty.add(at(7), at(10), urgency="low")
    assert spans(ask(pagerduty, pagerduty_urgency="high").records) == [(1, 6)]


@pytest.mark.parametrize("urgency", [None, "", "severe"])
def test_urgency__that_pagerduty_does_not_tell_leaves_nothing_out(
    pagerduty: PagerDutyStandIn, urgency: str | None
) -> None:
    pagerduty.add(at(1), at(2), urgency=urgency)
    assert spans(ask(pagerduty, pagerduty_urgency="high").records) == [(1, 2)]


def test_merged__are_one_with_the_one_they_were_merged_into(pagerduty: PagerDutyStandIn) -> None:
    parent = pagerduty.add(at(2), at(6))
    child = pagerduty.add(at(1), at(2.5), merged_into=parent)
    pagerduty.add(at(3), at(3.5), merged_into=child)
    pagerduty.add(at(10), at(11))
    parsed = ask(pagerduty)
    assert spans(parsed.records) == [(1, 6), (10, 11)]
    assert parsed.notes == ("2 incidents merged into another one: counted with it",)


def test_children__are_part_of_their_parent(pagerduty: PagerDutyStandIn) -> None:
    parent = pagerduty.add(at(2), at(6))
    pagerduty.add(at(3), at(4), parent_incident={"id": parent})
    assert spans(ask(pagerduty).records) == [(2, 6)]


def test_merged__into_one_that_began_before_the_window_is_part_of_that_one(pagerduty: PagerDutyStandIn) -> None:
    """The merge, minutes after its start, is not its end: it would make the MTTR look good."""
    query = replace(question(pagerduty), since=at(0))
    parent = pagerduty.add(at(-5), at(9), says_resolved_at=False, logged_at=at(8))
    middle = pagerduty.add(at(-4), at(0.5), merged_into=parent)
    pagerduty.add(at(1), at(1.1), merged_into=middle)
    assert spans(ask(pagerduty, query).records) == [(-5, 8)]


def test_merged__into_one_of_a_service_that_is_not_asked_for_ends_with_that_one(pagerduty: PagerDutyStandIn) -> None:
    parent = pagerduty.add(at(2), None, service="PCART")
    pagerduty.add(at(1), at(2.1), service="PSHOP", merged_into=parent)
    assert spans(ask(pagerduty, pagerduty_services="PSHOP").records) == [(1, None)]


@pytest.mark.parametrize("status", [403, 404])
def test_merged__into_one_that_is_hidden_counts_alone_and_says_so(pagerduty: PagerDutyStandIn, status: int) -> None:
    for hours in (1, 3):
        pagerduty.add(at(hours), at(hours + 1), merged_into="QELSEWHERE")
    pagerduty.fail("/incidents/QELSEWHERE", times=None, fault=Answer(status))
    parsed = ask(pagerduty)
    assert spans(parsed.records) == [(1, 2), (3, 4)]
    assert parsed.notes == ("2 incidents merged into one that this token does not see: counted alone",)
    assert pagerduty.count("GET", "QELSEWHERE") == 1


@pytest.mark.parametrize("fault", [Answer(200, {}), Answer(500), Answer(401), Answer(200, {"incident": {"id": "Q1"}})])
def test_merged__into_one_that_cannot_be_read_is_an_error(pagerduty: PagerDutyStandIn, fault: Answer) -> None:
    pagerduty.add(at(1), at(2), merged_into="QELSEWHERE")
    pagerduty.fail("/incidents/QELSEWHERE", times=None, fault=fault)
    with pytest.raises(HarvestError, match="QELSEWHERE"):
        ask(pagerduty)


def test_parent__that_is_another_than_asked_for_is_not_believed(pagerduty: PagerDutyStandIn) -> None:
    pagerduty.add(at(1), at(2), merged_into="QELSEWHERE")
    pagerduty.fail("/incidents/QELSEWHERE", times=None, fault=Answer(200, {"incident": pagerduty.entries[0].body}))
    with pytest.raises(HarvestError, match="not the incident that was asked for"):
        ask(pagerduty)


def test_log__is_read_to_its_end(pagerduty: PagerDutyStandIn) -> None:
    pagerduty.add(at(1), at(2), says_resolved_at=False, logged_at=at(5))
    entry = pagerduty.entries[0]
    annotated = {"type": "annotate_log_entry", "created_at": "2024-06-03T09:00:00Z"}
    resolved_before = {"type": "resolve_log_entry", "created_at": "2024-06-03T10:30:00Z"}
    entry.log = [annotated] * 125 + [resolved_before] + [annotated] * 125 + entry.log
    assert spans(ask(pagerduty).records) == [(1, 5)]
    assert pagerduty.count("GET", "/log_entries") == 3


@pytest.mark.parametrize(
    "log",
    [
        {"log_entries": [{"type": "resolve_log_entry"}], "more": False},
        {"log_entries": []},
        {"log_entries": [], "more": True},
        {"log_entries": None, "more": False},
    ],
)
def test_log__of_another_shape_is_an_error_and_not_another_end(pagerduty: PagerDutyStandIn, log: object) -> None:
    pagerduty.add(at(1), at(2), says_resolved_at=False)
    pagerduty.fail("/log_entries", times=None, fault=Answer(200, log))
    with pytest.raises(HarvestError, match=r"the answer('s)? (lacks `|`log_entries` is not a list|shows none)"):
        ask(pagerduty)


def test_merged__in_a_circle_loses_nobody(pagerduty: PagerDutyStandIn) -> None:
    pagerduty.add(at(1), at(2), merged_into="Q0002")
    pagerduty.add(at(3), at(4), merged_into="Q0001")
    assert len(ask(pagerduty).records) == 2


def test_window__holds_its_first_and_its_last_instant(pagerduty: PagerDutyStandIn) -> None:
    query = replace(question(pagerduty), since=at(0))
    pagerduty.add(at(0), at(0))
    pagerduty.add(query.as_of, None)
    assert spans(ask(pagerduty, query).records) == [(0, 0), (21 * 24, None)]


def test_end__before_the_start_is_dropped_with_a_note(pagerduty: PagerDutyStandIn) -> None:
    pagerduty.add(at(3), at(1))
    parsed = ask(pagerduty)
    assert parsed.records == ()
    assert parsed.notes == ("incident:pagerduty:Q0001 ends before it starts: dropped",)


@pytest.mark.parametrize("when", ["yesterday", "2024-06-03T09:00:00", "1970-01-01T00:00:00Z", "9999-01-01T00:00:00Z"])
def test_time__that_cannot_be_is_named(pagerduty: PagerDutyStandIn, when: str) -> None:
    pagerduty.add(at(1), at(2))
    body = {**pagerduty.entries[0].body, "created_at": when}
    pagerduty.fail("/incidents", times=None, fault=Answer(200, {"incidents": [body], "more": False, "total": 1}))
    with pytest.raises(
        HarvestError, match=r"incident Q0001 carries a wrong time|`created_at` is not a timestamp .*, id Q0001\)"
    ):
        ask(pagerduty)


def test_listing__of_more_incidents_in_a_second_than_can_be_listed_is_refused(
    pagerduty: PagerDutyStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagerduty_rest, "MAX_LISTED", 101)
    for _ in range(3):
        pagerduty.add(at(1))
    with pytest.raises(HarvestError, match="more than 101 incidents in one second cannot be listed"):
        ask(pagerduty)


def test_log__without_an_end_is_refused(pagerduty: PagerDutyStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    pagerduty.add(at(1), at(3), says_resolved_at=False)
    entry = {"id": "R1", "type": "trigger_log_entry", "created_at": "2024-06-03T10:00:00Z"}
    monkeypatch.setattr(pagerduty_rest, "MAX_LISTED", 300)
    endless = Edited(lambda body: {**body, "log_entries": [entry], "more": True})
    pagerduty.fail("/log_entries", times=None, fault=endless)
    with pytest.raises(HarvestError, match="the log of incident Q0001 has no end"):
        ask(pagerduty)


def test_resolved__without_any_time_is_refused(pagerduty: PagerDutyStandIn) -> None:
    pagerduty.add(at(1), at(3), says_resolved_at=False, last_status_change_at=None)
    with pytest.raises(HarvestError, match="PagerDuty incident Q0001 does not say when it was resolved"):
        ask(pagerduty)


def test_token__is_needed(pagerduty: PagerDutyStandIn) -> None:
    query = question(pagerduty)
    without = replace(query, settings=replace(query.settings, pagerduty_token=None))
    with pytest.raises(HarvestError, match="PagerDuty cannot be read without a token"):
        ask(pagerduty, without)
