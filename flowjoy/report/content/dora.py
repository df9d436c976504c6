"""The section on the DORA metrics, and on the deploys that failed without an incident."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from flowjoy.analysis.flow.dora import Dora, DoraFigure
from flowjoy.analysis.flow.observed_failures import Evidence, ObservedFailure, Sign
from flowjoy.analysis.results import Results
from flowjoy.report.blocks import ROW_LIMIT, Cell, Section, Table, number_cell, time_cell
from flowjoy.report.content.event_names import event_names
from flowjoy.report.prose import Commit, Prose, PullRequest, joined, prose
from flowjoy.report.text import DORA_NAMES, decimal, share, span

_UNFOLDED_ROWS = 6


def section(results: Results) -> Section:
    """Return the DORA metrics for code, models and both, and the deploys behind the observed failures."""
    failed = [item for item in results.failures if item.at >= results.bundle.window.since]
    return Section(
        id="dora",
        title="DORA metrics",
        tables=(_metrics(results.dora), *((_failures(failed, results),) if failed else ())),
        notes=(
            "Recovery counts only incidents attributed to a deploy, so it differs from the unified MTTR.",
            "Lead time runs from the commit, or from the start of training, until the change is live.",
            "Observed failures need no incident: rollbacks, models moved back, reverts and hotfixes show them.",
        ),
    )


def _metrics(dora_figures: Sequence[Dora]) -> Table:
    rows = [
        (Cell(text=name), *(cell for kind in dora_figures for cell in _figure(key, getattr(kind, key))))
        for key, name in DORA_NAMES.items()
    ]
    header = ("figure", "code", "n", "models", "n", "both", "n")
    return Table(caption="How fast and how safely changes go live", header=header, rows=rows, total=len(rows))


def _figure(key: str, measured: DoraFigure) -> tuple[Cell, Cell]:
    if measured.value is None:
        return Cell(text="no data", sort="", number=True), number_cell(measured.n)
    if key.endswith("_rate"):
        return Cell(text=share(measured.value), sort=measured.value, number=True), number_cell(measured.n)
    text = decimal(measured.value, " h" if key.endswith("_hours") else "")
    text = f"≤ {text}" if measured.at_most else text
    return Cell(text=text, sort=measured.value, number=True), number_cell(measured.n)


def _failures(failed: Sequence[ObservedFailure], results: Results) -> Table:
    names = event_names(results.events)
    return Table(
        caption="Deploys that failed without an incident, the newest first",
        header=("deploy", "live from", "replaced after", "evidence"),
        rows=[
            (
                Cell(text=names[item.id]),
                time_cell(item.at, results.bundle.window),
                _until_replaced(item),
                Cell(text=joined((_sentence(sign, names) for sign in item.evidence), "; "), wide=True),
            )
            for item in reversed(failed[-ROW_LIMIT:])
        ],
        total=len(failed),
        shown=_UNFOLDED_ROWS,
    )


def _until_replaced(failure: ObservedFailure) -> Cell:
    took = span(timedelta(hours=failure.hours))
    return Cell(text=took if failure.low_hours == failure.hours else f"≤ {took}", sort=failure.hours)


def _sentence(sign: Evidence, names: Mapping[str, Prose]) -> Prose:
    event = names[sign.event]
    if sign.sign is Sign.REVERT:
        return prose("reverted by {}, live with {}", Commit(sign.commit or ""), event)
    if sign.sign is Sign.HOTFIX:
        return prose("followed by the hotfix {}, live with {}", PullRequest(sign.pull_request or 0), event)
    return prose("rolled back to {}" if sign.sign is Sign.ROLLBACK else "moved back to {}", event)
