"""Runs that end without a verdict: the commit's checks say so, and never stay green from an earlier run."""

from __future__ import annotations

import html
import json
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flowjoy.cli import run as subject
from tests.e2e.in_process import A, B, C, Ran, World, at, new_world
from tests.e2e.step import TOKEN, Step
from tests.fakes.faults import Stall
from tests.fakes.github import GitHubStandIn
from tests.fakes.http_base import Answer
from tests.fakes.mlflow_faults import MlflowStandIn
from tests.unit.report.rendered import read


@pytest.fixture
def world(github: GitHubStandIn, tmp_path: Path) -> World:
    """A release whose model shipped in time, with a green check."""
    made = new_world(github, tmp_path)
    made.release(A, at())
    made.registry.add_version(at(1))
    assert made.run(at(2)).code == 0
    assert made.check(A)["conclusion"] == "success"
    return made


def assert_red(world: World, ran: Ran, *words: str) -> None:
    """The run could not decide, and its one check says why."""
    check = world.check(A)
    assert (ran.code, ran.outputs["verdict"], ran.outputs["sla-status"]) == (2, "error", "unknown")
    assert (check["status"], check["conclusion"]) == ("completed", "failure")
    for word in words:
        assert word in check["output"]["title"] + check["output"]["summary"]
        assert word in ran.summary
    assert TOKEN not in str(check) + ran.summary + ran.log


def test_input__that_is_wrong_turns_the_green_check_red_and_names_every_mistake(world: World) -> None:
    ran = world.run(at(3), weeks="0", timezone="Mars", model="recommender")
    assert_red(world, ran, "an input is wrong", "weeks", "timezone", "Did you mean models")
    assert world.check(A)["name"] == "FlowJoy / 48 h SLA"


def test_registry__whose_address_is_a_page_of_the_browser_is_refused_naming_the_root(world: World) -> None:
    ran = world.run(at(3), mlflow_tracking_uri="http://127.0.0.1:5000/#/models")
    assert_red(world, ran, "the root of the server")
    assert "expected the root of the server: http://127.0.0.1:5000" in ran.log


@pytest.mark.parametrize("wrong", [{"sla_hours": "two days"}, {"check_name": "a\nb"}, {"service": "a\nb"}])
def test_input__that_hides_the_name_of_the_check_leaves_one_check_and_it_is_red(
    world: World, wrong: dict[str, Any]
) -> None:
    assert_red(world, world.run(at(3), **wrong))


@pytest.mark.parametrize("inputs", [{"sla_hours": "24"}, {"check_name": "Ship it"}, {"service": "billing"}])
def test_input__that_names_the_check_is_honoured(world: World, inputs: dict[str, Any]) -> None:
    assert world.run(at(3), **inputs).code == 0
    assert world.run(at(4), weeks="0", **inputs).code == 2
    red = [run.fields for run in world.github.repository.check_runs.values() if run.fields["conclusion"] == "failure"]
    (check,) = red
    assert check["name"] == f"{inputs.get('check_name', 'FlowJoy')} / {inputs.get('sla_hours', '48')} h SLA"


@pytest.mark.parametrize("version", ["7", "2"])
def test_ship__that_fails_turns_the_check_red(world: World, version: str) -> None:
    world.registry.add_version(at(2), status="PENDING_REGISTRATION")
    assert_red(world, world.run(at(3), ship=f"recommender={version}"), "ship recommender")


