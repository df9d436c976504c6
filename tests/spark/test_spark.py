"""A real Spark says the same as DuckDB of 40 services, in every row of every table. Run by `make test-spark`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from flowjoy.domain.rollup import RollUp
from flowjoy.domain.rollup_rows import ExpectedService
from flowjoy.pipeline.rollup import RollUpTerms, roll_up
from flowjoy.pipeline.rollup_local import LocalEngine
from flowjoy.pipeline.rollup_spark import SparkEngine, connected
from tests.organisation import write_lake
from tests.rolled_up import unwatched

MASTER = "local-cluster[2,1,1024]"
TABLES = ("services", "service_weeks", "models", "model_services", "teams", "weeks", "coverage")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    write_lake(folder, 40)
    (folder / "a name with {glob} [signs]?*.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    session = connected(MASTER)
    session.conf.set("spark.sql.shuffle.partitions", "2")
    yield session
    session.stop()


def terms() -> RollUpTerms:
    names = ((f"acme/service-{number}", f"service-{number}", f"team {number % 3}") for number in range(1, 43))
    known = (ExpectedService(repository=repository, service=service, team=team) for repository, service, team in names)
    return RollUpTerms(expected=tuple(known))


def without_scheme(view: RollUp) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table; Spark says `file:` before a path."""
    return {
        name: [{item.name: _plain(getattr(row, item.name)) for item in fields(row)} for row in getattr(view, name)]
        for name in TABLES
    }


def _plain(value: Any) -> Any:
    return value.removeprefix("file:") if isinstance(value, str) else value


def test_file_that_hadoop_cannot_open__is_refused_and_named(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "2026-03-02T09:00:00Z.json").write_text("{}")
    engine = SparkEngine(spark, [str(tmp_path)], str(tmp_path / "facts"))
    (file,) = engine.read([*engine.paths()], unwatched).values()
    assert "its name has a colon" in str(file.bundle.problem)


def test_spark_and_duckdb__say_the_same_in_every_row(lake: Path, spark: Any, tmp_path: Path) -> None:
    here = without_scheme(roll_up(LocalEngine([lake], tmp_path / "none", jobs=2), terms(), unwatched))
    there = without_scheme(roll_up(SparkEngine(spark, [str(lake)], str(tmp_path / "facts")), terms(), unwatched))
    for name in TABLES:
        assert there[name] == here[name], name
    assert len(here["services"]) > 40
    assert len(here["service_weeks"]) == 12 * len(here["services"])
    kept = sorted(path.name for path in (tmp_path / "facts").rglob("*.parquet"))
    again = SparkEngine(spark, [str(lake)], str(tmp_path / "facts"))
    known = {row["file"] for row in there["coverage"]}
    again.read([path for path in again.paths() if path.removeprefix("file:") in known], unwatched)
    assert sorted(path.name for path in (tmp_path / "facts").rglob("*.parquet")) == kept
