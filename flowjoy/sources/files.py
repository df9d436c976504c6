"""Deploys and incidents from files: JSON lines, JSON, CSV, or bare stamps a line. Knows text, no service."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from flowjoy.errors import HarvestError
from flowjoy.instants import iso, iso_or_none, parse_iso, parse_local
from flowjoy.model import DROPPED, CodeRecord, Incident, ModelRecord, ModelVersion
from flowjoy.patterns import any_match, likely_first
from flowjoy.records import fold, shipped_again, unique
from flowjoy.sources.base import Access, Parsed, Query, stamp_of

_Told = TypeVar("_Told", CodeRecord, Incident)
LARGEST_BYTES = 64 * 1024 * 1024
_WHOLE_AS_FLOAT = re.compile(r"\d{1,9}\.0+", re.ASCII)
_NOTHING = frozenset({"", "-", "none", "null", "nan", "nat", "<na>", "n/a", "unknown", "undefined"})


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row and where it stands, for messages."""

    line: int
    cells: dict[str, str]

    def get(self, *names: str) -> str | None:
        """The first of these cells that holds something; what exports write for nothing is nothing."""
        held = (self.cells.get(name, "").strip() for name in names)
        return next((text for text in held if text.casefold() not in _NOTHING), None)


class CodeFile:
    """`code-source: file`."""

    label = "code file"
    changes_for = None

    def fetch(self, query: Query, access: Access) -> str:
        """The file's text."""
        return read_text(query.settings.code_file)

    def parse(self, raw: str, query: Query) -> Parsed[CodeRecord]:
        """One record a row of the environment. A bare stamp is a new sha of its own."""
        rows = read_rows(raw, self.label, time="ts")
        wanted = query.settings.environment
        elsewhere = sorted({name for row in rows if (name := row.get("environment")) and not any_match(name, wanted)})
        ours = [row for row in rows if (name := row.get("environment")) is None or any_match(name, wanted)]
        if rows and not ours:
            named = ", ".join(likely_first(elsewhere, wanted)[:20])
            raise HarvestError(
                f"{self.label}: there are deployments, but none in the environment {query.settings.environments!r}",
                hint=f"set environment to one of: {named}",
            )
        left_out = f"{len(rows) - len(ours)} rows of other environments are left out: {', '.join(map(str, elsewhere))}"
        records = _told_apart([(row, _code(row, query)) for row in ours], lambda item: item.sha or "", self.label)
        return Parsed(records=fold(records), notes=(left_out,) if elsewhere else ())


class ModelFile:
    """`model-source: file`."""

    label = "model file"
    changes_for = None

    def fetch(self, query: Query, access: Access) -> str:
        """The file's text."""
        return read_text(query.settings.model_file)

    def parse(self, raw: str, query: Query) -> Parsed[ModelRecord]:
        """One record a row of the models asked for. A bare stamp is a new version of the only model."""
        rows = read_rows(raw, self.label, time="ts")
        named = {row.get("name", "model") for row in rows}
        if None in named and (len(named) > 1 or len(query.models) != 1):
            nameless = next(row.line for row in rows if row.get("name", "model") is None)
            raise HarvestError(
                f"{self.label}, line {nameless}: names no model; other rows do, or `models` names not exactly one",
                hint="add a column `name`, or name one model in `models`",
            )
        records = [_model(row, query) for row in rows]
        asked = {*query.models, *query.candidates}
        if asked:
            records = [record for record in records if record.name in asked]
        notes = [
            f"no row of {name}: it counts as never shipped" for name in query.models if named and name not in named
        ]
        return Parsed(
            records=shipped_again(_distinct(records)),
            notes=tuple(notes) if None not in named else (),
            versions=tuple(
                ModelVersion(name=name, version=version, ready=True)
                for name, version in sorted({(record.name, record.version or "") for record in records})
            ),
        )


