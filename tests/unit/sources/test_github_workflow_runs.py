"""The runs of a release workflow, read by the real PyGithub over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from flowjoy.clients import github_runs
from flowjoy.domain import CodeRecord, Note, NoteLevel, Outcome
from flowjoy.errors import HarvestError
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.github_workflow_runs import GitHubRuns
from tests.builders import at
from tests.fakes.aimed import Aimed, listed, rest
from tests.fakes.faults import Edited, Meanwhile
from tests.fakes.github import Attempt, GitHubStandIn
from tests.fakes.github_state import stamp
from tests.fakes.http_base import Answer
from tests.unit.sources.asking import A, B, C, a_question, api_of, ask

INPUTS = {"code_source": "workflow-runs", "workflow": "release.yml"}
RUNS = "/actions/workflows/release.yml/runs"


def a_run_question(branch: str | None = None, **changes: Any) -> HarvestQuery:
    inputs = INPUTS if branch is None else {**INPUTS, "branch": branch}
    return a_question(inputs, **{"default_branch": "main", **changes})


def released(github: GitHubStandIn, query: HarvestQuery | None = None, prefix: str = "") -> tuple[CodeRecord, ...]:
    return ask(GitHubRuns(), api_of(github, prefix=prefix), query or a_run_question()).records


def successes(records: tuple[CodeRecord, ...]) -> set[str | None]:
    return {record.sha for record in records if record.outcome is Outcome.SUCCESS}


def add_many(github: GitHubStandIn, count: int, *, apart: timedelta = timedelta(minutes=1)) -> set[str]:
    """Successful runs, each of a sha of its own."""
    for n in range(count):
        github.repository.add_run(sha=f"{n:040x}", created_at=at() + n * apart)
    return {f"{n:040x}" for n in range(count)}


def test_time__is_the_end_of_the_run_not_its_beginning(github: GitHubStandIn) -> None:
    number = github.repository.add_run(sha=A, created_at=at(), started_at=at(1), updated_at=at(2))
    (record,) = released(github)
    assert (record.id, record.run_id, record.sha, record.shipped_at) == (f"run:{number}", str(number), A, at(2))
    assert record.url == f"https://github.com/acme/shop/actions/runs/{number}"


def test_time__is_the_end_of_the_first_successful_attempt(github: GitHubStandIn) -> None:
    attempts = [
        Attempt(conclusion="failure", started_at=at(), updated_at=at(1)),
        Attempt(conclusion="success", started_at=at(2), updated_at=at(3)),
        Attempt(conclusion="success", started_at=at(4), updated_at=at(5)),
    ]
    github.repository.add_run(
        sha=A, created_at=at(), updated_at=at(9), run_attempt=4, attempts=attempts, conclusion="failure"
    )
    (record,) = released(github)
    assert (record.outcome, record.shipped_at) == (Outcome.SUCCESS, at(3))
    asked = [request.path.rpartition("/attempts/")[2] for request in github.requests if "/attempts/" in request.path]
    assert asked == ["1", "2", "3"]


@pytest.mark.parametrize("conclusion", ["failure", "cancelled", "skipped", "timed_out", "neutral", "action_required"])
def test_event__only_a_success_is_one(github: GitHubStandIn, conclusion: str) -> None:
    run = github.repository.add_run(sha=A, created_at=at(), conclusion=conclusion)
    github.repository.add_job(run, "deploy", at(), conclusion=conclusion)
    assert [record.outcome for record in released(github)] == [Outcome.FAILED]


def test_event__a_run_that_says_success_but_is_not_completed_is_none(github: GitHubStandIn) -> None:
    run = github.repository.add_run(sha=A, created_at=at(), status="in_progress", conclusion="success")
    github.repository.add_job(run, "deploy", None)
    assert [record.outcome for record in released(github)] == [Outcome.FAILED]


def test_ours__a_forks_branch_of_the_same_name_is_ignored(github: GitHubStandIn) -> None:
    github.repository.add_run(sha=A, created_at=at())
    github.repository.add_run(sha=B, created_at=at(), head_repository="mallory/shop")
    assert successes(released(github)) == {A}


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "pull_request_review"])
def test_ours__a_pull_request_releases_nothing(github: GitHubStandIn, event: str) -> None:
    github.repository.add_run(sha=A, created_at=at())
    github.repository.add_run(sha=B, created_at=at(), event=event)
    github.repository.add_pull_request(head_sha=B, base_sha=A, created_at=at())
    assert successes(released(github)) == {A}


def orphan(body: Any) -> Any:
    next(run for run in body["workflow_runs"] if run["head_sha"] == B)["head_repository"] = None
    return body


def test_ours__a_pull_request_whose_fork_was_deleted_is_ignored(github: GitHubStandIn) -> None:
    github.repository.add_run(sha=A, created_at=at())
    github.repository.add_run(sha=B, created_at=at(), event="pull_request")
    github.repository.add_pull_request(head_sha=B, base_sha=A, created_at=at(), head_repository="mallory/shop")
    github.fail("GET /repos/acme/shop/actions", fault=Edited(orphan))
    assert successes(released(github)) == {A}


@pytest.mark.parametrize("key", ["head_repository", "head_branch", "event"])
def test_ours__a_run_that_hides_its_origin_is_refused(github: GitHubStandIn, key: str) -> None:
    # github/rest-api-description#1586: head_repository may be null.
    github.repository.add_run(sha=A, created_at=at())

    def hide(body: Any) -> Any:
        body["workflow_runs"][0][key] = None
        return body

    github.fail("GET ", times=None, fault=Edited(hide))
    with pytest.raises(HarvestError, match=r"which repository and branch it is of|`event` is not text"):
        released(github)


def of_the_job(*names: str, **changes: Any) -> HarvestQuery:
    inputs = {**INPUTS, "deploy_job": "\n".join(names)}
    return a_question(inputs, **{"default_branch": "main", **changes})


def a_run_with(github: GitHubStandIn, sha: str, hours: float, *jobs: tuple[str, str, float], **more: Any) -> int:
    """A run of a sha that began then, with jobs of a name, a conclusion and an end."""
    number = github.repository.add_run(sha=sha, created_at=at(hours), updated_at=at(hours + 5), **more)
    for name, conclusion, end in jobs:
        github.repository.add_job(number, name, at(end), conclusion=conclusion)
    return number


def test_job__a_run_whose_deploy_job_was_skipped_is_left_out_and_counted(github: GitHubStandIn) -> None:
    # apache/devlake#5885: the run is a success, its deploy job was skipped.
    a_run_with(github, A, 0, ("build", "success", 1), ("deploy", "success", 2))
    skipped = a_run_with(github, B, 10, ("build", "success", 11), ("deploy", "skipped", 11))
    result = ask(GitHubRuns(), api_of(github), of_the_job("deploy"))
    assert [(record.sha, record.shipped_at) for record in result.records] == [(A, at(2))]
    assert result.notes == ("1 run without a success of the job 'deploy': left out",)
    assert result.left_out == {f"run:{skipped}"}


def test_job__counts_although_the_run_failed_after_it_or_goes_on(github: GitHubStandIn) -> None:
    a_run_with(github, A, 0, ("deploy", "success", 1), ("notify", "failure", 2), conclusion="failure")
    a_run_with(github, B, 10, ("deploy", "success", 11), status="in_progress", conclusion=None)
    result = {record.sha: record.shipped_at for record in released(github, of_the_job("deploy"))}
    assert result == {A: at(1), B: at(11)}


@pytest.mark.parametrize("status", ["waiting", "queued", "pending", "requested", "in_progress"])
def test_job__that_deployed_counts_while_another_one_waits_for_a_reviewer(github: GitHubStandIn, status: str) -> None:
    a_run_with(github, A, 0, ("deploy (eu)", "success", 1), status=status, conclusion=None)
    (record,) = released(github, of_the_job("deploy (*)"))
    assert (record.outcome, record.shipped_at) == (Outcome.SUCCESS, at(1))


@pytest.mark.parametrize("last", [{"status": "queued", "conclusion": None}, {"conclusion": "skipped"}], ids=str)
def test_job__that_deployed_in_an_earlier_attempt_counts_whatever_became_of_the_last(
    github: GitHubStandIn, last: dict[str, Any]
) -> None:
    number = github.repository.add_run(sha=A, created_at=at(), updated_at=at(9), run_attempt=2, **last)
    github.repository.add_job(number, "deploy", at(1), attempt=1)
    assert [(item.outcome, item.shipped_at) for item in released(github, of_the_job("deploy"))] == [
        (Outcome.SUCCESS, at(1))
    ]


def test_job__in_which_flowjoy_itself_runs_is_refused(github: GitHubStandIn) -> None:
    number = a_run_with(github, A, 0, status="in_progress", conclusion=None)
    github.repository.add_job(number, "Deploy it", None)
    with pytest.raises(HarvestError, match="the job 'Deploy it', which deploys, is still running") as problem:
        released(github, of_the_job("Deploy it", run_id=str(number)))
    assert "needs" in problem.value.hint
    assert released(github, of_the_job("Deploy it", run_id="7"))


def test_job__of_another_region_may_still_run_where_flowjoy_runs_in_a_job_of_its_own(github: GitHubStandIn) -> None:
    number = a_run_with(github, A, 0, ("deploy-eu", "success", 1), status="in_progress", conclusion=None)
    us = github.repository.add_job(number, "deploy-us", None)
    own = github.repository.add_job(number, "promise", None)
    query = of_the_job("deploy-*", run_id=str(number), runner_name=f"GitHub Actions {own}")
    assert successes(released(github, query)) == {A}
    with pytest.raises(HarvestError, match="'deploy-us', which deploys, is still running"):
        released(github, of_the_job("deploy-*", run_id=str(number), runner_name=f"GitHub Actions {us}"))


@pytest.mark.parametrize("pattern", ["deploy", "deploy (*)", "deploy (eu, 1)"])
def test_job__of_a_matrix_counts_from_its_earliest_success(github: GitHubStandIn, pattern: str) -> None:
    # department-of-veterans-affairs/vets-website#21902: one job a target, each with its name in brackets.
    a_run_with(github, A, 0, ("deploy (us, 2)", "failure", 1), ("deploy (eu, 1)", "success", 2), conclusion="failure")
    assert [record.shipped_at for record in released(github, of_the_job(pattern))] == [at(2)]


def test_job__of_a_reusable_workflow_is_named_with_its_caller(github: GitHubStandIn) -> None:
    a_run_with(github, A, 0, ("staging / deploy", "success", 1), ("production / deploy", "success", 3))
    assert [record.shipped_at for record in released(github, of_the_job("production / deploy"))] == [at(3)]


def test_job__that_no_run_has_is_refused_with_the_names_that_there_are(github: GitHubStandIn) -> None:
    a_run_with(github, A, 0, ("build", "success", 1), ("release / deploy", "success", 2))
    with pytest.raises(HarvestError, match="no job that matches deploy-job 'deploy'") as problem:
        released(github, of_the_job("deploy"))
    assert problem.value.hint == "set deploy-job to one of: build, release / deploy, or to several, one per line"


def test_job__of_an_earlier_attempt_counts_and_one_after_another_commit_is_a_rollback(github: GitHubStandIn) -> None:
    shop = github.repository
    old = shop.add_run(sha=A, created_at=at(), updated_at=at(30), run_attempt=2)
    for attempt, end in ((1, 1), (2, 29)):
        shop.add_job(old, "deploy", at(end), attempt=attempt)
    a_run_with(github, B, 10, ("deploy", "success", 11))
    result = sorted(released(github, of_the_job("deploy")), key=lambda record: record.shipped_at)
    assert [(record.id, record.shipped_at) for record in result] == [
        (f"run:{old}", at(1)),
        (f"run:{old + 3}", at(11)),
        (f"run:{old}@2", at(29)),
    ]


def test_job__is_not_asked_for_where_the_run_never_began_or_its_end_is_known(github: GitHubStandIn) -> None:
    known = a_run_with(github, A, 0, ("deploy", "success", 1))
    a_run_with(github, B, 10, conclusion="startup_failure")
    query = of_the_job("deploy", known_code={f"run:{known}": at(1)})
    assert successes(released(github, query)) == {A}
    assert github.count("GET", "/jobs") == 0


@pytest.mark.parametrize(
    ("claims", "more"),
    [({"known_code": at(500)}, {}), ({"known_code": at(1)}, {"again": True})],
    ids=["a time after its end", "a commit of two runs"],
)
def test_p64__an_end_that_a_ledger_only_claims_is_asked_for(
    github: GitHubStandIn, claims: dict[str, Any], more: dict[str, Any]
) -> None:
    number = a_run_with(github, A, 0, ("deploy", "skipped", 1))
    a_run_with(github, A if more else B, 10, ("deploy", "success", 11))
    query = of_the_job("deploy", known_code={f"run:{number}": claims["known_code"]})
    assert [record.shipped_at for record in released(github, query) if record.outcome is Outcome.SUCCESS] == [at(11)]
    assert github.count("GET", "/jobs") == 2


def test_job__of_this_very_run_counts_from_its_end_and_before_that_from_now(github: GitHubStandIn) -> None:
    number = a_run_with(github, A, 0, status="in_progress", conclusion=None)
    query = of_the_job("deploy", run_id=str(number), as_of=at(4))
    assert [(record.outcome, record.shipped_at) for record in released(github, query)] == [(Outcome.PROVISIONAL, at(4))]
    github.repository.add_job(number, "deploy", at(3))
    assert [(record.outcome, record.shipped_at) for record in released(github, query)] == [(Outcome.SUCCESS, at(3))]


@pytest.mark.parametrize("change", [{"conclusion": "great"}, {"name": None}, {"run_attempt": None}, {"status": "x"}])
def test_job__of_another_shape_is_refused(github: GitHubStandIn, change: dict[str, Any]) -> None:
    a_run_with(github, A, 0, ("deploy", "success", 1))

    def bend(body: Any) -> Any:
        body["jobs"][0].update(change)
        return body

    github.fail("/jobs", times=None, fault=Edited(bend))
    with pytest.raises(HarvestError, match="job"):
        released(github, of_the_job("deploy"))


def test_job__more_than_a_page_of_them_are_all_read(github: GitHubStandIn) -> None:
    a_run_with(github, A, 0, *((f"test ({n})", "success", 1) for n in range(130)), ("deploy", "success", 2))
    assert [record.shipped_at for record in released(github, of_the_job("deploy"))] == [at(2)]


def test_rerun__of_a_whole_release_after_another_went_live_is_a_rollback(github: GitHubStandIn) -> None:
    first = Attempt(conclusion="success", started_at=at(), updated_at=at(1))
    old = github.repository.add_run(sha=A, created_at=at(), updated_at=at(30), run_attempt=2, attempts=[first])
    github.repository.add_run(sha=B, created_at=at(10), updated_at=at(11))
    result = sorted(released(github), key=lambda record: record.shipped_at)
    assert [(record.sha, record.shipped_at) for record in result] == [(A, at(1)), (B, at(11)), (A, at(30))]
    assert [record.id for record in result if record.sha == A] == [f"run:{old}", f"run:{old}@2"]


def test_ours__the_repository_is_known_in_any_letter_case(github: GitHubStandIn) -> None:
    github.repository.add_run(sha=A, created_at=at(), head_repository="Acme/Shop")
    assert successes(released(github)) == {A}


def test_workflow__only_its_own_runs_count(github: GitHubStandIn) -> None:
    github.repository.add_run(sha=A, created_at=at())
    github.repository.add_run(sha=B, created_at=at(), workflow="ci.yml")
    assert successes(released(github)) == {A}


@pytest.mark.parametrize("name", ["release #2.yml", "release?.yml", "100%.yml", "änderung.yml"])
def test_workflow__may_have_any_file_name(github: GitHubStandIn, name: str) -> None:
    github.repository.add_run(sha=A, created_at=at(), workflow=name)
    query = a_question({**INPUTS, "workflow": name}, default_branch="main")
    assert successes(released(github, query)) == {A}


def test_workflow__that_is_not_there_is_an_error_that_says_what_to_check(github: GitHubStandIn) -> None:
    with pytest.raises(HarvestError, match="GitHub does not know it") as problem:
        released(github)
    assert "workflow" in problem.value.hint


def test_branch__of_the_input_wins(github: GitHubStandIn) -> None:
    github.repository.add_run(sha=A, created_at=at())
    github.repository.add_run(sha=B, created_at=at(), branch="stable/2")
    assert successes(released(github, a_run_question(branch="stable/2"))) == {B}


def test_branch__is_asked_for_where_nobody_told_it(github: GitHubStandIn) -> None:
    github.repository.default_branch = "trunk"
    github.repository.add_run(sha=A, created_at=at(), branch="trunk")
    assert successes(released(github, a_run_question(default_branch=None))) == {A}
    assert github.requests[0].path == "/repos/acme/shop"


def test_branch__without_a_run_names_those_that_have_some(github: GitHubStandIn) -> None:
    for branch in ("develop", "trunk", "trunk"):
        github.repository.add_run(sha=A, created_at=at(), branch=branch)
    with pytest.raises(HarvestError, match="has 3 runs, but none on the branch 'main'") as problem:
        released(github)
    assert problem.value.hint == "set branch to one of: develop, trunk"


@pytest.mark.parametrize("inputs", [{}, {"branch": "main"}, {"branch": "main", "deploy_job": "deploy"}], ids=str)
def test_branch__whose_name_a_tag_has_is_refused_because_their_runs_are_listed_alike(
    github: GitHubStandIn, inputs: dict[str, str]
) -> None:
    run = github.repository.add_run(sha=A, created_at=at())
    github.repository.add_job(run, "deploy", at())
    query = a_question({**INPUTS, **inputs}, default_branch="main")
    assert successes(released(github, query)) == {A}
    github.repository.tags["main"] = B
    with pytest.raises(HarvestError, match="a tag has the name of the branch 'main'") as problem:
        released(github, query)
    assert problem.value.hint == "delete the tag, and forbid its name by a tag ruleset"


def test_branch__whose_name_a_tag_has_is_judged_where_the_deploy_job_decides_on_every_branch(
    github: GitHubStandIn,
) -> None:
    run = github.repository.add_run(sha=A, created_at=at())
    github.repository.add_job(run, "deploy", at())
    github.repository.tags["main"] = B
    assert successes(released(github, of_the_job("deploy"))) == {A}


@pytest.mark.parametrize("answer", [Answer(502), Answer(200, {"data": {"repository": {}}})], ids=["502", "no ref"])
def test_branch__of_which_github_does_not_say_whether_a_tag_has_its_name_is_refused(
    github: GitHubStandIn, answer: Answer
) -> None:
    github.repository.add_run(sha=A, created_at=at())
    github.fail("/graphql", times=None, fault=answer)
    with pytest.raises(HarvestError):
        released(github)


def test_empty__is_believed_when_the_unfiltered_list_is_empty_too(github: GitHubStandIn) -> None:
    github.repository.add_workflow("release.yml")
    assert released(github) == ()
    assert ["created" in request.query for request in github.requests] == [True, False, False, False, True]


def test_empty__is_believed_when_all_releases_lie_before_the_horizon(github: GitHubStandIn) -> None:
    github.repository.add_run(sha=A, created_at=at(-24 * 500))
    assert released(github) == ()


def test_empty__a_stale_filtered_list_is_refused(github: GitHubStandIn) -> None:
    add_many(github, 2)
    stale = listed(total_count=0, workflow_runs=[])
    github.fail("GET ", times=None, fault=Aimed(rest("/runs", filtered=True), stale))
    with pytest.raises(HarvestError, match="the filtered list is empty, the full one is not"):
        released(github)


def test_empty__one_that_counts_runs_and_shows_none_is_asked_again_then_refused(github: GitHubStandIn) -> None:
    shas = add_many(github, 2)
    github.fail("GET ", times=1, fault=listed(workflow_runs=[]))
    assert successes(released(github)) == shas
    github.fail("GET ", times=None, fault=listed(workflow_runs=[]))
    with pytest.raises(HarvestError, match="counts 2 runs and shows none"):
        released(github)


def test_provisional__this_very_run_counts_from_now_and_no_other(github: GitHubStandIn) -> None:
    ours = github.repository.add_run(sha=A, created_at=at(), status="in_progress", conclusion=None)
    github.repository.add_run(sha=B, created_at=at(), status="in_progress", conclusion=None)
    records = released(github, a_run_question(as_of=at(3), run_id=str(ours)))
    result = {record.sha: (record.outcome, record.shipped_at) for record in records}
    assert result[A] == (Outcome.PROVISIONAL, at(3))
    assert result[B][0] is Outcome.FAILED


def test_provisional__a_rerun_of_a_release_that_succeeded_before_stays_a_success(github: GitHubStandIn) -> None:
    first = Attempt(conclusion="success", started_at=at(), updated_at=at(1))
    ours = github.repository.add_run(
        sha=A, created_at=at(), run_attempt=2, attempts=[first], status="in_progress", conclusion=None
    )
    (record,) = released(github, a_run_question(run_id=str(ours)))
    assert (record.outcome, record.shipped_at) == (Outcome.SUCCESS, at(1))


def test_pages__250_runs_take_three_requests_and_those_of_other_branches_one(github: GitHubStandIn) -> None:
    shas = add_many(github, 250)
    assert successes(released(github)) == shas
    assert github.count("GET", RUNS) == 4
    assert len(github.requests) == 7


@pytest.mark.matrix
def test_pages__1500_runs_are_all_found_by_splitting_the_window(github: GitHubStandIn) -> None:
    shas = add_many(github, 1500, apart=timedelta(minutes=15))
    assert successes(released(github)) == shas
    listings = [request for request in github.requests if request.path.endswith(RUNS)]
    assert len({request.query["created"] for request in listings}) > 2
    assert max(int(request.query["page"]) for request in listings) <= 10


@pytest.mark.matrix
def test_pages__a_full_thousand_may_be_more_and_is_split(github: GitHubStandIn) -> None:
    shas = add_many(github, 1300)

    def capped(body: Any) -> Any:
        return {**body, "total_count": min(body["total_count"], 1000)}

    github.fail(RUNS, times=None, fault=Edited(capped))
    assert successes(released(github)) == shas


@pytest.mark.matrix
def test_pages__more_than_can_be_listed_in_one_second_is_refused(github: GitHubStandIn) -> None:
    add_many(github, 1001, apart=timedelta())
    with pytest.raises(HarvestError, match="in one second cannot be listed"):
        released(github)


def test_paging__a_run_that_appears_meanwhile_doubles_and_loses_none(github: GitHubStandIn) -> None:
    shas = add_many(github, 200)
    now = a_run_question().now
    github.fail("GET ", fault=Meanwhile(lambda: github.repository.add_run(sha=C, created_at=now)))
    records = released(github)
    assert successes(records) >= shas
    assert len({record.id for record in records}) == len(records)


def test_paging__a_list_that_shrinks_meanwhile_is_refused(github: GitHubStandIn) -> None:
    add_many(github, 150)
    newest = max(github.repository.runs)
    github.fail("GET ", fault=Meanwhile(lambda: github.repository.runs.pop(newest)))
    with pytest.raises(HarvestError, match="the list shrank while it was read"):
        released(github)


def test_paging__a_count_that_is_too_high_is_refused(github: GitHubStandIn) -> None:
    add_many(github, 3)
    github.fail("GET ", times=None, fault=listed(total_count=5))
    with pytest.raises(HarvestError, match="the list ends after 3 of 5"):
        released(github)


def test_paging__a_count_that_is_too_low_hides_nothing(github: GitHubStandIn) -> None:
    shas = add_many(github, 250)
    github.fail("GET ", times=None, fault=listed(total_count=3))
    assert successes(released(github)) == shas


def test_paging__a_page_that_comes_again_and_again_has_an_end(
    github: GitHubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github_runs, "PER_PAGE", 2)
    shas = add_many(github, 2)
    first: list[Any] = []

    def again(body: Any) -> Any:
        first.append(body)
        return first[0]

    github.fail(RUNS, times=None, fault=Edited(again))
    assert successes(released(github)) == shas
    assert github.count("GET", RUNS) == 3


@pytest.mark.parametrize(
    "edit",
    [
        {"id": "7"},
        {"id": None},
        {"run_attempt": None},
        {"head_sha": None},
        {"head_sha": ""},
    ],
    ids=["id as text", "no id", "no attempt", "no commit", "an empty commit"],
)
def test_shape__a_run_of_another_shape_is_refused(github: GitHubStandIn, edit: dict[str, Any]) -> None:
    add_many(github, 2)

    def bend(body: Any) -> Any:
        body["workflow_runs"][0].update(edit)
        return body

    github.fail("GET ", times=None, fault=Edited(bend))
    with pytest.raises(HarvestError, match=rf"the answer's `{next(iter(edit))}` is not .*\(workflow_runs\.0"):
        released(github)


@pytest.mark.parametrize("wrong", ["2024-06-03T09:00:00", "1970-01-20T21:00:00Z", "9999-12-31T23:59:59Z", "x"])
def test_stamp__a_wrong_one_stops_the_source_and_names_the_run(github: GitHubStandIn, wrong: str) -> None:
    number = github.repository.add_run(sha=A, created_at=at(), updated_at=wrong)
    with pytest.raises(
        HarvestError, match=rf"run {number} carries a wrong time|`updated_at` is not a timestamp .*, id {number}\)"
    ):
        released(github)


def test_attempts__an_answer_about_another_run_is_refused(github: GitHubStandIn) -> None:
    github.repository.add_run(sha=A, created_at=at(), run_attempt=2)
    github.fail("/attempts/", times=None, fault=Edited(lambda body: {**body, "id": 1}))
    with pytest.raises(HarvestError, match="the answer is not the attempt that was asked for"):
        released(github)


def test_enterprise_server__is_asked_under_its_prefix(github: GitHubStandIn) -> None:
    add_many(github, 2)
    assert len(released(github, prefix="/api/v3")) == 2
    assert {request.path for request in github.requests} == {
        f"/api/v3/repos/acme/shop{RUNS}",
        f"/api/v3/repos/acme/shop{RUNS.removesuffix('/runs')}",
        "/api/graphql",
    }


RUNS_FLOWJOY = "on: push\njobs: {deploy: {steps: [{run: ./deploy.sh}]}, promise: {steps: [{uses: acme/flowjoy@v1}]}}\n"


def with_workflow(github: GitHubStandIn, text: str) -> None:
    """The workflow's file at the head of the default branch."""
    github.repository.add_commit(A, at(-1))
    github.repository.add_file(A, ".github/workflows/release.yml", text)


