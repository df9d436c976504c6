"""Joins the bundles of many services: reads the newest of each, computes their facts, and counts by `rollup.sql`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.resources import files
from typing import Any, Protocol, TypeVar
from zoneinfo import ZoneInfo

import pyarrow as pa

from flowjoy.analysis.flow.weeks import monday_of, window_of
from flowjoy.analysis.promise.compliance import RATE_DAYS
from flowjoy.domain.facts import BundleFact
from flowjoy.domain.plurals import plural
from flowjoy.domain.rollup import RollUp
from flowjoy.domain.rollup_rows import (
    CoverageRow,
    ExpectedService,
    ModelRow,
    ModelServiceRow,
    ServiceRow,
    ServiceWeekRow,
    TeamRow,
    WeekRow,
)
from flowjoy.domain.timestamps import iso
from flowjoy.errors import BundleError
from flowjoy.ledger.facts_format import TIMESTAMP
from flowjoy.sources.bundle_files import claim_of, newest_first

ACCEPTED, REFUSED, LATER = "accepted", "refused", "later"
_ROWS = (ServiceRow, ServiceWeekRow, ModelRow, ModelServiceRow, TeamRow, WeekRow, CoverageRow)
_UTC = "UTC"
_Row = TypeVar("_Row")

_FILES = pa.schema(
    [
        ("file", pa.string()),
        ("digest", pa.string()),
        ("repository", pa.string()),
        ("service", pa.string()),
        ("generated_at", TIMESTAMP),
        ("needs_newer", pa.bool_()),
        ("state", pa.string()),
        ("problem", pa.string()),
    ]
)
_EXPECTED = pa.schema([(name, pa.string()) for name in ("repository", "service", "team")])
_CALENDAR = pa.schema([("timezone", pa.string()), ("week", pa.date32())])
_TERMS = pa.schema([(name, TIMESTAMP) for name in ("as_of", "due_since", "silent_before")])


@dataclass(frozen=True, kw_only=True)
class RollUpTerms:
    """The question of a roll-up. `as_of`: None is the time of the newest bundle. `expected`: who should report."""

    as_of: datetime | None = None
    weeks: int = 12
    silent_after_hours: int = 48
    expected: tuple[ExpectedService, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReadFile:
    """One file that was read: the digest of its bytes, and what its bundle says of itself."""

    digest: str
    bundle: BundleFact


Progress = Callable[[Sequence[ReadFile], int], None]
"""Receives each batch of files that was read, and how many there are for now."""


class Engine(Protocol):
    """Where bundles are, how their facts are computed, and what runs SQL over them."""

    def paths(self) -> Iterable[str]:
        """Return the path of every file that may be a bundle."""

    def read(self, paths: Sequence[str], progress: Progress) -> Mapping[str, ReadFile]:
        """Compute the facts of these files, and keep them; return what each is."""

    def answers(self, sql: str, tables: Mapping[str, pa.Table], queries: Mapping[str, str]) -> Mapping[str, pa.Table]:
        """Return the answer to each query over the facts and these tables."""

    def files(self) -> Mapping[str, bytes]:
        """Return the files of facts that are still to be written."""


@dataclass(frozen=True, kw_only=True)
class _File:
    """A row of the table `files`."""

    file: str
    digest: str
    repository: str | None
    service: str | None
    generated_at: datetime | None
    needs_newer: bool
    state: str
    problem: str = field(default="")


def roll_up(engine: Engine, terms: RollUpTerms, progress: Progress) -> RollUp:
    """Return the state of all services. Raise BundleError where no file could be counted."""
    read, zones = _read(engine, terms.as_of, progress)
    accepted = [item.generated_at for item in read if item.state == ACCEPTED and item.generated_at is not None]
    if not accepted:
        raise BundleError(_nothing(read, terms.as_of))
    as_of = terms.as_of or max(accepted)
    tables = {
        "files": _table(_FILES, [vars(item) for item in read]),
        "expected": _table(_EXPECTED, map(asdict, terms.expected)),
        "calendar": _table(_CALENDAR, _calendar(zones, as_of, terms.weeks)),
        "terms": _table(_TERMS, [_instants(as_of, terms.silent_after_hours)]),
    }
    queries = {
        row.view: f"SELECT {', '.join(_names(row))} FROM {row.view} ORDER BY {row.order}"  # noqa: S608  # nosec B608  (our own names)
        for row in _ROWS
    }
    answers = engine.answers(definition(), tables, queries)
    rows: dict[str, Any] = {row.view: tuple(map(partial(_row, row), answers[row.view].to_pylist())) for row in _ROWS}
    return RollUp(as_of=as_of, weeks_shown=terms.weeks, silent_after_hours=terms.silent_after_hours, **rows)


def definition() -> str:
    """Return `rollup.sql`."""
    return files("flowjoy.analysis.rollup").joinpath("rollup.sql").read_text(encoding="utf-8")


def _read(engine: Engine, as_of: datetime | None, progress: Progress) -> tuple[list[_File], set[str]]:
    """Read the newest file of each service, older ones only where it is refused; return their time zones as well.

    Raise BundleError if there is no file.
    """
    read: list[_File] = []
    zones = {_UTC}
    paths = tuple(engine.paths())
    if not paths:
        raise BundleError("no bundle in these folders: expected files that end with .json or .zip")
    groups = newest_first(paths, as_of)
    while groups:
        answer = engine.read([group[0] for group in groups], progress)
        left = []
        for path, *older in groups:
            item = _judged(path, answer[path], as_of)
            read.append(item)
            zones.update(filter(None, (answer[path].bundle.timezone,)))
            if item.state != ACCEPTED and older:
                left.append(tuple(older))
        groups = tuple(left)
    return read, zones


def _judged(path: str, read: ReadFile, as_of: datetime | None) -> _File:
    """Return whether a file counts. Of a refused one the path says whose it is, if it does."""
    claim, bundle = claim_of(path), read.bundle
    problem = bundle.problem or claim.refuted_by(bundle)
    later = as_of is not None and bundle.generated_at is not None and bundle.generated_at > as_of
    return _File(
        file=path,
        digest=read.digest,
        repository=claim.repository or bundle.repository,
        service=claim.service or bundle.service,
        generated_at=bundle.generated_at,
        needs_newer=bundle.needs_newer,
        state=LATER if later else REFUSED if problem else ACCEPTED,
        problem=problem or "",
    )


def _nothing(read: Sequence[_File], as_of: datetime | None) -> str:
    if as_of is not None and all(item.state == LATER for item in read):
        return f"every bundle in these folders was written after {iso(as_of)}. Set a later --as-of"
    shown = next(item for item in read if item.state == REFUSED)
    why = shown.problem
    return f"nothing counts in {plural(len(read), 'file')}, such as {shown.file}: {why}"


def _calendar(zones: Iterable[str], as_of: datetime, weeks: int) -> list[dict[str, object]]:
    return [
        {"timezone": zone, "week": monday_of(window.since.astimezone(ZoneInfo(zone)).date()) + timedelta(weeks=number)}
        for zone in sorted(zones)
        for window in (window_of(as_of, weeks=weeks, timezone=zone),)
        for number in range(weeks)
    ]


def _instants(as_of: datetime, silent_after_hours: int) -> dict[str, object]:
    return {
        "as_of": as_of,
        "due_since": as_of - timedelta(days=RATE_DAYS),
        "silent_before": as_of - timedelta(hours=silent_after_hours),
    }


def _table(schema: pa.Schema, rows: Iterable[Mapping[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=schema)


def _names(row: Any) -> list[str]:
    return [item.name for item in fields(row)]


def _row(kind: type[_Row], values: Mapping[str, Any]) -> _Row:
    """Return a row. Engines name the zone of a timestamp differently: it is UTC."""
    utc = {key: value.astimezone(UTC) if isinstance(value, datetime) else value for key, value in values.items()}
    return kind(**utc)
