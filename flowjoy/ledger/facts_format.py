"""Facts as Arrow tables, one for each kind of fact, and as Parquet files. Their columns are the fields of the facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from hashlib import sha256
from typing import Any, get_type_hints

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from flowjoy.domain.facts import FACTS, FACTS_SCHEMA, BundleFact, Fact

DIGEST, FACT = "digest", "fact"
TIMESTAMP = pa.timestamp("us", tz="UTC")
FactTables = Mapping[str, pa.Table]
"""The table of each kind, by its `fact`; the column `digest` identifies the file that each row is from."""

_STAMP = b"flowjoy"
_TYPES = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), date: pa.date32(), datetime: TIMESTAMP}


def schema_of(kind: type[Fact]) -> pa.Schema:
    """Return the columns of one kind of fact."""
    hints = get_type_hints(kind)
    return pa.schema([(DIGEST, pa.string()), *((item.name, _arrow_type(hints[item.name])) for item in fields(kind))])


def table_name(kind: str) -> str:
    """Return the name of the table of one kind of fact in SQL: `event_facts`."""
    return f"{kind}_facts"


def file_name(kind: str) -> str:
    """Return the name of its file: `facts/event.parquet`."""
    return f"facts/{kind}.parquet"


def tables_of(facts_by_digest: Iterable[tuple[str, Sequence[Fact]]]) -> FactTables:
    """Return the facts of several files as tables."""
    rows: dict[str, list[tuple[str, Fact]]] = {kind.fact: [] for kind in FACTS}
    for digest, facts in facts_by_digest:
        for fact in facts:
            rows[fact.fact].append((digest, fact))
    return {kind.fact: _table(kind, rows[kind.fact]) for kind in FACTS}


def _table(kind: type[Fact], rows: Sequence[tuple[str, Fact]]) -> pa.Table:
    columns: dict[str, list[Any]] = {DIGEST: [digest for digest, _ in rows]}
    columns |= {item.name: [getattr(fact, item.name) for _, fact in rows] for item in fields(kind)}
    return pa.Table.from_pydict(columns, schema=schema_of(kind))


def joined(parts: Sequence[FactTables]) -> FactTables:
    """Return the facts of all parts, ordered by digest."""
    every = {kind.fact: [schema_of(kind).empty_table(), *(part[kind.fact] for part in parts)] for kind in FACTS}
    return {kind: pa.concat_tables(tables).sort_by(DIGEST) for kind, tables in every.items()}


def of_digests(tables: FactTables, digests: Iterable[str]) -> FactTables:
    """Return the facts of these files alone."""
    wanted = pa.array(sorted(digests), pa.string())
    return {kind: table.filter(pc.is_in(table[DIGEST], value_set=wanted)) for kind, table in tables.items()}


def bundles_of(tables: FactTables) -> dict[str, BundleFact]:
    """Return what each bundle says of itself, by digest."""
    return {row.pop(DIGEST): BundleFact(**row) for row in tables[BundleFact.fact].to_pylist()}


def to_parquet(tables: FactTables, made_by: str) -> dict[str, bytes]:
    """Return the files of the tables. `made_by`: the FlowJoy that computed them, which alone reads them back."""
    digests = "\n".join(sorted(tables[BundleFact.fact][DIGEST].to_pylist()))
    stamp = f"{FACTS_SCHEMA} {made_by} {sha256(digests.encode()).hexdigest()}"
    return {file_name(kind): _parquet(table.replace_schema_metadata({_STAMP: stamp})) for kind, table in tables.items()}


def _parquet(table: pa.Table) -> bytes:
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="zstd")
    raw: bytes = buffer.getvalue().to_pybytes()
    return raw


def from_parquet(files: Mapping[str, bytes], made_by: str) -> FactTables | None:
    """Return the facts in files that the same FlowJoy wrote together; None for any others."""
    read = {}
    stamps = set()
    for kind in FACTS:
        try:
            table = pq.read_table(pa.BufferReader(files[file_name(kind.fact)]))
        except (KeyError, OSError, pa.ArrowException):
            return None
        stamps.add((table.schema.metadata or {}).get(_STAMP, b"").decode(errors="replace"))
        read[kind.fact] = table.replace_schema_metadata(None)
        if read[kind.fact].schema != schema_of(kind):
            return None
    return read if len(stamps) == 1 and stamps.pop().startswith(f"{FACTS_SCHEMA} {made_by} ") else None


def _arrow_type(hint: object) -> pa.DataType:
    """Return the type of a column for `str`, `str | None` and the like."""
    return next(_TYPES[kind] for kind in getattr(hint, "__args__", (hint,)) if kind in _TYPES)