def test_failure__that_flowjoy_itself_may_have_made_hides_no_release(github: GitHubStandIn) -> None:
    # gem5/gem5#188: one failed job makes its run a failure, whatever its other jobs did.
    with_workflow(github, RUNS_FLOWJOY)
    run = github.repository.add_run(sha=A, created_at=at(), conclusion="failure")
    github.repository.add_job(run, "deploy", at(1))
    github.repository.add_job(run, "promise", at(2), conclusion="failure")
    with pytest.raises(HarvestError, match=r"release\.yml runs FlowJoy too, and 1 run of it failed") as problem:
        released(github)
    assert problem.value.hint.startswith("set deploy-job to the job that deploys")
    named = a_question({**INPUTS, "deploy_job": "deploy"}, default_branch="main")
    assert successes(released(github, named)) == {A}


def test_failure__of_a_workflow_without_flowjoy_is_no_release(github: GitHubStandIn) -> None:
    with_workflow(github, RUNS_FLOWJOY.replace("flowjoy", "other"))
    run = github.repository.add_run(sha=A, created_at=at(), conclusion="failure")
    github.repository.add_job(run, "deploy", at(1), conclusion="failure")
    assert successes(released(github)) == set()


# Without `deploy-job`, any job may be the one that deploys


@pytest.mark.parametrize(
    ("status", "conclusion"),
    [("completed", "failure"), ("completed", "cancelled"), ("completed", "stale"), ("waiting", None), ("queued", None)],
)
def test_uncertain__a_run_that_did_not_succeed_and_of_which_a_job_did_is_refused_once_its_clock_is_over(
    github: GitHubStandIn, status: str, conclusion: str | None
) -> None:
    github.repository.add_run(sha=A, created_at=at(), updated_at=at())
    run = github.repository.add_run(
        sha=B, created_at=at(60), updated_at=at(61), status=status, conclusion=conclusion, run_attempt=2
    )
    github.repository.add_job(run, "deploy-us", at(60.5), attempt=1)
    github.repository.add_job(run, "promise", at(61), conclusion="failure")
    with pytest.raises(HarvestError, match=f"1 run of release.yml did not succeed but may have deployed: {run}") as no:
        released(github)
    assert no.value.hint == "set deploy-job to the job that deploys"
    assert successes(released(github, a_run_question(as_of=at(107.9)))) == {A}
    assert successes(released(github, a_run_question(run_id=str(run)))) == {A}
    named = a_question({**INPUTS, "deploy_job": "deploy-us"}, default_branch="main")
    assert B in successes(released(github, named))


