"""GitHub issues as incidents: opened, closed, opened again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flowjoy.domain import Incident
from flowjoy.errors import HarvestError
from flowjoy.sources.base import HarvestQuery, SourceResult
from flowjoy.sources.github_issues import GitHubIssues
from tests.builders import at, spans
from tests.fakes.aimed import Aimed
from tests.fakes.faults import Edited
from tests.fakes.github import GitHubStandIn
from tests.fakes.http_base import Answer
from tests.unit.sources.asking import a_question, access_to, api_of

LABEL = "incident"


def ask(github: GitHubStandIn, query: HarvestQuery | None = None) -> SourceResult[Incident]:
    query = query or a_question({"incident-label": LABEL})
    source = GitHubIssues()
    return source.parse(source.fetch(query, access_to(api_of(github))), query)


def test_issue__is_an_incident_from_opened_to_closed(github: GitHubStandIn) -> None:
    github.repository.add_issue(labels=[LABEL], created_at=at(1), closed_at=at(3), title="Checkout is down")
    github.repository.add_issue(labels=["bug"], created_at=at(1), closed_at=at(9))
    (incident,) = ask(github).records
    assert incident == Incident(
        id="incident:github:1",
        source="github",
        service="shop",
        start=at(1),
        end=at(3),
        title="Checkout is down",
        url="https://github.com/acme/shop/issues/1",
    )


@pytest.mark.parametrize(
    ("moves", "end"),
    [
        ([], None),
        ([("closed", 3)], 3),
        ([("closed", 3), ("reopened", 4)], None),
        ([("closed", 3), ("reopened", 4), ("closed", 7)], 7),
        ([("closed", 3), ("reopened", 7), ("closed", 7)], 7),
        ([("closed", 7), ("reopened", 7)], None),
    ],
)
def test_issue__opened_again_is_over_when_it_is_closed_at_last(
    github: GitHubStandIn, moves: list[tuple[str, float]], end: float | None
) -> None:
    result = [(name, at(hours)) for name, hours in moves]
    github.repository.add_issue(labels=[LABEL], created_at=at(1), moves=result)
    assert spans(ask(github).records) == [(1, end)]


def test_issue__is_sent_as_it_was_at_as_of(github: GitHubStandIn) -> None:
    moves = [("closed", at(3)), ("reopened", at(4)), ("closed", at(7))]
    github.repository.add_issue(labels=[LABEL], created_at=at(1), moves=moves)
    github.repository.add_issue(labels=[LABEL], created_at=at(8))
    query = a_question({"incident-label": LABEL})
    assert [spans(ask(github, replace(query, as_of=at(hours))).records) for hours in (2, 3.5, 5, 7.5)] == [
        [(1, None)],
        [(1, 3)],
        [(1, None)],
        [(1, 7)],
    ]


@pytest.mark.parametrize(("closed_as", "said"), [("NOT_PLANNED", "not planned"), ("DUPLICATE", "duplicate")])
def test_issue__closed_as_no_incident_is_left_out_and_counted(github: GitHubStandIn, closed_as: str, said: str) -> None:
    """The exporter of pelorus#1097 shows the reason, and counts every closed issue."""
    github.repository.add_issue(labels=[LABEL], created_at=at(1), closed_at=at(3))
    for hours in (4, 5):
        github.repository.add_issue(labels=[LABEL], created_at=at(4), closed_at=at(hours + 2), closed_as=closed_as)
    parsed = ask(github)
    assert spans(parsed.records) == [(1, 3)]
    assert parsed.notes == (f"incidents left out: 2 closed as {said}",)


@pytest.mark.parametrize("closed_as", ["NOT_PLANNED", "DUPLICATE"])
def test_issue__opened_again_after_it_was_closed_as_no_incident_is_open(github: GitHubStandIn, closed_as: str) -> None:
    moves = [("closed", at(3)), ("reopened", at(4))]
    github.repository.add_issue(labels=[LABEL], created_at=at(1), moves=moves, closed_as=closed_as)
    parsed = ask(github)
    assert (spans(parsed.records), parsed.notes) == ([(1, None)], ())


