"""The obligations of the 48-hour promise: what each deployment owes each model it depends on.

"Whenever we ship new application code to production, we promise to ship any ML model it depends on within the next
48 hours." Every rule is documented in docs/promise.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, repeat
from operator import attrgetter

import numpy as np
import pandas as pd

from flowjoy.analysis.event_columns import (
    CLAIMED,
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
from flowjoy.analysis.promise.microseconds import MISSING, NEVER, Micros, to_timestamp
from flowjoy.analysis.promise.obligation_status import Settlement, settle
from flowjoy.analysis.promise.possible_starts import IS_UNSURE, UNKNOWN_TIMES, agreed, at_each_start
from flowjoy.analysis.promise.waivers import apply_waivers
from flowjoy.analysis.timeline import integer_versions
from flowjoy.domain import EventType, Kind, ModelDependencies, Obligation, Requirement, Rule, Status, Waiver
from flowjoy.domain.promise import UNREADABLE
from flowjoy.domain.timestamps import day_after

_NOT_REQUIRED = Settlement(status=Status.NOT_REQUIRED)
_Asked = tuple[Requirement, Columns, first_ship.ShipBounds]
"""A requirement, the deploys that owe it at each start to judge, and the first ship that meets it."""

_BEFORE_ALL = MISSING
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
    deploys = _deploys(events, terms)
    with_stubs = dependencies.by_sha.keys() | dependencies.unreadable.keys()
    by_sha = indices_by(deploys[SHA]) if with_stubs else {}
    acts, by_model = _acts(events)
    asked = []
    for requirement, owing in _by_requirement(deploys, by_sha, dependencies):
        of_model = acts.at(by_model.get(requirement.model, ()))
        questions = at_each_start(owing, of_model, microseconds.of_duration(terms.clock))
        asked.append((requirement, questions, _ships(requirement, questions, of_model, terms)))
    owed = _judge(asked, acts, terms) if asked else []
    unread = deploys.at(_with_stub(by_sha, dependencies.unreadable))
    owed += _unknown(unread, dependencies, live_sha(events), terms)
    owed = agreed(_waived(owed, dependencies.waivers, terms.as_of))
    return tuple(sorted(owed, key=attrgetter("start", "id")))


def _waived(owed: list[Obligation], signed: Sequence[Waiver], as_of: datetime) -> list[Obligation]:
    """Return the obligations, each excused by the waivers of its model that hold for its commit."""
    if not signed:
        return owed
    waivers: defaultdict[tuple[str, str | None], list[Waiver]] = defaultdict(list)
    for waiver in signed:
        waivers[waiver.model, waiver.standing_for].append(waiver)
    return [
        apply_waivers(item, [*waivers.get((item.model, None), ()), *waivers.get((item.model, item.sha), ())], as_of)
        for item in owed
    ]


def _acts(events: pd.DataFrame) -> tuple[Columns, Mapping[str, Indices]]:
    """Return every MODEL event, and the rows of each model."""
    names = [NAME, VERSION, KIND, PRECISION, EARLIEST, TS, OLD_SINCE, CLAIMED]
    acts = Columns.of(events, names, np.flatnonzero(events[TYPE] == EventType.MODEL))
    # A version that was live before the first observation is new only for releases before that observation, and one
    # whose stamp was written afterwards only for those before the time that it names.
    times = (acts[OLD_SINCE], acts[CLAIMED])
    new_until = np.minimum.reduce([np.where(since == MISSING, NEVER, since) for since in times])
    acts = acts.replaced({"new_until": new_until, "number": integer_versions(acts[VERSION])})
    return acts, {model: np.array(rows, dtype=np.intp) for model, rows in indices_by(acts[NAME]).items()}


def _deploys(events: pd.DataFrame, terms: PromiseTerms) -> Columns:
    """Return the CODE deploys that owe models, with the previous deploy and the rollback that cancels each."""
    names = [ID, SHA, PROVISIONAL, KIND, FIRST_LIVE, TS, LATEST]
    code = Columns.of(events, names, np.flatnonzero(events[TYPE] == EventType.CODE))
    start, latest, first_live = code[TS], code[LATEST], code[FIRST_LIVE]
    cancelled, cancelled_latest = np.full(len(code), NEVER), np.full(len(code), NEVER)
    # Latest rollback first, so the earliest one that cancels a deploy overwrites the others.
    for back in np.flatnonzero((code[KIND] == Kind.ROLLBACK) & ~code[PROVISIONAL])[::-1]:
        replaced = first_live[:back] > first_live[back]
        cancelled[:back][replaced], cancelled_latest[:back][replaced] = start[back], latest[back]
    times = {"start": start, "latest": latest, "cancelled": cancelled, "cancelled_latest": cancelled_latest}
    deploys = code.replaced(times).at(np.flatnonzero(code[KIND] == Kind.DEPLOY))
    deploys = deploys.replaced({name: _before(deploys[of]) for name, of in _PREVIOUS.items()})
    unsure = [deploys[last] > deploys[first] for first, last in UNKNOWN_TIMES.items()]
    deploys = deploys.replaced({IS_UNSURE: np.any(unsure, axis=0)})
    if terms.since is None:
        return deploys
    return deploys.at(np.flatnonzero(deploys["start"] >= microseconds.of_timestamp(terms.since)))


def _before(times: Micros) -> Micros:
    """Return the time before each one."""
    before = np.full(len(times), _BEFORE_ALL)
    before[1:] = times[:-1]
    return before


def _by_requirement(
    deploys: Columns, by_sha: Mapping[str, Sequence[int]], dependencies: ModelDependencies
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


def _with_stub(by_sha: Mapping[str, Sequence[int]], shas: Iterable[str]) -> list[int]:
    """Return the rows of the deploys of these commits, in order."""
    return sorted(row for sha in shas for row in by_sha.get(sha, ()))


def _judge(asked: Sequence[_Asked], acts: Columns, terms: PromiseTerms) -> list[Obligation]:
    """Return what is owed by each requirement, all judged at once."""
    fields = (ID, SHA, PROVISIONAL, "start", "cancelled")
    columns = (np.concatenate([questions[name] for _, questions, _ in asked]) for name in fields)
    ids, shas, provisional, start, cancelled = columns
    now, clock = microseconds.of_timestamp(terms.as_of), microseconds.of_duration(terms.clock)
    ships = first_ship.joined([bounds for _, _, bounds in asked])
    settled = settle(ships, acts, start + clock, cancelled, now=now, clock=clock)
    requirements = chain.from_iterable(
        repeat((requirement, str(requirement)), len(questions)) for requirement, questions, _ in asked
    )
    times = [microseconds.to_timestamps(times) for times in (start, start + clock)]
    rows = zip(requirements, ids, shas, provisional.tolist(), *times, settled, strict=True)
    return [
        Obligation(
            id=f"{code_id}/{requirement.model}",
            code_id=code_id,
            sha=text_or_none(sha),
            model=requirement.model,
            requires=requires,
            start=begun,
            deadline=due,
            provisional=is_provisional,
            reason=requirement.reason,
            **(settlement if requirement.rule is not Rule.NONE else _NOT_REQUIRED),
        )
        for (requirement, requires), code_id, sha, is_provisional, begun, due, settlement in rows
    ]


def _ships(requirement: Requirement, deploys: Columns, acts: Columns, terms: PromiseTerms) -> first_ship.ShipBounds:
    """Return when each deploy's requirement was first met; `acts`: the events of its model."""
    start = deploys["start"]
    if requirement.rule is Rule.NONE:
        return first_ship.no_ship(len(start))
    if requirement.rule is Rule.ANY:
        acts = acts.at(np.flatnonzero(acts[KIND] == Kind.SHIP))
        # Shipped *with* the code: after the previous deploy, and at most `sla_hours` before this one.
        together = np.maximum(deploys["previous"] + 1, start - microseconds.of_duration(terms.clock))
        lower = np.minimum(together, start)
        bounds = first_ship.first_since(acts[EARLIEST], acts[TS], lower, new_until=acts["new_until"])
        return bounds.among(acts.rows)
    fits = first_ship.fitting(requirement, acts[VERSION], acts["number"])
    if terms.every_version_stays_live:
        acts = acts.at(np.flatnonzero(fits))
        return first_ship.first_ever(acts[EARLIEST], acts[TS], len(start)).among(acts.rows)
    return first_ship.first_live(acts[EARLIEST], acts[TS], fits, start).among(acts.rows)


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
            after = day_after(start).isoformat()
            reason = f"{reason}; set sla-since to {after} or a later day, which leaves this release out"
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
