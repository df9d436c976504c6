"""Sends due alerts to every destination that the inputs configure, each step once, and records what was sent.

A destination is sent the kinds of alerts that it takes, and every recovery. If it fails, the run warns, the others are
still sent theirs, and the next run tries again. `sinks/__init__` lists the destinations; `publish` decides whether this
run may send, and writes checks, comment and artifact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flowjoy.analysis.alerts.lifecycle import AlertStep, Notification, adopted, due_notifications
from flowjoy.analysis.results import Results, with_alerts
from flowjoy.domain import AlertState
from flowjoy.errors import HarvestError
from flowjoy.pipeline.alert_candidates import may_have_fired, possible_keys
from flowjoy.pipeline.change_events import key_prefix, send_changes
from flowjoy.report.content.alert_messages import AlertMessage, alert_message
from flowjoy.report.escaping import clean
from flowjoy.report.links import Links
from flowjoy.report.slack_blocks import digest
from flowjoy.sinks import ALERT_SINKS
from flowjoy.sinks.base import AlertContext, AlertSink
from flowjoy.sinks.pagerduty_events import PagerDutyEvents

_RESOLVED_WITHIN = timedelta(days=2)
_MAX_RESOLVED = 50
_MIN_SECONDS = 1.0
_ONE_RUN = timedelta(minutes=15)
"""The ledger has the time of the run, Slack that of the message."""

_MAX_OUTAGES, _MAX_FAILURES = 3, 10
_NO_LEDGER = "the ledger, which records what was sent, cannot be read or kept: see the warning about it"


@dataclass(frozen=True, kw_only=True)
class AlertHistory:
    """The ledger's knowledge of alerts.

    `complete`: it records everything that was sent, and will record what this run sends. `initialised`: an earlier run
    wrote it, so that anything it does not contain is new.
    """

    complete: bool
    initialised: bool


def raise_alerts(results: Results) -> Results:
    """Record the alerts that are new to the ledger, for the output `alerts`, wherever else they are sent."""
    now = results.bundle.generated_at
    # An earlier run raised what it sent, even if no ledger says so any more.
    known = [replace(state, sink="") for state in results.bundle.alerts if not state.sink or state.at < now]
    raised = [
        AlertState(key=notification.alert.key, step=notification.step.value, at=now, releases=notification.joined)
        for notification in due_notifications(results.alerts, known, now)
    ]
    return with_alerts(results, (*results.bundle.alerts, *raised))


def send(results: Results, new_context: Callable[[], AlertContext], links: Links, history: AlertHistory) -> Results:
    """Send every destination its due notifications; return the results with what was sent.

    Each destination has a context and a time budget of its own: one that stalls must not delay the pager.
    """
    deduplicating = []
    for create in ALERT_SINKS:
        context = new_context()
        sink = create(context)
        if sink is None:
            continue
        with _warning_on_failure(sink, context):
            results = _send_due(sink, results, context, links, history)
        if isinstance(sink, PagerDutyEvents):
            with _warning_on_failure(sink, context):
                results = send_changes(sink, results, context, links.of_run, complete=history.complete)
        deduplicating += [(sink, context)] if sink.deduplicates else []
    # Last, because what one destination was sent shows what another may have been sent.
    for sink, context in deduplicating if not (history.complete and history.initialised) else ():
        with _warning_on_failure(sink, context):
            _resolve_possible(sink, results, context, links, history)
    return results


@contextmanager
def _warning_on_failure(sink: AlertSink, context: AlertContext) -> Iterator[None]:
    """Turn every failure of a destination into a warning: none may change the verdict or stop another destination."""
    try:
        yield
    except HarvestError as problem:
        context.warn(problem.advised)
    except Exception as problem:  # noqa: BLE001  (a bug in a sink must not change the verdict)
        context.warn(f"{sink.label}: failed ({type(problem).__name__}); please report this")


def _send_due(sink: AlertSink, results: Results, context: AlertContext, links: Links, history: AlertHistory) -> Results:
    due = _due(sink, results)
    if sink.can_recall and (due or not history.initialised):
        results = _with_recalled(sink, results, context, history)
        due = _due(sink, results)
    elif due and not history.complete:
        if not sink.deduplicates:
            raise HarvestError(f"{sink.label}: no alert is sent, because earlier ones are unknown", hint=_NO_LEDGER)
        context.warn(f"{sink.label}: an alert that is resolved by hand fires again ({_NO_LEDGER})")
    messages = [alert_message(notification, results, links) for notification in due]
    sent = tuple(_sent(sink, messages, context, results.bundle.generated_at))
    return with_alerts(results, (*results.bundle.alerts, *sent)) if sent else results


def _due(sink: AlertSink, results: Results) -> list[Notification]:
    """Return the alerts of its kinds, and every recovery: the inputs may have named a kind when it was sent."""
    due = due_notifications(results.alerts, _states_of(sink, results), results.bundle.generated_at)
    return [item for item in due if item.step is AlertStep.RECOVERY or item.alert.kind in sink.kinds]


def _sent(
    sink: AlertSink, messages: Sequence[AlertMessage], context: AlertContext, at: datetime
) -> Iterator[AlertState]:
    """Yield a state for each alert that was sent. Failed sends are not recorded, so the next run retries them."""
    failures = 0
    for index, message in enumerate(messages):
        if context.transport.budget.left() < _MIN_SECONDS:
            left = len(messages) - index
            context.warn(f"{sink.label}: the next run sends the other {left}, because the time was used up")
            return
        try:
            receipt = sink.send(message)
        except HarvestError as problem:
            context.warn(problem.advised)
            failures += 1
            # One rejected message must not stop the others; an outage does.
            if failures >= (_MAX_OUTAGES if problem.is_transient else _MAX_FAILURES):
                return
        except Exception as problem:  # noqa: BLE001  (what was sent before must be recorded)
            context.warn(f"{sink.label}: failed ({type(problem).__name__}); please report this")
            return
        else:
            alert, step = message.notification.alert, message.step.value
            if receipt.sent:
                context.log(f"{sink.label}: sent {alert.kind.value} of {clean(alert.subject)} ({step})")
            yield AlertState(
                key=alert.key, step=step, at=at, sink=sink.name, ref=receipt.ref, releases=receipt.releases
            )


def _resolve_possible(
    sink: AlertSink, results: Results, context: AlertContext, links: Links, history: AlertHistory
) -> None:
    """Without a ledger: resolve what may have fired and is over. Resolving what never fired has no effect."""
    now = results.bundle.generated_at
    known = {state.key for state in _states_of(sink, results)}
    since = now - _RESOLVED_WITHIN
    # A first run has sent nothing; what another destination was sent shows that this run is not the first.
    fired = {state.key: state.releases for state in results.bundle.alerts if state.sink not in ("", sink.name)}
    fired |= {} if history.complete else may_have_fired(results, since)
    assumed = [
        AlertState(key=key, step=AlertStep.NEW.value, at=since, sink=sink.name, releases=releases)
        for key, releases in fired.items()
        if key not in known and not key.startswith(key_prefix(results.bundle.service))
    ]
    alerts = with_alerts(results, (*results.bundle.alerts, *assumed)).alerts
    resolved = [item for item in due_notifications(alerts, assumed, now) if item.step is AlertStep.RECOVERY]
    messages = [alert_message(notification, results, links) for notification in resolved[:_MAX_RESOLVED]]
    tuple(_sent(sink, messages, context, now))  # not recorded: it is unknown whether they fired


def _with_recalled(sink: AlertSink, results: Results, context: AlertContext, history: AlertHistory) -> Results:
    """Return the results with what the destination itself contains. If it cannot be read, the ledger must suffice."""
    bundle = results.bundle
    try:
        recalled = sink.recall({digest(name): name for name in possible_keys(results)})
    except HarvestError as problem:
        if not history.complete:
            raise
        context.warn(f"{problem.advised}: until then two concurrent runs may send the same alert")
        return results
    recalled = adopted(recalled, repository=bundle.repository, service=bundle.service)
    known = _states_of(sink, results)
    new = [state for state in recalled if not any(_is_same(state, other) for other in known)]
    return with_alerts(results, (*bundle.alerts, *new)) if new else results


def _is_same(one: AlertState, other: AlertState) -> bool:
    """Return whether a message of the channel is one that the ledger records; a key may occur in several episodes."""
    same_step = (one.key, one.step) == (other.key, other.step)
    return same_step and abs(one.at - other.at) <= _ONE_RUN


def _states_of(sink: AlertSink, results: Results) -> list[AlertState]:
    return [state for state in results.bundle.alerts if state.sink == sink.name]
