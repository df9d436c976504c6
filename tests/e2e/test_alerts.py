"""Alerts in whole runs: told once a step, over any number of runs, re-runs and runs at once; in Slack and PagerDuty."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowjoy.cli.replay import replay
from flowjoy.sinks.pagerduty_events import dedup_key
from tests.e2e.in_process import TOKEN, A, B, C, Ran, World, at, new_world
from tests.fakes.artifact_service import ArtifactServiceStandIn
from tests.fakes.faults import EmptyBody, Reset, Slow, Truncate
from tests.fakes.github import GitHubStandIn
from tests.fakes.http_base import Answer
from tests.fakes.pagerduty_events import ROUTING_KEY, PagerDutyEventsStandIn
from tests.fakes.slack import CHANNEL, SlackStandIn, mentions_and_links
from tests.fakes.slack import TOKEN as SLACK_TOKEN

WEEK = 7 * 24
CLOCK = "48"
NO_CLOCK = {"sla_since": "2026-01-01", "sla_hours": "8760"}
"""A promise so long that only the cadence rings."""


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with SlackStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def pager() -> Iterator[PagerDutyEventsStandIn]:
    with PagerDutyEventsStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def new(tmp_path: Path, slack: SlackStandIn, pager: PagerDutyEventsStandIn) -> Iterator[World]:
    """A repository in which FlowJoy has never run."""
    with GitHubStandIn(token=TOKEN) as github, ArtifactServiceStandIn(github.repository) as artifacts:
        made = new_world(github, tmp_path)
        made.artifacts = artifacts
        made.inputs |= destinations(slack, pager)
        yield made


@pytest.fixture
def world(new: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn) -> World:
    """The same three weeks after the first run, which knew no destination."""
    for name in destinations(slack, pager):
        del new.inputs[name]
    new.run(at(-24 * 21), event="schedule", sha="f" * 40)
    new.inputs |= destinations(slack, pager)
    return new


def destinations(slack: SlackStandIn, pager: PagerDutyEventsStandIn) -> dict[str, str]:
    return {
        "slack-token": SLACK_TOKEN,
        "slack-channel": CHANNEL,
        "slack-api-url": slack.api_url,
        "pagerduty-routing-key": ROUTING_KEY,
        "pagerduty-events-url": pager.url,
    }


def by_webhook(world: World, slack: SlackStandIn) -> None:
    """The webhook instead of the bot."""
    for name in ("slack-token", "slack-channel", "slack-api-url"):
        del world.inputs[name]
    world.inputs["slack-webhook-url"] = slack.webhook_url


def forget_everything(world: World) -> None:
    """Somebody deletes every artifact."""
    world.github.repository.artifacts.clear()


class Answered:
    """The request is carried out, and its answer meets a fault."""

    def __init__(self, fault: Any) -> None:
        self._fault = fault

    def __str__(self) -> str:
        return f"then {self._fault}"

    def serve(self, exchange: Any) -> None:
        exchange.right_answer()
        self._fault.serve(exchange)


class Watch:
    """Runs at given hours, and what was said since the last look."""

    def __init__(self, world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn, **inputs: str) -> None:
        self.world, self.slack, self.pager, self.inputs = world, slack, pager, inputs

    def run(self, hours: float, **more: Any) -> Ran:
        self.slack.clock = at(hours)
        return self.world.run(at(hours), event="schedule", **{**self.inputs, **more})

    def said(self, hours: float, **more: Any) -> tuple[list[str], int, int]:
        """Titles in Slack, triggers and resolves in PagerDuty of one run."""
        before = (len(self.slack.messages), self.triggers, len(self.pager.resolves))
        self.run(hours, **more)
        new = self.slack.titles[before[0] :]
        return new, self.triggers - before[1], len(self.pager.resolves) - before[2]

    @property
    def triggers(self) -> int:
        return sum(len(alert.events) for alert in self.pager.alerts)


@pytest.fixture
def watch(world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn) -> Watch:
    return Watch(world, slack, pager)


def four_deploys(world: World, week: int) -> None:
    for day, sha in enumerate("1234"):
        world.release(f"{week}{sha}" * 20, at(week * WEEK + 24 * day))


@pytest.mark.matrix
def test_life__ten_runs_over_a_broken_worse_and_mended_history(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn
) -> None:
    """The counts a person would want: 1, 0, a reminder, an escalation, a recovery; and nothing else in ten runs."""
    watch = Watch(world, slack, pager, **NO_CLOCK, pagerduty_kinds="divergence")
    four_deploys(world, 0)
    assert watch.said(100) == ([], 0, 0)  # the week is not over
    monday = WEEK - 9
    assert watch.said(monday) == (["⚠️ Model cadence lagging by 4 deploys · week of Mar 02 · acme/shop"], 1, 0)
    assert watch.said(monday + 1) == ([], 0, 0)
    assert watch.said(monday + 23) == ([], 0, 0)
    assert watch.said(monday + 24) == (
        ["⚠️ Model cadence lagging by 4 deploys · reminder: week of Mar 02 · acme/shop"],
        0,
        0,
    )
    assert watch.said(monday + 60) == ([], 0, 0)
    four_deploys(world, 1)
    assert watch.said(2 * WEEK - 9) == (
        ["⚠️ Model cadence lagging by 4 deploys · second week in a row · acme/shop"],
        1,
        0,
    )
    assert watch.said(2 * WEEK + 48) == ([], 0, 0)
    world.release(A, at(2 * WEEK + 50))
    world.registry.add_version(at(2 * WEEK + 51))
    assert watch.said(3 * WEEK - 9) == (["✅ Models no longer lag behind code · week of Mar 16 · acme/shop"], 0, 1)
    assert watch.said(3 * WEEK + 30) == ([], 0, 0)
    assert [alert.dedup_key for alert in pager.alerts] == [dedup_key("acme/shop/shop/divergence/2026-03-02")]


@pytest.mark.matrix
def test_thread__holds_what_follows_and_only_the_escalation_is_shown_in_the_channel(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn
) -> None:
    watch = Watch(world, slack, pager, **NO_CLOCK)
    four_deploys(world, 0)
    watch.run(WEEK - 9)
    four_deploys(world, 1)
    watch.run(WEEK + 80)
    watch.run(2 * WEEK - 9)
    first, reminder, escalation = slack.messages
    assert {reminder["thread_ts"], escalation["thread_ts"]} == {first["ts"]}
    assert [message.get("reply_broadcast", False) for message in slack.messages] == [False, False, True]


@pytest.mark.matrix
def test_chart__is_attached_to_the_first_message(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn
) -> None:
    watch = Watch(world, slack, pager, **NO_CLOCK)
    four_deploys(world, 0)
    watch.run(WEEK - 9)
    (file,) = slack.files.values()
    assert file.content.startswith(b"\x89PNG")
    assert file.thread == slack.messages[0]["ts"]


def test_chart__that_cannot_be_attached_leaves_the_alert_told(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn
) -> None:
    watch = Watch(world, slack, pager, **NO_CLOCK)
    slack.scopes.discard("files:write")
    four_deploys(world, 0)
    ran = watch.run(WEEK - 9)
    assert "Slack: the chart was not attached: Slack files.getUploadURLExternal: " in ran.log
    assert "Slack refused (missing_scope: files:write)" in ran.log
    assert watch.said(WEEK - 8) == ([], 0, 0)


def test_chart__is_sent_to_no_foreign_host(world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn) -> None:
    watch = Watch(world, slack, pager, **NO_CLOCK)
    slack.fail(
        "getUploadURLExternal", fault=Answer(200, {"ok": True, "upload_url": "https://evil.example/x", "file_id": "F1"})
    )
    four_deploys(world, 0)
    ran = watch.run(WEEK - 9)
    assert "leads to a host that is not Slack's (evil.example)" in ran.log


@pytest.mark.matrix
def test_message__says_what_happened_since_when_who_does_what_and_links_check_report_and_release(
    world: World, slack: SlackStandIn, watch: Watch
) -> None:
    world.release(A, at())
    watch.run(50)
    (message,) = slack.messages
    header, section, heading, step, foot = message["blocks"]
    assert header["text"]["text"] == "🔴 recommender · 2 h overdue · acme/shop"
    assert section["text"]["text"] == (
        f"Release {A[:12]} was deployed Mon 02 Mar 09:00 UTC; a new version of recommender was due by "
        "Wed 04 Mar 09:00 UTC and has not shipped."
    )
    assert heading["text"]["text"] == "*Next:*"
    move, way_out = step["text"]["text"].splitlines()
    assert move == "Data team: ship a new version of recommender (register it in MLflow)."
    assert way_out.startswith("Pull requests are blocked where the check is required. In an emergency, ")
    links = foot["elements"][0]["text"]
    assert links.startswith(f"<https://github.com/acme/shop/commit/{A}/checks|Open the check> · <")
    assert "/acme/shop/actions/runs/" in links
    assert f"<https://github.com/acme/shop/commit/{A}|Open the release>" in links
    assert "Add a waiver" not in links  # there is no stub yet


@pytest.mark.matrix
def test_owner__of_the_default_branch_is_mentioned_and_one_that_a_pull_request_names_is_not(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn, watch: Watch
) -> None:
    shop = world.github.repository
    world.release(A, at())
    shop.add_file(A, "flowjoy.json", json.dumps({"models": {"recommender": {"owner": "U0123ABC"}}}))
    shop.add_commit(B, at(40), parent=A, branch="feature")
    shop.add_file(B, "flowjoy.json", json.dumps({"models": {"recommender": {"owner": "U0MALLORY1"}}}))
    number = shop.add_pull_request(head_sha=B, base_sha=A)
    world.run(at(49), event="pull_request", ref=f"refs/pull/{number}/merge", payload=world.pull_request(number))
    assert slack.messages == []
    watch.run(50)
    (message,) = slack.messages
    assert message["blocks"][2]["text"] == {"type": "mrkdwn", "text": "*Next:* <@U0123ABC>", "verbatim": True}
    assert message["blocks"][3]["text"]["text"].startswith("Ship a new version of recommender")
    assert "|Add a waiver>" in message["blocks"][4]["elements"][0]["text"]
    details = pager.alerts[0].events[0]["payload"]["custom_details"]
    assert details["owner"] == "data team (Slack user U0123ABC)"
    assert "MALLORY" not in json.dumps(slack.messages)


@pytest.mark.matrix
def test_breach__is_one_alert_over_ten_runs_and_one_resolve_when_it_is_mended(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn, watch: Watch
) -> None:
    world.release(A, at())
    for hours in range(49, 59):
        assert watch.run(hours).code == 1
    key = "acme/shop/shop/breach/recommender"
    assert [(alert.dedup_key, len(alert.events)) for alert in pager.alerts] == [(dedup_key(key), 1)]
    assert len(slack.messages) == 1
    world.registry.add_version(at(60))
    assert watch.said(61) == (["☑️ recommender · shipped 12 h late · acme/shop"], 0, 1)
    assert watch.said(90) == ([], 0, 0)
    assert pager.resolves == [dedup_key(key)]


@pytest.mark.matrix
def test_at_risk__is_told_and_ends_quietly_when_the_clock_runs_out(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn, watch: Watch
) -> None:
    world.release(A, at())
    assert watch.said(35) == ([], 0, 0)
    assert watch.said(37) == (["🟠 recommender · due in 11 h · acme/shop"], 1, 0)
    assert watch.said(49) == (["🔴 recommender · 1 h overdue · acme/shop"], 1, 1)
    assert [alert.is_open for alert in pager.alerts] == [False, True]


@pytest.mark.matrix
def test_at_risk__that_ships_in_time_is_said_to(world: World, slack: SlackStandIn, watch: Watch) -> None:
    world.release(A, at())
    watch.run(37)
    world.registry.add_version(at(40))
    assert watch.said(41) == (["✅ recommender · shipped in time · acme/shop"], 0, 1)
    assert slack.messages[1]["thread_ts"] == slack.messages[0]["ts"]


@pytest.mark.matrix
def test_releases_that_wait_for_one_model_are_told_in_one_message(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn, watch: Watch
) -> None:
    """A message for each of many that fail together is noise: elementary-data/elementary#408."""
    for hours, sha in enumerate((A, B, C)):
        world.release(sha, at(hours))
    assert watch.said(60) == (["🔴 recommender · 12 h overdue, 3 releases wait · acme/shop"], 1, 0)
    assert "Also waiting: bbbbbbbbbbbb (11 h overdue), cccccccccccc (10 h" in text(slack.messages[0])
    world.registry.add_version(at(61))
    assert watch.said(62) == (["☑️ recommender · 3 releases no longer wait · acme/shop"], 0, 1)