@pytest.mark.parametrize(("first", "refused"), [("lint", False), ("push image", True)])
def test_uncertain__tests_that_failed_before_a_skipped_deploy_job_deployed_nothing(
    github: GitHubStandIn, first: str, *, refused: bool
) -> None:
    run = github.repository.add_run(sha=A, created_at=at(), conclusion="failure")
    for name, conclusion in ((first, "success"), ("test", "failure"), ("Deploy (eu)", "skipped")):
        github.repository.add_job(run, name, at(), conclusion=conclusion)
    if refused:
        with pytest.raises(HarvestError, match="may have deployed"):
            released(github)
    else:
        assert successes(released(github)) == set()


def test_uncertain__a_younger_run_is_a_note_on_what_to_set(github: GitHubStandIn) -> None:
    run = github.repository.add_run(sha=A, created_at=at(), conclusion="failure")
    github.repository.add_job(run, "everything", at())
    (note,) = ask(GitHubRuns(), api_of(github), a_run_question(as_of=at(1))).notes
    uncertain = f"1 run of release.yml did not succeed but may have deployed: {run} (failure)"
    assert note == f"{uncertain}; set deploy-job, or FlowJoy ends with exit code 2 after 48 h"


def test_uncertain__a_run_that_ended_before_sla_since_opens_no_clock(github: GitHubStandIn) -> None:
    run = github.repository.add_run(sha=A, created_at=at(), updated_at=at(), conclusion="failure")
    github.repository.add_job(run, "everything", at())
    since = a_question({**INPUTS, "sla_since": at(24).date().isoformat()}, default_branch="main")
    assert successes(released(github, since)) == set()
    with pytest.raises(HarvestError, match="may have deployed"):
        released(github, a_question({**INPUTS, "sla_since": at().date().isoformat()}, default_branch="main"))


