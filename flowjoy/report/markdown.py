"""Blocks as GitHub Markdown: job summary, checks and the pull request comment. All text from outside is literal."""

from __future__ import annotations

from collections.abc import Sequence

from flowjoy.report.blocks import (
    SIGNS,
    Banner,
    Cadence,
    Cell,
    KeyFigure,
    Listing,
    Mark,
    Move,
    Paragraph,
    Section,
    Table,
)
from flowjoy.report.escaping import code, prose
from flowjoy.report.links import NOWHERE, Links
from flowjoy.report.palette import CODE_PALE, MODEL_LINE
from flowjoy.report.prose import Countdown, Link, Name, Span, Text, span_text, spans

_MOVES = 10
_TONES = f"{CODE_PALE.light}, {MODEL_LINE}"
_PALETTE = f'%%{{init: {{"themeVariables": {{"xyChart": {{"plotColorPalette": "{_TONES}"}}}}}}}}%%'
"""Blue and violet as in the full chart: pale bars, so that the thin line is visible before them and on both grounds."""


def document(*parts: str) -> str:
    """Return the parts that are not empty, each as a block of its own."""
    return "\n\n".join(part for part in parts if part).rstrip() + "\n"


def inline(text: Text, links: Links = NOWHERE) -> str:
    """Return a sentence as one line of Markdown."""
    return "".join(_span(span, links) for span in spans(text))


def _span(span: Span, links: Links) -> str:
    if isinstance(span, str):
        # Spaces at the borders of a span separate words.
        return (
            f"{span[: len(span) - len(span.lstrip())]}{prose(span)}{span[len(span.rstrip()) :] if span.strip() else ''}"
        )
    if isinstance(span, Countdown):
        return prose(span.text)
    shown = prose(span_text(span)) if isinstance(span, Link) else code(span_text(span))
    address = None if isinstance(span, Name) else links.address(span)
    return f"[{shown}]({address})" if address and shown else shown


def banner(content: Banner, links: Links = NOWHERE) -> str:
    """Return status, facts and what to do, the first lines of every surface."""
    word = f"{prose(content.word)}: " if content.word else ""
    head = f"{SIGNS[content.mark] or '⏸️'} **{word}{inline(content.title, links)}**"
    return "\n\n".join(
        filter(None, (head, "<br>".join(inline(fact, links) for fact in content.facts), moves(content.moves, links)))
    )


def moves(content: Sequence[Move], links: Links = NOWHERE) -> str:
    """Return what to do as a list, at most a handful."""
    if not content:
        return ""
    if all(move.mark is Mark.GOOD for move in content):
        return " ".join(inline(move.do, links) for move in content)
    lines = [_move(move, links) for move in content[:_MOVES]]
    more = [f"- … and {len(content) - _MOVES} more below"] if len(content) > _MOVES else []
    return "\n".join(["**What to do**", "", *lines, *more])


def _move(move: Move, links: Links) -> str:
    why = f" {inline(move.why, links)}" if move.why else ""
    return f"- **{inline(move.do, links)}**{why}"


def sections(content: Sequence[Section], links: Links = NOWHERE) -> str:
    """Return several sections below each other."""
    return "\n\n".join(section(part, links) for part in content)


def section(content: Section, links: Links = NOWHERE) -> str:
    """Return one section with its heading. Each table is cut at its cap; the page shows more of it."""
    parts = [
        f"### {prose(content.title)}",
        key_figures(content.key_figures, links),
        *(_paragraph(paragraph, links) for paragraph in content.paragraphs),
        *(table(part, links) for part in content.tables if part.cap),
        _cadence(content.chart.cadence) if content.chart is not None and content.chart.cadence is not None else "",
        "\n".join(_listing(listing, links) for listing in content.listings),
        "<br>".join(inline(note, links) for note in content.notes),
    ]
    return "\n\n".join(part for part in parts if part)


def key_figures(content: Sequence[KeyFigure], links: Links = NOWHERE) -> str:
    """Return the figures on one line, each with what it covers."""
    return " · ".join(_figure(figure, links) for figure in content)


def _figure(figure: KeyFigure, links: Links) -> str:
    note = f" ({inline(figure.note, links)})" if figure.note else ""
    return f"**{prose(figure.name)}** {prose(figure.value)}{note}"


def _paragraph(paragraph: Paragraph, links: Links) -> str:
    sign = f"{SIGNS[paragraph.mark]} " if SIGNS[paragraph.mark] else ""
    lead = f"**{inline(paragraph.lead, links)}** " if paragraph.lead else ""
    return f"{sign}{lead}{inline(paragraph.text, links)}"


def _listing(listing: Listing, links: Links) -> str:
    more = f" … and {listing.total - len(listing.items)} more" if listing.total > len(listing.items) else ""
    shown = ", ".join(inline(item, links) for item in listing.items)
    return f"- {prose(listing.lead)}{': ' if shown else ''}{shown}{more}"


def table(content: Table, links: Links = NOWHERE) -> str:
    """Return a table, cut at its cap, with a note on the rows left out."""
    rows = [[_cell(cell, links) for cell in row] for row in content.rows[: content.cap]]
    if not rows:
        return ""
    more = content.more(len(rows))
    lines = [[prose(name) for name in content.header], ["---"] * len(content.header), *rows]
    drawn = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"{drawn}\n\n{prose(more)}" if more else drawn


def _cell(cell: Cell, links: Links) -> str:
    shown = inline(cell.text, links)
    sign = SIGNS[cell.mark] if cell.mark in (Mark.BAD, Mark.GOOD, Mark.WAIT) else ""
    return f"{sign} {shown}" if sign and shown else shown


def _cadence(cadence: Cadence) -> str:
    """Return a Mermaid chart. Its axis starts at 0: by default it would start at the smallest count."""
    bars, line = (", ".join(map(str, counts)) for counts in (cadence.code, cadence.models))
    labels = ", ".join(f'"{label}"' for label in cadence.labels)
    return (
        f"```mermaid\n{_PALETTE}\nxychart-beta\n"
        '  title "Code deploys (bars) and model ships (line) by complete week"\n'
        f"  x-axis [{labels}]\n"
        f'  y-axis "deploys per week" 0 --> {max(*cadence.code, *cadence.models)}\n'
        f"  bar [{bars}]\n"
        f"  line [{line}]\n```"
    )
