"""The check `48 h SLA` of open pull requests, as runs of the default branch keep it up to date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.in_process import TOKEN, A, B, C, Ran, World, at, new_world
from tests.fakes.artifact_service import ArtifactServiceStandIn
from tests.fakes.github import GitHubStandIn


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


def judge(world: World, number: int, hours: float, **inputs: str) -> int:
    """Run the pull request's own job."""
    ref, payload = f"refs/pull/{number}/merge", world.pull_request(number)
    return world.run(at(hours), event="pull_request", ref=ref, sha="d" * 40, payload=payload, **inputs).code


def schedule(world: World, hours: float, sha: str = A, **inputs: str) -> Ran:
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
