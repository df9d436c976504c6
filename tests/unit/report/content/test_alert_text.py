"""The text of alerts: what happened, since when, who has to do what, and the way out; inert in every destination."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from slack_sdk.models.blocks import Block

from flowjoy.analysis.alerts.alert import Alert, WaitingReleases
from flowjoy.analysis.alerts.lifecycle import AlertStep, Notification
from flowjoy.analysis.flow.divergence_and_spikes import Spike
from flowjoy.analysis.results import Results, analyse
from flowjoy.domain import AlertState, ModelGap, Status, Waiver
from flowjoy.domain.alerts import AlertKind
from flowjoy.domain.drift import DriftCheck, DriftStatus, FeatureDrift
from flowjoy.report.content.alert_messages import alert_message
from flowjoy.report.content.alert_text import alert_text
from flowjoy.report.content.alerts import firing_alerts, section
from flowjoy.report.links import Links
from flowjoy.report.prose import plain
from flowjoy.report.slack_blocks import Mark, blocks, digest, escaped, fallback, mark_of, marks
from tests.builders import a_bundle, a_coverage, a_deploy, a_ship, a_stub_file, an_incident, an_obligation, at
from tests.unit.analysis.alerts.test_conditions import a_week
from tests.unit.report.rendered import read, summary

FINDINGS = analyse(a_bundle([a_deploy()], [a_ship(1)], until=at(100)))
SHA, OTHER = "a" * 40, "b" * 40
LINKS = Links(
    repository="https://github.com/acme/shop",
    check="https://github.com/acme/shop/commit/1/checks",
    run="https://github.com/acme/shop/actions/runs/1",
    stub="https://github.com/acme/shop/edit/main/flowjoy.json",
)


def a_notice(kind: AlertKind, about: object, step: AlertStep = AlertStep.NEW, **changes: object) -> Notification:
    alert = Alert(kind=kind, subject="2024-06-10", key=f"shop/{kind}/2024-06-10", began=at(90), about=about)  # type: ignore[arg-type]  # builder
    return Notification(alert=replace(alert, **changes), step=step)  # type: ignore[arg-type]  # builder


def broken(*shas: str, hours: float = 50, owner: str | None = None, **terms: Any) -> Results:
    """A promise that is broken for these releases, an hour apart; `owner` as the default branch's stub names it."""
    entry = {"requires": "any", **({"owner": owner} if owner is not None else {})}
    return analyse(
        a_bundle(
            [a_deploy(hour, sha) for hour, sha in enumerate(shas or (SHA,))],
            until=at(hours),
            first_trusted_at=at(),
            terms={"model_source": "a registry", **terms},
            stubs={"HEAD": a_stub_file(json.dumps({"models": {"recommender": entry}}))},
        )
    )


def firing(results: Results, step: AlertStep = AlertStep.NEW) -> Notification:
    """The notice of the one alert that fires."""
    (alert,) = results.alerts.firing
    about = alert.about
    assert isinstance(about, WaitingReleases)
    return Notification(alert=alert, step=step, joined=about.releases)


def test_breach__says_which_release_since_when_who_ships_what_and_the_way_out() -> None:
    text = alert_text(firing(broken()), broken())
    assert text.title == "recommender · 2 h overdue"
    assert text.facts == (
        "Release aaaaaaaaaaaa was deployed Mon 03 Jun 09:00 UTC; a new version of recommender was due by "
        "Wed 05 Jun 09:00 UTC and has not shipped."
    )
    assert text.next_step == "Data team: ship a new version of recommender (register it in MLflow)."
    assert text.emergency.startswith("Pull requests are blocked where the check is required. In an emergency, ")
    assert text.since == "Wed 05 Jun 09:00 UTC"


def test_breach__that_blocks_no_merge_promises_to_unblock_none() -> None:
    text = alert_text(firing(broken()), broken(enforce=False))
    assert text.emergency.startswith("If it cannot ship soon, add a waiver to flowjoy.json on the default branch.")


