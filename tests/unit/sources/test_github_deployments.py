"""GitHub's deployments, read by the real PyGithub over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from flowjoy.analysis.timeline import timeline
from flowjoy.clients import github_deployments
from flowjoy.domain import CodeRecord, Note, NoteLevel, Outcome
from flowjoy.errors import HarvestError
from flowjoy.ledger.memory import MEMORY
from flowjoy.sources.base import HarvestQuery, SourceResult
from flowjoy.sources.github_deployments import GitHubDeployments
from tests.builders import SERVICE, at
from tests.fakes.aimed import Aimed, query_of, said
from tests.fakes.faults import Edited, Meanwhile
from tests.fakes.github import NOT_ACCESSIBLE, GitHubStandIn
from tests.fakes.http_base import Answer
from tests.unit.sources.asking import A, B, C, a_question, api_of, ask

FIRST_PAGE = query_of("FlowJoyDeployments", first_page=True)
LATER_PAGE = query_of("FlowJoyDeployments", first_page=False)
STATUSES = query_of("FlowJoyStatuses")


def deployed(github: GitHubStandIn, query: HarvestQuery | None = None) -> tuple[CodeRecord, ...]:
    return ask(GitHubDeployments(), api_of(github), query).records


def events_of(records: tuple[CodeRecord, ...]) -> int:
    return len(timeline(records, (), service=SERVICE, until=at(24 * 21)))


def add_many(github: GitHubStandIn, count: int, *, first: datetime | None = None) -> set[str]:
    """Successful deployments a minute apart, each of a sha of its own."""
    begun = first or at()
    stamps = [begun + timedelta(minutes=n) for n in range(count)]
    shas = [f"{n:040x}" for n in range(count)]
    for sha, when in zip(shas, stamps, strict=True):
        github.repository.add_deployment(sha=sha, created_at=when, statuses=[("success", when)])
    return set(shas)


def test_time__is_the_first_success_never_updated_at_and_inactive_later_changes_nothing(github: GitHubStandIn) -> None:
    states = [("queued", at()), ("in_progress", at(1)), ("success", at(2)), ("inactive", at(30)), ("success", at(40))]
    number = github.repository.add_deployment(sha=A, created_at=at(), statuses=states)
    (record,) = deployed(github)
    assert github.repository.deployments[number].updated_at == "2024-06-05T01:00:00Z"
    assert (record.id, record.sha, record.shipped_at, record.outcome) == (
        f"deployment:{number}",
        A,
        at(2),
        Outcome.SUCCESS,
    )


@pytest.mark.parametrize(
    "states", [["failure"], ["error"], ["in_progress"], ["queued", "failure", "inactive"], ["waiting"], []]
)
def test_event__without_a_success_there_is_none(github: GitHubStandIn, states: list[str]) -> None:
    statuses = [(state, at(n)) for n, state in enumerate(states)]
    github.repository.add_deployment(sha=A, created_at=at(), statuses=statuses)
    records = deployed(github)
    assert [record.outcome for record in records] == [Outcome.FAILED]
    assert events_of(records) == 0


def test_event__a_success_after_as_of_has_not_happened_yet(github: GitHubStandIn) -> None:
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("in_progress", at()), ("success", at(3))])
    assert events_of(deployed(github, a_question(as_of=at(2)))) == 0
    assert events_of(deployed(github, a_question(as_of=at(3)))) == 1


def test_fold__matrix_jobs_and_reruns_of_a_run_are_one_event_at_the_earliest_success(github: GitHubStandIn) -> None:
    shop = github.repository
    shop.add_deployment(sha=A, created_at=at(), statuses=[("failure", at(1))], run_id=7)
    shop.add_deployment(sha=A, created_at=at(), statuses=[("success", at(3))], run_id=7)
    first = shop.add_deployment(sha=A, created_at=at(), statuses=[("success", at(2))], run_id=7)
    (record,) = deployed(github)
    assert (record.id, record.shipped_at, record.run_id) == (f"deployment:{first}", at(2), "7")
    assert record.url == "https://github.com/acme/shop/actions/runs/7"


def test_fold__other_runs_other_shas_and_deployments_without_a_run_stay_apart(github: GitHubStandIn) -> None:
    for sha, run_id in ((A, 7), (A, 8), (B, 7), (A, None), (A, None)):
        github.repository.add_deployment(sha=sha, created_at=at(), statuses=[("success", at(1))], run_id=run_id)
    assert len(deployed(github)) == 5


def test_statuses__more_than_20_are_all_read_and_the_oldest_success_is_found(github: GitHubStandIn) -> None:
    states = [("success", at()), *(("inactive" if n % 2 else "success", at(n)) for n in range(1, 25))]
    github.repository.add_deployment(sha=A, created_at=at(), statuses=states)
    (record,) = deployed(github)
    assert (record.shipped_at, len(github.requests)) == (at(), 2)


def test_statuses__of_several_pages_are_all_read(github: GitHubStandIn) -> None:
    states = [("success", at()), *(("in_progress", at(0, minutes=n)) for n in range(1, 130))]
    github.repository.add_deployment(sha=A, created_at=at(), statuses=states)
    (record,) = deployed(github)
    assert (record.shipped_at, len(github.requests)) == (at(), 3)


@pytest.mark.parametrize(("count", "requests"), [(100, 1), (150, 1), (250, 2), (400, 3), (550, 3)])
def test_pages__are_read_from_both_ends_until_they_meet(github: GitHubStandIn, count: int, requests: int) -> None:
    shas = add_many(github, count)
    assert {record.sha for record in deployed(github)} == shas
    assert [(request.method, request.path) for request in github.requests] == [("POST", "/graphql")] * requests


@pytest.mark.parametrize(
    "oldest", [lambda nodes: nodes[::-1], lambda _: []], ids=["in another order", "without the oldest end"]
)
def test_pages__are_read_from_the_newest_end_alone_where_the_other_one_is_not_shown(
    github: GitHubStandIn, oldest: Callable[[list[Any]], list[Any]]
) -> None:
    shas = add_many(github, 250)

    def edit(body: Any) -> Any:
        shown = body["data"]["repository"]
        if shown.get("oldest"):
            shown["oldest"]["nodes"] = oldest(shown["oldest"]["nodes"])
        return body

    github.fail("/graphql", times=None, fault=Edited(edit))
    assert {record.sha for record in deployed(github)} == shas
    assert len(github.requests) == 3


def test_pages__that_count_fewer_than_there_are_are_read_until_they_meet(github: GitHubStandIn) -> None:
    shas = add_many(github, 450)

    def edit(body: Any) -> Any:
        for name in ("deployments", "oldest"):
            if body["data"]["repository"].get(name):
                body["data"]["repository"][name]["totalCount"] = 200
        return body

    github.fail("/graphql", times=None, fault=Edited(edit))
    assert {record.sha for record in deployed(github)} == shas


def test_pages__end_at_the_horizon_even_where_both_ends_meet_before_it(github: GitHubStandIn) -> None:
    add_many(github, 120, first=at(24 * 21) - MEMORY - timedelta(days=9))
    add_many(github, 20)
    assert len(deployed(github)) == 100


def test_pages__end_at_the_horizon(github: GitHubStandIn) -> None:
    add_many(github, 250, first=at(24 * 21) - MEMORY - timedelta(days=9))
    add_many(github, 20)
    assert len(deployed(github)) == 100
    assert len(github.requests) == 1


def test_environment__without_a_deployment_names_those_that_there_are(github: GitHubStandIn) -> None:
    for name in ("prod-eu", "staging", "staging"):
        github.repository.add_deployment(sha=A, created_at=at(), environment=name, statuses=[("success", at())])
    with pytest.raises(HarvestError, match="none in the environment 'production'") as problem:
        deployed(github)
    assert problem.value.hint == "set environment to one of: prod-eu, staging"


@pytest.mark.parametrize("wanted", ["production", "prod*", "Production"])
def test_environment__that_github_lists_waits_for_its_first_deployment(github: GitHubStandIn, wanted: str) -> None:
    # actions/runner#2120: an environment is kept for its rules and secrets, apart from what was deployed to it.
    github.repository.add_deployment(sha=A, created_at=at(), environment="staging", statuses=[("success", at())])
    github.repository.environments = {"production"}
    parsed = ask(GitHubDeployments(), api_of(github), a_question({"environment": wanted}))
    assert parsed.records == ()
    assert parsed.notes == (
        "no deployment yet in production, an environment of this repository; others are in staging",
    )


def test_environment__that_is_listed_in_another_case_is_the_one_asked_for(github: GitHubStandIn) -> None:
    # pypi/warehouse#13576, github/lock#70: names of environments are not case-sensitive.
    github.repository.add_deployment(sha=A, created_at=at(), environment="staging", statuses=[("success", at())])
    github.repository.environments = {"Production", "production-eu"}
    assert ask(GitHubDeployments(), api_of(github), a_question()).notes[0].startswith("no deployment yet in Production")


@pytest.mark.parametrize("wanted", ["production", "PRODUCTION", "prod*"])
def test_environment__in_another_case_is_the_same_one(github: GitHubStandIn, wanted: str) -> None:
    for sha, when, name in ((A, at(), "production"), (B, at(1), "Production"), (A, at(2), "Production")):
        github.repository.add_deployment(sha=sha, created_at=when, environment=name, statuses=[("success", when)])
    records = deployed(github, a_question({"environment": wanted}))
    assert [record.sha for record in sorted(records, key=lambda record: record.shipped_at)] == [A, B, A]


@pytest.mark.parametrize(
    ("wanted", "wrong"),
    [
        ("production-eu,production-usa", "production-usa"),
        ("production-eu,production-us*x", "production-us*x"),
        ("production-eu production-us,production-eu", "production-eu production-us"),
    ],
)
def test_environment__of_several_that_matches_nothing_is_refused(
    github: GitHubStandIn, wanted: str, wrong: str
) -> None:
    for sha, name in ((A, "production-eu"), (B, "production-us"), (C, "staging")):
        github.repository.add_deployment(sha=sha, created_at=at(), environment=name, statuses=[("success", at())])
    with pytest.raises(HarvestError, match=f"none in the environment {re.escape(repr(wrong))}") as problem:
        deployed(github, a_question({"environment": wanted}))
    assert problem.value.hint == f"set environment to one of: production-us, staging; or leave {wrong} out"


def test_environment__of_several_that_github_lists_or_a_ledger_remembers_may_have_no_deployment(
    github: GitHubStandIn,
) -> None:
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("success", at())])
    github.repository.environments = {"Production-EU"}
    assert [record.sha for record in deployed(github, a_question({"environment": "production,production-eu"}))] == [A]
    github.requests.clear()
    known = a_question({"environment": "production,production-us"}, known_environments=frozenset({"production-us"}))
    assert [record.sha for record in deployed(github, known)] == [A]
    assert len(github.requests) == 1


def test_environment__whose_deployments_went_on_to_another_one_is_told_so(github: GitHubStandIn) -> None:
    states: list[Any] = [("success", at(1)), ("success", at(20), None, "production")]
    github.repository.add_deployment(sha=A, created_at=at(), environment="staging", statuses=states)
    with pytest.raises(HarvestError, match="'staging' went on to another one: production") as problem:
        deployed(github, a_question({"environment": "staging"}))
    assert problem.value.hint == "set environment to production"


def test_environment__whose_deployments_an_answer_hides_behind_newer_ones_is_refused(github: GitHubStandIn) -> None:
    github.repository.add_deployment(sha=A, created_at=at(-99), statuses=[("success", at(-99))])
    for n in range(120):
        github.repository.add_deployment(sha=B, created_at=at(n), environment="staging", statuses=[("success", at(n))])
    hide = said("deployments", nodes=[], totalCount=0, pageInfo={"hasNextPage": False, "endCursor": None})
    github.fail("/graphql", times=1, fault=hide)
    with pytest.raises(HarvestError, match="there are deployments, but none in the environment"):
        deployed(github)


def test_environment__only_its_own_deployments_count(github: GitHubStandIn) -> None:
    for name, sha in (("production", A), ("staging", B)):
        github.repository.add_deployment(sha=sha, created_at=at(), environment=name, statuses=[("success", at())])
    assert [record.sha for record in deployed(github)] == [A]
    assert [record.sha for record in deployed(github, a_question({"environment": "staging"}))] == [B]


def test_empty__is_believed_when_a_second_answer_says_that_there_is_none_in_any_environment(
    github: GitHubStandIn,
) -> None:
    assert deployed(github) == ()
    environments = [request.json()["variables"]["environments"] for request in github.requests]
    assert environments == [["PRODUCTION", "Production", "production"], None]


def test_empty__an_empty_page_that_hides_deployments_is_refused(github: GitHubStandIn) -> None:
    add_many(github, 2)
    hide = said("deployments", nodes=[], totalCount=0, pageInfo={"hasNextPage": False, "endCursor": None})
    github.fail("/graphql", times=1, fault=hide)
    with pytest.raises(HarvestError, match="there are deployments, but none in the environment"):
        deployed(github)


def of_this_run(**changes: Any) -> HarvestQuery:
    return a_question(run_id="77", sha=A, **changes)


@pytest.mark.parametrize("states", [["queued"], ["queued", "waiting"], ["waiting"], ["pending"]])
def test_provisional__the_deployment_of_this_very_run_counts_from_now(github: GitHubStandIn, states: list[str]) -> None:
    statuses = [(state, at(n)) for n, state in enumerate(states)]
    github.repository.add_deployment(sha=A, created_at=at(), statuses=statuses, run_id=77)
    (record,) = deployed(github, of_this_run(as_of=at(5)))
    assert (record.outcome, record.shipped_at) == (Outcome.PROVISIONAL, at(5))


def test_provisional__not_by_the_commit_alone(github: GitHubStandIn) -> None:
    # vercel/vercel#3412: a deployment by another system stays under way, for the commit that this run was started at.
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("queued", at()), ("in_progress", at(1))])
    (record,) = deployed(github, of_this_run())
    assert (record.outcome, record.under_way) == (Outcome.FAILED, True)


def test_provisional__by_the_deployment_whose_event_made_the_run(github: GitHubStandIn) -> None:
    ours = github.repository.add_deployment(sha=A, created_at=at())
    github.repository.add_deployment(sha=A, created_at=at())
    result = {record.id: record.outcome for record in deployed(github, of_this_run(own_deployment=ours))}
    assert result == {f"deployment:{ours}": Outcome.PROVISIONAL, f"deployment:{ours + 1}": Outcome.FAILED}


def test_provisional__not_by_sha_where_the_run_is_known_to_be_another(github: GitHubStandIn) -> None:
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("in_progress", at())], run_id=76)
    assert [record.outcome for record in deployed(github, of_this_run())] == [Outcome.FAILED]


@pytest.mark.parametrize("last", ["failure", "error", "inactive"])
def test_provisional__not_one_that_failed_even_in_the_same_second(github: GitHubStandIn, last: str) -> None:
    statuses = [("queued", at()), ("in_progress", at()), (last, at())]
    github.repository.add_deployment(sha=A, created_at=at(), statuses=statuses, run_id=77)
    assert [record.outcome for record in deployed(github, of_this_run())] == [Outcome.FAILED]


def test_provisional__never_one_that_has_succeeded(github: GitHubStandIn) -> None:
    statuses = [("success", at(1)), ("in_progress", at(2))]
    github.repository.add_deployment(sha=A, created_at=at(), statuses=statuses, run_id=77)
    (record,) = deployed(github, of_this_run())
    assert (record.outcome, record.shipped_at) == (Outcome.SUCCESS, at(1))


def test_own_job__that_is_still_deploying_is_refused(github: GitHubStandIn) -> None:
    statuses = [("queued", at()), ("in_progress", at())]
    number = github.repository.add_deployment(sha=A, created_at=at(), statuses=statuses, run_id=77)
    with pytest.raises(HarvestError, match=f"the job that makes deployment {number} is still running") as problem:
        deployed(github, of_this_run(as_of=at(5)))
    assert "a job of its own" in problem.value.hint


@pytest.mark.parametrize(
    ("other", "runner", "refused"),
    [("in_progress", None, False), ("completed", None, True), ("in_progress", "deploying", True)],
    ids=["FlowJoy in another job", "the only job that runs", "the runner of the job that deploys"],
)
def test_own_job__is_known_from_the_jobs_of_the_run_and_its_runner(
    github: GitHubStandIn, other: str, runner: str | None, *, refused: bool
) -> None:
    run = github.repository.add_run(sha=A, created_at=at(), status="in_progress", conclusion=None)
    deploying = github.repository.add_job(run, "deploy-us", None)
    github.repository.add_job(run, "promise", None if other == "in_progress" else at())
    address = f"https://github.com/acme/shop/actions/runs/{run}/job/{deploying}"
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("in_progress", at(), address)])
    name = f"GitHub Actions {deploying}" if runner else "unknown"
    query = a_question(run_id=str(run), sha=A, runner_name=name)
    if refused:
        with pytest.raises(HarvestError, match="is still running"):
            deployed(github, query)
    else:
        assert [record.outcome for record in deployed(github, query)] == [Outcome.PROVISIONAL]


def annotated(github: GitHubStandIn, title: str | None = "FlowJoy") -> None:
    """The job of the fake's log addresses holds an annotation of that title."""
    github.repository.job_annotations[1] = [{"title": None}, {"title": title}]


