"""Alarms in words: what happened, since when, whose move it is; inert wherever they are shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from flowjoy.analysis.alarms import Alarm, AlarmKind
from flowjoy.analysis.notices import Notice, Step
from flowjoy.analysis.signals import Spike
from flowjoy.distribution import DriftCheck, DriftStatus, FeatureDrift
from flowjoy.findings import find
from flowjoy.model import AlertState, Status
from flowjoy.report.alarm_list import markdown, section
from flowjoy.report.alarm_words import words
from flowjoy.report.letter import letters
from flowjoy.report.slack_message import MOST_SECTIONS, blocks, escaped, fallback, marks
from tests.builders import a_bundle, a_deploy, a_ship, an_obligation, at
from tests.core.test_alarms import a_week

FINDINGS = find(a_bundle([a_deploy()], [a_ship(1)], until=at(100)))


def a_notice(kind: AlarmKind, about: object, step: Step = Step.NEW, **changes: object) -> Notice:
    alarm = Alarm(kind=kind, subject="2024-06-10", key=f"shop/{kind}/2024-06-10", began=at(90), about=about)  # type: ignore[arg-type]  # builder
    return Notice(alarm=replace(alarm, **changes), step=step)  # type: ignore[arg-type]  # builder


def test_divergence__is_said_as_the_promise_to_the_team_says_it() -> None:
    said = words(a_notice(AlarmKind.DIVERGENCE, a_week(1, code=9, model=4)), FINDINGS)
    assert f"{said.icon} {said.title}" == "⚠️ Model cadence lagging by 5 deploys"
    assert said.what == "Week of Jun 10: 9 code and 4 model deploys."
    assert said.since == "Since the week of Jun 10."


def test_divergence__for_the_second_week_says_the_48_hour_spike() -> None:
    notice = a_notice(AlarmKind.DIVERGENCE, a_week(1, code=9, model=4), Step.ESCALATION, escalated=True)
    said = words(notice, FINDINGS)
    assert said.title == "Second week running: Model cadence lagging by 5 deploys"
    assert "run a 48-hour spike to containerise the training job" in said.move


def test_spike__says_against_what() -> None:
    spike = Spike(week=a_week(1), hours=4.5, usual_hours=2, before_hours=3, sudden=True, trending=False)
    said = words(a_notice(AlarmKind.MTTR_SPIKE, spike), FINDINGS)
    assert said.title == "Unified MTTR 4.5 h in the week of Jun 10"
    assert said.what == "4.5 h, usually 2.0 h, over 1 resolved incident of code and models."


def test_drift__names_the_worst_feature_its_figure_and_the_threshold() -> None:
    feature = FeatureDrift(name="age", status=DriftStatus.OVER, kl_nats=0.35)
    check = DriftCheck(
        model="recommender",
        version="12",
        at=at(99),
        status=DriftStatus.DRIFT,
        threshold=0.1,
        min_samples=200,
        features=(feature,),
    )
    said = words(a_notice(AlarmKind.DRIFT, check), FINDINGS)
    assert said.title == "Live data drifts from training data: recommender"
    assert said.what == "recommender v12: KL divergence of age is 0.350 nats, the threshold 0.1."
    assert "Over in two checks running" in said.since
    over = words(a_notice(AlarmKind.DRIFT, check, Step.RECOVERY), FINDINGS)
    assert over.title == "Live data look like training data again: recommender"


@pytest.mark.parametrize(
    ("status", "title", "what"),
    [
        (Status.MET, "recommender was shipped", "shipped after 4 h 0 m"),
        (Status.CANCELLED, "recommender is no longer owed", "the code was rolled back in time"),
        (Status.UNDETERMINED, "recommender is no longer owed", "undetermined"),
    ],
)
def test_recovery__says_how_it_ended(status: Status, title: str, what: str) -> None:
    item = an_obligation(status=status, shipped_at=at(4) if status is Status.MET else None)
    said = words(a_notice(AlarmKind.BREACH, item, Step.RECOVERY), FINDINGS)
    assert (said.icon, said.title) == ("✅", title)
    assert what in said.what


def test_recovery__of_what_is_gone_says_so() -> None:
    said = words(a_notice(AlarmKind.BREACH, None, Step.RECOVERY), FINDINGS)
    assert said.what == "What it was about is no longer there."


def test_letter__of_hundreds_of_releases_is_one_message_within_slacks_limits() -> None:
    notices = [
        a_notice(AlarmKind.BREACH, an_obligation(hours, status=Status.BREACHED), key=f"shop/breach/{hours}")
        for hours in range(300)
    ]
    (letter,) = letters(notices, FINDINGS, {"check": "https://github.com/acme/shop"})
    made = blocks(letter)
    assert letter.title == "🔴 recommender: 300 releases past the deadline"
    assert len(made) <= 50
    assert "… and 260 more releases" in made[-2]["text"]["text"]
    assert len(marks({"blocks": made})) == MOST_SECTIONS
    assert all(len(block["text"]["text"]) <= 3000 for block in made if "text" in block)


def test_marks__of_what_is_no_message_of_ours_are_none() -> None:
    for message in ({}, {"blocks": None}, {"blocks": [1, {"block_id": 5}, {"block_id": "flowjoy-x-new"}]}):
        assert marks(message) == ()


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 7, 50])
def test_escaped__never_ends_within_an_entity_nor_beyond_the_limit(limit: int) -> None:
    text = escaped("<&>" * 20, limit)
    assert len(text) <= limit
    assert text.removesuffix("…").replace("&lt;", "").replace("&amp;", "").replace("&gt;", "") == ""


def test_fallback__is_escaped_too() -> None:
    item = an_obligation(status=Status.BREACHED, model="<!channel>")
    (letter,) = letters([a_notice(AlarmKind.BREACH, item)], FINDINGS, {})
    assert "<" not in fallback(letter)
    assert "&lt;!channel&gt;" in fallback(letter)


def test_list__names_what_rings_and_who_was_told_and_is_left_out_where_nothing_rings() -> None:
    assert section(FINDINGS) is None
    assert markdown(FINDINGS) == ""
    broken = find(a_bundle([a_deploy()], [], until=at(60)))
    (alarm,) = broken.scene.ringing
    told = AlertState(key=alarm.key, step=Step.NEW, at=datetime(2024, 6, 5, 10, tzinfo=UTC), sink="slack")
    broken = replace(broken, bundle=replace(broken.bundle, alerts=(told, replace(told, sink=""))))
    shown = section(broken)
    assert shown is not None
    ((name, what, _, move, by),) = shown.tables[0].rows
    assert (name.text, by.text) == ("promise broken", "Slack Wed 05 Jun 10:00 UTC")
    assert what.text.startswith("recommender for release sha-")
    assert move.text.startswith("data people: ship a new version of recommender")
    assert "🔴 <code>The 48 h promise is broken&#58; recommender</code>" in markdown(broken)