@pytest.mark.matrix
def test_release__that_joins_is_named_once_in_the_thread_and_in_the_same_alert_of_the_pager(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn, watch: Watch
) -> None:
    world.release(A, at())
    world.release(B, at(4))
    assert watch.said(49) == (
        ["🔴 recommender · 1 h overdue · acme/shop", "🟠 recommender · due in 3 h · acme/shop"],
        2,
        0,
    )
    assert watch.said(50) == ([], 0, 0)
    assert watch.said(53) == (["🔴 recommender · 1 more release overdue, 2 in total · acme/shop"], 1, 1)
    assert watch.said(54) == ([], 0, 0)
    first, _, update = slack.messages
    assert update["thread_ts"] == first["ts"]
    assert "bbbbbbbbbbbb" in text(update)
    assert "aaaaaaaaaaaa" not in text(update)
    assert [(alert.is_open, len(alert.events)) for alert in pager.alerts] == [(True, 2), (False, 1)]
    # PagerDuty shows the last event of a key, not the first: PagerDuty/pdpyras#45.
    payload = pager.alerts[0].events[1]["payload"]
    assert "recommender is 5 h overdue (since Wed 04 Mar 09:00 UTC): 2 releases wait" in payload["summary"]
    assert all(sha[:12] in payload["custom_details"]["what"] for sha in (A, B))
    world.registry.add_version(at(60))
    assert watch.said(61) == (["☑️ recommender · 2 releases no longer wait · acme/shop"], 0, 1)


