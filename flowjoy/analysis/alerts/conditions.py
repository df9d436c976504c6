"""Which alerts fire now, and which are over. Values in, values out; no channel and no clock.

The rules are documented in docs/alerts.md. Missing data is never "over": an alert whose source could not be read
stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from flowjoy.analysis.alerts.alert import (
    Alert,
    AlertInputs,
    AlertKind,
    AlertSnapshot,
    AlertSubject,
    SentAlerts,
    WaitingReleases,
    key_of,
)
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
    evidence: AlertInputs, *, home: str, told: SentAlerts, since: datetime | None, as_of: datetime, timezone: str
) -> AlertSnapshot:
    """Return what fires at `as_of`, and what is over of the keys that were sent.

    `since`: from when on alerts count (None: no run knows that yet); what began before is shown and never sent.
    """
    maker = _AlertFactory(home=home, as_of=as_of, timezone=timezone, told=told, since=since)
    promise = [maker.of_promise(kind, evidence.owed) for kind in (AlertKind.BREACH, AlertKind.AT_RISK)]
    parts = [
        *(promise if evidence.promise_is_known else ()),
        maker.of_divergence(evidence.history) if evidence.cadence_is_known else AlertSnapshot(),
        maker.of_recovery(evidence.weeks, evidence.spikes) if evidence.incidents_are_known else AlertSnapshot(),
        maker.of_drift(evidence.drift, is_healed=evidence.drift_is_healed),
    ]
    order = list(AlertKind)
    ringing = [alert for part in parts for alert in part.ringing]
    return AlertSnapshot(
        ringing=tuple(sorted(ringing, key=lambda alert: (order.index(alert.kind), alert.began, alert.key))),
        over={key: alert for part in parts for key, alert in part.over.items()},
        excused={key: alert for part in parts for key, alert in part.excused.items()},
    )


@dataclass(frozen=True, kw_only=True)
class _AlertFactory:
    home: str
    as_of: datetime
    timezone: str
    told: SentAlerts
    since: datetime | None

    def of_promise(self, kind: AlertKind, owed: Sequence[Obligation]) -> AlertSnapshot:
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
            if kind is AlertKind.BREACH and (waived := [item for item in sent if item.is_excused]):
                excused.append(self._alert(kind, model, self.as_of, _waiting(model, waived)))
            is_unread = bool(unknown & named) if named else bool(unknown)
            if (waits is None or waits.old) and not is_unread and not any(_stays(kind, item) for item in sent):
                replaced = kind is AlertKind.AT_RISK and any(item.status is Status.BREACHED for item in sent)
                about = _waiting(model, sent) if sent else None
                over.append(self._alert(kind, model, self.as_of, about, superseded=replaced))
        return AlertSnapshot(ringing=tuple(ringing), over=_by_key(over), excused=_by_key(excused))

    def _waiting(self, kind: AlertKind, model: str, items: Sequence[Obligation], named: frozenset[str]) -> Alert | None:
        """Return the alert of the releases that wait for a model; those that are older only where no other waits."""
        status, begins = {
            AlertKind.BREACH: (Status.BREACHED, ran_out),
            AlertKind.AT_RISK: (Status.AT_RISK, at_risk_from),
        }[kind]
        waits = [item for item in items if item.status is status]
        counted = [item for item in waits if item.code_id in named or not self._is_old(begins(item))]
        if not waits:
            return None
        shown = counted or waits
        return self._alert(kind, model, min(map(begins, shown)), _waiting(model, shown), old=not counted)

    def of_divergence(self, history: Sequence[Week]) -> AlertSnapshot:
        """Return the weeks running that diverge, up to the last complete one, as one alert named by their first."""
        complete, told = trends.complete(history), self._subjects(AlertKind.DIVERGENCE)
        if not complete:
            return AlertSnapshot()
        last, run = complete[-1], _last_run(complete)
        if not last.diverges and not last.counted:
            return AlertSnapshot()
        began = self._end_of(last)
        ringing, subject = [], None
        if run:
            counted = [week for week in run if self._counts(week)]
            mondays = [week.week.isoformat() for week in counted or run]
            # One that was sent under a later Monday keeps its name when the history before it changes; and a name whose
            # end was sent is not used again.
            ended = self._ended(AlertKind.DIVERGENCE)
            unused = [monday for monday in mondays if monday not in ended]
            subject = next((monday for monday in mondays if monday in told), (unused or mondays)[0])
            alert = self._alert(AlertKind.DIVERGENCE, subject, began, last, old=not counted)
            ringing = [replace(alert, escalated=len(counted or run) > 1)]
        return _scene(ringing, self._others(AlertKind.DIVERGENCE, subject, began, last))

    def of_recovery(self, weeks: Sequence[Week], spikes: Sequence[Spike]) -> AlertSnapshot:
        """Return the last complete week, where its MTTR spikes."""
        complete = trends.complete(weeks)
        if not complete:
            return AlertSnapshot()
        last = complete[-1]
        began = self._end_of(last)
        spike = next((spike for spike in spikes if spike.week.week == last.week), None)
        subject = None if spike is None else last.week.isoformat()
        old = not self._counts(last)
        ringing = [] if subject is None else [self._alert(AlertKind.MTTR_SPIKE, subject, began, spike, old=old)]
        # Incidents of which none is resolved say nothing of how fast they heal, nor does a week with none before it.
        has_before = any(week.mttr_hours is not None for week in complete[:-1])
        is_judged = last.incidents == 0 or (last.mttr_hours is not None and has_before)
        over = self._others(AlertKind.MTTR_SPIKE, subject, began, last) if is_judged else []
        # A week is not mended by looking at it again, with a shorter window or another factor.
        return _scene(ringing, [alert for alert in over if alert.subject != last.week.isoformat()])

    def of_drift(self, check: DriftCheck | None, *, is_healed: bool) -> AlertSnapshot:
        """Return live data over the threshold in two checks running."""
        if check is None:
            return AlertSnapshot()
        alert = self._alert(AlertKind.DRIFT, check.model, check.at, check)
        if check.status is DriftStatus.DRIFT:
            return _scene([alert], [])
        return _scene([], [alert] if is_healed and alert.key in self.told.running else [])

    def _others(self, kind: AlertKind, ringing: str | None, began: datetime, last: Week) -> list[Alert]:
        """Return what was sent of earlier weeks: over, and said to be so unless a later one fires in its place."""
        return [
            self._alert(kind, told, began, last, superseded=ringing is not None)
            for told in self._subjects(kind)
            if told != ringing
        ]

    def _alert(
        self,
        kind: AlertKind,
        subject: str,
        began: datetime,
        about: AlertSubject | None,
        *,
        superseded: bool = False,
        old: bool = False,
    ) -> Alert:
        key = key_of(self.home, kind, subject)
        return Alert(kind=kind, subject=subject, key=key, began=began, about=about, superseded=superseded, old=old)

    def _subjects(self, kind: AlertKind) -> tuple[str, ...]:
        """Return what was sent of one kind, and not its end, by subject."""
        prefix = key_of(self.home, kind, "")
        return tuple(sorted(key.removeprefix(prefix) for key in self.told.running if key.startswith(prefix)))

    def _ended(self, kind: AlertKind) -> frozenset[str]:
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


def _scene(ringing: Iterable[Alert], over: Iterable[Alert]) -> AlertSnapshot:
    return AlertSnapshot(ringing=tuple(ringing), over=_by_key(over))


def _by_key(alerts: Iterable[Alert]) -> dict[str, Alert]:
    return {alert.key: alert for alert in alerts}


def _waiting(model: str, items: Iterable[Obligation]) -> WaitingReleases:
    return WaitingReleases(model=model, items=tuple(items))


def _stays(kind: AlertKind, item: Obligation) -> bool:
    """Whether a model is still owed although nothing fires: there is more time now, or the state is unknown."""
    if kind is AlertKind.AT_RISK:
        return item.status in (Status.UNKNOWN, Status.PENDING)
    return item.is_running or item.status is Status.UNKNOWN or item.is_excused


def _last_run(complete: Sequence[Week]) -> list[Week]:
    """Return the diverging weeks up to the last complete one, oldest first; none where that one does not diverge."""
    run: list[Week] = []
    for week in reversed(complete):
        if not week.diverges:
            break
        run.insert(0, week)
    return run
