"""The step of the README, as it is printed there, does what the README says under "What you see"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.in_process import TOKEN, A, B, World, at, new_world
from tests.fakes.artifact_service import ArtifactServiceStandIn
from tests.fakes.github import GitHubStandIn

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()


def workflow() -> dict[str, Any]:
    """Return the README's workflow."""
    (text,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    parsed: dict[Any, Any] = yaml.safe_load(text)
    return {"on": parsed[True], **parsed["jobs"]}  # YAML 1.1 reads `on` as true


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A repository that has nothing but the README's step, and a registry at its variable."""
    (step,) = workflow()["promise"]["steps"]
    with GitHubStandIn(token=TOKEN) as github, ArtifactServiceStandIn(github.repository) as artifacts:
        made = new_world(github, tmp_path)
        given = {
            name: value.replace("${{ vars.MLFLOW_TRACKING_URI }}", made.registry.uri)
            for name, value in step["with"].items()
        }
        assert "${{" not in "".join(given.values())
        made.inputs, made.artifacts = given, artifacts
        yield made


def test_release__is_due_and_then_green(world: World) -> None:
    assert {"push", "schedule"} <= set(workflow()["on"])
    world.release(A, at())
    released = world.run(at(1))
    assert (released.code, released.outputs["sla-status"]) == (0, "pending")
    assert world.check(A)["output"]["title"] == "recommender is due in 47 h (Wed 09:00 UTC)"
    world.registry.add_version(at(20))
    hourly = world.run(at(21), event="schedule")
    assert (hourly.outputs["verdict"], hourly.outputs["sla-status"]) == ("pass", "met")
    assert world.check(A)["conclusion"] == "success"
    assert (hourly.folder / "report.html").exists()
    assert {artifact.name for artifact in world.github.repository.artifacts.values()} == {"flowjoy-shop"}


def test_release__of_before_the_step_is_excluded_by_sla_since_today(world: World) -> None:
    world.release(A, at(-100))
    assert world.run(at()).outputs["verdict"] == "fail"
    assert world.run(at(1), sla_since="2026-03-02").outputs["verdict"] == "pass"


def test_pull_request__gets_the_gate_and_one_comment(world: World) -> None:
    assert "pull_request" in workflow()["on"]
    world.registry.add_version(at(-100))
    world.release(A, at())
    world.github.repository.add_commit(B, at(1), parent=A, branch="feature")
    number = world.github.repository.add_pull_request(head_sha=B, base_sha=A)
    for hour in (1, 2):
        payload = world.pull_request(number)
        ran = world.run(at(hour), event="pull_request", ref=f"refs/pull/{number}/merge", sha="d" * 40, payload=payload)
        assert ran.code == 0
    assert world.check(B, "model dependency")["conclusion"] == "success"
    assert len(world.github.repository.issues[number].comments) == 1