@pytest.mark.matrix
def test_breach__may_fire_again_after_it_resolved(world: World, watch: Watch) -> None:
    world.release(A, at())
    watch.run(49)
    world.registry.add_version(at(50))
    watch.run(51)
    world.release(B, at(110))
    assert watch.said(159)[0] == ["🔴 recommender · 1 h overdue · acme/shop"]
    assert watch.said(160) == ([], 0, 0)


@pytest.mark.matrix
def test_pagerduty_kinds__say_what_reaches_the_pager_and_slack_gets_all(world: World, watch: Watch) -> None:
    world.release(A, at())
    watch.inputs["pagerduty_kinds"] = "breach"
    assert watch.said(37)[1:] == (0, 0)
    title, triggers, _ = watch.said(49)
    assert (len(title), triggers) == (1, 1)


@pytest.mark.matrix
def test_pagerduty_kinds__that_no_longer_name_an_alert_still_let_it_resolve(world: World, watch: Watch) -> None:
    world.release(A, at())
    assert watch.said(49)[1:] == (1, 0)
    watch.inputs["pagerduty_kinds"] = "drift"
    world.registry.add_version(at(50))
    assert watch.said(51)[1:] == (0, 1)


@pytest.mark.matrix
def test_divergence__reaches_slack_alone_and_its_severity_is_a_warning_where_named(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn
) -> None:
    watch = Watch(world, slack, pager, **NO_CLOCK)
    four_deploys(world, 0)
    assert watch.said(WEEK - 9) == (["⚠️ Model cadence lagging by 4 deploys · week of Mar 02 · acme/shop"], 0, 0)
    assert pager.requests == [request for request in pager.requests if "/change/" in request.path]


