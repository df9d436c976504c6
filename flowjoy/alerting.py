"""Tells alarms where they are to be told, each step once, and says what was told. Nothing here decides the verdict."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

import pandas as pd

from flowjoy import events as timeline
from flowjoy.analysis.alarms import AlarmKind, key_of
from flowjoy.analysis.cadence import window_of
from flowjoy.analysis.notices import Step, due
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

CHANGES_WITHIN = timedelta(days=7)
MOST_CHANGES = 20
_MOST_LOOKED_AT = 200
_CHANGES_KEPT = timedelta(days=9)
_RECALLED_WEEKS = 8
_ENDED_WITHIN = timedelta(days=2)
_MOST_ENDED = 50
_LEAST_SECONDS = 1.0
_MOST_FAILURES, _MOST_REFUSALS = 3, 10
_MEMORY = "what was told stands in the ledger, which cannot be read or kept: see the warning about it"


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
    # What others were told by earlier runs was raised then, also where no ledger says so any more.
    known = [replace(state, sink="") for state in findings.bundle.alerts if not state.sink or state.at < now]
    raised = [AlertState(key=n.alarm.key, step=n.step.value, at=now) for n in due(findings.scene, known, now)]
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
                findings = _tell_changes(sink, findings, errand, links, memory)
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
    elif notices and not memory.sure:
        if not sink.folds:
            raise HarvestError(f"{sink.label}: nothing is told, because it is not known what was", hint=_MEMORY)
        errand.warn(f"{sink.label}: an alarm that somebody resolves by hand rings again ({_MEMORY})")
    told = tuple(_told_by(sink, letters(notices, findings, links, most=sink.most), errand, now))
    findings = with_alerts(findings, (*findings.bundle.alerts, *told)) if told else findings
    if sink.folds and not (memory.sure and memory.begun):
        _end_what_may_ring(sink, findings, errand, links, memory)
    return findings


def _told_by(sink: AlarmSink, waiting: Sequence[Letter], errand: Errand, at: datetime) -> Iterator[AlertState]:
    """What could be told. What could not is not noted, so that the next run tries again."""
    failures = 0
    for place, letter in enumerate(waiting):
        if errand.transport.budget.left() < _LEAST_SECONDS:
            errand.warn(f"{sink.label}: the next run tells the other {len(waiting) - place}, the time was used up")
            return
        try:
            ref = sink.tell(letter)
        except HarvestError as problem:
            errand.warn(problem.advised)
            failures += 1
            # One that is refused for itself must not keep the others from being told; an outage does.
            if failures >= (_MOST_FAILURES if problem.passing else _MOST_REFUSALS):
                return
        except Exception as problem:  # noqa: BLE001  (what was told before must be noted)
            errand.warn(f"{sink.label}: failed ({type(problem).__name__}); please report this")
            return
        else:
            yield from _told(letter, sink.name, ref, at)


def _end_what_may_ring(
    sink: AlarmSink, findings: Findings, errand: Errand, links: Mapping[str, str], memory: Memory
) -> None:
    """Without a ledger: end what rang lately and is over, whoever was told. An end of what never rang does nothing."""
    now = findings.bundle.generated_at
    known = {state.key for state in _of(sink, findings)}
    begun = now - _ENDED_WITHIN
    keys = [key for key in _rang(findings, begun, sure=memory.sure) if key not in known]
    assumed = [AlertState(key=key, step=Step.NEW.value, at=begun, sink=sink.name) for key in keys]
    scene = with_alerts(findings, (*findings.bundle.alerts, *assumed)).scene
    over = [notice for notice in due(scene, assumed, now) if notice.step is Step.RECOVERY]
    ends = letters(over, findings, links, most=sink.most)[:_MOST_ENDED]
    tuple(_told_by(sink, ends, errand, now))  # and not noted: nobody knows whether they rang


def _told(letter: Letter, sink: str, ref: str, at: datetime) -> Iterable[AlertState]:
    steps = ((notice.alarm.key, notice.step.value) for notice in letter.notices)
    return (AlertState(key=key, step=step, at=at, sink=sink, ref=ref) for key, step in steps)


def _with_recalled(sink: AlarmSink, findings: Findings, errand: Errand, memory: Memory) -> Findings:
    """The findings with what the destination itself holds. Where it cannot say, the ledger must be sure."""
    try:
        seen = sink.recall({digest(key): key for key in _candidates(findings)})
    except HarvestError as problem:
        if not memory.sure:
            raise
        errand.warn(f"{problem.advised}: until then two runs at once may tell the same")
        return findings
    known = {(state.key, state.step) for state in _of(sink, findings)}
    new = [state for state in seen if (state.key, state.step) not in known]
    return with_alerts(findings, (*findings.bundle.alerts, *new)) if new else findings


def _rang(findings: Findings, since: datetime, *, sure: bool) -> Iterable[str]:
    """What must have rung lately: the weeks before the last one that diverge or spike, and clocks that ended since.

    A clock at risk is left out where this may be the first run of all (`sure`): its alarm is the least of them.
    """
    service = findings.bundle.service
    before = [week for week in findings.weeks if not week.partial][:-1]
    for week in takewhile(lambda week: week.diverges, reversed(before)):
        yield key_of(service, AlarmKind.DIVERGENCE, week.week.isoformat())
    for spike in findings.spikes:
        if spike.week in before[-1:]:
            yield key_of(service, AlarmKind.MTTR_SPIKE, spike.week.week.isoformat())
    for item in findings.obligations:
        ended_at = item.closed_at or findings.bundle.generated_at
        if item.deadline < ended_at >= since:
            yield key_of(service, AlarmKind.BREACH, item.id)
        if not sure and min(ended_at, item.deadline) >= since:
            yield key_of(service, AlarmKind.AT_RISK, item.id)


def _candidates(findings: Findings) -> Iterable[str]:
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


def _tell_changes(
    sink: PagerDuty, findings: Findings, errand: Errand, links: Mapping[str, str], memory: Memory
) -> Findings:
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


def changes(findings: Findings) -> Sequence[Change]:
    """The events of the last days, oldest first, in words."""
    events = findings.events
    recent = events[events[timeline.TS] >= pd.Timestamp(findings.bundle.generated_at - CHANGES_WITHIN)]
    return [_change(row, findings.bundle.service) for row in recent.tail(_MOST_LOOKED_AT).to_dict("records")]


def _change(row: Mapping[Hashable, Any], service: str) -> Change:
    sha, version = row[timeline.SHA], row[timeline.VERSION]
    if row[timeline.TYPE] == EventType.CODE:
        what = sha[:12] if isinstance(sha, str) else "a commit that is not known"
        what += " (in progress)" if row[timeline.PROVISIONAL] else ""
    else:
        what = row[timeline.NAME] + (f" v{version}" if isinstance(version, str) else "")
    return Change(
        key=f"{service}/{CHANGED}/{row[timeline.ID]}",
        at=row[timeline.TS].to_pydatetime(),
        summary=f"{service}: {row[timeline.TYPE].lower()} {row[timeline.KIND]}: {clean(what)}",
        details={"type": row[timeline.TYPE], "kind": row[timeline.KIND], "what": what},
    )


def _of(sink: AlarmSink, findings: Findings) -> list[AlertState]:
    return [state for state in findings.bundle.alerts if state.sink == sink.name]