class IncidentFile:
    """`incident-file`."""

    label = "incident file"
    changes_for = None

    def fetch(self, query: Query, access: Access) -> str:
        """The file's text."""
        return read_text(query.settings.incident_file)

    def parse(self, raw: str, query: Query) -> Parsed[Incident]:
        """One record a row; without an end it is open. One that ends before it starts is dropped with a note."""
        rows = read_rows(raw, self.label, time="start")
        if rows and not any("end" in row.cells for row in rows):
            # A misspelt header must not leave every incident open, and no MTTR.
            hint = "write a header line with start,end; the end of an open incident is empty"
            raise HarvestError(f"{self.label}: there is no column 'end'", hint=hint)
        incidents = _told_apart(
            [(row, _incident(row, query)) for row in rows], lambda item: iso_or_none(item.end) or "open", self.label
        )
        sound = [item for item in incidents if item.end is None or item.end >= item.start]
        backwards = sorted({item.id for item in incidents if item.end is not None and item.end < item.start})
        notes = [f"{name} ends before it starts: {DROPPED}" for name in backwards]
        return Parsed(records=unique(sound), notes=tuple(notes))


def read_text(path: Path | None) -> str:
    """A file of the workspace. Raises HarvestError; the content is never echoed."""
    if path is None:
        raise HarvestError("no file is named")
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise HarvestError(f"{path.name} is larger than {LARGEST_BYTES >> 20} MiB")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as problem:
        raise HarvestError(f"{path.name} cannot be read ({problem.strerror})", hint="check the path") from None
    except UnicodeDecodeError:
        raise HarvestError(f"{path.name} is not UTF-8 text") from None


def read_rows(text: str, label: str, *, time: str) -> list[Row]:
    """The rows of a file in any of the four shapes. HarvestError for an empty file: emptiness must be said.

    An empty list (`[]`) or a CSV of nothing but its header says it.
    """
    stripped = text.strip()
    if not stripped:
        raise HarvestError(f"{label}: the file is empty", hint="for no deploys at all write [] or only a header line")
    if stripped[0] in "[{":
        return list(_json_rows(text, label, time))
    if time in _header(stripped):
        return list(_csv_rows(text, label))
    if stripped[0] == '"':
        return list(_json_rows(text, label, time))
    if time == "ts" and not re.search(r"[,;\t]|[A-Za-z]{2}", stripped.splitlines()[0]):
        return [Row(line=n, cells={time: line}) for n, line in _lines(text)]
    raise HarvestError(
        f"{label}: the first line names no column {time!r}",
        hint="write a header line with commas, or bare ISO instants",
    )


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, numbered as an editor does: `str.splitlines` ends some in the middle of a text."""
    return ((n, line) for n, line in enumerate(io.StringIO(text, newline=None), 1) if line.strip())


def _header(stripped: str) -> list[str]:
    """The cells of the first line, if it is one of CSV."""
    try:
        return [cell.strip() for cell in next(csv.reader([stripped.split("\n", 1)[0]]))]
    except csv.Error:
        return []


def _json_rows(text: str, label: str, time: str) -> Iterator[Row]:
    try:
        whole = json.loads(text, object_pairs_hook=_object)
        items = whole if isinstance(whole, list) else [whole]
        numbered = list(enumerate(items, 1))
    except RecursionError:
        raise HarvestError(f"{label}: nested too deeply") from None
    except ValueError:
        numbered = [(n, _json_line(line, n, label)) for n, line in _lines(text)]
    for line, item in numbered:
        if isinstance(item, str):
            item = {time: item}  # noqa: PLW2901  (a bare stamp is a row of one cell)
        if not isinstance(item, dict):
            raise HarvestError(f"{label}, item {line}: expected an object or a time")
        yield Row(line=line, cells={str(key): _cell(value) for key, value in item.items()})


class _TwiceError(ValueError):
    """An object that names a key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) < len(pairs):
        raise _TwiceError
    return held


