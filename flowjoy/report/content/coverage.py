"""The section on the sources: what was read, how completely, and what was noticed."""

from __future__ import annotations

from flowjoy.analysis.results import Results
from flowjoy.domain import CoverageState
from flowjoy.report.blocks import Cell, Mark, Section, Table, number_cell
from flowjoy.report.escaping import clean
from flowjoy.report.text import moment

_MARKS = {CoverageState.FAILED: Mark.BAD, CoverageState.COMPLETE: Mark.GOOD}


def section(results: Results) -> Section:
    """Return a table of all sources."""
    rows = [
        (
            Cell(text=clean(item.source)),
            Cell(text=item.state.value, mark=_MARKS.get(item.state, Mark.CALM)),
            number_cell(item.records),
            Cell(text="yes" if item.required else ""),
            Cell(text=clean("; ".join(filter(None, (item.reason, item.hint, *item.notes))), 500), wide=True),
        )
        for item in results.bundle.coverage
    ]
    read_at = moment(results.bundle.generated_at, results.bundle.window.timezone)
    header = ("source", "state", "records", "required", "notes")
    table = Table(
        caption=f"All sources, as read at {read_at}", header=header, rows=rows, total=len(rows), cap=len(rows)
    )
    note = "Missing data never counts as good news: a pass needs every required source to be complete."
    return Section(id="coverage", title="Sources", tables=(table,), notes=(note,))
