"""The obligations of the 48-hour promise: what each deployment owes each model it depends on.

"Whenever we ship new application code to production, we promise to ship any ML model it depends on within the next
48 hours." Every rule is documented in docs/promise.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from flowjoy.analysis.event_columns import (
    EARLIEST,
    FIRST_LIVE,
    ID,
    KIND,
    LATEST,
    NAME,
    OLD_SINCE,
    PRECISION,
    PROVISIONAL,
    SHA,
    TS,
    TYPE,
    VERSION,
)
from flowjoy.analysis.promise import first_ship, microseconds
from flowjoy.analysis.promise.columns import Columns, Indices, indices_by, text_or_none
from flowjoy.analysis.promise.microseconds import NEVER, to_timestamp
from flowjoy.analysis.promise.obligation_status import Settlement, settle
from flowjoy.analysis.promise.possible_starts import UNKNOWN_TIMES, agreed, at_each_start
from flowjoy.analysis.promise.waivers import apply_waivers
from flowjoy.analysis.timeline import integer_versions
from flowjoy.domain import EventType, Kind, ModelDependencies, Obligation, Requirement, Rule, Status, Waiver
from flowjoy.domain.promise import UNREADABLE

_NO_ROWS: Indices = np.empty(0, dtype=np.intp)
_BEFORE_ALL = np.iinfo(np.int64).min
_PREVIOUS = {"previous": "start", "previous_latest": "latest"}


@dataclass(frozen=True, kw_only=True)
class PromiseTerms:
    """The terms of the promise: its hours, its begin, the instant of judgement, and what keeps a version live."""

    sla_hours: float
    as_of: datetime
    since: datetime | None = None
    every_version_stays_live: bool = True

    @property
    def clock(self) -> timedelta:
        """The time from a deployment to its deadline."""
        return timedelta(hours=self.sla_hours)


def obligations(events: pd.DataFrame, dependencies: ModelDependencies, terms: PromiseTerms) -> tuple[Obligation, ...]:
    """Return what each CODE deploy owes each model it depends on, with its status at `terms.as_of`; oldest first.

    `events` is the timeline from its beginning, not of a window: an obligation stays open however old it is. Vectorised
    within each requirement.
    """
    frame = _deploys(events, terms)
    deploys = Columns.of(frame, [ID, SHA, PROVISIONAL, *UNKNOWN_TIMES, *UNKNOWN_TIMES.values()])
    by_sha = indices_by(deploys[SHA])
    acts, by_model = _acts(events)
    owed: list[Obligation] = []
    for requirement, owing in _by_requirement(deploys, by_sha, dependencies):
        owed += _judge(requirement, owing, acts.at(by_model.get(requirement.model, _NO_ROWS)), terms)
    unread = deploys.at(_with_stub(by_sha, dependencies.unreadable))
    owed += _unknown(unread, dependencies, live_sha(events), terms)
    waivers: defaultdict[tuple[str, str | None], list[Waiver]] = defaultdict(list)
    for waiver in dependencies.waivers:
        waivers[waiver.model, waiver.standing_for].append(waiver)
    waived = (
        apply_waivers(
            item, [*waivers.get((item.model, None), ()), *waivers.get((item.model, item.sha), ())], terms.as_of
        )
        for item in owed
    )
    return tuple(sorted(agreed(waived), key=lambda item: (item.start, item.id)))


def _acts(events: pd.DataFrame) -> tuple[Columns, Mapping[str, Indices]]:
    """Return every MODEL event, with times in microseconds, and the rows of each model."""
    frame = events[events[TYPE] == EventType.MODEL].reset_index(drop=True)
    times = {name: microseconds.of_column(frame[name]) for name in (EARLIEST, TS)}
    # A version that was live before the first observation is new only for releases before that observation.
    new_until = np.where(frame[OLD_SINCE].notna(), microseconds.of_column(frame[OLD_SINCE]), NEVER)
    frame = frame.assign(**times, new_until=new_until, number=integer_versions(frame[VERSION]))
    columns = Columns.of(frame, [VERSION, KIND, PRECISION, EARLIEST, TS, "new_until", "number"])
    return columns, indices_by(frame[NAME])


def _deploys(events: pd.DataFrame, terms: PromiseTerms) -> pd.DataFrame:
    """Return the CODE deploys that owe models, with the previous deploy and the rollback that cancels each."""
    code = events[events[TYPE] == EventType.CODE].reset_index(drop=True)
    start, latest = microseconds.of_column(code[TS]), microseconds.of_column(code[LATEST])
    cancelled, cancelled_latest = np.full(len(code), NEVER), np.full(len(code), NEVER)
    first_live = code[FIRST_LIVE].to_numpy(dtype=np.int64)
    # Latest rollback first, so the earliest one that cancels a deploy overwrites the others.
    for back in np.flatnonzero((code[KIND] == Kind.ROLLBACK) & ~code[PROVISIONAL])[::-1]:
        replaced = first_live[:back] > first_live[back]
        cancelled[:back][replaced], cancelled_latest[:back][replaced] = start[back], latest[back]
    code = code.assign(start=start, latest=latest, cancelled=cancelled, cancelled_latest=cancelled_latest)
    deploys = code[code[KIND] == Kind.DEPLOY]
    before = {name: deploys[of].shift(fill_value=_BEFORE_ALL) for name, of in _PREVIOUS.items()}
    deploys = deploys.assign(**before)
    return deploys if terms.since is None else deploys[deploys[TS] >= pd.Timestamp(terms.since)]


def _by_requirement(
    deploys: Columns, by_sha: Mapping[str, Indices], dependencies: ModelDependencies
) -> Iterator[tuple[Requirement, Columns]]:
    """Yield each requirement with the deploys that owe it."""
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


def _with_stub(by_sha: Mapping[str, Indices], shas: Iterable[str]) -> Indices:
    """Return the rows of the deploys of these commits, in order."""
    return np.sort(np.concatenate([_NO_ROWS, *(by_sha[sha] for sha in shas if sha in by_sha)]))


def _judge(requirement: Requirement, deploys: Columns, acts: Columns, terms: PromiseTerms) -> list[Obligation]:
    deploys = at_each_start(deploys, acts, microseconds.of_duration(terms.clock))
    start = deploys["start"]
    deadline = start + microseconds.of_duration(terms.clock)
    if requirement.rule is Rule.NONE:
        settled = [Settlement(status=Status.NOT_REQUIRED)] * len(deploys)
    else:
        ships, acts = _ships(requirement, deploys, acts, terms)
        now, clock = microseconds.of_timestamp(terms.as_of), microseconds.of_duration(terms.clock)
        settled = settle(ships, acts, deadline, deploys["cancelled"], now=now, clock=clock)
    rows = zip(deploys[ID], deploys[SHA], deploys[PROVISIONAL], start, deadline, settled, strict=True)
    return [
        Obligation(
            id=f"{code_id}/{requirement.model}",
            code_id=code_id,
            sha=text_or_none(sha),
            model=requirement.model,
            requires=str(requirement),
            start=to_timestamp(begun),
            deadline=to_timestamp(due),
            provisional=bool(provisional),
            reason=requirement.reason,
            **settlement,
        )
        for code_id, sha, provisional, begun, due, settlement in rows
    ]


def _ships(
    requirement: Requirement, deploys: Columns, acts: Columns, terms: PromiseTerms
) -> tuple[first_ship.ShipBounds, Columns]:
    """Return when each deploy's requirement was first met, and the model events that the indices refer to."""
    start = deploys["start"]
    if requirement.rule is Rule.ANY:
        acts = acts.at(np.flatnonzero(acts[KIND] == Kind.SHIP))
        # Shipped *with* the code: after the previous deploy, and at most `sla_hours` before this one.
        together = np.maximum(deploys["previous"] + 1, start - microseconds.of_duration(terms.clock))
        lower = np.minimum(together, start)
        return first_ship.first_since(acts[EARLIEST], acts[TS], lower, new_until=acts["new_until"]), acts
    fits = first_ship.fitting(requirement, acts[VERSION], acts["number"])
    if terms.every_version_stays_live:
        acts = acts.at(np.flatnonzero(fits))
        return first_ship.first_ever(acts[EARLIEST], acts[TS], len(start)), acts
    return first_ship.first_live(acts[EARLIEST], acts[TS], fits, start), acts


