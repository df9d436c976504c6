"""Samples of training and live data on disk: CSV or Parquet to one frame. Knows files, no feature and no drift.

What stands in a sample is private: no message shows any of it, not even a name of a column.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import pandas as pd

from flowjoy.errors import HarvestError
from flowjoy.sources import parquet_files
from flowjoy.sources.missing_values import Cells

MOST_FEATURES = 1000
LONGEST_NAME = 1000
_LONGEST_HEADER = 4 << 20
"""Bytes: millions of names, told by nothing but commas, must not fill the memory before they are counted."""

_MOST_COMMAS = 200_000
"""Of one line, in cells of free text, too."""

_BLOCK = 50_000
"""Cells that are put into columns at once."""

_INDEX = re.compile(r"|Unnamed: \d+|__index_level_\d+__")
"""What tables call the column that counts their rows."""

_VALUE = re.compile(r"[-+]?(\d[\d_]*\.?\d*|\.\d+)(e[-+]?\d+)?|true|false", re.IGNORECASE)
"""What names no column."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much is read: bytes of the file, and cells, which take up to a hundred bytes each in memory."""

    size: int
    cells: int


STEP = Limits(size=16 << 20, cells=1_000_000)
"""Of the step, which must end within 400 MB."""

LAPTOP = Limits(size=1 << 30, cells=64_000_000)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One row a case, one column a feature; `notes` say what was left out."""

    frame: pd.DataFrame
    notes: tuple[str, ...] = ()


def read_sample(path: Path, what: str, limits: Limits) -> Sample:
    """The rows of a CSV or (`.parquet`) Parquet file. HarvestError("<what>: …") for what is no sample."""
    what = f"{what} {path.name}".strip()
    parquet = path.suffix.lower() in (".parquet", ".pq")
    frame = _parquet(path, what, limits) if parquet else _csv(read_bytes(path, what, limits.size), what, limits)
    if frame.empty:
        raise HarvestError(f"{what} holds no rows", hint="was its export cut short?")
    if "" in frame.columns and not _counts_rows(frame[""]):
        raise HarvestError(f"{what}: the first line looks like data", hint="the first line must name the columns")
    named = [name for name in frame.columns if not _INDEX.fullmatch(name)]
    if not named:
        raise HarvestError(f"{what} names no feature", hint="the first line must name the columns")
    left_out = len(frame.columns) - len(named)
    note = f"{what}: {left_out} column(s) without a name of their own are left out (row numbers?)"
    return Sample(frame=frame[named], notes=(note,) if left_out else ())


def _counts_rows(column: pd.Series[Any]) -> bool:
    """Whether it may be the numbers of rows, also of a sample: whole, and no two alike."""
    return bool(column.map(lambda cell: str(cell).isdecimal()).all()) and column.is_unique


def read_bytes(path: Path, what: str, most: int) -> bytes:
    """A file of the workspace as it is, up to `most` bytes. Raises HarvestError; the content is never echoed."""
    try:
        if path.is_dir():
            raise HarvestError(f"{what} is a folder", hint="name the file in it")
        if path.exists() and not path.is_file():
            raise HarvestError(f"{what} is no file", hint="check the path")
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except OSError as problem:
        raise HarvestError(f"{what} cannot be read ({problem.strerror})", hint="check the path") from None
    if len(raw) > most:
        raise HarvestError(f"{what} is larger than {most >> 20} MiB", hint="some thousand rows, drawn at random, serve")
    return raw


def _csv(raw: bytes, what: str, limits: Limits) -> pd.DataFrame:
    try:
        head = io.BytesIO(raw[:_LONGEST_HEADER])
        header = next(csv.reader(io.TextIOWrapper(head, "utf-8-sig", newline="")), [])
        _check(header, what)
        _refuse_data(header, what)
        _refuse_too_many(max(raw.count(b"\n"), raw.count(b"\r")) * len(header), what, limits)
        rows = csv.reader(_lines(io.TextIOWrapper(io.BytesIO(raw), "utf-8-sig", newline="")), strict=True)
        next(rows)
        columns = _columns(rows, len(header))
    except UnicodeDecodeError:
        raise HarvestError(f"{what} is not UTF-8 text", hint="is it CSV? Parquet must be named .parquet") from None
    except csv.Error:
        hint = "CSV with commas, no line with more cells than the first one names"
        raise HarvestError(f"{what} is not a table", hint=hint) from None
    # As text: what a column is decides the reference, not a parser's guess at either side.
    held = {place: pd.Series(column, dtype=object) for place, column in enumerate(columns)}
    return pd.DataFrame(held).set_axis([name.strip() for name in header], axis="columns")


def _lines(text: Iterable[str]) -> Iterator[str]:
    """The lines of a file, each looked at before it is parsed: a million cells of one line would fill the memory."""
    for line in text:
        if line.count(",") > _MOST_COMMAS:
            raise csv.Error
        yield line


def _columns(rows: Iterator[list[str]], width: int) -> list[list[str | None]]:
    """The cells by column; a line may end early. csv.Error for one that has more cells than there are columns."""
    columns: list[list[str | None]] = [[] for _ in range(width)]
    told = _rows(rows, width)
    while block := list(islice(told, _BLOCK // width + 1)):
        for column, cells in zip(columns, zip_longest(*block, [""] * width, fillvalue=""), strict=True):
            known = Cells()
            column.extend(map(known.__getitem__, cells[:-1]))
    return columns


def _rows(rows: Iterable[list[str]], width: int) -> Iterator[list[str]]:
    """The rows; an empty line is one only where there is a single column, which has no value there."""
    for row in rows:
        if len(row) > width:
            raise csv.Error
        if row or width == 1:
            yield row


def _parquet(path: Path, what: str, limits: Limits) -> pd.DataFrame:
    def accept(names: list[str], rows: int) -> None:
        _check(names, what)
        _refuse_too_many(rows * len(names), what, limits)

    return parquet_files.rows_of(read_bytes(path, what, limits.size), what, accept, 4 * limits.size)


def _check(header: list[str], what: str) -> None:
    """What no table of features begins with."""
    names = [name.strip() for name in header]
    if not any(names):
        raise HarvestError(f"{what} is empty", hint="the first line must name the columns")
    if len(names) > MOST_FEATURES:
        raise HarvestError(f"{what} has {len(names):,} columns, {MOST_FEATURES:,} are read", hint="name fewer features")
    if len(set(names)) < len(names):
        raise HarvestError(f"{what} names a column twice", hint="which of the two is meant cannot be told")
    if max(map(len, names)) > LONGEST_NAME:
        raise HarvestError(f"{what} names a column by more than {LONGEST_NAME:,} characters")
    if len(names) == 1 and re.search(r"[;\t|]", names[0]):
        raise HarvestError(f"{what} has one column only", hint="write it with commas between the cells")


def _refuse_data(header: list[str], what: str) -> None:
    """Names of features are published; what stands in rows is not. A file without a header would name its first row.

    The first name may be empty: so tables write the numbers of their rows.
    """
    names = [name.strip() for name in header]
    if any(_VALUE.fullmatch(name) for name in names) or not all(names[1:]):
        hint = "the first line must name the columns, none by a number or a truth value"
        raise HarvestError(f"{what}: the first line looks like data", hint=hint)


def _refuse_too_many(cells: int, what: str, limits: Limits) -> None:
    if cells > limits.cells:
        hint = "some thousand rows, drawn at random, serve"
        raise HarvestError(f"{what} has {cells:,} cells, {limits.cells:,} are read", hint=hint)