def test_breach__counts_the_releases_that_wait_and_names_the_others() -> None:
    text = alert_text(firing(broken(SHA, OTHER)), broken(SHA, OTHER))
    assert text.title == "recommender · 2 h overdue, 2 releases wait"
    assert text.facts.endswith("Also waiting: bbbbbbbbbbbb (1 h overdue). One new version settles all of them.")
    assert text.summary == (
        "recommender is 2 h overdue (since Wed 05 Jun 09:00 UTC): 2 releases wait for a new version"
    )


def test_at_risk__says_what_is_left_and_how_to_keep_the_promise() -> None:
    text = alert_text(firing(broken(hours=37)), broken(hours=37))
    assert (text.icon, text.title) == ("🟠", "recommender · due in 11 h")
    assert text.move.endswith("by Wed 05 Jun 09:00 UTC.")
    assert text.emergency.startswith("If it cannot ship in time, add a waiver")


def test_reminder__is_named_in_the_title() -> None:
    assert alert_text(firing(broken(), AlertStep.REMINDER), broken()).title == "recommender · reminder: 2 h overdue"


@pytest.mark.parametrize(
    ("signal", "source", "how"),
    [
        ("registered", "a registry", " (register it in MLflow)"),
        ("alias:champion", "a registry", " (move the alias champion to it)"),
        ("stage:Production", "a registry", " (move it to the stage Production)"),
        ("tag:live_since", "a registry", " (set the tag live_since on it)"),
        ("registered", "", ""),
    ],
)
def test_next_step__says_how_a_version_ships(signal: str, source: str, how: str) -> None:
    results = replace(FINDINGS, bundle=a_bundle(terms={"model_signal": signal, "model_source": source}))
    assert f"ship a new version of recommender{how}." in alert_text(waiting(1), results).move


@pytest.mark.parametrize(("requires", "needed"), [("12", "version 12"), (">=12", "version 12 or higher")])
def test_next_step__names_the_version_that_is_required(requires: str, needed: str) -> None:
    item = an_obligation(status=Status.BREACHED, requires=requires)
    text = alert_text(a_notice(AlertKind.BREACH, WaitingReleases(model="recommender", items=(item,))), FINDINGS)
    assert f"ship {needed} of recommender" in text.move
    assert f"{needed} of recommender was due" in text.facts


# Owners


@pytest.mark.parametrize(
    ("owner", "mentioned", "actor"),
    [
        ("U0123ABC", "<@U0123ABC>", "data team (Slack user U0123ABC)"),
        ("W012A3CDE", "<@W012A3CDE>", "data team (Slack user W012A3CDE)"),
        ("S0614TZR7", "<!subteam^S0614TZR7>", "data team (Slack group S0614TZR7)"),
        ("ranking team", "", "ranking team"),
        ("SCIENCE", "", "SCIENCE"),
        ("UNDERWRITING", "", "UNDERWRITING"),
        ("U0123", "", "U0123"),
        ("U0123ABC> <!channel", "", "U0123ABC> <!channel"),
        ("<!here>", "", "<!here>"),
        ("@octo-org/admins", "", "@octo-org/admins"),
        ("U\u0660123ABC", "", "U\u0660123ABC"),
        (None, "", "data team"),
    ],
)
def test_owner__is_mentioned_in_slack_by_a_valid_id_alone_and_named_elsewhere(
    owner: str | None, mentioned: str, actor: str
) -> None:
    results = broken(owner=owner)
    message = alert_message(firing(results), results, LINKS)
    _, _, heading, step, _ = blocks(message)
    assert heading["text"] == {"type": "mrkdwn", "text": f"*Next:* {mentioned}".strip(), "verbatim": True}
    assert step["text"]["type"] == "plain_text"
    assert ("<" in step["text"]["text"], ">" in step["text"]["text"]) == (False, False)
    assert step["text"]["text"].startswith("Ship a new version") is bool(mentioned)
    (alert,) = firing_alerts(results)
    assert alert.owner == actor
    assert alert.next_step.startswith(f"{actor[0].upper()}{actor[1:]}: ship a new version of recommender")


