"""The comparison of live with training data, feature by feature.

It computes the KL divergence (Kullback and Leibler, 1951) of live from reference in nats, and the population stability
index. One half is added to every bin (Jeffreys' prior), so an empty bin is improbable, not impossible.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from flowjoy.analysis.drift.binning import Counts, Floats, bin_counts, shares_a_value
from flowjoy.domain.drift import CategoricalDistribution, Distribution, DriftStatus, FeatureDrift
from flowjoy.domain.plurals import grouped, plural

HALF = 0.5
MIN_ROWS_PER_CATEGORY = 5
"""Rows for each category on the smaller side; with fewer, chance alone makes them differ, as for ids."""

MAX_SHOWN_BINS = 24
"""Bins of one feature in the chart; the last of them contains the rest."""

_NOT_LIVE = "the live sample has no such column"
_NOT_TRAINED = "the reference has no such feature"
_NOTHING_IN_COMMON = "live and training have no value in common: write both alike (`True` is not `1`)"


def kl_nats(live: Counts, reference: Counts) -> float:
    """Return KL(live || reference) of counts over the same bins, in nats: sum p ln(p / q), never negative."""
    p, q = _smoothed(live), _smoothed(reference)
    return max(0.0, float(np.sum(p * np.log(p / q))))


def psi(live: Counts, reference: Counts) -> float:
    """Return the population stability index of counts over the same bins: sum (p - q) ln(p / q)."""
    p, q = _smoothed(live), _smoothed(reference)
    return float(np.sum((p - q) * np.log(p / q)))


def _smoothed(counts: Counts) -> Floats:
    smoothed = counts + HALF
    return np.asarray(smoothed / smoothed.sum(), dtype=np.float64)


def compare(
    reference: Mapping[str, Distribution], live: pd.DataFrame, *, threshold: float, min_samples: int
) -> tuple[FeatureDrift, ...]:
    """Return each feature of either side: judged ones by descending KL, then errors, then those with too few rows."""
    columns = {str(name): live[name] for name in live.columns}
    features = [
        _feature(name, distribution, columns.get(name), threshold, min_samples)
        for name, distribution in reference.items()
    ]
    features += [
        FeatureDrift(name=name, status=DriftStatus.ERROR, live_n=len(column), problem=_NOT_TRAINED)
        for name, column in columns.items()
        if name not in reference
    ]
    return tuple(sorted(features, key=_worst_first))


def status_of(features: Iterable[FeatureDrift]) -> DriftStatus:
    """Return the status of one comparison: over the threshold, else error, else ok if any feature could be judged."""
    statuses = {item.status for item in features}
    for status in (DriftStatus.OVER, DriftStatus.ERROR, DriftStatus.OK, DriftStatus.TOO_FEW):
        if status in statuses:
            return status
    return DriftStatus.ERROR


def _feature(
    name: str, distribution: Distribution, column: pd.Series[Any] | None, threshold: float, min_samples: int
) -> FeatureDrift:
    if column is None:
        return FeatureDrift(name=name, status=DriftStatus.ERROR, reference_n=_rows(distribution), problem=_NOT_LIVE)
    reference, live, has_missing = bin_counts(distribution, column)
    feature = FeatureDrift(
        name=name,
        status=DriftStatus.TOO_FEW,
        categorical=isinstance(distribution, CategoricalDistribution),
        has_missing=has_missing,
        reference_n=int(reference.sum()),
        live_n=int(live.sum()),
    )
    fewest = min(feature.reference_n, feature.live_n)
    if fewest < min_samples:
        needed = f"{min_samples} {'is' if min_samples == 1 else 'are'} needed"
        return replace(feature, problem=f"{plural(fewest, 'row')} on the smaller side, {needed}")
    if isinstance(distribution, CategoricalDistribution) and (problem := _too_many(distribution, fewest)) is not None:
        return replace(feature, problem=problem)
    if not shares_a_value(distribution, column):
        return replace(feature, status=DriftStatus.ERROR, problem=_NOTHING_IN_COMMON)
    if isinstance(distribution, CategoricalDistribution) and len(reference) * MIN_ROWS_PER_CATEGORY > fewest:
        reference, live = _pooled(reference, live, len(distribution.counts), len(reference) - has_missing)
    kl = kl_nats(live, reference)
    shown_reference, shown_live = _shares(reference, live, apart=int(has_missing))
    return replace(
        feature,
        status=DriftStatus.OVER if kl > threshold else DriftStatus.OK,
        kl_nats=kl,
        psi=psi(live, reference),
        folded=len(reference) - has_missing > MAX_SHOWN_BINS,
        reference_shares=shown_reference,
        live_shares=shown_live,
    )


def _too_many(distribution: CategoricalDistribution, fewest: int) -> str | None:
    """Return why training has too many categories to be judged, independently of new categories in live data."""
    others = max(distribution.others, distribution.other // max(1, min(distribution.counts.values(), default=1)))
    distinct, rows = len(distribution.counts) + others, sum(distribution.counts.values()) + distribution.other
    if distribution.other and 2 * distinct > rows:
        return f"{grouped(distinct, 'category', 'categories')} of {grouped(rows, 'row')} in training: an id?"
    bins = len(distribution.counts) + bool(distribution.other) + bool(distribution.missing)
    if bins * MIN_ROWS_PER_CATEGORY > fewest:
        verb = "needs" if bins == 1 else "need"
        needed = f"{verb} {bins * MIN_ROWS_PER_CATEGORY} rows on each side"
        return f"{plural(bins, 'category', 'categories')} {needed}: an id?"
    return None


def _pooled(reference: Counts, live: Counts, known: int, last: int) -> tuple[Counts, Counts]:
    """Return the bins of both sides with the bins that training lacks, from `known` to `last`, merged into one."""
    if last <= known:
        return reference, live
    one, other = (np.concatenate((n[:known], [n[known:last].sum()], n[last:])) for n in (reference, live))
    return one, other


def _rows(distribution: Distribution) -> int:
    if isinstance(distribution, CategoricalDistribution):
        return sum(distribution.counts.values()) + distribution.missing + distribution.other
    return sum(distribution.counts) + distribution.missing


def _shares(reference: Counts, live: Counts, *, apart: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the share of rows in each bin, merged into as many bins as a chart shows; the last `apart` stay."""
    middle = len(reference) - apart
    starts = np.append(np.arange(min(middle, MAX_SHOWN_BINS)), np.arange(middle, len(reference)))
    both = (np.add.reduceat(side, starts) / side.sum() for side in (reference, live))
    one, other = (tuple(np.round(side, 6).tolist()) for side in both)
    return one, other


def _worst_first(item: FeatureDrift) -> tuple[int, float, str]:
    group = 0 if item.kl_nats is not None else 1 if item.status is DriftStatus.ERROR else 2
    return group, -(item.kl_nats or 0.0), item.name
