"""The 48-hour promise. Knows hours, events and what code depends on; no network, no clock.

"Whenever we ship new application code to production, we promise to ship any ML model it depends on within the next
48 hours." Every rule is documented in docs/promise.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from flowjoy.analysis.columns import Columns, Places, places_by
from flowjoy.analysis.promise import first_ship
from flowjoy.analysis.timeline import (
    EARLIEST,
    FIRST_LIVE,
    ID,
    KIND,
    NAME,
    OLD_SINCE,
    PRECISION,
    PROVISIONAL,
    SHA,
    TS,
    TYPE,
    VERSION,
    whole_numbers,
)
from flowjoy.domain import EventType, Kind, ModelDependencies, Obligation, Precision, Requirement, Rule, Status, Waiver
from flowjoy.domain.timestamps import iso

AT_RISK_SHARE = 0.25
"""A clock with less than this share of its time left is at risk."""

LONGEST_WAIVER = timedelta(days=90)
"""A waiver that ends further ahead is void: an exception that does not end is a change of the promise."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_NOWHERE: Places = np.empty(0, dtype=np.intp)


@dataclass(frozen=True, kw_only=True)
class PromiseTerms:
    """The terms of the promise: how long, since when, judged at which instant, and what keeps a version live."""

    sla_hours: float
    as_of: datetime
    since: datetime | None = None
    every_version_stays_live: bool = True

    @property
    def clock(self) -> timedelta:
        """The time a team has."""
        return timedelta(hours=self.sla_hours)


def obligations(events: pd.DataFrame, dependencies: ModelDependencies, terms: PromiseTerms) -> tuple[Obligation, ...]:
    """What each CODE deploy owes each model it depends on, and what became of it at `terms.as_of`; oldest first.

    `events` is a whole timeline (`events.timeline`), not only a window: clocks run however old they are. Vectorised
    within each requirement.
    """
    frame = _deploys(events, terms)
    deploys = Columns.of(frame, [ID, SHA, PROVISIONAL, "start", "cancelled", "previous"])
    by_sha = places_by(deploys[SHA])
    acts, by_model = _acts(events)
    owed: list[Obligation] = []
    for requirement, indebted in _by_requirement(deploys, by_sha, dependencies):
        owed += _judge(requirement, indebted, acts.at(by_model.get(requirement.model, _NOWHERE)), terms)
    unread = deploys.at(_with_stub(by_sha, dependencies.unreadable))
    columns = (unread[name] for name in (ID, SHA, "start", PROVISIONAL))
    live = _live_sha(events)
    owed += [_unknown(*row, dependencies, live, terms) for row in zip(*columns, strict=True)]
    waivers: defaultdict[tuple[str, str | None], list[Waiver]] = defaultdict(list)
    for waiver in dependencies.waivers:
        waivers[waiver.model, waiver.standing_for].append(waiver)
    waived = (
        _apply_waivers(item, [*waivers.get((item.model, None), ()), *waivers.get((item.model, item.sha), ())], terms)
        for item in owed
    )
    return tuple(sorted(waived, key=lambda item: (item.start, item.id)))


def _acts(events: pd.DataFrame) -> tuple[Columns, Mapping[str, Places]]:
    """Every MODEL event, its instants in microseconds, and the places of each model's own."""
    frame = events[events[TYPE] == EventType.MODEL].reset_index(drop=True)
    stamps = {name: _micros(frame[name]) for name in (EARLIEST, TS)}
    # What was there before the first observation is new only for clocks that began before it.
    new_until = np.where(frame[OLD_SINCE].notna(), _micros(frame[OLD_SINCE]), first_ship.NEVER)
    frame = frame.assign(**stamps, new_until=new_until, number=whole_numbers(frame[VERSION]))
    columns = Columns.of(frame, [VERSION, KIND, PRECISION, EARLIEST, TS, "new_until", "number"])
    return columns, places_by(frame[NAME])


def _deploys(events: pd.DataFrame, terms: PromiseTerms) -> pd.DataFrame:
    """CODE deploys that open clocks, with the previous deploy and the rollback that cancels them, in microseconds."""
    code = events[events[TYPE] == EventType.CODE].reset_index(drop=True)
    start = _micros(code[TS])
    cancelled = np.full(len(code), first_ship.NEVER)
    first_live = code[FIRST_LIVE].to_numpy(dtype=np.int64)
    # Latest rollback first, so that the earliest one that cancels a deploy has the last word.
    for back in np.flatnonzero((code[KIND] == Kind.ROLLBACK) & ~code[PROVISIONAL])[::-1]:
        cancelled[:back][first_live[:back] > first_live[back]] = start[back]
    code = code.assign(start=start, cancelled=cancelled)
    deploys = code[code[KIND] == Kind.DEPLOY]
    deploys = deploys.assign(previous=deploys["start"].shift(fill_value=np.iinfo(np.int64).min))
    return deploys if terms.since is None else deploys[deploys[TS] >= pd.Timestamp(terms.since)]


