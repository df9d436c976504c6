"""The job summary: verdict first, then what is owed, then the weeks. Foreign text is literal everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from flowjoy.analysis import promise
from flowjoy.analysis.dependency import Gate, Level
from flowjoy.analysis.dora import Figure
from flowjoy.analysis.drift_lag import Hours
from flowjoy.analysis.recovery import ALL
from flowjoy.analysis.signals import Spike
from flowjoy.events import END
from flowjoy.findings import Findings
from flowjoy.model import CoverageState, Decision, Obligation, Status, Week
from flowjoy.report import alarm_list
from flowjoy.report import markdown_learn as learn
from flowjoy.report.answers import not_known, nothing_owed, spike_text
from flowjoy.report.headline import headline, outcome, ships_due
from flowjoy.report.incidents import label, newest_first, shown
from flowjoy.report.markdown_drift import drift
from flowjoy.report.markdown_learn import table
from flowjoy.report.words import DORA_NAMES, code, counted, figure, hours_text, moment, plural, share, span

SHOWN_OBLIGATIONS = 50
SHOWN_SETTLED = 5
SHOWN_INCIDENTS = 20
_MARKS = {Decision.PASS: "✅", Decision.FAIL: "❌", Decision.ERROR: "⚠️"}
_SERIOUS = (Status.BREACHED, Status.UNKNOWN, Status.AT_RISK, Status.PENDING, Status.LATE, Status.WAIVED)


def summary(findings: Findings, report_url: str | None = None) -> str:
    """The whole job summary as GitHub Markdown, far below GitHub's limit whatever the size of the input.

    `report_url`: where the files can be downloaded; the runner's own address, no foreign text.
    """
    decision = findings.verdict.decision
    softened = " (not enforced)" if decision is Decision.FAIL and findings.verdict.exit_code == 0 else ""
    parts = [
        f"## FlowJoy: {code(findings.bundle.service)}",
        f"{_MARKS[decision]} **{decision.value}**{softened}: {code(headline(findings), 600)}",
        f"[Chart, tables and bundle of this run]({report_url})" if report_url else "",
        _coverage_faults(findings),
        _steps(findings),
        gate(findings.gate) if findings.gate is not None else "",
    ]
    if findings.judges_promise:
        parts += [
            _promise(findings),
            alarm_list.markdown(findings),
            _drift(findings),
            learn.live(findings),
            _weeks(findings),
            learn.small_chart(findings),
            _incidents(findings),
            drift(findings),
            learn.advice(findings),
            learn.retrospective(findings),
            _dora(findings),
            learn.shelf(findings),
        ]
    parts.append(_coverage(findings))
    return "\n\n".join(part for part in parts if part) + "\n"


def _steps(findings: Findings) -> str:
    """What to do next, and by when. What could not be read was said above."""
    said = ships_due(findings)
    lines = [f"- **{code(step.lead)}** {code(step.sentence, 300)}" for step in said[:SHOWN_SETTLED]]
    more = [f"- … and {len(said) - SHOWN_SETTLED} more models"] if len(said) > SHOWN_SETTLED else []
    return "\n".join(["**What to do next**", "", *lines, *more]) if said else ""


def comment(findings: Findings) -> str:
    """The sticky comment: the verdict, the gate, and what is owed; no more than fits a screen."""
    parts = [
        _said_of(findings),
        gate(findings.gate) if findings.gate is not None else "",
        _owed(findings),
    ]
    return "\n\n".join(part for part in parts if part).rstrip() + "\n"


def _said_of(findings: Findings) -> str:
    decision, service = findings.verdict.decision, code(findings.bundle.service)
    return f"{_MARKS[decision]} **FlowJoy {decision.value}** for {service}: {code(headline(findings), 600)}"


def noteworthy(findings: Findings) -> bool:
    """Whether something runs, is broken, or is to be told: else a pull request is left in peace."""
    open_now = any(promise.is_open(item) for item in findings.scope)
    told = findings.gate is not None and bool(findings.gate.findings or findings.gate.forecast)
    return open_now or told or findings.verdict.decision is not Decision.PASS


def _owed(findings: Findings) -> str:
    owed = sorted((item for item in findings.scope if promise.is_open(item)), key=_urgency)
    if not owed:
        return ""
    more = f"\n\n… and {len(owed) - SHOWN_SETTLED} more." if len(owed) > SHOWN_SETTLED else ""
    # No span that counts down: a comment changes only when something happened.
    rows = [
        (code(item.model), item.status.words, moment(item.deadline, findings.bundle.window.timezone)) for item in owed
    ]
    return table(("model", "status", "deadline"), rows[:SHOWN_SETTLED]) + more


def literal(text: str) -> str:
    """A sentence with foreign text in it, as it is."""
    return code(text, 2000) + "\n"


def release(findings: Findings, own: Sequence[Obligation]) -> str:
    """What became of one release's promise."""
    rows = [_obligation(item, findings) for item in own[:SHOWN_OBLIGATIONS]]
    return f"### What this release promised\n\n{table(_OBLIGATION_HEADER, rows)}\n"