@pytest.mark.matrix
def test_log__names_each_message_its_kind_its_subject_and_its_destination(world: World, watch: Watch) -> None:
    world.release(A, at())
    log = watch.run(49).log
    assert f"Slack {CHANNEL}: sent breach of recommender (new)" in log
    assert "PagerDuty: sent breach of recommender (new)" in log
    assert " sent " not in watch.run(50).log


@pytest.mark.matrix
def test_waiver__is_told_in_the_thread_with_who_why_and_until_when(
    world: World, slack: SlackStandIn, watch: Watch
) -> None:
    world.release(A, at())
    watch.run(49)
    waiver = {"model": "recommender", "sha": "*", "reason": "freeze", "by": "data", "until": "2026-03-10T00:00:00Z"}
    world.release(B, at(50), parent=A)
    world.github.repository.add_file(
        B, "flowjoy.json", json.dumps({"models": {"recommender": "any"}, "waivers": [waiver]})
    )
    assert watch.said(52) == (["⏸️ recommender · waived, not shipped yet · acme/shop"], 0, 0)
    assert slack.messages[1]["thread_ts"] == slack.messages[0]["ts"]
    assert "aaaaaaaaaaaa until Tue 10 Mar 00:00 UTC: freeze, approved by data" in text(slack.messages[1])
    assert watch.said(53) == ([], 0, 0)
    texts = watch.said(8 * 24)
    assert "🔴 recommender · 2 more releases overdue, 2 in total · acme/shop" in texts[0]


def text(message: dict[str, Any]) -> str:
    """The text of a message below its title."""
    return str(message["blocks"][1]["text"]["text"])


def live_data(world: World, shift: float, seed: int) -> None:
    ages = np.random.default_rng(seed).normal(40 + shift, 10, 300)
    (world.workspace / "live.csv").write_text("age\n" + "".join(f"{age:.3f}\n" for age in ages))


@pytest.mark.matrix
def test_drift__is_told_after_two_checks_running_and_ends_after_two_good_ones(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn
) -> None:
    watch = Watch(world, slack, pager, drift_reference="train.csv", drift_live="live.csv")
    live_data(world, 0, seed=0)
    (world.workspace / "live.csv").rename(world.workspace / "train.csv")
    world.registry.add_version(at(-5))
    texts = []
    for hours, shift in enumerate([30, 30, 30, 0, 0, 30, 30], 1):
        live_data(world, shift, seed=hours)
        texts.append(watch.said(hours))
    for titles, *counts in (texts[1], texts[6]):
        assert titles[0].startswith("🔴 recommender · live data has drifted (age: ")
        assert counts == [1, 0]
    assert [texts[index] for index in (0, 2, 3, 5)] == [([], 0, 0)] * 4
    assert texts[4] == (["✅ recommender · live data matches training data again · acme/shop"], 0, 1)
    details = pager.alerts[0].events[0]["payload"]["custom_details"]
    assert details["emergency"].startswith("There is no earlier version to roll back to")
    assert pager.alerts[0].dedup_key == dedup_key("acme/shop/shop/drift/recommender")


@pytest.mark.matrix
def test_outputs__name_the_keys_raised_in_this_run(world: World, watch: Watch) -> None:
    world.release(A, at())
    assert watch.run(30).outputs["alerts"] == ""
    assert watch.run(49).outputs["alerts"] == "acme/shop/shop/breach/recommender"
    assert watch.run(50).outputs["alerts"] == ""


@pytest.mark.matrix
def test_outputs__tell_a_comma_in_a_name_from_one_between_two(world: World, watch: Watch) -> None:
    world.registry.add_model("a,b")
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", '{"models": {"a,b": "any", "recommender": "any"}}')
    prefix = "acme/shop/shop/breach"
    assert watch.run(49).outputs["alerts"].split(",") == [f"{prefix}/a%2Cb", f"{prefix}/recommender"]


@pytest.mark.matrix
def test_pager__rings_also_where_slack_stalls(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn, watch: Watch
) -> None:
    slack.fail("/api/", times=None, fault=Answer(503))
    world.release(A, at())
    watch.run(49)
    assert (slack.messages, len(pager.alerts)) == ([], 1)


@pytest.mark.matrix
def test_outputs__name_the_keys_also_where_nobody_is_to_be_told(world: World, watch: Watch) -> None:
    for name in [name for name in world.inputs if name != "models"]:
        del world.inputs[name]
    world.release(A, at())
    assert watch.run(49).outputs["alerts"] != ""
    assert watch.run(50).outputs["alerts"] == ""