def test_uncertain__a_run_that_was_cancelled_before_it_had_a_job_deployed_nothing(github: GitHubStandIn) -> None:
    github.repository.add_run(sha=A, created_at=at(), conclusion="cancelled")
    assert successes(released(github)) == set()


def test_uncertain__a_run_without_any_job_is_refused(github: GitHubStandIn) -> None:
    github.repository.add_run(sha=A, created_at=at(), conclusion="failure")
    with pytest.raises(HarvestError, match="may have deployed"):
        released(github)


def test_uncertain__a_job_that_failed_after_flowjoy_ran_in_it_may_have_deployed(github: GitHubStandIn) -> None:
    run = github.repository.add_run(sha=A, created_at=at(), conclusion="failure")
    job = github.repository.add_job(run, "deploy", at(1), conclusion="failure")
    assert successes(released(github)) == set()
    github.repository.job_annotations[job] = [{"title": "FlowJoy"}]
    with pytest.raises(HarvestError, match="may have deployed"):
        released(github)


def test_uncertain__a_run_before_a_release_whose_clock_is_over_costs_no_request(github: GitHubStandIn) -> None:
    github.repository.add_run(sha=A, created_at=at(), conclusion="failure")
    github.repository.add_run(sha=B, created_at=at(1), updated_at=at(2))
    assert successes(released(github)) == {B}
    assert not any("jobs" in request.path for request in github.requests)


