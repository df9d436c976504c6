"""Alerts by a bot, against Slack's Web API on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from flowjoy.analysis.alerts.lifecycle import AlertStep
from flowjoy.errors import FaultKind, HarvestError
from flowjoy.report.slack_blocks import digest
from flowjoy.sinks.slack_bot import SlackBot, examine
from tests.builders import at
from tests.fakes.faults import EmptyBody, Reset
from tests.fakes.http_base import Answer, Fault
from tests.fakes.slack import CHANNEL, TOKEN, SlackStandIn
from tests.unit.sinks.conftest import Run, a_message


@pytest.fixture
def slack() -> Iterator[SlackStandIn]:
    with SlackStandIn() as stand_in:
        stand_in.clock = at(60)
        yield stand_in


def inputs_of(slack: SlackStandIn, **changes: str) -> dict[str, str]:
    return {"slack_token": TOKEN, "slack_channel": CHANNEL, "slack_api_url": slack.api_url, **changes}


def sink_of(run: Run, slack: SlackStandIn, **changes: str) -> SlackBot:
    sink = SlackBot.create(run.alert_context(**inputs_of(slack, **changes)))
    assert sink is not None
    return sink


def names() -> dict[str, str]:
    """The keys and releases that a run looks for, by their digests."""
    notification = a_message().notification
    return {digest(name): name for name in (notification.alert.key, *notification.joined)}


def test_create__without_a_token_gives_no_sink(run: Run) -> None:
    assert SlackBot.create(run.alert_context()) is None


def test_sink__can_be_read_and_does_not_deduplicate(run: Run, slack: SlackStandIn) -> None:
    sink = sink_of(run, slack)
    assert (sink.can_recall, sink.deduplicates, sink.label) == (True, False, f"Slack {CHANNEL}")


def test_send__posts_to_the_channel_with_the_chart_in_the_thread(run: Run, slack: SlackStandIn) -> None:
    receipt = sink_of(run, slack).send(a_message())
    (posted,) = slack.messages
    assert slack.titles == [a_message().title]
    assert receipt.ref == f"{CHANNEL}/{posted['ts']}"
    (file,) = slack.files.values()
    assert (file.name, file.thread) == ("unified_flow.png", posted["ts"])
    assert file.content.startswith(b"\x89PNG")


def test_chart__is_attached_to_the_first_message_of_a_run_only(run: Run, slack: SlackStandIn) -> None:
    sink = sink_of(run, slack)
    first = a_message()
    alert = replace(first.notification.alert, key="acme/shop/breach/other")
    sink.send(first)
    sink.send(replace(first, notification=replace(first.notification, alert=alert)))
    assert (len(slack.messages), len(slack.files)) == (2, 1)


@pytest.mark.parametrize("problem", ["scope", "drawing"])
def test_chart__that_cannot_be_attached_is_a_warning(run: Run, slack: SlackStandIn, problem: str) -> None:
    def broken() -> bytes:
        raise ZeroDivisionError

    if problem == "scope":
        slack.scopes -= {"files:write"}
    else:
        run.draw = broken
    assert sink_of(run, slack).send(a_message()).sent
    assert ("files:write" if problem == "scope" else "ZeroDivisionError") in run.warnings[0]


@pytest.mark.parametrize(("step", "broadcast"), [(AlertStep.REMINDER, False), (AlertStep.ESCALATION, True)])
def test_thread__gets_later_steps_and_only_an_escalation_is_shown_in_the_channel(
    run: Run, slack: SlackStandIn, step: AlertStep, *, broadcast: bool
) -> None:
    sink = sink_of(run, slack)
    ref = sink.send(a_message()).ref
    receipt = sink.send(a_message(step, ref=ref))
    assert (slack.messages[1]["thread_ts"], slack.messages[1]["reply_broadcast"]) == (ref.partition("/")[2], broadcast)
    assert receipt.ref == ref


@pytest.mark.parametrize("ref", [f"{CHANNEL}/1709371000.000001", "C0ANOTHER/1709371000.000001"])
def test_thread__that_is_gone_or_of_another_channel_is_begun_anew(run: Run, slack: SlackStandIn, ref: str) -> None:
    receipt = sink_of(run, slack).send(a_message(AlertStep.REMINDER, ref=ref))
    (posted,) = slack.messages
    assert "thread_ts" not in posted
    assert receipt.ref == f"{CHANNEL}/{posted['ts']}"


def test_send__of_a_silent_step_posts_nothing(run: Run, slack: SlackStandIn) -> None:
    receipt = sink_of(run, slack).send(a_message(silent=True, ref=f"{CHANNEL}/1.0"))
    assert (receipt.sent, receipt.ref, slack.requests) == (False, f"{CHANNEL}/1.0", [])


def test_concurrent_runs__leave_the_first_message(run: Run, slack: SlackStandIn) -> None:
    receipts = [sink_of(run, slack).send(a_message()) for _ in range(2)]
    assert len(slack.messages) == 1
    assert receipts[0].ref == receipts[1].ref
    assert receipts[0].releases == receipts[1].releases


def test_concurrent_runs__are_those_of_the_last_ten_minutes(run: Run, slack: SlackStandIn) -> None:
    slack.clock = at(59)
    sink_of(run, slack).send(a_message())
    slack.clock = at(60)
    sink_of(run, slack).send(a_message())
    assert len(slack.messages) == 2


@pytest.mark.parametrize("fault", [Answer(502), Answer(200, {"ok": True}), Answer(200, {"ok": True, "ts": "soon"})])
def test_send__that_was_not_confirmed_is_searched_for_and_then_repeated(
    run: Run, slack: SlackStandIn, fault: Fault
) -> None:
    slack.fail("chat.postMessage", fault=fault)
    sink_of(run, slack).send(a_message())
    assert len(slack.messages) == 1
    assert slack.count(path_contains="conversations.history") >= 1


@pytest.mark.parametrize("fault", [Reset(), EmptyBody()], ids=repr)
def test_send__that_keeps_failing_is_an_error_after_two_tries(run: Run, slack: SlackStandIn, fault: Fault) -> None:
    slack.fail("chat.postMessage", times=None, fault=fault)
    with pytest.raises(HarvestError, match=r"Slack chat\.postMessage") as problem:
        sink_of(run, slack).send(a_message())
    assert problem.value.is_transient
    assert slack.count(path_contains="chat.postMessage") == 2


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"ok": False, "error": "not_in_channel"}, FaultKind.PERMISSION),
        ({"ok": False, "error": "invalid_auth"}, FaultKind.AUTH),
        ({"ok": False, "error": "missing_scope", "needed": "chat:write"}, FaultKind.PERMISSION),
        ({"ok": False, "error": "something_else"}, FaultKind.REFUSED),
    ],
)
def test_refusal__is_not_repeated_and_names_the_code_and_the_scope(
    run: Run, slack: SlackStandIn, answer: dict[str, Any], kind: FaultKind
) -> None:
    slack.fail("chat.postMessage", times=None, fault=Answer(200, answer))
    with pytest.raises(HarvestError, match=answer["error"]) as problem:
        sink_of(run, slack).send(a_message())
    assert (problem.value.kind, answer.get("needed", "") in str(problem.value)) == (kind, True)
    assert slack.count(path_contains="chat.postMessage") == 1


def test_rate_limit__is_known_by_its_kind(run: Run, slack: SlackStandIn) -> None:
    limit = Answer(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "3600"})
    slack.fail("chat.postMessage", times=None, fault=limit)
    with pytest.raises(HarvestError) as problem:
        sink_of(run, slack).send(a_message())
    assert problem.value.kind is FaultKind.RATE_LIMIT


def test_recall__finds_what_was_sent_in_the_channel_and_in_threads(run: Run, slack: SlackStandIn) -> None:
    sink = sink_of(run, slack)
    ref = sink.send(a_message()).ref
    sink.send(a_message(AlertStep.REMINDER, ref=ref))
    states = sink_of(run, slack).recall(names())
    assert {(state.step, state.ref, state.sink) for state in states} == {
        ("new", ref, "slack"),
        ("reminder", ref, "slack"),
    }
    assert {state.key for state in states} == {a_message().notification.alert.key}


def test_recall__believes_no_message_of_others(run: Run, slack: SlackStandIn) -> None:
    sink_of(run, slack).send(a_message())
    copied = slack.messages.pop()
    slack.write(blocks=copied["blocks"])
    assert sink_of(run, slack).recall(names()) == ()


@pytest.mark.parametrize("odd", [{"bot_id": []}, {"bot_id": {}, "user": 5}, {"ts": "x"}, {"blocks": "x"}])
def test_recall__passes_over_messages_of_another_shape(run: Run, slack: SlackStandIn, odd: dict[str, Any]) -> None:
    sink_of(run, slack).send(a_message())
    body = {"ok": True, "messages": [odd, {}, *slack.messages]}
    slack.fail("conversations.history", times=None, fault=Answer(200, body))
    assert [state.step for state in sink_of(run, slack).recall(names())] == ["new"]


@pytest.mark.parametrize("body", [{"ok": True}, {"ok": True, "messages": "x"}, {"ok": True, "messages": [5]}, [], "x"])
def test_recall__of_an_answer_of_another_shape_is_an_error(run: Run, slack: SlackStandIn, body: Any) -> None:
    slack.fail("conversations.history", times=None, fault=Answer(200, body))
    with pytest.raises(HarvestError) as problem:
        sink_of(run, slack).recall(names())
    assert problem.value.kind is FaultKind.MALFORMED


@pytest.mark.matrix
def test_channel__may_be_given_by_its_name(run: Run, slack: SlackStandIn) -> None:
    assert sink_of(run, slack, slack_channel="#releases").send(a_message()).ref.startswith(f"{CHANNEL}/")
    with pytest.raises(HarvestError, match="nowhere"):
        sink_of(run, slack, slack_channel="nowhere").send(a_message())


def test_examine__names_the_scopes_that_are_missing(run: Run, slack: SlackStandIn) -> None:
    context = run.alert_context(**inputs_of(slack))
    assert examine(context.settings, context.transport).endswith(CHANNEL)
    slack.scopes -= {"files:write"}
    assert "files:write" in examine(context.settings, context.transport)
    slack.scopes -= {"chat:write"}
    with pytest.raises(HarvestError, match="chat:write"):
        examine(context.settings, context.transport)


def test_token__is_sent_to_slack_and_never_with_the_chart(run: Run, slack: SlackStandIn) -> None:
    sink_of(run, slack).send(a_message())
    uploads = [request for request in slack.requests if request.path.startswith("/upload/")]
    assert uploads
    assert all("authorization" not in request.headers for request in uploads)


def test_upload__to_another_host_is_refused_and_the_alert_remains(run: Run, slack: SlackStandIn) -> None:
    elsewhere = {"ok": True, "upload_url": "https://mallory.example/upload", "file_id": "F0"}
    slack.fail("files.getUploadURLExternal", times=None, fault=Answer(200, elsewhere))
    assert sink_of(run, slack).send(a_message()).sent
    assert "not Slack's" in run.warnings[0]
    assert "acme/shop" in slack.messages[0]["text"]


def test_answer__that_is_a_file_is_malformed(run: Run, slack: SlackStandIn) -> None:
    slack.fail(
        "conversations.history", times=None, fault=Answer(200, b"\x1f\x8b", {"Content-Type": "application/gzip"})
    )
    with pytest.raises(HarvestError, match="the answer is not an object"):
        sink_of(run, slack).recall(names())