@pytest.mark.matrix
@pytest.mark.parametrize("event", ["pull_request", "push"])
def test_trust__only_a_trusted_run_tells(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn, event: str
) -> None:
    world.release(A, at())
    if event == "push":
        world.run(at(50), ref="refs/heads/feature")
    else:
        world.github.repository.add_commit(B, at(40), parent=A)
        number = world.github.repository.add_pull_request(head_sha=B, base_sha=A)
        world.run(at(50), event=event, ref=f"refs/pull/{number}/merge", payload=world.pull_request(number))
    assert (slack.requests, pager.requests) == ([], [])


@pytest.mark.matrix
def test_dry_look__tells_nobody_and_its_output_says_what_it_would(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn
) -> None:
    world.release(A, at())
    ran = world.run(at(50), as_of="2026-03-04T10:00:00Z")
    assert (slack.requests, pager.requests) == ([], [])
    assert ran.outputs["alerts"] == "acme/shop/shop/breach/recommender"


@pytest.mark.matrix
def test_at_once__two_runs_raise_one_message(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn, watch: Watch
) -> None:
    """Both read the ledger, and then the channel, before either has told anything."""
    world.release(A, at())
    watch.run(30)
    kept = dict(world.github.repository.artifacts)
    watch.run(49)
    # The other run: it saw the ledger of before, and an empty channel when it looked.
    world.github.repository.artifacts.clear()
    world.github.repository.artifacts.update(kept)
    slack.fail("conversations.history", times=1, fault=Answer(200, {"ok": True, "messages": [], "has_more": False}))
    ran = watch.run(49)
    assert (len(slack.messages), len(pager.alerts)) == (1, 1)
    assert slack.count(path_contains="chat.delete") == 1
    assert {state["ref"] for state in ran.bundle["alerts"] if state["sink"] == "slack"} == {
        f"{CHANNEL}/{slack.messages[0]['ts']}"
    }


@pytest.mark.matrix
def test_ledger__deleted_between_runs_raises_none_twice(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn, watch: Watch
) -> None:
    world.release(A, at())
    watch.run(49)
    forget_everything(world)
    assert watch.said(50)[0] == []
    assert len(pager.alerts) == 1
    forget_everything(world)
    world.registry.add_version(at(51))
    assert watch.said(52)[:2] == (["☑️ recommender · shipped 3 h late · acme/shop"], 0)
    assert slack.messages[1]["thread_ts"] == slack.messages[0]["ts"]
    assert [alert.is_open for alert in pager.alerts] == [False]


@pytest.mark.matrix
def test_pager__is_told_of_the_end_also_where_nothing_is_ever_remembered(
    world: World, pager: PagerDutyEventsStandIn, watch: Watch
) -> None:
    """GitHub Enterprise Server has no artifact service; the log says what that means for who resolves by hand."""
    world.artifacts = None
    watch.inputs["sla_since"] = "2026-01-01"
    world.release(A, at())
    ran = watch.run(49)
    assert "an alert that is resolved by hand fires again" in ran.log
    watch.run(50)
    world.registry.add_version(at(51))
    watch.run(52)
    assert [(alert.is_open, len(alert.events)) for alert in pager.alerts] == [(False, 2)]


@pytest.mark.matrix
def test_ledger__deleted_is_replaced_by_our_own_messages_and_nobody_elses(
    world: World, slack: SlackStandIn, watch: Watch
) -> None:
    """A message that somebody else forged must not silence an alert."""
    world.release(A, at())
    kept = dict(world.github.repository.artifacts)
    watch.run(49)
    forged = slack.messages.pop()
    forget_everything(world)
    world.github.repository.artifacts.update(kept)
    slack.write(blocks=forged["blocks"], bot_id="B0OTHER")
    assert watch.said(50)[0] == ["🔴 recommender · 2 h overdue · acme/shop"]


@pytest.mark.matrix
def test_ledger__that_cannot_be_read_and_a_bot_that_may_not_look_tell_nothing_in_slack(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn, watch: Watch
) -> None:
    slack.scopes.discard("channels:history")
    world.release(A, at())
    world.github.fail(
        "GET /repos/acme/shop/actions/artifacts", times=None, fault=Answer(403, {"message": "Resource not accessible"})
    )
    ran = watch.run(49, sla_since="2026-01-01")
    assert slack.messages == []
    assert len(pager.alerts) == 1
    assert "missing_scope: channels:history" in ran.log


@pytest.mark.matrix
def test_ledger__that_is_read_lets_a_bot_tell_that_may_not_look(
    world: World, slack: SlackStandIn, watch: Watch
) -> None:
    slack.scopes.discard("channels:history")
    world.release(A, at())
    watch.run(30)
    assert watch.said(49)[0] == ["🔴 recommender · 1 h overdue · acme/shop"]
    assert watch.said(50)[0] == []


@pytest.mark.matrix
def test_webhook__tells_once_by_the_ledger(world: World, slack: SlackStandIn, watch: Watch) -> None:
    by_webhook(world, slack)
    world.release(A, at())
    watch.run(49)
    watch.run(50)
    world.registry.add_version(at(51))
    watch.run(52)
    assert [sent["blocks"][0]["text"]["text"] for sent in slack.hooked] == [
        "🔴 recommender · 1 h overdue · acme/shop",
        "☑️ recommender · shipped 3 h late · acme/shop",
    ]


