"""Whether live data still lie as training data did, feature by feature.

KL divergence (Kullback and Leibler, 1951) of live from reference in nats, beside it the population stability index;
one half is added to every bin (Jeffreys' prior), so that an empty one is improbable, not impossible. Knows columns and
bins, no file and no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from flowjoy.analysis.drift.binning import Counts, Floats, counts_of, in_common
from flowjoy.domain.drift import CategoricalDistribution, DriftStatus, FeatureDrift, Spread

HALF = 0.5
LEAST_A_BIN = 5
"""Rows for each category on the smaller side, below which chance alone makes them differ: ids must not page."""

MOST_BINS = 24
"""Kept of one feature for the picture; the last of them holds the rest."""

_NOT_LIVE = "the live sample has no such column"
_NOT_TRAINED = "the reference has no such feature"
_NOTHING_IN_COMMON = "live and training have no value in common: write both alike (`True` is not `1`)"


def kl_nats(live: Counts, reference: Counts) -> float:
    """KL(live || reference) of two rows of counts over the same bins, in nats: sum p ln(p / q), never negative."""
    p, q = _smoothed(live), _smoothed(reference)
    return max(0.0, float(np.sum(p * np.log(p / q))))


def psi(live: Counts, reference: Counts) -> float:
    """The population stability index of the same: sum (p - q) ln(p / q)."""
    p, q = _smoothed(live), _smoothed(reference)
    return float(np.sum((p - q) * np.log(p / q)))


def _smoothed(counts: Counts) -> Floats:
    held = counts + HALF
    return np.asarray(held / held.sum(), dtype=np.float64)


def compare(
    reference: Mapping[str, Spread], live: pd.DataFrame, *, threshold: float, min_samples: int
) -> tuple[FeatureDrift, ...]:
    """Each feature of either side: those that can be judged by KL, the worst first; then errors, then too few rows."""
    there = {str(name): live[name] for name in live.columns}
    found = [_feature(name, spread, there.get(name), threshold, min_samples) for name, spread in reference.items()]
    found += [
        FeatureDrift(name=name, status=DriftStatus.ERROR, live_n=len(column), problem=_NOT_TRAINED)
        for name, column in there.items()
        if name not in reference
    ]
    return tuple(sorted(found, key=_worst_first))


def status_of(features: Iterable[FeatureDrift]) -> DriftStatus:
    """What one comparison says: over the threshold, else an error, else ok, if any feature could be judged."""
    found = {item.status for item in features}
    for status in (DriftStatus.OVER, DriftStatus.ERROR, DriftStatus.OK, DriftStatus.TOO_FEW):
        if status in found:
            return status
    return DriftStatus.ERROR


def _feature(
    name: str, spread: Spread, column: pd.Series[Any] | None, threshold: float, min_samples: int
) -> FeatureDrift:
    if column is None:
        return FeatureDrift(name=name, status=DriftStatus.ERROR, reference_n=_rows(spread), problem=_NOT_LIVE)
    reference, live, has_missing = counts_of(spread, column)
    known = FeatureDrift(
        name=name,
        status=DriftStatus.TOO_FEW,
        categorical=isinstance(spread, CategoricalDistribution),
        has_missing=has_missing,
        reference_n=int(reference.sum()),
        live_n=int(live.sum()),
    )
    fewest = min(known.reference_n, known.live_n)
    if fewest < min_samples:
        return replace(known, problem=f"{fewest} rows on the smaller side, {min_samples} are needed")
    if isinstance(spread, CategoricalDistribution) and (problem := _too_many(spread, fewest)) is not None:
        return replace(known, problem=problem)
    if not in_common(spread, column):
        return replace(known, status=DriftStatus.ERROR, problem=_NOTHING_IN_COMMON)
    if isinstance(spread, CategoricalDistribution) and len(reference) * LEAST_A_BIN > fewest:
        reference, live = _pooled(reference, live, len(spread.counts), len(reference) - has_missing)
    kl = kl_nats(live, reference)
    shown_reference, shown_live = _shares(reference, live, apart=int(has_missing))
    return replace(
        known,
        status=DriftStatus.OVER if kl > threshold else DriftStatus.OK,
        kl_nats=kl,
        psi=psi(live, reference),
        folded=len(reference) - has_missing > MOST_BINS,
        reference_shares=shown_reference,
        live_shares=shown_live,
    )


def _too_many(spread: CategoricalDistribution, fewest: int) -> str | None:
    """Why the categories of training cannot be judged, whatever live data has: else new categories would hide it."""
    others = max(spread.others, spread.other // max(1, min(spread.counts.values(), default=1)))
    distinct, rows = len(spread.counts) + others, sum(spread.counts.values()) + spread.other
    if spread.other and 2 * distinct > rows:
        return f"{distinct:,} categories of {rows:,} rows in training: an id?"
    bins = len(spread.counts) + bool(spread.other) + bool(spread.missing)
    if bins * LEAST_A_BIN > fewest:
        return f"{bins} categories need {bins * LEAST_A_BIN} rows on each side: an id?"
    return None


def _pooled(reference: Counts, live: Counts, known: int, last: int) -> tuple[Counts, Counts]:
    """The bins of both with those that training did not have, from `known` to `last`, in one."""
    if last <= known:
        return reference, live
    one, other = (np.concatenate((n[:known], [n[known:last].sum()], n[last:])) for n in (reference, live))
    return one, other


def _rows(spread: Spread) -> int:
    if isinstance(spread, CategoricalDistribution):
        return sum(spread.counts.values()) + spread.missing + spread.other
    return sum(spread.counts) + spread.missing


def _shares(reference: Counts, live: Counts, *, apart: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The share of the rows in each bin, of no more bins than a picture shows; the last `apart` are left alone."""
    middle = len(reference) - apart
    starts = np.append(np.arange(min(middle, MOST_BINS)), np.arange(middle, len(reference)))
    both = (np.add.reduceat(side, starts) / side.sum() for side in (reference, live))
    one, other = (tuple(np.round(side, 6).tolist()) for side in both)
    return one, other


def _worst_first(item: FeatureDrift) -> tuple[int, float, str]:
    place = 0 if item.kl_nats is not None else 1 if item.status is DriftStatus.ERROR else 2
    return place, -(item.kl_nats or 0.0), item.name
