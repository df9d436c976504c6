"""Whole runs over what puts nothing live, or puts it live in another way than it seems: what counts as a release."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.e2e.in_process import A, B, C, Ran, World, at
from tests.fakes.faults import Edited


def scheduled(world: World, hours: float, **inputs: Any) -> Ran:
    return world.run(at(hours), event="schedule", **inputs)


def kept(world: World) -> None:
    """A release that kept its promise: B, and one version an hour after it."""
    world.release(B, at())
    world.registry.add_version(at(1))


def test_pull_request__that_needs_the_environments_secrets_opens_no_clock(world: World) -> None:
    # actions/runner#2120: each job with `environment:` makes a deployment, on pull requests too.
    kept(world)
    world.github.repository.add_deployment(
        sha=C, created_at=at(2), statuses=[("success", at(2))], ref="refs/pull/7/merge", run_id=81
    )
    for hours in (60, 61):
        ran = scheduled(world, hours)
        assert (ran.code, ran.outputs["sla-status"], len(ran.bundle["code"])) == (0, "met", 1)
        assert "1 deployment for a pull request: left out" in ran.log


def test_promotion__starts_its_clock_in_production(world: World) -> None:
    # bobheadxi/deployments#146
    kept(world)
    states = [("success", at(2)), ("success", at(60), None, "production")]
    world.github.repository.add_deployment(sha=A, created_at=at(2), environment="staging", statuses=states)
    ran = scheduled(world, 70)
    assert (ran.code, ran.outputs["sla-status"], ran.obligation()["start"]) == (0, "pending", "2026-03-04T21:00:00Z")


def test_unfinished__deployment_of_the_same_commit_by_somebody_else_is_not_this_release(world: World) -> None:
    # devtron-labs/devtron#3004: deployments of another system stay under way.
    kept(world)
    states = [("queued", at(30)), ("in_progress", at(31))]
    world.github.repository.add_deployment(sha=A, created_at=at(30), statuses=states)
    for hours in (60, 80):
        ran = scheduled(world, hours)
        assert (ran.outputs["sla-status"], ran.outputs["next-deadline"]) == ("met", "")


def test_rerun__of_an_old_release_after_a_newer_one_is_a_rollback(world: World) -> None:
    shop = world.github.repository
    world.registry.add_version(at(-1))
    world.release(A, at(), run_id=7)
    world.release(B, at(10), run_id=8)
    shop.add_deployment(sha=A, created_at=at(20), statuses=[("success", at(20))], run_id=7)
    ran = scheduled(world, 60)
    assert (ran.code, ran.obligation(sha=B)["status"], ran.obligation(sha=A)["status"]) == (0, "cancelled", "met")


@pytest.mark.matrix
@pytest.mark.parametrize("remembers", [True, False])
def test_late_success__of_a_deployment_that_failed_long_ago_opens_its_clock(world: World, *, remembers: bool) -> None:
    shop = world.github.repository
    shop.add_commit(A, at(-24 * 120))
    failed = [
        shop.add_deployment(sha=A, created_at=at(-24 * 120, seconds=n), statuses=[("failure", at(-24 * 119))], run_id=7)
        for n in range(3)
    ]
    for other in range(150):
        world.release(f"{other + 1:040x}", at(-12 * other - 1))
    world.registry.add_version(at(-0.5))
    world.release(B, at(-0.25))
    assert world.run(at()).code == 0
    # Of the three jobs of that run it is the last that goes on.
    shop.add_status(failed[-1], "success", at(2), log_url="https://github.com/acme/shop/actions/runs/7/job/1")
    if not remembers:
        shop.artifacts.clear()
    ran = scheduled(world, 51)
    assert (ran.code, ran.obligation()["status"], ran.obligation()["start"]) == (1, "breached", "2026-03-02T11:00:00Z")


@pytest.mark.matrix
def test_failed_deployment__that_was_deleted_does_not_stop_the_run(world: World) -> None:
    shop = world.github.repository
    failed = shop.add_deployment(sha=A, created_at=at(-24 * 120), statuses=[("failure", at(-24 * 119))])
    for other in range(120):
        world.release(f"{other + 1:040x}", at(-12 * other - 1))
    world.registry.add_version(at(-0.5))
    world.run(at())
    del shop.deployments[failed]
    assert scheduled(world, 1).code == 0


def test_renamed_environment__is_a_warning_that_names_the_new_one(world: World) -> None:
    shop = world.github.repository
    for hours in (0, 24, 50):
        world.release(f"{hours + 1:040x}", at(hours))
    for hours in (60, 70):
        shop.add_deployment(sha=A, created_at=at(hours), environment="prod", statuses=[("success", at(hours))])
        shop.add_deployment(sha=C, created_at=at(hours), environment="staging", statuses=[("success", at(hours))])
    world.registry.add_version(at(51))
    assert "has been quiet" not in scheduled(world, 72).log
    ran = scheduled(world, 100)
    assert ran.code == 0
    assert "::warning title=FlowJoy::code (GitHub deployments): environment 'production' has been quiet" in ran.log
    assert "set environment to 'production,prod': until then 2 newer deployments there are dropped" in ran.log


def test_renamed_environment__after_one_deploy_is_a_warning_when_it_is_silent_for_two_weeks(world: World) -> None:
    world.release(A, at())
    world.registry.add_version(at(1))
    when = at(24)
    world.github.repository.add_deployment(sha=A, created_at=when, environment="prod", statuses=[("success", when)])
    assert "has been quiet" not in scheduled(world, 24 * 13).log
    ran = scheduled(world, 24 * 15)
    assert (ran.code, "'production' has been quiet" in ran.log) == (0, True)


def test_renamed_environment__in_another_case_goes_on_opening_clocks(world: World) -> None:
    world.registry.add_version(at(-24 * 15))
    world.release(A, at(-24 * 14))
    world.registry.add_version(at(-24 * 13))
    shop = world.github.repository
    shop.add_commit(B, at(), parent=A)
    shop.add_deployment(sha=B, created_at=at(), environment="Production", statuses=[("success", at())])
    ran = scheduled(world, 49)
    assert (ran.code, ran.obligation(sha=B)["status"]) == (1, "breached")


@pytest.mark.parametrize("remembers", [True, False])
def test_several_environments__of_which_one_is_misspelt_are_not_judged(world: World, *, remembers: bool) -> None:
    world.registry.add_version(at(-500))
    shop = world.github.repository
    for sha, hours, name in ((A, -400, "production-eu"), (B, 0, "production-us")):
        shop.add_commit(sha, at(hours), parent=A if sha == B else None)
        shop.add_deployment(sha=sha, created_at=at(hours), environment=name, statuses=[("success", at(hours))])
    world.registry.add_version(at(-390))
    if remembers:
        assert scheduled(world, 99, environment="production-eu,production-us").code == 1
    ran = scheduled(world, 100, environment="production-eu,production-usa")
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert "none in the environment 'production-usa'" in ran.log
    assert "set environment to one of: production-us" in ran.log


def test_several_environments__are_read_anew_each_time_and_fold_into_one_release(world: World) -> None:
    shop = world.github.repository
    world.inputs["environment"] = "production-*"
    for name, hours in (("production-eu", 0), ("production-us", 2)):
        shop.add_deployment(sha=A, created_at=at(), environment=name, statuses=[("success", at(hours))], run_id=7)
    world.registry.add_version(at(3))
    for hours in (4, 60):
        ran = scheduled(world, hours)
        assert (ran.code, [item["sha"] for item in ran.bundle["code"]]) == (0, [A])


def kept_before(world: World) -> None:
    """A release whose model shipped before it: what comes next needs another version."""
    world.registry.add_version(at(-1))
    world.release(B, at())


def dispatched(world: World, hours: float) -> Ran:
    """A run that was started by hand at the head of main, A, and deploys what somebody named."""
    return world.run(at(hours), event="workflow_dispatch")


def begun_by_the_next_run(world: World, sha: str) -> int:
    """A deployment of that commit by the run that begins next."""
    shop = world.github.repository
    shop.add_commit(sha, at(20), parent=A, branch="feature")
    number = shop.add_deployment(sha=sha, created_at=at(20), ref="feature")
    # The run takes the id after that of the status.
    run_id = number + 2
    shop.add_status(number, "queued", at(20), f"https://github.com/acme/shop/actions/runs/{run_id}/job/1")
    return number


def test_check__also_stands_on_the_commit_that_the_run_deployed_and_settles_there(world: World) -> None:
    # trade-tariff/trade-tariff-backend#3698: GITHUB_SHA is the head of main, what goes live is an input.
    shop = world.github.repository
    shop.add_commit(A, at(-1))
    kept_before(world)
    number = begun_by_the_next_run(world, C)
    ran = dispatched(world, 20)
    assert ran.obligation(sha=C)["provisional"] is True
    assert [world.check(sha)["conclusion"] for sha in (A, C)] == ["neutral", "neutral"]
    shop.add_status(number, "success", at(20.5))
    world.registry.add_version(at(30))
    scheduled(world, 31)
    assert world.check(C)["conclusion"] == "success"
    assert world.check(C)["output"]["title"] == "1 model shipped after 9 h 30 m"


def test_check__on_a_deployed_commit_turns_red_when_its_promise_is_broken(world: World) -> None:
    world.github.repository.add_commit(A, at(-1))
    kept_before(world)
    number = begun_by_the_next_run(world, C)
    dispatched(world, 20)
    world.github.repository.add_status(number, "success", at(21))
    assert scheduled(world, 70).code == 1
    assert world.check(C)["conclusion"] == "failure"


def test_check__of_what_another_run_deployed_is_not_written(world: World) -> None:
    world.github.repository.add_commit(A, at(-1))
    kept_before(world)
    dispatched(world, 2)
    assert {run.fields["head_sha"] for run in world.github.repository.check_runs.values()} == {A}


def test_check__on_a_deployed_commit_that_is_gone_is_a_warning(world: World) -> None:
    shop = world.github.repository
    shop.add_commit(A, at(-1))
    kept_before(world)
    begun_by_the_next_run(world, C)
    del shop.commits[C]
    ran = dispatched(world, 20)
    assert world.check(A)["conclusion"] == "failure"
    assert "::warning title=FlowJoy::checks:" in ran.log


def lost(world: World, hours: float) -> None:
    """A release of a commit that is no longer in the repository: force-pushed, squashed or filtered out."""
    world.release(C, at(hours))
    del world.github.repository.commits[C]


def test_gone_commit__of_a_release_that_was_replaced_and_judged_since_stops_deciding_after_28_days(
    world: World,
) -> None:
    lost(world, -24 * 60)
    kept(world)
    ran = scheduled(world, 60)
    assert (ran.code, ran.outputs["sla-status"]) == (0, "met")
    assert "1 deployed commit gone from the repository" in ran.log


@pytest.mark.parametrize("days", [29, 3], ids=["deadline 27 days ago", "deadline yesterday"])
def test_gone_commit__decides_until_then_and_names_the_cure_and_the_release(world: World, days: int) -> None:
    lost(world, -24 * days)
    kept(world)
    ran = scheduled(world, 20)
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    begun = at(-24 * days).date()
    assert (
        f"the model stub of deployment:1001 cannot be read: the commit {C[:12]} is gone from the repository" in ran.log
    )
    cure = f"{begun + timedelta(days=1):%Y-%m-%d}"
    assert f"set sla-since to {cure} or a later day" in ran.log
    world.inputs["sla-since"] = cure
    assert scheduled(world, 21).code == 0


def test_gone_commit__that_is_live_decides_however_old(world: World) -> None:
    world.registry.add_version(at(-24 * 71))
    world.release(B, at(-24 * 70))
    lost(world, -24 * 60)
    assert scheduled(world, 0).code == 2


def test_gone_commit__decides_until_the_clock_of_a_later_release_has_ended(world: World) -> None:
    lost(world, -24 * 60)
    world.release(B, at())
    assert scheduled(world, 10).code == 2
    assert scheduled(world, 60).code == 1


def test_gone_commit__that_was_rolled_back_to_is_live_again(world: World) -> None:
    lost(world, -24 * 60)
    kept(world)
    world.github.repository.add_deployment(sha=C, created_at=at(3), statuses=[("success", at(3))])
    del world.github.repository.commits[C]
    assert scheduled(world, 60).code == 2


HEADS: dict[str, dict[str, Any]] = {
    "no repository": {"head_repository": None},
    "an empty repository": {"head_repository": {}},
    "no branch": {"head_branch": None},
    "no commit": {"head_sha": None},
    "an empty commit": {"head_sha": ""},
}


@pytest.mark.parametrize("change", HEADS.values(), ids=HEADS)
def test_run__that_hides_whose_it_is_decides_nothing(world: World, change: dict[str, Any]) -> None:
    kept(world)
    world.github.repository.add_run(sha=B, created_at=at())

    def hide(body: Any) -> Any:
        for listed in body["workflow_runs"]:
            listed.update(change)
        return body

    world.github.fail("/actions/workflows/release.yml/runs", times=None, fault=Edited(hide))
    ran = scheduled(world, 60, code_source="workflow-runs", workflow="release.yml")
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert world.check(A)["conclusion"] == "failure"


def test_deployment__without_a_commit_decides_nothing(world: World) -> None:
    kept(world)

    def hide(body: Any) -> Any:
        for node in ((body["data"].get("repository") or {}).get("deployments") or {}).get("nodes", []):
            node["commitOid"] = ""
        return body

    world.github.fail("/graphql", times=None, fault=Edited(hide))
    ran = scheduled(world, 60)
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")


@pytest.mark.parametrize("value", ["2026-03-02T10:00:00", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1772445600"])
def test_time__of_a_ship_that_cannot_be_is_never_judged_and_names_the_version(world: World, value: str) -> None:
    """Without an offset, of 1970, of the year 9999, in seconds where milliseconds belong."""
    world.release(A, at())
    world.registry.add_version(at(1), tags={"deployed": value})
    ran = scheduled(world, 60, model_signal="tag:deployed")
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert "recommender v1" in ran.log


@pytest.mark.parametrize("value", ["2026-03-02T09:00:00", "1970-01-20T21:00:00Z", "9999-12-31T23:59:59Z"])
def test_time__of_a_deployment_that_cannot_be_is_never_judged_and_names_it(world: World, value: str) -> None:
    world.registry.add_version(at(1))
    world.github.repository.add_commit(A, at())
    number = world.github.repository.add_deployment(sha=A, created_at=at(), statuses=[("success", value)])
    ran = scheduled(world, 60)
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert str(number) in ran.log