def test_issue__that_is_closed_as_not_planned_later_was_open_at_as_of(github: GitHubStandIn) -> None:
    github.repository.add_issue(labels=[LABEL], created_at=at(1), closed_at=at(9), closed_as="NOT_PLANNED")
    query = a_question({"incident-label": LABEL})
    assert spans(ask(github, replace(query, as_of=at(5))).records) == [(1, None)]
    assert ask(github, replace(query, as_of=at(10))).records == ()


@pytest.mark.parametrize(
    "refusal",
    [
        "Field 'stateReason' doesn't accept argument 'enableDuplicate'",
        "Field 'stateReason' doesn't exist on type 'ClosedEvent'",
    ],
)
def test_issues__of_a_server_that_does_not_know_the_reason_are_read_without(
    github: GitHubStandIn, refusal: str
) -> None:
    github.repository.add_issue(labels=[LABEL], created_at=at(1), closed_at=at(3), closed_as="NOT_PLANNED")
    refused = Aimed(lambda request: b"stateReason" in request.body, Answer(200, {"errors": [{"message": refusal}]}))
    github.fail("/graphql", times=None, fault=refused)
    parsed = ask(github)
    assert spans(parsed.records) == [(1, 3)]
    assert "does not say why an issue was closed" in parsed.notes[0]


def test_issues__of_many_pages_are_all_read(github: GitHubStandIn) -> None:
    for number in range(230):
        github.repository.add_issue(labels=[LABEL], created_at=at(number / 10), closed_at=at(number / 10 + 1))
    assert len(ask(github).records) == 230


def test_issues__from_before_the_window_are_no_incidents_of_it(github: GitHubStandIn) -> None:
    for hours in (-1, 0, 1):
        github.repository.add_issue(labels=[LABEL], created_at=at(hours))
    query = a_question({"incident-label": LABEL})
    assert spans(ask(github, replace(query, since=at(0))).records) == [(0, None), (1, None)]


def test_label__that_is_not_there_is_an_error_and_not_emptiness(github: GitHubStandIn) -> None:
    github.repository.add_issue(labels=["incidents"], created_at=at(1))
    with pytest.raises(HarvestError, match="no label 'incident'") as problem:
        ask(github)
    assert problem.value.hint == "check incident-label"


def test_pull_requests__are_no_incidents(github: GitHubStandIn) -> None:
    github.repository.add_issue(labels=[LABEL], created_at=at(1), closed_at=at(2))
    github.repository.add_pull_request(head_sha="a" * 40, base_sha="b" * 40, labels=[LABEL])
    assert spans(ask(github).records) == [(1, 2)]


@pytest.mark.parametrize(
    "fault",
    [
        Answer(200, {"data": {"repository": {}}}),
        Answer(200, {"data": {"repository": {"label": {"id": "x"}, "issues": None}}}),
        Edited(lambda body: body["data"]["repository"]["issues"]["nodes"][0].pop("timelineItems") and body),
        Edited(lambda body: body["data"]["repository"]["issues"].update(nodes=[]) or body),
    ],
)
def test_answer__of_another_shape_is_an_error(github: GitHubStandIn, fault: Answer | Edited) -> None:
    github.repository.add_issue(labels=[LABEL], created_at=at(1), closed_at=at(2))
    github.fail("/graphql", times=None, fault=fault)
    with pytest.raises(HarvestError, match="GitHub issues"):
        ask(github)


def test_closed_issue__without_the_reason_that_was_asked_for_is_refused(github: GitHubStandIn) -> None:
    github.repository.add_issue(labels=[LABEL], created_at=at(1), closed_at=at(2))

    def edit(body: Any) -> Any:
        for event in body["data"]["repository"]["issues"]["nodes"][0]["timelineItems"]["nodes"]:
            event.pop("stateReason", None)
        return body

    github.fail("/graphql", times=None, fault=Edited(edit))
    with pytest.raises(HarvestError, match="does not say why an issue was closed"):
        ask(github)
