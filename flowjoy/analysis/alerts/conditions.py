"""The conditions under which alerts fire and are resolved.

The rules are documented in docs/alerts.md. Missing data never resolves an alert: one whose source could not be read
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
    AlertSnapshot,
    AlertSubject,
    SentAlerts,
    WaitingReleases,
    key_of,
)
from flowjoy.analysis.flow.divergence_and_spikes import Spike
from flowjoy.analysis.promise.obligation_status import AT_RISK_SHARE
from flowjoy.domain import Obligation, Status, Week
from flowjoy.domain.alerts import AlertKind
from flowjoy.domain.drift import DriftCheck, DriftStatus
from flowjoy.domain.weeks import complete_weeks


def at_risk_from(item: Obligation) -> datetime:
    """Return when an obligation becomes at risk."""
    return item.deadline - AT_RISK_SHARE * (item.deadline - item.start)


def ran_out(item: Obligation) -> datetime:
    """Return when a broken obligation was broken: at its deadline, or when the waiver after it ended."""
    return item.deadline if item.waiver is None else item.waiver.until


def snapshot(
    inputs: AlertInputs, *, home: str, sent: SentAlerts, since: datetime | None, as_of: datetime, timezone: str
) -> AlertSnapshot:
    """Return the alerts that fire at `as_of`, and those that were sent and are resolved.

    `since`: from when on alerts are sent (None: not known yet); what began before is shown and never sent.
    """
    factory = _AlertFactory(home=home, as_of=as_of, timezone=timezone, sent=sent, since=since)
    promise = [factory.of_promise(kind, inputs.obligations) for kind in (AlertKind.BREACH, AlertKind.AT_RISK)]
    parts = [
        *(promise if inputs.promise_is_known else ()),
        factory.of_divergence(inputs.history) if inputs.cadence_is_known else AlertSnapshot(),
        factory.of_recovery(inputs.weeks, inputs.spikes) if inputs.incidents_are_known else AlertSnapshot(),
        factory.of_drift(inputs.drift, is_healed=inputs.drift_is_healed),
    ]
    order = list(AlertKind)
    firing = [alert for part in parts for alert in part.firing]
    return AlertSnapshot(
        firing=tuple(sorted(firing, key=lambda alert: (order.index(alert.kind), alert.began, alert.key))),
        resolved={key: alert for part in parts for key, alert in part.resolved.items()},
        excused={key: alert for part in parts for key, alert in part.excused.items()},
    )


@dataclass(frozen=True, kw_only=True)
class _AlertFactory:
    home: str
    as_of: datetime
    timezone: str
    sent: SentAlerts
    since: datetime | None

    def of_promise(self, kind: AlertKind, obligations: Sequence[Obligation]) -> AlertSnapshot:
        """Return the breached obligations, or those at risk: one alert a model."""
        unknown = {item.code_id for item in obligations if item.status is Status.UNKNOWN}
        firing, resolved, excused = [], [], []
        by_model: dict[str, list[Obligation]] = {model: [] for model in self._subjects(kind)}
        for item in sorted(obligations, key=lambda item: (item.deadline, item.id)):
            by_model.setdefault(item.model, []).append(item)
        for model, items in sorted(by_model.items()):
            key = key_of(self.home, kind, model)
            named = self.sent.running.get(key)
            alert = self._of_model(kind, model, items, named or frozenset())
            if alert is not None:
                firing.append(alert)
            if named is None:
                continue
            sent = [item for item in items if not named or item.code_id in named]
            if kind is AlertKind.BREACH and (waived := [item for item in sent if item.is_excused]):
                excused.append(self._alert(kind, model, self.as_of, _waiting(model, waived)))
            is_unknown = bool(unknown & named) if named else bool(unknown)
            if (alert is None or alert.old) and not is_unknown and not any(_is_pending(kind, item) for item in sent):
                replaced = kind is AlertKind.AT_RISK and any(item.status is Status.BREACHED for item in sent)
                about = _waiting(model, sent) if sent else None
                resolved.append(self._alert(kind, model, self.as_of, about, superseded=replaced))
        return AlertSnapshot(firing=tuple(firing), resolved=_by_key(resolved), excused=_by_key(excused))

    def _of_model(
        self, kind: AlertKind, model: str, items: Sequence[Obligation], named: frozenset[str]
    ) -> Alert | None:
        """Return the alert of the releases that wait for a model; older releases only where no other one waits."""
        status, begins = {
            AlertKind.BREACH: (Status.BREACHED, ran_out),
            AlertKind.AT_RISK: (Status.AT_RISK, at_risk_from),
        }[kind]
        waiting = [item for item in items if item.status is status]
        counted = [item for item in waiting if item.code_id in named or not self._is_old(begins(item))]
        if not waiting:
            return None
        shown = counted or waiting
        return self._alert(kind, model, min(map(begins, shown)), _waiting(model, shown), old=not counted)

    def of_divergence(self, history: Sequence[Week]) -> AlertSnapshot:
        """Return consecutive diverging weeks up to the last complete one as one alert, named by the first of them."""
        complete, sent = complete_weeks(history), self._subjects(AlertKind.DIVERGENCE)
        if not complete:
            return AlertSnapshot()
        last, run = complete[-1], _last_run(complete)
        if not last.diverges and not last.counted:
            return AlertSnapshot()
        began = self._end_of(last)
        firing, subject = [], None
        if run:
            counted = [week for week in run if self._counts(week)]
            mondays = [week.week.isoformat() for week in counted or run]
            # An alert that was sent keeps its Monday when earlier history changes, and no Monday is used twice.
            ended = self._ended(AlertKind.DIVERGENCE)
            unused = [monday for monday in mondays if monday not in ended]
            subject = next((monday for monday in mondays if monday in sent), (unused or mondays)[0])
            alert = self._alert(AlertKind.DIVERGENCE, subject, began, last, old=not counted)
            firing = [replace(alert, escalated=len(counted or run) > 1)]
        return _snapshot(firing, self._others(AlertKind.DIVERGENCE, subject, began, last))

    def of_recovery(self, weeks: Sequence[Week], spikes: Sequence[Spike]) -> AlertSnapshot:
        """Return the last complete week where its MTTR spikes."""
        complete = complete_weeks(weeks)
        if not complete:
            return AlertSnapshot()
        last = complete[-1]
        began = self._end_of(last)
        spike = next((spike for spike in spikes if spike.week.week == last.week), None)
        subject = None if spike is None else last.week.isoformat()
        old = not self._counts(last)
        firing = [] if subject is None else [self._alert(AlertKind.MTTR_SPIKE, subject, began, spike, old=old)]
        # A week with only open incidents has no MTTR, and a first week has nothing to be compared with.
        has_before = any(week.mttr_hours is not None for week in complete[:-1])
        is_judged = last.incidents == 0 or (last.mttr_hours is not None and has_before)
        resolved = self._others(AlertKind.MTTR_SPIKE, subject, began, last) if is_judged else []
        # A shorter window or another factor does not resolve the alert of the same week.
        return _snapshot(firing, [alert for alert in resolved if alert.subject != last.week.isoformat()])

    def of_drift(self, check: DriftCheck | None, *, is_healed: bool) -> AlertSnapshot:
        """Return live data that drifted, as `analysis/drift/history` decides over consecutive checks."""
        if check is None:
            return AlertSnapshot()
        alert = self._alert(AlertKind.DRIFT, check.model, check.at, check)
        if check.status is DriftStatus.DRIFT:
            return _snapshot([alert], [])
        return _snapshot([], [alert] if is_healed and alert.key in self.sent.running else [])

    def _others(self, kind: AlertKind, firing: str | None, began: datetime, last: Week) -> list[Alert]:
        """Return the alerts on earlier weeks as resolved, superseded where a later one fires in their place."""
        return [
            self._alert(kind, subject, began, last, superseded=firing is not None)
            for subject in self._subjects(kind)
            if subject != firing
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
        """Return the subjects of one kind that were sent and whose end was not."""
        prefix = key_of(self.home, kind, "")
        return tuple(sorted(key.removeprefix(prefix) for key in self.sent.running if key.startswith(prefix)))

    def _ended(self, kind: AlertKind) -> frozenset[str]:
        prefix = key_of(self.home, kind, "")
        return frozenset(key.removeprefix(prefix) for key in self.sent.ended if key.startswith(prefix))

    def _is_old(self, began: datetime) -> bool:
        return self.since is None or began < self.since

    def _counts(self, week: Week) -> bool:
        """Return whether a week ended after alerts began to be sent."""
        return self.since is not None and self._end_of(week) > self.since

    def _end_of(self, week: Week) -> datetime:
        """Return the Monday midnight at which a week was over."""
        monday = week.week + timedelta(weeks=1)
        return datetime.combine(monday, time.min, tzinfo=ZoneInfo(self.timezone)).astimezone(self.as_of.tzinfo)


def _snapshot(firing: Iterable[Alert], resolved: Iterable[Alert]) -> AlertSnapshot:
    return AlertSnapshot(firing=tuple(firing), resolved=_by_key(resolved))


def _by_key(alerts: Iterable[Alert]) -> dict[str, Alert]:
    return {alert.key: alert for alert in alerts}


def _waiting(model: str, items: Iterable[Obligation]) -> WaitingReleases:
    return WaitingReleases(model=model, items=tuple(items))


def _is_pending(kind: AlertKind, item: Obligation) -> bool:
    """Return whether a model is still owed although nothing fires: the deadline moved, or the status is unknown."""
    if kind is AlertKind.AT_RISK:
        return item.status in (Status.UNKNOWN, Status.PENDING)
    return item.is_running or item.status is Status.UNKNOWN or item.is_excused


def _last_run(complete: Sequence[Week]) -> list[Week]:
    """Return the diverging weeks up to the last complete one, oldest first; empty where that one does not diverge."""
    run: list[Week] = []
    for week in reversed(complete):
        if not week.diverges:
            break
        run.insert(0, week)
    return run
