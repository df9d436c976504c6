"""CDEvents in whole runs: in the artifact, and posted once to a receiver that validates them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.in_process import A, B, Ran, World, at
from tests.fakes.cdevents import CDEventsStandIn, problems_of
from tests.fakes.http_base import Answer


@pytest.fixture
def receiver(world: World) -> Iterator[CDEventsStandIn]:
    world.release(A, at())
    world.registry.add_version(at(1))
    server = CDEventsStandIn()
    world.inputs["cdevents-url"] = f"{server.url}/canary-in-the-path"
    yield server
    server.close()


def ids(events: list[dict[str, dict[str, str]]]) -> list[str]:
    return [event["context"]["id"] for event in events]


def lines(ran: Ran) -> list[dict[str, dict[str, str]]]:
    return [json.loads(line) for line in (ran.folder / "cdevents.jsonl").read_text().splitlines()]


def test_events__are_in_the_artifact_and_posted_once(world: World, receiver: CDEventsStandIn) -> None:
    first = world.run(at(2))
    assert first.code == 0
    assert [problem for event in lines(first) for problem in problems_of(event)] == []
    assert receiver.events == lines(first)
    world.release(B, at(3), parent=A)
    second = world.run(at(4), sha=B)
    assert (second.code, receiver.problems) == (0, [])
    new = [event for event in lines(second) if event["context"]["id"] not in ids(lines(first))]
    assert ids(receiver.events) == [*ids(lines(first)), *ids(new)]
    third = world.run(at(4), sha=B)
    assert len(receiver.batches) == 2
    assert (third.folder / "cdevents.jsonl").read_bytes() == (second.folder / "cdevents.jsonl").read_bytes()


@pytest.mark.matrix
def test_events__that_were_not_accepted_are_posted_by_the_next_run_and_decide_nothing(
    world: World, receiver: CDEventsStandIn
) -> None:
    receiver.fail("POST", times=None, fault=Answer(400, {"message": world.inputs["cdevents-url"]}))
    ran = world.run(at(2))
    assert (ran.code, ran.outputs["verdict"], receiver.events) == (0, "pass", [])
    assert "check cdevents-url" in ran.log
    assert "canary-in-the-path" not in ran.log
    receiver.heal()
    assert receiver.events == lines(world.run(at(3)))


def test_registry__whose_address_is_mistyped_posts_no_version_and_leaves_no_copy(
    world: World, receiver: CDEventsStandIn
) -> None:
    world.run(at(2))
    posted = ids(receiver.events)
    assert world.run(at(3), mlflow_tracking_uri="http://127.0.0.1:9").code == 2
    right = world.run(at(4))
    assert (right.code, ids(receiver.events)) == (0, posted)
    assert [item["version"] for item in right.bundle["models"]] == ["1"]


@pytest.mark.matrix
def test_outage__in_passing_is_retried(world: World, receiver: CDEventsStandIn) -> None:
    receiver.fail("POST", times=1, fault=Answer(503))
    assert receiver.events == lines(world.run(at(2)))


@pytest.mark.matrix
def test_pull_request_and_dry_run__post_nothing(world: World, receiver: CDEventsStandIn) -> None:
    world.inputs["as-of"] = "2026-03-02T10:30:00Z"
    world.run(at(2))
    del world.inputs["as-of"]
    world.github.repository.add_pull_request(head_sha=B, base_sha=A)
    world.run(at(2), event="pull_request", sha=B, payload=world.pull_request(1))
    assert receiver.requests == []


def test_ledger__that_cannot_be_read_leaves_the_events_unposted(world: World, receiver: CDEventsStandIn) -> None:
    world.run(at(2))
    world.release(B, at(3), parent=A)
    world.github.fail("/artifacts", times=None, fault=Answer(500))
    ran = world.run(at(4), sha=B)
    assert len(receiver.batches) == 1
    assert "CDEvents: nothing is posted" in ran.log