@pytest.mark.parametrize("step", list(AlertStep))
def test_owner__is_mentioned_by_the_steps_that_ask_for_something_now(step: AlertStep) -> None:
    results = broken(owner="U0123ABC")
    made = json.dumps(blocks(alert_message(firing(results, step), results, LINKS)))
    is_asked = step in (AlertStep.NEW, AlertStep.UPDATE, AlertStep.REMINDER, AlertStep.ESCALATION)
    assert ("<@U0123ABC>" in made) is is_asked


# Weeks


def test_divergence__is_worded_as_promised_to_the_team() -> None:
    text = alert_text(a_notice(AlertKind.DIVERGENCE, a_week(1, code=9, model=4)), FINDINGS)
    assert f"{text.icon} {text.title}" == "⚠️ Model cadence lagging by 5 deploys · week of Jun 10"
    assert text.facts == (
        "In the week of Jun 10, 9 code deploys and 4 model deploys went live: "
        "a gap of 5, more than 50 % of the code deploys."
    )
    assert text.since == "week of Jun 10"


@pytest.mark.parametrize(
    ("code", "model", "counts"),
    [
        (4, 1, "4 code deploys and 1 model deploy"),
        (4, 0, "4 code deploys and 0 model deploys"),
        (1, 1, "1 code deploy and 1 model deploy"),
    ],
)
def test_divergence__counts_agree_with_their_noun(code: int, model: int, counts: str) -> None:
    text = alert_text(a_notice(AlertKind.DIVERGENCE, a_week(1, code=code, model=model)), FINDINGS)
    assert text.facts.startswith(f"In the week of Jun 10, {counts} went live: a gap of {code - model}, ")


def test_divergence__for_the_second_week_says_the_48_hour_spike() -> None:
    notice = a_notice(AlertKind.DIVERGENCE, a_week(1, code=9, model=4), AlertStep.ESCALATION, escalated=True)
    text = alert_text(notice, FINDINGS)
    assert text.title == "Model cadence lagging by 5 deploys · second week in a row"
    assert "run a 48-hour spike to containerise the training job" in text.move
    assert text.facts.endswith("Models have lagged since the week of Jun 10.")


def test_spike__says_against_what() -> None:
    spike = Spike(week=a_week(1), hours=4.5, usual_hours=2, before_hours=3, sudden=True, trending=False)
    text = alert_text(a_notice(AlertKind.MTTR_SPIKE, spike), FINDINGS)
    assert text.title == "Unified MTTR · 4.5 h, usually 2.0 h, week of Jun 10"
    assert "was 4.5 h, usually 2.0 h (1 resolved; code and models together)" in text.facts
    assert text.next_step.startswith("Ops: review these incidents with the data team")


def test_spike__counts_incidents_that_are_still_open() -> None:
    week = replace(a_week(1), incidents=3, resolved=1)
    spike = Spike(week=week, hours=4.5, usual_hours=2, before_hours=3, sudden=True, trending=False)
    assert "(1 resolved, 2 still open;" in alert_text(a_notice(AlertKind.MTTR_SPIKE, spike), FINDINGS).facts


# Drift


def a_check(*features: FeatureDrift) -> DriftCheck:
    return DriftCheck(
        model="recommender",
        version="12",
        at=at(99),
        status=DriftStatus.DRIFT,
        threshold=0.1,
        min_samples=200,
        features=features or (FeatureDrift(name="age", status=DriftStatus.OVER, kl_nats=0.35),),
    )


def test_drift__names_the_worst_feature_its_figure_and_the_threshold() -> None:
    text = alert_text(a_notice(AlertKind.DRIFT, a_check()), FINDINGS)
    assert text.title == "recommender · live data has drifted (age: 3.5 times the threshold)"
    assert text.facts.startswith(
        "KL divergence of age between live data and the training data of recommender v12 is 0.350 nats, over the "
        "threshold of 0.1 in two consecutive checks, most recently "
    )
    assert text.next_step == "Data team: check age in the live data, then retrain recommender on recent data."
    over = alert_text(a_notice(AlertKind.DRIFT, a_check(), AlertStep.RECOVERY), FINDINGS)
    assert over.title == "recommender · live data matches training data again"