@pytest.mark.matrix
def test_sla_since__that_passes_the_releases_closes_each_alert_with_its_model_and_the_reason(
    world: World, slack: SlackStandIn, watch: Watch
) -> None:
    """The message of an end said nothing of what ended: prometheus/alertmanager#326."""
    by_webhook(world, slack)
    world.registry.add_model("ranker")
    world.release(A, at())
    watch.run(49, models="recommender,ranker")
    before = len(slack.hooked)
    for hours in (51, 52):
        watch.run(hours, models="recommender,ranker", sla_since="2026-03-03")
    ends = slack.hooked[before:]
    assert [sent["blocks"][0]["text"]["text"] for sent in ends] == [
        "✅ ranker · broken promise: alert resolved · acme/shop",
        "✅ recommender · broken promise: alert resolved · acme/shop",
    ]
    assert all("`sla-since` is now 2026-03-03" in sent["text"] for sent in ends)


@pytest.mark.matrix
def test_webhook__without_a_ledger_that_remembers_tells_nothing_and_says_why(
    world: World, slack: SlackStandIn, watch: Watch
) -> None:
    by_webhook(world, slack)
    world.artifacts = None
    world.release(A, at())
    ran = watch.run(49, sla_since="2026-01-01")
    assert (ran.code, slack.hooked) == (1, [])
    assert "Slack webhook: no alert is sent, because earlier ones are unknown" in ran.log


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("fault", "cure"),
    [
        (Answer(200, {"ok": False, "error": "channel_not_found"}), "invite the bot"),
        (Answer(200, {"ok": False, "error": "not_in_channel"}), "invite the bot"),
        (Answer(200, {"ok": False, "error": "invalid_auth"}), "check slack-token"),
        (Answer(200, {"ok": False, "error": "<!channel> ::error::"}), "Slack's answer is not what its API promises"),
        (Answer(500, b"<html>"), "Slack answered 500"),
        (Answer(200, []), "the answer is not an object"),
        (Answer(200, b""), "Slack"),
        (Answer(302, b"", {"Location": "/elsewhere"}), "Slack"),
    ],
    ids=repr,
)
def test_slack__that_fails_is_a_warning_the_verdict_stands_and_nothing_counts_as_told(
    world: World, slack: SlackStandIn, watch: Watch, fault: Any, cure: str
) -> None:
    world.release(A, at())
    watch.run(30)
    slack.fail("chat.postMessage", times=None, fault=fault)
    ran = watch.run(49)
    assert (ran.code, ran.outputs["verdict"]) == (1, "fail")
    assert cure in ran.log
    assert not [state for state in ran.bundle["alerts"] if state["sink"] == "slack"]
    slack.heal()
    assert watch.said(50)[0] == ["🔴 recommender · 2 h overdue · acme/shop"]


@pytest.mark.matrix
@pytest.mark.parametrize(
    "broken", [Answered(Reset()), Truncate(0.5), Answered(EmptyBody()), Answered(Answer(502))], ids=str
)
def test_slack__that_took_a_message_and_then_broke_the_line_is_not_told_twice(
    world: World, slack: SlackStandIn, watch: Watch, broken: Any
) -> None:
    world.release(A, at())
    watch.run(30)
    slack.fail("chat.postMessage", fault=broken)
    ran = watch.run(49)
    assert len(slack.messages) == 1
    assert {state["sink"] for state in ran.bundle["alerts"] if state["step"] == "new"} == {"", "slack", "pagerduty"}


@pytest.mark.matrix
def test_slack__that_limits_the_rate_is_asked_once_more_not_before_it_says(
    world: World, slack: SlackStandIn, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("flowjoy.clients.transport.time.sleep", pauses.append)
    world.release(A, at())
    watch.run(30)
    slack.fail(
        "chat.postMessage", times=None, fault=Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "5"})
    )
    before = slack.count(path_contains="chat.postMessage")
    ran = watch.run(49)
    assert (ran.code, slack.count(path_contains="chat.postMessage") - before) == (1, 2)
    assert 5.0 in pauses
    assert "Slack limits the rate" in ran.log


@pytest.mark.matrix
def test_channel__may_be_given_by_its_name(world: World, slack: SlackStandIn, watch: Watch) -> None:
    world.inputs["slack-channel"] = "#releases"
    world.release(A, at())
    assert watch.said(49)[0] == ["🔴 recommender · 1 h overdue · acme/shop"]
    ran = watch.run(50, slack_channel="nowhere")
    assert "the bot does not see the channel 'nowhere'" not in ran.log  # nothing was to be told
    world.release(B, at(40))
    assert "the bot does not see the channel 'nowhere'" in watch.run(90, slack_channel="nowhere").log


@pytest.mark.matrix
def test_pager__that_fails_is_a_warning_and_is_told_by_the_next_run(
    world: World, pager: PagerDutyEventsStandIn, watch: Watch
) -> None:
    world.release(A, at())
    pager.fail("/v2/enqueue", times=None, fault=Answer(400, {"status": "invalid event"}))
    ran = watch.run(49)
    assert (ran.code, pager.alerts) == (1, [])
    assert "PagerDuty refused the request (400)" in ran.log
    assert "check pagerduty-routing-key" in ran.log
    pager.heal()
    assert watch.said(50) == ([], 1, 0)


