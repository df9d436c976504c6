"""Deploys that failed by what followed them, without an incident that anybody filed.

A rollback of code, a model moved back to an older version, a deploy with a revert of its commits, and a deploy of a
hotfix show that an earlier deploy failed. DORA's figures over them are rows of their own, apart from incidents.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from flowjoy.analysis.event_columns import EARLIEST, ID, KIND, LATEST, NAME, SHA, TS, TYPE, VERSION
from flowjoy.analysis.flow.dora import BOTH, Dora, DoraFigure
from flowjoy.analysis.timeline import deploys_and_ships, happened_since, without_provisional
from flowjoy.domain import EventType, Kind, Window
from flowjoy.domain.corrections import Correction, CorrectionKind

_ROW, _FAILED = "_row", "_failed"
_HOUR = timedelta(hours=1)


class Sign(StrEnum):
    """A kind of event that shows that a deploy failed."""

    ROLLBACK = "rollback"
    MOVED_BACK = "moved back"
    REVERT = "revert"
    HOTFIX = "hotfix"


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One sign of a failure, and the id and time of the event that replaced the failed deploy.

    `commit`: the one that reverts or that merged the hotfix, whose number is `pull_request`.
    """

    sign: Sign
    event: str
    at: datetime
    commit: str | None = None
    pull_request: int | None = None


@dataclass(frozen=True, kw_only=True)
class ObservedFailure:
    """A deploy, by the id of its event, that something shows to have failed; `evidence`: the earliest first.

    It recovered at the earliest evidence, after at most `hours`; `low_hours` is less where a time was only observed.
    """

    id: str
    type: EventType
    at: datetime
    evidence: tuple[Evidence, ...]
    low_hours: float
    hours: float


def observed_failures(events: pd.DataFrame, corrections: Iterable[Correction]) -> tuple[ObservedFailure, ...]:
    """Return the deploys and ships that failed, oldest first. `events`: a timeline from its beginning.

    A rollback shows that the last deploy (of a model: ship) of the commit (version) failed that was live before it. A
    revert shows it of the last deploy of the reverted commit before it went live, a hotfix of the last deploy before.
    """
    happened = without_provisional(events).reset_index(drop=True)
    happened = happened.assign(**{_ROW: np.arange(len(happened))})
    counted = set(happened.index[happened[ID].isin(deploys_and_ships(happened)[ID])])
    pairs = [*_moved_back(happened), *_corrected(happened, corrections)]
    known = sorted((pair for pair in pairs if pair[0] in counted), key=lambda pair: (pair[0], pair[1], repr(pair[2])))
    rows: Sequence[dict[Hashable, Any]] = happened.to_dict("records") if known else ()
    by_failed = groupby(known, key=lambda pair: pair[0])
    return tuple(_failure(rows, failed, [pair[1:] for pair in signs]) for failed, signs in by_failed)


_Pair = tuple[int, int, Correction | Sign]
"""The row of a failed deploy, the row of the event that replaced it, and what shows it."""


def _moved_back(happened: pd.DataFrame) -> Iterator[_Pair]:
    """Yield each rollback of code or of a model with the deploy that it ended."""
    of_code = happened[TYPE] == EventType.CODE
    for ours, line, live, sign in (
        (happened[of_code], TYPE, SHA, Sign.ROLLBACK),
        (happened[~of_code], NAME, VERSION, Sign.MOVED_BACK),
    ):
        what = ours[live].where(ours[live].notna(), "\0" + ours[ID])
        begun = ours[_ROW].where(ours[KIND].isin([Kind.DEPLOY, Kind.SHIP]))
        latest = begun.groupby([ours[line], what]).ffill()
        failed = latest.groupby(ours[line]).shift()
        back = (ours[KIND] == Kind.ROLLBACK) & failed.notna()
        for old, new in zip(failed[back], ours.loc[back, _ROW], strict=True):
            yield int(old), int(new), sign


def _corrected(happened: pd.DataFrame, corrections: Iterable[Correction]) -> Iterator[_Pair]:
    """Yield each correction with the row of the deploy that it corrects and of the deploy that shipped it."""
    code = happened[(happened[TYPE] == EventType.CODE) & (happened[KIND] == Kind.DEPLOY)]
    first = code.drop_duplicates(SHA).set_index(SHA)[_ROW]
    for item in corrections:
        if item.deployed not in first.index or (item.failed is None) != (item.kind is CorrectionKind.HOTFIX):
            continue
        replaced_by = int(first[item.deployed])
        before = code[code[_ROW] < replaced_by]
        before = before if item.failed is None else before[before[SHA] == item.failed]
        if not before.empty:
            yield int(before[_ROW].iloc[-1]), replaced_by, item


def _failure(
    rows: Sequence[dict[Hashable, Any]], failed: int, signs: Sequence[tuple[int, Correction | Sign]]
) -> ObservedFailure:
    old, new = rows[failed], rows[signs[0][0]]
    return ObservedFailure(
        id=old[ID],
        type=EventType(old[TYPE]),
        at=old[TS].to_pydatetime(),
        evidence=tuple(_evidence(rows[row], sign) for row, sign in signs),
        low_hours=max(0.0, (new[EARLIEST] - old[LATEST]) / _HOUR),
        hours=max(0.0, (new[LATEST] - old[EARLIEST]) / _HOUR),
    )


def _evidence(row: dict[Hashable, Any], sign: Correction | Sign) -> Evidence:
    at = row[TS].to_pydatetime()
    if isinstance(sign, Sign):
        return Evidence(sign=sign, event=row[ID], at=at)
    kind = Sign(sign.kind.value)
    return Evidence(sign=kind, event=row[ID], at=at, commit=sign.commit, pull_request=sign.pull_request)


def with_observed(
    figures: Iterable[Dora],
    events: pd.DataFrame,
    failures: Sequence[ObservedFailure],
    window: Window,
    *,
    known: Collection[EventType],
) -> tuple[Dora, ...]:
    """Return DORA's figures with those over observed failures. A type that is not `known` has no data.

    `events`: the same timeline as the failures'.
    """
    happened = happened_since(events, window.since)
    return tuple(
        _with_figures(item, happened, failures, types) if set(types) <= set(known) else item
        for item in figures
        for types in [[kind for kind in EventType if item.kind in (kind, BOTH)]]
    )


def _with_figures(
    figures: Dora, happened: pd.DataFrame, failures: Sequence[ObservedFailure], types: Collection[EventType]
) -> Dora:
    deploys = set(deploys_and_ships(happened[happened[TYPE].isin(types)])[ID])
    every = [failure for failure in failures if failure.type in types]
    ours = [failure for failure in every if failure.id in deploys]
    fixes = {item.event for failure in every for item in failure.evidence} & set(happened[ID])
    if not deploys:
        return figures
    return replace(
        figures,
        observed_fail_rate=DoraFigure(value=len(ours) / len(deploys), n=len(deploys)),
        observed_recovery_hours=_recovery(ours),
        observed_rework_rate=DoraFigure(value=len(fixes) / len(deploys), n=len(deploys)),
    )


def _recovery(failures: Sequence[ObservedFailure]) -> DoraFigure:
    """Return the median time until a failed deploy was replaced; at most that where a time was only observed."""
    if not failures:
        return DoraFigure()
    at_most = any(failure.low_hours < failure.hours for failure in failures)
    return DoraFigure(value=float(np.median([item.hours for item in failures])), n=len(failures), at_most=at_most)
