"""The evidence beside each incident: which deploy, how much earlier, and what else it may have been."""

from __future__ import annotations

import csv
import json
from typing import Any

import pytest

from flowjoy.analysis.flow.weeks import is_healthy
from flowjoy.analysis.results import analyse
from flowjoy.domain import CodeRecord, CoverageState, Incident, ModelRecord
from flowjoy.domain.timestamps import iso
from flowjoy.ledger.bundle_file import bundle_bytes
from flowjoy.report.content.incidents import evidence
from flowjoy.report.csv_files import incidents_csv, weeks_csv
from flowjoy.report.prose import plain
from tests.builders import a_bundle, a_coverage, a_deploy, a_ship, an_incident, at
from tests.unit.report.rendered import read, summary

COMPLETE, FAILED, ABSENT = CoverageState.COMPLETE, CoverageState.FAILED, CoverageState.NOT_CONFIGURED
SHA = "1a2b3c4d5e6f" + "0" * 28
READ = (a_coverage("code"), a_coverage("models"), a_coverage("incidents", required=False))


def rows_of(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(raw.decode().splitlines()))


def sentences_of(code: list[CodeRecord], models: list[ModelRecord], *incidents: Incident) -> list[str]:
    results = analyse(a_bundle(code, models, incidents or (an_incident(100),)))
    return [plain(sentence) for sentence in evidence(results, results.incidents)]


@pytest.mark.parametrize(
    ("code", "models", "sentence"),
    [
        (
            [a_deploy(97, SHA)],
            [a_ship(99.5, "7")],
            "MODEL recommender v7, 30 m earlier; runner-up CODE 1a2b3c4d5e6f, 3 h",
        ),
        ([a_deploy(99.5, SHA)], [], "CODE 1a2b3c4d5e6f, 30 m earlier"),
        (
            [a_deploy(99.25, SHA)],
            [a_ship(99.5, "7")],
            "MODEL recommender v7, 30 m earlier, or CODE 1a2b3c4d5e6f, 45 m: too close to tell",
        ),
        ([a_deploy(70, SHA)], [], "no deploy in the 24 h before it; nearest CODE 1a2b3c4d5e6f, 30 h earlier"),
        ([a_deploy(101, SHA)], [], "no deploy in the 24 h before it; nearest CODE 1a2b3c4d5e6f, 1 h later"),
        ([], [], "no deploy in the 24 h before it"),
        ([a_deploy(99, None)], [], "CODE deploy, 1 h earlier"),
        ([], [a_ship(99, None)], "MODEL recommender, 1 h earlier"),
        ([a_deploy(100, SHA)], [], "CODE 1a2b3c4d5e6f, 0 s earlier"),
        ([a_deploy(60, SHA)], [a_ship(99, "7")], "MODEL recommender v7, 1 h earlier"),
    ],
)
def test_evidence__names_the_cause_and_the_runner_up(
    code: list[CodeRecord], models: list[ModelRecord], sentence: str
) -> None:
    assert sentences_of(code, models) == [sentence]


def test_summary__tells_all_by_cause_and_newest_first() -> None:
    incidents = [
        an_incident(100, hours=1),
        an_incident(150, hours=3),
        an_incident(152, hours=None, id="incident:pagerduty:Q7", source="pagerduty"),
    ]
    text = summary(analyse(a_bundle([a_deploy(99, SHA)], [a_ship(149, "7")], incidents, coverage=READ)))
    assert "| all: unified MTTR | 2 | 1 | 2.0 | 2.0 | 2.8 |" in text
    assert "| CODE | 1 | 0 | 1.0 | 1.0 | 1.0 |" in text
    assert "| MODEL | 1 | 1 | 3.0 | 3.0 | 3.0 |" in text
    assert "1 incident still open, not included in the means; the oldest for 14 d 16 h." in text
    newest = text.index("<code>Q7</code>")
    assert newest < text.index("<code>2024-06-")
    assert "≥ 14 d 16 h, open" in text


