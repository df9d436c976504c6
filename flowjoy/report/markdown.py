"""The job summary and the pull request comment as GitHub Markdown. All external text is literal."""

from __future__ import annotations

from collections.abc import Sequence

from flowjoy.analysis.promise.merge_gate import GateLevel, MergeGate
from flowjoy.analysis.results import Results
from flowjoy.domain import Coverage, CoverageState, Decision
from flowjoy.report import markdown_advice as advice
from flowjoy.report import markdown_flow as flow
from flowjoy.report.content import alerts
from flowjoy.report.content.first_run import first_run
from flowjoy.report.content.headline import headline, ships_due
from flowjoy.report.escaping import code
from flowjoy.report.markdown_drift import drift
from flowjoy.report.markdown_promise import SHOWN_OBLIGATIONS, SHOWN_SETTLED, promise, still_owed
from flowjoy.report.text import plural, table

_MARKS = {Decision.PASS: "✅", Decision.FAIL: "❌", Decision.ERROR: "⚠️"}


def summary(results: Results, report_url: str | None = None) -> str:
    """Return the job summary, far below GitHub's size limit for any input.

    `report_url`: where the report can be downloaded; a GitHub address, not external text.
    """
    decision = results.verdict.decision
    softened = " (not enforced)" if decision is Decision.FAIL and results.verdict.exit_code == 0 else ""
    parts = [
        first_run(results) or "",
        f"## FlowJoy: {code(results.bundle.service)}",
        f"{_MARKS[decision]} **{decision.value}**{softened}: {code(headline(results), 600)}",
        f"[Chart, tables and bundle of this run]({report_url})" if report_url else "",
        _coverage_faults(results.bundle.coverage),
        _steps(results),
        gate(results.gate) if results.gate is not None else "",
    ]
    if results.judges_promise:
        parts += [
            promise(results),
            alerts.markdown(results),
            flow.drift_lag(results.drift_lag),
            advice.live(results),
            flow.weeks(results),
            advice.small_chart(results),
            flow.incidents(results),
            drift(results.drift),
            advice.advice(results.advice),
            advice.retrospective(results),
            flow.dora(results.dora),
            advice.inventory(results),
        ]
    parts.append(_coverage(results.bundle.coverage))
    return "\n\n".join(part for part in parts if part) + "\n"


def _steps(results: Results) -> str:
    """Return the ships that are due and by when. Sources that could not be read are listed above."""
    due = ships_due(results)
    lines = [f"- **{code(step.lead)}** {code(step.sentence, 300)}" for step in due[:SHOWN_SETTLED]]
    more = [f"- … and {plural(len(due) - SHOWN_SETTLED, 'more model')}"] if len(due) > SHOWN_SETTLED else []
    return "\n".join(["**Next steps**", "", *lines, *more]) if due else ""


def comment(results: Results) -> str:
    """Return the pull request comment: verdict, merge gate and open obligations, at most a screenful."""
    parts = [
        _verdict_line(results),
        gate(results.gate) if results.gate is not None else "",
        still_owed(results),
    ]
    return "\n\n".join(part for part in parts if part).rstrip() + "\n"


def _verdict_line(results: Results) -> str:
    decision, service = results.verdict.decision, code(results.bundle.service)
    return f"{_MARKS[decision]} **FlowJoy {decision.value}** for {service}: {code(headline(results), 600)}"


def noteworthy(results: Results) -> bool:
    """Return whether a pull request deserves a comment: an open obligation, a gate message, or a failed verdict."""
    open_now = any(item.is_open for item in results.scope)
    has_gate_news = results.gate is not None and bool(results.gate.findings or results.gate.forecast)
    return open_now or has_gate_news or results.verdict.decision is not Decision.PASS


def literal(text: str) -> str:
    """Return a sentence with external text in it as literal Markdown."""
    return code(text, 2000) + "\n"


def gate(judged: MergeGate) -> str:
    """Return the findings of the merge gate, and the obligations that a merge would start."""
    marks = {GateLevel.FAILURE: "❌", GateLevel.WARNING: "⚠️", GateLevel.NOTICE: "ℹ️"}  # noqa: RUF001  (the sign people know)
    lines = [f"- {marks[finding.level]} {code(finding.text, 500)}" for finding in judged.findings[:SHOWN_OBLIGATIONS]]
    lines += [f"- ⏱️ {code(sentence, 300)}" for sentence in judged.forecast[:SHOWN_OBLIGATIONS]]
    if not judged.judged_registry:
        lines.append("- The registry was not read: the promise is judged after the merge.")
    if not judged.compared:
        lines.append(
            "- No ledger of the default branch was read: this run's inputs were not compared with its settings."
        )
    return "### Model dependency\n\n" + ("\n".join(lines) or "All models that this code requires are available.") + "\n"


def _coverage_faults(coverage: Sequence[Coverage]) -> str:
    failed = [item for item in coverage if item.state is CoverageState.FAILED]
    return "\n".join(
        f"- {code(item.source)}: {code(item.reason or '', 400)}" + (f" **{code(item.hint, 200)}**" if item.hint else "")
        for item in failed
    )


def _coverage(coverage: Sequence[Coverage]) -> str:
    rows = [
        (code(item.source), item.state.value, str(item.records), code("; ".join(item.notes), 400)) for item in coverage
    ]
    return f"### Sources\n\n{table(('source', 'state', 'records', 'notes'), rows)}"