# Releases from other branches


def hotfix(github: GitHubStandIn, *jobs: tuple[str, str], **changes: Any) -> int:
    """A run of the release workflow on another branch, with these jobs and their conclusions."""
    changes = {"branch": "hotfix", "event": "workflow_dispatch", **changes}
    run = github.repository.add_run(sha=B, created_at=at(60), updated_at=at(61), **changes)
    for name, conclusion in jobs:
        github.repository.add_job(run, name, at(60.5), conclusion=conclusion)
    return run


@pytest.mark.parametrize("conclusion", ["success", "failure"])
def test_other_branch__a_run_whose_deploy_job_succeeded_is_a_release(github: GitHubStandIn, conclusion: str) -> None:
    with_jobs(github, 0, "deploy")
    hotfix(github, ("deploy", "success"), ("promise", conclusion), conclusion=conclusion)
    assert successes(released(github, of_jobs("deploy"))) == {A, B}


@pytest.mark.parametrize(
    "changes", [{"event": "pull_request"}, {"head_repository": "mallory/shop"}, {"conclusion": "startup_failure"}]
)
def test_other_branch__not_of_a_pull_request_nor_a_fork_nor_one_that_never_began(
    github: GitHubStandIn, changes: dict[str, str]
) -> None:
    with_jobs(github, 0, "deploy")
    hotfix(github, ("deploy", "success"), **changes)
    github.repository.add_pull_request(head_sha=B, base_sha=A, head_ref="hotfix", created_at=at(59))
    assert successes(released(github, of_jobs("deploy"))) == {A}


