"""Failures without an incident, in runs without an incident source: seen, remembered, shown, and never deciding."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.e2e.in_process import A, B, C, Ran, World, at
from tests.fakes.aimed import Aimed, query_of
from tests.fakes.http_base import Answer

COMMITS = query_of("FlowJoyCommits")
D = "d" * 40


@pytest.fixture
def world(world: World) -> World:
    """A, B and C go live, C with a revert of B; then A comes back. The model goes from 1 to 2 and back to 1."""
    world.release(A, at())
    world.registry.add_version(at(1))
    shop = world.github.repository
    shop.add_commit(B, at(3), parent=A)
    shop.add_commit(C, at(5), parent=B, message=f"Revert the new ranking\n\nThis reverts commit {B}.")
    for sha, hours in ((B, 4), (C, 10), (A, 12)):
        shop.add_deployment(sha=sha, created_at=at(hours), statuses=[("success", at(hours))])
    return world


def observed(ran: Ran, kind: str = "CODE") -> dict[str, Any]:
    return {name: item for name, item in json.loads(ran.outputs["dora"])[kind].items() if name.startswith("observed")}


def test_failures__are_the_same_in_outputs_csv_bundle_and_summary_without_any_incident_source(world: World) -> None:
    ran = world.run(at(24 * 8), sha=A)
    # Of three deploys, B was reverted after 6 h and C rolled back after 2 h.
    assert observed(ran) == {
        "observed_fail_rate": {"value": 0.6667, "n": 3},
        "observed_recovery_hours": {"value": 4.0, "n": 2},
        "observed_rework_rate": {"value": 0.6667, "n": 3},
    }
    # A registration never moves back, so that no model did is not known.
    assert {item["value"] for kind in ("MODEL", "both") for item in observed(ran, kind).values()} == {None}
    incidents = json.loads(ran.outputs["dora"])["CODE"]["change_fail_rate"]
    assert incidents == {"value": None, "n": 0}  # never mixed with those from incidents
    rows = {row["figure"]: row for row in csv.DictReader(io.StringIO((ran.folder / "dora.csv").read_text()))}
    assert (rows["observed_recovery_hours"]["code"], rows["observed_recovery_hours"]["code_n"]) == ("4.0", "2")
    assert [item["evidence"][0]["sign"] for item in ran.bundle["figures"]["observed_failures"]] == [
        "revert",
        "rollback",
    ]
    assert "reverted by" in ran.summary
    assert "rolled back to CODE" in ran.summary


@pytest.mark.matrix
def test_reverts__are_remembered_by_the_ledger(world: World) -> None:
    first = world.run(at(30), sha=A)
    world.github.requests.clear()
    again = world.run(at(31), sha=A)
    assert [request for request in world.github.requests if COMMITS(request)] == []
    assert observed(again) == observed(first)


@pytest.mark.matrix
def test_hotfix__is_a_deploy_of_a_merged_pull_request_with_the_label_that_the_input_names(world: World) -> None:
    shop = world.github.repository
    shop.add_commit(D, at(13), parent=A)
    shop.add_deployment(sha=D, created_at=at(14), statuses=[("success", at(14))])
    shop.add_pull_request(head_sha="e" * 40, base_sha=A, labels=["urgent"], closed_at=at(13), merged_as=D)
    assert observed(world.run(at(24 * 8), sha=D))["observed_rework_rate"]["value"] == 0.5
    world.github.repository.artifacts.clear()
    world.inputs["hotfix-label"] = "urgent"
    ran = world.run(at(24 * 8), sha=D)
    assert observed(ran)["observed_rework_rate"]["value"] == 0.75
    assert "followed by the hotfix" in ran.summary


def test_commits__that_could_not_be_read_leave_no_figure_of_code_and_decide_nothing(world: World) -> None:
    world.inputs["model-signal"] = "alias:champion"
    world.registry.client.set_registered_model_alias("recommender", "champion", "1")
    whole = world.run(at(24 * 8), sha=A)
    world.github.repository.artifacts.clear()
    world.github.fail("/graphql", times=None, fault=Aimed(COMMITS, Answer(500)))
    ran = world.run(at(24 * 8), sha=A)
    assert (ran.code, ran.outputs["verdict"]) == (whole.code, whole.outputs["verdict"])
    assert {item["value"] for item in observed(ran).values()} == {None}
    assert "observed failures: share of deploys" in ran.summary


@pytest.mark.matrix
def test_model__that_is_moved_back_is_seen_between_two_looks_at_its_alias(world: World) -> None:
    world.registry.add_version(at(2))
    world.inputs["model-signal"] = "alias:champion"
    for hours, version in ((20, "1"), (30, "2"), (40, "1")):
        world.registry.client.set_registered_model_alias("recommender", "champion", version)
        ran = world.run(at(hours), sha=A)
    figures = observed(ran, "MODEL")
    assert figures["observed_fail_rate"] == {"value": 1.0, "n": 1}
    assert observed(ran, "both")["observed_fail_rate"] == {"value": 0.75, "n": 4}
    assert figures["observed_recovery_hours"] == {"value": 20.0, "n": 1, "at_most": True}
    assert "moved back to MODEL" in ran.summary