def test_hidden__a_deployment_whose_job_failed_after_flowjoy_ran_counts_from_the_begin_of_the_job(
    github: GitHubStandIn,
) -> None:
    statuses = [("queued", at()), ("in_progress", at(1)), ("failure", at(3))]
    github.repository.add_deployment(sha=A, created_at=at(), statuses=statuses, run_id=77)
    annotated(github)
    (record,) = deployed(github)
    assert (record.outcome, record.shipped_at) == (Outcome.SUCCESS, at(1))


@pytest.mark.parametrize("title", ["flowjoy", "", None, "FlowJoy and more"])
def test_hidden__not_without_an_annotation_of_flowjoy(github: GitHubStandIn, title: str | None) -> None:
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("failure", at(3))], run_id=77)
    annotated(github, title)
    assert [record.outcome for record in deployed(github)] == [Outcome.FAILED]


def test_hidden__a_failure_before_a_success_whose_deadline_is_over_costs_no_request(github: GitHubStandIn) -> None:
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("failure", at())], run_id=76)
    github.repository.add_deployment(sha=B, created_at=at(1), statuses=[("success", at(1))], run_id=77)
    github.fail("/check-runs/1/annotations", times=None, fault=NOT_ACCESSIBLE)
    assert len(deployed(github, a_question(as_of=at(49)))) == 2
    with pytest.raises(HarvestError):
        deployed(github, a_question(as_of=at(48.9)))


