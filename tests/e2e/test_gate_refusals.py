"""One commit, one check of a name: what several pull requests, services and runs make of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.in_process import TOKEN, A, B, C, Ran, World, at, new_world
from tests.fakes.aimed import Aimed, query_of
from tests.fakes.github import NOT_ACCESSIBLE, GitHubStandIn
from tests.fakes.http_base import Answer

pytestmark = pytest.mark.matrix

STUB = "flowjoy.json"
GOOD, STRICT = '{"models": {"recommender": "1"}}', '{"models": {"recommender": "2"}}'
GROUP = "refs/heads/gh-readonly-queue/release/pr-7"
CODE = {"shop/search.py": "modified"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A is live and pins version 1; C heads `release` and pins version 2, which is not validated; B is a feature."""
    with GitHubStandIn(token=TOKEN) as github:
        made = new_world(github, tmp_path)
        made.inputs |= {"model-validated-tag": "integration=passed"}
        for hours in (-100, -99):
            made.registry.add_version(at(hours))
        made.registry.client.set_model_version_tag("recommender", "1", "integration", "passed")
        made.release(A, at(-90))
        shop = github.repository
        shop.add_file(A, STUB, GOOD)
        shop.add_commit(C, at(-50), parent=A, branch="release")
        shop.add_file(C, STUB, STRICT)
        shop.add_commit(B, at(), parent=A, branch="feature")
        yield made


def into(world: World, base_sha: str, base_ref: str = "main", **more: Any) -> int:
    return world.github.repository.add_pull_request(
        head_sha=B, base_sha=base_sha, base_ref=base_ref, **{"files": CODE, **more}
    )


def judge(world: World, number: int, **inputs: str) -> Ran:
    ref = f"refs/pull/{number}/merge"
    return world.run(at(1), event="pull_request", ref=ref, sha="d" * 40, payload=world.pull_request(number), **inputs)


def after_run(world: World, *numbers: object, **inputs: str) -> Ran:
    ended: dict[str, Any] = {"id": 5, "event": "pull_request", "head_sha": B, "head_branch": "feature"}
    ended["head_repository"] = {"full_name": "acme/shop"}
    ended["pull_requests"] = [{"number": number} for number in numbers]
    return world.run(at(1), event="workflow_run", payload={"workflow_run": ended}, **inputs)


def dispatch(world: World, *, ref: str = "refs/heads/feature", service: str = "shop") -> Ran:
    return world.run(at(2), event="workflow_dispatch", ref=ref, sha=B, service=service)


def conclusions(world: World, sha: str = B) -> set[str]:
    runs = world.github.repository.check_runs.values()
    return {run.fields["conclusion"] for run in runs if run.fields["head_sha"] == sha}


# A workflow_run, and every pull request of its head


@pytest.mark.parametrize("names", ["both", "none", "nonsense"])
def test_workflow_run__is_green_only_if_every_open_pull_request_of_its_head_is(world: World, names: str) -> None:
    first, second = into(world, A), into(world, C, "release")
    named: dict[str, tuple[object, ...]] = {"both": (first, second), "none": (), "nonsense": (None, "2", -1, True)}
    ran = after_run(world, *named[names])
    assert (ran.code, conclusions(world)) == (1, {"failure"})
    assert f"pull request #{second}: recommender: version 2 does not carry integration=passed" in ran.log
    world.github.repository.issues[second].closed_at = "2026-03-02T10:00:00Z"
    assert (after_run(world, *named[names]).code, conclusions(world)) == (0, {"success"})


def test_workflow_run__that_cannot_read_one_of_its_pull_requests_is_never_green(world: World) -> None:
    into(world, A)
    second = into(world, C, "release")
    world.github.fail(f"/pulls/{second}", times=None, fault=NOT_ACCESSIBLE)
    ran = after_run(world)
    assert (ran.code, conclusions(world)) == (2, {"failure"})


def test_workflow_run__with_a_wrong_input_is_remembered_for_the_pull_requests_that_it_names(world: World) -> None:
    number = into(world, A)
    assert after_run(world, number, weeks="many").code == 2
    assert dispatch(world).code == 0
    assert conclusions(world) == {"failure"}
    assert (judge(world, number).code, conclusions(world)) == (0, {"success"})


# The base branch moves on


@pytest.mark.parametrize(("at_base", "at_head", "code"), [(GOOD, STRICT, 1), (STRICT, GOOD, 1), (GOOD, GOOD, 0)])
def test_base__is_read_where_the_pull_request_left_it_and_where_the_branch_is_now(
    world: World, at_base: str, at_head: str, code: int
) -> None:
    """GitHub sets `base.sha` when the pull request is pushed to (tj-actions/changed-files#941)."""
    shop = world.github.repository
    shop.add_file(B, STUB, GOOD)
    shop.add_commit("e" * 40, at(0.5), parent=A)
    shop.add_file(A, STUB, at_base)
    shop.add_file("e" * 40, STUB, at_head)
    assert judge(world, into(world, A)).code == code


