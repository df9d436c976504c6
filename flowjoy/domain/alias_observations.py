"""Derives the moves of an alias or a stage from observations of it.

MLflow does not record when an alias moves, so each run records the version that it names. A move happened after the
last observation of another version, and no later than the first observation of this one. `sources/mlflow_aliases` turns
moves into ships.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from flowjoy.domain import AliasObservation


@dataclass(frozen=True, kw_only=True)
class AliasChange:
    """A move to the observed version, in (`not_before`, `observation.at`]; None if it is the first observation."""

    observation: AliasObservation
    not_before: datetime | None


def alias_changes(observations: Iterable[AliasObservation]) -> tuple[AliasChange, ...]:
    """Return the moves to a version, of one model and signal, oldest first.

    Of several moves between two observations only the last one is seen.
    """
    changes = []
    before: AliasObservation | None = None
    for item in _in_time(observations):
        if item.version and (before is None or item.version != before.version):
            changes.append(AliasChange(observation=item, not_before=None if before is None else before.at))
        before = item
    return tuple(changes)


def every_change(observations: Iterable[AliasObservation]) -> Iterator[AliasChange]:
    """Yield the moves of every model and signal."""
    for _, one_signal in groupby(_in_time(observations), key=lambda item: (item.model, item.signal)):
        yield from alias_changes(one_signal)


def compact(observations: Iterable[AliasObservation]) -> tuple[AliasObservation, ...]:
    """Keep the first and the last observation of each stay of a version: those between show no move."""
    kept: list[AliasObservation] = []
    for _, one_signal in groupby(_in_time(observations), key=lambda item: (item.model, item.signal)):
        for _, stay in groupby(one_signal, key=lambda item: item.version):
            same = list(stay)
            kept += same[:1] if len(same) == 1 else [same[0], same[-1]]
    return tuple(kept)


def since_horizon(observations: Iterable[AliasObservation], horizon: datetime) -> tuple[AliasObservation, ...]:
    """Return the observations since `horizon` and, of each model and signal, the last one before it.

    A version that stayed longer than the memory was still observed all that time.
    """
    kept: list[AliasObservation] = []
    for _, one_signal in groupby(_in_time(observations), key=lambda item: (item.model, item.signal)):
        ordered = list(one_signal)
        before = [item for item in ordered if item.at < horizon]
        kept += before[-1:] + ordered[len(before) :]
    return tuple(kept)


def union(*observations: Iterable[AliasObservation]) -> tuple[AliasObservation, ...]:
    """Return each observation once, sorted by model, signal and time."""
    distinct = set().union(*observations)
    return tuple(sorted(distinct, key=lambda item: (item.model, item.signal, item.at, item.version, repr(item))))


def _in_time(observations: Iterable[AliasObservation]) -> Sequence[AliasObservation]:
    """Sort by model, signal and time. Of observations at one time that disagree, keep the last by name."""
    by_time = groupby(union(observations), key=lambda item: (item.model, item.signal, item.at))
    return [list(same)[-1] for _, same in by_time]