@pytest.mark.parametrize("change", [{"title": 7}, {}])
def test_hidden__an_annotation_without_a_title_is_a_malformed_answer(
    github: GitHubStandIn, change: dict[str, Any]
) -> None:
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("failure", at(3))], run_id=77)
    github.repository.job_annotations[1] = [change]
    with pytest.raises(HarvestError, match="annotations"):
        deployed(github)


def parsed(github: GitHubStandIn, query: HarvestQuery | None = None) -> SourceResult[CodeRecord]:
    return ask(GitHubDeployments(), api_of(github), query)


PULLED = "1 deployment for a pull request: left out"


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "merged"])
def test_ref__a_deployment_of_a_pull_request_is_left_out_and_counted(github: GitHubStandIn, *, is_open: bool) -> None:
    # npm/action-deploy#41: GitHub writes refs/pull/1654/merge. Once the pull request is closed, GraphQL has no ref.
    shop = github.repository
    number = shop.add_pull_request(head_sha=B, base_sha=A, closed_at=None if is_open else at(5))
    shop.add_deployment(sha=A, created_at=at(), statuses=[("success", at(1))])
    pulled = shop.add_deployment(
        sha=B, created_at=at(2), statuses=[("success", at(3))], ref=f"refs/pull/{number}/merge"
    )
    result = parsed(github)
    assert [record.sha for record in result.records] == [A]
    assert (result.notes, set(result.left_out)) == ((PULLED,), {f"deployment:{pulled}"})
    assert github.count("GET", "/deployments") == (0 if is_open else 1)


