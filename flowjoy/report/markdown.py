"""The job summary: verdict first, then what is owed, then the weeks. Foreign text is literal everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flowjoy.analysis import promise
from flowjoy.findings import Findings
from flowjoy.model import CoverageState, Decision, Obligation, Status, Week
from flowjoy.report.headline import headline, outcome
from flowjoy.report.words import code, figure, moment, plural

SHOWN_OBLIGATIONS = 50
_MARKS = {Decision.PASS: "✅", Decision.FAIL: "❌", Decision.ERROR: "⚠️"}
_SERIOUS = (Status.BREACHED, Status.UNKNOWN, Status.AT_RISK, Status.PENDING, Status.LATE, Status.WAIVED)


def summary(findings: Findings) -> str:
    """The whole job summary as GitHub Markdown, far below GitHub's limit whatever the size of the input."""
    decision = findings.verdict.decision
    softened = " (not enforced)" if decision is Decision.FAIL and findings.verdict.exit_code == 0 else ""
    parts = [
        f"## FlowJoy: {code(findings.bundle.service)}",
        f"{_MARKS[decision]} **{decision.value}**{softened}: {code(headline(findings), 600)}",
        _coverage_faults(findings),
        _promise(findings),
        _weeks(findings),
        _incidents(findings),
        _coverage(findings),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of cells that are already escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _coverage_faults(findings: Findings) -> str:
    failed = [item for item in findings.bundle.coverage if item.state is CoverageState.FAILED]
    return "\n".join(
        f"- {code(item.source)}: {code(item.reason or '', 400)}" + (f" **{code(item.hint, 200)}**" if item.hint else "")
        for item in failed
    )


def _promise(findings: Findings) -> str:
    hours = f"{findings.bundle.terms.sla_hours:g}"
    if findings.sla_status == "undeclared":
        return ""
    title = f"### The {hours}-hour promise"
    if not findings.scope:
        return f"{title}\n\nNo release in the window owes a model."
    urgent = sorted(findings.scope, key=_urgency)
    rows = [_obligation(item, findings) for item in urgent[:SHOWN_OBLIGATIONS]]
    more = len(urgent) - len(rows)
    rest = f"\n\n… and {more} more, in `flowjoy-bundle.json`." if more else ""
    return f"{title}\n\n{_counts(findings)}\n\n{table(_OBLIGATION_HEADER, rows)}{rest}"


_OBLIGATION_HEADER = ("release", "model", "needs", "deployed", "deadline", "status", "")


def _obligation(item: Obligation, findings: Findings) -> tuple[str, ...]:
    zone = findings.bundle.window.timezone
    return (
        code(item.sha[:12] if item.sha else item.code_id, 60),
        code(item.model),
        code(item.requires),
        moment(item.start, zone) + (" (provisional)" if item.provisional else ""),
        moment(item.deadline, zone),
        f"**{item.status.value}**" if item.status in _SERIOUS[:3] else item.status.value,
        code(outcome(item, findings)) if item.reason else outcome(item, findings),
    )


def _urgency(item: Obligation) -> tuple[int, float, str]:
    """What needs a person first; then the newest."""
    place = _SERIOUS.index(item.status) if item.status in _SERIOUS else len(_SERIOUS)
    running = item.status in promise.RUNNING
    return (place, item.deadline.timestamp() if running else -item.start.timestamp(), item.id)


def _counts(findings: Findings) -> str:
    found = {status: findings.count(status) for status in Status}
    running = found[Status.PENDING] + found[Status.AT_RISK]
    text = f"{found[Status.MET]} met · {found[Status.LATE]} late · {running} running · {found[Status.BREACHED]} breached"
    rate = findings.rate
    if rate.percent is None:
        return f"{text}. No deadline has passed in the last {promise.RATE_DAYS} days."
    few = ", too few to judge" if rate.n < 5 else ""
    left_out = f", {rate.left_out} left out" if rate.left_out else ""
    return f"{text}. Kept in the last {promise.RATE_DAYS} days: {rate.percent:.1f} % (n = {rate.n}{few}{left_out})."


_WEEK_HEADER = ("week", "code deploys", "model deploys", "gap", "unified MTTR (h)", "n", "median", "p90", "")


def _weeks(findings: Findings) -> str:
    rows = [_week(week) for week in findings.weeks]
    note = "Unified MTTR: mean time from start to end of every resolved incident that started in the week."
    return f"### Week by week\n\n{table(_WEEK_HEADER, rows)}\n\n{note}"


def _week(week: Week) -> tuple[str, ...]:
    remark = "running" if week.partial else f"⚠️ Model cadence lagging by {week.gap} deploys" if week.diverges else ""
    return (
        week.label,
        str(week.code_deploys),
        str(week.model_deploys),
        str(week.gap),
        "" if week.mttr_hours is None else figure(week.mttr_hours),
        f"{week.resolved} of {week.incidents}" if week.incidents else "",
        "" if week.mttr_median_hours is None else figure(week.mttr_median_hours),
        "" if week.mttr_p90_hours is None else figure(week.mttr_p90_hours),
        remark,
    )


def _incidents(findings: Findings) -> str:
    open_now = findings.incidents["end"].isna()
    if not open_now.any():
        return ""
    longest = (findings.bundle.generated_at - findings.incidents.loc[open_now, "start"].min()).total_seconds() / 3600
    return f"{plural(int(open_now.sum()), 'incident')} still open (the oldest ≥ {longest:.1f} h), in no mean."


def _coverage(findings: Findings) -> str:
    rows = [
        (code(item.source), item.state.value, str(item.records), code("; ".join(item.notes), 400))
        for item in findings.bundle.coverage
    ]
    return f"### What was read\n\n{table(('source', 'state', 'records', 'notes'), rows)}"