def gate(judged: Gate) -> str:
    """What the gate of a pull request found, and what merging would start."""
    marks = {Level.FAILURE: "❌", Level.NOTICE: "ℹ️"}  # noqa: RUF001  (the sign people know)
    lines = [f"- {marks[finding.level]} {code(finding.text, 500)}" for finding in judged.findings[:SHOWN_OBLIGATIONS]]
    lines += [f"- ⏱️ {code(sentence, 300)}" for sentence in judged.forecast[:SHOWN_OBLIGATIONS]]
    if not judged.judged_registry:
        lines.append("- The registry was not asked: the promise is judged on merge.")
    return "### Model dependency\n\n" + ("\n".join(lines) or "The models that this code asks for are there.") + "\n"


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
        unknown = not_known(findings)
        return f"{title}\n\n{nothing_owed(findings) if unknown is None else code(unknown, 400)}"
    urgent = sorted(findings.scope, key=_urgency)
    serious = sum(item.status in _SERIOUS and item.status is not Status.UNKNOWN for item in urgent)
    shown = urgent[: min(SHOWN_OBLIGATIONS, serious + SHOWN_SETTLED)]
    more = len(urgent) - len(shown)
    rest = f"\n\n… and {more} more, in `flowjoy-bundle.json`." if more else ""
    rows = [_obligation(item, findings) for item in shown]
    return f"{title}\n\n{_counts(findings)}\n\n{table(_OBLIGATION_HEADER, rows)}{rest}"


_OBLIGATION_HEADER = ("release", "model", "needs", "deployed", "deadline", "status", "")


