"""The gate over the life of a commit: before it is live, after a rollback, and with a ship or a waiver in between."""

from __future__ import annotations

import json

import pytest

from tests.e2e.in_process import A, B, C, World, at

STUB = "flowjoy.json"


def stub(version: str, *waivers: dict[str, str]) -> str:
    return json.dumps({"models": {"recommender": version}, "waivers": list(waivers)})


@pytest.fixture
def world(world: World) -> World:
    """A pins version 1, which is validated; B pins version 2, which is not."""
    world.inputs |= {"model-validated-tag": "integration=passed"}
    for hours in (-100, -99):
        world.registry.add_version(at(hours))
    world.registry.client.set_model_version_tag("recommender", "1", "integration", "passed")
    world.github.repository.add_commit(A, at(-91))
    world.github.repository.add_commit(B, at(-81), parent=A)
    world.github.repository.add_file(A, STUB, stub("1"))
    world.github.repository.add_file(B, STUB, stub("2"))
    return world


def deploy(world: World, sha: str, hours: float) -> None:
    world.github.repository.add_deployment(sha=sha, created_at=at(hours), statuses=[("success", at(hours))])


def publish(world: World, tag: str, sha: str, hours: float) -> None:
    world.github.repository.add_release(tag=tag, sha=sha, published_at=at(hours))


@pytest.mark.parametrize("event", ["release", "push", "workflow_dispatch"])
def test_release__that_the_run_is_about_is_judged_before_its_deploy_step(world: World, event: str) -> None:
    """Publishing a release starts the deployment: it does not prove that the commit is live."""
    world.inputs["code-source"] = "releases"
    publish(world, "v1", A, -90)
    publish(world, "v2", B, 0)
    ran = world.run(at(0.1), event=event, ref="refs/tags/v2", sha=B)
    assert (ran.code, world.check(B, "model dependency")["conclusion"]) == (1, "failure")


def test_release__of_the_event_is_recognised_without_a_ref_of_its_tag(world: World) -> None:
    world.inputs["code-source"] = "releases"
    publish(world, "v1", A, -90)
    publish(world, "v2", B, 0)
    for tag, code in (("v2", 1), (2, 0)):
        payload = {"release": {"tag_name": tag}}
        assert world.run(at(0.1), event="release", sha=B, payload=payload).code == code


def test_release__of_an_older_tag_is_a_rollback_and_never_blocked(world: World) -> None:
    world.inputs["code-source"] = "releases"
    publish(world, "v2", B, -80)
    publish(world, "v3", A, 0)
    ran = world.run(at(1), event="workflow_dispatch", ref="refs/tags/v2", sha=B)
    assert (ran.code, "gate" in ran.bundle) == (0, False)


def test_rollforward__is_judged_again_and_a_rollback_is_not(world: World) -> None:
    """B went live, was rolled back, and asks to go live again: SEMANTICS calls that a deploy."""
    for sha, hours in ((A, -90), (B, -80)):
        deploy(world, sha, hours)
    assert world.run(at(-75), sha=A).code == 0, "a rollback"
    deploy(world, A, -70)
    assert world.run(at(0), sha=B).code == 1
    assert world.check(B, "model dependency")["conclusion"] == "failure"
    assert world.run(at(0), sha=A).code == 0, "what is live now"


def test_rollforward__is_not_spared_by_a_deployment_that_only_the_ledger_knows(world: World) -> None:
    for sha, hours in ((A, -90), (B, -80), (A, -70)):
        deploy(world, sha, hours)
    deploy(world, B, -60)
    assert world.run(at(-50), event="schedule", sha=B).code == 0
    shop = world.github.repository
    del shop.deployments[max(shop.deployments)]
    assert world.run(at(0), sha=B).code == 1


def test_waiver__that_is_renewed_in_the_stub_alone_is_seen(world: World) -> None:
    """The base branch's waiver has expired; the pull request changes nothing but its end."""
    shop = world.github.repository
    deploy(world, A, -90)
    entry = {"model": "recommender", "sha": "*", "reason": "holiday freeze", "by": "data platform"}
    shop.add_file(B, STUB, stub("2", entry | {"until": "2026-02-01"}))
    shop.add_commit(C, at(), parent=B, branch="feature")
    for until, code in (("2026-03-20", 0), ("2026-02-20", 1)):
        shop.add_file(C, STUB, stub("2", entry | {"until": until}))
        number = shop.add_pull_request(head_sha=C, base_sha=B, files={STUB: "modified"})
        ref, payload = f"refs/pull/{number}/merge", world.pull_request(number)
        assert world.run(at(1), event="pull_request", ref=ref, sha="d" * 40, payload=payload).code == code


@pytest.mark.parametrize("event", ["workflow_dispatch", "push", "issue_comment"])
def test_ship__from_a_run_that_is_not_trusted_is_refused(world: World, event: str) -> None:
    deploy(world, A, -90)
    world.github.repository.add_commit(C, at(), parent=A, branch="feature")
    ran = world.run(at(1), event=event, ref="refs/heads/feature", sha=C, ship="recommender=1")
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert "ship: expected a trusted run, and this one is not" in ran.log
    assert world.registry.client.get_model_version("recommender", "1").tags == {"integration": "passed"}
    assert world.run(at(1), event="workflow_dispatch", sha=A, ship="recommender=1").code == 0
