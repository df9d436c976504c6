"""The one comment of a pull request, against GitHub's REST API."""

from __future__ import annotations

import pytest

from flowjoy.analysis.results import Results
from flowjoy.errors import HarvestError
from flowjoy.sinks.pull_request_comment import PullRequestComment, marker
from tests.builders import at
from tests.fakes.github import NOT_ACCESSIBLE, GitHubStandIn
from tests.fakes.http_base import Answer
from tests.unit.sinks.conftest import OTHER_SHA, SHA, Run, an_event, api_of, broken_promise, kept_promise


@pytest.fixture
def number(github: GitHubStandIn) -> int:
    return github.repository.add_pull_request(head_sha=OTHER_SHA, base_sha=SHA, created_at=at(1))


def publish(run: Run, github: GitHubStandIn, number: int | None, results: Results, **inputs: str) -> None:
    event = an_event(event="pull_request", pull_request=number, trusted=False, proposes=True)
    assert PullRequestComment().publish(run.publication(results, event, **inputs), api_of(github)) == {}


def bodies(github: GitHubStandIn, number: int) -> list[str]:
    return [comment.body for comment in github.repository.issues[number].comments]


def test_comment__of_a_broken_promise_begins_with_its_marker(run: Run, github: GitHubStandIn, number: int) -> None:
    publish(run, github, number, broken_promise())
    (body,) = bodies(github, number)
    assert body.startswith("<!-- flowjoy shop -->\n")
    assert "recommender" in body


def test_comment__is_updated_in_place(run: Run, github: GitHubStandIn, number: int) -> None:
    publish(run, github, number, broken_promise())
    (before,) = bodies(github, number)
    publish(run, github, number, kept_promise())
    (after,) = bodies(github, number)
    assert before != after


def test_comment__that_would_not_change_is_not_written(run: Run, github: GitHubStandIn, number: int) -> None:
    publish(run, github, number, broken_promise())
    github.requests.clear()
    publish(run, github, number, broken_promise())
    assert {request.method for request in github.requests} == {"GET"}


@pytest.mark.parametrize(("mode", "count"), [("changes", 0), ("always", 1), ("off", 0)])
def test_comment__without_news_is_written_in_the_mode_always_only(
    run: Run, github: GitHubStandIn, number: int, mode: str, count: int
) -> None:
    publish(run, github, number, kept_promise(), comment=mode)
    assert len(bodies(github, number)) == count


@pytest.mark.parametrize("mode", ["changes", "off"])
def test_comment__that_exists_is_kept_up_to_date_unless_off(
    run: Run, github: GitHubStandIn, number: int, mode: str
) -> None:
    publish(run, github, number, broken_promise())
    (before,) = bodies(github, number)
    publish(run, github, number, kept_promise(), comment=mode)
    assert (bodies(github, number) == [before]) is (mode == "off")


def test_comment__of_a_person_with_our_marker_is_never_edited(run: Run, github: GitHubStandIn, number: int) -> None:
    copied = f"{marker(run.publication(broken_promise()))}\nmine"
    github.repository.add_comment(number, copied, author="octo-dev")
    publish(run, github, number, broken_promise())
    assert bodies(github, number)[0] == copied
    assert len(bodies(github, number)) == 2


def test_comment__of_another_service_is_left_alone(run: Run, github: GitHubStandIn, number: int) -> None:
    publish(run, github, number, broken_promise(), service="web")
    publish(run, github, number, broken_promise(), service="shop")
    assert [body.partition("\n")[0] for body in bodies(github, number)] == [
        "<!-- flowjoy web -->",
        "<!-- flowjoy shop -->",
    ]


def test_comment__is_found_on_a_later_page(run: Run, github: GitHubStandIn, number: int) -> None:
    for index in range(150):
        github.repository.add_comment(number, f"remark {index}", author="octo-dev")
    publish(run, github, number, broken_promise())
    publish(run, github, number, kept_promise())
    assert len(bodies(github, number)) == 151


def test_comment__that_was_created_although_the_answer_was_lost_is_not_doubled(
    run: Run, github: GitHubStandIn, number: int
) -> None:
    publish(run, github, number, broken_promise())
    github.fail("GET /repos/acme/shop/issues", fault=Answer(200, []))
    github.fail("POST /repos/acme/shop/issues", fault=Answer(502))
    publish(run, github, number, broken_promise())
    assert len(bodies(github, number)) == 1


def test_marker__cannot_be_ended_by_the_name_of_the_service(run: Run) -> None:
    mark = marker(run.publication(broken_promise(), service="a --> b"))
    assert mark.count("-->") == 1


def test_secrets__are_redacted(run: Run, github: GitHubStandIn, number: int) -> None:
    publish(run, github, number, broken_promise(service="hush"), service="shop")
    assert "hush" not in bodies(github, number)[0]


def test_event__without_a_pull_request_asks_nothing(run: Run, github: GitHubStandIn) -> None:
    publish(run, github, None, broken_promise())
    assert github.requests == []


def test_refusal__is_an_error_with_the_permissions_to_give(run: Run, github: GitHubStandIn, number: int) -> None:
    github.fail("POST /repos/acme/shop/issues", times=None, fault=NOT_ACCESSIBLE)
    with pytest.raises(HarvestError) as problem:
        publish(run, github, number, broken_promise())
    assert "pull-requests: write" in problem.value.hint
