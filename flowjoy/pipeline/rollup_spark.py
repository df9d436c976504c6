"""The roll-up beyond one machine: Spark reads bundles from any store, computes their facts and runs the same SQL."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import pyarrow as pa

from flowjoy.clients.duckdb_engine import statements
from flowjoy.clients.signed_urls import LARGEST_BYTES
from flowjoy.domain.facts import FACTS, BundleFact
from flowjoy.errors import InputError
from flowjoy.ledger import facts_format
from flowjoy.ledger.facts_format import DIGEST, FACT
from flowjoy.pipeline.rollup import Progress, ReadFile
from flowjoy.pipeline.rollup_local import made_by
from flowjoy.sources.bundle_files import SUFFIXES, facts_in
from flowjoy.sources.earlier_reports import TOO_LARGE

_VIEW = "CREATE OR REPLACE TEMP VIEW"
_GLOB = re.compile(r"[\\{}\[\]*?]")
_FILES_AT_ONCE = 16
"""How many files one process holds in memory."""

_TYPES = {
    pa.string(): "STRING",
    pa.bool_(): "BOOLEAN",
    pa.int64(): "BIGINT",
    pa.date32(): "DATE",
    facts_format.TIMESTAMP: "TIMESTAMP",
}
_SETTINGS = {
    # Otherwise timestamps come back from Parquet without their zone.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(_FILES_AT_ONCE),
}


def connected(master: str) -> Any:
    """Return a session of a cluster (`spark://…`, `local[*]`, `yarn`) or of Spark Connect (`sc://…`)."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise InputError("--spark-master: PySpark is not installed. Run pip install pyspark") from None
    if master.startswith("local"):
        # PySpark takes the Python of its executors from the environment alone, and it must have the same packages.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("FlowJoy roll-up")
    session = (builder.remote(master) if master.startswith("sc://") else builder.master(master)).getOrCreate()
    for name, value in _SETTINGS.items():
        session.conf.set(name, value)
    return session


class SparkEngine:
    """Bundles in the stores that a Spark session can read. `facts`: the folder, in one of them, that keeps facts."""

    def __init__(self, session: Any, folders: Sequence[str], facts: str) -> None:
        self._session, self._folders = session, folders
        self._facts = f"{facts.rstrip('/')}/{made_by()}"
        self._lengths: dict[str, int] = {}

    def paths(self) -> Iterator[str]:
        """Yield the path of every file that may be a bundle; its content is not read."""
        files = self._binary().option("recursiveFileLookup", "true").load(list(self._folders))
        for path, length in files.select("path", "length").collect():
            if path.endswith(SUFFIXES):
                self._lengths[path] = length
                yield path

    def read(self, paths: Sequence[str], progress: Progress) -> Mapping[str, ReadFile]:
        """Compute the facts of these files and add them to those that are kept, unless they are known."""
        from pyspark.sql import functions

        problems = {path: problem for path in paths if (problem := self._problem(path)) is not None}
        read = {path: ReadFile(digest="", bundle=BundleFact(problem=problem)) for path, problem in problems.items()}
        readable = [path for path in paths if path not in problems]
        if readable:
            contents = self._contents(readable).select("path", functions.sha2("content", 256).alias(DIGEST))
            digests = dict(contents.collect())
            first = {digest: path for path, digest in digests.items()}
            bundles = self._bundles(first)
            if new := sorted(first.keys() - bundles.keys()):
                self._add([first[digest] for digest in new])
                bundles = self._bundles(first)
            read |= {path: ReadFile(digest=digest, bundle=bundles[digest]) for path, digest in digests.items()}
        progress(tuple(read.values()), len(paths))
        return read

    def answers(self, sql: str, tables: Mapping[str, pa.Table], queries: Mapping[str, str]) -> Mapping[str, pa.Table]:
        """Run the queries in Spark. A view is computed once: others are built on it."""
        for kind in FACTS:
            columns = facts_format.schema_of(kind).names
            rows = self._kept().where(f"{FACT} = '{kind.fact}'").select(columns)
            rows.createOrReplaceTempView(facts_format.table_name(kind.fact))
        for name, table in tables.items():
            self._session.createDataFrame(table, _ddl(table.schema)).createOrReplaceTempView(name)
        for statement in statements(sql):
            self._session.sql(statement)
            name = statement.partition(_VIEW)[2].split()[0]
            self._session.table(name).localCheckpoint().createOrReplaceTempView(name)
        return {name: self._session.sql(query).toArrow() for name, query in queries.items()}

    def files(self) -> Mapping[str, bytes]:
        """Return nothing: Spark has written the facts."""
        return {}

    def _problem(self, path: str) -> str | None:
        """Return why a file cannot be read."""
        if ":" in path.rpartition("/")[2]:
            return "its name has a colon, which Hadoop cannot open. Name it like 20260302T090000Z.json"
        too_large = self._lengths[path] > LARGEST_BYTES
        return TOO_LARGE if too_large else None

    def _binary(self) -> Any:
        return self._session.read.format("binaryFile")

    def _contents(self, paths: Sequence[str]) -> Any:
        """Return the files with their content; no character of a path is a pattern."""
        return self._binary().load([_GLOB.sub(r"\\\g<0>", path) for path in paths])

    def _add(self, paths: Sequence[str]) -> None:
        rows = self._contents(paths).select("content").mapInArrow(_facts_of_files, _ddl(_kept_schema()))
        rows.write.mode("append").partitionBy(FACT).parquet(self._facts)

    def _kept(self) -> Any:
        return self._session.read.schema(_ddl(_kept_schema())).parquet(self._facts)

    def _bundles(self, digests: Mapping[str, str]) -> dict[str, BundleFact]:
        """Return what is known of the bundles with these digests."""
        from pyspark.errors import AnalysisException

        columns = facts_format.schema_of(BundleFact).names
        try:
            rows = self._kept().where(f"{FACT} = '{BundleFact.fact}'").select(columns).toArrow()
        except AnalysisException:  # nothing is kept yet
            return {}
        table = rows.cast(facts_format.schema_of(BundleFact))
        known = facts_format.bundles_of({BundleFact.fact: table})
        return {digest: bundle for digest, bundle in known.items() if digest in digests}


def _kept_schema() -> pa.Schema:
    """Return all columns of all kinds of facts, and the kind."""
    return pa.unify_schemas([pa.schema([(FACT, pa.string())]), *map(facts_format.schema_of, FACTS)])


def _ddl(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {_TYPES[field.type]}" for field in schema)


def _facts_of_files(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Return the facts of some files as rows of one table. Spark runs it on its executors."""
    schema = _kept_schema()
    for batch in batches:
        for raw in batch.column("content").to_pylist():
            tables = facts_format.tables_of([(sha256(raw).hexdigest(), facts_in(raw))])
            for kind, table in tables.items():
                named = table.append_column(FACT, pa.array([kind] * len(table), pa.string()))
                yield from _widened(named, schema).to_batches()


def _widened(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the table with all columns of the schema; those that it lacks are null."""
    columns = [
        table[field.name] if field.name in table.column_names else pa.nulls(len(table), field.type) for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
