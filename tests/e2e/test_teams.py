"""Alerts in Microsoft Teams over whole runs: each step once, in order, and never deciding."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.in_process import TOKEN, A, World, at, new_world
from tests.fakes.artifact_service import ArtifactServiceStandIn
from tests.fakes.github import GitHubStandIn
from tests.fakes.http_base import Answer
from tests.fakes.teams import TeamsStandIn, texts_of


@pytest.fixture
def teams() -> Iterator[TeamsStandIn]:
    with TeamsStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def world(tmp_path: Path, teams: TeamsStandIn) -> Iterator[World]:
    """A repository a day after FlowJoy first ran, with a release at 0 h."""
    with GitHubStandIn(token=TOKEN) as github, ArtifactServiceStandIn(github.repository) as artifacts:
        made = new_world(github, tmp_path)
        made.artifacts = artifacts
        made.inputs["teams-webhook-url"] = teams.webhook_url
        made.run(at(-24), event="schedule", sha="f" * 40)
        made.release(A, at())
        yield made


def titles(teams: TeamsStandIn) -> list[str]:
    return [texts_of(card)[0].split(" · ")[1] for card in teams.cards]


@pytest.mark.matrix
def test_life_of_an_alert__is_one_card_a_step(world: World, teams: TeamsStandIn) -> None:
    for hours in (1, 40, 41, 49, 50):
        world.run(at(hours), event="schedule")
    assert len(teams.cards) == 2  # at risk, then overdue; each once over repeated runs
    world.run(at(73.5), event="schedule")
    assert len(teams.cards) == 3  # the reminder
    world.registry.add_version(at(74))
    world.run(at(75), event="schedule")
    world.run(at(76), event="schedule")
    assert len(teams.cards) == 4
    assert texts_of(teams.cards[1])[0].startswith("🔴 recommender · 1 h overdue · acme/shop")
    assert texts_of(teams.cards[3])[0].startswith(("✅", "☑️"))
    assert teams.problems == []
    assert set(teams.links()) == {"github.com"}


def test_failure__is_a_warning_without_the_address_and_the_next_run_sends(world: World, teams: TeamsStandIn) -> None:
    world.run(at(1), event="schedule")
    teams.fail("/workflows/", times=None, fault=Answer(400, {"error": teams.webhook_url}))
    ran = world.run(at(49), event="schedule")
    assert (ran.code, ran.outputs["verdict"], teams.cards) == (1, "fail", [])
    assert "check teams-webhook-url" in ran.log
    assert "canary" not in ran.log
    teams.heal()
    world.run(at(50), event="schedule")
    assert titles(teams) == ["2 h overdue"]


@pytest.mark.matrix
def test_pull_request__sends_nothing(world: World, teams: TeamsStandIn) -> None:
    world.run(at(1), event="schedule")
    world.github.repository.add_pull_request(head_sha="e" * 40, base_sha=A)
    world.run(at(49), event="pull_request", sha="e" * 40, payload=world.pull_request(1))
    assert teams.requests == []
