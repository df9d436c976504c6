"""A first run over an existing history: it sends nothing, and says in one sentence what is older."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowjoy.sinks.pagerduty_events import dedup_key
from tests.e2e.in_process import TOKEN, A, B, Ran, World, at, new_world
from tests.e2e.test_ledger import rewritten
from tests.fakes.artifact_service import ArtifactServiceStandIn
from tests.fakes.github import GitHubStandIn
from tests.fakes.pagerduty_events import ROUTING_KEY, PagerDutyEventsStandIn
from tests.fakes.slack import CHANNEL, SlackStandIn
from tests.fakes.slack import TOKEN as SLACK_TOKEN
from tests.unit.report.rendered import read

DAY, WEEK = 24, 7 * 24
TODAY = "2026-03-02"


class Runs:
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
def runs(tmp_path: Path) -> Iterator[Runs]:
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
        yield Runs(world, slack, pager)


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


@pytest.mark.matrix
def test_first_run__over_eight_weeks_of_history_sends_nothing_and_says_what_is_older(runs: Runs) -> None:
    eight_weeks(runs.world)
    ran = runs.run(-1)
    assert runs.sent == ([], 0, 0)
    assert runs.pager.requests == []
    assert (ran.code, ran.outputs["alerts"]) == (1, "")
    sentence = read(ran.summary).splitlines()[2].removeprefix("❌ **").removesuffix("**")
    assert sentence.startswith("First run: ")
    assert " broke the promise" in sentence
    assert sentence.endswith(f"before today; set sla-since: {TODAY} to start from today")
    assert f"::notice title=FlowJoy::{sentence}" in ran.log.replace("`", "")
    assert f"verdict: fail: {sentence}" in ran.log
    check = runs.world.check(A)["output"]
    assert check["title"] == sentence
    assert sentence in read(check["summary"])
    assert "the history begins today" in ran.log


@pytest.mark.matrix
def test_second_run__over_the_same_history_sends_nothing_either_and_says_no_more(runs: Runs) -> None:
    eight_weeks(runs.world)
    runs.run(-1)
    for hours in (0, 1, 30):
        ran = runs.run(hours)
        assert "First run" not in ran.log + ran.summary
    assert runs.sent == ([], 0, 0)


@pytest.mark.matrix
def test_sla_since__of_the_sentence_makes_the_run_green(runs: Runs) -> None:
    eight_weeks(runs.world)
    runs.run(-1)
    assert runs.run(0, sla_since=TODAY).code == 0
    assert runs.sent == ([], 0, 0)


@pytest.mark.matrix
@pytest.mark.parametrize(("deployed", "first"), [(-3 * WEEK, 0), (-15 * DAY, 0), (-2 * DAY - 1, 0)])
def test_breach__that_ran_out_before_the_first_run_is_never_sent(runs: Runs, deployed: float, first: float) -> None:
    runs.world.release(A, at(deployed))
    for hours in (first, first + 1, first + 49):
        assert runs.run(hours).code == 1
    runs.world.registry.add_version(at(first + 50))
    runs.run(first + 51)
    assert runs.sent == ([], 0, 0)


def test_breach__that_runs_out_after_the_first_run_is_sent_and_names_no_older_release(runs: Runs) -> None:
    runs.world.release(A, at(-3 * WEEK))
    runs.world.release(B, at(-40))
    runs.run(0)
    runs.run(9)
    titles, alerts, _ = runs.sent
    assert (titles, alerts) == (["🔴 recommender · 1 h overdue · acme/shop"], 1)
    assert B[:12] in str(runs.slack.messages[0])
    assert A[:12] not in str(runs.slack.messages[0]["blocks"][1])


@pytest.mark.matrix
def test_clock__that_was_at_risk_before_the_first_run_is_sent_only_when_it_runs_out(runs: Runs) -> None:
    runs.world.release(A, at(-40))
    runs.run(0)
    runs.run(2)
    assert runs.sent[0] == []
    runs.run(9)
    assert runs.sent[0] == ["🔴 recommender · 1 h overdue · acme/shop"]


@pytest.mark.matrix
def test_divergence__of_weeks_before_the_first_run_does_not_make_the_next_one_the_second_running(runs: Runs) -> None:
    runs.world.inputs |= {"sla-since": "2026-01-01", "sla-hours": "8760"}
    for week in (-2, -1, 0):
        for day in range(4):
            runs.world.release(f"{week + 3}{day}" * 20, at(week * WEEK + day * DAY))
        if week == -1:
            runs.run(0)
    runs.run(WEEK)
    assert runs.sent[:2] == (["⚠️ Model cadence lagging by 4 deploys · week of Mar 02 · acme/shop"], 1)
    assert runs.pager.alerts[0].events[0]["payload"]["severity"] == "warning"


@pytest.mark.matrix
def test_deleted_ledger__is_a_first_run_again_and_says_that_the_history_begins_today(runs: Runs) -> None:
    runs.run(-WEEK)
    runs.world.release(A, at(-49))
    runs.world.github.repository.artifacts.clear()
    ran = runs.run(0)
    assert "the history begins today" in ran.log
    assert runs.sent == ([], 0, 0)


def test_untrusted_ledger__does_not_say_when_the_first_run_was(runs: Runs) -> None:
    """An older beginning would send what is older; it is believed of trusted runs alone."""
    runs.world.release(A, at(-3 * WEEK))
    runs.run(-4 * WEEK)
    shop = runs.world.github.repository
    content = list(shop.artifacts.values())[-1].content
    shop.artifacts.clear()
    shop.add_commit(B, at(), parent=A, branch="feature")
    run_id = shop.add_run(sha=B, created_at=at(-4 * WEEK), event="push", branch="feature")
    shop.add_artifact(run_id=run_id, name="flowjoy-shop", content=content, created_at=at(-4 * WEEK))
    runs.run(0)
    assert runs.sent == ([], 0, 0)


@pytest.mark.matrix
def test_first_trusted_run__is_remembered_by_every_later_ledger(runs: Runs) -> None:
    first = runs.run(0).bundle["first_trusted_at"]
    assert first == at(0).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert runs.run(30).bundle["first_trusted_at"] == first
    assert runs.run(31, event="push", ref="refs/heads/feature").bundle["first_trusted_at"] == first


def test_untrusted_run__begins_no_history(runs: Runs) -> None:
    ran = runs.run(0, event="push", ref="refs/heads/feature")
    assert ran.bundle["first_trusted_at"] is None
    assert "First run" not in ran.log


@pytest.mark.parametrize(("since", "sent"), [("2026-02-01", 1), ("", 0)])
def test_runner_without_artifacts__sends_alerts_only_from_sla_since_on(runs: Runs, since: str, sent: int) -> None:
    """GitHub Enterprise Server keeps no ledger: no run can say what is older than the first."""
    runs.world.artifacts = None
    runs.world.inputs["pagerduty-kinds"] = "breach"
    runs.world.release(A, at(-60))
    ran = runs.run(0, sla_since=since)
    assert len(runs.pager.alerts) == sent
    assert ("set `sla-since` to the day from which alerts are to be sent" in ran.log) is (not sent)


def old_ledger(runs: Runs, *sent: tuple[str, str, str]) -> None:
    """The ledger of the last run as an older FlowJoy wrote it: schema 2, keys without a repository, one a release."""

    def edit(data: dict[str, Any]) -> None:
        data["schema"] = 2
        del data["first_trusted_at"]
        data["alerts"] = [
            {"key": key, "step": step, "at": data["generated_at"], "sink": sink, "ref": ""} for sink, key, step in sent
        ]

    rewritten(runs.world, edit)


@pytest.mark.matrix
def test_old_ledger__is_adopted_without_a_new_page_and_ends_what_it_opened(runs: Runs) -> None:
    """PagerDuty resolves by the key that opened the alert, and by no other: klen/graphite-beacon#109."""
    numbers = [runs.world.release(sha, at(-60 + hours)) for hours, sha in enumerate((A, B))]
    runs.run(0)
    keys = [f"shop/breach/deployment:{number}/recommender" for number in numbers]
    old_ledger(runs, *((sink, key, "new") for key in keys for sink in ("slack", "pagerduty")))
    runs.run(1)
    assert runs.sent == ([], 0, 0)
    runs.world.registry.add_version(at(2))
    runs.run(3)
    assert runs.slack.titles == ["☑️ recommender · 2 releases no longer wait · acme/shop"]
    assert runs.pager.alerts == []
    assert set(runs.pager.resolves) == {dedup_key(key) for key in (*keys, "acme/shop/shop/breach/recommender")}