@pytest.mark.matrix
def test_pager__whose_fault_passes_is_told_at_once(world: World, pager: PagerDutyEventsStandIn, watch: Watch) -> None:
    world.release(A, at())
    pager.fail("/v2/enqueue", fault=Answer(503))
    watch.run(49)
    assert len(pager.alerts) == 1


@pytest.mark.matrix
def test_changes__every_deploy_and_ship_after_adoption_is_told_once(
    world: World, pager: PagerDutyEventsStandIn, watch: Watch
) -> None:
    world.release(A, at())
    watch.run(1)
    assert pager.changes == []  # what was there before the first run
    world.release(B, at(2))
    world.registry.add_version(at(3))
    watch.run(4)
    watch.run(5)
    assert [change["payload"]["summary"] for change in pager.changes] == [
        f"shop: code deploy: {B[:12]}",
        "shop: model ship: recommender v1",
    ]
    assert pager.changes[1]["payload"]["timestamp"] == "2026-03-02T12:00:00Z"
    assert "changed_at" not in pager.changes[0]


@pytest.mark.matrix
def test_changes__without_a_ledger_are_not_told_because_they_may_have_been(
    world: World, pager: PagerDutyEventsStandIn, watch: Watch
) -> None:
    world.release(A, at())
    watch.run(1)
    world.release(B, at(2))
    watch.run(3)
    forget_everything(world)
    watch.run(4)
    assert len(pager.changes) == 1


@pytest.mark.matrix
def test_changes__before_the_pager_was_set_are_not_told(
    world: World, pager: PagerDutyEventsStandIn, watch: Watch
) -> None:
    world.release(A, at())
    key = world.inputs.pop("pagerduty-routing-key")
    watch.run(1)
    world.inputs["pagerduty-routing-key"] = key
    watch.run(2)
    world.release(B, at(3))
    watch.run(24 * 4)
    assert [change["payload"]["summary"] for change in pager.changes] == [f"shop: code deploy: {B[:12]}"]


@pytest.mark.matrix
def test_changes__of_which_one_is_refused_are_each_told_once(
    world: World, pager: PagerDutyEventsStandIn, watch: Watch
) -> None:
    watch.run(1)
    world.release(A, at(2))
    world.release(B, at(3))
    pager.fail("/v2/change", times=1, skip=1, fault=Answer(400, {}))
    watch.run(4)
    assert len(pager.changes) == 1
    watch.run(5)
    assert len({change["payload"]["summary"] for change in pager.changes}) == len(pager.changes) == 2


@pytest.mark.matrix
def test_waiver__that_ran_out_long_after_the_deadline_is_told(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn, watch: Watch
) -> None:
    """The freeze over the holidays: nobody hears a thing until it is over, and then they do."""
    world.release(A, at())
    stub = {
        "models": {"recommender": "any"},
        "waivers": [
            {"model": "recommender", "sha": "*", "reason": "freeze", "by": "data", "until": "2026-03-24T09:00:00Z"}
        ],
    }
    world.github.repository.add_file(A, "flowjoy.json", json.dumps(stub))
    watch.inputs["divergence_percent"] = "100"
    watch.run(40)
    assert watch.said(300) == (
        ["⏸️ recommender · waived, not shipped yet · acme/shop"],
        0,
        1,
    )  # the clock at risk has run out
    assert watch.said(22 * 24 - 1) == ([], 0, 0)
    assert watch.said(22 * 24 + 1) == (["🔴 recommender · waiver ended, 20 d 1 h overdue · acme/shop"], 1, 0)
    assert text(slack.messages[-1]).endswith("The waiver of data (freeze) ended Tue 24 Mar 09:00 UTC.")


@pytest.mark.matrix
def test_more_time__given_after_the_fact_is_no_all_clear(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn, watch: Watch
) -> None:
    world.release(A, at())
    watch.run(49)
    assert watch.said(50, sla_hours="96") == ([], 0, 0)
    assert watch.said(97, sla_hours="96") == (["🔴 recommender · reminder: 1 h overdue · acme/shop"], 0, 0)


@pytest.mark.matrix
def test_thread__whose_first_message_somebody_deleted_is_told_by_itself(
    world: World, slack: SlackStandIn, watch: Watch
) -> None:
    world.release(A, at())
    watch.run(49)
    slack.messages.clear()
    world.registry.add_version(at(50))
    assert watch.said(51)[0] == ["☑️ recommender · shipped 2 h late · acme/shop"]


@pytest.mark.matrix
def test_at_once__what_the_first_of_two_messages_does_not_name_joins_it(
    world: World, slack: SlackStandIn, watch: Watch
) -> None:
    world.release(A, at())
    world.release(B, at(0.05))
    watch.run(30)
    kept = dict(world.github.repository.artifacts)
    watch.run(48.02)
    world.github.repository.artifacts.clear()
    world.github.repository.artifacts.update(kept)
    slack.fail("conversations.history", times=1, fault=Answer(200, {"ok": True, "messages": [], "has_more": False}))
    watch.run(48.1)
    assert [title for title in slack.titles if title[0] == "🔴"] == ["🔴 recommender · 1 m overdue · acme/shop"]
    assert watch.said(48.3)[0] == ["🔴 recommender · 1 more release overdue, 2 in total · acme/shop"]