def test_ref__a_branch_or_tag_that_is_gone_and_a_bare_sha_still_count(github: GitHubStandIn) -> None:
    for sha, ref in ((A, "release/gone"), (B, "v0.1-gone"), (C, C)):
        github.repository.add_deployment(sha=sha, created_at=at(), statuses=[("success", at(1))], ref=ref)
    result = parsed(github)
    assert ({record.sha for record in result.records}, result.notes) == ({A, B, C}, ())


def test_ref__a_branch_that_is_called_like_a_pull_request_counts(github: GitHubStandIn) -> None:
    github.repository.add_commit(A, at(), branch="7/merge")
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("success", at(1))], ref="refs/heads/7/merge")
    assert [record.sha for record in deployed(github)] == [A]


def test_ref__behind_many_others_is_found_page_by_page(github: GitHubStandIn) -> None:
    add_many(github, 120, first=at(1))
    old = github.repository.add_deployment(
        sha=A, created_at=at(), statuses=[("success", at())], ref="refs/pull/7/merge"
    )
    assert parsed(github).left_out == {f"deployment:{old}"}
    assert github.count("GET", "/deployments") == 2


def test_promotion__counts_from_the_first_success_in_production(github: GitHubStandIn) -> None:
    # bobheadxi/deployments#146: a status may move its deployment to another environment.
    states: list[tuple[Any, ...]] = [
        ("success", at(), None, None),
        ("success", at(50), None, "production"),
        ("success", at(60)),
    ]
    github.repository.add_deployment(sha=A, created_at=at(), environment="staging", statuses=states)
    (record,) = deployed(github)
    assert (record.shipped_at, record.outcome, record.environment) == (at(50), Outcome.SUCCESS, "production")


