"""The section on the DORA metrics."""

from __future__ import annotations

from collections.abc import Sequence

from flowjoy.analysis.flow.dora import Dora, DoraFigure
from flowjoy.report.blocks import Cell, Section, Table, number_cell
from flowjoy.report.text import DORA_NAMES, decimal, share


def section(dora_figures: Sequence[Dora]) -> Section:
    """Return the DORA metrics for code, models and both."""
    rows = [
        (Cell(text=name), *(cell for kind in dora_figures for cell in _figure(key, getattr(kind, key))))
        for key, name in DORA_NAMES.items()
    ]
    header = ("figure", "code", "n", "models", "n", "both", "n")
    caption = "How fast and how safely changes go live"
    return Section(
        id="dora",
        title="DORA metrics",
        tables=(Table(caption=caption, header=header, rows=rows, total=len(rows)),),
        notes=(
            "Recovery counts only incidents attributed to a deploy, so it differs from the unified MTTR.",
            "Lead time runs from the commit, or from the start of training, until the change is live.",
        ),
    )


def _figure(key: str, measured: DoraFigure) -> tuple[Cell, Cell]:
    if measured.value is None:
        return Cell(text="no data", sort="", number=True), number_cell(measured.n)
    if key.endswith("_rate"):
        return Cell(text=share(measured.value), sort=measured.value, number=True), number_cell(measured.n)
    unit = " h" if key.endswith("_hours") else ""
    return Cell(text=decimal(measured.value, unit), sort=measured.value, number=True), number_cell(measured.n)
