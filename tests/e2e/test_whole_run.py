"""Whole runs from the outside: what a user sees when the promise holds, when it breaks, and when nobody can tell."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flowjoy.analysis.results import Results, analyse
from flowjoy.cli import run
from flowjoy.domain.bundle import Bundle
from tests.e2e.step import A, Ended, Step
from tests.fakes.aimed import Aimed
from tests.fakes.faults import EmptyBody, Stall
from tests.fakes.github import GitHubStandIn
from tests.fakes.http_base import Answer, Fault
from tests.fakes.mlflow_faults import MlflowStandIn

T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)


def release(github: GitHubStandIn, at: datetime, *, sha: str = A, state: str = "success", run_id: int = 1) -> None:
    github.repository.add_commit(sha, at)
    github.repository.add_deployment(sha=sha, created_at=at, statuses=[(state, at)], run_id=run_id)


def an_hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


def assert_could_not_decide(ran: Ended, *named: str) -> None:
    assert (ran.code, ran.outputs["verdict"], ran.outputs["sla-status"]) == (2, "error", "unknown")
    errors = " ".join(command.data for command in ran.commands if command.name == "error")
    for name in named:
        assert name in errors
    assert "Could not decide" in ran.summary
    assert ran.stderr == ""


@pytest.mark.matrix
def test_pass__every_promise_kept(step: Step, github: GitHubStandIn, mlflow: MlflowStandIn) -> None:
    release(github, an_hour_ago())
    mlflow.add_version(an_hour_ago() + timedelta(minutes=20))
    ran = step.run()
    assert (ran.code, ran.outputs["verdict"], ran.outputs["sla-status"], ran.outputs["sla-met"]) == (
        0,
        "pass",
        "met",
        "1",
    )
    (check,) = github.repository.check_runs.values()
    assert (check.fields["name"], check.fields["conclusion"]) == ("FlowJoy / 48 h SLA", "success")
    assert ran.outputs["check-url"]


@pytest.mark.matrix
def test_provisional__the_release_of_this_very_run_is_running_and_its_clock_starts_now(
    step: Step, github: GitHubStandIn
) -> None:
    release(github, an_hour_ago(), state="queued", run_id=4242)
    ran = step.run()
    assert (ran.code, ran.outputs["verdict"], ran.outputs["sla-status"]) == (0, "pass", "pending")
    (owed,) = ran.bundle["obligations"]
    assert (owed["provisional"], owed["start"]) == (True, ran.bundle["generated_at"])
    check, gate = github.repository.check_runs.values()
    assert (check.fields["head_sha"], check.fields["conclusion"]) == (A, "neutral")
    assert check.fields["output"]["title"].startswith("recommender is due in 48 h")
    # It is not live yet: whether it may go live is judged as well.
    assert (gate.fields["name"], gate.fields["conclusion"]) == ("FlowJoy / model dependency", "success")


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("enforce", "code", "conclusion"), [("true", 1, "failure"), ("false", 0, "neutral")], ids=["enforced", "reported"]
)
def test_breach__fails_the_step_unless_it_is_not_enforced(
    step: Step, github: GitHubStandIn, enforce: str, code: int, conclusion: str
) -> None:
    release(github, datetime.now(UTC) - timedelta(hours=49))
    step.inputs["enforce"] = enforce
    ran = step.run()
    assert (ran.code, ran.outputs["verdict"], ran.outputs["sla-status"], ran.outputs["sla-breached"]) == (
        code,
        "fail",
        "breached",
        "1",
    )
    (error,) = [command for command in ran.commands if command.name == "error"]
    assert error.data.startswith("recommender for release aaaaaaaaaaaa: 1 h overdue, not shipped")
    (check,) = github.repository.check_runs.values()
    assert check.fields["conclusion"] == conclusion


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("shipped", "judged", "told"),
    [
        ("47:59:59", "48:00:00", (0, "pass", "met")),
        ("48:00:00", "48:00:00", (0, "pass", "met")),
        ("48:00:01", "48:00:01", (0, "pass", "late")),
        (None, "47:59:59", (0, "pass", "at_risk")),
        (None, "48:00:00", (0, "pass", "at_risk")),
        (None, "48:00:01", (1, "fail", "breached")),
    ],
)
def test_deadline__is_48_hours_to_the_second(
    step: Step, github: GitHubStandIn, mlflow: MlflowStandIn, shipped: str | None, judged: str, told: tuple[Any, ...]
) -> None:
    release(github, T0)
    if shipped is not None:
        mlflow.add_version(T0 + elapsed(shipped))
    ran = step.run_here(T0 + elapsed(judged))
    (owed,) = ran.bundle["obligations"]
    assert (ran.code, ran.outputs["verdict"], owed["status"]) == told


def elapsed(clock: str) -> timedelta:
    hours, minutes, seconds = map(int, clock.split(":"))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


@pytest.mark.matrix
def test_registry__that_nobody_reaches_is_named_with_what_to_check(step: Step, github: GitHubStandIn) -> None:
    release(github, an_hour_ago())
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        step.inputs["mlflow-tracking-uri"] = address = f"http://127.0.0.1:{probe.getsockname()[1]}"
        ran = step.run()
    assert_could_not_decide(ran, address, "mlflow-tracking-uri")
    (check,) = github.repository.check_runs.values()
    assert check.fields["conclusion"] == "failure"


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (EmptyBody(), "GitHub deployments: the answer"),
        (Answer(503, b"unavailable"), "503"),
        (Answer(403, {"message": "no"}, {"Retry-After": "3600"}), "UTC (403)"),
    ],
    ids=["empty body", "503", "an hour's rate limit"],
)
def test_github__that_answers_nothing_is_never_read_as_no_deployments(
    step: Step, github: GitHubStandIn, fault: Fault, named: str
) -> None:
    release(github, an_hour_ago())
    github.fail("/graphql", times=None, fault=fault)
    assert_could_not_decide(step.run_here(), named)


@pytest.mark.matrix
def test_github__with_an_empty_body_ends_in_time_in_a_process_of_its_own(step: Step, github: GitHubStandIn) -> None:
    release(github, an_hour_ago())
    github.fail("", times=None, fault=EmptyBody())
    assert_could_not_decide(step.run(), "GitHub ")


@pytest.mark.matrix
def test_budget__ends_a_run_whose_services_are_silent(step: Step, github: GitHubStandIn) -> None:
    release(github, an_hour_ago())
    silent = Aimed(lambda request: request.path.endswith("/graphql"), Stall(60))
    github.fail("", times=None, fault=silent)
    step.inputs["timeout-seconds"] = "10"
    ran = step.run_here()
    assert_could_not_decide(ran, "GitHub ")
    assert silent.struck > silent.finished == 0


@pytest.mark.matrix
def test_budget__counts_computing_and_what_is_late_says_nothing_more(
    step: Step, github: GitHubStandIn, mlflow: MlflowStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the computing ends while the check is turned red: neither outputs nor check become green after it."""
    release(github, an_hour_ago())
    mlflow.add_version(an_hour_ago())
    woken = threading.Event()

    def late(bundle: Bundle) -> Results:
        time.sleep(18)
        woken.set()
        return analyse(bundle)

    monkeypatch.setattr(run, "analyse", late)
    step.inputs["timeout-seconds"] = "10"
    ran = step.run_here()
    assert_could_not_decide(ran, "not done within 10 s", "raise timeout-seconds")
    assert woken.wait(30)
    time.sleep(1)
    assert ran.outputs["verdict"] == "error"
    assert [check.fields["conclusion"] for check in github.repository.check_runs.values()] == ["failure"]


