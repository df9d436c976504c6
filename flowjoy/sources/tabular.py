"""Rows of a text file in the shapes that people and tools write: JSON texts, CSV, or a bare timestamp a line."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowjoy.errors import HarvestError
from flowjoy.report.text import plural
from flowjoy.sources.json_texts import json_texts

LARGEST_BYTES = 64 * 1024 * 1024
NOTHING = frozenset({"", "-", "none", "null", "nan", "nat", "<na>", "n/a", "unknown", "undefined"})
"""Texts that exports write for a missing value."""

_WRAPPERS = frozenset({"workflow_runs", "model_versions", "registered_models", "incidents", "result", "items", "data"})
"""The keys under which APIs list their records: GitHub, MLflow, PagerDuty and statuspage, ServiceNow."""

_NAMED = ("full_name", "name_with_owner", "summary", "display_name", "name")
"""The keys that name an object in a cell."""

_DELIMITERS = ",;\t"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: its cells by column, and its line for messages."""

    line: int
    cells: Mapping[str, str]

    def get(self, *names: str) -> str | None:
        """Return the first of these cells that has a value; None if none has."""
        texts = (self.cells.get(name, "").strip() for name in names)
        return next((text for text in texts if text.casefold() not in NOTHING), None)


@dataclass(frozen=True, kw_only=True)
class TextTable:
    """The rows of a file, and how each column is spelled there, by its normalized name."""

    rows: tuple[Row, ...]
    columns: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class TextShape:
    """The requirements of a kind of file.

    `times`: the time columns, one of which is required. `known`: every column that is read. `cure`: how to write the
    file. `bare`: the column of a file with nothing but timestamps. `guess` names the column of a cell in a file without
    a header line, and None if that is not certain.
    """

    label: str
    times: tuple[str, ...]
    known: frozenset[str]
    cure: str
    bare: str | None = None
    guess: Callable[[str], str | None] = lambda _: None