def live_sha(events: pd.DataFrame) -> str | None:
    """Return the commit that is live now; None where it is unknown."""
    code = events.loc[(events[TYPE] == EventType.CODE) & ~events[PROVISIONAL], SHA]
    return None if code.empty else text_or_none(code.iloc[-1])


def _unknown(
    deploys: Columns, dependencies: ModelDependencies, live: str | None, terms: PromiseTerms
) -> Iterator[Obligation]:
    """Yield an obligation of an unknown model for each deploy whose stub cannot be read: unknown, never undeclared."""
    columns = (deploys[name] for name in (ID, SHA, "start", PROVISIONAL))
    for code_id, sha, begun, provisional in zip(*columns, strict=True):
        start, reason = to_timestamp(begun), dependencies.unreadable[sha]
        if sha in dependencies.gone:
            # The day after it in every time zone.
            after = (start + timedelta(hours=14)).date() + timedelta(days=1)
            reason = f"{reason}; set sla-since to {after.isoformat()} or a later day, which leaves this release out"
        yield Obligation(
            id=f"{code_id}/{UNREADABLE}",
            code_id=code_id,
            sha=sha,
            model=UNREADABLE,
            requires="?",
            start=start,
            deadline=start + terms.clock,
            status=Status.UNKNOWN,
            provisional=bool(provisional),
            reason=reason,
            replaced=sha != live,
        )
