"""Pull requests: the gate, the comment, forks; a pull request cannot loosen its own gate."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowjoy.cli.replay import replay
from tests.e2e.in_process import TOKEN, A, B, C, Ran, World, at, blank_pictures, new_world
from tests.fakes.github import NOT_ACCESSIBLE, GitHubStandIn
from tests.unit.report.rendered import files_without_links, read

STUB = '{"models": {"recommender": "1"}}'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with GitHubStandIn(token=TOKEN) as github:
        made = new_world(github, tmp_path)
        made.registry.add_version(at(-100))
        made.release(A, at(-90))
        github.repository.add_file(A, "flowjoy.json", STUB)
        github.repository.add_commit(B, at(), parent=A, branch="feature")
        yield made


def a_pull(world: World, stub: str | None = None, **more: Any) -> int:
    """A pull request from B onto A; with `stub`, one that edits flowjoy.json."""
    if stub is not None:
        world.github.repository.add_file(B, "flowjoy.json", stub)
        more.setdefault("files", {"flowjoy.json": "modified"})
    return world.github.repository.add_pull_request(head_sha=B, base_sha=more.pop("base_sha", A), **more)


def judge(world: World, number: int, *, fork: bool = False, **inputs: str) -> Ran:
    return world.run(
        at(1),
        event="pull_request",
        ref=f"refs/pull/{number}/merge",
        sha="d" * 40,
        payload=world.pull_request(number, fork=fork),
        **inputs,
    )


def test_gate__that_is_met_is_green_on_the_head_commit(world: World) -> None:
    ran = judge(world, a_pull(world))
    assert (ran.code, ran.outputs["verdict"]) == (0, "pass")
    assert world.check(B, "model dependency")["conclusion"] == "success"
    assert world.check(B, "SLA")["conclusion"] == "success"


def test_gate__a_pin_that_is_not_registered_yet_is_a_notice_with_a_forecast(world: World) -> None:
    ran = judge(world, a_pull(world, '{"models": {"recommender": "2"}}'))
    check = world.check(B, "model dependency")
    assert (ran.code, check["conclusion"]) == (0, "success")
    assert check["output"]["title"] == (
        "Recommender: no version that fits 2 is registered yet; merging starts a 48 h clock for recommender; "
        "its last ship took 0 h"
    )
    assert "no version that fits 2 is registered yet" in read(check["output"]["summary"])


def test_gate__a_pin_to_a_deleted_version_is_red_and_no_advice_is_to_ship_it(world: World) -> None:
    world.registry.add_version(at(-2))
    world.registry.client.delete_model_version("recommender", "1")
    stub = '{"models": {"recommender": "1"}}'
    ran = judge(world, a_pull(world, stub))
    assert ran.code == 1
    assert world.check(B, "model dependency")["output"]["title"] == (
        "Merging is blocked: recommender: version 1 was deleted, and its number is not used again. "
        "Pin a version that is registered"
    )
    world.github.repository.add_file(B, "flowjoy.json", stub)
    world.release(B, at(2), parent=A)
    ran = world.run(at(60), sha=B)
    assert ran.code == 1
    plain = read(ran.summary)
    assert "ship version" not in plain
    assert "replace the pin to version 1 of recommender, which was deleted, in flowjoy.json" in plain


def test_gate__a_pin_that_is_not_ready_is_red(world: World) -> None:
    world.registry.add_version(at(-1), status="FAILED_REGISTRATION")
    ran = judge(world, a_pull(world, '{"models": {"recommender": "2"}}'))
    assert (ran.code, ran.outputs["verdict"]) == (1, "fail")
    assert world.check(B, "model dependency")["output"]["title"].startswith(
        "Merging is blocked: recommender: version 2 is not READY. Pin a READY version in flowjoy.json"
    )


def test_gate__a_model_that_does_not_exist_is_red(world: World) -> None:
    ran = judge(world, a_pull(world, '{"models": {"recommender": "1", "ghost": "any"}}'))
    assert ran.code == 1
    assert "ghost: the registry does not know this model" in world.check(B, "model dependency")["output"]["title"]


def test_gate__an_invalid_stub_is_red_and_names_the_line(world: World) -> None:
    ran = judge(world, a_pull(world, '{"models": {"recommender": "1"},\n"waiver": []}'))
    check = world.check(B, "model dependency")
    assert (ran.code, check["conclusion"]) == (1, "failure")
    assert check["output"]["title"] == (
        "Merging is blocked: flowjoy.json, line 2: unknown key 'waiver': did you mean 'waivers'?"
    )
    assert [note["start_line"] for note in check["output"]["annotations"]] == [2]


@pytest.mark.parametrize("stub", [STUB, '{"models": {"ghost": "any"}}', '{"models": {"recommender": "1"},\n"x": []}'])
def test_replay__of_a_pull_request_tells_its_gate_again_byte_for_byte(world: World, stub: str, tmp_path: Path) -> None:
    ran = judge(world, a_pull(world, stub))
    log = io.StringIO()
    with blank_pictures():
        code = replay([str(ran.folder / "flowjoy-bundle.json"), "--output-dir", str(tmp_path / "again")], log)
    assert code == 0
    assert files_without_links(tmp_path / "again") == files_without_links(ran.folder)
    assert f"the promise then: {ran.outputs['verdict']}" in log.getvalue()


@pytest.mark.parametrize(
    "loosened",
    [
        '{"models": {"recommender": "any"}}',
        '{"models": {}}',
        json.dumps(
            {
                "models": {"recommender": "2"},
                "waivers": [
                    {
                        "model": "recommender",
                        "sha": "*",
                        "reason": "mine",
                        "by": "me",
                        "until": "2027-01-01T00:00:00Z",
                    }
                ],
            }
        ),
    ],
    ids=["any instead of a pin", "the model removed", "a waiver for itself"],
)
def test_gate__a_pull_request_that_loosens_its_own_stub_stays_red(world: World, loosened: str) -> None:
    world.registry.add_version(at(-80), status="FAILED_REGISTRATION")
    world.github.repository.add_file(A, "flowjoy.json", '{"models": {"recommender": "2"}}')
    number = a_pull(world, loosened, files={"flowjoy.json": "modified", "shop/search.py": "modified"})
    ran = judge(world, number, sla_since="2026-03-01")
    summary = world.check(B, "model dependency")["output"]["summary"]
    assert (ran.code, world.check(B, "model dependency")["conclusion"]) == (1, "failure")
    assert "version 2 is not READY" in summary
    assert "until this is merged both apply" in summary or "not for this pull request" in summary


A_WAIVER = {"model": "ghost", "sha": "*", "reason": "retired", "by": "data platform", "until": "2026-03-20"}


@pytest.mark.parametrize(
    ("base", "mended", "conclusion"),
    [
        ('{"models": {"recommender": "2"}}', STUB, "success"),
        ('{"models": {"recommender": "1", "ghost": "any"}}', STUB, "success"),
        (
            '{"models": {"recommender": "1", "ghost": "any"}}',
            '{"models": {"recommender": "1", "ghost": {"requires": "none", "reason": "retired"}}}',
            "success",
        ),
        (
            '{"models": {"recommender": "1", "ghost": "any"}}',
            json.dumps({"models": {"recommender": "1", "ghost": "any"}, "waivers": [A_WAIVER]}),
            "neutral",
        ),
    ],
    ids=["pins another version", "drops the model", "requires none", "adds a waiver"],
)
def test_gate__a_pull_request_that_changes_only_the_stub_can_mend_the_base_branchs(
    world: World, base: str, mended: str, conclusion: str
) -> None:
    """Without it nothing could merge: each pull request is red for what the base branch requires."""
    world.registry.add_version(at(-80), status="FAILED_REGISTRATION")
    shop = world.github.repository
    shop.add_commit(C, at(-1), parent=A)
    shop.add_commit(B, at(), parent=C, branch="feature")
    shop.add_file(C, "flowjoy.json", base)
    number = a_pull(world, mended, base_sha=C, files={"flowjoy.json": "modified", "shop/search.py": "modified"})
    assert judge(world, number).code == 1
    if conclusion == "success":
        cure = "mend flowjoy.json there by a pull request that changes only that file, then update this branch"
        assert cure in read(world.check(B, "model dependency")["output"]["summary"])
    shop.issues[number].closed_at = "2026-03-02T10:00:00Z"
    ran = judge(world, a_pull(world, mended, base_sha=C))
    check = world.check(B, "model dependency")
    assert (ran.code, check["conclusion"]) == (0, conclusion)
    assert ("only flowjoy.json changes" in read(check["output"]["summary"])) == (base != mended)


def test_gate__feature_flags_must_touch_the_stub(world: World) -> None:
    flagged = a_pull(world, labels=["feature-flag"], files={"shop/search.py": "modified"})
    assert judge(world, flagged).code == 1
    assert "must touch flowjoy.json" in world.check(B, "model dependency")["output"]["title"]
    by_path = a_pull(world, files={"config/flags/search.yml": "added"})
    assert judge(world, by_path, flag_paths="config/flags/**").code == 1
    touching = a_pull(world, STUB, labels=["feature-flag"])
    assert judge(world, touching).code == 0


def test_gate__the_pinned_version_must_carry_the_validated_tag(world: World) -> None:
    number = a_pull(world)
    assert judge(world, number, model_validated_tag="integration=passed").code == 1
    assert "does not carry integration=passed" in world.check(B, "model dependency")["output"]["title"]
    world.registry.client.set_model_version_tag("recommender", "1", "integration", "passed")
    assert judge(world, number, model_validated_tag="integration=passed").code == 0


@pytest.mark.matrix
def test_comment__is_one_is_updated_in_place_and_is_silent_when_nothing_changed(world: World) -> None:
    shop = world.github.repository
    calm = a_pull(world)
    judge(world, calm)
    assert shop.issues[calm].comments == []
    number = a_pull(world, '{"models": {"recommender": "2"}}')
    for _ in range(3):
        judge(world, number)
    (comment,) = shop.issues[number].comments
    before = world.github.count("PATCH", "/issues/comments")
    assert "Merging starts a 48 h clock" in comment.body
    assert before == 0
    world.registry.add_version(at())
    judge(world, number)
    assert len(shop.issues[number].comments) == 1
    assert "merging starts" not in shop.issues[number].comments[0].body


def test_comment__of_a_person_is_never_touched(world: World) -> None:
    number = a_pull(world, '{"models": {"recommender": "2"}}')
    world.github.repository.add_comment(number, "<!-- flowjoy shop -->\nmine", author="somebody")
    judge(world, number)
    bodies = [comment.body for comment in world.github.repository.issues[number].comments]
    assert len(bodies) == 2
    assert bodies[0] == "<!-- flowjoy shop -->\nmine"


def test_fork__is_judged_by_its_stub_and_nothing_is_written(world: World) -> None:
    world.github.fail("POST /repos", times=None, fault=NOT_ACCESSIBLE)
    world.github.fail("PATCH /repos", times=None, fault=NOT_ACCESSIBLE)
    number = a_pull(world, STUB, head_repository="mallory/shop")
    ran = judge(world, number, fork=True, mlflow_tracking_uri="", models="")
    assert (ran.code, ran.outputs["verdict"], ran.outputs["sla-status"]) == (0, "pass", "unknown")
    assert "judged on merge" in ran.summary
    assert world.github.count("POST", "/repos") == 0
    broken = a_pull(world, '{"models": 1}', head_repository="mallory/shop")
    assert judge(world, broken, fork=True, mlflow_tracking_uri="", models="").code == 1


def test_fork__models_without_a_registry_address_is_no_crash(world: World) -> None:
    number = a_pull(world, STUB, head_repository="mallory/shop")
    ran = judge(world, number, fork=True, mlflow_tracking_uri="", models="recommender")
    assert (ran.code, ran.outputs["verdict"]) == (0, "pass")


def test_gate__is_never_green_when_the_stubs_cannot_be_read(world: World) -> None:
    number = a_pull(world, '{"models": {"recommender": "2"}}')
    world.github.fail("POST /graphql", times=None, skip=1, fault=NOT_ACCESSIBLE)
    ran = judge(world, number)
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert world.check(B, "model dependency")["conclusion"] == "failure"


def test_pull_request__that_cannot_be_read_is_red(world: World) -> None:
    number = a_pull(world)
    world.github.fail(f"/pulls/{number}", times=None, fault=NOT_ACCESSIBLE)
    ran = judge(world, number)
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert world.check(B, "model dependency")["conclusion"] == "failure"


@pytest.mark.parametrize("text", ["@octo-org/admins look", "![x](https://evil.example/p.png)", "<details>", "a | b"])
def test_text_of_strangers__cannot_mention_or_inject_markup(world: World, text: str) -> None:
    ran = judge(world, a_pull(world, json.dumps({"models": {"recommender": "1"}, text: 1})))
    for written in (ran.summary, world.check(B, "model dependency")["output"]["summary"]):
        assert text not in written
    assert text.partition("](")[0] not in ran.summary


def test_check__of_an_open_pull_request_follows_the_promise_although_its_workflow_does_not_run(world: World) -> None:
    world.github.repository.add_file(C, "flowjoy.json", '{"models": {"recommender": "any"}}')
    world.release(C, at(0))
    judge(world, a_pull(world, base_sha=C))
    assert world.check(B, "SLA")["conclusion"] == "neutral"
    assert world.run(at(49), event="schedule", sha=C).code == 1
    assert world.check(B, "SLA")["conclusion"] == "failure"
    assert world.check(B, "SLA")["output"]["title"] == "Merging is blocked: recommender is 1 h overdue"
    world.registry.add_version(at(49.5))
    assert world.run(at(50), event="schedule", sha=C).code == 0
    assert world.check(B, "SLA")["conclusion"] != "failure"
