"""Samples of training and live data as data frames, from CSV or Parquet files.

Samples are private: no message shows their content, not even the name of a column.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flowjoy.errors import HarvestError

MAX_FEATURES = 1000
MAX_NAME_LENGTH = 1000
_MAX_HEADER_BYTES = 4 << 20
"""A header of millions of commas must not fill the memory before its names are counted."""

_MAX_COMMAS = 200_000
"""Of one line, commas in quoted text included: the parser holds a line in memory before it counts the cells."""

_INDEX_NAME = re.compile(r"|Unnamed: \d+|__index_level_\d+__")
"""The names that pandas and other tools give to a column of row numbers."""

_DATA_IN_HEADER = re.compile(r"[-+]?(\d[\d_]*\.?\d*|\.\d+)(e[-+]?\d+)?|true|false", re.IGNORECASE)
"""Numbers and truth values, which do not name a column."""

_MISSING = frozenset(
    {"", "<na>", "#n/a", "#n/a n/a", "#na", "-1.#ind", "-1.#qnan", "1.#ind", "1.#qnan", "-nan", "nan"}
    | {"n/a", "na", "none", "null"}
)
"""Texts that mean a missing value, in lower case: those of pandas."""

_TRUTH_VALUES = {"true": "True", "false": "False"}
_FEWER_ROWS = "a random sample of some thousand rows is enough"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much is read: bytes of the file, and cells, each of which takes up to a hundred bytes in memory."""

    size: int
    cells: int


STEP = Limits(size=16 << 20, cells=1_000_000)
"""For the step, which must run within 400 MB."""