def column(name: str) -> str:
    """Return the normalized name of a column: `Created At` and `createdAt` are `created_at`."""
    return re.sub(r"[\W_]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).strip("_").casefold()


def read_text(path: Path | None) -> str:
    """Return the text of a file. Raise HarvestError, which never shows the content."""
    if path is None:
        raise HarvestError("a file must be named")
    try:
        if path.is_dir():
            raise HarvestError(f"{path.name} is a folder", hint="name the file in it")
        if path.stat().st_size > LARGEST_BYTES:
            raise HarvestError(f"{path.name} is larger than {LARGEST_BYTES >> 20} MiB")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as problem:
        raise HarvestError(f"{path.name} cannot be read ({problem.strerror})", hint="check the path") from None
    except UnicodeDecodeError:
        hint = "save it as UTF-8 (in PowerShell: `… | Out-File -Encoding utf8`)"
        raise HarvestError(f"{path.name} is not UTF-8 text", hint=hint) from None


def read_table(text: str, shape: TextShape) -> TextTable:
    """Return the rows of a file in any of its shapes.

    Raise HarvestError, also for an empty file, as a failed export leaves it. A file without rows is `[]` or a header.
    """
    stripped = text.strip()
    if not stripped:
        hint = "to declare that nothing happened, write [] or only a header line"
        raise HarvestError(f"{shape.label}: the file is empty", hint=hint)
    if stripped[0] in "[{":
        return _of_objects(_json_rows(text, shape), shape)
    first = stripped.split("\n", 1)[0]
    for delimiter in _DELIMITERS:
        if any(column(cell) in shape.times for cell in _cells(first, delimiter)):
            return _csv_table(text, shape, delimiter)
    cells = _cells(first, ",")
    guessed = [shape.guess(cell) for cell in cells]
    if len(cells) > 1 and shape.times[0] in guessed and None not in guessed and len({*guessed}) == len(guessed):
        return _csv_table(",".join(map(str, guessed)) + "\n" + text, shape, ",", added=1)
    if stripped[0] == '"' and len(cells) == 1:
        return _of_objects(_json_rows(text, shape), shape)
    if shape.bare and not re.search(r"[,;\t]|[A-Za-z]{2}", first):
        bare, lines = shape.bare, io.StringIO(text, newline=None)
        rows = (Row(line=n, cells={bare: line}) for n, line in enumerate(lines, 1) if line.strip())
        return TextTable(rows=tuple(rows), columns={bare: bare})
    raise HarvestError(f"{shape.label}: the first line does not name a column {shape.times[0]!r}", hint=shape.cure)


def _cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of the first line, if it is CSV."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])]
    except csv.Error:
        return []


def _csv_table(text: str, shape: TextShape, delimiter: str, added: int = 0) -> TextTable:
    body = re.sub(r"\A\s*\n", "", text)  # an empty first cell may be only a tab
    above = text.count("\n", 0, len(text) - len(body)) - added
    reader = csv.reader(io.StringIO(body), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        header = [cell.strip() for cell in next(reader)]
        names = [column(cell) for cell in header]
        twice = {name for name in names if name in shape.known and names.count(name) > 1}
        if twice:
            raise HarvestError(f"{shape.label}: the header names a column twice ({', '.join(sorted(twice))})")
        rows = []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue  # an empty row of a spreadsheet
            if any(cell.strip() for cell in cells[len(names) :]):
                raise HarvestError(f"{shape.label}, line {above + reader.line_num}: has more cells than the header")
            filled = [*cells, *[""] * (len(names) - len(cells))]
            rows.append(Row(line=above + reader.line_num, cells=dict(zip(names, filled, strict=False))))
    except csv.Error as problem:
        raise HarvestError(f"{shape.label}, line {above + reader.line_num}: {problem}") from None
    return TextTable(
        rows=tuple(rows), columns={name: spelled for name, spelled in zip(names, header, strict=True) if name}
    )


def _of_objects(objects: Iterator[tuple[int, Mapping[str, Any]]], shape: TextShape) -> TextTable:
    rows, columns = [], dict[str, str]()
    for line, item in objects:
        cells: dict[str, str] = {}
        for key, value in item.items():
            name = column(str(key))
            if name in cells and name in shape.known:
                raise HarvestError(f"{shape.label}, item {line}: names {name!r} twice")
            cells[name] = _cell(value)
            columns.setdefault(name, str(key))
        rows.append(Row(line=line, cells=cells))
    return TextTable(rows=tuple(rows), columns=columns)


def _json_rows(text: str, shape: TextShape) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the objects of consecutive JSON texts, each with its line or its index in the lists."""
    index, total, more = 0, 0, False
    for line, value in json_texts(text, shape.label):
        # `gh api --paginate --slurp` puts the pages into one more list.
        pages = value if isinstance(value, list) and _is_list_of_pages(value) else [value]
        for page in pages:
            items, counted, more = _listed(page, shape)
            total = max(total, counted)
            for item in items if items is not None else [page]:
                index += 1
                number = line if items is None else index
                if isinstance(item, str) and shape.bare:
                    item = {shape.bare: item}  # noqa: PLW2901  (a bare timestamp is a row of one cell)
                if not isinstance(item, dict):
                    raise HarvestError(f"{shape.label}, item {number}: expected an object or a time", hint=shape.cure)
                yield number, item
    if index < total or more:
        counted_as = (
            f"{index} of {plural(total, 'record')}"
            if total
            else f"{plural(index, 'record')}, and says that more follow"
        )
        hint = "export every page (`gh api --paginate`)"
        raise HarvestError(f"{shape.label}: the file has {counted_as}", hint=hint)


def _is_list_of_pages(value: Sequence[Any]) -> bool:
    pages = [isinstance(page, list) and bool(page) for page in value]
    wrapped = [isinstance(page, dict) and not _WRAPPERS.isdisjoint(page) for page in value]
    return bool(value) and (all(pages) or all(wrapped))


def _listed(page: Any, shape: TextShape) -> tuple[list[Any] | None, int, bool]:
    """Return the items of a list or of an API's page, the total that the page states, and whether more follow."""
    if isinstance(page, list):
        return page, 0, False
    if not isinstance(page, dict) or any(column(str(key)) in shape.times for key in page):
        return None, 0, False
    lists = [value for key, value in page.items() if key in _WRAPPERS and isinstance(value, list)]
    if len(lists) != 1:
        return None, 0, False
    counted = next((page[key] for key in ("total_count", "total") if type(page.get(key)) is int), 0)
    return lists[0], counted, page.get("more") is True or bool(page.get("next_page_token"))


def _cell(value: object) -> str:
    """Return a JSON value as the text that it would be in a CSV file."""
    if isinstance(value, dict):
        names = (value.get(key) for key in _NAMED)
        value = next((name for name in names if isinstance(name, str)), value)
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
