"""The check `48 h SLA` of open pull requests, as runs of the default branch keep it up to date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.in_process import TOKEN, A, B, C, Ran, World, at, new_world
from tests.fakes.artifact_service import ArtifactServiceStandIn
from tests.fakes.github import NOT_ACCESSIBLE, GitHubStandIn

pytestmark = pytest.mark.matrix


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with GitHubStandIn(token=TOKEN) as github, ArtifactServiceStandIn(github.repository) as artifacts:
        made = new_world(github, tmp_path)
        made.artifacts = artifacts
        made.registry.add_version(at(-300))
        yield made


def a_pull(world: World) -> int:
    """A pull request from B into the default branch, whose head is A."""
    world.github.repository.add_commit(B, at(-200), parent=A, branch="feature")
    return world.github.repository.add_pull_request(head_sha=B, base_sha=A)


def judge(world: World, number: int, hours: float, **inputs: Any) -> int:
    """Run the pull request's own job."""
    ref, payload = f"refs/pull/{number}/merge", world.pull_request(number)
    return world.run(at(hours), event="pull_request", ref=ref, sha="d" * 40, payload=payload, **inputs).code


def schedule(world: World, hours: float, sha: str = A, **inputs: Any) -> Ran:
    return world.run(at(hours), event="schedule", sha=sha, **inputs)


def conclusion(world: World) -> Any:
    return world.check(B, "SLA")["conclusion"]


def deploy_of_branch(world: World, hours: float) -> None:
    """Deploy the head of the pull request from its branch."""
    when = at(hours)
    world.github.repository.add_deployment(sha=B, created_at=when, statuses=[("success", when)], ref="feature")


def test_check__of_a_head_that_was_deployed_is_red_in_every_run_while_a_model_is_overdue(world: World) -> None:
    world.github.repository.add_commit(A, at(-201))
    number = a_pull(world)
    deploy_of_branch(world, -42)
    world.registry.add_version(at(-41))
    assert (judge(world, number, -40), conclusion(world)) == (0, "success")
    world.release(C, at(10), parent=A)
    assert [(schedule(world, hours, C).code, conclusion(world)) for hours in (59, 60, 61)] == [(1, "failure")] * 3
    world.registry.add_version(at(61.5))
    assert (schedule(world, 62, C).code, conclusion(world)) == (0, "success")


def test_check__of_a_head_that_shipped_late_does_not_block_it_for_good(world: World) -> None:
    world.github.repository.add_commit(A, at(-201))
    number = a_pull(world)
    deploy_of_branch(world, -142)
    world.registry.add_version(at(-80))
    assert (judge(world, number, -70), conclusion(world)) == (0, "success")
    assert schedule(world, -69).outputs["sla-late"] == "1"
    assert conclusion(world) == "success"


def blocked(world: World) -> int:
    """A pull request whose check a run of the default branch turned red at hour 49."""
    world.release(A, at())
    number = a_pull(world)
    assert schedule(world, 0.5).code == 0
    assert (judge(world, number, 1), conclusion(world)) == (0, "neutral")
    assert (schedule(world, 49).code, conclusion(world)) == (1, "failure")
    return number


@pytest.mark.parametrize("inputs", [{"sla_since": "2026-03-03"}, {"enforce": "false"}])
def test_check__that_a_run_turned_red_turns_back_once_the_default_branch_promises_less(
    world: World, inputs: dict[str, str]
) -> None:
    blocked(world)
    assert (schedule(world, 50, **inputs).code, conclusion(world)) == (0, "neutral")


def test_check__that_a_run_turned_red_turns_back_however_long_ago_that_was(world: World) -> None:
    blocked(world)
    world.registry.add_version(at(60))
    assert schedule(world, 24 * 40).code == 0
    assert conclusion(world) == "success"


def test_check__turns_red_where_runs_cannot_decide_and_a_deadline_has_passed(world: World) -> None:
    world.release(A, at())
    number = a_pull(world)
    judge(world, number, 1)
    unreachable = {"mlflow_tracking_uri": "http://127.0.0.1:9"}
    seen = [(schedule(world, hours, **unreachable).code, conclusion(world)) for hours in (47, 49)]
    assert seen == [(2, "neutral"), (2, "failure")]
    assert "Could not decide" in world.check(B, "SLA")["output"]["title"]
    world.registry.add_version(at(47.5))
    assert (schedule(world, 50).code, conclusion(world)) == (0, "success")


def test_check__stays_green_in_an_outage_of_deployments_until_one_that_was_not_read_may_be_overdue(
    world: World,
) -> None:
    world.release(A, at())
    world.registry.add_version(at(10))
    number = a_pull(world)
    assert schedule(world, 11).code == 0
    assert (judge(world, number, 12), conclusion(world)) == (0, "success")
    for hours, expected in ((58, "success"), (60, "failure")):
        world.github.fail("POST /graphql", fault=NOT_ACCESSIBLE)
        assert (schedule(world, hours).code, conclusion(world)) == (2, expected)
    assert (schedule(world, 61).code, conclusion(world)) == (0, "success")


def test_check__turns_red_for_a_model_that_is_overdue_although_another_one_is_not_known(world: World) -> None:
    world.registry.add_model("ranker")
    world.inputs["models"] = "recommender,ranker"
    world.release(A, at())
    number = a_pull(world)
    assert (judge(world, number, 1), conclusion(world)) == (0, "neutral")
    world.registry.client.delete_registered_model("ranker")
    assert (schedule(world, 49).code, conclusion(world)) == (2, "failure")


@pytest.mark.parametrize("inputs", [{"sla_hours": "24"}, {"check_name": "Shop"}, {"service": "web"}])
def test_check__of_an_earlier_name_or_service_turns_red_too(world: World, inputs: dict[str, str]) -> None:
    world.release(A, at())
    number = a_pull(world)
    assert schedule(world, 0.5).code == 0
    assert (judge(world, number, 1), conclusion(world)) == (0, "neutral")
    assert (schedule(world, 49, **inputs).code, conclusion(world)) == (1, "failure")
    assert world.check(B, "SLA")["name"] == "FlowJoy / 48 h SLA"