LAPTOP = Limits(size=1 << 30, cells=64_000_000)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One row per case, one column per feature. `notes` name what was left out."""

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()


def read_sample(path: Path, what: str, limits: Limits) -> Sample:
    """Return the rows of a CSV or Parquet (`.parquet`, `.pq`) file.

    Raise HarvestError("<what>: …") for a file that is not a sample.
    """
    what = f"{what} {path.name}".strip()
    raw = read_bytes(path, what, limits.size)
    parse = _read_parquet if path.suffix.lower() in (".parquet", ".pq") else _read_csv
    frame = parse(raw, what, limits)
    if frame.empty:
        raise HarvestError(f"{what} does not have any rows", hint="was its export cut short?")
    if "" in frame.columns and not _are_row_numbers(frame[""]):
        raise HarvestError(f"{what}: the first line looks like data", hint="the first line must name the columns")
    features = [name for name in frame.columns if not _INDEX_NAME.fullmatch(name)]
    if not features:
        raise HarvestError(f"{what} does not name a feature", hint="the first line must name the columns")
    left_out = len(frame.columns) - len(features)
    note = f"{what}: {left_out} column(s) without a name of their own are left out (row numbers?)"
    return Sample(frame=frame[features], notes=(note,) if left_out else ())


def read_bytes(path: Path, what: str, limit: int) -> bytes:
    """Return the content of a file of at most `limit` bytes. Raise HarvestError, which never shows the content."""
    try:
        if path.is_dir():
            raise HarvestError(f"{what} is a folder", hint="name the file in it")
        if path.exists() and not path.is_file():
            raise HarvestError(f"{what} is not a file", hint="check the path")
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except OSError as problem:
        raise HarvestError(f"{what} cannot be read ({problem.strerror})", hint="check the path") from None
    if len(raw) > limit:
        raise HarvestError(f"{what} is larger than {limit >> 20} MiB", hint=_FEWER_ROWS)
    return raw


def _are_row_numbers(column: pd.Series[Any]) -> bool:
    """Return whether a column may number the rows, also of a sample: whole numbers, no two alike."""
    return bool(column.map(lambda cell: str(cell).isdecimal()).all()) and column.is_unique


def _read_csv(raw: bytes, what: str, limits: Limits) -> pd.DataFrame:
    try:
        header = next(csv.reader(_text(raw[:_MAX_HEADER_BYTES])), [])
        names = _checked_names(header, what)
        _refuse_data(names, what)
        _refuse_too_many(max(raw.count(b"\n"), raw.count(b"\r")) * len(names), what, limits)
        _refuse_long_lines(raw)
        # As text: the reference decides the type of a column, not the parser's guess on either side. The header is
        # read as a row, because pandas counts the cells of every row but the first. Only the Python engine refuses
        # text after a closing quote.
        table = pd.read_csv(
            _text(raw), header=None, dtype=object, na_filter=False, skip_blank_lines=False, engine="python"
        ).iloc[1:]
    except UnicodeDecodeError:
        raise HarvestError(f"{what} is not UTF-8 text", hint="is it CSV? Parquet must be named .parquet") from None
    except (csv.Error, pd.errors.ParserError):
        hint = "write CSV with commas, and no line with more cells than the first one"
        raise HarvestError(f"{what} is not a table", hint=hint) from None
    if len(names) > 1:
        table = table[table[0].notna()]  # an empty line is a row only where there is one column
    columns = {index: _cells(table[index]) for index in table.columns}
    return pd.DataFrame(columns).set_axis(names, axis="columns")


def _refuse_long_lines(raw: bytes) -> None:
    if any(line[0].count(b",") > _MAX_COMMAS for line in re.finditer(rb"[^\r\n]+", raw)):
        raise csv.Error


def _text(raw: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(raw), "utf-8-sig", newline="")


def _cells(texts: Collection[Any]) -> pd.Series[Any]:
    """Return texts as a column: stripped, truth values as Python writes them, None for a missing value."""
    known: dict[Any, str | None] = {None: None}
    for text in texts:
        if text not in known:
            stripped = str(text).strip()
            folded = stripped.lower() if len(stripped) < 9 else stripped
            known[text] = None if folded in _MISSING else _TRUTH_VALUES.get(folded, stripped)
    return pd.Series([known[text] for text in texts], dtype=object)


def _read_parquet(raw: bytes, what: str, limits: Limits) -> pd.DataFrame:
    try:
        from pyarrow import ArrowException, parquet, types
    except ImportError:
        hint = "the container does not have it: write the sample as CSV"
        raise HarvestError(f"{what}: reading Parquet needs the package pyarrow", hint=hint) from None
    try:
        file: Any = parquet.ParquetFile(io.BytesIO(raw))
        schema, metadata = file.schema_arrow, file.metadata
        names = _checked_names(schema.names, what)
        _refuse_too_many(metadata.num_rows * len(names), what, limits)
        if any(map(types.is_nested, schema.types)):
            raise HarvestError(f"{what} has columns of lists or records", hint="a feature is one value per row")
        groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
        unpacked = sum(group.column(index).total_uncompressed_size for group in groups for index in range(len(names)))
        if unpacked > 4 * limits.size:
            size = f"{4 * limits.size >> 20} MiB"
            raise HarvestError(f"{what} is larger than {size} when it is unpacked", hint=_FEWER_ROWS)
        # As categories, each text is in memory once, however many rows have it.
        listed = [field.name for field in schema if _is_text(field.type)]
        frame = parquet.read_table(io.BytesIO(raw), read_dictionary=listed).to_pandas(ignore_metadata=True)
        columns = {index: _values(frame.iloc[:, index]) for index in range(len(names))}
    except (ArrowException, OSError, ValueError, TypeError, KeyError, NotImplementedError, OverflowError):
        raise HarvestError(f"{what} is not a Parquet file that can be read") from None
    return pd.DataFrame(columns).set_axis(names, axis="columns")


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    value = kind.value_type if types.is_dictionary(kind) else kind
    return any(test(value) for test in (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary))


def _values(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a Parquet column: texts, truth values and short floats as a CSV would have them, others by their type."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        texts = [text.decode() if isinstance(text, bytes) else text for text in column.cat.categories]
        if all(isinstance(text, str) for text in texts):
            categories = [*_cells(texts), None]  # the code of a missing value is -1
            return pd.Series([categories[code] for code in column.cat.codes], dtype=object)
    if pd.api.types.infer_dtype(column, skipna=True) == "boolean":
        return _cells([None if value is None else str(value) for value in column])
    return column.astype(str).astype(np.float64) if column.dtype in (np.float32, np.float16) else column


def _checked_names(header: Iterable[str], what: str) -> list[str]:
    """Return the names of the columns. Raise HarvestError for a header that a table of features does not have."""
    names = [name.strip() for name in header]
    if not any(names):
        raise HarvestError(f"{what} is empty", hint="the first line must name the columns")
    if len(names) > MAX_FEATURES:
        raise HarvestError(f"{what} has {len(names):,} columns, {MAX_FEATURES:,} are read", hint="name fewer features")
    if len(set(names)) < len(names):
        raise HarvestError(f"{what} names a column twice", hint="give each column a name of its own")
    if max(map(len, names)) > MAX_NAME_LENGTH:
        raise HarvestError(f"{what} names a column by more than {MAX_NAME_LENGTH:,} characters")
    if len(names) == 1 and re.search(r"[;\t|]", names[0]):
        raise HarvestError(f"{what} has one column only", hint="write it with commas between the cells")
    return names


def _refuse_data(names: list[str], what: str) -> None:
    """Raise HarvestError where the first line looks like a row: the names of features are published, rows are not.

    The first name may be empty: some tools write row numbers without a name.
    """
    if any(_DATA_IN_HEADER.fullmatch(name) for name in names) or not all(names[1:]):
        hint = "the first line must name the columns, none by a number or a truth value"
        raise HarvestError(f"{what}: the first line looks like data", hint=hint)


def _refuse_too_many(cells: int, what: str, limits: Limits) -> None:
    if cells > limits.cells:
        raise HarvestError(f"{what} has {cells:,} cells, {limits.cells:,} are read", hint=_FEWER_ROWS)