@pytest.mark.parametrize(
    "answer",
    [
        NOT_ACCESSIBLE,
        Answer(502),
        Answer(200, {"data": {"repository": {"ref": None}}}),
        Answer(200, {"data": {"repository": {"ref": {"target": None}}}}),
        Answer(200, {"data": {"repository": {}}}),
    ],
)
def test_base__whose_head_cannot_be_read_is_never_green(world: World, answer: Answer) -> None:
    world.github.fail("POST /graphql", times=None, fault=Aimed(query_of("FlowJoyBranchHead"), answer))
    ran = judge(world, into(world, A))
    assert (ran.code, ran.outputs["verdict"], conclusions(world)) == (2, "error", {"failure"})


# A refusal stays with the commit


def test_refusal__is_not_ended_by_another_service_of_the_same_check_name(world: World) -> None:
    number = into(world, A, labels=["feature-flag"])
    assert judge(world, number).code == 1
    assert dispatch(world, service="shop2").code == 0
    assert conclusions(world) == {"failure"}
    ids = {run.fields["external_id"] for run in world.github.repository.check_runs.values()}
    assert {"flowjoy/shop/dependency/1", "flowjoy/shop2/dependency"} <= ids, "a refusal belongs to its service"
    world.github.repository.issues[number].labels.clear()
    assert judge(world, number).code == 0
    assert dispatch(world, service="shop2").code == 0
    assert conclusions(world) == {"success"}


def test_refusal__turns_the_check_of_the_promise_red_as_well(world: World) -> None:
    refused, milder = into(world, C, "release"), into(world, A)
    assert judge(world, refused).code == 1
    assert judge(world, milder).code == 0
    assert world.check(B)["output"]["title"] == f"pull request #{refused} of the same commit is refused"
    world.github.repository.issues[refused].closed_at = "2026-03-02T10:00:00Z"
    assert judge(world, milder).code == 0
    assert world.check(B)["external_id"] == "flowjoy/shop/sla"
    assert conclusions(world) == {"success"}


def test_refusal__for_a_broken_promise_is_no_refusal_of_the_merge_gate(world: World) -> None:
    shop = world.github.repository
    world.registry.client.set_model_version_tag("recommender", "2", "integration", "passed")
    world.release("e" * 40, at(-60), parent=A)
    shop.add_file("e" * 40, STUB, '{"models": {"recommender": "any"}}')
    shop.add_file(B, STUB, GOOD)
    ran = judge(world, into(world, A))
    assert ran.outputs["sla-status"] == "breached"
    assert world.check(B)["external_id"] == "flowjoy/shop/sla"


def merge_group(world: World, *, stub: str) -> Ran:
    world.github.repository.add_file(B, STUB, GOOD)
    world.github.repository.add_file(B, "app.py", "1")
    world.github.repository.add_file(C, STUB, stub)
    group = {"head_sha": B, "head_ref": GROUP, "base_sha": C, "base_ref": "refs/heads/release"}
    payload = {"action": "checks_requested", "merge_group": group}
    return world.run(at(1), event="merge_group", ref=GROUP, sha=B, payload=payload)


def test_refusal__of_a_merge_group_ends_only_by_its_own_run_or_by_its_merge(world: World) -> None:
    assert merge_group(world, stub=STRICT).code == 1
    assert dispatch(world, ref=GROUP).code == 0
    assert conclusions(world) == {"failure"}
    assert world.check(B, "model dependency")["output"]["title"] == "the merge group of this commit is refused"
    assert merge_group(world, stub=GOOD).code == 0
    assert conclusions(world) == {"success"}
    assert merge_group(world, stub=STRICT).code == 1
    world.github.repository.heads["main"] = B
    world.release(B, at(1.5), parent=A)
    assert world.run(at(2), sha=B).code == 0
    assert world.check(B)["conclusion"] == "success", "it is merged and live"


def test_refusal__that_cannot_be_read_keeps_no_other_check_from_being_settled(world: World) -> None:
    """A pull request was refused, and an administrator pushed its commit; the job lacks `pull-requests: read`."""
    shop = world.github.repository
    released = "e" * 40
    world.release(released, at(-10), parent=A)
    shop.add_file(released, STUB, '{"models": {"recommender": "any"}}')
    assert world.run(at(-9), sha=released).code == 0
    assert world.check(released)["conclusion"] == "neutral"
    shop.add_commit(B, at(), parent=released, branch="feature")
    shop.add_file(B, STUB, GOOD)
    number = into(world, released, labels=["feature-flag"])
    assert judge(world, number).code == 1
    shop.heads["main"] = B
    world.registry.add_version(at(1.5))
    world.github.fail(f"/pulls/{number}", times=None, fault=NOT_ACCESSIBLE)
    ran = world.run(at(2), sha=B)
    assert ran.code == 0
    assert world.check(released)["conclusion"] == "success"
    assert world.check(B, "model dependency")["conclusion"] == "failure"
    assert "Its refusal stays until a job with `pull-requests: read` runs" in ran.log
