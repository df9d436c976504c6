"""Roll-ups of folders in tests, with a definition that a test may spoil."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from flowjoy.domain.rollup import RollUp, ServiceRow
from flowjoy.pipeline.rollup import ReadFile, RollUpTerms, roll_up
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
