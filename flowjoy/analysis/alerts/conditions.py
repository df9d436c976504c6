"""Which alerts fire now, and which are over. Values in, values out; no channel and no clock.

The rules are those under "Alarms" in README.md. Missing data is never "over": an alert whose source could not be read
stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from flowjoy.analysis.alerts.alert import About, Alarm, AlarmKind, Evidence, Scene, Told, Waiting, key_of
from flowjoy.analysis.flow import trends
from flowjoy.analysis.flow.trends import Spike
from flowjoy.analysis.promise.obligations import AT_RISK_SHARE
from flowjoy.domain import Obligation, Status, Week
from flowjoy.domain.drift import DriftCheck, DriftStatus


def at_risk_from(item: Obligation) -> datetime:
    """Return the instant from which a clock is at risk."""
    return item.deadline - AT_RISK_SHARE * (item.deadline - item.start)


def ran_out(item: Obligation) -> datetime:
    """Return the instant at which a clock ran out, or the waiver that held it."""
    return item.excused_until or item.deadline


def scene(
    evidence: Evidence, *, home: str, told: Told, since: datetime | None, as_of: datetime, timezone: str
) -> Scene:
    """Return what fires at `as_of`, and what is over of the keys that were sent.

    `since`: from when on alerts count (None: no run knows that yet); what began before is shown and never sent.
    """
    maker = _Maker(home=home, as_of=as_of, timezone=timezone, told=told, since=since)
    promise = [maker.of_promise(kind, evidence.owed) for kind in (AlarmKind.BREACH, AlarmKind.AT_RISK)]
    parts = [
        *(promise if evidence.promise_is_known else ()),
        maker.of_divergence(evidence.history) if evidence.cadence_is_known else Scene(),
        maker.of_recovery(evidence.weeks, evidence.spikes) if evidence.incidents_are_known else Scene(),
        maker.of_drift(evidence.drift, is_healed=evidence.drift_is_healed),
    ]
    order = list(AlarmKind)
    ringing = [alarm for part in parts for alarm in part.ringing]
    return Scene(
        ringing=tuple(sorted(ringing, key=lambda alarm: (order.index(alarm.kind), alarm.began, alarm.key))),
        over={key: alarm for part in parts for key, alarm in part.over.items()},
        excused={key: alarm for part in parts for key, alarm in part.excused.items()},
    )


@dataclass(frozen=True, kw_only=True)
class _Maker:
    home: str
    as_of: datetime
    timezone: str
    told: Told
    since: datetime | None

    def of_promise(self, kind: AlarmKind, owed: Sequence[Obligation]) -> Scene:
        """Return the clocks that ran out, or are at risk: one alert a model."""
        unknown = {item.code_id for item in owed if item.status is Status.UNKNOWN}
        ringing, over, excused = [], [], []
        by_model: dict[str, list[Obligation]] = {model: [] for model in self._subjects(kind)}
        for item in sorted(owed, key=lambda item: (item.deadline, item.id)):
            by_model.setdefault(item.model, []).append(item)
        for model, items in sorted(by_model.items()):
            key = key_of(self.home, kind, model)
            named = self.told.running.get(key)
            sent = [item for item in items if named is not None and (not named or item.code_id in named)]
            waits = self._waiting(kind, model, items, named or frozenset())
            if waits is not None:
                ringing.append(waits)
            if named is None:
                continue
            if kind is AlarmKind.BREACH and (waived := [item for item in sent if _is_excused(item)]):
                excused.append(self._alarm(kind, model, self.as_of, _waiting(model, waived)))
            is_unread = bool(unknown & named) if named else bool(unknown)
            if (waits is None or waits.old) and not is_unread and not any(_stays(kind, item) for item in sent):
                replaced = kind is AlarmKind.AT_RISK and any(item.status is Status.BREACHED for item in sent)
                about = _waiting(model, sent) if sent else None
                over.append(self._alarm(kind, model, self.as_of, about, superseded=replaced))
        return Scene(ringing=tuple(ringing), over=_by_key(over), excused=_by_key(excused))

    def _waiting(self, kind: AlarmKind, model: str, items: Sequence[Obligation], named: frozenset[str]) -> Alarm | None:
        """Return the alert of the releases that wait for a model; those that are older only where no other waits."""
        status, begins = {
            AlarmKind.BREACH: (Status.BREACHED, ran_out),
            AlarmKind.AT_RISK: (Status.AT_RISK, at_risk_from),
        }[kind]
        waits = [item for item in items if item.status is status]
        counted = [item for item in waits if item.code_id in named or not self._is_old(begins(item))]
        if not waits:
            return None
        shown = counted or waits
        return self._alarm(kind, model, min(map(begins, shown)), _waiting(model, shown), old=not counted)

    def of_divergence(self, history: Sequence[Week]) -> Scene:
        """Return the weeks running that diverge, up to the last complete one, as one alert named by their first."""
        complete, told = trends.complete(history), self._subjects(AlarmKind.DIVERGENCE)
        if not complete:
            return Scene()
        last, run = complete[-1], _last_run(complete)
        if not last.diverges and not last.counted:
            return Scene()
        began = self._end_of(last)
        ringing, subject = [], None
        if run:
            counted = [week for week in run if self._counts(week)]
            mondays = [week.week.isoformat() for week in counted or run]
            # One that was sent under a later Monday keeps its name when the history before it changes; and a name whose
            # end was sent is not used again.
            ended = self._ended(AlarmKind.DIVERGENCE)
            unused = [monday for monday in mondays if monday not in ended]
            subject = next((monday for monday in mondays if monday in told), (unused or mondays)[0])
            alarm = self._alarm(AlarmKind.DIVERGENCE, subject, began, last, old=not counted)
            ringing = [replace(alarm, escalated=len(counted or run) > 1)]
        return _scene(ringing, self._others(AlarmKind.DIVERGENCE, subject, began, last))

    def of_recovery(self, weeks: Sequence[Week], spikes: Sequence[Spike]) -> Scene:
        """Return the last complete week, where its MTTR spikes."""
        complete = trends.complete(weeks)
        if not complete:
            return Scene()
        last = complete[-1]
        began = self._end_of(last)
        spike = next((spike for spike in spikes if spike.week.week == last.week), None)
        subject = None if spike is None else last.week.isoformat()
        old = not self._counts(last)
        ringing = [] if subject is None else [self._alarm(AlarmKind.MTTR_SPIKE, subject, began, spike, old=old)]
        # Incidents of which none is resolved say nothing of how fast they heal, nor does a week with none before it.
        has_before = any(week.mttr_hours is not None for week in complete[:-1])
        is_judged = last.incidents == 0 or (last.mttr_hours is not None and has_before)
        over = self._others(AlarmKind.MTTR_SPIKE, subject, began, last) if is_judged else []
        # A week is not mended by looking at it again, with a shorter window or another factor.
        return _scene(ringing, [alarm for alarm in over if alarm.subject != last.week.isoformat()])

    def of_drift(self, check: DriftCheck | None, *, is_healed: bool) -> Scene:
        """Return live data over the threshold in two checks running."""
        if check is None:
            return Scene()
        alarm = self._alarm(AlarmKind.DRIFT, check.model, check.at, check)
        if check.status is DriftStatus.DRIFT:
            return _scene([alarm], [])
        return _scene([], [alarm] if is_healed and alarm.key in self.told.running else [])

    def _others(self, kind: AlarmKind, ringing: str | None, began: datetime, last: Week) -> list[Alarm]:
        """Return what was sent of earlier weeks: over, and said to be so unless a later one fires in its place."""
        return [
            self._alarm(kind, told, began, last, superseded=ringing is not None)
            for told in self._subjects(kind)
            if told != ringing
        ]

    def _alarm(
        self,
        kind: AlarmKind,
        subject: str,
        began: datetime,
        about: About | None,
        *,
        superseded: bool = False,
        old: bool = False,
    ) -> Alarm:
        key = key_of(self.home, kind, subject)
        return Alarm(kind=kind, subject=subject, key=key, began=began, about=about, superseded=superseded, old=old)

    def _subjects(self, kind: AlarmKind) -> tuple[str, ...]:
        """Return what was sent of one kind, and not its end, by subject."""
        prefix = key_of(self.home, kind, "")
        return tuple(sorted(key.removeprefix(prefix) for key in self.told.running if key.startswith(prefix)))

    def _ended(self, kind: AlarmKind) -> frozenset[str]:
        prefix = key_of(self.home, kind, "")
        return frozenset(key.removeprefix(prefix) for key in self.told.ended if key.startswith(prefix))

    def _is_old(self, began: datetime) -> bool:
        return self.since is None or began < self.since

    def _counts(self, week: Week) -> bool:
        """Whether a week ended after alerts began to count."""
        return self.since is not None and self._end_of(week) > self.since

    def _end_of(self, week: Week) -> datetime:
        """Return the Monday midnight at which a week was over."""
        monday = week.week + timedelta(weeks=1)
        return datetime.combine(monday, time.min, tzinfo=ZoneInfo(self.timezone)).astimezone(self.as_of.tzinfo)


def _scene(ringing: Iterable[Alarm], over: Iterable[Alarm]) -> Scene:
    return Scene(ringing=tuple(ringing), over=_by_key(over))


def _by_key(alarms: Iterable[Alarm]) -> dict[str, Alarm]:
    return {alarm.key: alarm for alarm in alarms}


def _waiting(model: str, items: Iterable[Obligation]) -> Waiting:
    return Waiting(model=model, items=tuple(items))


def _is_excused(item: Obligation) -> bool:
    """Whether a model is still owed, and a waiver holds."""
    return item.status is Status.WAIVED and item.closed_at is None


def _stays(kind: AlarmKind, item: Obligation) -> bool:
    """Whether a model is still owed although nothing fires: there is more time now, or the state is unknown."""
    if kind is AlarmKind.AT_RISK:
        return item.status in (Status.UNKNOWN, Status.PENDING)
    return item.status in (Status.UNKNOWN, Status.PENDING, Status.AT_RISK) or _is_excused(item)


def _last_run(complete: Sequence[Week]) -> list[Week]:
    """Return the diverging weeks up to the last complete one, oldest first; none where that one does not diverge."""
    run: list[Week] = []
    for week in reversed(complete):
        if not week.diverges:
            break
        run.insert(0, week)
    return run
