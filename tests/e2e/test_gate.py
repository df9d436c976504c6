"""The gate wherever code asks to go live: each event, each thing that it refuses, and the waiver that overrides it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.in_process import TOKEN, A, B, C, Ran, World, at, new_world
from tests.fakes.artifact_service import ArtifactServiceStandIn
from tests.fakes.github import NOT_ACCESSIBLE, GitHubStandIn
from tests.fakes.http_base import Answer
from tests.fakes.mlflow_faults import MlflowStandIn
from tests.unit.report.rendered import read

STUB = "flowjoy.json"
GOOD = '{"models": {"recommender": "1"}}'
GROUP_REF = f"refs/heads/gh-readonly-queue/main/pr-7-{A}"
MILDER = "would be milder than on the default branch"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A is live with version 1, which is validated; version 2 is not READY, version 3 is, and carries no tag."""
    with GitHubStandIn(token=TOKEN) as github:
        made = new_world(github, tmp_path)
        made.registry.add_version(at(-100))
        made.registry.add_version(at(-99), status="FAILED_REGISTRATION")
        made.registry.add_version(at(-98))
        made.registry.client.set_model_version_tag("recommender", "1", "integration", "passed")
        made.release(A, at(-90))
        github.repository.add_file(A, STUB, GOOD)
        github.repository.add_commit(B, at(), parent=A, branch="feature")
        made.inputs |= {"model-validated-tag": "integration=passed"}
        yield made


def pull_request(world: World, event: str = "pull_request") -> dict[str, Any]:
    number = world.github.repository.add_pull_request(head_sha=B, base_sha=A, files={STUB: "modified"})
    return {"event": event, "ref": f"refs/pull/{number}/merge", "sha": "d" * 40, "payload": world.pull_request(number)}


def merge_group(world: World) -> dict[str, Any]:
    """As octokit/webhooks shows the payload of `merge_group/checks_requested`."""
    group = {"head_sha": B, "head_ref": GROUP_REF, "base_sha": A, "base_ref": "refs/heads/main"}
    payload = {"action": "checks_requested", "merge_group": group}
    return {"event": "merge_group", "ref": GROUP_REF, "sha": B, "payload": payload}


def workflow_run(world: World, **more: Any) -> dict[str, Any]:
    """After a run of a pull request of this repository; a `pull_requests` that is empty is what forks send."""
    world.github.repository.add_pull_request(head_sha=B, base_sha=A, files={STUB: "modified"})
    run = {
        "id": 5,
        "event": "pull_request",
        "head_sha": B,
        "head_branch": "feature",
        "head_repository": {"full_name": "acme/shop"},
        "pull_requests": [],
        **more,
    }
    return {"event": "workflow_run", "payload": {"action": "completed", "workflow_run": run}}


def deployment(world: World) -> dict[str, Any]:
    world.github.repository.add_deployment(sha=B, created_at=at(), statuses=[("queued", at())])
    return {"event": "deployment", "sha": B, "payload": {"deployment": {"sha": B}}}


def of_commit(event: str, ref: str = "refs/heads/main") -> Callable[[World], dict[str, Any]]:
    return lambda _: {"event": event, "sha": B, "ref": ref}


EVENTS: dict[str, Callable[[World], dict[str, Any]]] = {
    "pull_request": pull_request,
    "pull_request_target": lambda world: pull_request(world, "pull_request_target"),
    "pull_request_review": lambda world: pull_request(world, "pull_request_review"),
    "merge_group": merge_group,
    "workflow_run": workflow_run,
    "deployment": deployment,
    "push": of_commit("push"),
    "push of a tag": of_commit("push", "refs/tags/v1"),
    "release": of_commit("release", "refs/tags/v1"),
    "workflow_dispatch": of_commit("workflow_dispatch"),
    "repository_dispatch": of_commit("repository_dispatch"),
    "schedule": of_commit("schedule"),
}

REFUSED = {
    "a broken stub": ('{"models": {"recommender": BROKEN', "is not JSON"),
    "an unknown model": ('{"models": {"ghost": "any"}}', "ghost: the registry does not know this model"),
    "a version that is not READY": ('{"models": {"recommender": "2"}}', "version 2 is not READY"),
    "a version that is not validated": ('{"models": {"recommender": "3"}}', "does not carry integration=passed"),
}


@pytest.mark.matrix
@pytest.mark.parametrize("event", EVENTS)
def test_gate__is_judged_on_every_event_whose_code_asks_to_go_live(world: World, event: str) -> None:
    asked = EVENTS[event](world)
    shop = world.github.repository
    shop.add_file(B, STUB, GOOD)
    good = world.run(at(1), **asked)
    assert (good.code, good.outputs["verdict"]) == (0, "pass")
    assert world.check(B, "model dependency")["conclusion"] == "success"
    for stub, problem in REFUSED.values():
        shop.add_file(B, STUB, stub)
        ran = world.run(at(1), **asked)
        assert (ran.code, ran.outputs["verdict"]) == (1, "fail"), problem
        assert (world.check(B)["conclusion"], world.check(B, "model dependency")["conclusion"]) == ("failure",) * 2
        title = world.check(B, "model dependency")["output"]["title"]
        assert problem in title
        assert problem in ran.log
        assert title.partition(problem)[2].strip(": ."), "the cure"


@pytest.mark.matrix
@pytest.mark.parametrize("event", ["pull_request", "merge_group", "workflow_run", "push", "deployment"])
def test_waiver__on_the_default_branch_overrides_a_refused_model_and_is_shown(world: World, event: str) -> None:
    asked = EVENTS[event](world)
    shop = world.github.repository
    signed = {"model": "recommender", "reason": "holiday freeze", "by": "data platform"}
    shop.add_file(B, STUB, '{"models": {"recommender": "2"}}')
    for sha, until, code in [
        ("*", "2026-03-10T00:00:00Z", 0),
        (B, "2026-03-10T00:00:00Z", 0),
        ("c" * 40, "2026-03-10T00:00:00Z", 1),
        ("*", "2026-03-01T00:00:00Z", 1),
        ("*", "2026-09-01T00:00:00Z", 1),  # further ahead than a waiver may reach
    ]:
        waiver = {**signed, "sha": sha, "until": until}
        shop.add_file(A, STUB, json.dumps({"models": {"recommender": "1"}, "waivers": [waiver]}))
        ran = world.run(at(1), **asked)
        assert ran.code == code, waiver
        check = world.check(B, "model dependency")
        assert check["conclusion"] == ("failure" if code else "neutral")
        signature = "waived: holiday freeze (data platform, until 2026-03-10T00:00:00Z)"
        assert (signature in read(check["output"]["summary"])) == (code == 0)


