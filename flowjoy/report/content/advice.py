"""The section on advice: what the current signals recommend, with the numbers behind it."""

from __future__ import annotations

from collections.abc import Sequence

from flowjoy.analysis.flow.advice import Advice
from flowjoy.report.blocks import Cell, Mark, Paragraph, Section, Table
from flowjoy.report.prose import own
from flowjoy.report.text import capital


def section(recommendations: Sequence[Advice], *, not_judged: str | None = None) -> Section:
    """Return the recommendations of the current signals. `not_judged`: why the weeks say nothing, None if they do."""
    if not recommendations:
        text = not_judged or "No signal fired in the last four complete weeks."
        nothing = Paragraph(text=text, mark=Mark.NONE if not_judged else Mark.GOOD)
        return Section(id="advice", title="Advice", paragraphs=(nothing,))
    rows = [
        (
            Cell(text=row.because, wide=True),
            Cell(text=own(f"{capital(row.do)}."), wide=True, mark=Mark.BAD if row.escalated else Mark.NONE),
            Cell(text=own(row.benefit)),
        )
        for row in recommendations
    ]
    escalated = any(row.escalated for row in recommendations)
    note = Paragraph(lead="Escalated:", text="the signal fired for the second week in a row.", mark=Mark.BAD)
    header = ("because", "do", "expected benefit")
    table = Table(caption="Recommendations, and the numbers behind them", header=header, rows=rows, total=len(rows))
    return Section(id="advice", title="Advice", paragraphs=(note,) if escalated else (), tables=(table,))