@pytest.mark.matrix
def test_pager__that_is_slow_is_told_the_rest_by_the_next_runs(
    world: World, pager: PagerDutyEventsStandIn, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowjoy.pipeline.publish._ALERT_SECONDS", 2)
    models = [f"model-{number:02}" for number in range(12)]
    for model in models:
        world.registry.add_model(model)
    world.inputs["models"] = ",".join(models)
    world.release(A, at())
    pager.fail("/v2/enqueue", times=None, fault=Slow(0.3))
    ran = watch.run(50)
    first = len(pager.alerts)
    assert 0 < first < 12
    assert "PagerDuty: the next run sends the other" in ran.log
    pager.heal()
    watch.run(51)
    assert [len(alert.events) for alert in pager.alerts] == [1] * 12


@pytest.mark.matrix
def test_webhook__that_says_ok_in_json_is_not_sent_the_same_at_each_run(
    world: World, slack: SlackStandIn, watch: Watch
) -> None:
    by_webhook(world, slack)
    world.release(A, at())
    slack.fail("/services/", times=None, fault=Answer(200, {"ok": True}))
    for hours in (49, 50, 51):
        watch.run(hours)
    assert slack.count(path_contains="/services/") == 1


def test_webhook__that_starts_a_workflow_is_refused_before_anything_is_sent(
    world: World, slack: SlackStandIn, watch: Watch
) -> None:
    by_webhook(world, slack)
    world.inputs["slack-webhook-url"] = f"{slack.url}/triggers/T000/123/abc"
    ran = watch.run(49)
    assert (ran.code, slack.requests) == (2, [])
    assert "make an incoming webhook" in ran.log.lower()
    assert "T000/123/abc" not in ran.log


@pytest.mark.matrix
@pytest.mark.parametrize("answer", [Answer(200, b"<html>Sign in</html>"), Answer(302, b"", {"Location": "/elsewhere"})])
def test_webhook__that_answers_with_something_else_has_told_nothing(
    world: World, slack: SlackStandIn, watch: Watch, answer: Answer
) -> None:
    by_webhook(world, slack)
    world.release(A, at())
    slack.fail("/services/", times=None, fault=answer)
    ran = watch.run(49)
    assert not [state for state in ran.bundle["alerts"] if state["sink"] == "slack"]
    assert slack.count(path_contains="elsewhere") == 0


@pytest.mark.matrix
def test_redirect__never_carries_the_token_to_another_host(world: World, slack: SlackStandIn, watch: Watch) -> None:
    with SlackStandIn() as foreign:
        world.release(A, at())
        slack.fail("/api/", times=None, fault=Answer(302, b"", {"Location": f"{foreign.url}/api/auth.test"}))
        ran = watch.run(49)
        assert foreign.requests == []
    assert ran.code == 1


def test_replay__of_a_run_that_ended_an_alert_is_byte_for_byte(world: World, watch: Watch, tmp_path: Path) -> None:
    world.release(A, at())
    for hours in (37, 49, 74):
        watch.run(hours)
    world.registry.add_version(at(75))
    ran = watch.run(76)
    stream = io.StringIO()
    assert replay([str(ran.folder / "flowjoy-bundle.json"), "--output-dir", str(tmp_path / "again")], stream) == 0
    for path in ran.folder.glob("*.csv"):
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.matrix
@pytest.mark.parametrize(
    "name",
    ["<!channel> help", "<@U0ADMIN>", "@here *bold* _x_", "a & b <script>", "x" * 200],
)
def test_injection__reaches_slack_and_pagerduty_inert(
    world: World, slack: SlackStandIn, pager: PagerDutyEventsStandIn, watch: Watch, name: str
) -> None:
    world.registry.add_model(name)
    world.inputs["models"] = ""
    world.release(A, at())
    world.github.repository.add_file(A, "flowjoy.json", json.dumps({"models": {name: "any"}}))
    watch.run(49)
    (message,) = slack.messages
    ours = [link for link in mentions_and_links(message) if link.startswith("<https://github.com/acme/shop/")]
    assert mentions_and_links(message) == ours
    assert len(ours) == 4
    markup = [block["text"]["text"] for block in message["blocks"] if block.get("text", {}).get("type") == "mrkdwn"]
    assert markup == ["*Next:*"]
    (alert,) = pager.alerts
    assert len(alert.summary) <= 1024
    assert set(alert.dedup_key) <= set("0123456789abcdef")


@pytest.mark.matrix
def test_secrets__are_in_no_byte_that_leaves(world: World, slack: SlackStandIn, watch: Watch) -> None:
    world.release(A, at())
    slack.fail("chat.postMessage", times=None, fault=Answer(200, {"ok": False, "error": SLACK_TOKEN}))
    ran = watch.run(49)
    written = b"".join(path.read_bytes() for path in ran.folder.iterdir())
    for canary in (SLACK_TOKEN, ROUTING_KEY):
        assert canary not in ran.log + ran.summary
        assert canary.encode() not in written
