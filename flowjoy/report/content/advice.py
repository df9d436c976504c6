"""The page sections on improvement: advice, retrospective, code and model pairs, inventory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from flowjoy.analysis.flow.advice import Advice
from flowjoy.analysis.results import Results
from flowjoy.report.blocks import ROW_LIMIT, Cell, KeyFigure, Paragraph, Section, Table, more, number_cell, time_cell
from flowjoy.report.content.inventory import STALE, among, stale_branches, waiting_pulls
from flowjoy.report.content.key_figures import running
from flowjoy.report.content.retrospective import (
    action_answer,
    bottleneck_answer,
    gap_answer,
    live_period,
    measured_answer,
    pair_name,
)
from flowjoy.report.escaping import clean
from flowjoy.report.text import capital, counted, moment, span


def advice(recommendations: Sequence[Advice]) -> Section:
    """Return the recommendations of the current signals, with the numbers behind them."""
    if not recommendations:
        nothing = "No signal fired in the last four complete weeks."
        return Section(id="advice", title="Advice", paragraphs=(Paragraph(text=nothing, mark="todo good"),))
    rows = [
        (
            Cell(text=row.because, mark=""),
            Cell(text=f"{capital(row.do)}."),
            Cell(text=row.benefit),
        )
        for row in recommendations
    ]
    escalated = [row for row in recommendations if row.escalated]
    paragraphs = [Paragraph(lead="Escalated.", text=row.because, mark="todo bad") for row in escalated]
    header = ("because", "do", "expected benefit")
    table = Table(caption="Recommendations, and the numbers behind them", header=header, rows=rows)
    return Section(id="advice", title="Advice", paragraphs=paragraphs, tables=(table,))


def retrospective(results: Results) -> Section:
    """Return the two questions, the one action, and the result of the last action."""
    asked = [
        Paragraph(lead="Which week shows the biggest gap, and how did that affect MTTR?", text=gap_answer(results)),
        Paragraph(lead="Where does code flow but models jam?", text=bottleneck_answer(results)),
        Paragraph(lead="The one action to try before the next sprint:", text=action_answer(results)),
    ]
    if (measured := measured_answer(results)) is not None:
        asked.append(Paragraph(lead="Result of the last action:", text=measured))
    return Section(id="retrospective", title="Retrospective", paragraphs=asked)


def pairs(results: Results) -> Section | None:
    """Return the table of which code was live with which models, and the pair to roll back to."""
    if not results.pairs:
        return None
    target, paragraphs = results.rollback_target, []
    if results.incidents_are_known:
        text = "none in the window" if target is None else f"{pair_name(target)} (live {live_period(target, results)})"
        paragraphs.append(Paragraph(lead="Last pair without an incident (rollback target):", text=text))
    else:
        paragraphs.append(Paragraph(text="Incidents are unknown, and so is the pair to roll back to."))
    newest = results.pairs[::-1]
    rows = [
        (
            time_cell(pair.since, results.bundle.window),
            Cell(
                text="live now" if pair.until is None else span(pair.until - pair.since),
                sort=((pair.until or results.bundle.generated_at) - pair.since).total_seconds(),
            ),
            Cell(text=(pair.sha or "unknown")[:12], code=True),
            Cell(text=", ".join(f"{clean(m.name)} v{clean(m.version)}" for m in pair.models) or "no model"),
            number_cell(len(pair.incidents)) if results.incidents_are_known else Cell(text="no data"),
            Cell(text=pair.tag or "", code=bool(pair.tag)),
        )
        for pair in newest[:ROW_LIMIT]
    ]
    header = ("live since", "for", "code", "models", "incidents", "unified tag")
    table = Table(
        caption="Which code was live with which models",
        header=header,
        rows=rows,
        more=more(len(newest)),
        folded=True,
        total=len(newest),
    )
    return Section(id="pairs", title="Code and model pairs", paragraphs=paragraphs, tables=(table,))


def inventory(results: Results) -> Section:
    """Return the pull requests, branches, model versions and releases that wait."""
    bundle = results.bundle
    now, stock = bundle.generated_at, bundle.inventory
    waiting = waiting_pulls(stock) if stock is not None else ()
    stale = stale_branches(stock, now) if stock is not None else ()
    versions = sorted(bundle.unshipped, key=lambda v: (v.registered_at or now, v.name), reverse=True)
    key_figures = (
        KeyFigure(
            name="pull requests waiting for review",
            value="no data" if stock is None else str(len(waiting)),
            note="" if stock is None else among(stock.pulls_total, " open"),
        ),
        KeyFigure(
            name=f"branches without a commit for {STALE.days} days",
            value="no data" if stock is None else str(len(stale)),
            note="" if stock is None else among(stock.branches_total),
        ),
        KeyFigure(
            name="model versions never shipped",
            value=counted(len(versions), known=all(week.models_known for week in results.weeks)),
        ),
        running(results),
    )
    tables = (
        _waiting("Pull requests waiting for review", "pull request", "opened", results,
                 [(f"#{pull.number} {clean(pull.title)}", pull.created_at) for pull in waiting]),
        _waiting("Branches without an open pull request", "branch", "last commit", results,
                 [(clean(branch.name), branch.committed_at) for branch in stale]),
        _waiting("Model versions that are ready and never shipped", "version", "registered", results,
                 [(f"{clean(v.name)} v{v.version}", v.registered_at) for v in versions]),
    )  # fmt: skip
    read_at = "" if stock is None else f"Read from GitHub at {moment(stock.read_at, bundle.window.timezone)}."
    return Section(
        id="inventory",
        title="Inventory",
        key_figures=key_figures,
        tables=[table for table in tables if table.rows],
        notes=tuple(filter(None, (read_at,))),
    )


def _waiting(
    caption: str, noun: str, since: str, results: Results, items: Iterable[tuple[str, datetime | None]]
) -> Table:
    rows = list(items)
    now = results.bundle.generated_at
    return Table(
        caption=caption,
        header=(noun, since, "waiting"),
        rows=[
            (
                Cell(text=text),
                Cell() if begun is None else time_cell(begun, results.bundle.window),
                Cell() if begun is None else Cell(text=span(now - begun), sort=(now - begun).total_seconds()),
            )
            for text, begun in rows[:ROW_LIMIT]
        ],
        more=more(len(rows)),
        folded=True,
        total=len(rows),
    )