def test_promotion__out_of_production_hides_no_release(github: GitHubStandIn) -> None:
    """GitHub lists a deployment under its latest environment; its success in production opened the clock."""
    shop = github.repository
    shop.add_deployment(sha=B, created_at=at(-9), statuses=[("success", at(-9))])
    states: list[tuple[Any, ...]] = [("success", at()), ("success", at(0.1), None, "production-archive")]
    shop.add_deployment(sha=A, created_at=at(), statuses=states)
    elsewhere: list[tuple[Any, ...]] = [("success", at(), None, "staging"), ("success", at(1), None, "preview")]
    shop.add_deployment(sha=C, created_at=at(), environment="staging", statuses=elsewhere)
    assert {record.sha: record.shipped_at for record in deployed(github)} == {B: at(-9), A: at()}
    assert len(github.requests) == 1


@pytest.mark.parametrize("change", [{"nodes": []}, None], ids=["empty", "missing"])
def test_newest__deployments_that_an_answer_hides_are_refused(github: GitHubStandIn, change: dict[str, Any]) -> None:
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("success", at())])

    def hide(body: Any) -> Any:
        newest = body["data"]["repository"].pop("newest")
        if change is not None:
            body["data"]["repository"]["newest"] = newest | change
        return body

    github.fail("/graphql", times=None, fault=Edited(hide))
    with pytest.raises(HarvestError, match="does not show the newest deployments"):
        deployed(github)


