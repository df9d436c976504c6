"""The section on the promise: its counts, its rate, and every obligation, the most urgent first."""

from __future__ import annotations

from collections.abc import Sequence

from flowjoy.analysis.flow.drift_lag import DriftLag
from flowjoy.analysis.results import Results
from flowjoy.domain import Obligation, Status
from flowjoy.report.blocks import ROW_LIMIT, Cell, Chart, Paragraph, Section, Table, time_cell
from flowjoy.report.content.obligation_text import MARKS, outcome, release
from flowjoy.report.content.retrospective import nothing_owed
from flowjoy.report.prose import Countdown, ModelVersionName, Name, Prose, Text, prose
from flowjoy.report.text import lag_text, plural

_SERIOUS = (Status.BREACHED, Status.UNKNOWN, Status.AT_RISK, Status.PENDING, Status.LATE, Status.WAIVED)
_SETTLED_SHOWN, _MARKDOWN_ROWS, _UNFOLDED_ROWS = 5, 50, 8
_HEADER = ("release", "model", "needs", "deployed", "deadline", "status", "outcome")


def section(results: Results) -> Section | None:
    """Return the counts and all obligations in scope; None if nothing is declared."""
    if results.sla_status == "undeclared" and not results.scope:
        return None
    weeks = plural(len(results.weeks), "week")
    return Section(
        id="promise",
        title=f"The {results.bundle.terms.sla_hours:g}-hour promise",
        paragraphs=(Paragraph(text=counts(results)),),
        chart=Chart(
            name="promise", alt=f"One lane per model with the window of each release, for {weeks}: see the table below"
        ),
        tables=(table(results.scope, results, caption="Releases, the models they need, and when those shipped"),)
        if results.scope
        else (),
        notes=_drift_lag(results.drift_lag),
    )


def release_section(own: Sequence[Obligation], results: Results) -> Section:
    """Return the obligations of one release."""
    return Section(
        id="release", title="Models of this release", tables=(table(own, results, caption="Models of this release"),)
    )


def open_section(results: Results) -> Section | None:
    """Return what is owed now, in a few rows; None if the banner, which names the first, says all of it."""
    owed = [item for item in results.scope if item.is_open]
    if len(owed) < 2:
        return None
    shown = table(owed, results, caption="Open clocks", cap=_SETTLED_SHOWN)
    return Section(id="owed", title="Open clocks", tables=(shown,))


def table(items: Sequence[Obligation], results: Results, *, caption: str, cap: int | None = None) -> Table:
    """Return a table of obligations, the most urgent first. Markdown shows the unsettled ones and a few others."""
    urgent = sorted(items, key=_urgency)
    serious = sum(item.status in _SERIOUS and item.status is not Status.UNKNOWN for item in urgent)
    return Table(
        caption=caption,
        header=_HEADER,
        rows=[_row(item, results) for item in urgent[:ROW_LIMIT]],
        total=len(urgent),
        shown=_UNFOLDED_ROWS,
        cap=min(_MARKDOWN_ROWS, serious + _SETTLED_SHOWN) if cap is None else cap,
    )


def _row(item: Obligation, results: Results) -> tuple[Cell, ...]:
    window = results.bundle.window
    provisional: Text = prose("{} (provisional)", release(item)) if item.provisional else release(item)
    return (
        Cell(text=provisional),
        Cell(text=Name(item.subject)),
        Cell(text=Name(item.requires)),
        time_cell(item.start, window),
        time_cell(item.deadline, window),
        Cell(text=item.status.label, mark=MARKS.get(item.status, Cell.mark)),
        Cell(text=_outcome(item, results), sort=item.deadline.timestamp() if item.is_running else None, wide=True),
    )


def _outcome(item: Obligation, results: Results) -> Text:
    text = outcome(item, results)
    if item.is_running:
        return Countdown(text, item.deadline)
    if item.version and item.status in (Status.MET, Status.LATE):
        return prose("{}: {}", ModelVersionName(item.model, item.version, short=True), text)
    return text


def _urgency(item: Obligation) -> tuple[int, float, str]:
    """Sort by severity of the status; then running obligations by deadline, others by the newest release."""
    rank = _SERIOUS.index(item.status) if item.status in _SERIOUS else len(_SERIOUS)
    return (rank, item.deadline.timestamp() if item.is_running else -item.start.timestamp(), item.id)


def counts(results: Results) -> Prose:
    """Return how many obligations are in which state."""
    if not results.scope:
        return (nothing_owed(results),)
    if unknown := results.count(Status.UNKNOWN):
        return (f"{unknown} unknown: a required source could not be read.",)
    by_status = {status.label: results.count(status) for status in Status}
    named = " · ".join(f"{count} {label}" for label, count in by_status.items() if count)
    return (f"{named}.",)


def why_no_rate(results: Results) -> str:
    """Return why no deadline of the rate period counts."""
    left_out = results.rate.left_out
    return f"{plural(left_out, 'deadline')} passed, neither kept nor broken" if left_out else "no deadline has passed"


def _drift_lag(lag: DriftLag | None) -> tuple[str, ...]:
    if lag is None or lag.median is None or lag.p90 is None:
        return ()
    unshipped = f", {lag.unshipped} of them not shipped" if lag.unshipped else ""
    figures = f"median {lag_text(lag.median)}, p90 {lag_text(lag.p90)} (n = {lag.n}{unshipped})"
    return (f"Drift lag, from a code deploy to the next ship of its model: {figures}.",)
