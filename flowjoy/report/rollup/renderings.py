"""The files of a roll-up, apart from its facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from flowjoy.domain.rollup import RollUp
from flowjoy.report.rollup import prom
from flowjoy.report.rollup.page import page
from flowjoy.report.rollup.tables import csv_files


def renderings(rollup: RollUp) -> Mapping[str, Callable[[], bytes]]:
    """Return a function for each file that makes its bytes."""
    return {"rollup.html": partial(page, rollup), **csv_files(rollup), "rollup.prom": partial(prom.text, rollup)}