def _json_line(line: str, number: int, label: str) -> Any:
    try:
        return json.loads(line, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        raise HarvestError(f"{label}, line {number}: is not JSON, or names a key twice") from None


def _cell(value: object) -> str:
    """A JSON value as the text a CSV would hold."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _csv_rows(text: str, label: str) -> Iterator[Row]:
    body = text.lstrip()
    above = text.count("\n", 0, len(text) - len(body))
    header = [cell.strip() for cell in next(csv.reader(io.StringIO(text), skipinitialspace=True))]
    if len(set(header)) < len(header):
        raise HarvestError(f"{label}: the header names a column twice")
    reader = csv.DictReader(io.StringIO(body), skipinitialspace=True, strict=True)
    try:
        for cells in reader:
            line = above + reader.line_num
            if None in cells:
                raise HarvestError(f"{label}, line {line}: has more cells than the header")
            yield Row(line=line, cells={str(key).strip(): value or "" for key, value in cells.items()})
    except csv.Error as problem:
        raise HarvestError(f"{label}, line {above + reader.reader.line_num}: {problem}") from None


def _told_apart(rows: list[tuple[Row, _Told]], rest: Callable[[_Told], str], label: str) -> list[_Told]:
    """The records, none of which hides another: one id at two instants is refused, at one instant it is told apart.

    A record without an id is known by its instant; where two at one instant differ in the rest, that joins the id.
    """
    instants: dict[str, datetime] = {}
    rests: dict[str, set[str]] = {}
    for row, item in rows:
        at = item.start if isinstance(item, Incident) else item.shipped_at
        if instants.setdefault(item.id, at) != at:
            raise HarvestError(f"{label}, line {row.line}: its id stands in another row, with another time")
        rests.setdefault(item.id, set()).add(rest(item))
    return [replace(item, id=f"{item.id}:{rest(item)}") if len(rests[item.id]) > 1 else item for _, item in rows]


def _time(row: Row, name: str, label: str, query: Query) -> datetime:
    return stamp_of(row.get(name), f"{label}, line {row.line}, {name}", query)


def _code(row: Row, query: Query) -> CodeRecord:
    service = query.settings.service
    at = _time(row, "ts", CodeFile.label, query)
    identity = row.get("id")
    return CodeRecord(
        id=f"file:CODE:{identity}" if identity else f"file:CODE:{service}:{iso(at)}",
        service=service,
        environment=row.get("environment") or query.settings.environments,
        sha=row.get("sha"),
        shipped_at=at,
        url=_https(row.get("url")),
    )


def _model(row: Row, query: Query) -> ModelRecord:
    name = row.get("name", "model") or query.models[0]
    at = _time(row, "ts", ModelFile.label, query)
    version = row.get("version")
    if version is not None and _WHOLE_AS_FLOAT.fullmatch(version):
        version = version.partition(".")[0]  # a table's export of whole numbers: 12.0 is 12
    return ModelRecord(
        id=f"model:{name}/{version}" if version else f"file:MODEL:{name}:{iso(at)}",
        name=name,
        version=version,
        shipped_at=at,
        run_id=row.get("run_id"),
        url=_https(row.get("url")),
    )


def _distinct(records: list[ModelRecord]) -> list[ModelRecord]:
    """The same version at the same instant is one ship, however often it is written down."""
    return list({(record.id, record.shipped_at): record for record in sorted(records, key=repr)}.values())


def _incident(row: Row, query: Query) -> Incident:
    service = row.get("service") or query.settings.service
    start = _wall_clock(row, "start", query)
    end = _wall_clock(row, "end", query) if row.get("end") else None
    identity = row.get("id") or f"{service}:{iso(start)}"
    return Incident(
        id=f"incident:file:{identity}",
        source="file",
        service=service,
        start=start,
        end=end,
        title=row.get("title"),
        type=row.get("type"),
        url=_https(row.get("url")),
    )


def _wall_clock(row: Row, name: str, query: Query) -> datetime:
    """A time of an incident. People write them down by the wall clock: one without an offset is of `timezone`.

    Not of the default: that nobody set it explains nothing (`Etc/UTC` does).
    """
    zone = query.settings.timezone
    parse = parse_iso if zone == "UTC" else partial(parse_local, zone=ZoneInfo(zone))
    return stamp_of(row.get(name), f"{IncidentFile.label}, line {row.line}, {name}", query, parse)


def _https(value: str | None) -> str | None:
    """Only addresses that are links for people; nothing that runs."""
    return value if value is not None and value.startswith("https://") else None