@pytest.mark.matrix
def test_model__that_the_registry_does_not_know_is_named(step: Step, github: GitHubStandIn) -> None:
    release(github, an_hour_ago())
    step.inputs["models"] = "recommender, recomender"
    assert_could_not_decide(step.run(), "model 'recomender'", "check the spelling in `models`")


def test_environment__without_a_deployment_names_those_that_there_are(step: Step, github: GitHubStandIn) -> None:
    release(github, an_hour_ago())
    step.inputs["environment"] = "prod"
    assert_could_not_decide(step.run_here(), "none in the environment 'prod'", "set environment to one of: production")


def test_inputs__wrong_ones_are_named_all_at_once_and_nothing_but_the_check_is_asked(
    step: Step, github: GitHubStandIn
) -> None:
    step.inputs |= {"sla-hours": "soon", "code-source": "carrier pigeon", "weeks": "0"}
    ran = step.run()
    assert (ran.code, ran.outputs["verdict"], ran.outputs["sla-status"]) == (2, "error", "unknown")
    said = [command.data for command in ran.commands if command.name == "error"]
    assert [sentence.split()[0] for sentence in sorted(said)] == ["code-source", "sla-hours", "weeks"]
    assert all("/check-runs" in request.path for request in github.requests)


# Files of that name which other tools keep at the root: 50bhan/registry-tabby, Adtrac/pi-config.
@pytest.mark.matrix
@pytest.mark.parametrize("foreign", ['[{"name": "small", "provider": "acme"}]', '{"providers": {"acme": {}}}'])
def test_stub__models_json_of_another_tool_stops_no_run(
    step: Step, github: GitHubStandIn, mlflow: MlflowStandIn, foreign: str
) -> None:
    release(github, an_hour_ago())
    github.repository.add_file(A, "models.json", foreign)
    mlflow.add_version(an_hour_ago() + timedelta(minutes=20))
    ran = step.run()
    assert (ran.code, ran.outputs["sla-status"], ran.outputs["sla-met"]) == (0, "met", "1")
