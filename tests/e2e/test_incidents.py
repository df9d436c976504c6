"""Incidents in whole runs: they are shown, they are matched, and they never decide the promise."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.in_process import TOKEN, A, Ran, World, at, new_world
from tests.fakes.github import GitHubStandIn
from tests.fakes.http_base import Answer
from tests.fakes.pagerduty import TOKEN as PAGERDUTY_TOKEN
from tests.fakes.pagerduty import PagerDutyStandIn


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


@pytest.mark.matrix
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
    assert (ran.code, ran.outputs["mttr-hours"], ran.outputs["recovery"]) == (0, "", "")


def test_label__that_is_misspelt_is_told(world: World) -> None:
    world.github.repository.add_issue(labels=["incident"], created_at=at(5), closed_at=at(7))
    ran = world.run(at(24 * 8), incident_label="incidnt")
    assert ran.code == 0
    assert "the repository has no label 'incidnt' (check incident-label)" in ran.log


HISTORY = """start,end,id
2026-03-02T09:30:00Z,2026-03-02T10:00:00Z,before the first deploy
2026-03-02T11:00:00Z,2026-03-02T12:00:00Z,code
2026-03-03T10:00:00Z,2026-03-03T16:00:00Z,model
2026-03-03T11:00:00Z,2026-03-03T13:00:00Z,model again
2026-03-04T10:15:00Z,2026-03-04T11:15:00Z,ambiguous
2026-03-06T12:00:00Z,2026-03-06T14:00:00Z,unattributed
2026-03-10T10:00:00Z,,open
"""


def test_history__computed_by_hand(world: World) -> None:
    """Deploys: A on Monday 10:00, B on Wednesday 10:00, C on the next Tuesday 09:30; models: Tuesday 09:20, Wednesday
    09:40. What nothing caused still counts in the mean; what is open does not.
    """
    (world.workspace / "code.csv").write_text(
        "ts,sha\n2026-03-02T10:00:00Z,aaaaaaa\n2026-03-04T10:00:00Z,bbbbbbb\n2026-03-10T09:30:00Z,ccccccc\n"
    )
    (world.workspace / "models.csv").write_text(
        "ts,name,version\n2026-03-03T09:20:00Z,recommender,1\n2026-03-04T09:40:00Z,recommender,2\n"
    )
    (world.workspace / "incidents.csv").write_text(HISTORY)
    world.inputs |= {"code-source": "file", "code-file": "code.csv", "model-source": "file", "model-file": "models.csv"}
    ran = world.run(at(24 * 8 + 4), incident_file="incidents.csv")
    result = {item["id"]: item for item in ran.bundle["figures"]["matches"]}
    causes = {name.removeprefix("incident:file:"): item["cause_type"] for name, item in result.items()}
    assert causes == {
        "before the first deploy": "UNATTRIBUTED",
        "code": "CODE",
        "model": "MODEL",
        "model again": "MODEL",
        "ambiguous": "AMBIGUOUS",
        "unattributed": "UNATTRIBUTED",
        "open": "CODE",
    }
    assert result["incident:file:ambiguous"]["runner_up_id"] == "model:recommender/2"
    nearest = {row["cause_id"]: row["nearest_ts"] for row in incidents(ran)}
    assert nearest["file:CODE:shop:2026-03-10T09:30:00Z"] == "2026-03-10T09:30:00Z"
    assert incidents(ran)[0]["nearest_ts"] == "2026-03-02T10:00:00Z"
    # 0.5, 1, 6, 2, 1 and 2 hours began in the week of Mar 02; the one of Mar 10 is open.
    weeks = ran.bundle["figures"]["weeks"]
    assert [(w["week"], w["incidents"], w["resolved"], w["mttr_hours"]) for w in weeks[-2:]] == [
        ("2026-03-02", 6, 6, pytest.approx(12.5 / 6)),
        ("2026-03-09", 1, 0, None),
    ]
    assert ran.outputs["mttr-hours"] == "2.08"
    by_cause = {item["cause"]: item for item in ran.bundle["figures"]["recoveries"]}
    assert (by_cause["MODEL"]["mean_hours"], by_cause["MODEL"]["resolved"]) == (4.0, 2)
    assert (by_cause["CODE"]["mean_hours"], by_cause["CODE"]["open"]) == (1.0, 1)
    told_out = json.loads(ran.outputs["recovery"])
    assert told_out["all"] == {"resolved": 6, "open": 1, "mean_hours": 2.0833, "median_hours": 1.5, "p90_hours": 4.0}
    assert told_out["AMBIGUOUS"]["resolved"] == 1
    both = next(item for item in ran.bundle["figures"]["dora"] if item["kind"] == "both")
    # Of five deploys A, version 1, B (which the ambiguous one is counted to) and C caused one.
    assert both["change_fail_rate"] == {"n": 5, "value": 0.8, "at_most": False}
    assert both["recovery_hours"] == {"n": 4, "value": 1.5, "at_most": False}
    assert "UNATTRIBUTED" in ran.summary
    assert "1 incident still open" in ran.summary


@pytest.mark.matrix
def test_pagerduty__incidents_of_low_urgency_are_counted_in_a_note_where_they_do_not_count(
    world: World, pagerduty: PagerDutyStandIn
) -> None:
    pagerduty.add(at(3), at(4))
    pagerduty.add(at(3), at(74), urgency="low")
    assert world.run(at(24 * 8)).outputs["mttr-hours"] == "36.00"
    ran = world.run(at(24 * 8), pagerduty_urgency="high")
    assert ran.outputs["mttr-hours"] == "1.00"
    assert "incidents left out: 1 of low urgency" in ran.log


def test_issues__closed_as_not_planned_or_duplicate_are_no_incidents(world: World) -> None:
    for hours, closed_as in ((2, ""), (48, "NOT_PLANNED"), (50, "DUPLICATE")):
        shop = world.github.repository
        shop.add_issue(labels=["incident"], created_at=at(5), closed_at=at(5 + hours), closed_as=closed_as)
    ran = world.run(at(24 * 8), incident_label="incident")
    assert ran.outputs["mttr-hours"] == "2.00"
    assert "incidents left out: 1 closed as duplicate" in ran.log
    assert "incidents left out: 1 closed as not planned" in ran.log


def test_file__of_states_is_one_incident_an_id_and_jiras_dismissals_are_none(world: World) -> None:
    start, end = at(5).isoformat(), at(7).isoformat()
    (world.workspace / "incidents.csv").write_text(
        "Issue key,Created,Resolved,Status,Resolution\n"
        f"INC1,{start},,Open,\nINC1,{start},{end},Done,Done\nINC2,{start},{at(90).isoformat()},Done,Won't Do\n"
    )
    ran = world.run(at(24 * 8), incident_file="incidents.csv")
    assert [row["id"] for row in incidents(ran)] == ["incident:file:INC1"]
    assert (ran.outputs["mttr-hours"], "(Won't Do)" in ran.log) == ("2.00", True)


@pytest.mark.matrix
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


def test_open__incident_is_in_no_mean_nor_one_that_ends_before_it_starts(
    world: World, pagerduty: PagerDutyStandIn
) -> None:
    pagerduty.add(at(3), None)
    pagerduty.add(at(4), at(6))
    pagerduty.add(at(9), at(8))
    ran = world.run(at(24 * 8))
    (warned,) = [line for line in ran.log.splitlines() if line.startswith("::warning")]
    assert warned.endswith("incidents (PagerDuty): incident:pagerduty:Q0003 ends before it starts: dropped")
    assert ran.outputs["mttr-hours"] == "2.00"
    assert "1 incident still open" in ran.summary


def test_incident__that_ended_after_as_of_is_open_then(world: World, pagerduty: PagerDutyStandIn) -> None:
    pagerduty.add(at(3), at(24 * 3))
    ran = world.run(at(24 * 8), as_of=(at(24)).isoformat())
    assert incidents(ran)[0]["end"] == ""