def test_other_branch__a_run_that_counts_is_named_with_the_input_that_leaves_it_out(github: GitHubStandIn) -> None:
    with_jobs(github, 0, "deploy")
    hotfix(github, ("deploy", "success"))
    (note,) = ask(GitHubRuns(), api_of(github), of_jobs("deploy")).notes
    cure = "set branch to main if that is not production"
    assert note == f"1 run on other branches than main (hotfix) deployed and count; {cure}"


def test_other_branch__does_not_count_where_branch_is_set_and_a_warning_names_it(github: GitHubStandIn) -> None:
    with_jobs(github, 0, "deploy")
    hotfix(github, ("deploy", "success"))
    hotfix(github, ("deploy", "failure"), conclusion="failure", branch="red")
    named = a_question({**INPUTS, "deploy_job": "deploy", "branch": "main"}, default_branch="main")
    result = ask(GitHubRuns(), api_of(github), named)
    assert successes(result.records) == {A}
    (note,) = result.notes
    assert isinstance(note, Note)
    assert (str(note), note.level) == (
        "1 run on other branches than main (hotfix) left out, because branch is set: what they deployed is not judged",
        NoteLevel.WARNING,
    )


def test_other_branch__a_run_whose_deploy_job_was_skipped_is_none(github: GitHubStandIn) -> None:
    with_jobs(github, 0, "deploy")
    hotfix(github, ("deploy", "skipped"), ("build", "success"))
    assert {record.sha for record in released(github, of_jobs("deploy"))} == {A}


