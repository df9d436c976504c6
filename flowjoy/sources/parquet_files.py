"""The rows of a Parquet file as a frame, which never takes more memory than is allowed. Knows columns, no feature.

A file of kilobytes may unpack to gigabytes: long texts are listed once and repeated by number, lists stand in lists.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from flowjoy.errors import HarvestError
from flowjoy.sources.missing_values import Cells

_ROWS = 10_000
"""Read at once."""


def rows_of(raw: bytes, what: str, accept: Callable[[list[str], int], None], most: int) -> pd.DataFrame:
    """The frame of `raw`; `accept` is told names and rows first, and may refuse. At most `most` bytes when unpacked."""
    try:
        from pyarrow import ArrowException, parquet, types
    except ImportError:
        hint = "the container has none: write the sample as CSV"
        raise HarvestError(f"{what}: reading Parquet needs the package pyarrow, which is not here", hint=hint) from None
    try:
        whole: Any = parquet.ParquetFile(io.BytesIO(raw))
        names, schema, told = list(whole.schema_arrow.names), whole.schema_arrow, whole.metadata
        accept(names, told.num_rows)
        if any(map(types.is_nested, schema.types)):
            raise HarvestError(f"{what} has columns of lists or records", hint="a feature is one value a row")
        groups = [told.row_group(place) for place in range(told.num_row_groups)]
        _refuse(sum(group.column(place).total_uncompressed_size for group in groups for place in range(len(names))),
                what, most)  # fmt: skip
        listed = [name for name, kind in zip(names, schema.types, strict=True) if _is_text(kind)]
        # As numbers into a list of texts: each text is in memory once, however many rows have it.
        file: Any = parquet.ParquetFile(io.BytesIO(raw), read_dictionary=listed)
        columns: list[list[Any]] = [[] for _ in names]
        held = 0
        for batch in file.iter_batches(batch_size=_ROWS):
            for column, part in zip(columns, batch.columns, strict=True):
                told_by_number = types.is_dictionary(part.type) and _is_text(part.type)
                found, size = _texts(part) if told_by_number else (_values(part), part.nbytes)
                column.append(found)
                held += size
                _refuse(held, what, most)
    except (ArrowException, OSError, ValueError, TypeError, KeyError, NotImplementedError, OverflowError):
        raise HarvestError(f"{what} is not a Parquet file that can be read") from None
    parts = [pd.concat(column, ignore_index=True) if column else pd.Series(dtype=object) for column in columns]
    return pd.DataFrame(dict(enumerate(parts))).set_axis([name.strip() for name in names], axis="columns")


def _refuse(size: int, what: str, most: int) -> None:
    if size > most:
        hint = "some thousand rows, drawn at random, serve"
        raise HarvestError(f"{what} is larger than {most >> 20} MiB when it is unpacked", hint=hint)


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    held = kind.value_type if types.is_dictionary(kind) else kind
    return any(test(held) for test in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary))


def _texts(part: Any) -> tuple[pd.Series[Any], int]:
    """Texts of some rows as a CSV would have them, and how long all that occur are together."""
    import pyarrow as pa

    places = part.indices.to_pylist()
    used = sorted({place for place in places if place is not None})
    told = [_text(text) for text in part.dictionary.take(pa.array(used, pa.int64())).to_pylist() if text is not None]
    listed = dict(zip(used, map(Cells().__getitem__, told), strict=True))
    return pd.Series(list(map(listed.get, places)), dtype=object), sum(map(len, told))


def _values(part: Any) -> pd.Series[Any]:
    """Values of some rows: truth values and short floats as a CSV would have them, others with their type."""
    from pyarrow import types

    if types.is_boolean(part.type):
        return pd.Series([None if truth is None else str(truth) for truth in part.to_pylist()], dtype=object)
    held: pd.Series[Any] = part.to_pandas()
    return held.astype(str).astype(np.float64) if held.dtype in (np.float32, np.float16) else held


def _text(held: str | bytes) -> str:
    return held.decode() if isinstance(held, bytes) else held