def test_drift__names_the_other_features_that_are_over_the_threshold() -> None:
    features = [FeatureDrift(name=name, status=DriftStatus.OVER, kl_nats=0.2) for name in ("age", "city", "income")]
    ok = FeatureDrift(name="height", status=DriftStatus.OK, kl_nats=0.01)
    for count, named in ((2, "1 more feature is over it: city."), (3, "2 more features are over it: city, income.")):
        text = alert_text(a_notice(AlertKind.DRIFT, a_check(*features[:count], ok)), FINDINGS)
        assert text.facts.endswith(named)


@pytest.mark.parametrize(
    ("ships", "incidents", "result"),
    [
        ({1: "11", 41: "12"}, (), "roll back to v11 (live until Wed 05 Jun 02:00 UTC, no incident in that time)."),
        ({1: "11", 41: "12"}, (10,), "roll back to v11 (live until Wed 05 Jun 02:00 UTC, 1 incident in that time)."),
        ({1: "10", 20: "11", 41: "12"}, (25,), "roll back to v10 (live until Tue 04 Jun 05:00 UTC, no incident in"),
        ({1: "12"}, (), "There is no earlier version to roll back to: v12 is the only one in the window."),
        ({}, (), "There is no earlier version to roll back to: v12 is the only one in the window."),
    ],
)
def test_drift__names_the_version_to_roll_back_to_or_says_that_there_is_none(
    ships: dict[int, str], incidents: tuple[int, ...], result: str
) -> None:
    results = analyse(
        a_bundle(
            [a_deploy()],
            [a_ship(hours, version) for hours, version in ships.items()],
            [an_incident(hours) for hours in incidents],
            until=at(100),
            coverage=(a_coverage("code"), a_coverage("models"), a_coverage("incidents")),
        )
    )
    assert result in alert_text(a_notice(AlertKind.DRIFT, a_check()), results).emergency


def test_drift__claims_no_record_where_incidents_are_unknown() -> None:
    results = analyse(a_bundle([a_deploy()], [a_ship(1, "11"), a_ship(41, "12")], until=at(100)))
    text = alert_text(a_notice(AlertKind.DRIFT, a_check()), results)
    assert text.emergency == "If predictions suffer, roll back to v11 (live until Wed 05 Jun 02:00 UTC)."
    assert text.summary.endswith("; if predictions suffer, roll back to v11")


@pytest.mark.parametrize(
    ("status", "title", "what"),
    [
        (Status.MET, "recommender · shipped in time", "v7 shipped after 4 h"),
        (Status.LATE, "recommender · shipped 12 h late", "v7 shipped 12 h late"),
        (
            Status.CANCELLED,
            "recommender · no longer needed, the code was rolled back",
            "the code was rolled back in time",
        ),
        (Status.UNDETERMINED, "recommender · shipped, but it is unknown whether in time", "undetermined"),
    ],
)
def test_recovery__says_how_it_ended(status: Status, title: str, what: str) -> None:
    shipped_at = {Status.MET: at(4), Status.LATE: at(60)}.get(status)
    item = an_obligation(status=status, shipped_at=shipped_at, version="7")
    about = WaitingReleases(model="recommender", items=(item,))
    text = alert_text(a_notice(AlertKind.BREACH, about, AlertStep.RECOVERY), FINDINGS)
    assert (text.icon, text.title) == ("☑️" if status is Status.LATE else "✅", title)
    assert what in text.facts
    is_unclear = status is Status.UNDETERMINED
    assert text.next_step.startswith("Data team: set the tag flowjoy.deployed_at of v7") is is_unclear
    assert ("re-run their failed job" in text.next_step) is not is_unclear