def moved_out(github: GitHubStandIn, previews: int) -> None:
    """One that succeeded and stays, one that a status moved to an archive, and newer previews a minute apart."""
    github.repository.add_deployment(sha=B, created_at=at(-1), statuses=[("success", at(-1))])
    number = github.repository.add_deployment(sha=A, created_at=at(), statuses=[("success", at())])
    github.repository.add_status(number, "inactive", at(1), None, "archive")
    for n in range(previews):
        when = at(2, minutes=n)
        github.repository.add_deployment(sha=C, created_at=when, environment="preview", statuses=[("success", when)])


@pytest.mark.parametrize(("previews", "pages"), [(5, 1), (101, 2), (399, 5)])
def test_moved__a_deployment_is_looked_for_behind_newer_ones(github: GitHubStandIn, previews: int, pages: int) -> None:
    moved_out(github, previews)
    result = parsed(github)
    assert {record.sha for record in result.records} == {A, B}
    assert not [note for note in result.notes if "looked for" in note]
    assert sum("graphql" in request.path for request in github.requests) == pages


def test_moved__with_a_ledger_the_list_is_read_back_to_the_last_run(github: GitHubStandIn) -> None:
    moved_out(github, 150)
    parsed(github, a_question(looked_at=at(28)))
    assert sum("graphql" in request.path for request in github.requests) == 1
    assert {record.sha for record in deployed(github, a_question(looked_at=at(3)))} == {A, B}


def test_moved__a_list_that_is_not_read_to_its_end_is_a_warning(github: GitHubStandIn) -> None:
    moved_out(github, 500)
    (note,) = parsed(github).notes
    assert isinstance(note, Note)
    assert (str(note), note.level) == (
        "deployments that a status moved to another environment were looked for back to 2024-06-03T11:00:00Z only",
        NoteLevel.WARNING,
    )


def test_promotion__that_is_under_way_or_failed_leaves_the_success_in_staging_out(github: GitHubStandIn) -> None:
    for number, state in enumerate(("in_progress", "failure")):
        states: list[tuple[Any, ...]] = [("success", at()), (state, at(5), None, "production")]
        github.repository.add_deployment(sha=(A, B)[number], created_at=at(), environment="staging", statuses=states)
    result = parsed(github)
    assert {record.sha: record.under_way for record in result.records} == {A: True, B: False}
    assert {record.outcome for record in result.records} == {Outcome.FAILED}
    assert result.notes == ("2 deployments succeeded only in another environment: left out",)


def test_promotion__a_status_that_names_no_environment_speaks_of_its_deployments_own(github: GitHubStandIn) -> None:
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("success", at(1))])

    def forget(body: Any) -> Any:
        body["data"]["repository"]["deployments"]["nodes"][0]["statuses"]["nodes"][0]["environment"] = None
        return body

    github.fail("/graphql", fault=Edited(forget))
    assert [record.outcome for record in deployed(github)] == [Outcome.SUCCESS]


REGIONS = {"production-eu": at(1), "production-us": at(2), "staging": at(0.5)}


@pytest.mark.parametrize(
    "wanted", ["production-eu,production-us", "production-us\nproduction-eu", "production-*", "prod*-?s,*-eu"]
)
def test_environment__several_by_name_or_glob_fold_into_the_earliest_success(
    github: GitHubStandIn, wanted: str
) -> None:
    # apache/devlake#5178: one service goes live in several regions.
    for name, when in REGIONS.items():
        github.repository.add_deployment(
            sha=A, created_at=at(), environment=name, statuses=[("success", when)], run_id=1
        )
    (record,) = deployed(github, a_question({"environment": wanted}))
    assert (record.shipped_at, record.environment) == (at(1), "production-eu")


def test_environment__a_glob_that_chooses_none_names_those_that_there_are(github: GitHubStandIn) -> None:
    github.repository.add_deployment(sha=A, created_at=at(), environment="Production", statuses=[("success", at())])
    with pytest.raises(HarvestError, match=r"none in the environment 'production-\*'") as problem:
        deployed(github, a_question({"environment": "production-*"}))
    assert problem.value.hint == "set environment to one of: Production"


