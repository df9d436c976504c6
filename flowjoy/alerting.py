"""Tells alarms where they are to be told, each step once, and says what was told. Nothing here decides the verdict."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from flowjoy import events as timeline
from flowjoy.analysis.alarms import AlarmKind, key_of
from flowjoy.analysis.cadence import window_of
from flowjoy.analysis.notices import due
from flowjoy.errors import HarvestError
from flowjoy.findings import Findings, with_alerts
from flowjoy.model import AlertState, EventType
from flowjoy.report.letter import Letter, letters
from flowjoy.report.slack_message import digest
from flowjoy.report.words import clean
from flowjoy.sinks import ALARM_SINKS
from flowjoy.sinks.base import AlarmSink, Change, Errand
from flowjoy.sinks.pagerduty_alert import PagerDuty

CHANGED = "change"
"""The step under which the ledger knows that a change was told."""

CHANGES_WITHIN = timedelta(hours=24)
MOST_CHANGES = 20
_MOST_LOOKED_AT = 200
_CHANGES_KEPT = timedelta(days=3)
_RECALLED_WEEKS = 8
_MOST_FAILURES = 3


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What the ledger is good for. `sure`: all that was told is known, and what is told now will be.

    `begun`: an earlier run wrote it, so that what it does not hold is new.
    """

    sure: bool
    begun: bool


def raise_alarms(findings: Findings) -> Findings:
    """The run's own word: which alarms are new to the ledger. For the output `alerts`, whoever else is told."""
    now = findings.bundle.generated_at
    own = [state for state in findings.bundle.alerts if not state.sink]
    raised = [AlertState(key=n.alarm.key, step=n.step, at=now) for n in due(findings.scene, own, now)]
    return with_alerts(findings, (*findings.bundle.alerts, *raised))


def tell(findings: Findings, new_errand: Callable[[], Errand], links: Mapping[str, str], memory: Memory) -> Findings:
    """Tell every destination what it is still to be told; the findings with what was told.

    Each has an errand, and with it a time, of its own: one that stalls must not keep the pager from ringing.
    """
    for make in ALARM_SINKS:
        errand = new_errand()
        sink = make(errand)
        if sink is None:
            continue
        try:
            findings = _tell(sink, findings, errand, links, memory)
            if isinstance(sink, PagerDuty):
                findings = _tell_changes(sink, findings, links, memory)
        except HarvestError as problem:
            errand.warn(problem.advised)
        except Exception as problem:  # noqa: BLE001  (a bug in a sink must not change the verdict)
            errand.warn(f"{sink.label}: failed ({type(problem).__name__}); please report this")
    return findings


def _tell(sink: AlarmSink, findings: Findings, errand: Errand, links: Mapping[str, str], memory: Memory) -> Findings:
    now = findings.bundle.generated_at
    notices = due(findings.scene, _of(sink, findings), now)
    if sink.recalls and (notices or not memory.begun):
        findings = _with_recalled(sink, findings, errand, memory)
        notices = due(findings.scene, _of(sink, findings), now)
    elif notices and not sink.folds and not memory.sure:
        raise HarvestError(
            f"{sink.label}: nothing is told, because it is not known what was",
            hint="what was told stands in the ledger: see the warning about it, or use slack-token, which can look",
        )
    told: list[AlertState] = []
    failures = 0
    for letter in letters(notices, findings, links):
        try:
            told += _told(letter, sink.name, sink.tell(letter), now)
        except HarvestError as problem:
            # Not told, so not noted: the next run tries again.
            errand.warn(problem.advised)
            failures += 1
        if failures == _MOST_FAILURES:
            break
    return with_alerts(findings, (*findings.bundle.alerts, *told)) if told else findings


def _told(letter: Letter, sink: str, ref: str, at: datetime) -> Iterable[AlertState]:
    return (AlertState(key=notice.alarm.key, step=notice.step, at=at, sink=sink, ref=ref) for notice in letter.notices)


def _with_recalled(sink: AlarmSink, findings: Findings, errand: Errand, memory: Memory) -> Findings:
    """The findings with what the destination itself holds. Where it cannot say, the ledger must be sure."""
    try:
        seen = sink.recall({digest(key): key for key in _keys(findings)})
    except HarvestError as problem:
        if not memory.sure:
            raise
        errand.warn(f"{problem.advised}: two runs at once may tell the same")
        return findings
    known = {(state.key, state.step) for state in _of(sink, findings)}
    new = [state for state in seen if (state.key, state.step) not in known]
    return with_alerts(findings, (*findings.bundle.alerts, *new)) if new else findings


def _keys(findings: Findings) -> Iterable[str]:
    """Every alarm that there can have been lately, whether it rings or not."""
    bundle = findings.bundle
    subjects = [(kind, item.id) for item in findings.obligations for kind in (AlarmKind.BREACH, AlarmKind.AT_RISK)]
    monday = window_of(bundle.generated_at, weeks=1, timezone=bundle.window.timezone).since
    days = [(monday - timedelta(weeks=n) + timedelta(hours=12)).date() for n in range(_RECALLED_WEEKS)]
    weeks = [day - timedelta(days=day.weekday()) for day in days]
    subjects += [(kind, week.isoformat()) for week in weeks for kind in (AlarmKind.DIVERGENCE, AlarmKind.MTTR_SPIKE)]
    if bundle.drift is not None:
        subjects.append((AlarmKind.DRIFT, bundle.drift.model))
    ringing = (alarm.key for alarm in findings.scene.ringing)
    return dict.fromkeys([*ringing, *(key_of(bundle.service, kind, subject) for kind, subject in subjects)])


def _tell_changes(sink: PagerDuty, findings: Findings, links: Mapping[str, str], memory: Memory) -> Findings:
    """Every deploy and ship of the last day that was not told. A run without a ledger cannot know: it tells none."""
    now, bundle = findings.bundle.generated_at, findings.bundle
    known = {state.key for state in bundle.alerts if state.step == CHANGED}
    new = [change for change in changes(findings) if change.key not in known]
    if not memory.sure:
        return findings
    if memory.begun:
        new = new[-MOST_CHANGES:]
        for change in new:
            sink.tell_change(change, links)
    noted = (AlertState(key=change.key, step=CHANGED, at=now, sink=sink.name) for change in new)
    kept = (state for state in bundle.alerts if state.step != CHANGED or now - state.at <= _CHANGES_KEPT)
    return with_alerts(findings, (*kept, *noted))


def changes(findings: Findings) -> Sequence[Change]:
    """The events of the last day, oldest first, in words."""
    events = findings.events
    recent = events[events[timeline.TS] >= pd.Timestamp(findings.bundle.generated_at - CHANGES_WITHIN)]
    return [_change(row, findings.bundle.service) for row in recent.tail(_MOST_LOOKED_AT).to_dict("records")]


def _change(row: Mapping[Hashable, Any], service: str) -> Change:
    if row[timeline.TYPE] == EventType.CODE:
        what = str(row[timeline.SHA] or "")[:12] or "a commit that is not known"
    else:
        what = f"{row[timeline.NAME]} v{row[timeline.VERSION] or '?'}"
    return Change(
        key=f"{service}/{CHANGED}/{row[timeline.ID]}",
        at=row[timeline.TS].to_pydatetime(),
        summary=f"{service}: {row[timeline.TYPE].lower()} {row[timeline.KIND]}: {clean(what)}",
        details={"type": row[timeline.TYPE], "kind": row[timeline.KIND], "what": what},
    )


def _of(sink: AlarmSink, findings: Findings) -> list[AlertState]:
    return [state for state in findings.bundle.alerts if state.sink == sink.name]
