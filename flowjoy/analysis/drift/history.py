"""Drift over consecutive checks: two over the threshold in a row are drift.

The past checks are in the ledger; fingerprints recognise a repeated sample.
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

MAX_NAMED_FEATURES = 50
"""Features that a past check names; if more are over the threshold, it names none."""

SKETCH_ROWS = 64
"""Rows of a sample in its sketch, 16 bits each: enough to recognise the sample, too little to reveal a row."""

_DISTINCT = 0.9
"""The share of distinct rows from which on two samples with half of their rows in common are the same sample."""

_COMPARED = 200
"""The number of latest samples that are searched for common rows."""


def row_fingerprint(live: pd.DataFrame) -> tuple[str, str]:
    """Return a digest and a sketch of the rows, independent of the order of rows and columns and of number formats.

    The sketch contains the smallest hashes, so it changes in proportion to the changed rows. It is empty where many
    rows are equal, because other samples have those rows as well. A sample repeated as a unit counts once.
    """
    names = sorted(map(str, live.columns))
    parts = pd.DataFrame(dict(enumerate(part for name in names for part in _parts(live[name]))))
    rows, times = np.unique(pd.util.hash_pandas_object(parts, index=False).to_numpy(), return_counts=True)
    if len(rows) >= SKETCH_ROWS:
        times = times // np.gcd.reduce(times)
    raw = repr(names).encode(errors="backslashreplace") + np.repeat(rows, times).tobytes()
    some = sorted(f"{int(row) & 0xFFFF:04x}" for row in rows[:SKETCH_ROWS])
    return sha256(raw).hexdigest()[:32], "".join(some) if len(rows) >= _DISTINCT * times.sum() else ""


def _parts(column: pd.Series[Any]) -> tuple[pd.Series[Any], pd.Series[Any]]:
    """Return a column as numbers, and as text where a value is not a number."""
    numbers = numbers_of(column) + 0.0  # turn -0.0 into 0.0
    return numbers, texts(column).astype(object).reset_index(drop=True).where(numbers.isna(), None)


def past_check(check: DriftCheck | None) -> PastDriftCheck | None:
    """Return what later runs need of a check; None for a check without a result."""
    if check is None or check.status not in (DriftStatus.OK, DriftStatus.OVER, DriftStatus.DRIFT):
        return None
    over = tuple(item.name for item in check.judged if item.status is DriftStatus.OVER)
    return PastDriftCheck(
        model=check.model,
        at=check.at,
        over=check.status is not DriftStatus.OK,
        sample=check.sample,
        features=over if len(over) <= MAX_NAMED_FEATURES else (),
        sketch=check.sketch,
    )


def trend(check: DriftCheck | None, marks: Iterable[PastDriftCheck]) -> tuple[DriftCheck | None, bool]:
    """Return the check with its final status, and whether the model has recovered from drift.

    Both need two consecutive checks. DRIFT: at least one feature is over the threshold in this check and in the one
    before it; a different feature each time can be chance. Recovered: no feature is over in either. Two checks of the
    same rows, or with more than half of their rows in common, count as one, with the first time and the last result.
    """
    if check is None:
        return None, False
    own = past_check(check)
    past = [mark for mark in marks if mark.model == check.model and mark.at <= check.at]
    last_two = _samples(first_and_last([*past, *([own] if own else [])]))[-2:]
    if len(last_two) < 2:
        return check, False
    if check.status is DriftStatus.OVER and _both_over(*last_two):
        return replace(check, status=DriftStatus.DRIFT), False
    return check, not any(mark.over for mark in last_two)


def _samples(marks: Iterable[PastDriftCheck]) -> list[PastDriftCheck]:
    """Return one check a sample, oldest first, with its first time and its last result."""
    same: dict[str, PastDriftCheck] = {}
    for mark in marks:
        same[mark.sample] = replace(mark, at=same.get(mark.sample, mark).at)
    distinct: list[PastDriftCheck] = []
    for mark in sorted(same.values(), key=lambda mark: mark.sort_key)[-_COMPARED:]:
        matches = (index for index, other in enumerate(distinct) if _overlap(other.sketch, mark.sketch))
        index = next(matches, len(distinct))
        before = distinct[index : index + 1]
        distinct[index : index + 1] = [replace(mark, at=other.at, sketch=other.sketch) for other in before] or [mark]
    return distinct


def _overlap(one: str, other: str) -> bool:
    """Return whether more than half of the rows in two sketches are the same."""
    some, others = (frozenset(sketch[at : at + 4] for at in range(0, len(sketch), 4)) for sketch in (one, other))
    return 2 * len(some & others) > max(len(some), len(others))


def _both_over(one: PastDriftCheck, other: PastDriftCheck) -> bool:
    """Return whether a feature is over in both; without named features, whether both are over."""
    known = one.features and other.features
    return one.over and other.over and (not known or bool(set(one.features) & set(other.features)))
