"""A release that its source does not show as one is judged or refused, whatever later releases owe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.in_process import TOKEN, A, B, C, Ran, World, at, new_world
from tests.fakes.github import GitHubStandIn

pytestmark = pytest.mark.matrix

OWES = '{"models": {"recommender": "any"}}'
OWES_NOTHING = '{"models": {"recommender": {"requires": "none", "reason": "rules only"}}}'
RUNS = {"code-source": "workflow-runs", "workflow": "release.yml", "models": ""}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Without any ledger: what a run knows is what the sources show it."""
    with GitHubStandIn(token=TOKEN) as github:
        made = new_world(github, tmp_path)
        made.inputs["models"] = ""
        yield made


def hourly(world: World, hours: float, sha: str = C, **inputs: Any) -> Ran:
    return world.run(at(hours), event="schedule", sha=sha, **inputs)


def commits(world: World, *stubs: str) -> None:
    """A, B and C follow each other, each with its stub."""
    parent = None
    for number, (sha, text) in enumerate(zip((A, B, C), stubs, strict=False)):
        world.github.repository.add_commit(sha, at(number - 300), parent=parent)
        world.github.repository.add_file(sha, "flowjoy.json", text)
        parent = sha


# A later release whose deadline is over


def test_settled__a_deployment_that_flowjoy_hid_stays_breached_after_a_release_that_owes_nothing(world: World) -> None:
    commits(world, OWES, OWES, OWES_NOTHING)
    shop = world.github.repository
    world.registry.add_version(at(-299))
    shop.add_deployment(sha=A, created_at=at(-298), statuses=[("success", at(-298))])
    log = "https://github.com/acme/shop/actions/runs/77/job/5"
    statuses = [("in_progress", at(0)), ("failure", at(0.2))]
    shop.add_deployment(sha=B, created_at=at(0), statuses=[(*status, log) for status in statuses])
    shop.job_annotations[5] = [{"annotation_level": "error", "title": "FlowJoy", "message": ""}]
    assert hourly(world, 49, B).code == 1
    shop.add_deployment(sha=C, created_at=at(60), statuses=[("success", at(60))])
    for hours in (61, 107, 109, 900):
        ran = hourly(world, hours)
        assert (ran.code, ran.obligation(sha=B)["status"]) == (1, "breached")
    world.registry.add_version(at(901))
    assert hourly(world, 902).code == 0


def test_settled__an_uncertain_run_is_not_forgotten_after_a_release_that_owes_nothing(world: World) -> None:
    commits(world, OWES, OWES, OWES_NOTHING)
    shop = world.github.repository
    world.registry.add_version(at(-299))
    shop.add_job(shop.add_run(sha=A, created_at=at(-298), updated_at=at(-298)), "everything", at(-298))
    shop.add_job(shop.add_run(sha=B, created_at=at(), conclusion="failure"), "everything", at())
    world.inputs |= RUNS
    assert hourly(world, 49, B).code == 2
    shop.add_job(shop.add_run(sha=C, created_at=at(60), updated_at=at(60)), "everything", at(60))
    assert [hourly(world, hours).code for hours in (61, 109, 900)] == [2, 2, 2]
    assert hourly(world, 901, deploy_job="everything").code == 1


def test_settled__a_hotfix_stays_breached_after_a_release_that_owes_nothing(world: World) -> None:
    commits(world, OWES, OWES, OWES_NOTHING)
    shop = world.github.repository
    world.registry.add_version(at(-299))
    shop.add_job(shop.add_run(sha=A, created_at=at(-298), updated_at=at(-298)), "deploy", at(-298))
    shop.add_job(shop.add_run(sha=B, created_at=at(), updated_at=at(), branch="hotfix"), "deploy", at())
    world.inputs |= RUNS | {"deploy-job": "deploy"}
    assert hourly(world, 49, B).code == 1
    shop.add_job(shop.add_run(sha=C, created_at=at(60), updated_at=at(60)), "deploy", at(60))
    for hours in (61, 109, 900):
        ran = hourly(world, hours)
        assert (ran.code, ran.obligation(sha=B)["status"]) == (1, "breached")


# A release from another branch, without `deploy-job`


def test_other_branch__that_may_have_deployed_is_undecided_once_its_clock_is_over(world: World) -> None:
    commits(world, OWES, OWES)
    shop = world.github.repository
    world.registry.add_version(at(-299))
    shop.add_job(shop.add_run(sha=A, created_at=at(-298), updated_at=at(-298)), "everything", at(-298))
    shop.add_job(shop.add_run(sha=B, created_at=at(), updated_at=at(), branch="hotfix"), "everything", at())
    world.inputs |= RUNS
    soon = hourly(world, 1, A)
    assert soon.code == 0
    assert "FlowJoy ends with exit code 2 after 48 h" in soon.log
    ran = hourly(world, 49, A)
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert "hotfix" in ran.log
    assert hourly(world, 50, A, branch="main").code == 0
    assert hourly(world, 50, A, deploy_job="everything").code == 1


def test_tag__with_the_name_of_the_branch_cancels_no_clock_by_a_run_that_looks_like_a_rollback(world: World) -> None:
    commits(world, OWES, OWES)
    shop = world.github.repository
    world.registry.add_version(at(-299))
    for sha, hours in ((A, -298), (B, 0), (A, 40)):
        if hours == 40:
            shop.tags["main"] = A
        shop.add_job(shop.add_run(sha=sha, created_at=at(hours), updated_at=at(hours)), "everything", at(hours))
    world.inputs |= RUNS
    ran = hourly(world, 49, B)
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert "delete the tag, and forbid its name by a tag ruleset" in ran.log
