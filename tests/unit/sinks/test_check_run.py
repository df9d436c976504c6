"""The check runs that a run writes, against GitHub's REST API."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flowjoy.actions.event import RunEvent
from flowjoy.analysis.results import Results, analyse
from flowjoy.domain import Status
from flowjoy.errors import FaultKind, HarvestError
from flowjoy.report.checks import Annotation, Check
from flowjoy.sinks import check_run
from flowjoy.sinks.check_refusals import Refusals
from flowjoy.sinks.check_run import ANNOTATIONS_A_REQUEST, CheckRuns
from tests.builders import a_bundle, a_deploy, a_ship, at
from tests.fakes.faults import Edited
from tests.fakes.github import NOT_ACCESSIBLE, GitHubStandIn
from tests.fakes.http_base import Answer, Fault
from tests.unit.sinks.conftest import OTHER_SHA, SHA, Run, an_event, api_of, broken_promise, kept_promise

NAME = "FlowJoy / 48 h SLA"


def publish(
    run: Run, github: GitHubStandIn, results: Results, event: RunEvent | None = None, **inputs: str
) -> dict[str, str]:
    return dict(CheckRuns().publish(run.publication(results, event, **inputs), api_of(github)))


def said_of_commits(**changes: Any) -> Edited:
    """A GraphQL answer that says this of every commit."""

    def edit(body: Any) -> Any:
        for commit in body["data"]["repository"].values():
            commit.update(changes)
        return body

    return Edited(edit)


def checks(github: GitHubStandIn) -> list[dict[str, Any]]:
    return [check.fields for check in github.repository.check_runs.values()]


def test_check__is_created_on_the_commit_of_the_run(run: Run, github: GitHubStandIn) -> None:
    outputs = publish(run, github, broken_promise())
    (check,) = checks(github)
    assert (check["name"], check["head_sha"], check["conclusion"]) == (NAME, SHA, "failure")
    assert check["external_id"] == "flowjoy/shop/sla"
    assert check["details_url"] == "https://github.com/acme/shop/actions/runs/1"
    assert "/runs/" in outputs["check-url"]


def test_check__of_a_kept_promise_succeeds(run: Run, github: GitHubStandIn) -> None:
    publish(run, github, kept_promise())
    assert [check["conclusion"] for check in checks(github)] == ["success"]


def test_check__of_an_earlier_attempt_is_updated_and_not_doubled(run: Run, github: GitHubStandIn) -> None:
    publish(run, github, broken_promise())
    publish(run, github, kept_promise())
    assert [check["conclusion"] for check in checks(github)] == ["success"]


def test_check__that_was_created_although_the_answer_was_lost_is_not_doubled(run: Run, github: GitHubStandIn) -> None:
    publish(run, github, broken_promise())
    github.fail("GET /repos/acme/shop/commits", fault=Answer(200, {"total_count": 0, "check_runs": []}))
    github.fail("POST /repos/acme/shop/check-runs", fault=Answer(502))
    publish(run, github, broken_promise())
    assert len(checks(github)) == 1


def test_annotation__names_the_line_of_the_model_in_the_stub(run: Run, github: GitHubStandIn) -> None:
    publish(run, github, broken_promise())
    (check,) = github.repository.check_runs.values()
    (annotation,) = check.annotations
    assert (annotation["path"], annotation["start_line"], annotation["annotation_level"]) == (
        "flowjoy.json",
        3,
        "failure",
    )


def test_annotations__of_an_update_are_not_appended_to_the_existing_ones(run: Run, github: GitHubStandIn) -> None:
    publish(run, github, broken_promise())
    publish(run, github, broken_promise())
    (check,) = github.repository.check_runs.values()
    assert (check.updates, len(check.annotations)) == (1, 1)


def test_annotations__go_in_requests_of_fifty(run: Run, github: GitHubStandIn) -> None:
    remarks = tuple(Annotation(path="flowjoy.json", line=n + 1, level="failure", message="late") for n in range(120))
    check = Check(subject="sla", sha=SHA, conclusion="failure", title="t", summary="s", annotations=remarks)
    check_run._save(check, Refusals(publication=run.publication(broken_promise()), github=api_of(github)))
    (written,) = github.repository.check_runs.values()
    assert [item["start_line"] for item in written.annotations] == list(range(1, 121))
    sent = [request.json()["output"]["annotations"] for request in github.requests if request.method != "GET"]
    assert [len(part) for part in sent] == [ANNOTATIONS_A_REQUEST, ANNOTATIONS_A_REQUEST, 20]


def test_secrets__are_redacted_in_title_and_summary(run: Run, github: GitHubStandIn) -> None:
    check = Check(subject="sla", sha=SHA, conclusion="failure", title="hush", summary="hush")
    check_run._save(check, Refusals(publication=run.publication(broken_promise()), github=api_of(github)))
    assert "hush" not in str(checks(github))


def test_deployed__commits_get_a_check_without_annotations(run: Run, github: GitHubStandIn) -> None:
    publication = replace(run.publication(broken_promise()), deployed=(OTHER_SHA,))
    CheckRuns().publish(publication, api_of(github))
    written = {check.fields["head_sha"]: len(check.annotations) for check in github.repository.check_runs.values()}
    assert written == {SHA: 1, OTHER_SHA: 0}


def earlier_release(run: Run, github: GitHubStandIn) -> RunEvent:
    """Write the check of OTHER_SHA while its promise is open, and return a later push of SHA."""
    open_promise = analyse(a_bundle([a_deploy(0, OTHER_SHA)], until=at(10), terms={"sla_since": at(0)}))
    publish(run, github, open_promise, an_event(sha=OTHER_SHA))
    return an_event()


@pytest.mark.parametrize(("trusted", "updates"), [(True, 1), (False, 0)])
def test_earlier_check__is_settled_by_trusted_runs_only(
    run: Run, github: GitHubStandIn, *, trusted: bool, updates: int
) -> None:
    event = replace(earlier_release(run, github), trusted=trusted)
    later = analyse(
        a_bundle(
            [a_deploy(0, OTHER_SHA), a_deploy(20, SHA)], [a_ship(30, "7")], until=at(90), terms={"sla_since": at(0)}
        )
    )
    publish(run, github, later, event)
    (earlier,) = [check for check in github.repository.check_runs.values() if check.fields["head_sha"] == OTHER_SHA]
    assert earlier.updates == updates


def test_earlier_checks__are_read_with_that_of_the_run_by_one_query(run: Run, github: GitHubStandIn) -> None:
    shas = [SHA, *(f"{n:040x}" for n in range(1, 31))]
    for sha in shas[1:]:
        github.repository.add_commit(sha, at())
    results = analyse(
        a_bundle([a_deploy(n, sha) for n, sha in enumerate(shas)], until=at(100), terms={"sla_since": at(0)})
    )
    publish(run, github, results)
    # The open pull requests, a query, and the check of the run.
    assert [request.method for request in github.requests] == ["GET", "POST", "POST"]
    assert [check["head_sha"] for check in checks(github)] == [SHA]


@pytest.mark.parametrize(
    "fault",
    [Answer(502), said_of_commits(checkSuites={"totalCount": 21, "nodes": []}), said_of_commits(checkSuites=None)],
    ids=["no answer", "a part", "nothing"],
)
def test_earlier_checks__that_cannot_be_read_do_not_keep_the_run_from_finding_its_own(
    run: Run, github: GitHubStandIn, fault: Fault
) -> None:
    event = earlier_release(run, github)
    publish(run, github, broken_promise())
    github.fail("/graphql", times=None, fault=fault)
    later = analyse(a_bundle([a_deploy(0, OTHER_SHA), a_deploy(1, SHA)], until=at(90), terms={"sla_since": at(0)}))
    publish(run, github, later, event)
    assert {check.fields["head_sha"]: check.updates for check in github.repository.check_runs.values()} == {
        OTHER_SHA: 0,
        SHA: 1,
    }


def test_earlier_check__that_says_the_same_is_left_alone(run: Run, github: GitHubStandIn) -> None:
    event = earlier_release(run, github)
    later = analyse(a_bundle([a_deploy(0, OTHER_SHA)], [a_ship(30, "7")], until=at(90), terms={"sla_since": at(0)}))
    publish(run, github, later, event)
    publish(run, github, later, event)
    (earlier,) = [check for check in github.repository.check_runs.values() if check.fields["head_sha"] == OTHER_SHA]
    assert earlier.updates == 1


def test_name__of_another_service_on_the_commit_is_warned_of(run: Run, github: GitHubStandIn) -> None:
    publish(run, github, broken_promise(), service="web")
    publish(run, github, broken_promise(), service="shop")
    assert len(checks(github)) == 2
    assert "'web'" in run.warnings[-1]
    assert "check-name" in run.warnings[-1]


def test_name__is_chosen_by_the_inputs(run: Run, github: GitHubStandIn) -> None:
    publish(run, github, broken_promise(), check_name="Models", sla_hours="24")
    assert [check["name"] for check in checks(github)] == ["Models / 24 h SLA"]


def test_refusal__is_an_error_with_the_permissions_to_give(run: Run, github: GitHubStandIn) -> None:
    github.fail("/check-runs", times=None, fault=NOT_ACCESSIBLE)
    with pytest.raises(HarvestError) as problem:
        publish(run, github, broken_promise())
    assert problem.value.kind is FaultKind.PERMISSION
    assert "checks" in problem.value.hint
    assert [request.path.endswith("/check-runs") for request in github.requests] == [False, True]  # no second try


def test_event__without_a_commit_has_no_check(run: Run, github: GitHubStandIn) -> None:
    with pytest.raises(HarvestError, match="no commit"):
        publish(run, github, broken_promise(), an_event(sha=None))


@pytest.mark.matrix
def test_check__of_five_thousand_breaches_is_within_what_github_takes_and_begins_with_the_verdict(
    run: Run, github: GitHubStandIn
) -> None:
    models = tuple(f"model-{number}" for number in range(5))
    shas = [SHA, *(f"{n:040x}" for n in range(1, 1_000))]
    for sha in shas[1:]:
        github.repository.add_commit(sha, at())
    deploys = [a_deploy(n / 4, sha) for n, sha in enumerate(shas)]
    results = analyse(a_bundle(deploys, [], until=at(400), terms={"models": models}))
    assert results.count(Status.BREACHED) > 4_000
    publish(run, github, results)
    (check,) = (check for check in checks(github) if check["head_sha"] == SHA)
    assert check["conclusion"] == "failure"
    assert check["output"]["title"].startswith("5 models are overdue")
    assert check["output"]["summary"].splitlines()[2].startswith("❌ **5 models are overdue")
    assert len(check["output"]["summary"]) <= 65_535
    sent = [request.json()["output"] for request in github.requests if "check-runs" in request.path and request.body]
    assert all(len(output.get("annotations", ())) <= 50 for output in sent)
