"""DuckDB: SQL over Arrow tables, inside this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from flowjoy.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

_VIEW, _TABLE = "CREATE OR REPLACE TEMP VIEW", "CREATE TEMP TABLE"


def run(sql: str, tables: Mapping[str, pa.Table], queries: Mapping[str, str]) -> Mapping[str, pa.Table]:
    """Return the answer to each query, after the statements of `sql` have defined their views over the tables.

    A view is computed once, as a table: others are built on it. Nothing is read from a file or the network. Raise
    InputError where DuckDB is not installed.
    """
    try:
        import duckdb
    except ImportError:
        raise InputError("rollup: DuckDB is not installed. Run pip install duckdb, or set --spark-master") from None
    with duckdb.connect(config={"enable_external_access": "false"}) as database:
        for name, table in tables.items():
            database.register(name, table)
        for statement in statements(sql):
            database.execute(statement.replace(_VIEW, _TABLE, 1))
        return {name: database.sql(query).to_arrow_table() for name, query in queries.items()}


def statements(sql: str) -> tuple[str, ...]:
    """Return the statements of a script, which has no semicolon in a comment or a text."""
    return tuple(part.strip() for part in sql.split(";") if part.strip())