def test_environment__that_cannot_be_listed_stops_a_glob_and_no_hint(github: GitHubStandIn) -> None:
    github.repository.add_deployment(sha=A, created_at=at(), environment="live", statuses=[("success", at())])
    github.fail("/environments", times=None, fault=NOT_ACCESSIBLE)
    with pytest.raises(HarvestError, match="denied access"):
        deployed(github, a_question({"environment": "production-*"}))
    with pytest.raises(HarvestError) as problem:
        deployed(github)
    assert problem.value.hint == "set environment to one of: live"


def test_environment__hundreds_of_previews_do_not_hide_the_likely_one(github: GitHubStandIn) -> None:
    # jenkins-infra/plugin-site#977: one for production, and an environment a pull request.
    shop = github.repository
    shop.add_deployment(sha=A, created_at=at(), environment="prod", statuses=[("success", at())])
    for number in range(230):
        shop.add_deployment(sha=B, created_at=at(1, minutes=number), environment=f"pr-{1000 + number}")
    with pytest.raises(HarvestError) as problem:
        deployed(github)
    assert problem.value.hint.startswith("set environment to one of: prod, pr-1000, ")
    assert problem.value.hint.endswith(" and 211 more")


WRONG = {
    "an empty sha": {"commitOid": ""},
    "a short sha": {"commitOid": "abc1234"},
    "no environment": {"environment": None},
    "a ref that is text": {"ref": "main"},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_malformed__a_deployment_that_does_not_say_what_it_must_is_refused(
    github: GitHubStandIn, change: dict[str, Any]
) -> None:
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("success", at())])

    def spoil(body: Any) -> Any:
        body["data"]["repository"]["deployments"]["nodes"][0].update(change)
        return body

    github.fail("/graphql", times=None, fault=Edited(spoil))
    with pytest.raises(HarvestError, match=r"the answer.* \(deployments\.nodes\.0.*, id 1001\)"):
        deployed(github)


def test_p65__one_that_had_failed_and_succeeds_behind_many_newer_ones_is_an_event(github: GitHubStandIn) -> None:
    add_many(github, 150, first=at(24))
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("failure", at(1)), ("success", at(200))])
    assert {record.sha: record.shipped_at for record in deployed(github)}[A] == at(200)


def test_paging__a_deployment_that_appears_meanwhile_doubles_and_loses_none(github: GitHubStandIn) -> None:
    shas = add_many(github, 150)

    def release() -> None:
        github.repository.add_deployment(sha=C, created_at=at(99), statuses=[("success", at(99))])

    github.fail("/graphql", times=1, fault=Meanwhile(release))
    records = deployed(github)
    assert {record.sha for record in records} == shas
    assert len({record.id for record in records}) == 150


def test_paging__a_list_that_lost_one_meanwhile_is_refused(github: GitHubStandIn) -> None:
    add_many(github, 450)
    between = sorted(github.repository.deployments)[225]
    github.fail("/graphql", times=1, fault=Meanwhile(lambda: github.repository.deployments.pop(between)))
    with pytest.raises(HarvestError, match="the list ends after 449 of 450"):
        deployed(github)


@pytest.mark.parametrize("page", [FIRST_PAGE, LATER_PAGE], ids=["first page", "second page"])
def test_paging__a_list_that_ends_too_early_is_refused(github: GitHubStandIn, page: Any) -> None:
    add_many(github, 450)
    ends = {"pageInfo": {"hasNextPage": False, "endCursor": None}}

    def cut(body: Any) -> Any:
        current = body["data"]["repository"]["deployments"]
        current.update(ends, nodes=current["nodes"][:10])
        return body

    github.fail("/graphql", times=None, fault=Aimed(page, Edited(cut)))
    with pytest.raises(HarvestError, match=r"the list ends after 1?10 of 450"):
        deployed(github)


def test_paging__a_list_without_an_end_is_refused(github: GitHubStandIn) -> None:
    add_many(github, 450)
    endless = said("deployments", pageInfo={"hasNextPage": True, "endCursor": "Y3Vyc29yOnYyOjEwMDE="})
    github.fail("/graphql", times=None, fault=endless)
    with pytest.raises(HarvestError, match="repeats itself without an end"):
        deployed(github)
    assert len(github.requests) < 5


def test_statuses__hidden_ones_are_missed_and_asked_for_again(github: GitHubStandIn) -> None:
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("in_progress", at()), ("success", at(1))])

    def hide(body: Any) -> Any:
        body["data"]["repository"]["deployments"]["nodes"][0]["statuses"]["nodes"] = []
        return body

    github.fail("/graphql", times=1, fault=Edited(hide))
    assert [record.outcome for record in deployed(github)] == [Outcome.SUCCESS]
    github.fail("/graphql", times=None, fault=Edited(hide))
    with pytest.raises(HarvestError, match=r"`nodes\.0` shows fewer statuses than it counts \(deployments, id 1001\)"):
        deployed(github)