def test_summary__of_thousands_stays_short() -> None:
    incidents = [an_incident(n / 20, id=f"incident:file:{n}") for n in range(5000)]
    text = summary(analyse(a_bundle([a_deploy(1)], [a_ship(2)], incidents, coverage=READ)))
    assert "… and 4980 more, in incidents.csv." in read(text)
    assert len(text) < 60_000


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "a|b\n::set-output name=x::y", "@octo-org/admins"])
def test_evidence__foreign_names_stay_text(hostile: str) -> None:
    results: Any = analyse(
        a_bundle([], [a_ship(99, "7", name=hostile)], [an_incident(100, id=f"incident:file:{hostile}")])
    )
    text = summary(results)
    assert hostile not in text
    assert "\n" not in plain(next(iter(evidence(results, results.incidents))))


def test_open__incident_from_before_the_window_is_not_forgotten() -> None:
    old = [an_incident(-900, hours=None), an_incident(-901)]
    results = analyse(a_bundle([a_deploy(99, SHA)], [a_ship(149, "7")], old, coverage=READ))
    assert "1 incident still open, not included in the means; the oldest for 58 d 12 h." in summary(results)
    assert summary(results).count("≥ 58 d 12 h, open") == 1
    assert [row["start"] for row in rows_of(incidents_csv(results))] == [iso(at(-900))]
    assert (results.recoveries[0].resolved, results.recoveries[0].open) == (0, 0)


@pytest.mark.parametrize(("code", "models"), [(FAILED, COMPLETE), (COMPLETE, FAILED), (FAILED, FAILED)])
def test_causes__are_not_guessed_where_a_part_of_the_deploys_was_read(
    code: CoverageState, models: CoverageState
) -> None:
    """The incident is of the model that could not be read: the code deploy before it must not stand for it."""
    coverage = (a_coverage("code", code), a_coverage("models", models), a_coverage("incidents", required=False))
    results = analyse(a_bundle([a_deploy(98, SHA)], [], [an_incident(100, hours=2)], coverage=coverage))
    (row,) = rows_of(incidents_csv(results))
    unsaid = {name: row[name] for name in ("nearest_ts", "deploy_type", "cause_type", "cause_id", "runner_up_id")}
    assert unsaid == dict.fromkeys(unsaid, "")
    assert (row["mttr_hr"], row["evidence"]) == ("2.0", "not known: code or models could not be read")
    assert [(item.cause, item.resolved, item.mean_hours) for item in results.recoveries] == [("all", 1, 2.0)]
    for figures in results.dora:
        assert (figures.change_fail_rate.value, figures.recovery_hours.value, figures.rework_rate.value) == (None,) * 3
    assert results.weeks[0].mttr_hours == 2
    assert json.loads(bundle_bytes(results))["figures"]["matches"][0]["cause_type"] is None


def test_causes__are_known_without_models_where_none_is_depended_on() -> None:
    coverage = (
        a_coverage("code"),
        a_coverage("models", ABSENT, required=False),
        a_coverage("incidents", required=False),
    )
    results = analyse(a_bundle([a_deploy(98, SHA)], [], [an_incident(100)], coverage=coverage))
    assert results.dora[0].change_fail_rate.value == 1


@pytest.mark.parametrize("state", [FAILED, ABSENT])
def test_weeks__without_a_source_of_incidents_have_no_data_and_not_0(state: CoverageState) -> None:
    coverage = (a_coverage("code"), a_coverage("models"), a_coverage("incidents", state, required=False))
    results = analyse(a_bundle([a_deploy(1)], [a_ship(2)], coverage=coverage))
    assert {(week.incidents, week.mttr_hours) for week in results.weeks} == {(None, None)}
    assert {row["incidents"] for row in rows_of(weeks_csv(results))} == {""}
    assert results.recoveries == ()
    assert not any(is_healthy(week, results.weeks) for week in results.weeks)
    assert "| Jun 03 | 1 | 1 | 0 |  | no data |" in read(summary(results))


def test_summary__without_a_source_of_incidents_names_the_inputs_to_set_and_shows_no_table() -> None:
    text = summary(analyse(a_bundle([a_deploy(1)], [a_ship(2)], until=at(500))))
    assert "incident-file" in read(text)
    assert "| attributed to |" not in text
