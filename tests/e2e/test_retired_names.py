"""Runs after the workflow or its deploy job was renamed: a release that is not seen is not kept."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.in_process import A, B, C, Ran, World, at

pytestmark = pytest.mark.matrix

FILE = ".github/workflows/release.yml"


def hourly(world: World, hours: float, **inputs: Any) -> Ran:
    return world.run(at(hours), event="schedule", sha=C, **inputs)


def met_before(world: World, deploy_job: str, shown: str, file: str) -> None:
    """A release at hour -90 that kept its promise, and the workflow's file as of hour -1."""
    shop = world.github.repository
    world.inputs |= {"code-source": "workflow-runs", "workflow": "release.yml", "deploy-job": deploy_job}
    shop.add_commit(A, at(-91))
    shop.add_commit(C, at(-1), parent=A)
    shop.add_file(C, FILE, file)
    released(world, A, -90, shown)
    world.registry.add_version(at(-89))


def released(world: World, sha: str, hours: float, *succeeded: str, **other: str) -> None:
    failed = "failure" in other.values()
    shop = world.github.repository
    run = shop.add_run(
        sha=sha, created_at=at(hours), updated_at=at(hours + 1), conclusion="failure" if failed else "success"
    )
    for name, conclusion in {**dict.fromkeys(succeeded, "success"), **other}.items():
        shop.add_job(run, name, at(hours + 0.5), conclusion=conclusion)


def jobs(*declared: str) -> str:
    return "on: push\njobs:\n" + "".join(f"  {job}\n" for job in declared)


@pytest.mark.parametrize(
    ("deploy_job", "shown", "file"),
    [
        ("deploy", "deploy / run", jobs("deploy: {uses: ./.github/workflows/d.yml}")),
        ("deploy", "Ship to prod", jobs("deploy: {name: Ship to prod}")),
        ("deploy", "deploy eu", jobs("deploy: {name: 'deploy ${{ matrix.r }}', strategy: {matrix: {r: [eu]}}}")),
        ("deploy-production", "deploy", jobs("deploy: {}")),
        ("build-and-deploy", "ship", jobs("build: {}", "ship: {}")),
        ("deploy", "ship", jobs("ship: {}", "#" * 70_000)),
    ],
    ids=["called", "named", "matrix", "shorter", "other", "large file"],
)
def test_renamed_job__is_undecided_until_deploy_job_follows(
    world: World, deploy_job: str, shown: str, file: str
) -> None:
    met_before(world, deploy_job, deploy_job, file)
    released(world, C, 0, shown)
    for hours in (1, 49):
        ran = hourly(world, hours)
        assert (ran.code, ran.outputs["verdict"]) == (2, "error")
        assert f"no job that matches deploy-job {deploy_job!r}" in ran.log
    ran = hourly(world, 50, deploy_job=f"{deploy_job}\n{shown}")
    assert (ran.code, ran.obligation(sha=C)["status"]) == (1, "breached")


@pytest.mark.parametrize(
    ("deploy_job", "before", "after", "other"),
    [
        ("deploy", "deploy", "ship", {"smoke": "failure"}),
        ("deploy", "deploy", "ship", {"deploy": "skipped"}),
        ("deploy-*", "deploy-prod", "release-prod", {"deploy-docs": "skipped"}),
    ],
    ids=["red run", "old job skipped", "one of a glob"],
)
def test_renamed_job__that_only_the_runs_show_is_undecided_once_its_clock_is_over(
    world: World, deploy_job: str, before: str, after: str, other: dict[str, str]
) -> None:
    met_before(world, deploy_job, before, jobs("deploy: {if: false}", "deploy-docs: {}", f"{after}: {{}}"))
    released(world, C, 0, after, **other)
    early = hourly(world, 1)
    assert (early.code, f"may have deployed without the job {deploy_job!r}" in early.log) == (0, True)
    for hours in (48.5, 100):
        assert hourly(world, hours).code == 2
    ran = hourly(world, 101, deploy_job=f"{deploy_job}\n{after}")
    assert (ran.code, ran.obligation(sha=C)["status"]) == (1, "breached")


def test_renamed_job__is_not_what_a_run_that_only_skips_it_shows(world: World) -> None:
    """Pushes of docs, nightly runs and pull requests do not deploy."""
    met_before(world, "deploy", "deploy", jobs("test: {}", "deploy: {if: github.event_name == 'push'}"))
    released(world, C, -80, "test", "deploy")
    world.registry.add_version(at(-79))
    for hours in (0, 24, 30):
        released(world, C, hours, "test", "lint", deploy="skipped")
    for hours in (31, 90):
        ran = hourly(world, hours)
        assert (ran.code, ran.outputs["sla-status"]) == (0, "met")
        assert "may have deployed" not in ran.log


def test_called_workflow__whose_releases_are_runs_of_its_caller_is_undecided(world: World) -> None:
    met_before(world, "deploy", "deploy", "on: workflow_call\njobs:\n  deploy: {}\n")
    shop = world.github.repository
    run = shop.add_run(sha=C, created_at=at(0), updated_at=at(1), workflow="ci.yml")
    shop.add_job(run, "release / deploy", at(0.5))
    ran = hourly(world, 49)
    assert (ran.code, "release.yml is only called by others" in ran.log) == (2, True)
    ran = hourly(world, 50, workflow="ci.yml", deploy_job="release / deploy")
    assert (ran.code, ran.obligation(sha=C)["status"]) == (1, "breached")


@pytest.mark.matrix
@pytest.mark.parametrize("event", ["pull_request", "pull_request_target"])
def test_workflow__that_now_deploys_when_a_pull_request_is_merged_is_undecided(world: World, event: str) -> None:
    met_before(world, "deploy", "deploy", "on:\n  pull_request: {types: [closed]}\njobs:\n  deploy: {}\n")
    shop = world.github.repository
    shop.add_pull_request(head_sha=B, base_sha=A, created_at=at(-5), closed_at=at(0), merged_as=C)
    opened = shop.add_run(sha=B, created_at=at(-5), updated_at=at(-4), branch="feature", event=event)
    shop.add_job(opened, "deploy", at(-4), conclusion="skipped")
    assert hourly(world, -1).code == 0
    merged = shop.add_run(sha=B, created_at=at(0), updated_at=at(1), branch="feature", event=event)
    shop.add_job(merged, "deploy", at(0.5))
    early = hourly(world, 2)
    assert (early.code, f"after a merge may have deployed: {merged}" in early.log) == (0, True)
    for hours in (48.5, 100):
        assert hourly(world, hours).code == 2
    released(world, C, 101, "deploy")
    assert hourly(world, 150).code == 1
