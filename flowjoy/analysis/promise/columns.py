"""Columns of a frame as plain arrays, for rules that take a few rows of it thousands of times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flowjoy.analysis.promise import microseconds

Indices = npt.NDArray[np.intp]
"""Row numbers."""


class Columns:
    """Arrays of one length by name. Taking rows costs microseconds, where a frame takes a third of a millisecond."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], indices: Indices) -> None:
        self._arrays, self._indices = arrays, indices

    @classmethod
    def of(cls, frame: pd.DataFrame, names: Iterable[str], rows: Indices) -> Columns:
        """Return these columns of some rows of a frame; timestamps become microseconds, and text objects."""
        return cls({name: _array(frame[name])[rows] for name in names}, np.arange(len(rows)))

    @property
    def rows(self) -> Indices:
        """The numbers of these rows among those that the columns were made of."""
        return self._indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        values: npt.NDArray[Any] = self._arrays[name][self._indices]
        return values

    def replaced(self, columns: Mapping[str, npt.NDArray[Any]]) -> Columns:
        """Return the same rows with other values in some columns."""
        arrays = {name: self[name] for name in self._arrays} | dict(columns)
        return Columns(arrays, np.arange(len(self)))

    def at(self, indices: Indices | Sequence[int]) -> Columns:
        """Return the rows with these numbers."""
        return Columns(self._arrays, self._indices[np.asarray(indices, dtype=np.intp)])


def _array(column: pd.Series) -> npt.NDArray[Any]:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return microseconds.of_column(column)
    return column.to_numpy() if isinstance(column.dtype, np.dtype) else column.to_numpy(dtype=object)


def indices_by(values: Iterable[object]) -> dict[str, list[int]]:
    """Return the row numbers of each text; other values are left out."""
    indices: defaultdict[str, list[int]] = defaultdict(list)
    for index, value in enumerate(values):
        if isinstance(value, str):
            indices[value].append(index)
    return indices


def text_or_none(value: object) -> str | None:
    """Return the cell as text, or None if it is missing (NaN or None)."""
    return value if isinstance(value, str) else None
