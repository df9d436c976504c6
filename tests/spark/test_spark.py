"""A real Spark says the same as DuckDB of 40 services, in every row of every table. Run by `make test-spark`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from flowjoy.domain.rollup import ExpectedService, RollUp
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
    services = write_lake(tmp_path / "lake", 1, days=7)
    services[0].write(tmp_path / "lake", path="2026-03-02T09:00:00Z.json")
    view = roll_up(SparkEngine(spark, [str(tmp_path / "lake")], str(tmp_path / "facts")), RollUpTerms(), unwatched)
    assert [row.state for row in view.coverage] == ["refused", "counted"]
    assert "its name has a colon" in view.coverage[0].problem


def test_spark_and_duckdb__say_the_same_in_every_row(lake: Path, spark: Any, tmp_path: Path) -> None:
    here = without_scheme(roll_up(LocalEngine([lake], tmp_path / "none", jobs=2), terms(), unwatched))
    engine = SparkEngine(spark, [str(lake)], str(tmp_path / "facts"))
    there = without_scheme(roll_up(engine, terms(), unwatched))
    for name in TABLES:
        assert there[name] == here[name], name
    assert len(here["services"]) > 40
    assert len(here["service_weeks"]) == 12 * len(here["services"])
    again = without_scheme(roll_up(SparkEngine(spark, [str(lake)], str(tmp_path / "facts")), terms(), unwatched))
    assert again == there
