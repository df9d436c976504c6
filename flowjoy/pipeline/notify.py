"""Tells alerts where they are to be told, each step once, and says what was told. Nothing here decides the verdict."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

import pandas as pd

from flowjoy.analysis import timeline
from flowjoy.analysis.alerts.alert import AlertKind, home_of, key_of
from flowjoy.analysis.alerts.conditions import at_risk_from
from flowjoy.analysis.alerts.lifecycle import AlertStep, Notification, adopted, due_notifications
from flowjoy.analysis.flow.weeks import window_of
from flowjoy.analysis.results import Results, alerts_since, with_alerts
from flowjoy.domain import AlertState, EventType
from flowjoy.errors import HarvestError
from flowjoy.report.content.alert_messages import AlertMessage, alert_message
from flowjoy.report.slack_blocks import digest
from flowjoy.report.text import clean
from flowjoy.sinks import ALERT_SINKS
from flowjoy.sinks.base import AlertContext, AlertSink, ReleaseChange
from flowjoy.sinks.pagerduty_events import PagerDutyEvents

CHANGED = "change"
"""The step under which the ledger knows that a change was told."""

CHANGES_WITHIN = timedelta(days=7)
MOST_CHANGES = 20
_MOST_LOOKED_AT = 200
_CHANGES_KEPT = timedelta(days=9)
_RECALLED_WEEKS = 8
_ENDED_WITHIN = timedelta(days=2)
_MOST_ENDED = 50
_LEAST_SECONDS = 1.0
_ONE_RUN = timedelta(minutes=15)
"""A run notes its own instant, and Slack that of the message."""

_MOST_FAILURES, _MOST_REFUSALS = 3, 10
_MEMORY = "what was sent stands in the ledger, which cannot be read or kept: see the warning about it"


@dataclass(frozen=True, kw_only=True)
class AlertHistory:
    """What the ledger is good for. `sure`: all that was told is known, and what is told now will be.

    `begun`: an earlier run wrote it, so that what it does not hold is new.
    """

    sure: bool
    begun: bool


def raise_alerts(findings: Results) -> Results:
    """The run's own word: which alerts are new to the ledger. For the output `alerts`, whoever else is told."""
    now = findings.bundle.generated_at
    # What others were told by earlier runs was raised then, also where no ledger says so any more.
    known = [replace(state, sink="") for state in findings.bundle.alerts if not state.sink or state.at < now]
    raised = [
        AlertState(key=notice.alert.key, step=notice.step.value, at=now, releases=notice.joined)
        for notice in due_notifications(findings.alerts, known, now)
    ]
    return with_alerts(findings, (*findings.bundle.alerts, *raised))


def send(
    findings: Results, new_errand: Callable[[], AlertContext], links: Mapping[str, str], memory: AlertHistory
) -> Results:
    """Tell every destination what it is still to be told; the findings with what was told.

    Each has an errand, and with it a time, of its own: one that stalls must not keep the pager from ringing.
    """
    folding = []
    for make in ALERT_SINKS:
        errand = new_errand()
        sink = make(errand)
        if sink is None:
            continue
        with _guarded(sink, errand):
            findings = _tell(sink, findings, errand, links, memory)
        if isinstance(sink, PagerDutyEvents):
            with _guarded(sink, errand):
                findings = _tell_changes(sink, findings, errand, links, memory)
        folding += [(sink, errand)] if sink.folds else []
    # Last, because what one destination was sent proves what another can have been sent.
    for sink, errand in folding if not (memory.sure and memory.begun) else ():
        with _guarded(sink, errand):
            _end_what_may_ring(sink, findings, errand, links, memory)
    return findings


@contextmanager
def _guarded(sink: AlertSink, errand: AlertContext) -> Iterator[None]:
    """End every failure of a destination as a warning: none may change the verdict, or keep another from ringing."""
    try:
        yield
    except HarvestError as problem:
        errand.warn(problem.advised)
    except Exception as problem:  # noqa: BLE001  (a bug in a sink must not change the verdict)
        errand.warn(f"{sink.label}: failed ({type(problem).__name__}); please report this")


def _tell(
    sink: AlertSink, findings: Results, errand: AlertContext, links: Mapping[str, str], memory: AlertHistory
) -> Results:
    notices = _due(sink, findings)
    if sink.recalls and (notices or not memory.begun):
        findings = _with_recalled(sink, findings, errand, memory)
        notices = _due(sink, findings)
    elif notices and not memory.sure:
        if not sink.folds:
            raise HarvestError(f"{sink.label}: nothing is sent, because it is unknown what was", hint=_MEMORY)
        errand.warn(f"{sink.label}: an alert that somebody resolves by hand fires again ({_MEMORY})")
    letters = [alert_message(notice, findings, links) for notice in notices]
    sent = tuple(_sent_by(sink, letters, errand, findings.bundle.generated_at))
    return with_alerts(findings, (*findings.bundle.alerts, *sent)) if sent else findings


