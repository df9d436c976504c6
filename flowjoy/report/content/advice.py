"""The section on advice: what the current signals recommend, with the numbers behind it."""

from __future__ import annotations

from collections.abc import Sequence

from flowjoy.analysis.flow.advice import Advice
from flowjoy.report.blocks import Cell, Mark, Paragraph, Section, Table
from flowjoy.report.prose import own
from flowjoy.report.text import capital


def section(recommendations: Sequence[Advice], *, is_judged: bool = True) -> Section:
    """Return the recommendations of the current signals. `is_judged`: False if no code was deployed to judge."""
    if not recommendations:
        mark = Mark.GOOD if is_judged else Mark.NONE
        nothing = Paragraph(text="No signal fired in the last four complete weeks.", mark=mark)
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