def test_old_ledger__that_ended_one_release_keeps_the_alert_of_the_other(runs: Runs) -> None:
    numbers = [runs.world.release(sha, at(-60 + hours)) for hours, sha in enumerate((A, B))]
    runs.run(0)
    first, second = (f"shop/breach/deployment:{number}/recommender" for number in numbers)
    old_ledger(runs, ("pagerduty", first, "new"), ("pagerduty", first, "recovery"), ("pagerduty", second, "new"))
    runs.run(1)
    assert (runs.pager.alerts, runs.pager.resolves) == ([], [])
    bundle = json.loads((runs.world.workspace / "flowjoy-report" / "flowjoy-bundle.json").read_text())
    sent = [state for state in bundle["alerts"] if state["sink"] == "pagerduty" and state["step"] != "change"]
    assert {state["sent_as"] for state in sent} == {second}


def test_first_run__claims_that_nothing_broke_the_promise_only_if_it_was_judged(runs: Runs) -> None:
    clean = "First run: nothing before today broke the promise"
    runs.world.release(A, at(-3 * WEEK))
    runs.world.registry.add_version(at(-3 * WEEK + 1))
    unread = runs.run(0, mlflow_tracking_uri="http://127.0.0.1:9")
    assert (unread.code, clean in unread.log) == (2, False)
    assert "the history begins today" in unread.log
    assert {unread.outputs[f"sla-{name}"] for name in ("met", "late", "pending", "breached")} == {""}
    runs.world.github.repository.artifacts.clear()
    runs.world.registry.add_version(at(-3 * WEEK + 2))
    runs.world.registry.client.set_registered_model_alias("recommender", "production", "2")
    unobserved = runs.run(1, model_signal="alias:production")
    assert (unobserved.outputs["sla-status"], clean in unobserved.log) == ("undetermined", False)
    runs.world.github.repository.artifacts.clear()
    assert clean in runs.run(2).log
