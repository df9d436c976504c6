"""Roll-ups of folders in tests, with a definition that a test may spoil."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flowjoy.clients import duckdb_engine
from flowjoy.domain.rollup import RollUp
from flowjoy.domain.rollup_rows import ServiceRow
from flowjoy.ledger import facts_format
from flowjoy.ledger.facts_format import DIGEST, FactTables
from flowjoy.pipeline.rollup import Progress, ReadFile, RollUpTerms, roll_up
from flowjoy.pipeline.rollup_local import LocalEngine


class SpoiltEngine(LocalEngine):
    """An engine whose definition says something else in one place."""

    spoils: tuple[str, str] = ("", "")

    def answers(self, sql: str, tables: Mapping[str, pa.Table], queries: Mapping[str, str]) -> Mapping[str, pa.Table]:
        was, becomes = self.spoils
        assert was in sql
        return super().answers(sql.replace(was, becomes), tables, queries)


def rolled_up(lake: Path, *, spoils: tuple[str, str] = ("", ""), cache: Path | None = None, **terms: Any) -> RollUp:
    """The roll-up of a folder, in this process."""
    engine = SpoiltEngine([lake], cache or lake / "no facts", jobs=1)
    engine.spoils = spoils
    return roll_up(engine, RollUpTerms(**terms), unwatched)


def unwatched(_read: Sequence[ReadFile], _total: int) -> None:
    """No one watches."""


def the_service(view: RollUp, name: str = "shop") -> ServiceRow:
    """The only row of a service."""
    (row,) = (row for row in view.services if row.service == name)
    return row


class Copied:
    """The facts of a few services under many names: an engine whose bundles are read already."""

    def __init__(self, facts: FactTables, count: int) -> None:
        names = [f"{number:05d}" for number in range(count)]
        originals = sorted(facts["bundle"][DIGEST].to_pylist())
        self._digests = [f"{name}{originals[number % len(originals)]}" for number, name in enumerate(names)]
        copies = pa.table({DIGEST: [digest[5:] for digest in self._digests], "copy": self._digests})
        self._facts = {kind: _copied(table, copies) for kind, table in facts.items()}
        bundle = self._facts["bundle"]
        name = pc.binary_join_element_wise("acme/service-", pc.utf8_slice_codeunits(bundle[DIGEST], 0, 5), "")
        self._facts["bundle"] = bundle.set_column(bundle.schema.get_field_index("repository"), "repository", name)
        self._bundles = facts_format.bundles_of(self._facts)
        self.cpu_seconds = 0.0

    def paths(self) -> Iterator[str]:
        """Yield a path for each bundle."""
        yield from (f"{digest}.json" for digest in self._digests)

    def read(self, paths: Sequence[str], progress: Progress) -> Mapping[str, ReadFile]:
        """Return the bundles, whose facts are known."""
        return {path: ReadFile(digest=path[:-5], bundle=self._bundles[path[:-5]]) for path in paths}

    def answers(self, sql: str, tables: Mapping[str, pa.Table], queries: Mapping[str, str]) -> Mapping[str, pa.Table]:
        """Run the queries, and note their CPU time."""
        facts = {facts_format.table_name(kind): table for kind, table in self._facts.items()}
        began = time.process_time()
        answers = duckdb_engine.run(sql, {**facts, **tables}, queries)
        self.cpu_seconds = time.process_time() - began
        return answers

    def files(self) -> Mapping[str, bytes]:
        """Return nothing: the facts are copies."""
        return {}


def _copied(table: pa.Table, copies: pa.Table) -> pa.Table:
    joined = table.join(copies, DIGEST, join_type="inner").drop_columns(DIGEST).rename_columns({"copy": DIGEST})
    return joined.select(table.column_names)
