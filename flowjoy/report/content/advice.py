"""The sections of the page about what to do: advice, the retrospective, pairs, what waits. Knows findings, no HTML."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from flowjoy.analysis.results import Results
from flowjoy.report.blocks import MOST_ROWS, Cell, Paragraph, Section, Table, Tile, instant, more, number
from flowjoy.report.content.inventory import STALE, among, stale_branches, waiting_pulls
from flowjoy.report.content.key_figures import running
from flowjoy.report.content.retrospective import (
    action_answer,
    gap_answer,
    jam_answer,
    lived,
    measured_answer,
    pair_name,
)
from flowjoy.report.text import clean, counted, moment, span


def advice(findings: Results) -> Section:
    """The recommendations whose signals fire, with their numbers."""
    if not findings.advice:
        nothing = "No signal fires in the last four complete weeks."
        return Section(id="advice", title="Advice", paragraphs=(Paragraph(text=nothing, mark="todo good"),))
    rows = [
        (
            Cell(text=row.because, mark=""),
            Cell(text=row.do[:1].upper() + row.do[1:] + "."),
            Cell(text=row.benefit),
        )
        for row in findings.advice
    ]
    escalated = [row for row in findings.advice if row.escalated]
    said = [Paragraph(lead="Escalated.", text=row.because, mark="todo bad") for row in escalated]
    header = ("because", "do", "expected benefit")
    table = Table(caption="What would help, and the numbers that say so", header=header, rows=rows)
    return Section(id="advice", title="Advice", paragraphs=said, tables=(table,))


def retrospective(findings: Results) -> Section:
    """The two questions, the one action, and what became of the last one."""
    asked = [
        Paragraph(lead="Which week shows the biggest gap, and how did that affect MTTR?", text=gap_answer(findings)),
        Paragraph(lead="Where does code flow but models jam?", text=jam_answer(findings)),
        Paragraph(lead="The one action to try before the next sprint:", text=action_answer(findings)),
    ]
    if (measured := measured_answer(findings)) is not None:
        asked.append(Paragraph(lead="What became of the last action:", text=measured))
    return Section(id="retrospective", title="Retrospective", paragraphs=asked)


def pairs(findings: Results) -> Section | None:
    """Which code was live with which models, and where a rollback may go."""
    if not findings.pairs:
        return None
    target, said = findings.rollback_target, []
    if findings.incidents_are_known:
        text = "none in the window" if target is None else f"{pair_name(target)} (live {lived(target, findings)})"
        said.append(Paragraph(lead="Last pair without an incident, the place to roll back to:", text=text))
    else:
        said.append(Paragraph(text="Without incidents nobody can say which pair to roll back to."))
    newest = findings.pairs[::-1]
    rows = [
        (
            instant(pair.since, findings.bundle.window),
            Cell(
                text="live now" if pair.until is None else span(pair.until - pair.since),
                sort=((pair.until or findings.bundle.generated_at) - pair.since).total_seconds(),
            ),
            Cell(text=(pair.sha or "unknown")[:12], code=True),
            Cell(text=", ".join(f"{clean(m.name)} v{clean(m.version)}" for m in pair.models) or "no model"),
            number(len(pair.incidents)) if findings.incidents_are_known else Cell(text="no data"),
            Cell(text=pair.tag or "", code=bool(pair.tag)),
        )
        for pair in newest[:MOST_ROWS]
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
    return Section(id="pairs", title="Code and model pairs", paragraphs=said, tables=(table,))


def shelf(findings: Results) -> Section:
    """Code and models that wait."""
    bundle = findings.bundle
    now, held = bundle.generated_at, bundle.inventory
    waiting = waiting_pulls(held) if held is not None else ()
    stale = stale_branches(held, now) if held is not None else ()
    versions = sorted(bundle.unshipped, key=lambda v: (v.registered_at or now, v.name), reverse=True)
    tiles = (
        Tile(
            name="pull requests waiting for review",
            value="no data" if held is None else str(len(waiting)),
            note="" if held is None else among(held.pulls_total, " open"),
        ),
        Tile(
            name=f"branches without a commit for {STALE.days} days",
            value="no data" if held is None else str(len(stale)),
            note="" if held is None else among(held.branches_total),
        ),
        Tile(
            name="model versions never shipped",
            value=counted(len(versions), known=all(week.models_known for week in findings.weeks)),
        ),
        running(findings),
    )
    tables = (
        _waiting("Pull requests waiting for review", "pull request", "opened", findings,
                 [(f"#{pull.number} {clean(pull.title)}", pull.created_at) for pull in waiting]),
        _waiting("Branches without an open pull request", "branch", "last commit", findings,
                 [(clean(branch.name), branch.committed_at) for branch in stale]),
        _waiting("Model versions that are ready and never shipped", "version", "registered", findings,
                 [(f"{clean(v.name)} v{v.version}", v.registered_at) for v in versions]),
    )  # fmt: skip
    read_at = "" if held is None else f"Read from GitHub at {moment(held.read_at, bundle.window.timezone)}."
    return Section(
        id="shelf",
        title="Inventory on the shelf",
        tiles=tiles,
        tables=[table for table in tables if table.rows],
        notes=tuple(filter(None, (read_at,))),
    )


def _waiting(
    caption: str, noun: str, since: str, findings: Results, items: Iterable[tuple[str, datetime | None]]
) -> Table:
    told = list(items)
    now = findings.bundle.generated_at
    return Table(
        caption=caption,
        header=(noun, since, "waits for"),
        rows=[
            (
                Cell(text=text),
                Cell() if begun is None else instant(begun, findings.bundle.window),
                Cell() if begun is None else Cell(text=span(now - begun), sort=(now - begun).total_seconds()),
            )
            for text, begun in told[:MOST_ROWS]
        ],
        more=more(len(told)),
        folded=True,
        total=len(told),
    )