@pytest.mark.parametrize("event", ["pull_request", "merge_group", "push"])
def test_waiver__of_the_proposal_itself_overrides_nothing(world: World, event: str) -> None:
    waiver = {"model": "recommender", "sha": "*", "reason": "mine", "by": "me", "until": "2026-03-10T00:00:00Z"}
    asked = EVENTS[event](world)
    world.github.repository.add_file(B, STUB, json.dumps({"models": {"recommender": "2"}, "waivers": [waiver]}))
    assert world.run(at(1), **asked).code == 1


def test_first_production_deploy__is_not_stopped_by_its_own_gate(tmp_path: Path) -> None:
    """A job before the deploy step: staging was deployed, production is an environment that waits for its first."""
    with GitHubStandIn(token=TOKEN) as github:
        world = new_world(github, tmp_path)
        world.registry.add_version(at(-100))
        github.repository.add_commit(A, at(-1))
        github.repository.add_file(A, STUB, GOOD)
        github.repository.add_deployment(
            sha=A, created_at=at(-1), environment="staging", statuses=[("success", at(-1))]
        )
        assert world.run(at(), sha=A).code == 2
        github.repository.environments = {"production"}
        ran = world.run(at(), sha=A)
        assert (ran.code, ran.outputs["verdict"], ran.outputs["sla-status"]) == (0, "pass", "none")
        assert "no deployment yet in production" in ran.log
        github.repository.add_file(A, STUB, '{"models": {"recommenders": "1"}}')
        assert world.run(at(), sha=A).code != 0


@pytest.mark.matrix
def test_own_commit__that_went_live_before_is_not_judged_again(world: World) -> None:
    """It is history: a version that was taken back since then must not turn an hourly run, or a rollback, red."""
    world.registry.client.delete_model_version_tag("recommender", "1", "integration")
    for event in ("schedule", "push", "workflow_dispatch"):
        ran = world.run(at(1), event=event, sha=A)
        assert (ran.code, "gate" in ran.bundle) == (0, False)
    assert not [c for c in world.github.repository.check_runs.values() if "dependency" in c.fields["name"]]


def test_own_commit__with_a_broken_stub_is_an_error_once_it_is_live(world: World) -> None:
    world.release(B, at(), parent=A)
    world.github.repository.add_file(B, STUB, "{")
    ran = world.run(at(1), sha=B)
    assert (ran.code, ran.outputs["verdict"], "gate" in ran.bundle) == (2, "error", False)


def test_own_commit__whose_deployment_failed_is_judged_again(world: World) -> None:
    world.github.repository.add_deployment(sha=B, created_at=at(), statuses=[("failure", at())])
    world.github.repository.add_file(B, STUB, '{"models": {"recommender": "2"}}')
    assert world.run(at(1), sha=B).code == 1


@pytest.mark.matrix
def test_own_commit__is_not_judged_where_a_model_ships_nor_in_a_dry_look(world: World) -> None:
    world.github.repository.add_file(B, STUB, '{"models": {"recommender": "2"}}')
    assert world.run(at(1), sha=B, ship="recommender=3").code == 0
    assert world.run(at(2), sha=B, as_of="2026-03-02T09:30:00Z").code == 0


def test_own_commit__is_never_green_where_nobody_can_say_whether_it_is_live(world: World) -> None:
    world.github.fail("POST /graphql", times=None, fault=NOT_ACCESSIBLE)
    ran = world.run(at(1), sha=B)
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")


def test_own_commit__that_github_does_not_have_is_never_green(world: World) -> None:
    asked = of_commit("push")(world)
    del world.github.repository.commits[B]
    world.github.repository.know = lambda *_, **__: None  # type: ignore[method-assign]  # the harness makes each run's commit
    ran = world.run(at(1), **asked)
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert "is gone from the repository" in ran.log


# workflow_run


@pytest.mark.parametrize("found", [True, False], ids=["its pull request is listed", "no pull request has its head"])
def test_workflow_run__of_a_fork_is_judged_by_its_stub_and_writes_nothing(world: World, *, found: bool) -> None:
    """Forks send no pull request with the run, and GitHub knows none by their commit: learningequality/kolibri#14719.

    `head` and the head's sha tell which it is; where none is listed the stub alone is judged (actions/runner#3444).
    """
    asked = workflow_run(world, head_repository={"full_name": "mallory/shop"}, head_branch="patch-1")
    shop = world.github.repository
    shop.issues.clear()
    if found:
        shop.add_pull_request(head_sha=B, base_sha=A, head_ref="patch-1", head_repository="mallory/shop")
    shop.add_file(B, STUB, '{"models": {"recommender": BROKEN')
    broken = world.run(at(1), **asked, mlflow_tracking_uri="")
    assert (broken.code, broken.outputs["verdict"], broken.outputs["sla-status"]) == (1, "fail", "unknown")
    shop.add_file(B, STUB, GOOD)
    good = world.run(at(1), **asked, mlflow_tracking_uri="")
    assert (good.code, good.outputs["sla-status"]) == (0, "unknown")
    assert "The model stub is in order" in good.log
    assert ("no pull request has this head commit" in good.log) == (not found)
    assert world.github.count("POST", "/repos") == world.github.count("PATCH", "/repos") == 0


def test_workflow_run__of_a_deleted_fork_is_judged(world: World) -> None:
    asked = workflow_run(world, head_repository=None)
    world.github.repository.add_file(B, STUB, "{")
    assert world.run(at(1), **asked, mlflow_tracking_uri="").code == 1


