"""The text of alerts: what happened, since when, and who has to act; inert in every destination."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from flowjoy.analysis.alerts.alert import Alert, WaitingReleases
from flowjoy.analysis.alerts.lifecycle import AlertStep, Notification
from flowjoy.analysis.flow.divergence_and_spikes import Spike
from flowjoy.analysis.results import analyse
from flowjoy.domain import AlertState, ModelGap, Status
from flowjoy.domain.alerts import AlertKind
from flowjoy.domain.drift import DriftCheck, DriftStatus, FeatureDrift
from flowjoy.report.content.alert_messages import alert_message
from flowjoy.report.content.alert_text import alert_text
from flowjoy.report.content.alerts import markdown, section
from flowjoy.report.slack_blocks import Mark, blocks, digest, escaped, fallback, mark_of, marks
from tests.builders import a_bundle, a_deploy, a_ship, an_obligation, at
from tests.unit.analysis.alerts.test_conditions import a_week

FINDINGS = analyse(a_bundle([a_deploy()], [a_ship(1)], until=at(100)))


def a_notice(kind: AlertKind, about: object, step: AlertStep = AlertStep.NEW, **changes: object) -> Notification:
    alert = Alert(kind=kind, subject="2024-06-10", key=f"shop/{kind}/2024-06-10", began=at(90), about=about)  # type: ignore[arg-type]  # builder
    return Notification(alert=replace(alert, **changes), step=step)  # type: ignore[arg-type]  # builder


def test_divergence__is_worded_as_promised_to_the_team() -> None:
    text = alert_text(a_notice(AlertKind.DIVERGENCE, a_week(1, code=9, model=4)), FINDINGS)
    assert f"{text.icon} {text.title}" == "⚠️ Model cadence lagging by 5 deploys"
    assert text.what == "Week of Jun 10: 9 code and 4 model deploys."
    assert text.since == "Since the week of Jun 10."


@pytest.mark.parametrize(
    ("code", "model", "counts"),
    [(4, 1, "4 code and 1 model deploy"), (4, 0, "4 code and 0 model deploys"), (1, 1, "1 code and 1 model deploy")],
)
def test_divergence__counts_agree_with_their_noun(code: int, model: int, counts: str) -> None:
    text = alert_text(a_notice(AlertKind.DIVERGENCE, a_week(1, code=code, model=model)), FINDINGS)
    assert text.what == f"Week of Jun 10: {counts}."


def test_divergence__for_the_second_week_says_the_48_hour_spike() -> None:
    notice = a_notice(AlertKind.DIVERGENCE, a_week(1, code=9, model=4), AlertStep.ESCALATION, escalated=True)
    text = alert_text(notice, FINDINGS)
    assert text.title == "Second week in a row: Model cadence lagging by 5 deploys"
    assert "run a 48-hour spike to containerise the training job" in text.move


def test_spike__says_against_what() -> None:
    spike = Spike(week=a_week(1), hours=4.5, usual_hours=2, before_hours=3, sudden=True, trending=False)
    text = alert_text(a_notice(AlertKind.MTTR_SPIKE, spike), FINDINGS)
    assert text.title == "Unified MTTR 4.5 h in the week of Jun 10"
    assert text.what == "4.5 h, usually 2.0 h, over 1 resolved incident of code and models."


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
    text = alert_text(a_notice(AlertKind.DRIFT, check), FINDINGS)
    assert text.title == "Live data has drifted from training data: recommender"
    assert text.what == "recommender v12: KL divergence of age is 0.350 nats; the threshold is 0.1."
    assert "Over the threshold in two consecutive checks" in text.since
    over = alert_text(a_notice(AlertKind.DRIFT, check, AlertStep.RECOVERY), FINDINGS)
    assert over.title == "Live data matches training data again: recommender"


@pytest.mark.parametrize(
    ("status", "title", "what"),
    [
        (Status.MET, "recommender was shipped", "shipped after 4 h 0 m"),
        (Status.CANCELLED, "recommender is no longer owed", "the code was rolled back in time"),
        (Status.UNDETERMINED, "recommender was shipped; it is unknown whether before the deadline", "undetermined"),
    ],
)
def test_recovery__says_how_it_ended(status: Status, title: str, what: str) -> None:
    item = an_obligation(status=status, shipped_at=at(4) if status is Status.MET else None)
    about = WaitingReleases(model="recommender", items=(item,))
    text = alert_text(a_notice(AlertKind.BREACH, about, AlertStep.RECOVERY), FINDINGS)
    assert (text.icon, text.title) == ("✅", title)
    assert what in text.what


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        (AlertKind.BREACH, "Broken promise: alert resolved for recommender"),
        (AlertKind.AT_RISK, "Deadline at risk: alert resolved for recommender"),
    ],
)
@pytest.mark.parametrize(
    ("since", "what"),
    [
        (at(24), "`sla-since` is now 2024-06-04, so the releases of recommender before it no longer count."),
        (at(-24), "None of the releases that waited for recommender is judged any more."),
        (None, "None of the releases that waited for recommender is judged any more."),
    ],
)
def test_recovery__of_releases_that_are_judged_no_more_names_kind_model_and_reason(
    kind: AlertKind, title: str, since: datetime | None, what: str
) -> None:
    deploy = a_deploy()
    key = f"acme/shop/shop/{kind}/recommender"
    sent = AlertState(key=key, step=AlertStep.NEW.value, at=at(1), sink="slack", releases=(deploy.id,))
    bundle = a_bundle([deploy], [], until=at(100), terms={"sla_since": since}, alerts=(sent,))
    text = alert_text(a_notice(kind, None, AlertStep.RECOVERY, subject="recommender", key=key), analyse(bundle))
    assert (text.title, text.what) == (title, what)


def test_recovery__of_releases_that_are_unknown_blames_no_input() -> None:
    findings = analyse(a_bundle([a_deploy()], [], until=at(100), terms={"sla_since": at(24)}))
    text = alert_text(a_notice(AlertKind.BREACH, None, AlertStep.RECOVERY, subject="recommender"), findings)
    assert text.what == "None of the releases that waited for recommender is judged any more."


def waiting(
    releases: int, model: str = "recommender", step: AlertStep = AlertStep.NEW, joined: int | None = None
) -> Notification:
    """The notice of so many releases that wait for one model; `joined`: how many of the last it names."""
    items = tuple(an_obligation(hours, status=Status.BREACHED, model=model) for hours in range(releases))
    notice = a_notice(AlertKind.BREACH, WaitingReleases(model=model, items=items), step)
    named = items if joined is None else items[len(items) - joined :]
    return replace(notice, joined=tuple(item.code_id for item in named))


@pytest.mark.parametrize(("releases", "dividers"), [(10, 0), (12, 0), (13, 1), (200, 16)])
def test_message__of_many_releases_is_one_message_within_slacks_limits_and_marks_each(
    releases: int, dividers: int
) -> None:
    message = alert_message(waiting(releases), FINDINGS, {"check": "https://github.com/acme/shop"})
    made = blocks(message, "shop")
    assert message.title == f"🔴 recommender: {releases} releases past the deadline"
    assert marks({"blocks": made}) == (mark_of(message),)
    assert len(mark_of(message).releases) == releases
    assert sum(block["type"] == "divider" for block in made) == dividers
    assert ("… and" in made[1]["text"]["text"]) is (releases > 10)
    ids = [block["block_id"] for block in made if "block_id" in block]
    assert len(made) <= 50
    assert len(set(ids)) == len(ids)
    assert all(len(name) <= 255 for name in ids)


def test_message__of_hostile_names_stays_below_what_slack_takes() -> None:
    """Slack refuses some thirteen thousand characters of text in one message, whatever its other limits say."""
    made = blocks(alert_message(waiting(200, "<" * 255), FINDINGS, {}), "<" * 255)
    texts = [block["text"]["text"] for block in made if "text" in block]
    assert sum(map(len, texts)) < 12_000
    assert all(len(text) <= 3000 for text in texts)
    assert len(texts[0]) <= 150


def test_message__names_the_first_ten_releases() -> None:
    text = alert_text(waiting(12), FINDINGS).what
    assert text.count("release sha-") == 10
    assert text.endswith("… and 2 more releases.")


def test_update__names_who_joins_and_how_many_wait_in_all() -> None:
    text = alert_text(waiting(5, step=AlertStep.UPDATE, joined=2), FINDINGS)
    assert text.title == "recommender: 2 more releases past the deadline, 5 in total"
    assert text.what.count("release sha-") == 2


def test_waiver__says_who_excused_which_release_why_and_until_when() -> None:
    waiver = "holiday freeze (data platform, until 2026-12-31T00:00:00Z)"
    item = an_obligation(status=Status.WAIVED, waiver=waiver)
    notice = a_notice(AlertKind.BREACH, WaitingReleases(model="recommender", items=(item,)), AlertStep.WAIVER)
    text = alert_text(replace(notice, joined=(item.code_id,)), FINDINGS)
    assert (text.icon, text.title) == ("⏸️", "recommender is excused by a waiver")
    assert text.what == f"recommender for release {str(item.sha)[:12]}: {waiver}."


def test_divergence__of_several_models_names_the_one_that_lags() -> None:
    lagging = ModelGap(model="ranker", code_deploys=5, ships=1, diverges=True)
    week = replace(a_week(1, code=5, model=20), gap=4, models=20, lagging=lagging, furthest=lagging)
    text = alert_text(a_notice(AlertKind.DIVERGENCE, week), FINDINGS)
    assert text.title == "ranker cadence lagging by 4 deploys"
    assert text.what == "Week of Jun 10: 5 code deploys that require ranker, and 1 ship of it."


def test_marks__of_what_is_no_message_of_ours_are_none() -> None:
    for message in ({}, {"blocks": None}, {"blocks": [1, {"block_id": 5}, {"block_id": "flowjoy-x-new"}]}):
        assert not marks(message)


def test_marks__of_an_older_version_name_one_key_each() -> None:
    one, two = digest("shop/breach/1"), digest("shop/breach/2")
    result = marks({"blocks": [{"block_id": f"flowjoy-new-{one}-{two}"}]})
    assert result == (Mark(key=one, step="new"), Mark(key=two, step="new"))


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 7, 50])
def test_escaped__never_ends_within_an_entity_nor_beyond_the_limit(limit: int) -> None:
    text = escaped("<&>" * 20, limit)
    assert len(text) <= limit
    assert text.removesuffix("…").replace("&lt;", "").replace("&amp;", "").replace("&gt;", "") == ""


def test_fallback__is_escaped_too() -> None:
    text = fallback(alert_message(waiting(1, "<!channel>"), FINDINGS, {}), "shop")
    assert "<" not in text
    assert "&lt;!channel&gt;" in text
    assert text.startswith("shop: 🔴 The 48 h promise is broken")


def test_escaped__cuts_only_what_is_too_long() -> None:
    assert escaped("abc", 3) == "abc"
    assert escaped("abcd", 3) == "ab…"
    assert escaped("", 1) == ""


def test_list__names_firing_alerts_and_destinations_and_is_left_out_without_one() -> None:
    assert section(FINDINGS) is None
    assert markdown(FINDINGS) == ""
    broken = analyse(a_bundle([a_deploy()], [], until=at(60), first_trusted_at=at(0)))
    (alert,) = broken.alerts.firing
    sent = AlertState(key=alert.key, step=AlertStep.NEW, at=datetime(2024, 6, 5, 10, tzinfo=UTC), sink="slack")
    broken = replace(broken, bundle=replace(broken.bundle, alerts=(sent, replace(sent, sink=""))))
    shown = section(broken)
    assert shown is not None
    ((name, what, _, move, by),) = shown.tables[0].rows
    assert (name.text, by.text) == ("promise broken", "Slack Wed 05 Jun 10:00 UTC")
    assert what.text.startswith("recommender for release sha-")
    assert move.text.startswith("data team: ship a new version of recommender")
    assert "🔴 promise broken: <code>recommender for release sha" in markdown(broken)
