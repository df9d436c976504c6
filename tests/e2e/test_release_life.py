"""The life of releases, told by the checks that people read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.in_process import TOKEN, A, B, C, World, at, new_world
from tests.fakes.artifact_service import ArtifactServiceStandIn
from tests.fakes.faults import Edited, EmptyBody, Slow
from tests.fakes.github import NOT_ACCESSIBLE, GitHubStandIn
from tests.fakes.http_base import Answer


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with GitHubStandIn(token=TOKEN) as github:
        yield new_world(github, tmp_path)


@pytest.fixture
def remembering(world: World) -> Iterator[World]:
    """The same world with an artifact service, so that a run finds the ledger of the one before."""
    with ArtifactServiceStandIn(world.github.repository) as world.artifacts:
        yield world


def test_release__is_neutral_at_hour_0_and_red_one_second_after_hour_48(world: World) -> None:
    shop = world.github.repository
    shop.add_commit(A, at())
    deployment = shop.add_deployment(sha=A, created_at=at(), statuses=[("queued", at())], run_id=77)
    started = world.run(at(), run_id="77")
    assert (started.code, started.outputs["sla-status"], started.obligation()["provisional"]) == (0, "pending", True)
    assert world.check(A)["conclusion"] == "neutral"
    assert world.check(A)["output"]["title"] == "recommender is due in 48 h (Wed 09:00 UTC)"

    shop.add_status(deployment, "success", at(seconds=40))
    shop.add_commit(B, at(1), parent=A)
    last_second = world.run(at(48, seconds=40), event="schedule", sha=B)
    assert (last_second.code, last_second.outputs["sla-status"]) == (0, "pending")
    assert last_second.obligation()["start"] == "2026-03-02T09:00:40Z"

    over = world.run(at(48, seconds=41), event="schedule", sha=B)
    assert (over.code, over.outputs["verdict"], over.outputs["sla-status"]) == (1, "fail", "breached")
    assert world.check(A)["conclusion"] == "failure"
    assert world.check(A)["output"]["title"] == "recommender is 1 s overdue"
    assert world.check(B)["conclusion"] == "failure"


def test_release__is_green_on_its_own_commit_at_hour_31(world: World) -> None:
    world.release(A, at())
    assert world.run(at()).code == 0
    assert world.check(A)["conclusion"] == "neutral"
    world.registry.add_version(at(31))
    world.github.repository.add_commit(B, at(2), parent=A)
    ran = world.run(at(31, seconds=1), event="schedule", sha=B)
    assert (ran.outputs["sla-status"], ran.outputs["sla-met"], ran.outputs["drift-lag-hours"]) == ("met", "1", "31.0")
    assert world.check(A)["conclusion"] == "success"
    assert world.check(A)["output"]["title"] == "1 model shipped after 31 h"


def test_release__shipped_late_stays_red_on_its_own_commit_and_fails_no_later_run(world: World) -> None:
    world.release(A, at())
    world.run(at())
    world.registry.add_version(at(54))
    ran = world.run(at(55), event="schedule", sha=A)
    assert (ran.code, ran.outputs["sla-status"], ran.outputs["sla-late"]) == (0, "late", "1")
    assert (world.check(A)["conclusion"], world.check(A)["output"]["title"]) == (
        "failure",
        "recommender shipped 6 h late",
    )


def test_check__a_rerun_updates_and_never_doubles(world: World) -> None:
    world.release(A, at())
    for hour in (0, 1, 2):
        world.run(at(hour))
    assert len(world.github.repository.check_runs) == 1


def test_check__a_creation_that_seemed_to_fail_is_not_repeated(world: World) -> None:
    world.release(A, at())

    class CreatedThenBroken(Slow):
        def serve(self, exchange: object) -> None:
            exchange.right_answer()  # type: ignore[attr-defined]  # the check is created …
            EmptyBody().serve(exchange)  # type: ignore[arg-type]  # … and the answer is lost

    world.github.fail("POST /repos/acme/shop/check-runs", fault=CreatedThenBroken(0))
    assert world.run(at(1)).code == 0
    assert len(world.github.repository.check_runs) == 1
    assert world.check(A)["conclusion"] == "neutral"


def test_check__that_may_not_be_written_is_a_warning_and_the_verdict_stands(world: World) -> None:
    world.release(A, at())
    world.github.fail("/check-runs", times=None, fault=NOT_ACCESSIBLE)
    ran = world.run(at(49))
    assert (ran.code, ran.outputs["verdict"]) == (1, "fail")
    assert "::warning title=FlowJoy::checks:" in ran.log
    assert "checks, pull-requests: write" in ran.log


def test_check__could_not_decide_is_a_failure_never_neutral(world: World) -> None:
    world.release(A, at())
    ran = world.run(at(1), models="ghost")
    assert (ran.code, ran.outputs["verdict"], ran.outputs["sla-status"]) == (2, "error", "unknown")
    assert world.check(A)["conclusion"] == "failure"
    assert "ghost" in ran.log


def test_enforce_false__a_breach_is_neutral_and_exits_0_but_an_error_is_not_softened(world: World) -> None:
    world.release(A, at())
    ran = world.run(at(49), enforce="false")
    assert (ran.code, ran.outputs["verdict"], world.check(A)["conclusion"]) == (0, "fail", "neutral")
    assert world.run(at(49), enforce="false", models="ghost").code == 2


def test_as_of__writes_nothing_to_github(world: World) -> None:
    world.release(A, at())
    ran = world.run(at(100), as_of="2026-03-03T09:00:00Z")
    assert (ran.code, ran.outputs["sla-status"], ran.outputs["next-deadline"]) == (0, "pending", "2026-03-04T09:00:00Z")
    assert world.github.repository.check_runs == {}


def test_schedule__whose_payload_names_no_repository_settles_all_the_same(world: World) -> None:
    world.release(A, at())
    world.run(at())
    world.github.repository.add_commit(B, at(1), parent=A)
    world.run(at(49), event="schedule", sha=B, payload={"repository": None, "schedule": "7 * * * *"})
    assert world.check(A)["conclusion"] == "failure"


def test_untrusted_run__settles_nothing(world: World) -> None:
    world.release(A, at())
    world.run(at())
    world.github.repository.add_commit(B, at(1), parent=A)
    world.run(at(49), sha=B, ref="refs/heads/feature")
    assert world.check(A)["conclusion"] == "neutral"


def test_stub__a_pin_is_kept_by_a_version_that_is_live_already(world: World) -> None:
    for hour in (-50, -40):
        world.registry.add_version(at(hour))
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", '{"models": {"recommender": ">=2"}}')
    ran = world.run(at(49))
    assert (ran.code, ran.obligation()["status"], ran.obligation()["version"]) == (0, "met", "2")


def test_stub__each_release_is_judged_by_the_stub_at_its_own_commit(world: World) -> None:
    world.registry.add_model("ranker")
    world.release(A, at())
    world.release(B, at(1), parent=A)
    world.github.repository.add_file(A, "flowjoy.json", '{"models": {"ranker": "any"}}')
    world.github.repository.add_file(B, "flowjoy.json", '{"models": {"recommender": "7"}}')
    owed = {(item["sha"], item["model"], item["requires"]) for item in world.run(at(2)).bundle["obligations"]}
    assert owed == {(A, "ranker", "any"), (B, "recommender", "7")}


def test_stub__a_broken_one_is_unknown_and_names_file_line_and_rule(world: World) -> None:
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", '{"models": {"recommender": "any"},\n "oops": 1}')
    ran = world.run(at(1))
    assert (ran.code, ran.outputs["sla-status"]) == (2, "unknown")
    assert "flowjoy.json at aaaaaaaaaaaa, line 2: unknown key 'oops'" in ran.log


def test_stub__a_commit_that_is_gone_is_unknown_not_undeclared(world: World) -> None:
    world.release(A, at())
    del world.github.repository.commits[A]
    assert world.run(at(1), sha=B).outputs["sla-status"] == "unknown"


def test_stub__a_waiver_in_time_unblocks_and_the_check_stays_neutral(world: World) -> None:
    waiver = {"model": "recommender", "sha": "*", "reason": "freeze", "by": "data platform"}
    stub = {"models": {"recommender": "any"}, "waivers": [{**waiver, "until": "2026-03-10T00:00:00Z"}]}
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", json.dumps(stub))
    during = world.run(at(60))
    assert (during.code, during.outputs["verdict"], during.obligation()["status"]) == (0, "pass", "waived")
    assert (world.check(A)["conclusion"], during.obligation()["waived_miss"]) == ("neutral", False)
    after = world.run(at(24 * 9))
    assert (after.code, after.obligation()["status"]) == (1, "breached")


def test_stub__a_waiver_that_came_after_the_fact_counts_as_a_miss(world: World) -> None:
    waiver = {"model": "recommender", "sha": "*", "reason": "freeze", "by": "data platform"}
    world.release(A, at())
    world.github.repository.add_commit(B, at(50), parent=A)
    stub = {"models": {"recommender": "any"}, "waivers": [{**waiver, "until": "2026-03-10T00:00:00Z"}]}
    world.github.repository.add_file(B, "flowjoy.json", json.dumps(stub))
    ran = world.run(at(60), sha=B)
    assert (ran.code, ran.obligation()["status"], ran.outputs["sla-rate"]) == (0, "waived", "0.0")


def test_annotation__stands_on_the_stubs_line_of_the_broken_model(world: World) -> None:
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", '{\n "models": {\n  "recommender": "any"}}')
    world.run(at(49))
    world.run(at(50))
    (run,) = world.github.repository.check_runs.values()
    assert [(item["path"], item["start_line"]) for item in run.annotations] == [("flowjoy.json", 3)]


@pytest.mark.parametrize(("tag", "status"), [("v1-lts", "breached"), ("v3", "cancelled")])
def test_release__of_an_older_commit_cancels_no_clock_if_its_tag_names_an_older_version(
    world: World, tag: str, status: str
) -> None:
    world.inputs["code-source"] = "releases"
    world.registry.add_version(at(-100))
    shop = world.github.repository
    shop.add_commit(A, at(-99))
    shop.add_commit(B, at(), parent=A)
    shop.add_release(tag="v1", sha=A, published_at=at(-99))
    shop.add_release(tag="v2", sha=B, published_at=at())
    assert world.run(at(1), sha=B).outputs["sla-status"] == "pending"
    shop.add_release(tag=tag, sha=A, published_at=at(20))
    assert world.run(at(49), sha=B).obligation(sha=B)["status"] == status


def test_rollback__in_time_cancels_the_clock(world: World) -> None:
    world.release(A, at(-60))
    world.registry.add_version(at(-59))
    world.release(B, at(), parent=A)
    shop = world.github.repository
    shop.add_deployment(sha=A, created_at=at(5), statuses=[("success", at(5))])
    ran = world.run(at(60))
    assert (ran.code, ran.obligation(sha=B)["status"]) == (0, "cancelled")
    assert [item["sha"] for item in ran.bundle["obligations"]] == [A, B]


def test_ship__stamps_a_ready_version_and_the_clock_stops(world: World) -> None:
    world.registry.add_version(at(-100))
    world.release(A, at())
    late = world.run(at(49), model_signal="tag:flowjoy.deployed_at")
    assert late.code == 1
    ran = world.run(at(47), ship="recommender=1", run_id="5", model_signal="tag:flowjoy.deployed_at")
    assert (ran.code, ran.obligation()["shipped_at"]) == (0, "2026-03-04T08:00:00Z")
    rerun = world.run(at(50), ship="recommender=1", run_id="5", model_signal="tag:flowjoy.deployed_at")
    assert rerun.obligation()["shipped_at"] == "2026-03-04T08:00:00Z"


def test_ship__of_a_version_that_shipped_before_is_no_new_model(world: World) -> None:
    for hour in (-95, -80):
        world.registry.add_version(at(hour))
    world.release(C, at(-94))
    world.run(at(-93), ship="recommender=1", run_id="4")
    world.release(B, at(), parent=C)
    ran = world.run(at(40), ship="recommender=1", run_id="5")
    assert (
        world.registry.client.get_model_version("recommender", "1").tags["flowjoy.deployed_again"]
        == "2026-03-04T01:00:00Z"
    )
    assert ran.obligation(sha=B)["status"] == "at_risk"
    assert world.run(at(49)).code == 1


@pytest.mark.matrix
def test_ship__of_a_version_that_kept_a_promise_by_its_registration_keeps_no_other(remembering: World) -> None:
    world = remembering
    for hour in (-200, 10):
        world.registry.add_version(at(hour))
    world.release(C, at())
    assert world.run(at(60), sha=C).obligation(sha=C)["status"] == "met"
    world.release(A, at(100), parent=C)
    world.run(at(120), sha=A)
    for hours in (130, 131):
        ran = world.run(at(hours), ship="recommender=2", run_id="7", sha=A)
        assert [ran.obligation(sha=sha)["status"] for sha in (C, A)] == ["met", "pending"]
        assert "Set model-signal to tag:flowjoy.deployed_at" in ran.log
    assert world.check(C)["conclusion"] == "success"
    over = world.run(at(149), sha=A)
    assert (over.code, over.obligation(sha=A)["status"]) == (1, "breached")


def test_ship__of_an_older_version_breaks_no_promise_that_was_kept(remembering: World) -> None:
    world = remembering
    for hour in (-200, 10):
        world.registry.add_version(at(hour))
    world.release(C, at())
    world.run(at(60), sha=C)
    world.release(A, at(100), parent=C)
    world.registry.add_version(at(110))
    world.run(at(120), sha=A)
    ran = world.run(at(130), ship="recommender=2", sha=A)
    assert [ran.obligation(sha=sha)["status"] for sha in (C, A)] == ["met", "met"]
    assert (ran.obligation(sha=C)["shipped_at"], ran.outputs["sla-late"]) == ("2026-03-02T19:00:00Z", "0")
    assert world.check(C)["conclusion"] == "success"


def test_ship__of_a_version_that_waited_for_days_is_its_one_ship(remembering: World) -> None:
    world = remembering
    for hour in (-200, 10):
        world.registry.add_version(at(hour))
    world.release(A, at(100))
    assert world.run(at(120), sha=A).obligation(sha=A)["status"] == "pending"
    ran = world.run(at(130), ship="recommender=2", sha=A)
    assert (ran.obligation(sha=A)["status"], ran.outputs["drift-lag-hours"]) == ("met", "30.0")


def test_ship__a_first_time_that_was_moved_past_a_later_one_is_named_with_the_cure(world: World) -> None:
    world.registry.add_version(at(-100))
    world.release(A, at())
    tag = world.registry.client.set_model_version_tag
    tag("recommender", "1", "flowjoy.deployed_again", "2026-03-03T09:00:00Z")
    tag("recommender", "1", "flowjoy.deployed_at", "2026-03-04T09:00:00Z")
    ran = world.run(at(60))
    assert ran.code == 2
    assert "flowjoy.deployed_again holds 2026-03-03T09:00:00Z, which is earlier than the first ship" in ran.log
    assert "set flowjoy.deployed_at back to the first ship" in ran.log


@pytest.mark.parametrize(("shipped", "conclusion"), [(None, "failure"), (10, "success")])
def test_check__of_a_release_is_settled_after_forty_days_without_a_run(
    remembering: World, shipped: float | None, conclusion: str
) -> None:
    remembering.release(A, at())
    remembering.run(at(1))
    if shipped is not None:
        remembering.registry.add_version(at(shipped))
    remembering.github.repository.add_commit(B, at(24), parent=A)
    remembering.run(at(24 * 40), event="schedule", sha=B)
    assert remembering.check(A)["conclusion"] == conclusion


def test_check__of_a_release_turns_red_when_its_waiver_ends_after_three_weeks(remembering: World) -> None:
    remembering.release(A, at())
    waiver = {"model": "recommender", "sha": A, "reason": "freeze", "by": "platform", "until": "2026-03-22T09:00:00Z"}
    stub = json.dumps({"models": {"recommender": "any"}, "waivers": [waiver]})
    remembering.github.repository.add_file(A, "flowjoy.json", stub)
    remembering.run(at(1))
    remembering.github.repository.add_commit(B, at(24), parent=A)
    for days, conclusion in ((3, "neutral"), (18, "neutral"), (21, "failure")):
        remembering.run(at(24 * days), event="schedule", sha=B)
        assert remembering.check(A)["conclusion"] == conclusion


@pytest.mark.matrix
def test_checks__of_more_releases_than_one_run_updates_are_updated_by_the_next(remembering: World) -> None:
    shas = [f"{number:040x}" for number in range(1, 46)]
    for number, sha in enumerate(shas):
        remembering.release(sha, at(number / 2), parent=shas[number - 1] if number else None)
        remembering.run(at(number / 2 + 0.01), sha=sha)
    remembering.registry.add_version(at(24))
    for hours, settled in ((24.5, 40), (25.5, 44)):
        remembering.run(at(hours), event="schedule", sha=shas[-1])
        titles = [remembering.check(sha)["output"]["title"] for sha in shas[:-1]]
        assert sum(title.startswith("1 model shipped") for title in titles) == settled


def test_pull_request__without_a_readable_payload_is_never_green(world: World) -> None:
    world.release(A, at())
    for event in ("pull_request", "pull_request_target"):
        ran = world.run(at(1), event=event)
        assert (ran.code, ran.outputs["verdict"]) == (2, "error")
        assert "GITHUB_EVENT_PATH: the payload of '" + event + "' has no pull_request.number" in ran.log


def test_stub__that_is_broken_stays_unknown_when_its_week_leaves_the_window(world: World) -> None:
    world.release(A, at(-15))
    world.github.repository.add_file(A, "flowjoy.json", "{broken")
    assert world.run(at(), weeks="1").outputs["verdict"] == "error"
    assert world.run(at(24 * 27), weeks="1").outputs["verdict"] == "error"


def test_model__that_leaves_the_registry_while_it_is_owed_is_never_green(world: World) -> None:
    world.registry.add_model("ranker")
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", '{"models": {"ranker": "any"}}')
    assert world.run(at(24 * 8), weeks="1").code == 1
    world.registry.client.delete_registered_model("ranker")
    assert world.run(at(24 * 8), weeks="1").code == 2


def test_status__of_a_word_that_github_does_not_know_is_never_green(world: World) -> None:
    def strange(body: dict[str, object]) -> dict[str, object]:
        text = json.dumps(body).replace('"SUCCESS"', '"SPLENDID"')
        changed: dict[str, object] = json.loads(text)
        return changed

    world.release(A, at())
    world.github.fail("/graphql", times=None, fault=Edited(strange))
    assert world.run(at(49)).outputs["verdict"] == "error"


@pytest.mark.parametrize(
    ("ship", "said"),
    [
        ("recommender=9", "does not know it"),
        ("recommender=1", "PENDING_REGISTRATION"),
        ("recommender=1.0", "has no such version (name one that it shows: MLflow's versions are whole numbers"),
    ],
)
def test_ship__refuses_what_is_not_there_or_not_ready(world: World, ship: str, said: str) -> None:
    world.registry.add_version(at(-1), status="PENDING_REGISTRATION")
    world.release(A, at())
    ran = world.run(at(1), ship=ship)
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert said in ran.log


def test_undeclared__is_said_and_nothing_is_enforced(world: World) -> None:
    world.release(A, at())
    ran = world.run(at(100), models="")
    assert (ran.code, ran.outputs["sla-status"]) == (0, "undeclared")
    assert world.check(A)["conclusion"] == "neutral"
    assert "No model dependency is declared" in world.check(A)["output"]["title"]


def test_newer_code__does_not_reset_an_older_clock_and_one_ship_closes_many(world: World) -> None:
    world.release(A, at())
    world.release(B, at(24), parent=A)
    world.release(C, at(30), parent=B)
    pending = world.run(at(40))
    assert pending.outputs["next-deadline"] == "2026-03-04T09:00:00Z"
    world.registry.add_version(at(41))
    assert world.run(at(42)).outputs["sla-met"] == "3"


def test_github__answering_for_another_reason_is_never_a_pass(world: World) -> None:
    world.github.fail("/graphql", times=None, fault=Answer(200, {"data": {"repository": None}}))
    assert world.run(at(1)).outputs["verdict"] == "error"


BOMBS = {
    "nested brackets": "[" * 100_000,
    "a file of 50 MB": " " * 50_000_000,
    "NaN": '{"models": {"recommender": NaN}}',
    "a key twice": '{"models": {"recommender": "any", "recommender": "1"}}',
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_stub__that_is_a_bomb_is_never_judged(world: World, text: str) -> None:
    world.registry.add_version(at(1))
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", text)
    ran = world.run(at(2))
    assert (ran.code, ran.outputs["verdict"], ran.outputs["sla-status"]) == (2, "error", "unknown")
    assert len(ran.log) < 20_000