def test_workflow_run__is_never_green_where_its_commit_or_its_pull_request_cannot_be_read(world: World) -> None:
    asked = workflow_run(world, head_repository={"full_name": "mallory/shop"})
    gone = {**asked["payload"]["workflow_run"], "head_sha": "e" * 40}
    ran = world.run(at(1), event="workflow_run", payload={"workflow_run": gone})
    assert (ran.code, "is gone from the repository" in ran.log) == (2, True)
    world.github.fail("GET /repos", times=None, fault=NOT_ACCESSIBLE)
    assert world.run(at(1), **asked).code == 2


HEADS: list[tuple[str, dict[str, Any]]] = [
    ("push", {}),
    ("push", {"head_repository": None}),  # github/rest-api-description#1586: it may be null
    ("push", {"head_repository": {}}),
    ("pull_request", {}),
    ("pull_request", {"head_repository": {}}),
    ("pull_request", {"head_repository": {"full_name": ""}}),
    ("pull_request", {"head_repository": "acme/shop"}),
]
HEADLESS = [{"workflow_run": {"head_sha": B, "event": event, **head}} for event, head in HEADS]


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("event", "payload", "field"),
    [
        ("workflow_run", {}, "workflow_run.head_sha"),
        ("workflow_run", {"workflow_run": None}, "workflow_run.head_sha"),
        ("workflow_run", {"workflow_run": {"head_sha": B, "head_repository": None}}, "workflow_run.event"),
        *(("workflow_run", run, "workflow_run.head_repository") for run in HEADLESS),
        ("merge_group", {}, "merge_group.head_sha"),
        ("merge_group", {"merge_group": {"head_sha": B}}, "merge_group.base_sha"),
        ("merge_group", {"merge_group": {"head_sha": "main", "base_sha": A}}, "merge_group.head_sha"),
        ("pull_request", {"pull_request": {"number": "7"}}, "pull_request.number"),
        ("pull_request_target", {"pull_request": {"number": 7, "head": {}}}, "pull_request.head.sha"),
        ("pull_request_review", {}, "pull_request.number"),
        ("deployment", {"deployment": {}}, "deployment.sha"),
        ("deployment_status", {"deployment": {"sha": ""}}, "deployment.sha"),
    ],
)
def test_payload__that_hides_whose_code_it_is_exits_2(
    world: World, event: str, payload: dict[str, Any], field: str
) -> None:
    ran = world.run(at(1), event=event, payload=payload)
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert f"the payload of '{event}' has no {field}, so nothing can be judged. Run" in ran.log
    conclusions = {check.fields["conclusion"] for check in world.github.repository.check_runs.values()}
    assert conclusions <= {"failure"}


# What a proposal changes


def test_files__behind_a_rename_on_the_first_page_are_seen(world: World) -> None:
    """101 files: GitHub counts a rename once, and it names two."""
    names = [f"shop/{n:03}.py" for n in range(100)] + ["zz/flags/search.yml"]
    number = world.github.repository.add_pull_request(
        head_sha=B, base_sha=A, files=dict.fromkeys(names, "modified"), renamed={"shop/000.py": "shop/old.py"}
    )
    ref, payload = f"refs/pull/{number}/merge", world.pull_request(number)
    asked: dict[str, Any] = {"event": "pull_request", "ref": ref, "payload": payload}
    ran = world.run(at(1), **asked, flag_paths="**/flags/*")
    assert (ran.code, "changes zz/flags/search.yml" in ran.log) == (1, True)
    assert world.run(at(1), **asked, flag_paths="shop/old.py").code == 1


def test_merge_group__that_changes_a_flag_must_touch_the_stub(world: World) -> None:
    asked = merge_group(world)
    shop = world.github.repository
    shop.add_file(B, "config/flags/search.yml", "on")
    assert world.run(at(1), **asked, flag_paths="config/flags/**").code == 1
    shop.add_file(B, STUB, '{"models": {"recommender": ">=1"}}')
    assert world.run(at(1), **asked, flag_paths="config/flags/**", model_validated_tag="").code == 0


def test_merge_group__with_more_files_than_github_lists_is_judged_by_its_stub(world: World) -> None:
    asked = merge_group(world)
    shop = world.github.repository
    for n in range(300):
        shop.add_file(B, f"shop/{n:03}.py", "x")
    assert world.run(at(1), **asked).code == 0
    ran = world.run(at(1), **asked, flag_paths="config/flags/**")
    assert (ran.code, "300 files" in ran.log) == (2, True)


WORKFLOW = """
on: pull_request
jobs:
  gate:
    runs-on: ubuntu-latest
    steps:
      - uses: acme/flowjoy@v1
        with:
          models: recommender
          sla-hours: 48
"""


def test_workflow_file__that_runs_flowjoy_is_named_with_the_inputs_that_change(world: World) -> None:
    shop = world.github.repository
    edited = WORKFLOW.replace("sla-hours: 48", "sla-hours: 96\n          enforce: false")
    shop.add_file(A, ".github/workflows/gate.yml", WORKFLOW)
    shop.add_file(B, ".github/workflows/promise.yml", edited)
    shop.add_file(B, ".github/workflows/lint.yml", "on: push")
    files = {".github/workflows/promise.yml": "renamed", ".github/workflows/lint.yml": "added"}
    renamed = {".github/workflows/promise.yml": ".github/workflows/gate.yml"}
    number = shop.add_pull_request(head_sha=B, base_sha=A, files=files, renamed=renamed)
    ran = world.run(at(1), event="pull_request", ref="refs/pull/1/merge", payload=world.pull_request(number))
    summary = read(world.check(B, "model dependency")["output"]["summary"])
    assert ran.code == 0
    assert (
        ".github/workflows/promise.yml changes how FlowJoy runs: "
        "enforce 'false' not given before; sla-hours '96' instead of '48'"
    ) in read(summary)
    assert "lint" not in summary


