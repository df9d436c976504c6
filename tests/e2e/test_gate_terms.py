"""The terms of a pull request that changes a workflow file: of the ledger, and of every workflow file of its base."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest

from tests.e2e.in_process import A, B, Ran, World, at
from tests.fakes.github import NOT_ACCESSIBLE
from tests.fakes.http_base import Answer

pytestmark = pytest.mark.matrix

STUB, FOLDER = "flowjoy.json", ".github/workflows"
TAG: dict[str, Any] = {"model_validated_tag": "integration=passed"}
MILD = """
on: pull_request
jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: acme/flowjoy@v1
        with:
          models: recommender
"""
STRICT = f"{MILD}          model-validated-tag: integration=passed\n"


@pytest.fixture
def world(world: World) -> World:
    """A is live with version 1, which is not validated. The hourly run does not ask for that, the gate's file does."""
    world.registry.add_version(at(-100))
    world.release(A, at(-90))
    world.github.repository.add_file(A, STUB, '{"models": {"recommender": "1"}}')
    world.github.repository.add_file(A, f"{FOLDER}/gate.yml", STRICT)
    world.github.repository.add_commit(B, at(), parent=A, branch="feature")
    return world


def judged(world: World, *changed: str, **inputs: str) -> Ran:
    files = dict.fromkeys(changed, "modified") | {"shop/search.py": "modified"}
    number = world.github.repository.add_pull_request(head_sha=B, base_sha=A, files=files)
    ref, payload = f"refs/pull/{number}/merge", world.pull_request(number)
    return world.run(at(1), event="pull_request", ref=ref, sha="d" * 40, payload=payload, **inputs)


@pytest.mark.parametrize("ledger", [True, False], ids=["ledger", "no ledger"])
@pytest.mark.parametrize("file", ["gate.yml", "another.yml"])
def test_terms__of_the_base_branchs_workflow_files_apply_with_and_without_a_ledger(
    world: World, file: str, *, ledger: bool
) -> None:
    """The pull request edits the file, or leaves it and adds one that runs FlowJoy without the input."""
    if ledger:
        assert world.run(at(-1), event="schedule").code == 0
    world.github.repository.add_file(B, f"{FOLDER}/{file}", MILD)
    ran = judged(world, f"{FOLDER}/{file}")
    assert (ran.code, world.check(B, "model dependency")["conclusion"]) == (1, "failure")
    summary = unescape(world.check(B, "model dependency")["output"]["summary"])
    assert "version 1 does not carry integration=passed" in summary
    assert "model-validated-tag '' would be milder than on the default branch" in summary


def test_terms__of_the_ledger_apply_where_they_are_stricter_than_the_files(world: World) -> None:
    shop = world.github.repository
    shop.add_file(A, f"{FOLDER}/gate.yml", MILD)
    world.run(at(-1), event="schedule", **TAG)
    shop.add_file(B, f"{FOLDER}/gate.yml", f"{MILD}          sla-hours: 48\n")
    assert judged(world, f"{FOLDER}/gate.yml").code == 1


def test_terms__of_the_files_are_not_asked_for_where_none_is_changed(world: World) -> None:
    """The run's inputs are then those of the base branch."""
    world.run(at(-1), event="schedule")
    assert judged(world).code == 0
    assert world.github.count("GET", f"/contents/{FOLDER}") == 0


@pytest.mark.parametrize("answer", [NOT_ACCESSIBLE, Answer(502), Answer(200, {}), Answer(200, [{}])])
def test_terms__of_files_that_cannot_be_listed_are_never_green(world: World, answer: Answer) -> None:
    world.run(at(-1), event="schedule")
    world.github.repository.add_file(B, f"{FOLDER}/lint.yml", "on: push")
    world.github.fail(f"/contents/{FOLDER}", times=None, fault=answer)
    ran = judged(world, f"{FOLDER}/lint.yml", **TAG)
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")


def test_terms__of_a_base_without_workflows_are_those_of_the_ledger(world: World) -> None:
    shop = world.github.repository
    shop.add_file(A, f"{FOLDER}/gate.yml", None)
    world.run(at(-1), event="schedule")
    shop.add_file(B, f"{FOLDER}/gate.yml", MILD)
    assert judged(world, f"{FOLDER}/gate.yml").code == 0


