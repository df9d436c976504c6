"""How a feature is cut into bins, and how many rows of either side lie in each. Knows columns, no verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flowjoy.domain.drift import CategoricalDistribution, NumericDistribution, Spread

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

DECILES = np.arange(1, 10) / 10
MOST_CATEGORIES = 1000
"""Listed of one feature; the rows of the others are one bin. So ids fill neither file nor memory."""

NUMERIC = 0.9
"""Of the values in training, from which on a feature is numeric: one stray word makes no category of each number."""


def reference_of(frame: pd.DataFrame) -> dict[str, Spread]:
    """How each column of a training sample lies: one row a case, one column a feature, text or typed."""
    return {str(name): _spread(frame[name]) for name in frame.columns}


def counts_of(spread: Spread, column: pd.Series[Any]) -> tuple[Counts, Counts, bool]:
    """Rows in each bin of the reference and of a live column, and whether the last bin is the rows without a value.

    Missing values are a bin of their own when either side has any. In a numeric feature what is no finite number is
    missing, too; a category that training never had is a bin of its own, unless some were too many to be listed.
    """
    if isinstance(spread, NumericDistribution):
        inside, missing = _binned(column, spread.edges)
        reference = np.array(spread.counts, dtype=np.int64)
    else:
        reference, inside, missing = _matched(_tally(column), spread, int(texts(column).isna().sum()))
    if not (spread.missing or missing):
        return reference, inside, False
    return np.append(reference, spread.missing), np.append(inside, missing), True


def in_common(spread: Spread, column: pd.Series[Any]) -> bool:
    """Return whether a live column has a value of training: a category of it, or for a numeric feature any number.

    True where a side has no value at all, or where training has categories that are not listed: nothing contradicts it.
    """
    if isinstance(spread, NumericDistribution):
        return not spread.edges or not column.notna().any() or bool(np.isfinite(numbers_of(column)).any())
    there = set(texts(column).dropna())
    return bool(spread.other) or not spread.counts or not there or not there.isdisjoint(spread.counts)


def texts(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column as text, None where nothing is. A whole number reads the same from any type: `12`, never `12.0`."""
    if isinstance(column.dtype, pd.StringDtype) or pd.api.types.infer_dtype(column, skipna=True) == "string":
        return column.astype(object).where(column.notna(), None)
    held = column
    if pd.api.types.is_float_dtype(held.dtype) and bool(((held % 1 == 0) & (held.abs() < 2**53) | held.isna()).all()):
        held = held.astype("Int64")
    told = held.astype(object)
    return told.where(told.isna(), told.astype(str)).where(told.notna(), None)


def _spread(column: pd.Series[Any]) -> Spread:
    numbers: Floats = np.asarray(numbers_of(column), dtype=np.float64)
    there = int(column.notna().sum())
    if np.isfinite(numbers).sum() < NUMERIC * there or pd.api.types.is_bool_dtype(column.dtype):
        tally = _tally(column)
        listed, rest = tally.iloc[:MOST_CATEGORIES], tally.iloc[MOST_CATEGORIES:]
        counts = {str(name): int(count) for name, count in listed.items()}
        return CategoricalDistribution(
            counts=counts, missing=len(column) - there, other=int(rest.sum()), others=len(rest)
        )
    edges = _edges(numbers)
    inside, missing = _binned(column, edges)
    return NumericDistribution(edges=edges, counts=tuple(inside.tolist()), missing=missing)


def numbers_of(column: pd.Series[Any]) -> pd.Series[float]:
    """The column as floats, NaN for what is none; infinities stay."""
    held = column if pd.api.types.is_numeric_dtype(column.dtype) else texts(column)
    return pd.to_numeric(held, errors="coerce").astype("float64").reset_index(drop=True)


def _edges(numbers: Floats) -> tuple[float, ...]:
    """The deciles, each a value that occurs. One on which several fall stands there twice: it gets a bin of its own.

    Then the others are the deciles of the rest, which would else lie in few bins, or in one.
    """
    values = numbers[np.isfinite(numbers)]
    found, times = _deciles(values)
    atoms = found[times > 1]
    if len(atoms):
        rest, more = _deciles(values[~np.isin(values, atoms)])
        found, times = np.append(atoms, rest), np.append(np.full(len(atoms), 2), more)
    return tuple(np.sort(np.repeat(found, np.minimum(times, 2))).tolist())


def _deciles(values: Floats) -> tuple[Floats, Counts]:
    """Each value that is one, and how many deciles fall on it."""
    if not len(values):
        return np.array([]), np.array([], dtype=np.int64)
    found, times = np.unique(np.quantile(values, DECILES, method="inverted_cdf"), return_counts=True)
    return found, times.astype(np.int64)


def _binned(column: pd.Series[Any], edges: tuple[float, ...]) -> tuple[Counts, int]:
    """Rows in each bin, and rows without a finite number. Where training had no number at all, any value counts."""
    if not edges:
        there = int(column.notna().sum())
        return np.array([there], dtype=np.int64), len(column) - there
    cuts = np.array(edges)
    twice = np.append(cuts[:-1] == cuts[1:], False)
    with np.errstate(over="ignore"):  # below the least float lies -inf, which is right
        cuts[twice] = np.nextafter(cuts[twice], -np.inf)
    values = numbers_of(column).to_numpy()
    finite = values[np.isfinite(values)]
    places = np.searchsorted(cuts, finite, side="left")
    return np.bincount(places, minlength=len(cuts) + 1).astype(np.int64), len(values) - len(finite)


def _tally(column: pd.Series[Any]) -> pd.Series[int]:
    """Rows of each category, the most common first, in one order for all."""
    counts = texts(column).value_counts()
    return counts.sort_index().sort_values(ascending=False, kind="stable")


def _matched(live: pd.Series[int], spread: CategoricalDistribution, missing: int) -> tuple[Counts, Counts, int]:
    """Rows of each category on both sides, in the order of training; what training did not list comes after it."""
    known: Mapping[str, int] = spread.counts
    order = sorted(known, key=lambda name: (-known[name], name))
    inside = live.reindex(order, fill_value=0).to_numpy(dtype=np.int64)
    new = live[~live.index.isin(order)].to_numpy(dtype=np.int64)
    listed = np.array([known[name] for name in order], dtype=np.int64)
    if spread.other:
        return np.append(listed, spread.other), np.append(inside, new.sum()), missing
    return np.append(listed, np.zeros_like(new)), np.append(inside, new), missing