def test_recovery__of_what_blocked_nothing_asks_for_no_re_run() -> None:
    about = WaitingReleases(model="recommender", items=(an_obligation(status=Status.MET, shipped_at=at(4)),))
    text = alert_text(a_notice(AlertKind.AT_RISK, about, AlertStep.RECOVERY), FINDINGS)
    assert text.next_step == "Nothing to do: the alert is resolved."


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        (AlertKind.BREACH, "recommender · broken promise: alert resolved"),
        (AlertKind.AT_RISK, "recommender · deadline at risk: alert resolved"),
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
    assert (text.title, text.facts) == (title, what)


def test_recovery__of_releases_that_are_unknown_blames_no_input() -> None:
    findings = analyse(a_bundle([a_deploy()], [], until=at(100), terms={"sla_since": at(24)}))
    text = alert_text(a_notice(AlertKind.BREACH, None, AlertStep.RECOVERY, subject="recommender"), findings)
    assert text.facts == "None of the releases that waited for recommender is judged any more."


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
    message = alert_message(waiting(releases), FINDINGS, LINKS)
    made = blocks(message)
    assert message.title == f"🔴 recommender · 52 h overdue, {releases} releases wait · acme/shop"
    assert marks({"blocks": made}) == (mark_of(message),)
    assert len(mark_of(message).releases) == releases
    assert sum(block["type"] == "divider" for block in made) == dividers
    assert ("others." in made[1]["text"]["text"]) is (releases > 10)
    ids = [block["block_id"] for block in made if "block_id" in block]
    assert len(made) <= 50
    assert len(set(ids)) == len(ids)
    assert all(len(name) <= 255 for name in ids)


def test_message__of_hostile_names_stays_below_what_slack_takes() -> None:
    """Slack refuses some thirteen thousand characters of text in one message, whatever its other limits say."""
    made = blocks(alert_message(waiting(200, "<" * 255), FINDINGS, LINKS))
    texts = [block["text"]["text"] for block in made if "text" in block]
    assert sum(map(len, texts)) < 12_000
    assert all(len(text) <= 3000 for text in texts)
    assert len(texts[0]) <= 150


def test_message__names_the_first_ten_releases() -> None:
    text = alert_text(waiting(12), FINDINGS).facts
    assert text.count("sha-2024") == 10
    assert "Also waiting: " in text
    assert " and 2 others." in text


def test_update__names_who_joins_and_how_many_wait_in_all() -> None:
    text = alert_text(waiting(5, step=AlertStep.UPDATE, joined=2), FINDINGS)
    assert text.title == "recommender · 2 more releases overdue, 5 in total"
    assert text.facts.count("sha-2024") == 2
    assert text.facts.endswith("5 releases wait in total; the first was due by Wed 05 Jun 09:00 UTC.")


def test_waiver__says_who_excused_which_release_why_and_until_when() -> None:
    waiver = Waiver(model="recommender", sha="*", reason="holiday freeze", by="data platform", until=at(200))
    item = an_obligation(status=Status.WAIVED, waiver=waiver)
    notice = a_notice(AlertKind.BREACH, WaitingReleases(model="recommender", items=(item,)), AlertStep.WAIVER)
    text = alert_text(replace(notice, joined=(item.code_id,)), FINDINGS)
    assert (text.icon, text.title) == ("⏸️", "recommender · waived, not shipped yet")
    waived = "until Tue 11 Jun 17:00 UTC: holiday freeze, approved by data platform"
    assert text.facts == f"A waiver on recommender excuses release {str(item.sha)[:12]} {waived}."
    assert text.next_step.startswith("Data team: ship a new version of recommender before the waiver ends")


def test_divergence__of_several_models_names_the_one_that_lags() -> None:
    lagging = ModelGap(model="ranker", code_deploys=5, ships=1, diverges=True)
    week = replace(a_week(1, code=5, model=20), gap=4, models=20, lagging=lagging, furthest=lagging)
    text = alert_text(a_notice(AlertKind.DIVERGENCE, week), FINDINGS)
    assert text.title == "ranker cadence lagging by 4 deploys · week of Jun 10"
    assert text.facts.startswith("In the week of Jun 10, 5 code deploys needed ranker, and 1 version of it shipped: ")
    assert "package ranker in the same CI job" in text.move