def _due(sink: AlertSink, findings: Results) -> list[Notification]:
    notices = due_notifications(findings.alerts, _of(sink, findings), findings.bundle.generated_at)
    return [notice for notice in notices if sink.takes(notice)]


def _sent_by(
    sink: AlertSink, waiting: Sequence[AlertMessage], errand: AlertContext, at: datetime
) -> Iterator[AlertState]:
    """Yield what could be sent. What could not is not noted, so that the next run tries again."""
    failures = 0
    for place, message in enumerate(waiting):
        if errand.transport.budget.left() < _LEAST_SECONDS:
            errand.warn(f"{sink.label}: the next run sends the other {len(waiting) - place}, the time was used up")
            return
        try:
            receipt = sink.tell(message)
        except HarvestError as problem:
            errand.warn(problem.advised)
            failures += 1
            # One that is refused for itself must not keep the others from being sent; an outage does.
            if failures >= (_MOST_FAILURES if problem.is_transient else _MOST_REFUSALS):
                return
        except Exception as problem:  # noqa: BLE001  (what was sent before must be noted)
            errand.warn(f"{sink.label}: failed ({type(problem).__name__}); please report this")
            return
        else:
            alert, step = message.notification.alert, message.step.value
            if receipt.sent:
                errand.log(f"{sink.label}: sent {alert.kind.value} of {clean(alert.subject)} ({step})")
            yield AlertState(
                key=alert.key, step=step, at=at, sink=sink.name, ref=receipt.ref, releases=receipt.releases
            )


def _end_what_may_ring(
    sink: AlertSink, findings: Results, errand: AlertContext, links: Mapping[str, str], memory: AlertHistory
) -> None:
    """Without a ledger: end what can have fired and is over. An end of what never fired does nothing."""
    now = findings.bundle.generated_at
    known = {state.key for state in _of(sink, findings)}
    begun = now - _ENDED_WITHIN
    # A first run has sent nothing; what another destination was sent proves that it is none.
    fired = {state.key: state.releases for state in findings.bundle.alerts if state.sink not in ("", sink.name)}
    fired |= {} if memory.sure else _can_have_fired(findings, begun)
    assumed = [
        AlertState(key=key, step=AlertStep.NEW.value, at=begun, sink=sink.name, releases=releases)
        for key, releases in fired.items()
        if key not in known and not key.startswith(f"{findings.bundle.service}/{CHANGED}/")
    ]
    scene = with_alerts(findings, (*findings.bundle.alerts, *assumed)).alerts
    over = [notice for notice in due_notifications(scene, assumed, now) if notice.step is AlertStep.RECOVERY]
    ends = [alert_message(notice, findings, links) for notice in over[:_MOST_ENDED]]
    tuple(_sent_by(sink, ends, errand, now))  # and not noted: it is unknown whether they fired


def _with_recalled(sink: AlertSink, findings: Results, errand: AlertContext, memory: AlertHistory) -> Results:
    """Return the findings with what the destination itself holds. Where it cannot say, the ledger must be sure."""
    bundle = findings.bundle
    try:
        seen = sink.recall({digest(name): name for name in _candidates(findings)})
    except HarvestError as problem:
        if not memory.sure:
            raise
        errand.warn(f"{problem.advised}: until then two runs at once may send the same")
        return findings
    seen = adopted(seen, repository=bundle.repository, service=bundle.service)
    known = _of(sink, findings)
    new = [state for state in seen if not any(_is_same(state, other) for other in known)]
    return with_alerts(findings, (*bundle.alerts, *new)) if new else findings


def _is_same(one: AlertState, other: AlertState) -> bool:
    """Whether a message of the channel is one that the ledger knows; a key may live more than once."""
    same_step = (one.key, one.step) == (other.key, other.step)
    return same_step and abs(one.at - other.at) <= _ONE_RUN