def test_workflow_files__that_are_too_much_to_read_are_named_and_cost_no_time(world: World) -> None:
    shop, names = world.github.repository, [f".github/workflows/w{n:02}.yml" for n in range(25)]
    for name in names:
        shop.add_file(B, name, WORKFLOW + "# " + "x" * 60_000)
    number = shop.add_pull_request(head_sha=B, base_sha=A, files=dict.fromkeys(names, "added"))
    ran = world.run(at(1), event="pull_request", ref="refs/pull/1/merge", payload=world.pull_request(number))
    summary = read(world.check(B, "model dependency")["output"]["summary"])
    assert (ran.code, summary.count("job gate runs FlowJoy now")) == (0, 3)
    assert "w03.yml and the other changed files are too large to compare" in summary
    assert "changed workflow files that were not compared: 5" in summary


# P70: the default branch's terms


@pytest.fixture
def remembering(world: World) -> Iterator[World]:
    """The same with a ledger: each run on main leaves its terms to the next."""
    with ArtifactServiceStandIn(world.github.repository) as artifacts:
        world.artifacts = artifacts
        yield world


def judged(world: World, **inputs: str) -> Ran:
    asked = pull_request(world)
    return world.run(at(60), event="pull_request", ref=asked["ref"], payload=asked["payload"], **inputs)


@pytest.mark.matrix
def test_terms__of_a_pull_request_are_not_milder_than_the_default_branchs(remembering: World) -> None:
    """P70: each input that would make its check green is the default branch's until it is merged, and named."""
    world, shop = remembering, remembering.github.repository
    strict: dict[str, Any] = {"flag_paths": "config/flags/**", "sla_since": "2026-02-01", "enforce": "true"}
    assert world.run(at(0.5), sha=A, **strict).code == 0
    for name, value, stub in [
        ("enforce", "false", '{"models": {"recommender": "2"}}'),
        ("model_validated_tag", "", '{"models": {"recommender": "3"}}'),
        ("as_of", "2026-02-20T00:00:00Z", '{"models": {"recommender": "2"}}'),
    ]:
        shop.add_file(B, STUB, stub)
        ran = judged(world, **{**strict, name: value})
        assert (ran.code, world.check(B, "model dependency")["conclusion"]) == (1, "failure"), name
        assert name.replace("_", "-") in read(world.check(B, "model dependency")["output"]["summary"])


@pytest.mark.matrix
def test_terms__of_the_promise_are_not_milder_either(remembering: World) -> None:
    """A breach stays one: a longer clock, a later beginning, no models and no stub would each hide it."""
    world, shop = remembering, remembering.github.repository
    shop.add_commit("c" * 40, at(-2), parent=A)
    world.release("c" * 40, at(1), parent=A)
    shop.add_file("c" * 40, STUB, '{"models": {"recommender": "any"}}')
    shop.add_commit(B, at(1), parent="c" * 40, branch="feature")
    assert world.run(at(50), sha="c" * 40).code == 1
    for inputs in [
        {"sla_hours": "96"},
        {"sla_since": "2026-03-04"},
        {"model_stub": "other.json", "models": ""},
        {"enforce": "false"},
    ]:
        ran = judged(world, **inputs)
        assert (ran.code, ran.outputs["sla-status"]) == (1, "breached"), inputs
        assert world.check(B)["name"] == "FlowJoy / 48 h SLA"
        assert MILDER in read(world.check(B, "model dependency")["output"]["summary"])


def test_terms__that_are_stricter_hold(remembering: World) -> None:
    world = remembering
    assert world.run(at(0.5), sha=A, enforce="false").code == 0
    world.github.repository.add_file(B, STUB, '{"models": {"recommender": "2"}}')
    assert judged(world, enforce="true").code == 1
    assert MILDER not in read(world.check(B, "model dependency")["output"]["summary"])


def test_stub__at_another_path_is_judged_beside_the_default_branchs(remembering: World) -> None:
    world, shop = remembering, remembering.github.repository
    world.run(at(0.5), sha=A)
    shop.add_file(B, "ml/stub.json", '{"models": {"recommender": "2"}}')
    assert judged(world, model_stub="ml/stub.json").code == 1
    shop.add_file(B, "ml/stub.json", '{"models": {}}')
    shop.add_file(A, STUB, '{"models": {"recommender": "3"}}')
    ran = judged(world, model_stub="ml/stub.json")
    assert (ran.code, "version 3 does not carry" in ran.log) == (1, True)


@pytest.mark.matrix
@pytest.mark.parametrize("proposal", [pull_request, merge_group])
@pytest.mark.parametrize(
    ("stub", "problem"), [REFUSED["a broken stub"], REFUSED["an unknown model"], REFUSED["a version that is not READY"]]
)
def test_stub__at_another_path_leaves_the_default_branchs_judged_at_the_head(
    remembering: World, proposal: Callable[[World], dict[str, Any]], stub: str, problem: str
) -> None:
    """A pull request that only renames its input must not hide the file that other runs go on reading."""
    world = remembering
    world.run(at(0.5), sha=A)
    world.github.repository.add_file(B, STUB, stub)
    ran = world.run(at(1), model_stub="other.json", **proposal(world))
    assert (ran.code, problem in ran.log) == (1, True)
    check = world.check(B, "model dependency")
    assert check["conclusion"] == "failure"
    assert "other.json is removed" not in read(check["output"]["summary"])


def test_stub__at_another_path_leaves_the_flag_rule_to_the_default_branchs(remembering: World) -> None:
    world, shop = remembering, remembering.github.repository
    world.run(at(0.5), sha=A)
    shop.add_file(B, STUB, GOOD)
    shop.add_file(B, "other.json", GOOD)
    number = shop.add_pull_request(head_sha=B, base_sha=A, labels=["feature-flag"], files={"other.json": "added"})
    asked: dict[str, Any] = {"event": "pull_request", "ref": f"refs/pull/{number}/merge"}
    ran = world.run(at(1), payload=world.pull_request(number), model_stub="other.json", **asked)
    assert (ran.code, f"must touch {STUB}" in ran.log) == (1, True)