def test_marks__stay_as_they_are_because_earlier_messages_are_recognised_by_them() -> None:
    made = blocks(alert_message(waiting(13), FINDINGS, LINKS))
    first, second = (block["block_id"] for block in made if "block_id" in block)
    assert first.startswith("flowjoy2-new-6c17e01d63b1331f-7071a32018312ae3-")
    assert (first.count("-"), second.rpartition("-")[0]) == (14, "flowjoy2-new-6c17e01d63b1331f")
    assert second.endswith(".1")


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
    text = fallback(alert_message(waiting(1, "<!channel>"), FINDINGS, LINKS))
    assert "<" not in text
    assert "&lt;!channel&gt;" in text
    assert text.startswith("🔴 &lt;!channel&gt; · 52 h overdue · acme/shop. Release sha-")


def test_escaped__cuts_only_what_is_too_long() -> None:
    assert escaped("abc", 3) == "abc"
    assert escaped("abcd", 3) == "ab…"
    assert escaped("", 1) == ""


def test_list__names_firing_alerts_and_destinations_and_is_left_out_without_one() -> None:
    assert section(FINDINGS) is None
    assert "### Alerts" not in summary(FINDINGS)
    results = analyse(a_bundle([a_deploy()], [], until=at(60), first_trusted_at=at(0)))
    (alert,) = results.alerts.firing
    sent = AlertState(key=alert.key, step=AlertStep.NEW, at=datetime(2024, 6, 5, 10, tzinfo=UTC), sink="slack")
    results = replace(results, bundle=replace(results.bundle, alerts=(sent, replace(sent, sink=""))))
    shown = section(results)
    assert shown is not None
    ((name, what, since, by),) = shown.tables[0].rows
    assert (name.text, plain(by.text)) == ("promise broken", "Slack Wed 05 Jun 10:00 UTC")
    assert (plain(what.text), since.text) == ("recommender did not ship in time", "Wed 05 Jun 09:00 UTC")
    assert read(summary(results)).count("Data team: ship a new version of recommender") == 1
    assert "| ❌ promise broken | recommender did not ship in time | Wed 05 Jun 09:00 UTC | Slack" in read(
        summary(results)
    )


@pytest.mark.parametrize("releases", [1, 200])
def test_message__is_valid_by_the_block_models_of_slacks_own_client(releases: int) -> None:
    made = blocks(alert_message(waiting(releases, "<" * 255), FINDINGS, LINKS))
    parsed = Block.parse_all(made)
    for block in parsed:
        assert block is not None
        block.validate_json()
    assert [block.to_dict() for block in parsed] == made


# Links


def test_links__lead_to_check_report_release_and_stub_and_never_to_a_download() -> None:
    results = broken()
    links = alert_message(firing(results), results, LINKS).links
    assert links == {
        "Open the check": LINKS.check,
        "Open the report": LINKS.run,
        "Open the release": f"https://github.com/acme/shop/commit/{SHA}",
        "Add a waiver": LINKS.stub,
    }
    assert not any("artifacts" in address for address in links.values())


def test_links__leave_out_what_is_unknown_or_needs_no_step() -> None:
    assert alert_message(waiting(1), FINDINGS, Links(repository="https://github.com/acme/shop")).links == {}
    for step in (AlertStep.WAIVER, AlertStep.RECOVERY):
        assert "Add a waiver" not in alert_message(firing(broken(), step), FINDINGS, LINKS).links
    week = a_notice(AlertKind.DIVERGENCE, a_week(1, code=9, model=4))
    assert list(alert_message(week, FINDINGS, LINKS).links) == ["Open the check", "Open the report"]


def test_origin__names_the_service_where_it_differs_from_the_repository() -> None:
    results = replace(FINDINGS, bundle=replace(FINDINGS.bundle, service="checkout"))
    assert alert_message(waiting(1), results, LINKS).title.endswith(" · acme/shop · checkout")
