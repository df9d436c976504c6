"""A first run over an existing history: it sends nothing, and says in one sentence what is older."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowjoy.sinks.pagerduty_alert import dedup_key
from tests.stand_ins.artifact_service import ArtifactServiceStandIn
from tests.stand_ins.github import GitHubStandIn
from tests.stand_ins.pagerduty_events import ROUTING_KEY, PagerDutyEventsStandIn
from tests.stand_ins.slack import CHANNEL, SlackStandIn
from tests.stand_ins.slack import TOKEN as SLACK_TOKEN
from tests.story.in_process import TOKEN, A, B, Ran, World, at, new_world
from tests.story.test_ledger import rewritten

DAY, WEEK = 24, 7 * 24
TODAY = "2026-03-02"


class Told:
    """Runs of a world with Slack and PagerDuty, and what was sent."""

    def __init__(self, world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn) -> None:
        self.world, self.slack, self.pager = world, slack, pager

    def run(self, hours: float, **more: Any) -> Ran:
        self.slack.clock = at(hours)
        return self.world.run(at(hours), **{"event": "schedule", **more})

    @property
    def sent(self) -> tuple[list[str], int, int]:
        return self.slack.titles, len(self.pager.alerts), len(self.pager.resolves)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with (
        GitHubStandIn(token=TOKEN) as github,
        ArtifactServiceStandIn(github.repository) as artifacts,
        SlackStandIn() as slack,
        PagerDutyEventsStandIn() as pager,
    ):
        world = new_world(github, tmp_path)
        world.artifacts = artifacts
        world.inputs |= {
            "slack-token": SLACK_TOKEN,
            "slack-channel": CHANNEL,
            "slack-api-url": slack.api_url,
            "pagerduty-routing-key": ROUTING_KEY,
            "pagerduty-events-url": pager.url,
            "pagerduty-kinds": "breach,drift,at-risk,mttr-spike,divergence",
        }
        yield Told(world, slack, pager)


def eight_weeks(world: World) -> None:
    """Five releases a week, a ship every other week, incidents that heal slower each week, one late ship of today."""
    for week in range(-8, 0):
        for day in range(5):
            world.release(f"{week + 9:x}{day:x}" * 20, at(week * WEEK + day * DAY))
        if week % 2:
            world.registry.add_version(at(week * WEEK + 50))
    rows = ["start,end"]
    for week in range(-8, 0):
        start, end = at(week * WEEK + 30), at(week * WEEK + 30 + 2 ** (week + 9) / 8)
        rows.append(f"{start.isoformat()},{end.isoformat()}")
    (world.workspace / "incidents.csv").write_text("\n".join(rows) + "\n")
    world.inputs["incident-file"] = "incidents.csv"


def test_first_run__over_eight_weeks_of_history_sends_nothing_and_says_what_is_older(told: Told) -> None:
    eight_weeks(told.world)
    ran = told.run(-1)
    assert told.sent == ([], 0, 0)
    assert told.pager.requests == []
    assert (ran.code, ran.outputs["alerts"]) == (1, "")
    sentence = ran.summary.splitlines()[0]
    assert sentence.startswith("First run: ")
    assert " broke the promise" in sentence
    assert sentence.endswith(f"before today; set `sla-since: {TODAY}` to begin now")
    assert f"::notice title=FlowJoy::{sentence}" in ran.log
    assert f"verdict: fail: {sentence}" in ran.log
    check = told.world.check(A)["output"]
    assert check["title"] == sentence
    assert check["summary"].splitlines()[0] == sentence
    assert "the history of alerts begins today" in ran.log


def test_second_run__over_the_same_history_sends_nothing_either_and_says_no_more(told: Told) -> None:
    eight_weeks(told.world)
    told.run(-1)
    for hours in (0, 1, 30):
        ran = told.run(hours)
        assert "First run" not in ran.log + ran.summary
    assert told.sent == ([], 0, 0)


def test_sla_since__of_the_sentence_makes_the_run_green(told: Told) -> None:
    eight_weeks(told.world)
    told.run(-1)
    assert told.run(0, sla_since=TODAY).code == 0
    assert told.sent == ([], 0, 0)


@pytest.mark.parametrize(("deployed", "first"), [(-3 * WEEK, 0), (-15 * DAY, 0), (-2 * DAY - 1, 0)])
def test_breach__that_ran_out_before_the_first_run_is_never_sent(told: Told, deployed: float, first: float) -> None:
    told.world.release(A, at(deployed))
    for hours in (first, first + 1, first + 49):
        assert told.run(hours).code == 1
    told.world.registry.add_version(at(first + 50))
    told.run(first + 51)
    assert told.sent == ([], 0, 0)


def test_breach__that_runs_out_after_the_first_run_is_sent_and_names_no_older_release(told: Told) -> None:
    told.world.release(A, at(-3 * WEEK))
    told.world.release(B, at(-40))
    told.run(0)
    told.run(9)
    titles, alerts, _ = told.sent
    assert (titles, alerts) == (["🔴 The 48 h promise is broken: recommender"], 1)
    assert B[:12] in str(told.slack.messages[0])
    assert A[:12] not in str(told.slack.messages[0]["blocks"][1])


def test_clock__that_was_at_risk_before_the_first_run_is_sent_only_when_it_runs_out(told: Told) -> None:
    told.world.release(A, at(-40))
    told.run(0)
    told.run(2)
    assert told.sent[0] == []
    told.run(9)
    assert told.sent[0] == ["🔴 The 48 h promise is broken: recommender"]


def test_divergence__of_weeks_before_the_first_run_does_not_make_the_next_one_the_second_running(told: Told) -> None:
    told.world.inputs |= {"sla-since": "2026-01-01", "sla-hours": "8760"}
    for week in (-2, -1, 0):
        for day in range(4):
            told.world.release(f"{week + 3}{day}" * 20, at(week * WEEK + day * DAY))
        if week == -1:
            told.run(0)
    told.run(WEEK)
    assert told.sent[:2] == (["⚠️ Model cadence lagging by 4 deploys"], 1)
    assert told.pager.alerts[0].events[0]["payload"]["severity"] == "warning"


def test_deleted_ledger__is_a_first_run_again_and_says_that_the_history_begins_today(told: Told) -> None:
    told.run(-WEEK)
    told.world.release(A, at(-49))
    told.world.github.repository.artifacts.clear()
    ran = told.run(0)
    assert "the history of alerts begins today" in ran.log
    assert told.sent == ([], 0, 0)


def test_untrusted_ledger__does_not_say_when_the_first_run_was(told: Told) -> None:
    """An older beginning would send what is older; it is believed of trusted runs alone."""
    told.world.release(A, at(-3 * WEEK))
    told.run(-4 * WEEK)
    shop = told.world.github.repository
    content = list(shop.artifacts.values())[-1].content
    shop.artifacts.clear()
    shop.add_commit(B, at(), parent=A, branch="feature")
    run_id = shop.add_run(sha=B, created_at=at(-4 * WEEK), event="push", branch="feature")
    shop.add_artifact(run_id=run_id, name="flowjoy-shop", content=content, created_at=at(-4 * WEEK))
    told.run(0)
    assert told.sent == ([], 0, 0)


def test_first_trusted_run__is_remembered_by_every_later_ledger(told: Told) -> None:
    first = told.run(0).bundle["first_trusted_at"]
    assert first == at(0).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert told.run(30).bundle["first_trusted_at"] == first
    assert told.run(31, event="push", ref="refs/heads/feature").bundle["first_trusted_at"] == first


def test_untrusted_run__begins_no_history(told: Told) -> None:
    ran = told.run(0, event="push", ref="refs/heads/feature")
    assert ran.bundle["first_trusted_at"] is None
    assert "First run" not in ran.log


@pytest.mark.parametrize(("since", "sent"), [("2026-02-01", 1), ("", 0)])
def test_runner_without_artifacts__sends_alerts_only_from_sla_since_on(told: Told, since: str, sent: int) -> None:
    """GitHub Enterprise Server keeps no ledger: no run can say what is older than the first."""
    told.world.artifacts = None
    told.world.inputs["pagerduty-kinds"] = "breach"
    told.world.release(A, at(-60))
    ran = told.run(0, sla_since=since)
    assert len(told.pager.alerts) == sent
    assert ("set `sla-since` to the day from which on alerts are to be sent" in ran.log) is (not sent)


def old_ledger(told: Told, *sent: tuple[str, str, str]) -> None:
    """The ledger of the last run as an older FlowJoy wrote it: schema 2, keys without a repository, one a release."""

    def edit(data: dict[str, Any]) -> None:
        data["schema"] = 2
        del data["first_trusted_at"]
        data["alerts"] = [
            {"key": key, "step": step, "at": data["generated_at"], "sink": sink, "ref": ""} for sink, key, step in sent
        ]

    rewritten(told.world, edit)


def test_old_ledger__is_adopted_without_a_new_page_and_ends_what_it_opened(told: Told) -> None:
    numbers = [told.world.release(sha, at(-60 + hours)) for hours, sha in enumerate((A, B))]
    told.run(0)
    keys = [f"shop/breach/deployment:{number}/recommender" for number in numbers]
    old_ledger(told, *((sink, key, "new") for key in keys for sink in ("slack", "pagerduty")))
    told.run(1)
    assert told.sent == ([], 0, 0)
    told.world.registry.add_version(at(2))
    told.run(3)
    assert told.slack.titles == ["✅ recommender: 2 releases wait no more"]
    assert told.pager.alerts == []
    assert set(told.pager.resolves) == {dedup_key(key) for key in (*keys, "acme/shop/shop/breach/recommender")}


def test_old_ledger__that_ended_one_release_keeps_the_alert_of_the_other(told: Told) -> None:
    numbers = [told.world.release(sha, at(-60 + hours)) for hours, sha in enumerate((A, B))]
    told.run(0)
    first, second = (f"shop/breach/deployment:{number}/recommender" for number in numbers)
    old_ledger(told, ("pagerduty", first, "new"), ("pagerduty", first, "recovery"), ("pagerduty", second, "new"))
    told.run(1)
    assert (told.pager.alerts, told.pager.resolves) == ([], [])
    bundle = json.loads((told.world.workspace / "flowjoy-report" / "flowjoy-bundle.json").read_text())
    sent = [state for state in bundle["alerts"] if state["sink"] == "pagerduty" and state["step"] != "change"]
    assert {state["told_as"] for state in sent} == {second}