def _obligation(item: Obligation, findings: Findings) -> tuple[str, ...]:
    zone = findings.bundle.window.timezone
    return (
        code(item.sha[:12]) if item.sha else "",
        code(item.model),
        code(item.requires),
        moment(item.start, zone) + (" (provisional)" if item.provisional else ""),
        moment(item.deadline, zone),
        f"**{item.status.words}**" if item.status in _SERIOUS[:3] else item.status.words,
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
    text = (
        f"{found[Status.MET]} met · {found[Status.LATE]} late · {running} running · {found[Status.BREACHED]} breached"
    )
    rate = findings.rate
    if found[Status.UNKNOWN]:
        return f"{found[Status.UNKNOWN]} not known: a source that decides could not be read."
    if rate.percent is None:
        return f"{text}. No deadline has passed in the last {promise.RATE_DAYS} days."
    few = ", too few to judge" if rate.n < promise.ENOUGH else ""
    left_out = f", {rate.left_out} left out" if rate.left_out else ""
    target = findings.bundle.terms.sla_target
    budget = f", {_budget(rate.budget_left(target))}" if rate.n >= promise.ENOUGH else ""
    kept = f"Kept in the last {promise.RATE_DAYS} days: {rate.percent:.1f} % of {rate.n}{few}{left_out}"
    return f"{text}. {kept}; target {target:g} %{budget}."


def _budget(left: float | None) -> str:
    """How much of the allowed misses is left; negative when more was missed than allowed."""
    return "no miss allowed" if left is None else f"{100 * left:.0f} % of the error budget left"


_WEEK_HEADER = ("week", "code deploys", "model deploys", "gap", "unified MTTR (h)", "resolved", "median", "p90", "")


def _weeks(findings: Findings) -> str:
    by_week = {spike.week.week: spike for spike in findings.spikes}
    rows = [_week(week, by_week.get(week.week), well=findings.is_healthy(week)) for week in findings.weeks]
    note = "Unified MTTR: mean time from start to end of every resolved incident that started in the week."
    return f"### Week by week\n\n{table(_WEEK_HEADER, rows)}\n\n{note}"


def _week(week: Week, spike: Spike | None, *, well: bool) -> tuple[str, ...]:
    remark = "running" if week.partial else f"⚠️ Model cadence lagging by {week.gap} deploys" if week.diverges else ""
    if spike is not None:
        remark += f"{'; ' if remark else '⚠️ '}MTTR spike: {spike_text(spike)}"
    if not remark and well:
        remark = "✅ healthy"
    return (
        week.label,
        counted(week.code_deploys, known=week.code_known),
        counted(week.model_deploys, known=week.models_known),
        str(week.gap) if week.counted else "no data",
        "" if week.mttr_hours is None else figure(week.mttr_hours),
        "no data" if week.incidents is None else f"{week.resolved} of {week.incidents}" if week.incidents else "",
        "" if week.mttr_median_hours is None else figure(week.mttr_median_hours),
        "" if week.mttr_p90_hours is None else figure(week.mttr_p90_hours),
        remark,
    )


def _drift(findings: Findings) -> str:
    lag = findings.drift_lag
    if lag is None or lag.median is None:
        return ""
    current = f"{_hours(lag.current)} now, " if lag.current is not None else ""
    unshipped = f", {lag.unshipped} not shipped" if lag.unshipped else ""
    return (
        f"**Drift lag** (code deploy to the next ship of its model): {current}median {_hours(lag.median)}, "
        f"p90 {_hours(lag.p90)} (n = {lag.n}{unshipped})."
    )


def _hours(held: Hours | None) -> str:
    return "no data" if held is None else hours_text(held.value, at_least=held.at_least)


_RECOVERY_HEADER = ("put down to", "resolved", "open", "mean (h)", "median", "p90")


def _incidents(findings: Findings) -> str:
    everything = next((item for item in findings.recoveries if item.cause == ALL), None)
    open_now = findings.incidents[END].isna().any()
    if everything is None or not (everything.resolved or open_now):
        return ""
    rows = [
        (
            "**all: unified MTTR**" if item is everything else item.cause,
            str(item.resolved),
            str(item.open),
            *(figure(value) for value in (item.mean_hours, item.median_hours, item.p90_hours)),
        )
        for item in findings.recoveries
        if item.resolved or item.open or item is everything
    ]
    return f"### Incidents\n\n{table(_RECOVERY_HEADER, rows)}\n\n{_open(findings)}{_evidence(findings)}"


def _open(findings: Findings) -> str:
    open_now = findings.incidents["end"].isna()
    if not open_now.any():
        return ""
    longest = (findings.bundle.generated_at - findings.incidents.loc[open_now, "start"].min()).total_seconds() / 3600
    return f"{plural(int(open_now.sum()), 'incident')} still open (the oldest ≥ {longest:.1f} h), in no mean.\n\n"


def _evidence(findings: Findings) -> str:
    """The newest incidents, each with the deploy it is put down to and why."""
    now, zone = findings.bundle.generated_at, findings.bundle.window.timezone
    told, total = newest_first(findings, SHOWN_INCIDENTS), len(shown(findings))
    rows = [
        (
            code(label(row)),
            moment(row["start"], zone),
            f"≥ {span(now - row['start'])}, open" if pd.isna(row["end"]) else span(row["end"] - row["start"]),
            code(said, 300),
        )
        for row, said in told
    ]
    more = f"\n\n… and {total - len(rows)} more, in `incidents.csv`." if total > len(rows) else ""
    return table(("incident", "started", "took", "put down to"), rows) + more


_DORA_HEADER = ("DORA", "code", "n", "models", "n", "both", "n")


def _dora(findings: Findings) -> str:
    rows = [
        (label, *(cell for held in findings.dora for cell in _figure(name, getattr(held, name))))
        for name, label in DORA_NAMES.items()
    ]
    note = (
        "Recovery counts only incidents that are put down to a deploy: it is not the unified MTTR. "
        "What each figure means stands in the README."
    )
    return f"### DORA\n\n{table(_DORA_HEADER, rows)}\n\n{note}"


def _figure(name: str, held: Figure) -> tuple[str, str]:
    if held.value is None:
        return "no data", str(held.n)
    if name.endswith("_rate"):
        return share(held.value), str(held.n)
    return figure(held.value, " h" if name.endswith("_hours") else ""), str(held.n)


def _coverage(findings: Findings) -> str:
    rows = [
        (code(item.source), item.state.value, str(item.records), code("; ".join(item.notes), 400))
        for item in findings.bundle.coverage
    ]
    return f"### What was read\n\n{table(('source', 'state', 'records', 'notes'), rows)}"