@pytest.mark.parametrize("conclusion", ["success", "failure"])
def test_other_branch__without_deploy_job_a_run_that_may_have_deployed_is_refused_once_its_clock_is_over(
    github: GitHubStandIn, conclusion: str
) -> None:
    github.repository.add_run(sha=A, created_at=at())
    run = hotfix(github, ("everything", "success"), conclusion=conclusion)
    with pytest.raises(HarvestError, match=rf"1 run of release.yml may have deployed: {run} \(on hotfix\)") as problem:
        released(github)
    assert problem.value.hint == "set deploy-job to the job that deploys, or branch to main if no other branch deploys"
    assert successes(released(github, a_run_question(branch="main"))) == {A}
    (note,) = ask(GitHubRuns(), api_of(github), a_run_question(as_of=at(100))).notes
    assert note == (
        f"1 run of release.yml may have deployed: {run} (on hotfix); "
        "set deploy-job or branch, or FlowJoy ends with exit code 2 after 48 h"
    )


@pytest.mark.parametrize(
    ("jobs", "changes"),
    [
        ([("build", "success"), ("deploy", "skipped")], {}),
        ([("everything", "success")], {"event": "merge_group"}),
        ([("everything", "success")], {"event": "pull_request"}),
        ([("everything", "success")], {"conclusion": "startup_failure"}),
    ],
    ids=["its deploy job was skipped", "a merge queue", "a pull request", "it never began"],
)
def test_other_branch__without_deploy_job_a_run_that_deployed_nothing_is_none(
    github: GitHubStandIn, jobs: list[tuple[str, str]], changes: dict[str, str]
) -> None:
    github.repository.add_run(sha=A, created_at=at())
    hotfix(github, *jobs, **changes)
    github.repository.add_pull_request(head_sha=B, base_sha=A, head_ref="hotfix", created_at=at(59))
    result = ask(GitHubRuns(), api_of(github), a_run_question())
    assert (successes(result.records), result.notes) == ({A}, ())


def test_other_branch__before_a_release_that_owes_the_same_costs_no_request_for_jobs(github: GitHubStandIn) -> None:
    hotfix(github, ("everything", "success"))
    github.repository.add_run(sha=A, created_at=at(62))
    assert successes(released(github)) == {A}
    assert github.count("GET", "/jobs") == 0


def test_other_branch__that_an_earlier_run_judged_is_not_asked_again(github: GitHubStandIn) -> None:
    owing(github, A, "none")
    owing(github, B, "any")
    hotfix(github, ("build", "success"), ("deploy", "skipped"))
    github.repository.add_run(sha=A, created_at=at(62))
    for read_at, asked in ((at(109), 1), (at(110.1), 0)):
        before = github.count("GET", "/jobs")
        assert successes(released(github, a_run_question(code_read_at=read_at))) == {A}
        assert github.count("GET", "/jobs") - before == asked


