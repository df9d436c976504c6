"""The checks of open pull requests, which a trusted run keeps as red or green as the promise is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flowjoy.analysis.results import Results, analyse, with_gate
from flowjoy.domain import CoverageState, Decision, Status
from flowjoy.domain.gate_findings import GateFinding, GateLevel, MergeGate
from flowjoy.sinks.check_run import CheckRuns
from tests.builders import a_bundle, a_coverage, a_deploy, a_ship, at
from tests.fakes.github import NOT_ACCESSIBLE, GitHubStandIn
from tests.fakes.github_state import CheckRun
from tests.unit.sinks.conftest import OTHER_SHA, SHA, Run, an_event, api_of, broken_promise, kept_promise

OURS, NAME = "flowjoy/shop/sla", "FlowJoy / 48 h SLA"


@pytest.fixture
def pull(github: GitHubStandIn) -> int:
    return github.repository.add_pull_request(head_sha=OTHER_SHA, base_sha=SHA, created_at=at(1))


def judged_earlier(github: GitHubStandIn, conclusion: str, external_id: str = OURS, *, name: str = NAME) -> None:
    """The check that the pull request's own run wrote."""
    fields = {
        "name": name,
        "head_sha": OTHER_SHA,
        "status": "completed",
        "started_at": "2024-06-03T10:00:00Z",
        "conclusion": conclusion,
        "external_id": external_id,
        "output": {"title": "as it was", "summary": "as it was"},
    }
    github.repository.check_runs[7] = CheckRun(id=7, fields=fields)


def late(**changes: Any) -> Results:
    """A release that shipped 12 h late, an hour ago."""
    return analyse(a_bundle([a_deploy(0, SHA)], [a_ship(60, "7")], until=at(61), terms={"sla_since": at(0)}, **changes))


def publish(run: Run, github: GitHubStandIn, results: Results, **event: Any) -> dict[str, Any]:
    CheckRuns().publish(run.publication(results, an_event(**event)), api_of(github))
    (check,) = [one.fields for one in github.repository.check_runs.values() if one.fields["head_sha"] == OTHER_SHA]
    return check


@pytest.mark.parametrize("conclusion", ["neutral", "success"])
@pytest.mark.usefixtures("pull")
def test_open_pull_request__turns_red_once_a_model_is_overdue(run: Run, github: GitHubStandIn, conclusion: str) -> None:
    judged_earlier(github, conclusion)
    check = publish(run, github, broken_promise())
    assert (check["conclusion"], check["external_id"]) == ("failure", f"{OURS}/overdue")
    assert check["output"]["title"].startswith("Merging is blocked: recommender is ")
    assert "Your change did not cause it" in check["output"]["summary"]


@pytest.mark.usefixtures("pull")
def test_open_pull_request__turns_back_once_the_model_shipped(run: Run, github: GitHubStandIn) -> None:
    judged_earlier(github, "failure", f"{OURS}/overdue")
    check = publish(run, github, late())
    assert check["conclusion"] != "failure"
    assert check["external_id"] == OURS


@pytest.mark.parametrize("external_id", [OURS, f"{OURS}/7"])
@pytest.mark.usefixtures("pull")
def test_open_pull_request__stays_red_for_what_its_own_run_refused(
    run: Run, github: GitHubStandIn, external_id: str
) -> None:
    judged_earlier(github, "failure", external_id)
    assert publish(run, github, late())["output"]["title"] == "as it was"


@pytest.mark.usefixtures("pull")
@pytest.mark.parametrize(
    ("results", "trusted"),
    [
        (broken_promise(), False),
        (kept_promise(), True),
        (analyse(a_bundle([a_deploy(0, SHA)], until=at(60), terms={"sla_since": at(0), "enforce": False})), True),
    ],
    ids=["an untrusted run", "nothing was broken lately", "not enforced"],
)
def test_open_pull_request__is_left_alone_otherwise(
    run: Run, github: GitHubStandIn, results: Results, *, trusted: bool
) -> None:
    judged_earlier(github, "neutral")
    assert publish(run, github, results, trusted=trusted)["output"]["title"] == "as it was"