def _by_requirement(
    deploys: Columns, by_sha: Mapping[str, Places], dependencies: ModelDependencies
) -> Iterator[tuple[Requirement, Columns]]:
    """Each requirement with the deploys that owe it."""
    declared = dependencies.by_sha.keys() | dependencies.unreadable.keys()
    asked: defaultdict[Requirement, list[str]] = defaultdict(list)
    for sha, requirements in dependencies.by_sha.items():
        for requirement in set(requirements):
            asked[requirement].append(sha)
    undeclared = deploys.at(np.flatnonzero([sha not in declared for sha in deploys[SHA]]))
    for requirement in dependencies.default:
        yield requirement, undeclared
    for requirement, shas in asked.items():
        yield requirement, deploys.at(_with_stub(by_sha, shas))


def _with_stub(by_sha: Mapping[str, Places], shas: Iterable[str]) -> Places:
    """The places of the deploys of these commits, in order."""
    return np.sort(np.concatenate([_NOWHERE, *(by_sha[sha] for sha in shas if sha in by_sha)]))


def _judge(requirement: Requirement, deploys: Columns, acts: Columns, terms: PromiseTerms) -> list[Obligation]:
    start = deploys["start"]
    deadline = start + _duration(terms.clock)
    if requirement.rule is Rule.NONE:
        settled = [_Settled(status=Status.NOT_REQUIRED)] * len(deploys)
    else:
        answer, acts = _answer(requirement, deploys, acts, terms)
        settled = _settle(answer, acts, deadline, deploys["cancelled"], terms)
    rows = zip(deploys[ID], deploys[SHA], deploys[PROVISIONAL], start, deadline, settled, strict=True)
    return [
        Obligation(
            id=f"{code_id}/{requirement.model}",
            code_id=code_id,
            sha=_text(sha),
            model=requirement.model,
            requires=str(requirement),
            start=_instant(begun),
            deadline=_instant(due),
            provisional=bool(provisional),
            reason=requirement.reason,
            status=end.status,
            version=end.version,
            shipped_at=end.shipped_at,
            closed_at=end.closed_at,
            not_before=end.not_before,
            seen_by=end.seen_by,
            precision=end.precision,
        )
        for code_id, sha, provisional, begun, due, end in rows
    ]


def _answer(
    requirement: Requirement, deploys: Columns, acts: Columns, terms: PromiseTerms
) -> tuple[first_ship.ShipBounds, Columns]:
    """When each deploy's requirement was first met, and the model events the answer's places point into."""
    start = deploys["start"]
    if requirement.rule is Rule.ANY:
        acts = acts.at(np.flatnonzero(acts[KIND] == Kind.SHIP))
        # Shipped *with* the code: after the previous deploy, at most one clock before this one.
        together = np.maximum(deploys["previous"] + 1, start - _duration(terms.clock))
        lower = np.minimum(together, start)
        return first_ship.first_since(acts[EARLIEST], acts[TS], lower, new_until=acts["new_until"]), acts
    fits = _fitting(requirement, acts)
    if terms.every_version_stays_live:
        acts = acts.at(np.flatnonzero(fits))
        return first_ship.first_ever(acts[EARLIEST], acts[TS], len(start)), acts
    return first_ship.first_live(acts[EARLIEST], acts[TS], fits, start), acts


def _fitting(requirement: Requirement, acts: Columns) -> first_ship.Flags:
    version = requirement.version or ""
    if requirement.rule is Rule.AT_LEAST:
        fits: first_ship.Flags = acts["number"] >= int(version)
    elif version.isdecimal():
        fits = acts["number"] == int(version)
    else:
        fits = np.asarray(acts[VERSION] == version, dtype=np.bool_)
    return fits


@dataclass(frozen=True)
class _Settled:
    status: Status
    version: str | None = None
    shipped_at: datetime | None = None
    closed_at: datetime | None = None
    not_before: datetime | None = None
    seen_by: datetime | None = None
    precision: Precision | None = None


def _settle(
    answer: first_ship.ShipBounds,
    acts: Columns,
    deadline: first_ship.Micros,
    cancelled: first_ship.Micros,
    terms: PromiseTerms,
) -> list[_Settled]:
    now, clock = _since_epoch(terms.as_of), _duration(terms.clock)
    at_best = _status(answer.best, deadline, cancelled, now, clock)
    at_worst = _status(answer.worst, deadline, cancelled, now, clock)
    rolled_back = (cancelled < answer.worst) & (cancelled != first_ship.NEVER)
    by_ship = _by_ship(acts)
    settled = []
    for place, (best, worst) in enumerate(zip(at_best, at_worst, strict=True)):
        if best != worst:
            settled.append(by_ship[answer.best_at[place]](Status.UNDETERMINED))
        elif rolled_back[place]:
            settled.append(_Settled(status=Status(worst), closed_at=_instant(cancelled[place])))
        elif answer.worst_at[place] < 0:
            settled.append(_Settled(status=Status(worst)))
        else:
            settled.append(by_ship[answer.worst_at[place]](Status(worst)))
    return settled