def _can_have_fired(findings: Results, since: datetime) -> dict[str, tuple[str, ...]]:
    """Return the keys that can have fired lately: weeks that diverged or spiked, and clocks that ended `since`."""
    home, first = home_of(findings.bundle.repository, findings.bundle.service), alerts_since(findings.bundle)
    if first is None:
        return {}
    fired: dict[str, tuple[str, ...]] = {}
    before = [week for week in findings.weeks if not week.partial][:-1]
    for week in takewhile(lambda week: week.diverges, reversed(before)):
        fired[key_of(home, AlertKind.DIVERGENCE, week.week.isoformat())] = ()
    for spike in findings.spikes:
        if spike.week in before[-1:]:
            fired[key_of(home, AlertKind.MTTR_SPIKE, spike.week.week.isoformat())] = ()
    for item in findings.obligations:
        ended_at = item.closed_at or findings.bundle.generated_at
        if first <= item.deadline < ended_at >= since:
            key = key_of(home, AlertKind.BREACH, item.model)
            fired[key] = (*fired.get(key, ()), item.code_id)
        if at_risk_from(item) >= first and min(ended_at, item.deadline) >= since:
            key = key_of(home, AlertKind.AT_RISK, item.model)
            fired[key] = (*fired.get(key, ()), item.code_id)
    return fired


def _candidates(findings: Results) -> Iterable[str]:
    """Return every key that there can have been lately, also those of an older FlowJoy; and the releases."""
    bundle = findings.bundle
    home, old = home_of(bundle.repository, bundle.service), bundle.service
    promise = (AlertKind.BREACH, AlertKind.AT_RISK)
    monday = window_of(bundle.generated_at, weeks=1, timezone=bundle.window.timezone).since
    days = [(monday - timedelta(weeks=n) + timedelta(hours=12)).date() for n in range(_RECALLED_WEEKS)]
    weeks = [day - timedelta(days=day.weekday()) for day in days]
    shared = [(kind, week.isoformat()) for week in weeks for kind in (AlertKind.DIVERGENCE, AlertKind.MTTR_SPIKE)]
    if bundle.drift is not None:
        shared.append((AlertKind.DRIFT, bundle.drift.model))
    subjects = [(kind, item.model) for item in findings.obligations for kind in promise]
    owed = [(kind, item.id) for item in findings.obligations for kind in promise]
    ringing = (alert.key for alert in findings.alerts.firing)
    keys = (key_of(home, kind, subject) for kind, subject in (*shared, *subjects))
    old_keys = (key_of(old, kind, subject) for kind, subject in (*shared, *owed))
    return dict.fromkeys([*ringing, *keys, *old_keys, *(item.code_id for item in findings.obligations)])


def _tell_changes(
    sink: PagerDutyEvents, findings: Results, errand: AlertContext, links: Mapping[str, str], memory: AlertHistory
) -> Results:
    """Every deploy and ship of the last week that was not told since the pager was set.

    The first run with a pager, and one without a ledger, cannot know what is new: it only notes what is there.
    """
    if not memory.sure:
        return findings
    now, bundle, since = findings.bundle.generated_at, findings.bundle, f"{findings.bundle.service}/{CHANGED}/"
    known = {state.key for state in bundle.alerts if state.step == CHANGED}
    new = [change for change in changes(findings) if change.key not in known]
    noted = [] if since in known else new
    for change in new[-MOST_CHANGES:] if since in known else ():
        try:
            sink.tell_change(change, links)
        except HarvestError as problem:
            errand.warn(problem.advised)
            break
        noted.append(change)
    keys = [since, *(change.key for change in noted)]
    states = (AlertState(key=key, step=CHANGED, at=now, sink=sink.name) for key in keys)
    fresh = now - _CHANGES_KEPT
    kept = (s for s in bundle.alerts if s.step != CHANGED or (s.at >= fresh and s.key != since))
    return with_alerts(findings, (*kept, *states))


def changes(findings: Results) -> Sequence[ReleaseChange]:
    """The events of the last days, oldest first, in words."""
    events = findings.events
    recent = events[events[timeline.TS] >= pd.Timestamp(findings.bundle.generated_at - CHANGES_WITHIN)]
    return [_change(row, findings.bundle.service) for row in recent.tail(_MOST_LOOKED_AT).to_dict("records")]


def _change(row: Mapping[Hashable, Any], service: str) -> ReleaseChange:
    sha, version = row[timeline.SHA], row[timeline.VERSION]
    if row[timeline.TYPE] == EventType.CODE:
        what = sha[:12] if isinstance(sha, str) else "a commit that is not known"
        what += " (in progress)" if row[timeline.PROVISIONAL] else ""
    else:
        what = row[timeline.NAME] + (f" v{version}" if isinstance(version, str) else "")
    return ReleaseChange(
        key=f"{service}/{CHANGED}/{row[timeline.ID]}",
        at=row[timeline.TS].to_pydatetime(),
        summary=f"{service}: {row[timeline.TYPE].lower()} {row[timeline.KIND]}: {clean(what)}",
        details={"type": row[timeline.TYPE], "kind": row[timeline.KIND], "what": what},
    )


def _of(sink: AlertSink, findings: Results) -> list[AlertState]:
    return [state for state in findings.bundle.alerts if state.sink == sink.name]