def test_statuses__a_list_that_repeats_its_first_page_is_refused(github: GitHubStandIn) -> None:
    states = [("success", at()), *(("in_progress", at(0, minutes=n)) for n in range(1, 230))]
    github.repository.add_deployment(sha=A, created_at=at(), statuses=states)
    page: list[Any] = []

    def again(body: Any) -> Any:
        current = body["data"]["node"]["statuses"]
        page.append(current["nodes"])
        current["nodes"] = page[0]
        return body

    github.fail("/graphql", times=None, fault=Aimed(STATUSES, Edited(again)))
    with pytest.raises(HarvestError, match="statuses: the list"):
        deployed(github)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("2024-06-03T09:00:00", "`createdAt` is not a timestamp with an offset .*, id 1001"),
        ("1970-01-20T21:00:00Z", "deployment 1001 carries a wrong time: .*before 2005"),
        ("9999-12-31T23:59:59Z", "deployment 1001 carries a wrong time: .*in the future"),
        ("2024-06-24T09:05:01Z", "deployment 1001 carries a wrong time: .*in the future"),
        ("yesterday", "`createdAt` is not a timestamp with an offset .*, id 1001"),
        ("", "`createdAt` is not a timestamp with an offset .*, id 1001"),
        ("0001-01-01T00:00:00+23:59", "`createdAt` is not a timestamp with an offset .*, id 1001"),
    ],
)
def test_stamp__a_wrong_one_stops_the_source_and_names_the_deployment(
    github: GitHubStandIn, wrong: str, why: str
) -> None:
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("success", wrong)])
    with pytest.raises(HarvestError, match=why):
        deployed(github)


def test_stamp__up_to_five_minutes_ahead_is_a_clock_that_runs_fast(github: GitHubStandIn) -> None:
    fast = "2024-06-24T09:05:00Z"
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("success", fast)])
    assert len(deployed(github)) == 1


def test_stamp__a_deployment_created_at_no_time_is_named(github: GitHubStandIn) -> None:
    number = github.repository.add_deployment(sha=A, created_at="soon", statuses=[("success", at())])
    with pytest.raises(HarvestError, match=rf"`createdAt` is not a timestamp .*, id {number}\)"):
        deployed(github)


def test_order__shuffled_answers_give_the_same_records(github: GitHubStandIn) -> None:
    for number in range(6):
        states = [("in_progress", at(number)), ("success", at(number, minutes=4)), ("inactive", at(number + 1))]
        github.repository.add_deployment(sha=A, created_at=at(number), statuses=states, run_id=number // 2)

    def turn(body: Any) -> Any:
        nodes = body["data"]["repository"]["deployments"]["nodes"]
        nodes.reverse()
        for node in nodes:
            node["statuses"]["nodes"].reverse()
        return body

    straight = deployed(github)
    github.fail("/graphql", fault=Edited(turn))
    assert deployed(github) == straight


def test_query__is_what_the_page_size_says() -> None:
    assert "first: 100, after: $after" in github_deployments.DEPLOYMENTS_QUERY
    assert "statuses(first: 20)" in github_deployments.DEPLOYMENTS_QUERY


def test_enterprise_server__is_asked_at_its_own_graphql_address(github: GitHubStandIn) -> None:
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("success", at())])
    (record,) = ask(
        GitHubDeployments(), api_of(github, prefix="/api/v3"), a_question(server_url="https://git.acme.example")
    ).records
    assert [request.path for request in github.requests] == ["/api/graphql"]
    assert record.url == f"https://git.acme.example/acme/shop/commit/{A}"


def test_renamed_repository__is_found_by_its_former_name(github: GitHubStandIn) -> None:
    github.repository.former_names.append("acme/store")
    github.repository.add_deployment(sha=A, created_at=at(), statuses=[("success", at())])
    assert len(ask(GitHubDeployments(), api_of(github, repository="acme/store")).records) == 1


def test_pages__without_the_oldest_end_that_was_asked_for_are_refused(github: GitHubStandIn) -> None:
    add_many(github, 250)

    def edit(body: Any) -> Any:
        body["data"]["repository"].pop("oldest", None)
        return body

    github.fail("/graphql", times=None, fault=Edited(edit))
    with pytest.raises(HarvestError, match="does not show the oldest deployments"):
        deployed(github)


def test_environments__of_a_list_that_ends_early_are_refused(github: GitHubStandIn) -> None:
    github.repository.add_deployment(sha=A, created_at=at(), environment="staging", statuses=[("success", at())])
    github.fail("/environments", times=None, fault=Answer(200, {"total_count": 3, "environments": []}))
    with pytest.raises(HarvestError, match="the list of environments ends after 0 of 3"):
        deployed(github, a_question({"environment": "prod*"}))
