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
from flowjoy.report.slack_message import MOST_NOTICES, blocks, escaped, fallback, marks, marks_of
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
        (Status.UNDETERMINED, "recommender was shipped, and nobody can say whether in time", "undetermined"),
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


def waiting(releases: int, model: str = "recommender") -> list[Notice]:
    return [
        a_notice(
            AlarmKind.BREACH, an_obligation(hours, status=Status.BREACHED, model=model), key=f"shop/breach/{hours}"
        )
        for hours in range(releases)
    ]


@pytest.mark.parametrize(("releases", "dividers"), [(10, 0), (11, 0), (23, 0), (24, 1), (300, 22)])
def test_letter__of_many_releases_is_one_message_within_slacks_limits_and_marks_each(
    releases: int, dividers: int
) -> None:
    notices = waiting(releases)
    (letter,) = letters(notices, FINDINGS, {"check": "https://github.com/acme/shop"}, most=MOST_NOTICES)
    made = blocks(letter, "shop")
    assert letter.title == f"🔴 recommender: {releases} releases past the deadline"
    assert marks({"blocks": made}) == marks_of(letter)
    assert len(marks_of(letter)) == releases
    assert sum(block["type"] == "divider" for block in made) == dividers
    rest = [block["text"]["text"] for block in made if "… and" in str(block)]
    assert rest == (
        [f"… and {releases - 10} more releases"] if releases > 11 else ["… and 1 more release"][: releases - 10]
    )
    assert len(made) <= 50
    assert all(len(block.get("block_id", "")) <= 255 for block in made)


def test_letter__of_hostile_names_stays_below_what_slack_takes() -> None:
    """Slack refuses some thirteen thousand characters of text in one message, whatever its other limits say."""
    (letter,) = letters(waiting(300, "<" * 255), FINDINGS, {}, most=MOST_NOTICES)
    texts = [block["text"]["text"] for block in blocks(letter, "<" * 255) if "text" in block]
    assert sum(map(len, texts)) < 12_000
    assert all(len(text) <= 3000 for text in texts)
    assert len(texts[0]) <= 150


def test_letter__names_each_release_under_a_title_of_all_and_says_nothing_twice_of_one() -> None:
    (one,) = letters(waiting(1), FINDINGS, {}, most=9)
    (two,) = letters(waiting(2), FINDINGS, {}, most=9)
    title = "The 48 h promise is broken: recommender"
    assert [title in block["text"]["text"] for block in blocks(one, "shop")[:2]] == [True, False]
    assert [title in block["text"]["text"] for block in blocks(two, "shop")[1:3]] == [True, True]
    assert [block["type"] for block in blocks(one, "shop")] == ["header", "section", "context"]
    assert [text["type"] for text in blocks(one, "shop")[-1]["elements"]] == ["plain_text"]


def test_letters__hold_so_many_at_the_most() -> None:
    assert [len(letter.notices) for letter in letters(waiting(5), FINDINGS, {}, most=2)] == [2, 2, 1]


def test_letters__of_two_models_two_steps_or_two_threads_are_not_one() -> None:
    one, other = waiting(1)[0], waiting(1, "ranker")[0]
    assert len(letters([one, other], FINDINGS, {}, most=9)) == 2
    assert len(letters([one, replace(one, step=Step.REMINDER)], FINDINGS, {}, most=9)) == 2
    assert len(letters([one, replace(one, ref="C1/1.0")], FINDINGS, {}, most=9)) == 2
    assert len(letters([one, replace(one, quiet=True)], FINDINGS, {}, most=9)) == 2
    assert len(letters([one, one], FINDINGS, {}, most=9)) == 1


def test_marks__of_what_is_no_message_of_ours_are_none() -> None:
    for message in ({}, {"blocks": None}, {"blocks": [1, {"block_id": 5}, {"block_id": "flowjoy-x-new"}]}):
        assert not marks(message)


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 7, 50])
def test_escaped__never_ends_within_an_entity_nor_beyond_the_limit(limit: int) -> None:
    text = escaped("<&>" * 20, limit)
    assert len(text) <= limit
    assert text.removesuffix("…").replace("&lt;", "").replace("&amp;", "").replace("&gt;", "") == ""


def test_fallback__is_escaped_too() -> None:
    item = an_obligation(status=Status.BREACHED, model="<!channel>")
    (letter,) = letters([a_notice(AlarmKind.BREACH, item)], FINDINGS, {}, most=9)
    assert "<" not in fallback(letter, "shop")
    assert "&lt;!channel&gt;" in fallback(letter, "shop")
    assert fallback(letter, "shop").startswith("shop: 🔴 The 48 h promise is broken")


def test_escaped__cuts_only_what_is_too_long() -> None:
    assert escaped("abc", 3) == "abc"
    assert escaped("abcd", 3) == "ab…"
    assert escaped("", 1) == ""


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
    assert "🔴 promise broken: <code>recommender for release sha" in markdown(broken)
