"""The section on code and model pairs: which code was live with which models, and the pair to roll back to."""

from __future__ import annotations

from flowjoy.analysis.flow.live_pairs import LivePair
from flowjoy.analysis.results import Results
from flowjoy.report.blocks import ROW_LIMIT, Cell, Paragraph, Section, Table, number_cell, time_cell
from flowjoy.report.prose import Commit, ModelVersionName, Name, Prose, Text, joined, prose
from flowjoy.report.text import moment, span

_HEADER = ("live since", "for", "code", "models", "incidents", "unified tag")


def section(results: Results) -> Section | None:
    """Return the live pair, the last one without an incident, and the table of all; None if no pair is known."""
    if not results.pairs:
        return None
    target = results.rollback_target
    paragraphs = [Paragraph(lead="Live now:", text=pair_text(results.pairs[-1]))]
    if not results.incidents_are_known:
        paragraphs.append(Paragraph(text="Incidents are unknown, and so is the pair to roll back to."))
    else:
        text: Text = (
            "none in the window" if target is None else prose("{} ({})", pair_text(target), _live(target, results))
        )
        paragraphs.append(Paragraph(lead="Last pair without an incident, to roll back to:", text=text))
    newest = results.pairs[::-1]
    table = Table(
        caption="Which code was live with which models",
        header=_HEADER,
        rows=[_row(pair, results) for pair in newest[:ROW_LIMIT]],
        total=len(newest),
        shown=0,
        cap=0,
    )
    return Section(id="pairs", title="Code and model pairs", paragraphs=paragraphs, tables=(table,))


def _row(pair: LivePair, results: Results) -> tuple[Cell, ...]:
    now = results.bundle.generated_at
    return (
        time_cell(pair.since, results.bundle.window),
        Cell(
            text="live now" if pair.until is None else span(pair.until - pair.since),
            sort=((pair.until or now) - pair.since).total_seconds(),
        ),
        Cell(text=Commit(pair.sha) if pair.sha else "unknown"),
        Cell(text=_models(pair)),
        number_cell(len(pair.incidents)) if results.incidents_are_known else Cell(text="no data"),
        Cell(text=Name(pair.tag) if pair.tag else ""),
    )


def pair_text(pair: LivePair) -> Text:
    """Return the unified tag of a pair, or else its commit and model versions."""
    if pair.tag:
        return Name(pair.tag)
    return prose("{} with {}", Commit(pair.sha) if pair.sha else "unknown code", _models(pair))


def _models(pair: LivePair) -> Prose:
    return joined(ModelVersionName(model.name, model.version) for model in pair.models) or ("no model",)


def _live(pair: LivePair, results: Results) -> str:
    """Return `live since Tue 04 Jun 09:00 UTC for 31 h 12 m`."""
    zone, now = results.bundle.window.timezone, results.bundle.generated_at
    return f"live since {moment(pair.since, zone, now)} for {span((pair.until or now) - pair.since)}"
