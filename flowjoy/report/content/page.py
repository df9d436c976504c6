"""The sections of the page, in plain text and tables."""

from __future__ import annotations

from flowjoy.analysis.flow.drift_lag import DriftLag
from flowjoy.analysis.promise.merge_gate import MergeGate
from flowjoy.analysis.results import Results
from flowjoy.domain import CoverageState, Obligation, Status
from flowjoy.report.blocks import (
    ROW_LIMIT,
    Cell,
    Countdown,
    Paragraph,
    Picture,
    Section,
    Table,
    more,
    number_cell,
    time_cell,
)
from flowjoy.report.content import advice, alerts, drift, flow
from flowjoy.report.content.headline import next_steps, outcome
from flowjoy.report.content.key_figures import key_figures
from flowjoy.report.content.retrospective import nothing_owed
from flowjoy.report.escaping import clean
from flowjoy.report.text import lag_text, moment

_MARKS = {
    Status.MET: "good",
    Status.LATE: "bad",
    Status.BREACHED: "bad",
    Status.UNKNOWN: "bad",
    Status.AT_RISK: "wait",
    Status.PENDING: "wait",
    Status.WAIVED: "wait",
}


MANY, LONG = 20, 60
"""Maximum rows of an unfolded table; longer ones would hide the sections below."""


def sections(
    results: Results, chart: Picture | None, lanes: Picture | None, shares: Picture | None = None
) -> tuple[Section, ...]:
    """Return the sections, most urgent first; only merge gate and sources if the promise was not judged."""
    if not results.judges_promise:
        return tuple(part for part in (_gate(results.gate), _coverage(results)) if part is not None)
    parts = (
        _now(results),
        alerts.section(results),
        _gate(results.gate),
        flow.weeks(results, chart),
        _promise(results, lanes),
        flow.incidents(results),
        drift.drift(results.drift, shares),
        flow.dora(results.dora),
        advice.advice(results.advice),
        advice.retrospective(results),
        advice.pairs(results),
        advice.inventory(results),
        _coverage(results),
    )
    return tuple(part for part in parts if part is not None)


def _now(results: Results) -> Section:
    """Return what is running or broken: key figures, next steps and a table."""
    steps = [
        Paragraph(
            text=step.text,
            lead=step.lead,
            mark=f"todo {step.mark}".strip(),
            clock=None if step.deadline is None else Countdown(text=step.left, due=step.deadline),
        )
        for step in next_steps(results)
    ]
    # Unknown obligations have no time left; the sources to fix are among the next steps.
    owed = [item for item in results.scope if item.is_open and item.status is not Status.UNKNOWN]
    table = Table(
        caption="Open obligations",
        header=("model", "status", "time left", "deadline", "release", "needs"),
        rows=[_clock(item, results) for item in sorted(owed, key=lambda item: item.deadline)[:ROW_LIMIT]],
        more=more(len(owed)),
        folded=len(owed) > MANY,
        total=len(owed),
    )
    return Section(
        id="now", title="Now", key_figures=key_figures(results), paragraphs=steps, tables=(table,) if owed else ()
    )


def _clock(item: Obligation, results: Results) -> tuple[Cell, ...]:
    running = item.is_running
    return (
        Cell(text=clean(item.subject)),
        _status(item),
        Cell(
            text=outcome(item, results),
            sort=item.deadline.timestamp(),
            clock=Countdown(text=outcome(item, results), due=item.deadline) if running else None,
        ),
        time_cell(item.deadline, results.bundle.window),
        _release(item),
        Cell(text=item.requires, code=True),
    )


def _gate(gate: MergeGate | None) -> Section | None:
    if gate is None:
        return None
    marks = {"failure": "todo bad", "warning": "todo", "notice": "todo"}
    paragraphs = [
        Paragraph(text=clean(item.text, 500), mark=marks[item.level.value]) for item in gate.findings[:ROW_LIMIT]
    ]
    paragraphs += [Paragraph(text=clean(text, 300)) for text in gate.forecast[:ROW_LIMIT]]
    if not paragraphs:
        paragraphs = [Paragraph(text="All models that this code requires are available.", mark="todo good")]
    return Section(id="gate", title="Model dependency", paragraphs=paragraphs)


def _promise(results: Results, lanes: Picture | None) -> Section:
    hours = f"{results.bundle.terms.sla_hours:g}"
    by_status = {status: results.count(status) for status in Status}
    counts = " · ".join(f"{n} {status.label}" for status, n in by_status.items() if n)
    newest = sorted(results.scope, key=lambda item: (item.start, item.id), reverse=True)
    table = Table(
        caption="Obligations of each release, and their outcomes",
        header=("deployed", "release", "model", "needs", "status", "why", "deadline"),
        rows=[
            (
                time_cell(item.start, results.bundle.window),
                _release(item),
                Cell(text=clean(item.subject)),
                Cell(text=item.requires, code=True),
                _status(item),
                Cell(text=_why(item, results)),
                time_cell(item.deadline, results.bundle.window),
            )
            for item in newest[:ROW_LIMIT]
        ],
        more=more(len(newest)),
        folded=len(newest) > LONG,
        total=len(newest),
    )
    text = counts or nothing_owed(results)
    return Section(
        id="promise",
        title=f"The {hours}-hour promise",
        paragraphs=(Paragraph(text=text),),
        picture=lanes,
        tables=(table,) if newest else (),
        notes=_drift_lag(results.drift_lag),
    )


def _why(item: Obligation, results: Results) -> str:
    text = clean(outcome(item, results), 300)
    version = f"v{clean(item.version, 40)}: " if item.version and item.status in (Status.MET, Status.LATE) else ""
    return f"{version}{text}" if text else ""


def _drift_lag(lag: DriftLag | None) -> tuple[str, ...]:
    if lag is None or lag.median is None or lag.p90 is None:
        return ()
    unshipped = f", {lag.unshipped} of them not shipped" if lag.unshipped else ""
    return (
        (
            "Drift lag, from a code deploy to the next ship of its model: median "
            f"{lag_text(lag.median)}, p90 {lag_text(lag.p90)} (n = {lag.n}{unshipped})."
        ),
    )


def _coverage(results: Results) -> Section:
    rows = [
        (
            Cell(text=clean(item.source)),
            Cell(
                text=item.state.value,
                mark="bad"
                if item.state is CoverageState.FAILED
                else "good"
                if item.state is CoverageState.COMPLETE
                else "calm",
            ),
            number_cell(item.records),
            Cell(text="yes" if item.required else ""),
            Cell(text=clean("; ".join(filter(None, (item.reason, item.hint, *item.notes))), 500)),
        )
        for item in results.bundle.coverage
    ]
    header = ("source", "state", "records", "required", "notes")
    read_at = moment(results.bundle.generated_at, results.bundle.window.timezone)
    return Section(
        id="coverage",
        title="Sources",
        tables=(Table(caption=f"All sources, as read at {read_at}", header=header, rows=rows),),
        notes=("Missing data never counts as good news: a pass needs every required source to be complete.",),
    )


def _release(item: Obligation) -> Cell:
    name = item.sha[:12] if item.sha else item.code_id
    return Cell(text=clean(name) + (" (provisional)" if item.provisional else ""), code=True)


def _status(item: Obligation) -> Cell:
    return Cell(text=item.status.label, mark=_MARKS.get(item.status, "calm"))
