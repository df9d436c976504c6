"""CDEvents of the timeline: valid by the released schemas, named by what happened, and the same in every run."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from flowjoy.analysis.results import analyse
from flowjoy.domain import CoverageState, Precision
from flowjoy.domain.bundle import Bundle
from flowjoy.report.cdevents import cdevents, cloud_events, jsonl
from tests.builders import a_bundle, a_coverage, a_deploy, a_provisional_deploy, a_ship, an_incident, at
from tests.fakes.cdevents import batch_problems, problems_of

DEPLOYED, UPGRADED = "dev.cdevents.service.deployed.0.3.0", "dev.cdevents.service.upgraded.0.3.0"
ROLLED_BACK = "dev.cdevents.service.rolledback.0.3.0"
PUBLISHED = "dev.cdevents.artifact.published.0.3.0"
DETECTED, RESOLVED = "dev.cdevents.incident.detected.0.3.0", "dev.cdevents.incident.resolved.0.3.0"
WITH_INCIDENTS = (a_coverage("code"), a_coverage("models"), a_coverage("incidents", required=False))
A, B = "a" * 40, "b" * 40


def written(bundle: Bundle) -> list[dict[str, Any]]:
    return [json.loads(line) for line in jsonl(cdevents(analyse(bundle))).splitlines()]


def a_history(**changes: Any) -> Bundle:
    """A is live, B comes and is rolled back; a model ships, is copied and moved back; one incident of B."""
    code = [a_deploy(0, A), a_deploy(100, B), a_deploy(104, A)]
    models = [a_ship(10, "1"), a_ship(50, "2"), a_ship(60, "1", id="model:recommender/1@back")]
    incidents = [an_incident(101, hours=2, title="Checkout is slow"), an_incident(300, hours=None)]
    return a_bundle(code, models, incidents, **{"coverage": WITH_INCIDENTS, **changes})


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["context"]["type"] for event in events if "cdeventsx" not in event["context"]["type"]]


def test_events__are_valid_and_carry_the_timeline_in_order() -> None:
    events = written(a_history())
    assert [problem for event in events for problem in problems_of(event)] == []
    assert kinds(events) == [
        DEPLOYED,
        PUBLISHED,
        PUBLISHED,
        ROLLED_BACK,
        UPGRADED,
        DETECTED,
        RESOLVED,
        ROLLED_BACK,
        DETECTED,
    ]
    stamps = [event["context"]["timestamp"] for event in events]
    assert stamps == sorted(stamps)


def test_artifacts__are_package_urls_of_commits_and_model_versions() -> None:
    events = written(a_history())
    published = [event["subject"]["id"] for event in events if event["context"]["type"] == PUBLISHED]
    assert published == ["pkg:mlflow/recommender@1", "pkg:mlflow/recommender@2"]
    upgraded = next(event for event in events if event["context"]["type"] == UPGRADED)
    assert upgraded["subject"]["content"] == {
        "environment": {"id": "production"},
        "artifactId": f"pkg:github/acme/shop@{B}",
    }
    detected = next(event for event in events if event["context"]["type"] == DETECTED)
    assert detected["subject"]["content"]["artifactId"] == f"pkg:github/acme/shop@{B}"
    assert detected["subject"]["content"]["description"] == "Checkout is slow"


def test_obligation__is_opened_and_then_settled_in_its_own_word() -> None:
    events = written(a_bundle([a_deploy(0, A), a_deploy(100, B)], [a_ship(10, "1")], until=at(160)))
    own = [(e["context"]["type"].split(".")[3], e["context"]["timestamp"]) for e in events if "cdeventsx" in str(e)]
    assert own == [
        ("opened", "2024-06-03T09:00:00Z"),
        ("met", "2024-06-03T19:00:00Z"),
        ("opened", "2024-06-07T13:00:00Z"),
        ("breached", "2024-06-09T13:00:00Z"),
    ]
    met = next(event for event in events if ".met." in event["context"]["type"])
    opened = next(event for event in events if event["context"]["type"] == DEPLOYED)
    assert met["subject"]["content"]["deployment"] == opened["context"]["id"]
    assert (met["subject"]["content"]["version"], met["subject"]["content"]["model"]) == ("1", "recommender")


def test_obligation__whose_model_shipped_before_the_code_is_opened_by_it_and_met_at_once() -> None:
    events = written(a_bundle([a_deploy(0, A), a_deploy(40, B)], [a_ship(30, "1")], until=at(60)))
    own = [(e["context"]["type"].split(".")[3], e["context"]["timestamp"]) for e in events]
    assert own[-3:] == [
        ("upgraded", "2024-06-05T01:00:00Z"),
        ("opened", "2024-06-05T01:00:00Z"),
        ("met", "2024-06-05T01:00:00Z"),
    ]
    assert events[-1]["subject"]["content"]["shippedAt"] == "2024-06-04T15:00:00Z"


def test_obligation__that_was_kept_late_was_broken_at_its_deadline() -> None:
    events = written(a_bundle([a_deploy(0, A)], [a_ship(60, "1")]))
    own = [event for event in events if "cdeventsx" in str(event)]
    assert [(event["context"]["type"].split(".")[3], event["context"]["timestamp"]) for event in own] == [
        ("opened", "2024-06-03T09:00:00Z"),
        ("breached", "2024-06-05T09:00:00Z"),
        ("late", "2024-06-05T21:00:00Z"),
    ]
    assert ["version" in event["subject"]["content"] for event in own] == [False, False, True]
    before = written(a_bundle([a_deploy(0, A)], until=at(50)))
    assert own[1]["context"] in [event["context"] for event in before]  # the same event as on the day


def test_obligation__that_is_unknown_and_a_release_under_way_have_no_event() -> None:
    unread = a_history(coverage=(a_coverage("code"), a_coverage("models", CoverageState.FAILED)))
    assert [event for event in written(unread) if "cdeventsx" in str(event)] == []
    assert written(a_bundle([a_provisional_deploy(5)])) == []
    assert written(a_bundle()) == []


def test_version__that_was_live_before_the_first_observation_has_no_event() -> None:
    seen = {"precision": Precision.OBSERVED}
    models = [a_ship(3, "1", maybe_live_before=True, **seen), a_ship(9, "2", not_before=at(8), **seen)]
    published = [event["subject"]["id"] for event in written(a_bundle(models=models)) if PUBLISHED in str(event)]
    assert published == ["pkg:mlflow/recommender@2"]


def test_version__that_only_the_ledger_remembers_under_another_name_has_no_event() -> None:
    models = [a_ship(3, "1 (deleted)", source_gone=True), a_ship(9, "1 (deleted)", id="model:recommender/1@back")]
    assert written(a_bundle(models=[*models, a_ship(6, "2")]))[0]["subject"]["id"] == "pkg:mlflow/recommender@2"
    assert len(written(a_bundle(models=[*models, a_ship(6, "2")]))) == 1


def test_versions__have_no_event_in_a_run_that_could_not_read_models() -> None:
    unread = a_history(coverage=(a_coverage("code"), a_coverage("models", CoverageState.FAILED)))
    assert PUBLISHED in kinds(written(a_history()))
    assert PUBLISHED not in kinds(written(unread))


def test_events__before_the_window_are_left_out() -> None:
    events = written(a_bundle([a_deploy(-2000, A), a_deploy(100, B)], terms={"models": ()}))
    assert kinds(events) == [UPGRADED]


def test_files__of_the_same_records_in_any_order_are_the_same_bytes() -> None:
    bundle = a_history()
    whole = jsonl(cdevents(analyse(bundle)))
    pick = random.Random(7)  # noqa: S311  (repeatable, not secret)
    shuffled = replace(
        bundle,
        code=tuple(pick.sample(bundle.code, len(bundle.code))),
        models=tuple(pick.sample(bundle.models, len(bundle.models))),
        incidents=tuple(pick.sample(bundle.incidents, len(bundle.incidents))),
    )
    assert jsonl(cdevents(analyse(shuffled))) == whole
    assert len({event.id for event in cdevents(analyse(bundle))}) == whole.count(b"\n")


def test_ids__are_the_same_in_a_later_run_and_differ_between_services() -> None:
    first = {event["context"]["id"] for event in written(a_history(until=at(250)))}
    later = {event["context"]["id"] for event in written(a_history(until=at(400)))}
    assert first < later
    assert first.isdisjoint(event["context"]["id"] for event in written(replace(a_history(), service="search")))


def test_batch__is_valid_as_cloud_events() -> None:
    batch = json.loads(json.dumps(cloud_events(cdevents(analyse(a_history())))))
    assert len(batch) > 10
    assert batch_problems(batch) == []


@pytest.mark.parametrize(
    "hostile", ['"}\n{"context": 1}', "<script>", "a/../b?c#d@e", "\x00 \u2028", "%", "x" * 5000, "::error::x"]
)
def test_hostile_text__changes_no_structure(hostile: str) -> None:
    code = [a_deploy(0, hostile, environment=hostile, id=f"file:{hostile}"), a_deploy(100, None, environment="")]
    models = [a_ship(10, hostile, model=hostile, id=f"model:{hostile}"), a_ship(30, None)]
    incidents = [an_incident(101, title=hostile, id=f"incident:{hostile}")]
    bundle = a_bundle(code, models, incidents, coverage=WITH_INCIDENTS, terms={"models": (hostile,)})
    for each in (bundle, replace(bundle, repository=""), replace(bundle, service=hostile, repository=hostile)):
        raw = jsonl(cdevents(analyse(each)))
        lines = raw.decode("ascii").split("\n")
        assert lines.pop() == ""
        assert [problem for line in lines for problem in problems_of(json.loads(line))] == []
        assert len(lines) == len(cdevents(analyse(each)))


def test_secrets__are_hidden_before_they_are_written() -> None:
    bundle = a_history()
    hidden = jsonl(cdevents(analyse(bundle), lambda text: text.replace("Checkout is slow", "***")))
    assert b"Checkout" not in hidden
    assert b"***" in hidden