def _by_ship(acts: Columns) -> list[Callable[[Status], _Settled]]:
    """For each model event, what is said of an obligation that it settled."""
    rows = zip(acts[VERSION], acts[TS], acts[EARLIEST], acts[PRECISION], strict=True)
    return [
        partial(
            _Settled,
            version=_text(version),
            shipped_at=_instant(shipped),
            closed_at=_instant(shipped),
            not_before=_instant(earliest) - _TICK if earliest < shipped else None,
            seen_by=_instant(shipped) if earliest < shipped else None,
            precision=Precision(precision),
        )
        for version, shipped, earliest, precision in rows
    ]


def _status(
    met: first_ship.Micros, deadline: first_ship.Micros, cancelled: first_ship.Micros, now: int, clock: int
) -> list[str]:
    """One status each, for ships known to the microsecond. A rollback strictly before the ship closes the clock."""
    rolled_back = cancelled < met
    shipped = met != first_ship.NEVER
    left = deadline - now
    result: list[str] = np.select(
        [
            rolled_back & (cancelled <= deadline),
            rolled_back,
            shipped & (met <= deadline),
            shipped,
            left < 0,
            left < AT_RISK_SHARE * clock,
        ],
        [Status.CANCELLED, Status.LATE, Status.MET, Status.LATE, Status.BREACHED, Status.AT_RISK],
        default=Status.PENDING,
    ).tolist()
    return result


def _live_sha(events: pd.DataFrame) -> str | None:
    """The commit that is live now, as far as it is known."""
    code = events.loc[(events[TYPE] == EventType.CODE) & ~events[PROVISIONAL], SHA]
    return None if code.empty else _text(code.iloc[-1])


def _unknown(*row: Any) -> Obligation:
    """A deploy whose stub cannot be read owes something we cannot name: unknown, never undeclared."""
    code_id, sha, begun, provisional, dependencies, live, terms = row
    start, reason = _instant(begun), dependencies.unreadable[sha]
    if sha in dependencies.gone:
        # The day after it in every time zone.
        after = (start + timedelta(hours=14)).date() + timedelta(days=1)
        reason = f"{reason}; set sla-since to {after.isoformat()} or a later day, which leaves this release out"
    return Obligation(
        id=f"{code_id}/*",
        code_id=code_id,
        sha=sha,
        model="*",
        requires="?",
        start=start,
        deadline=start + terms.clock,
        status=Status.UNKNOWN,
        provisional=bool(provisional),
        reason=reason,
        replaced=sha in dependencies.gone and sha != live,
    )


def _apply_waivers(item: Obligation, waivers: Sequence[Waiver], terms: PromiseTerms) -> Obligation:
    """A waiver excuses what is past its deadline and unshipped, or what closed late while it held."""
    if item.status not in (Status.BREACHED, Status.LATE):
        return item
    signed = [
        waiver
        for waiver in waivers
        if waiver.model == item.model and waiver.sha in ("*", item.sha) and waiver.standing_for in (None, item.sha)
    ]
    void = [waiver for waiver in signed if waiver.until > terms.as_of + LONGEST_WAIVER]
    signed = [waiver for waiver in signed if waiver not in void]
    excused = [waiver for waiver in signed if _excuses(waiver, item, terms)]
    if not excused and void:
        return replace(item, reason=f"the waiver of {void[0].by} is void: {void_because(void[0])}")
    if not excused:
        lapsed = [waiver.until for waiver in signed if waiver.until > item.deadline]
        return replace(item, excused_until=max(lapsed)) if lapsed and item.status is Status.BREACHED else item
    named = max(excused, key=lambda waiver: (waiver.until, waiver.reason, waiver.by))
    in_time = any(
        waiver.standing_for is not None or (waiver.seen_at is not None and waiver.seen_at < item.deadline)
        for waiver in excused
    )
    text = f"{named.reason} ({named.by}, until {iso(named.until)})"
    return replace(item, status=Status.WAIVED, waiver=text, waived_miss=not in_time)


def _excuses(waiver: Waiver, item: Obligation, terms: PromiseTerms) -> bool:
    """Return whether a waiver held when the clock was closed, or holds now; what was late before it stays late."""
    came_after = waiver.seen_at is not None and item.closed_at is not None and waiver.seen_at > item.closed_at
    return waiver.until >= (item.closed_at or terms.as_of) and (waiver.standing_for is not None or not came_after)


def void_because(waiver: Waiver) -> str:
    """Return why a waiver that ends too far ahead excuses nothing, with the cure."""
    return f"it ends {iso(waiver.until)}, more than {LONGEST_WAIVER.days} days ahead. Set an earlier `until`"


def _text(value: object) -> str | None:
    """A cell of text; pandas holds a missing one as NaN or None."""
    return value if isinstance(value, str) else None


def _micros(stamps: pd.Series) -> first_ship.Micros:
    return stamps.to_numpy(dtype="datetime64[us]").astype(np.int64)


def _since_epoch(stamp: datetime) -> int:
    return (stamp - _EPOCH) // _TICK


def _duration(span: timedelta) -> int:
    return span // _TICK


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=int(micros))