@pytest.mark.usefixtures("pull")
def test_open_pull_request__of_another_service_is_left_alone(run: Run, github: GitHubStandIn) -> None:
    judged_earlier(github, "neutral", "flowjoy/search/sla", name="FlowJoy search / 48 h SLA")
    assert publish(run, github, broken_promise())["output"]["title"] == "as it was"


@pytest.mark.parametrize(
    ("external_id", "name", "conclusion"),
    [(OURS, "FlowJoy / 24 h SLA", "neutral"), ("flowjoy/search/sla", NAME, "success")],
    ids=["of an earlier name", "of a renamed service"],
)
@pytest.mark.usefixtures("pull")
def test_open_pull_request__turns_red_and_back_under_the_name_that_its_check_has(
    run: Run, github: GitHubStandIn, external_id: str, name: str, conclusion: str
) -> None:
    judged_earlier(github, conclusion, external_id, name=name)
    names = {"FlowJoy / 24 h SLA": at(1), NAME: at(2)}
    for results, is_red in ((broken_promise(check_names=names), True), (late(check_names=names), False)):
        check = publish(run, github, results)
        assert (check["name"], check["conclusion"] == "failure") == (name, is_red)
    assert check["external_id"] == OURS


@pytest.mark.usefixtures("pull")
def test_open_pull_request__of_a_renamed_service_is_not_turned_back_for_another_one(
    run: Run, github: GitHubStandIn
) -> None:
    judged_earlier(github, "failure", "flowjoy/search/sla/overdue")
    assert publish(run, github, late())["output"]["title"] == "as it was"


def undecided(**changes: Any) -> Results:
    """A run that could not read the registry, 60 h after a deploy."""
    coverage = (a_coverage("code"), a_coverage("models", CoverageState.FAILED))
    return broken_promise(coverage=coverage, **changes)


@pytest.mark.usefixtures("pull")
def test_open_pull_request__turns_red_where_a_run_cannot_decide_and_a_deadline_has_passed(
    run: Run, github: GitHubStandIn
) -> None:
    judged_earlier(github, "neutral")
    check = publish(run, github, undecided())
    assert (check["conclusion"], check["external_id"]) == ("failure", f"{OURS}/overdue")
    assert check["output"]["title"].startswith("Could not decide: models")
    assert publish(run, github, late())["conclusion"] != "failure"


@pytest.mark.parametrize("conclusion", ["neutral", "failure"])
@pytest.mark.usefixtures("pull")
def test_open_pull_request__is_left_alone_where_a_run_cannot_decide_and_every_known_deadline_was_kept(
    run: Run, github: GitHubStandIn, conclusion: str
) -> None:
    judged_earlier(github, conclusion, f"{OURS}/overdue" if conclusion == "failure" else OURS)
    remembered = undecided(models=(a_ship(1, "7"),))
    assert remembered.verdict.decision is Decision.ERROR
    assert publish(run, github, remembered)["output"]["title"] == "as it was"


@pytest.mark.parametrize(
    "results",
    [
        analyse(a_bundle([a_deploy(0, SHA)], until=at(60), terms={"sla_since": at(1)}, blocked_at=at(55))),
        broken_promise(blocked_at=at(55), terms={"enforce": False}),
        kept_promise(blocked_at=at(55)),
    ],
    ids=["the promise begins later", "not enforced any more", "nothing was missed lately"],
)
@pytest.mark.usefixtures("pull")
def test_open_pull_request__turns_back_after_runs_that_blocked_it_whatever_ended_that(
    run: Run, github: GitHubStandIn, results: Results
) -> None:
    judged_earlier(github, "failure", f"{OURS}/overdue")
    assert publish(run, github, results)["conclusion"] != "failure"


@pytest.mark.usefixtures("pull")
def test_open_pull_requests__are_not_listed_unless_a_check_depends_on_them(run: Run, github: GitHubStandIn) -> None:
    judged_earlier(github, "neutral")
    publish(run, github, kept_promise())
    assert not [request for request in github.requests if request.path.endswith("/pulls")]


@pytest.mark.usefixtures("pull")
def test_closed_pull_request__is_left_alone(run: Run, github: GitHubStandIn, pull: int) -> None:
    github.repository.issues[pull].closed_at = "2024-06-03T11:00:00Z"
    judged_earlier(github, "neutral")
    assert publish(run, github, broken_promise())["output"]["title"] == "as it was"