def test_crash__turns_the_check_red_without_what_it_was_about(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError(TOKEN)

    monkeypatch.setattr(subject, "collect", broken)
    assert_red(world, world.run(at(3)), "FlowJoy failed", "KeyError", "report this")


def test_commit__without_a_check_gets_a_red_one(world: World) -> None:
    world.github.repository.add_commit(B, at(2), parent=A)
    assert world.run(at(3), sha=B, weeks="0").code == 2
    assert world.check(B)["conclusion"] == "failure"
    assert world.check(A)["conclusion"] == "success"


def test_pull_request__gets_both_checks_red_on_its_head(world: World) -> None:
    world.github.repository.add_commit(B, at(2), parent=A)
    number = world.github.repository.add_pull_request(head_sha=B, base_sha=A)
    ran = world.run(at(3), event="pull_request", sha=C, payload=world.pull_request(number), weeks="0")
    assert ran.code == 2
    assert world.check(B, "SLA")["conclusion"] == world.check(B, "model dependency")["conclusion"] == "failure"


def test_fork__writes_nothing(world: World) -> None:
    world.github.repository.add_commit(B, at(2), parent=A)
    number = world.github.repository.add_pull_request(head_sha=B, base_sha=A)
    world.github.requests.clear()
    ran = world.run(at(3), event="pull_request", sha=C, payload=world.pull_request(number, fork=True), weeks="0")
    assert (ran.code, world.github.requests) == (2, [])


@pytest.mark.parametrize(
    "inputs",
    [{"as_of": "2026-03-03T00:00:00Z"}, {"as_of": "yesterday"}, {"github_token": "ghs_a\nb"}],
    ids=["a dry look", "a dry look that is wrong", "no token"],
)
def test_dry_look__and_a_run_without_a_token_write_nothing(world: World, inputs: dict[str, Any]) -> None:
    world.github.requests.clear()
    assert world.run(at(3), weeks="0", **inputs).code == 2
    assert world.github.requests == []


def test_token__that_may_not_write_is_a_notice_and_the_reason_is_still_read(world: World) -> None:
    world.github.fail("/check-runs", times=None, fault=Answer(403, {"message": "Resource not accessible"}))
    ran = world.run(at(3), weeks="0")
    assert ran.code == 2
    assert "::error title=FlowJoy input::weeks '0'" in ran.log
    assert "the check could not be set to failure" in ran.log


@pytest.mark.matrix
def test_github__that_is_silent_keeps_no_failing_run(world: World) -> None:
    world.github.fail("/", times=None, fault=Stall(60))
    ran = world.run(at(3), weeks="0")
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert "the check could not be set to failure" in ran.log


def test_payload__that_is_odd_raises_nothing(world: World) -> None:
    for event, payload in (("pull_request", {"pull_request": 1}), ("workflow_run", {"workflow_run": []}), ("", {})):
        ran = world.run(at(3), event=event, payload=payload, weeks="0")
        assert ran.code == 2
        assert "Traceback" not in ran.log


@pytest.mark.matrix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_cancelled__closes_the_check_as_cancelled(
    step: Step, github: GitHubStandIn, mlflow: MlflowStandIn, number: signal.Signals, code: int
) -> None:
    when = datetime.now(UTC) - timedelta(hours=1)
    github.repository.add_commit(A, when)
    mlflow.fail("", times=None, fault=Stall(60))
    ran = step.interrupt(number, lambda: mlflow.count() > 0)
    (check,) = github.repository.check_runs.values()
    assert (ran.code, ran.outputs["verdict"]) == (code, "error")
    assert (check.fields["name"], check.fields["conclusion"]) == ("FlowJoy / 48 h SLA", "cancelled")
    assert not (ran.step.report / "flowjoy-bundle.json").exists()


WAIVER = {"model": "recommender", "sha": "*", "reason": "holiday freeze", "by": "data platform"}


def with_stub(world: World, **stub: Any) -> None:
    world.github.repository.add_file(A, "flowjoy.json", json.dumps(stub))


@pytest.fixture
def unshipped(github: GitHubStandIn, tmp_path: Path) -> World:
    """A release whose model does not ship."""
    made = new_world(github, tmp_path)
    made.release(A, at())
    return made


def test_waiver__is_shown_with_reason_name_and_end_wherever_it_serves(unshipped: World) -> None:
    with_stub(unshipped, models={"recommender": "any"}, waivers=[{**WAIVER, "until": "2026-03-10"}])
    ran = unshipped.run(at(60))
    assert (ran.code, ran.outputs["sla-status"], ran.obligation()["status"]) == (0, "waived", "waived")
    check = unshipped.check(A)
    assert check["conclusion"] == "neutral"
    page = (ran.folder / "report.html").read_text()
    for shown in (ran.log, check["output"]["title"], check["output"]["summary"], ran.summary, page):
        plain = read(shown)
        assert "until Tue 10 Mar 23:59 UTC: holiday freeze, approved by data platform" in plain.replace("\u00a0", " ")


def test_waiver__that_ends_too_far_ahead_excuses_nothing_and_says_so(unshipped: World) -> None:
    with_stub(unshipped, models={"recommender": "any"}, waivers=[{**WAIVER, "until": "2027-03-10"}])
    ran = unshipped.run(at(60))
    assert (ran.code, ran.outputs["sla-status"]) == (1, "breached")
    assert "the waiver of recommender by data platform is void: it ends 2027-03-10T23:59:59Z" in ran.log
    assert "is void" in html.unescape(unshipped.check(A)["output"]["summary"])


@pytest.mark.parametrize(
    ("model", "cure"),
    [
        ("recomender", "Did you mean 'recommender'?"),
        ("toxicity", "Name one of: recommender"),
        ("*", "a waiver names one model. Write one for each: recommender"),
    ],
)
def test_waiver__of_a_model_that_no_release_requires_says_that_it_has_no_effect(
    unshipped: World, model: str, cure: str
) -> None:
    with_stub(unshipped, models={"recommender": "any"}, waivers=[{**WAIVER, "model": model, "until": "2026-03-10"}])
    ran = unshipped.run(at(60))
    assert (ran.code, ran.outputs["sla-status"]) == (1, "breached")
    assert f"the waiver of {model!r} by data platform has no effect" in ran.log
    assert cure in ran.log


def test_waiver__of_a_model_that_a_release_requires_is_not_called_idle(unshipped: World) -> None:
    with_stub(unshipped, models={"recommender": "any"}, waivers=[{**WAIVER, "until": "2026-03-10"}])
    assert "has no effect" not in unshipped.run(at(60)).log


def test_stub__that_cannot_be_read_is_named_and_no_model_is(unshipped: World) -> None:
    unshipped.github.repository.add_file(A, "flowjoy.json", '{"models": {"recommender"')
    ran = unshipped.run(at(60))
    assert ran.code == 2
    assert (
        "the model stub of deployment:1001 cannot be read: flowjoy.json at aaaaaaaaaaaa, line 1: is not JSON" in ran.log
    )
    assert "unknown model" not in ran.log


def test_stub__that_names_no_model_is_undeclared_and_never_met(unshipped: World) -> None:
    with_stub(unshipped, models={})
    ran = unshipped.run(at(60))
    assert (ran.code, ran.outputs["verdict"], ran.outputs["sla-status"]) == (0, "pass", "undeclared")
    assert "::notice title=FlowJoy::flowjoy.json names no model" in ran.log
    assert unshipped.check(A)["conclusion"] == "neutral"


def test_stub__that_names_no_model_hides_no_older_clock_and_is_named(unshipped: World) -> None:
    unshipped.release(B, at(1), parent=A)
    unshipped.github.repository.add_file(B, "flowjoy.json", '{"models": {}}')
    ran = unshipped.run(at(2), sha=B)
    assert ran.outputs["sla-status"] == "pending"
    assert f"flowjoy.json is missing or names no model at {B[:12]}: nothing is promised for 1 release" in ran.log


def test_stub__that_is_deleted_is_undeclared_whatever_earlier_releases_kept(
    github: GitHubStandIn, tmp_path: Path
) -> None:
    world = new_world(github, tmp_path)
    world.inputs["models"] = ""
    world.release(A, at(-100))
    with_stub(world, models={"recommender": "any"})
    world.registry.add_version(at(-99))
    assert world.run(at(-50)).outputs["sla-status"] == "met"
    world.github.repository.add_commit(B, at(), parent=A)
    world.github.repository.add_file(B, "flowjoy.json", None)
    world.run(at(0.5), sha=B)
    gate = "This code requires no model, so nothing is promised for it"
    assert world.check(B, "model dependency")["output"]["title"] == gate
    world.release(B, at(1), parent=A)
    ran = world.run(at(60), sha=B)
    assert (ran.code, ran.outputs["sla-status"], ran.outputs["sla-met"]) == (0, "undeclared", "1")
    assert "::notice title=FlowJoy::flowjoy.json is missing, so nothing is promised" in ran.log
    assert world.check(B)["conclusion"] == "neutral"
    world.release(C, at(100), parent=B)
    long_after = world.run(at(1000), sha=C)
    assert (long_after.outputs["sla-status"], world.check(C)["conclusion"]) == ("undeclared", "neutral")


def test_stub__beside_a_code_file_is_named_as_not_applied(unshipped: World) -> None:
    world = unshipped
    (world.workspace / "code.csv").write_text(f"ts,sha\n{at().isoformat()},{A}\n")
    world.inputs |= {"code-source": "file", "code-file": "code.csv"}
    ran = world.run(at(1), models="")
    assert (ran.code, ran.outputs["sla-status"]) == (0, "undeclared")
    assert "flowjoy.json does not apply to releases of a code file" in ran.log
    world.github.repository.add_commit(B, at(2), parent=A)
    world.github.repository.add_file(B, "flowjoy.json", '{"models": {"recommender": "9"}}')
    ran = world.run(at(3), sha=B)
    warning = next(line for line in ran.log.splitlines() if line.startswith("::warning"))
    assert "flowjoy.json requires recommender, but releases of a code file owe the models of the input" in warning


def test_sla_since__after_every_release_is_no_promise_that_was_kept(unshipped: World) -> None:
    world = unshipped
    ran = world.run(at(60), sla_since="2026-03-03")
    assert (ran.code, ran.outputs["sla-status"], ran.outputs["sla-met"]) == (0, "none", "0")
    assert "every release in the last 12 weeks is older than sla-since, so nothing was promised" in ran.log
    assert world.check(A)["conclusion"] == "neutral"


def test_sla_since__of_tomorrow_is_a_wrong_input_unless_the_time_zone_is_there_already(unshipped: World) -> None:
    ran = unshipped.run(at(1), sla_since="2026-03-03")
    assert ran.code == 2
    assert "sla-since '2026-03-03': expected a day that is not in the future" in ran.log
    assert unshipped.run(at(1), sla_since="2026-03-03", timezone="Pacific/Kiritimati").code == 0


def test_models__two_in_one_word_say_how_to_write_them(world: World) -> None:
    world.registry.add_model("ranker")
    ran = world.run(at(3), models="recommender ranker")
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert "the registry does not know the model 'recommender ranker'" in ran.log
    assert "if these are 2 models, write them one a line or comma-separated" in ran.log
    assert world.check(A)["conclusion"] == "failure"


def test_checks__of_two_services_with_one_name_are_warned_of_and_never_doubled(unshipped: World) -> None:
    """GitHub lists the latest check of a name: a branch rule, and a second run, would see one service alone."""
    world, checks = unshipped, unshipped.github.repository.check_runs
    world.registry.add_model("ranker")
    world.registry.add_version(at(5), "ranker")
    billing: dict[str, Any] = {"service": "billing", "models": "ranker"}
    assert "Set `check-name`" not in world.run(at(50)).log
    assert world.run(at(50.1), **billing).log.count("of 'shop' is on this commit as well") == 1
    ran = world.run(at(51))
    assert ran.log.count("of 'billing' is on this commit as well") == 1
    by_service = {run.fields["external_id"]: run.fields["conclusion"] for run in checks.values()}
    assert (len(checks), by_service) == (2, {"flowjoy/shop/sla": "failure", "flowjoy/billing/sla": "success"})
    assert "Set `check-name`" not in world.run(at(52), check_name="FlowJoy billing", **billing).log


def test_checks__of_a_run_that_fails_are_found_behind_those_of_another_service(unshipped: World) -> None:
    world, checks = unshipped, unshipped.github.repository.check_runs
    world.run(at(50))
    world.run(at(50.1), service="billing")
    assert world.run(at(51), sla_target="many").code == 2
    assert len(checks) == 2
    (own,) = [run.fields for run in checks.values() if run.fields["external_id"] == "flowjoy/shop/sla"]
    assert "an input is wrong" in own["output"]["title"]