def test_stub__that_moves_with_its_input_needs_no_model_that_it_does_not_name(remembering: World) -> None:
    """`models` says what code needs that has no stub: here version 3, which is newest, is not validated."""
    world, shop = remembering, remembering.github.repository
    world.run(at(0.5), sha=A)
    shop.add_file(B, "ml/stub.json", GOOD)
    assert judged(world, model_stub="ml/stub.json").code == 0


@pytest.mark.matrix
@pytest.mark.parametrize("inputs", [{"artifact_name": "mine"}, {"service": "mine"}])
@pytest.mark.parametrize("softening", [{"enforce": "false"}, {"model_stub": "other.json", "model_validated_tag": ""}])
def test_ledger__that_a_proposal_hides_under_another_name_is_compared(
    remembering: World, inputs: dict[str, str], softening: dict[str, str]
) -> None:
    world = remembering
    assert world.run(at(0.5), sha=A).code == 0
    world.github.repository.add_file(B, STUB, '{"models": {"recommender": "2"}}')
    ran = judged(world, **inputs, **softening)
    assert (ran.code, world.check(B, "model dependency")["conclusion"]) == (1, "failure")
    summary = read(world.check(B, "model dependency")["output"]["summary"])
    assert MILDER in summary
    assert "not compared" not in summary


def test_ledger__under_a_name_of_its_own_is_compared_too(remembering: World) -> None:
    world = remembering
    assert world.run(at(0.5), sha=A, artifact_name="promise").code == 0
    world.github.repository.add_file(B, STUB, '{"models": {"recommender": "2"}}')
    assert judged(world, enforce="false").code == 1


@pytest.mark.matrix
def test_ledgers__of_several_services_give_the_strictest_terms(remembering: World) -> None:
    """In a monorepo nothing says which service a new name stands for: each one's stub and clock applies."""
    world, shop = remembering, remembering.github.repository
    world.run(at(0.5), sha=A)
    shop.add_file(A, "billing.json", GOOD)
    billing: dict[str, Any] = {"service": "billing", "enforce": "false", "sla_hours": "96"}
    world.run(at(0.6), sha=A, model_stub="billing.json", **billing)
    shop.add_file(B, STUB, '{"models": {"recommender": "2"}}')
    ran = judged(world, service="mine", enforce="false", sla_hours="200", model_stub="other.json")
    summary = read(world.check(B, "model dependency")["output"]["summary"])
    assert (ran.code, "version 2 is not READY" in summary) == (1, True)
    assert world.check(B)["name"] == "FlowJoy / 48 h SLA"
    assert "the strictest terms of" in ran.log


def test_ledger__of_a_pull_requests_own_run_lends_no_terms(remembering: World) -> None:
    world = remembering
    asked = pull_request(world)
    world.run(at(0.5), **asked, artifact_name="mine", enforce="false")
    judged(world)
    assert "not compared" in read(world.check(B, "model dependency")["output"]["summary"])


def gate_file(world: World, before: str | None, after: str) -> dict[str, Any]:
    """A pull request that changes the workflow file of the gate, and pins a version that is not READY."""
    shop, path = world.github.repository, ".github/workflows/gate.yml"
    if before is not None:
        shop.add_file(A, path, before)
    shop.add_file(B, path, after)
    shop.add_file(B, STUB, '{"models": {"recommender": "2"}}')
    number = shop.add_pull_request(head_sha=B, base_sha=A, files={path: "modified" if before else "added"})
    return {"event": "pull_request", "ref": f"refs/pull/{number}/merge", "payload": world.pull_request(number)}


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("before", "event", "code"),
    [
        (WORKFLOW, "pull_request", 1),
        (None, "pull_request", 1),
        (f"{WORKFLOW}          enforce: false\n", "pull_request", 0),
        (WORKFLOW, "pull_request_target", 0),  # GitHub takes the workflow file of the base branch
    ],
)
def test_terms__without_a_ledger_are_softened_only_by_the_base_branch(
    world: World, before: str | None, event: str, code: int
) -> None:
    soft: dict[str, Any] = {"enforce": "false", "sla_since": "2026-03-01"}
    asked = gate_file(world, before, f"{WORKFLOW}          enforce: false\n") | {"event": event}
    ran = world.run(at(1), **asked, **soft)
    assert ran.code == code
    summary = read(world.check(B, "model dependency")["output"]["summary"])
    first = before is None
    assert ("enforce: false is ignored" in summary) == first
    assert "sla-since is ignored" not in summary  # a base without FlowJoy has no promise that this could soften
    assert (f"enforce 'false' {MILDER}" in summary) == (code == 1 and not first)


@pytest.mark.matrix
def test_terms__without_a_ledger_are_said_not_to_be_compared(world: World, remembering: World) -> None:
    judged(world, enforce="false")
    assert "not compared" in read(world.check(B, "model dependency")["output"]["summary"])
    world.run(at(59), sha=A)
    judged(world)
    assert "not compared" not in read(world.check(B, "model dependency")["output"]["summary"])


@pytest.mark.parametrize("proposal", [pull_request, merge_group, lambda world: of_branch("workflow_dispatch", world)])
def test_registry__other_than_the_default_branchs_is_refused(
    remembering: World, proposal: Callable[[World], dict[str, Any]]
) -> None:
    """In a registry of its own, any version is READY."""
    world = remembering
    world.run(at(0.5), sha=A)
    world.github.repository.add_file(B, STUB, '{"models": {"recommender": "2"}}')
    with MlflowStandIn() as other:
        other.add_model()
        for hours in (-100, -99):
            other.add_version(at(hours), tags={"integration": "passed"})
        ran = world.run(at(1), **proposal(world), mlflow_tracking_uri=other.url)
    assert (ran.code, ran.outputs["verdict"]) == (1, "fail")
    check = world.check(B, "model dependency")
    assert (check["conclusion"], world.check(B)["conclusion"]) == ("failure", "failure")
    assert check["output"]["title"].partition(" is blocked: ")[2].startswith("mlflow-tracking-uri: this run reads")
    summary = read(check["output"]["summary"])
    assert "Keep the input until this is merged" in summary
    assert "run FlowJoy there once" in summary


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        ({"environment": "stage"}, "code-source or environment: this run reads deployments"),
        ({"code_source": "releases"}, "code-source, release-tags or environment: this run reads deployments"),
        (
            {"code_source": "workflow-runs", "workflow": "ci.yml"},
            "code-source, workflow, branch, deploy-job or environment: this run reads deployments",
        ),
        ({"model_source": "file", "model_file": "models.csv"}, "model-source: this run reads model versions"),
    ],
)
def test_source__other_than_the_default_branchs_is_refused_and_named(
    remembering: World, inputs: dict[str, Any], named: str
) -> None:
    world, shop = remembering, remembering.github.repository
    world.run(at(0.5), sha=A)
    shop.add_deployment(sha=A, created_at=at(), environment="stage", statuses=[("success", at())])
    shop.add_release(tag="v0", sha=A, published_at=at(-1))
    shop.add_run(sha=A, created_at=at(-1), workflow="ci.yml", event="push", branch="main")
    (world.workspace / "models.csv").write_text("ts,name,version\n2026-02-20T00:00:00Z,recommender,1\n")
    ran = judged(world, **inputs, model_validated_tag="")
    check = world.check(B, "model dependency")
    assert (ran.code, check["conclusion"], world.check(B)["conclusion"]) == (1, "failure", "failure")
    assert named in read(check["output"]["summary"])