# The name of the check

SHOP: dict[str, Any] = {"service": "shop", "check_name": "FlowJoy shop", "artifact_name": "flowjoy-shop"}
SEARCH: dict[str, Any] = {"service": "search", "check_name": "FlowJoy search", "artifact_name": "flowjoy-search"}


def test_check_name__of_another_service_is_refused(world: World) -> None:
    shop = world.github.repository
    world.run(at(-2), event="schedule", **SHOP, **TAG)
    world.run(at(-1), event="schedule", **SEARCH)
    shop.add_file(A, f"{FOLDER}/gate.yml", MILD)
    shop.add_file(B, f"{FOLDER}/lint.yml", "on: push")
    ran = judged(world, f"{FOLDER}/lint.yml", **SEARCH | {"check_name": "FlowJoy shop"})
    assert (ran.code, world.check(B, "model dependency")["name"]) == (1, "FlowJoy shop / model dependency")
    assert "check-name 'FlowJoy shop': the default branch names the checks of 'search' 'FlowJoy search'" in ran.log
    shop.check_runs.clear()
    assert judged(world, f"{FOLDER}/lint.yml", **SEARCH).code == 0


def test_check_name__that_the_base_branch_gives_in_another_workflow_is_allowed(world: World) -> None:
    shop = world.github.repository
    world.run(at(-1), event="schedule")
    shop.add_file(A, f"{FOLDER}/gate.yml", f"{MILD}          check-name: Gate\n")
    shop.add_file(B, f"{FOLDER}/lint.yml", "on: push")
    assert judged(world, f"{FOLDER}/lint.yml", check_name="Gate").code == 0


def test_check_name__of_another_service_in_the_base_branchs_files_brings_its_terms(world: World) -> None:
    shop = world.github.repository
    steps = f"{STRICT}          check-name: FlowJoy shop\n"
    steps += MILD.partition("    steps:\n")[2] + "          service: search\n          check-name: FlowJoy search\n"
    shop.add_file(A, f"{FOLDER}/gate.yml", steps)
    shop.add_file(B, f"{FOLDER}/lint.yml", "on: push")
    given: dict[str, Any] = {"service": "search"}
    assert judged(world, f"{FOLDER}/lint.yml", check_name="FlowJoy search", **given).code == 0
    shop.check_runs.clear()
    assert judged(world, f"{FOLDER}/lint.yml", check_name="FlowJoy shop", **given).code == 1


# The ledgers of other services


def test_ledgers__of_a_service_that_runs_often_do_not_hide_a_stricter_one(world: World) -> None:
    shop = world.github.repository
    world.run(at(-30), event="schedule", **SEARCH, **TAG)
    world.run(at(-20), event="schedule")
    newest = shop.artifacts[max(shop.artifacts)]
    for hour in range(30):
        run_id = world.begin(at(hour - 20), event="schedule")
        shop.add_artifact(run_id=run_id, name=newest.name, content=newest.content, created_at=at(hour - 20))
    shop.add_file(A, f"{FOLDER}/gate.yml", MILD)
    ran = judged(world, service="new", artifact_name="flowjoy-new", check_name="FlowJoy new")
    assert (ran.code, "the strictest terms of 'search', 'shop'" in ran.log) == (1, True)


# What is not a term

SINCE: dict[str, Any] = {"sla_since": "2026-03-02"}
ROLLING_IN = f"{MILD}          sla-since: 2026-03-02\n          enforce: 'false'\n"
CALLER = """
on: pull_request
jobs:
  promise:
    uses: ./.github/workflows/gate.yml
    with: {models: recommender}
"""
OUTPUTS = f"{ROLLING_IN}      - run: echo ${{{{ steps.flowjoy.outputs.unified-tag }}}}\n"
ACTION = """
on: push
jobs:
  evaluate:
    runs-on: ubuntu-latest
    steps:
      - uses: ./.github/actions/evaluate
        with: {models: bert-base}
"""


