"""DORA's figures in whole runs: they are measured, remembered, shown, and never decide."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.builders import epoch_ms
from tests.e2e.in_process import A, B, C, Ran, World, at
from tests.fakes.aimed import Aimed, query_of
from tests.fakes.http_base import Answer

COMMITS = query_of("FlowJoyCommits")


@pytest.fixture
def world(world: World) -> World:
    """A goes live with commits of 0 h; B, committed at 2 h, at 26 h; the model of B was trained from 4 h on."""
    world.release(A, at())
    shop = world.github.repository
    shop.add_commit("d" * 40, at(1), parent=A)
    shop.add_commit(B, at(2), parent="d" * 40)
    shop.add_deployment(sha=B, created_at=at(26), statuses=[("success", at(26))])
    run = world.registry.client.create_run("0", start_time=epoch_ms(at(4)))
    world.registry.add_version(at(28), run_id=run.info.run_id)
    world.inputs |= {"incident-file": "incidents.csv", "model-stub": "flowjoy.json"}
    (world.workspace / "incidents.csv").write_text("start,end\n2026-03-03T11:30:00Z,2026-03-03T13:30:00Z\n")
    return world


def dora(ran: Ran) -> dict[str, Any]:
    current: dict[str, Any] = json.loads(ran.outputs["dora"])
    return current


def test_figures__are_the_same_in_outputs_csv_bundle_and_summary(world: World) -> None:
    ran = world.run(at(24 * 8), sha=B)
    assert ran.code == 0
    # B ships its own commit of 2 h and the one of 1 h, at 26 h; the model version of 28 h was trained from 4 h on.
    assert dora(ran)["CODE"] == {
        "deployment_frequency": {"value": 2.0, "n": 1},  # one complete week since the first known record
        "lead_time_hours": {"value": 24.5, "n": 2},
        "change_fail_rate": {"value": 0.5, "n": 2},
        "recovery_hours": {"value": 2.0, "n": 1},
        "rework_rate": {"value": 0.0, "n": 2},
        "observed_fail_rate": {"value": 0.0, "n": 2},
        "observed_recovery_hours": {"value": None, "n": 0},
        "observed_rework_rate": {"value": 0.0, "n": 2},
    }
    assert dora(ran)["MODEL"]["lead_time_hours"] == {"value": 24.0, "n": 1}
    assert dora(ran)["MODEL"]["rework_rate"] == {"value": 1.0, "n": 1}
    assert dora(ran)["both"]["lead_time_hours"] == {"value": 24.0, "n": 3}
    rows = {row["figure"]: row for row in csv.DictReader(io.StringIO((ran.folder / "dora.csv").read_text()))}
    assert (rows["lead_time_hours"]["code"], rows["lead_time_hours"]["code_n"]) == ("24.5", "2")
    figures = ran.bundle["figures"]
    assert [item["kind"] for item in figures["dora"]] == ["CODE", "MODEL", "both"]
    assert figures["dora"][0]["lead_time_hours"] == {"n": 2, "value": 24.5, "at_most": False}
    assert figures["matches"][0]["cause_type"] == "CODE"
    assert "| change lead time (median) | 24.5 h | 2 | 24.0 h | 1 | 24.0 h | 3 |" in ran.summary


@pytest.mark.matrix
def test_commits__are_remembered_and_only_new_deploys_are_asked_for(world: World) -> None:
    world.run(at(30), sha=B)
    world.github.requests.clear()
    again = world.run(at(31), sha=B)
    assert [request for request in world.github.requests if COMMITS(request)] == []
    assert dora(again)["CODE"]["lead_time_hours"] == {"value": 24.5, "n": 2}
    world.github.repository.add_commit(C, at(40), parent=B)
    world.github.repository.add_deployment(sha=C, created_at=at(50), statuses=[("success", at(50))])
    last = world.run(at(51), sha=C)
    assert dora(last)["CODE"]["lead_time_hours"] == {"value": 24.0, "n": 3}
    (asked,) = [request for request in world.github.requests if COMMITS(request)]
    assert list(asked.json()["variables"].values()).count(C) == 1


@pytest.mark.matrix
def test_training_run__that_is_deleted_later_is_remembered(world: World) -> None:
    world.run(at(30), sha=B)
    world.registry.client.delete_run(world.registry.client.get_model_version("recommender", "1").run_id)
    again = world.run(at(31), sha=B)
    assert dora(again)["MODEL"]["lead_time_hours"] == {"value": 24.0, "n": 1}


@pytest.mark.matrix
@pytest.mark.parametrize("status", [403, 500, 200])
def test_commits__that_cannot_be_read_are_a_warning_and_no_data(world: World, status: int) -> None:
    world.github.fail("/graphql", times=None, fault=Aimed(COMMITS, Answer(status, {})))
    ran = world.run(at(24 * 8), sha=B)
    assert (ran.code, ran.outputs["verdict"]) == (0, "pass")
    assert dora(ran)["CODE"]["lead_time_hours"] == {"value": None, "n": 0}
    warned = [line for line in ran.log.splitlines() if line.startswith("::warning")]
    assert any("lead time of code (GitHub commits)" in line for line in warned)
    assert "| change lead time (median) | no data | 0 |" in ran.summary


@pytest.mark.matrix
def test_training__that_is_not_known_is_no_lead_time_of_0_hours(world: World) -> None:
    """Under `registered` a version ships the moment it is registered: the time between the two measures nothing."""
    world.registry.client.delete_run(world.registry.client.get_model_version("recommender", "1").run_id)
    world.registry.add_version(at(40))
    ran = world.run(at(50), sha=B)
    assert dora(ran)["MODEL"]["lead_time_hours"] in ({"value": 24.0, "n": 1}, {"value": None, "n": 0})
    assert dora(ran)["MODEL"]["lead_time_hours"]["value"] != 0


@pytest.mark.matrix
def test_lead_times__that_there_is_nothing_to_measure_of_are_no_failure(world: World) -> None:
    """Without any dependence no registry is asked, and what failed is said once, by its own name."""
    ran = world.run(at(50), sha=B, models="")
    assert ran.outputs["sla-status"] == "undeclared"
    assert "lead time of models" not in "".join(line for line in ran.log.splitlines() if line.startswith("::"))
    world.github.fail("/graphql", times=None, fault=Answer(500))
    failed = world.run(at(51), sha=B)
    assert failed.code == 2
    assert "lead time of code" not in failed.log


@pytest.mark.matrix
def test_incidents__that_nobody_told_of_leave_no_fail_rate(world: World) -> None:
    """Without a source of incidents nothing failed as far as anybody knows, which is not 0 %."""
    ran = world.run(at(24 * 8), sha=B, incident_file="")
    assert dora(ran)["CODE"]["change_fail_rate"] == {"value": None, "n": 0}
