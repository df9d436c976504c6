"""What is wrong now and worth waking somebody, and what is over. Knows values, no channel and no clock.

The rules are those under "Divergence, spikes, alerts" in README.md. Missing data is never "over": an alarm whose
source could not be read is held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from flowjoy.analysis import signals
from flowjoy.analysis.signals import Spike
from flowjoy.distribution import DriftCheck, DriftStatus
from flowjoy.model import Obligation, Status, Week

FRESH = timedelta(days=14)
"""History before adoption never pages: what began longer ago is not told for the first time any more."""


class AlarmKind(StrEnum):
    """What an alarm is about, the most urgent first."""

    BREACH = "breach"
    DRIFT = "drift"
    DIVERGENCE = "divergence"
    MTTR_SPIKE = "mttr-spike"
    AT_RISK = "at-risk"


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """Something that is wrong now, or was.

    `subject`: the ISO Monday, the obligation's id, or the model; `key` is service, kind and subject, and the same in
    every run. `began`: when it came to be wrong. `about` holds the numbers of now, None where there are none any more.
    `escalated`: for the second complete week running. `superseded`: over, but another alarm says more of the matter.
    """

    kind: AlarmKind
    subject: str
    key: str
    began: datetime
    about: Obligation | Week | Spike | DriftCheck | None = None
    escalated: bool = False
    superseded: bool = False


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Every alarm: what rings now (the most urgent first), and, by key, what is over. What is in neither is held."""

    ringing: tuple[Alarm, ...] = ()
    over: Mapping[str, Alarm] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What alarms are made of. What is not known (not read completely) neither rings nor is over.

    `history`: the week table as far back as code is read; `weeks` and `spikes`: those of the window. `drift`: the check
    of this run, None without one; `drift_is_healed`: the last two checks found nothing, as one is no recovery.
    """

    owed: Sequence[Obligation] = ()
    history: Sequence[Week] = ()
    weeks: Sequence[Week] = ()
    spikes: Sequence[Spike] = ()
    drift: DriftCheck | None = None
    drift_is_healed: bool = False
    promise_is_known: bool = True
    cadence_is_known: bool = True
    incidents_are_known: bool = True


def key_of(service: str, kind: AlarmKind, subject: str) -> str:
    """The name of an alarm over all runs."""
    return f"{service}/{kind}/{subject}"


@dataclass(frozen=True, kw_only=True)
class Told:
    """The keys that somebody was told of: `running` and not of their end, `ended` and of their end, too."""

    running: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()


def scene(evidence: Evidence, *, service: str, told: Told, as_of: datetime, timezone: str) -> Scene:
    """What rings at `as_of`, and what is over of the keys that somebody was told of."""
    maker = _Maker(service=service, as_of=as_of, timezone=timezone, told=told)
    parts = [
        maker.of_promise(evidence.owed) if evidence.promise_is_known else Scene(),
        maker.of_divergence(evidence.history) if evidence.cadence_is_known else Scene(),
        maker.of_recovery(evidence.weeks, evidence.spikes) if evidence.incidents_are_known else Scene(),
        maker.of_drift(evidence.drift, is_healed=evidence.drift_is_healed),
    ]
    order = list(AlarmKind)
    ringing = [alarm for part in parts for alarm in part.ringing]
    return Scene(
        ringing=tuple(sorted(ringing, key=lambda alarm: (order.index(alarm.kind), alarm.began, alarm.key))),
        over={alarm.key: alarm for part in parts for alarm in part.over.values()},
    )


@dataclass(frozen=True, kw_only=True)
class _Maker:
    service: str
    as_of: datetime
    timezone: str
    told: Told

    def of_promise(self, owed: Sequence[Obligation]) -> Scene:
        """A clock that ran out and one at risk, each by its obligation."""
        by_id = {item.id: item for item in owed}
        broken = {item.id for item in owed if item.status is Status.BREACHED}
        at_risk = {item.id for item in owed if item.status is Status.AT_RISK}
        since = {item: by_id[item].excused_until or by_id[item].deadline for item in broken}
        ringing = [self._alarm(AlarmKind.BREACH, item, since[item], by_id[item]) for item in sorted(broken)]
        ringing += [self._alarm(AlarmKind.AT_RISK, item, self.as_of, by_id[item]) for item in sorted(at_risk)]
        # What is only excused, given more time, or not known, is not over.
        over = [
            self._alarm(AlarmKind.BREACH, told, self.as_of, by_id.get(told))
            for told in self._subjects(AlarmKind.BREACH)
            if told not in broken and not _is_held(by_id.get(told))
        ]
        for told in self._subjects(AlarmKind.AT_RISK):
            item = by_id.get(told)
            if told not in at_risk and (item is None or item.status not in (Status.UNKNOWN, Status.PENDING)):
                ran_out = told in broken or _is_held(item)
                over.append(self._alarm(AlarmKind.AT_RISK, told, self.as_of, item, superseded=ran_out))
        return _scene(ringing, over)

    def of_divergence(self, history: Sequence[Week]) -> Scene:
        """The weeks running that diverge, up to the last complete one, as one alarm named by the first of them."""
        complete, told = signals.complete(history), self._subjects(AlarmKind.DIVERGENCE)
        if not complete:
            return Scene()
        last, run = complete[-1], _last_run(complete)
        began = self._end_of(last)
        ringing, subject = [], None
        if run:
            mondays = [week.week.isoformat() for week in run]
            # One that was told under a later Monday keeps its name when the history before it changes; and a name whose
            # end was told is not used again.
            ended = self._subjects(AlarmKind.DIVERGENCE, self.told.ended)
            unused = [monday for monday in mondays if monday not in ended]
            subject = next((monday for monday in mondays if monday in told), (unused or mondays)[0])
            ringing = [self._alarm(AlarmKind.DIVERGENCE, subject, began, last, escalated=len(run) > 1)]
        return _scene(ringing, self._others(AlarmKind.DIVERGENCE, subject, began, last))

    def of_recovery(self, weeks: Sequence[Week], spikes: Sequence[Spike]) -> Scene:
        """The last complete week, where its MTTR spikes."""
        complete = signals.complete(weeks)
        if not complete:
            return Scene()
        last = complete[-1]
        began = self._end_of(last)
        spike = next((spike for spike in spikes if spike.week.week == last.week), None)
        subject = None if spike is None else last.week.isoformat()
        ringing = [] if subject is None else [self._alarm(AlarmKind.MTTR_SPIKE, subject, began, spike)]
        # Incidents of which none is resolved say nothing of how fast they heal, nor does a week with none before it.
        has_before = any(week.mttr_hours is not None for week in complete[:-1])
        is_judged = last.incidents == 0 or (last.mttr_hours is not None and has_before)
        over = self._others(AlarmKind.MTTR_SPIKE, subject, began, last) if is_judged else []
        # A week is not mended by looking at it again, with a shorter window or another factor.
        return _scene(ringing, [alarm for alarm in over if alarm.subject != last.week.isoformat()])

    def of_drift(self, check: DriftCheck | None, *, is_healed: bool) -> Scene:
        """Live data over the threshold in two checks running."""
        if check is None:
            return Scene()
        alarm = self._alarm(AlarmKind.DRIFT, check.model, check.at, check)
        if check.status is DriftStatus.DRIFT:
            return _scene([alarm], [])
        return _scene([], [alarm] if is_healed and alarm.key in self.told.running else [])

    def _others(self, kind: AlarmKind, ringing: str | None, began: datetime, last: Week) -> list[Alarm]:
        """What was told of earlier weeks: over, and said to be so unless a later one rings in its place."""
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
        about: Obligation | Week | Spike | DriftCheck | None,
        *,
        escalated: bool = False,
        superseded: bool = False,
    ) -> Alarm:
        key = key_of(self.service, kind, subject)
        return Alarm(
            kind=kind,
            subject=subject,
            key=key,
            began=began,
            about=about,
            escalated=escalated,
            superseded=superseded,
        )

    def _subjects(self, kind: AlarmKind, keys: frozenset[str] | None = None) -> tuple[str, ...]:
        """What was told of one kind, and of no end, by subject."""
        prefix = key_of(self.service, kind, "")
        told = self.told.running if keys is None else keys
        return tuple(sorted(key.removeprefix(prefix) for key in told if key.startswith(prefix)))

    def _end_of(self, week: Week) -> datetime:
        """The Monday midnight at which a week was over."""
        monday = week.week + timedelta(weeks=1)
        return datetime.combine(monday, time.min, tzinfo=ZoneInfo(self.timezone)).astimezone(self.as_of.tzinfo)


def _scene(ringing: Iterable[Alarm], over: Iterable[Alarm]) -> Scene:
    return Scene(ringing=tuple(ringing), over={alarm.key: alarm for alarm in over})


def _is_held(item: Obligation | None) -> bool:
    """Whether a model is still owed although nothing rings: it is excused or has more time now, or nobody knows."""
    if item is None:
        return False
    still_owed = item.status in (Status.UNKNOWN, Status.PENDING, Status.AT_RISK)
    return still_owed or (item.status is Status.WAIVED and item.closed_at is None)


def _last_run(complete: Sequence[Week]) -> list[Week]:
    """The diverging weeks up to the last complete one, oldest first; none where that one does not diverge."""
    run: list[Week] = []
    for week in reversed(complete):
        if not week.diverges:
            break
        run.insert(0, week)
    return run
