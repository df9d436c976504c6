"""The bins of a feature, and the number of training and live rows in each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flowjoy.domain.drift import CategoricalDistribution, Distribution, NumericDistribution

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

DECILES = np.arange(1, 10) / 10
MAX_CATEGORIES = 1000
"""Listed per feature; the rows of all others are one bin, so ids fill neither file nor memory."""

NUMERIC = 0.9
"""The share of training values from which on a feature is numeric: one stray word must not make numbers categories."""


def distributions_of(frame: pd.DataFrame) -> dict[str, Distribution]:
    """Return the distribution of each column of a training sample: one row a case, one column a feature."""
    return {str(name): _distribution(frame[name]) for name in frame.columns}


def bin_counts(distribution: Distribution, column: pd.Series[Any]) -> tuple[Counts, Counts, bool]:
    """Return the rows in each bin of the reference and of a live column, and whether the last bin is missing values.

    Missing values are a bin of their own when either side has any. In a numeric feature a value that is not a finite
    number is also missing. A category that training never had is a bin of its own, unless training had unlisted ones.
    """
    if isinstance(distribution, NumericDistribution):
        inside, missing = _binned(column, distribution.edges)
        reference = np.array(distribution.counts, dtype=np.int64)
    else:
        reference, inside, missing = _matched(_tally(column), distribution, int(texts(column).isna().sum()))
    if not (distribution.missing or missing):
        return reference, inside, False
    return np.append(reference, distribution.missing), np.append(inside, missing), True


def shares_a_value(distribution: Distribution, column: pd.Series[Any]) -> bool:
    """Return whether a live column has a value of training: a category of it, or for a numeric feature any number.

    True where a side has only missing values, or where training has unlisted categories: then it cannot be refuted.
    """
    if isinstance(distribution, NumericDistribution):
        return not distribution.edges or not column.notna().any() or bool(np.isfinite(numbers_of(column)).any())
    values = set(texts(column).dropna())
    return (
        bool(distribution.other) or not distribution.counts or not values or not values.isdisjoint(distribution.counts)
    )


def texts(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column as text, None where a value is missing. Whole numbers read the same from any type: `12`."""
    if isinstance(column.dtype, pd.StringDtype) or pd.api.types.infer_dtype(column, skipna=True) == "string":
        return column.astype(object).where(column.notna(), None)
    if pd.api.types.is_float_dtype(column.dtype):
        is_integral = (column % 1 == 0) & (column.abs() < 2**53)
        column = column.astype("Int64") if bool((is_integral | column.isna()).all()) else column
    values = column.astype(object)
    return values.where(values.isna(), values.astype(str)).where(values.notna(), None)


def _distribution(column: pd.Series[Any]) -> Distribution:
    numbers: Floats = np.asarray(numbers_of(column), dtype=np.float64)
    present = int(column.notna().sum())
    if np.isfinite(numbers).sum() < NUMERIC * present or pd.api.types.is_bool_dtype(column.dtype):
        tally = _tally(column)
        listed, rest = tally.iloc[:MAX_CATEGORIES], tally.iloc[MAX_CATEGORIES:]
        counts = {str(name): int(count) for name, count in listed.items()}
        return CategoricalDistribution(
            counts=counts, missing=len(column) - present, other=int(rest.sum()), others=len(rest)
        )
    edges = _edges(numbers)
    inside, missing = _binned(column, edges)
    return NumericDistribution(edges=edges, counts=tuple(inside.tolist()), missing=missing)


def numbers_of(column: pd.Series[Any]) -> pd.Series[float]:
    """Return the column as floats, NaN for other values; infinities stay."""
    values = column if pd.api.types.is_numeric_dtype(column.dtype) else texts(column)
    return pd.to_numeric(values, errors="coerce").astype("float64").reset_index(drop=True)


def _edges(numbers: Floats) -> tuple[float, ...]:
    """Return the deciles, each a value that occurs. A value on which several fall is listed twice: it gets its own bin.

    Then the others are the deciles of the remaining values, which would otherwise share one bin or a few.
    """
    values = numbers[np.isfinite(numbers)]
    deciles, times = _deciles(values)
    atoms = deciles[times > 1]
    if len(atoms):
        rest, more = _deciles(values[~np.isin(values, atoms)])
        deciles, times = np.append(atoms, rest), np.append(np.full(len(atoms), 2), more)
    return tuple(np.sort(np.repeat(deciles, np.minimum(times, 2))).tolist())


def _deciles(values: Floats) -> tuple[Floats, Counts]:
    """Return each value that is a decile, and how many deciles fall on it."""
    if not len(values):
        return np.array([]), np.array([], dtype=np.int64)
    deciles, times = np.unique(np.quantile(values, DECILES, method="inverted_cdf"), return_counts=True)
    return deciles, times.astype(np.int64)


def _binned(column: pd.Series[Any], edges: tuple[float, ...]) -> tuple[Counts, int]:
    """Return the rows in each bin, and the rows without a finite number. Without training numbers any value counts."""
    if not edges:
        present = int(column.notna().sum())
        return np.array([present], dtype=np.int64), len(column) - present
    cuts = np.array(edges)
    twice = np.append(cuts[:-1] == cuts[1:], False)
    with np.errstate(over="ignore"):  # -inf below the smallest float is right
        cuts[twice] = np.nextafter(cuts[twice], -np.inf)
    values = numbers_of(column).to_numpy()
    finite = values[np.isfinite(values)]
    bins = np.searchsorted(cuts, finite, side="left")
    return np.bincount(bins, minlength=len(cuts) + 1).astype(np.int64), len(values) - len(finite)


def _tally(column: pd.Series[Any]) -> pd.Series[int]:
    """Return the rows of each category, the most common first, in a deterministic order."""
    counts = texts(column).value_counts()
    return counts.sort_index().sort_values(ascending=False, kind="stable")


def _matched(live: pd.Series[int], distribution: CategoricalDistribution, missing: int) -> tuple[Counts, Counts, int]:
    """Return the rows of each category on both sides, in the order of training; categories that it lacks come last."""
    known: Mapping[str, int] = distribution.counts
    order = sorted(known, key=lambda name: (-known[name], name))
    inside = live.reindex(order, fill_value=0).to_numpy(dtype=np.int64)
    new = live[~live.index.isin(order)].to_numpy(dtype=np.int64)
    listed = np.array([known[name] for name in order], dtype=np.int64)
    if distribution.other:
        return np.append(listed, distribution.other), np.append(inside, new.sum()), missing
    return np.append(listed, np.zeros_like(new)), np.append(inside, new), missing
