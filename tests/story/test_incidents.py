"""Incidents in whole runs: they are shown, they are matched, and they never decide the promise."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stand_ins.github import GitHubStandIn
from tests.stand_ins.http_base import Answer
from tests.stand_ins.pagerduty import TOKEN as PAGERDUTY_TOKEN
from tests.stand_ins.pagerduty import PagerDutyStandIn
from tests.story.in_process import TOKEN, A, Ran, World, at, new_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with GitHubStandIn(token=TOKEN) as github:
        made = new_world(github, tmp_path)
        made.release(A, at())
        made.registry.add_version(at(2))
        yield made


@pytest.fixture
def pagerduty(world: World) -> Iterator[PagerDutyStandIn]:
    with PagerDutyStandIn() as stand_in:
        world.inputs |= {"pagerduty-token": PAGERDUTY_TOKEN, "pagerduty-api-url": stand_in.url}
        yield stand_in


def incidents(ran: Ran) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((ran.folder / "incidents.csv").read_text())))


def coverage(ran: Ran, source: str) -> dict[str, Any]:
    return next(item for item in ran.bundle["coverage"] if source in item["source"])


def test_pagerduty__incident_is_matched_to_the_model_that_was_shipped_before_it(
    world: World, pagerduty: PagerDutyStandIn
) -> None:
    pagerduty.add(at(2.5), at(4))
    ran = world.run(at(24 * 8))
    (row,) = incidents(ran)
    assert (row["deploy_type"], row["cause_type"], row["cause_id"]) == ("MODEL", "MODEL", "model:recommender/1")
    assert (row["mttr_hr"], ran.outputs["mttr-hours"]) == ("1.5", "1.50")


def test_sources__count_together_in_one_mttr(world: World, pagerduty: PagerDutyStandIn) -> None:
    pagerduty.add(at(3), at(4))
    world.github.repository.add_issue(labels=["incident"], created_at=at(5), closed_at=at(7))
    (world.workspace / "incidents.csv").write_text("start,end\n2026-03-02T18:00:00Z,2026-03-02T21:00:00Z\n")
    ran = world.run(at(24 * 8), incident_label="incident", incident_file="incidents.csv")
    assert ran.outputs["mttr-hours"] == "2.00"
    assert [item["source"] for item in ran.bundle["incidents"]] == ["file", "github", "pagerduty"]


@pytest.mark.parametrize("status", [401, 403, 500, 200])
def test_pagerduty__down_is_a_warning_no_data_and_the_promise_stands(
    world: World, pagerduty: PagerDutyStandIn, status: int
) -> None:
    pagerduty.add(at(3), at(4))
    pagerduty.fail("/incidents", times=None, fault=Answer(status))
    ran = world.run(at(24 * 8))
    assert (ran.code, ran.outputs["verdict"], ran.outputs["mttr-hours"]) == (0, "pass", "")
    assert coverage(ran, "PagerDuty")["state"] == "failed"
    assert "::warning" in ran.log
    assert PAGERDUTY_TOKEN not in ran.log + ran.summary


def test_one_source__down_leaves_no_half_of_a_mean(world: World, pagerduty: PagerDutyStandIn) -> None:
    """A mean over the incidents of one of two sources would pass for the unified MTTR."""
    pagerduty.fail("/incidents", times=None, fault=Answer(500))
    world.github.repository.add_issue(labels=["incident"], created_at=at(5), closed_at=at(7))
    ran = world.run(at(24 * 8), incident_label="incident")
    assert (ran.code, ran.outputs["mttr-hours"]) == (0, "")


def test_label__that_is_misspelt_is_told(world: World) -> None:
    world.github.repository.add_issue(labels=["incident"], created_at=at(5), closed_at=at(7))
    ran = world.run(at(24 * 8), incident_label="incidnt")
    assert ran.code == 0
    assert "the repository has no label 'incidnt' (check incident-label)" in ran.log


def test_privacy__titles_of_every_source_stay_out_of_a_public_repository(
    world: World, pagerduty: PagerDutyStandIn
) -> None:
    pagerduty.add(at(3), at(4), title="Customer Jane Doe cannot pay")
    world.github.repository.add_issue(title="Jane Doe again", labels=["incident"], created_at=at(5), closed_at=at(7))
    public = {"repository": {"default_branch": "main", "private": False, "full_name": "acme/shop"}}
    ran = world.run(at(24 * 8), payload=public, incident_label="incident")
    assert all(b"Jane" not in path.read_bytes() for path in ran.folder.iterdir())
    assert "Jane" not in ran.log + ran.summary
    private = world.run(at(24 * 8), incident_label="incident")
    assert b"Jane" in (private.folder / "flowjoy-bundle.json").read_bytes()


def test_open__incident_is_in_no_mean(world: World, pagerduty: PagerDutyStandIn) -> None:
    pagerduty.add(at(3), None)
    pagerduty.add(at(4), at(6))
    ran = world.run(at(24 * 8))
    assert ran.outputs["mttr-hours"] == "2.00"
    assert "1 incident still open" in ran.summary


def test_incident__that_ended_after_as_of_is_open_then(world: World, pagerduty: PagerDutyStandIn) -> None:
    pagerduty.add(at(3), at(24 * 3))
    ran = world.run(at(24 * 8), as_of=(at(24)).isoformat())
    assert incidents(ran)[0]["end"] == ""