def test_source__that_the_default_branch_has_changed_already_is_known_after_one_run_there(remembering: World) -> None:
    world, shop = remembering, remembering.github.repository
    shop.add_deployment(sha=A, created_at=at(-90), environment="stage", statuses=[("success", at(-90))])
    world.run(at(0.5), sha=A)
    assert judged(world, environment="stage").code == 1
    world.run(at(0.6), sha=A, environment="stage")
    assert judged(world, environment="stage").code == 0


@pytest.mark.parametrize(("inputs", "code"), [({}, 1), ({"ship": "recommender=1"}, 2)])
def test_source__of_its_own_is_refused_although_it_says_that_the_commit_is_live(
    remembering: World, inputs: dict[str, Any], code: int
) -> None:
    """A deployment to an environment of one's own would otherwise make the commit history, which no gate judges."""
    world, shop = remembering, remembering.github.repository
    world.run(at(0.5), sha=A)
    shop.add_deployment(sha=B, created_at=at(), environment="mine", statuses=[("success", at())])
    ran = world.run(at(1), **of_branch("workflow_dispatch", world), environment="mine", **inputs)
    assert (ran.code, world.check(B)["conclusion"]) == (code, "failure")


# The base branch's workflow file, where no ledger can be read

STRICT = f"""{WORKFLOW}          flag-paths: flags/**
          model-validated-tag: integration=passed
          environment: ${{{{ vars.ENVIRONMENT }}}}
"""


@pytest.mark.parametrize(
    ("dropped", "stub", "files"),
    [
        ("model_validated_tag", '{"models": {"recommender": "3"}}', {}),
        ("flag_paths", None, {"flags/search.yml": "added"}),
    ],
)
@pytest.mark.parametrize("moved", [False, True], ids=["the file is edited", "the file is replaced by another"])
def test_workflow_file__of_the_base_branch_gives_the_terms_where_no_ledger_is_read(
    world: World, dropped: str, stub: str | None, files: dict[str, str], *, moved: bool
) -> None:
    """A pull request can drop `actions: read` from its own workflow, and with it the ledger."""
    shop, path, other = world.github.repository, ".github/workflows/gate.yml", ".github/workflows/other.yml"
    name = dropped.replace("_", "-")
    shop.add_file(A, path, STRICT)
    shop.add_file(B, other if moved else path, "\n".join(line for line in STRICT.split("\n") if name not in line))
    if moved:
        shop.add_file(B, path, None)
    if stub is not None:
        shop.add_file(B, STUB, stub)
    changed = {path: "removed", other: "added"} if moved else {path: "modified"}
    number = shop.add_pull_request(head_sha=B, base_sha=A, files={**changed, **files})
    world.github.fail("/actions/artifacts", times=None, fault=NOT_ACCESSIBLE)
    given = {"flag_paths": "flags/**", "model_validated_tag": "integration=passed", dropped: ""}
    ran = judge(world, number, **given)
    summary = read(world.check(B, "model dependency")["output"]["summary"])
    assert (ran.code, world.check(B, "model dependency")["conclusion"]) == (1, "failure")
    assert f"{name} '' {MILDER}" in summary
    assert "does not say its value: environment, mlflow-tracking-uri" in summary


@pytest.mark.parametrize("uses", ["./.github/workflows/sla.yml", "./.github/actions/sla", "acme/model-sla@v1"])
def test_workflow_file__that_calls_flowjoy_under_another_name_is_compared(world: World, uses: str) -> None:
    shop, path = world.github.repository, ".github/workflows/pr.yml"
    call = f"on: pull_request\njobs:\n  gate:\n    uses: {uses}\n    with:\n      model-stub: flowjoy.json\n"
    shop.add_file(A, path, call)
    shop.add_file(B, path, f"{call}      enforce: 'false'\n")
    shop.add_file(B, STUB, '{"models": {"recommender": "nonsense"}}')
    number = shop.add_pull_request(head_sha=B, base_sha=A, files={path: "modified"})
    world.github.fail("/actions/artifacts", times=None, fault=NOT_ACCESSIBLE)
    ran = judge(world, number, enforce="false")
    summary = read(world.check(B, "model dependency")["output"]["summary"])
    assert (ran.code, world.check(B, "model dependency")["conclusion"]) == (1, "failure")
    assert "pr.yml changes how FlowJoy runs" in summary


def test_workflow_file__of_the_base_branch_gives_the_registry_too(world: World) -> None:
    """It may also come from a variable, which no file shows: an input that is added overrides it."""
    with_registry = f"{WORKFLOW}          mlflow-tracking-uri: https://mlflow.example\n"
    for before, after in [(with_registry, WORKFLOW), (WORKFLOW, with_registry)]:
        asked = gate_file(world, before, after)
        world.github.repository.add_file(B, STUB, GOOD)
        ran = world.run(at(1), **asked)
        assert (ran.code, "mlflow-tracking-uri: this run reads model versions from another" in ran.log) == (1, True)


