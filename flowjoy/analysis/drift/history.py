"""Which checks are two, and what two running say: marks of checks, as the ledger keeps them.

Knows rows, marks and time; no feature's figures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd

from flowjoy.analysis.drift.binning import numbers_of, texts
from flowjoy.domain.drift import DriftCheck, DriftStatus, PastDriftCheck, first_and_last

MOST_MARKED = 50
"""Features that a mark names; of more it names none."""

SKETCHED = 64
"""Rows of a sample that are remembered, by 16 bits each: enough to know the sample again, too little to know a row."""

_DISTINCT = 0.9
"""Of the rows, from which on two samples with half of their rows in common are one that was changed."""

_COMPARED = 200
"""Samples that are looked at for rows in common, the last ones."""


def rows_of(live: pd.DataFrame) -> tuple[str, str]:
    """A digest and a sketch of the rows, in whatever order they and their columns come, however numbers are written.

    The sketch is of those with the least hashes, so that it changes with a share of the rows; empty where many rows are
    alike, which other samples have, too. Rows that are all there twice are there once.
    """
    names = sorted(map(str, live.columns))
    told = pd.DataFrame(dict(enumerate(part for name in names for part in _parts(live[name]))))
    rows, times = np.unique(pd.util.hash_pandas_object(told, index=False).to_numpy(), return_counts=True)
    if len(rows) >= SKETCHED:
        times = times // np.gcd.reduce(times)
    raw = repr(names).encode(errors="backslashreplace") + np.repeat(rows, times).tobytes()
    some = sorted(f"{int(row) & 0xFFFF:04x}" for row in rows[:SKETCHED])
    return sha256(raw).hexdigest()[:32], "".join(some) if len(rows) >= _DISTINCT * times.sum() else ""


def _parts(column: pd.Series[Any]) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """A column as numbers, and as texts where it has none."""
    numbers = numbers_of(column) + 0.0  # no zero below zero
    return numbers, texts(column).astype(object).reset_index(drop=True).where(numbers.isna(), None)


def mark_of(check: DriftCheck | None) -> PastDriftCheck | None:
    """What later runs must know of a check; None of one that judged nothing."""
    if check is None or check.status not in (DriftStatus.OK, DriftStatus.OVER, DriftStatus.DRIFT):
        return None
    over = tuple(item.name for item in check.judged if item.status is DriftStatus.OVER)
    return PastDriftCheck(
        model=check.model,
        at=check.at,
        over=check.status is not DriftStatus.OK,
        sample=check.sample,
        features=over if len(over) <= MOST_MARKED else (),
        sketch=check.sketch,
    )


def trend(check: DriftCheck | None, marks: Iterable[PastDriftCheck]) -> tuple[DriftCheck | None, bool]:
    """The check with its final status, and whether the model is over a drift: both look at two checks running.

    DRIFT: one feature at least is over the threshold in this check and in the one before it; of many features another
    one each time is what chance does. Healed: nothing is over in either; one check alone neither raises nor ends an
    alert. Two checks of the same rows are one, at its first time, with its last word; the same are they, too, when more
    than half of them are.
    """
    if check is None:
        return None, False
    own = mark_of(check)
    known = [mark for mark in marks if mark.model == check.model and mark.at <= check.at]
    last_two = _samples(first_and_last([*known, *([own] if own else [])]))[-2:]
    if len(last_two) < 2:
        return check, False
    if check.status is DriftStatus.OVER and _both_over(*last_two):
        return replace(check, status=DriftStatus.DRIFT), False
    return check, not any(mark.over for mark in last_two)


def _samples(marks: Iterable[PastDriftCheck]) -> list[PastDriftCheck]:
    """One mark a sample, in time: at its first time, with its last word."""
    same: dict[str, PastDriftCheck] = {}
    for mark in marks:
        same[mark.sample] = replace(mark, at=same.get(mark.sample, mark).at)
    found: list[PastDriftCheck] = []
    for mark in sorted(same.values(), key=lambda mark: mark.sort_key)[-_COMPARED:]:
        place = next((place for place, held in enumerate(found) if _overlap(held.sketch, mark.sketch)), len(found))
        before = found[place : place + 1]
        found[place : place + 1] = [replace(mark, at=held.at, sketch=held.sketch) for held in before] or [mark]
    return found


def _overlap(one: str, other: str) -> bool:
    """Whether more than half of the rows in two sketches are the same."""
    some, others = (frozenset(told[at : at + 4] for at in range(0, len(told), 4)) for told in (one, other))
    return 2 * len(some & others) > max(len(some), len(others))


def _both_over(one: PastDriftCheck, other: PastDriftCheck) -> bool:
    """Whether a feature is over in both; where the features are not known, whether both are over."""
    known = one.features and other.features
    return one.over and other.over and (not known or bool(set(one.features) & set(other.features)))
