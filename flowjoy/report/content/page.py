"""What stands in each section of the page: findings in plain words and tables. Knows findings, no HTML."""

from __future__ import annotations

from flowjoy.analysis.results import Results
from flowjoy.domain import CoverageState, Obligation, Status
from flowjoy.report.blocks import MOST_ROWS, Cell, Clock, Paragraph, Picture, Section, Table, instant, more, number
from flowjoy.report.content import advice as learn
from flowjoy.report.content import alerts, drift, flow
from flowjoy.report.content.headline import next_steps, outcome
from flowjoy.report.content.key_figures import tiles
from flowjoy.report.content.retrospective import nothing_owed
from flowjoy.report.text import clean, lag_text, moment

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
"""Rows from which on a table is folded, so that what follows it is found."""


def sections(
    findings: Results, chart: Picture | None, lanes: Picture | None, shares: Picture | None = None
) -> tuple[Section, ...]:
    """The sections of the page, the most urgent first. Without a judged promise only the gate and what was read."""
    if not findings.judges_promise:
        return tuple(part for part in (_gate(findings), _coverage(findings)) if part is not None)
    found = (
        _now(findings),
        alerts.section(findings),
        _gate(findings),
        flow.weeks(findings, chart),
        _promise(findings, lanes),
        flow.incidents(findings),
        drift.drift(findings, shares),
        flow.dora(findings),
        learn.advice(findings),
        learn.retrospective(findings),
        learn.pairs(findings),
        learn.shelf(findings),
        _coverage(findings),
    )
    return tuple(part for part in found if part is not None)


def _now(findings: Results) -> Section:
    """What runs and what is broken, in figures, in sentences and in a table."""
    steps = [
        Paragraph(
            text=step.text,
            lead=step.lead,
            mark=f"todo {step.mark}".strip(),
            clock=None if step.deadline is None else Clock(text=step.left, due=step.deadline),
        )
        for step in next_steps(findings)
    ]
    # What nobody could judge is no clock: what is to be mended stands above, the releases below.
    owed = [item for item in findings.scope if item.is_open and item.status is not Status.UNKNOWN]
    table = Table(
        caption="What is open",
        header=("model", "status", "time left", "deadline", "release", "needs"),
        rows=[_clock(item, findings) for item in sorted(owed, key=lambda item: item.deadline)[:MOST_ROWS]],
        more=more(len(owed)),
        folded=len(owed) > MANY,
        total=len(owed),
    )
    return Section(id="now", title="Now", tiles=tiles(findings), paragraphs=steps, tables=(table,) if owed else ())


def _clock(item: Obligation, findings: Results) -> tuple[Cell, ...]:
    running = item.is_running
    return (
        Cell(text=clean(item.subject)),
        _status(item),
        Cell(
            text=outcome(item, findings),
            sort=item.deadline.timestamp(),
            clock=Clock(text=outcome(item, findings), due=item.deadline) if running else None,
        ),
        instant(item.deadline, findings.bundle.window),
        _release(item),
        Cell(text=item.requires, code=True),
    )


def _gate(findings: Results) -> Section | None:
    gate = findings.gate
    if gate is None:
        return None
    marks = {"failure": "todo bad", "warning": "todo", "notice": "todo"}
    said = [Paragraph(text=clean(item.text, 500), mark=marks[item.level.value]) for item in gate.findings[:MOST_ROWS]]
    said += [Paragraph(text=clean(text, 300)) for text in gate.forecast[:MOST_ROWS]]
    if not said:
        said = [Paragraph(text="The models that this code asks for are there.", mark="todo good")]
    return Section(id="gate", title="Model dependency", paragraphs=said)


def _promise(findings: Results, lanes: Picture | None) -> Section:
    hours = f"{findings.bundle.terms.sla_hours:g}"
    counted = {status: findings.count(status) for status in Status}
    said = " · ".join(f"{n} {status.words}" for status, n in counted.items() if n)
    newest = sorted(findings.scope, key=lambda item: (item.start, item.id), reverse=True)
    table = Table(
        caption="What each release owed, and what became of it",
        header=("deployed", "release", "model", "needs", "status", "why", "deadline"),
        rows=[
            (
                instant(item.start, findings.bundle.window),
                _release(item),
                Cell(text=clean(item.subject)),
                Cell(text=item.requires, code=True),
                _status(item),
                Cell(text=_why(item, findings)),
                instant(item.deadline, findings.bundle.window),
            )
            for item in newest[:MOST_ROWS]
        ],
        more=more(len(newest)),
        folded=len(newest) > LONG,
        total=len(newest),
    )
    text = said or nothing_owed(findings)
    return Section(
        id="promise",
        title=f"The {hours}-hour promise",
        paragraphs=(Paragraph(text=text),),
        picture=lanes,
        tables=(table,) if newest else (),
        notes=_drift_lag(findings),
    )


def _why(item: Obligation, findings: Results) -> str:
    told = clean(outcome(item, findings), 300)
    version = f"v{clean(item.version, 40)}: " if item.version and item.status in (Status.MET, Status.LATE) else ""
    return f"{version}{told}" if told else ""


def _drift_lag(findings: Results) -> tuple[str, ...]:
    lag = findings.drift_lag
    if lag is None or lag.median is None or lag.p90 is None:
        return ()
    unshipped = f", {lag.unshipped} of them not shipped" if lag.unshipped else ""
    return (
        (
            "Drift lag, from a code deploy to the next ship of its model: median "
            f"{lag_text(lag.median)}, p90 {lag_text(lag.p90)} (n = {lag.n}{unshipped})."
        ),
    )


def _coverage(findings: Results) -> Section:
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
            number(item.records),
            Cell(text="yes" if item.required else ""),
            Cell(text=clean("; ".join(filter(None, (item.reason, item.hint, *item.notes))), 500)),
        )
        for item in findings.bundle.coverage
    ]
    header = ("source", "state", "records", "decides", "said")
    read_at = moment(findings.bundle.generated_at, findings.bundle.window.timezone)
    return Section(
        id="coverage",
        title="What was read",
        tables=(Table(caption=f"Every source, as read at {read_at}", header=header, rows=rows),),
        notes=("Missing data is never taken for good news: a source that decides must be complete for a pass.",),
    )


def _release(item: Obligation) -> Cell:
    name = item.sha[:12] if item.sha else item.code_id
    return Cell(text=clean(name) + (" (provisional)" if item.provisional else ""), code=True)


def _status(item: Obligation) -> Cell:
    return Cell(text=item.status.words, mark=_MARKS.get(item.status, "calm"))