@pytest.mark.usefixtures("pull")
def test_list_of_pull_requests__that_cannot_be_read_is_a_warning(run: Run, github: GitHubStandIn) -> None:
    judged_earlier(github, "neutral")
    github.fail("GET /repos/acme/shop/pulls", fault=NOT_ACCESSIBLE)
    assert publish(run, github, broken_promise())["output"]["title"] == "as it was"
    assert any("open pull requests keep the check of their own last run" in text for text in run.warnings)


@pytest.mark.usefixtures("pull")
def test_open_pull_request__is_not_red_for_what_the_run_refused_of_its_own_commit(
    run: Run, github: GitHubStandIn
) -> None:
    refusal = GateFinding(level=GateLevel.FAILURE, text="recommender: version 2 is not READY")
    judged_earlier(github, "neutral")
    check = publish(run, github, with_gate(late(), MergeGate(findings=(refusal,))))
    assert check["output"]["title"] == "as it was"


def branch_deployed(*ships: float, broken: bool = False) -> Results:
    """OTHER_SHA, the head of the pull request, was deployed from its branch; a later release may be overdue."""
    code = [a_deploy(0, OTHER_SHA), *([a_deploy(100, SHA)] if broken else [])]
    models = [a_ship(hours, str(number)) for number, hours in enumerate(ships, 7)]
    return analyse(a_bundle(code, models, until=at(150 if broken else 70), terms={"sla_since": at(0)}))


@pytest.mark.usefixtures("pull")
def test_open_pull_request__that_was_deployed_is_as_red_as_the_promise_in_every_run(
    run: Run, github: GitHubStandIn
) -> None:
    judged_earlier(github, "neutral")
    for _run in range(3):
        assert publish(run, github, branch_deployed(1, broken=True))["conclusion"] == "failure"
    fixed = analyse(
        a_bundle(
            [a_deploy(0, OTHER_SHA), a_deploy(100, SHA)],
            [a_ship(1, "7"), a_ship(151, "8")],
            until=at(152),
            terms={"sla_since": at(0)},
        )
    )
    assert publish(run, github, fixed)["conclusion"] != "failure"


@pytest.mark.parametrize("fault", [None, NOT_ACCESSIBLE], ids=["listed", "not readable"])
@pytest.mark.usefixtures("pull")
def test_open_pull_request__that_was_deployed_stays_red_for_what_its_own_run_found(
    run: Run, github: GitHubStandIn, fault: Any
) -> None:
    judged_earlier(github, "failure")
    if fault is not None:
        github.fail("GET /repos/acme/shop/pulls", fault=fault)
    assert publish(run, github, branch_deployed(1))["output"]["title"] == "as it was"


def test_release__that_is_not_to_be_merged_turns_green_once_it_is_settled(run: Run, github: GitHubStandIn) -> None:
    judged_earlier(github, "failure")
    check = publish(run, github, branch_deployed(1))
    assert (check["conclusion"], check["output"]["title"]) == ("success", "1 model shipped after 1 h")


@pytest.mark.usefixtures("pull")
def test_open_pull_request__that_shipped_late_is_not_blocked_by_it(run: Run, github: GitHubStandIn) -> None:
    judged_earlier(github, "success")
    assert publish(run, github, branch_deployed(60))["output"]["title"] == "as it was"
    own = an_event(event="pull_request", sha=OTHER_SHA, trusted=False, pull_request=1)
    CheckRuns().publish(replace(run.publication(branch_deployed(60), own), judged=own.asking), api_of(github))
    (check,) = (one.fields for one in github.repository.check_runs.values() if one.fields["head_sha"] == OTHER_SHA)
    assert check["conclusion"] == "success"


def test_release__that_shipped_late_stays_red_where_it_is_not_to_be_merged(run: Run, github: GitHubStandIn) -> None:
    judged_earlier(github, "neutral")
    assert publish(run, github, branch_deployed(60))["conclusion"] == "failure"
    assert publish(run, github, branch_deployed(60), sha=OTHER_SHA)["conclusion"] == "failure"


def test_promise__is_broken_in_these_examples() -> None:
    assert [item.status for item in broken_promise().obligations] == [Status.BREACHED]
    assert [item.status for item in late().obligations] == [Status.LATE]