@pytest.mark.parametrize("ledger", [True, False], ids=["ledger", "no ledger"])
@pytest.mark.parametrize(
    "files",
    [{"gate.yml": OUTPUTS}, {"gate.yml": ROLLING_IN, "call.yml": CALLER}, {"gate.yml": ROLLING_IN, "ml.yml": ACTION}],
    ids=["a step that prints an output", "a caller of a reusable workflow", "another action with an input `models`"],
)
def test_terms__are_not_taken_from_steps_that_are_not_flowjoy(
    world: World, files: dict[str, str], *, ledger: bool
) -> None:
    shop, given = world.github.repository, {**SINCE, "enforce": "false"}
    shop.add_file(A, STUB, None)
    for name, text in files.items():
        shop.add_file(A, f"{FOLDER}/{name}", text)
    world.release("e" * 40, at(-50))
    if ledger:
        assert world.run(at(-1), event="schedule", **given).code == 0
    shop.add_file(B, f"{FOLDER}/lint.yml", "on: push")
    ran = judged(world, f"{FOLDER}/lint.yml", **given)
    assert ran.code == 0
    assert "milder" not in world.check(B, "model dependency")["output"]["summary"]


def test_terms__of_a_call_that_the_pull_request_softens_have_their_defaults(world: World) -> None:
    shop = world.github.repository
    shop.add_file(A, f"{FOLDER}/gate.yml", STRICT)
    shop.add_file(A, f"{FOLDER}/call.yml", CALLER)
    world.run(at(-1), event="schedule", enforce="false", **TAG)
    shop.add_file(B, f"{FOLDER}/call.yml", CALLER.replace("recommender}", "recommender, enforce: 'false'}"))
    ran = judged(world, f"{FOLDER}/call.yml", enforce="false", **TAG)
    assert ran.code == 1
    summary = unescape(world.check(B, "model dependency")["output"]["summary"])
    assert "enforce 'false' would be milder" in summary
    assert f"{FOLDER}/call.yml (job promise)" in summary


# The pull request that adopts FlowJoy


@pytest.mark.parametrize(
    ("other", "ignored"),
    [
        (None, False),
        ("jobs: {lint: {steps: [{run: make}]}}", False),
        ("jobs: {lint: {steps: [{run: flowjoy}]}}", True),
        ("jobs: {all: {uses: acme/ci/.github/workflows/a.yml@v1}}", True),
    ],
    ids=["no workflow", "another workflow", "a command", "a call that may run FlowJoy"],
)
def test_adoption__keeps_sla_since_only_if_nothing_on_the_base_branch_may_run_flowjoy(
    world: World, other: str | None, *, ignored: bool
) -> None:
    world.github.repository.add_file(A, f"{FOLDER}/gate.yml", other)
    world.github.repository.add_file(B, f"{FOLDER}/promise.yml", f"{MILD}          sla-since: 2026-03-02\n")
    judged(world, f"{FOLDER}/promise.yml", **SINCE)
    assert ("sla-since is ignored" in world.check(B, "model dependency")["output"]["summary"]) == ignored


def test_check_name__of_another_service_is_refused_where_the_base_names_it_by_an_expression(world: World) -> None:
    """The pull request removes the other service's workflow, and gives its own checks the name."""
    shop = world.github.repository
    own = f"{MILD}          service: search\n          check-name: FlowJoy search\n"
    other = STRICT + "          service: ${{ matrix.service }}\n          check-name: FlowJoy ${{ matrix.service }}\n"
    shop.add_file(A, f"{FOLDER}/search.yml", own)
    shop.add_file(A, f"{FOLDER}/gate.yml", other)
    world.run(at(-2), event="schedule", **SHOP, **TAG)
    world.run(at(-1), event="schedule", **SEARCH)
    shop.add_file(B, f"{FOLDER}/gate.yml", None)
    shop.add_file(B, f"{FOLDER}/search.yml", own.replace("FlowJoy search", "FlowJoy shop"))
    ran = judged(world, f"{FOLDER}/search.yml", **SEARCH | {"check_name": "FlowJoy shop"})
    assert (ran.code, "check-name 'FlowJoy shop': the default branch names" in ran.log) == (1, True)
    shop.check_runs.clear()
    assert judged(world, f"{FOLDER}/search.yml", **SEARCH).code == 0