def test_workflow_file__of_another_service_or_that_ships_gives_no_terms(world: World) -> None:
    """In a monorepo the step of this service counts; a step that ships a model judges no code."""
    step = """
      - uses: acme/flowjoy@v1
        with:
          {}
          model-validated-tag: integration=passed
"""
    before = WORKFLOW + step.format("service: billing") + step.format("ship: recommender=1")
    asked = gate_file(world, before, before.replace("sla-hours: 48", "sla-hours: 96"))
    world.github.repository.add_file(B, STUB, '{"models": {"recommender": "3"}}')
    ran = world.run(at(1), **asked, sla_hours="96", model_validated_tag="")
    assert ran.code == 0
    assert world.check(B)["name"] == "FlowJoy / 48 h SLA"


def test_workflow_file__of_a_first_installation_has_nothing_to_compare_with(world: World) -> None:
    asked = gate_file(world, None, WORKFLOW)
    world.github.repository.add_file(B, STUB, GOOD)
    assert world.run(at(1), **asked).code == 0
    assert "not compared" in read(world.check(B, "model dependency")["output"]["summary"])


# One commit, several pull requests


E = "e" * 40


@pytest.fixture
def decoy(world: World) -> World:
    """B is the head of a pull request into main, and can be that of another one into a branch with a milder stub."""
    shop = world.github.repository
    shop.add_commit(C, at(-1), parent=A)
    shop.add_file(C, STUB, '{"models": {"recommender": "2"}}')
    shop.add_commit(E, at(-0.5), parent=C, branch="decoy")
    shop.add_file(E, STUB, GOOD)
    shop.add_commit(B, at(), parent=E, branch="feature")
    shop.add_file(B, STUB, GOOD)
    return world


def judge(world: World, number: int, **inputs: str) -> Ran:
    ref = f"refs/pull/{number}/merge"
    return world.run(at(1), event="pull_request", ref=ref, sha="d" * 40, payload=world.pull_request(number), **inputs)


def into(world: World, base_sha: str, base_ref: str = "main", **more: Any) -> int:
    files = {STUB: "modified", "shop/search.py": "modified"}
    return world.github.repository.add_pull_request(
        head_sha=B, base_sha=base_sha, base_ref=base_ref, **{"files": files, **more}
    )


def test_red_gate__is_not_turned_green_by_another_pull_request_of_the_same_commit(decoy: World) -> None:
    world = decoy
    refused = into(world, C)
    assert judge(world, refused).code == 1
    milder = into(world, E, "decoy")
    ran = judge(world, milder)
    check = world.check(B, "model dependency")
    assert (ran.code, check["conclusion"]) == (0, "failure")
    assert check["output"]["title"] == f"pull request #{refused} of the same commit is refused"
    cure = f"Fix #{refused} and run its workflow again, close it, or push another commit to this branch."
    assert cure in check["output"]["summary"]
    assert f"pull request #{refused} of the same commit is refused. See its text for the cure" in ran.log


def test_red_gate__stays_red_until_every_refused_pull_request_of_the_commit_is_mended(decoy: World) -> None:
    world = decoy
    first, second = into(world, C), into(world, C, labels=["feature-flag"], files={"shop/search.py": "modified"})
    for number in (first, second):
        assert judge(world, number).code == 1
    world.github.repository.add_file(C, STUB, GOOD)
    assert judge(world, first).code == 0
    assert world.check(B, "model dependency")["output"]["title"].startswith(f"pull request #{second} of")
    world.github.repository.issues[second].labels.clear()
    assert judge(world, second).code == 0
    assert world.check(B, "model dependency")["conclusion"] == "success"


@pytest.mark.parametrize("how", ["closed", "moved on"])
def test_red_gate__of_a_pull_request_that_no_longer_asks_for_the_commit_blocks_no_other(decoy: World, how: str) -> None:
    world, shop = decoy, decoy.github.repository
    refused = into(world, C)
    judge(world, refused)
    issue = shop.issues[refused]
    assert issue.pull is not None
    if how == "closed":
        issue.closed_at = "2026-03-02T10:00:00Z"
    else:
        shop.add_commit("f" * 40, at(0.5), parent=B, branch="feature")
        issue.pull = replace(issue.pull, head_sha="f" * 40)
    assert judge(world, into(world, E, "decoy")).code == 0
    assert world.check(B, "model dependency")["conclusion"] == "success"


def test_red_gate__stays_red_where_github_does_not_say_whether_its_pull_request_is_open(decoy: World) -> None:
    world = decoy
    refused = into(world, C)
    judge(world, refused)
    world.github.fail(f"/pulls/{refused}", times=None, fault=NOT_ACCESSIBLE)
    judge(world, into(world, E, "decoy"))
    assert world.check(B, "model dependency")["conclusion"] == "failure"


def test_red_gate__is_remembered_through_a_run_that_could_not_decide(decoy: World) -> None:
    """A run with a wrong input turns checks red; the refusal before it must outlive it."""
    world = decoy
    judge(world, into(world, C))
    milder = into(world, E, "decoy")
    assert judge(world, milder, weeks="many").code == 2
    assert judge(world, milder).code == 0
    assert world.check(B, "model dependency")["conclusion"] == "failure"


def test_red_gate__of_its_own_pull_request_is_turned_green_by_the_next_run(decoy: World) -> None:
    world = decoy
    number = into(world, C)
    assert judge(world, number, weeks="many").code == 2
    assert judge(world, number).code == 1
    world.github.repository.add_file(C, STUB, GOOD)
    assert judge(world, number).code == 0
    check = world.check(B, "model dependency")
    assert (check["conclusion"], check["external_id"]) == ("success", "flowjoy/shop/dependency")


# A commit beside the default branch


def of_branch(event: str, world: World) -> dict[str, Any]:
    """A run of B, which only a feature branch holds."""
    asked: dict[str, Any] = {"event": event, "ref": "refs/heads/feature", "sha": B}
    if event == "workflow_run":
        return workflow_run(world, event="push") | {"ref": "refs/heads/main", "sha": A}
    if event == "deployment":
        asked |= deployment(world)
    return asked


