"""Whole runs whose clocks are apart: no verdict over an hour, a warning over five minutes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.step import A, Step
from tests.fakes.faults import Ahead
from tests.fakes.github import GitHubStandIn
from tests.fakes.mlflow_faults import MlflowStandIn


@pytest.fixture
def kept(step: Step, github: GitHubStandIn, mlflow: MlflowStandIn) -> Step:
    """A release of an hour ago whose promise is kept."""
    when = datetime.now(UTC) - timedelta(hours=1)
    github.repository.add_commit(A, when)
    github.repository.add_deployment(sha=A, created_at=when, statuses=[("success", when)])
    mlflow.add_version(when)
    return step


@pytest.mark.parametrize("hours", [-1.1, 1.1])
@pytest.mark.parametrize("service", ["GitHub", "the registry", "the runner"])
def test_clocks__over_an_hour_apart_could_not_decide(
    kept: Step, github: GitHubStandIn, mlflow: MlflowStandIn, service: str, hours: float
) -> None:
    """Where the runner's clock is wrong, those of GitHub and of the registry agree with each other."""
    wrong = {"GitHub": (github,), "the registry": (mlflow,), "the runner": (github, mlflow)}
    for server in wrong[service]:
        server.fail("", times=None, fault=Ahead(hours * 3600))
    ran = kept.run_here()
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    errors = [command.data for command in ran.commands if command.name == "error"]
    assert any("the clocks of" in error and service in error for error in errors)
    assert [check.fields["conclusion"] for check in github.repository.check_runs.values()] == ["failure"]


@pytest.mark.matrix
def test_clocks__over_five_minutes_apart_are_a_warning(kept: Step, github: GitHubStandIn) -> None:
    github.fail("", times=None, fault=Ahead(-600))
    ran = kept.run_here()
    assert (ran.code, ran.outputs["verdict"]) == (0, "pass")
    warnings = [command.data for command in ran.commands if command.name == "warning"]
    assert any("the clocks of the runner and of GitHub are 0 h 1" in warning for warning in warnings)


@pytest.mark.matrix
def test_clocks__answers_out_of_a_cache_are_no_sign_of_a_wrong_clock(kept: Step, mlflow: MlflowStandIn) -> None:
    mlflow.fail("", times=None, fault=Ahead(-7200, age=7200))
    assert kept.run_here().outputs["verdict"] == "pass"


@pytest.mark.matrix
def test_clocks__are_not_compared_in_a_dry_look(kept: Step, github: GitHubStandIn) -> None:
    github.fail("", times=None, fault=Ahead(-7200))
    kept.inputs["as-of"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert kept.run_here().outputs["verdict"] == "pass"
