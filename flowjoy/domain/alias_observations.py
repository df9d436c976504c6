"""From looks at an alias or a stage to the moves between them. Pure; knows instants and versions, no registry.

MLflow keeps no time for a move, so each run notes which version it saw. A move happened after the last look that saw
another version, and at the latest when the first look saw this one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from flowjoy.domain import AliasObservation


@dataclass(frozen=True, kw_only=True)
class AliasChange:
    """That `look.version` came to be named, in (`not_before`, `look.at`]; `not_before` None: nobody looked before."""

    look: AliasObservation
    not_before: datetime | None


def alias_changes(looks: Iterable[AliasObservation]) -> tuple[AliasChange, ...]:
    """The moves to a version, of one model and signal, oldest first. Two moves between two looks are not seen."""
    found = []
    before: AliasObservation | None = None
    for look in _in_time(looks):
        if look.version and (before is None or look.version != before.version):
            found.append(AliasChange(look=look, not_before=None if before is None else before.at))
        before = look
    return tuple(found)


def compact(looks: Iterable[AliasObservation]) -> tuple[AliasObservation, ...]:
    """The first and the last look of each stay of a version: what lies between tells nothing of any move."""
    kept: list[AliasObservation] = []
    for _, one_signal in groupby(_in_time(looks), key=lambda look: (look.model, look.signal)):
        for _, stay in groupby(one_signal, key=lambda look: look.version):
            seen = list(stay)
            kept += seen[:1] if len(seen) == 1 else [seen[0], seen[-1]]
    return tuple(kept)


def since_horizon(looks: Iterable[AliasObservation], horizon: datetime) -> tuple[AliasObservation, ...]:
    """Return the looks since `horizon`, and of each model and signal the last one before it.

    A version that stayed longer than the memory was still observed all that time.
    """
    kept: list[AliasObservation] = []
    for _, one_signal in groupby(_in_time(looks), key=lambda look: (look.model, look.signal)):
        seen = list(one_signal)
        before = [look for look in seen if look.at < horizon]
        kept += before[-1:] + seen[len(before) :]
    return tuple(kept)


def union(*looks: Iterable[AliasObservation]) -> tuple[AliasObservation, ...]:
    """Each look once: by model and signal, in time."""
    every = set().union(*looks)
    return tuple(sorted(every, key=lambda look: (look.model, look.signal, look.at, look.version, repr(look))))


def _in_time(looks: Iterable[AliasObservation]) -> Sequence[AliasObservation]:
    """By model, signal and instant. Of looks at one instant that disagree the last by name counts, and only it."""
    by_instant = groupby(union(looks), key=lambda look: (look.model, look.signal, look.at))
    return [list(same)[-1] for _, same in by_instant]