BRANCH_EVENTS = [
    "workflow_dispatch",
    "push",
    "repository_dispatch",
    "release",
    "deployment",
    "workflow_run",
    "check_suite",
]


@pytest.mark.parametrize("event", BRANCH_EVENTS)
def test_branch__is_judged_by_the_stub_of_the_default_branch_as_well(decoy: World, event: str) -> None:
    """The head of C, which pins a version that is not READY; B took it back beside other changes."""
    world, shop = decoy, decoy.github.repository
    shop.add_file(B, "shop/search.py", "x")
    ran = world.run(at(1), **of_branch(event, world))
    assert (ran.code, world.check(B, "model dependency")["conclusion"]) == (1, "failure")
    assert "version 2 is not READY. The base branch requires it" in ran.log
    shop.add_file(C, STUB, GOOD)
    assert world.run(at(1), **of_branch(event, world)).code == 0


def test_branch__that_is_refused_is_not_turned_green_by_a_dispatch(decoy: World) -> None:
    world, shop = decoy, decoy.github.repository
    shop.add_file(B, "shop/search.py", "x")
    refused = into(world, C, labels=["feature-flag"], files={"shop/search.py": "modified"})
    shop.add_file(C, STUB, GOOD)
    assert judge(world, refused).code == 1
    assert world.run(at(1), **of_branch("workflow_dispatch", world)).code == 0  # a commit has no label
    check = world.check(B, "model dependency")
    assert (check["conclusion"], f"pull request #{refused}" in check["output"]["title"]) == ("failure", True)


def test_branch__that_changes_a_flag_must_touch_the_stub(world: World) -> None:
    world.github.repository.add_file(B, "config/flags/search.yml", "on")
    asked = of_branch("workflow_dispatch", world)
    assert world.run(at(1), **asked, flag_paths="config/flags/**").code == 1
    world.github.repository.add_file(B, STUB, '{"models": {"recommender": ">=1"}}')
    assert world.run(at(1), **asked, flag_paths="config/flags/**", model_validated_tag="").code == 0


@pytest.mark.parametrize("inputs", [{"enforce": "false"}, {"model_stub": "other.json"}, {"model_validated_tag": ""}])
def test_branch__is_not_judged_by_milder_inputs_than_the_default_branchs(
    remembering: World, inputs: dict[str, Any]
) -> None:
    world, shop = remembering, remembering.github.repository
    world.run(at(0.5), sha=A)
    stub = '{"models": {"recommender": "3"}}' if "model_validated_tag" in inputs else REFUSED["a broken stub"][0]
    shop.add_file(B, STUB, stub)
    ran = world.run(at(1), **of_branch("workflow_dispatch", world), **inputs)
    assert (ran.code, world.check(B, "model dependency")["conclusion"]) == (1, "failure")
    assert world.check(B)["conclusion"] == "failure"


def test_branch__without_a_ledger_cannot_soften_its_check(world: World) -> None:
    world.github.repository.add_file(B, STUB, '{"models": {"recommender": "2"}}')
    world.github.repository.add_file(B, ".github/workflows/gate.yml", WORKFLOW)
    assert world.run(at(1), **of_branch("workflow_dispatch", world), enforce="false").code == 1


def test_release_branch__can_be_deployed_where_both_stubs_are_kept(world: World) -> None:
    """A hotfix on a maintenance branch: main went on, and both sides name versions that are there."""
    shop = world.github.repository
    shop.add_commit(C, at(-1), parent=A)
    shop.add_file(C, STUB, '{"models": {"recommender": ">=1"}}')
    ran = world.run(at(1), event="release", ref="refs/tags/v1", sha=B, model_validated_tag="")
    assert (ran.code, world.check(B, "model dependency")["conclusion"]) == (0, "success")
    world.release(B, at(1), parent=A)
    shop.add_file(C, STUB, "{")
    ran = world.run(at(2), event="deployment_status", ref="refs/tags/v1", payload={"deployment": {"sha": B}})
    assert (ran.code, "gate" in ran.bundle) == (0, False), "it is live: history is not judged again"


@pytest.mark.parametrize("event", ["push", "issue_comment", "release"])
def test_branch__whose_commit_lies_on_the_default_branch_is_judged_alone(world: World, event: str) -> None:
    shop = world.github.repository
    shop.add_commit(B, at(), parent=A)
    shop.add_commit(C, at(0.1), parent=B)
    shop.add_file(B, STUB, GOOD)
    shop.add_file(C, STUB, '{"models": {"recommender": "2"}}')
    ran = world.run(at(1), event=event, ref="refs/heads/feature", sha=B, enforce="false")
    assert (ran.code, world.check(B, "model dependency")["conclusion"]) == (0, "success")


@pytest.mark.parametrize("fault", [NOT_ACCESSIBLE, Answer(502), Answer(200, {}), Answer(404, {"message": "Not Found"})])
def test_branch__that_cannot_be_compared_is_never_green(world: World, fault: Answer) -> None:
    world.github.repository.add_file(B, STUB, GOOD)
    world.github.fail("/compare/", times=None, fault=fault)
    ran = world.run(at(1), **of_branch("workflow_dispatch", world))
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert "comparison with the default branch" in ran.log


def test_branch__costs_one_more_request(world: World) -> None:
    world.github.repository.add_file(B, "shop/search.py", "x")
    world.run(at(1), **of_branch("workflow_dispatch", world))
    assert world.github.count("GET", "/compare/") == 1
    before = world.github.count("GET", "/compare/")
    world.run(at(1), sha=B)
    assert world.github.count("GET", "/compare/") == before


def test_workflow_run__of_a_pull_request_that_is_not_listed_is_compared_with_the_default_branch(decoy: World) -> None:
    world, shop = decoy, decoy.github.repository
    shop.add_file(B, "shop/search.py", "x")
    asked = workflow_run(world)
    shop.issues.clear()
    assert world.run(at(1), **asked).code == 1
    shop.add_file(C, STUB, GOOD)
    assert world.run(at(1), **asked).code == 0