def test_other_branch__more_runs_than_are_read_is_a_warning(github: GitHubStandIn) -> None:
    with_jobs(github, 0, "deploy")
    github.repository.add_pull_request(head_sha=B, base_sha=A, created_at=at(49))
    for n in range(501):
        github.repository.add_run(sha=B, created_at=at(50, minutes=n), branch="feature", event="pull_request")
    (note,) = ask(GitHubRuns(), api_of(github), of_jobs("deploy")).notes
    assert isinstance(note, Note)
    assert (str(note), note.level) == (
        "runs on other branches were read back to 2024-06-05T11:01:00Z only: an earlier release from one is not seen",
        NoteLevel.WARNING,
    )


def test_other_branch__a_hotfix_behind_many_runs_of_the_branch_is_found(github: GitHubStandIn) -> None:
    hotfix(github, ("deploy", "success"))
    for n in range(250):
        github.repository.add_run(sha=A, created_at=at(62, minutes=n), event="schedule", conclusion="skipped")
    assert successes(released(github, of_jobs("deploy"))) == {B}


def test_other_branch__runs_of_the_branch_alone_are_one_more_request(github: GitHubStandIn) -> None:
    for n in range(250):
        github.repository.add_run(sha=A, created_at=at(62, minutes=n), event="schedule", conclusion="skipped")
    released(github, of_jobs("deploy"))
    assert github.count("GET", RUNS) == 4


def test_other_branch__a_run_that_waited_for_a_reviewer_counts_although_a_release_went_first(
    github: GitHubStandIn,
) -> None:
    hotfix(github, ("deploy", "success"))
    with_jobs(github, 60.2, "deploy")
    github.repository.runs[min(github.repository.runs)].attempts[-1].updated_at = stamp(at(80))
    assert successes(released(github, of_jobs("deploy"))) == {A, B}


def test_other_branch__a_run_that_an_earlier_run_saw_end_is_not_asked_again(github: GitHubStandIn) -> None:
    with_jobs(github, 0, "deploy")
    seen = hotfix(github, ("deploy", "success"))
    looked = {"code_read_at": at(62.5), "known_code": {f"run:{seen}": at(60.5)}}
    assert successes(released(github, of_jobs("deploy", **looked))) == {A, B}
    hotfix(github, ("deploy", "skipped"))
    before = github.count("GET", "/jobs")
    assert successes(released(github, of_jobs("deploy", **looked))) == {A, B}
    assert github.count("GET", "/jobs") - before == 2
    assert successes(released(github, of_jobs("deploy", code_read_at=at(61.5)))) == {A, B}


def test_success__is_asked_for_no_workflow_file(github: GitHubStandIn) -> None:
    with_workflow(github, RUNS_FLOWJOY)
    github.repository.add_run(sha=A, created_at=at())
    assert successes(released(github, a_run_question(as_of=at(47)))) == {A}
    assert not any(b"FlowJoyFile" in request.body for request in github.requests)


def owing(github: GitHubStandIn, sha: str, rule: str) -> None:
    """The stub at a commit: what it requires of `recommender`."""
    requires = '{"requires": "none", "reason": "x"}' if rule == "none" else f'"{rule}"'
    github.repository.add_file(sha, "flowjoy.json", f'{{"models": {{"recommender": {requires}}}}}')


def with_jobs(github: GitHubStandIn, hours: float, *names: str, sha: str = A) -> int:
    run = github.repository.add_run(sha=sha, created_at=at(hours), updated_at=at(hours))
    for name in names:
        github.repository.add_job(run, name, at(hours))
    return run


def of_jobs(*names: str, **changes: Any) -> HarvestQuery:
    return a_question({**INPUTS, "deploy_job": "\n".join(names)}, default_branch="main", **changes)


def test_deploy_job__of_several_that_matches_nothing_is_refused(github: GitHubStandIn) -> None:
    with_jobs(github, 0, "deploy-eu", "deploy-us")
    with pytest.raises(HarvestError, match="no job that matches deploy-job 'deploy-usa'") as problem:
        released(github, of_jobs("deploy-eu", "deploy-usa"))
    assert problem.value.hint.startswith("set deploy-job to one of: deploy-us")


@pytest.mark.parametrize("names", [("deploy-eu", "deploy-us"), ("deploy-us",)])
def test_deploy_job__that_did_not_run_yet_is_known_from_the_workflow(
    github: GitHubStandIn, names: tuple[str, ...]
) -> None:
    with_workflow(github, "jobs: {deploy-eu: {}, deploy-us: {}, gate: {}}")
    with_jobs(github, 0, "deploy-eu", "gate")
    assert len(released(github, of_jobs(*names))) == (1 if "deploy-eu" in names else 0)


def test_deploy_job__that_only_runs_known_before_had_is_looked_for_in_them(github: GitHubStandIn) -> None:
    old = with_jobs(github, 0, "deploy-us", sha=B)
    with_jobs(github, 50, "deploy-eu")
    known = {f"run:{old}": at()}
    assert successes(released(github, of_jobs("deploy-eu", "deploy-us", known_code=known))) == {A, B}
    with pytest.raises(HarvestError, match="'deploy-usa'"):
        released(github, of_jobs("deploy-eu", "deploy-usa", known_code=known))
