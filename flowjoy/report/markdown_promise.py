"""Obligations as Markdown, most urgent first. All external text is literal."""

from __future__ import annotations

from collections.abc import Sequence

from flowjoy.analysis.promise.compliance import ENOUGH, RATE_DAYS
from flowjoy.analysis.results import Results
from flowjoy.domain import Obligation, Status
from flowjoy.report.content.headline import outcome, why_no_rate
from flowjoy.report.content.retrospective import not_known, nothing_owed
from flowjoy.report.escaping import code
from flowjoy.report.text import moment, table

SHOWN_OBLIGATIONS = 50
SHOWN_SETTLED = 5
_SERIOUS = (Status.BREACHED, Status.UNKNOWN, Status.AT_RISK, Status.PENDING, Status.LATE, Status.WAIVED)
_OBLIGATION_HEADER = ("release", "model", "needs", "deployed", "deadline", "status", "")


def promise(results: Results) -> str:
    """Return the counts, all unsettled or missed obligations in scope, and a few of the settled ones."""
    hours = f"{results.bundle.terms.sla_hours:g}"
    if results.sla_status == "undeclared":
        return ""
    title = f"### The {hours}-hour promise"
    if not results.scope:
        unknown = not_known(results)
        return f"{title}\n\n{nothing_owed(results) if unknown is None else code(unknown, 400)}"
    urgent = sorted(results.scope, key=_urgency)
    serious = sum(item.status in _SERIOUS and item.status is not Status.UNKNOWN for item in urgent)
    shown = urgent[: min(SHOWN_OBLIGATIONS, serious + SHOWN_SETTLED)]
    more = len(urgent) - len(shown)
    rest = f"\n\n… and {more} more, in `flowjoy-bundle.json`." if more else ""
    rows = [_obligation(item, results) for item in shown]
    return f"{title}\n\n{_counts(results)}\n\n{table(_OBLIGATION_HEADER, rows)}{rest}"


def still_owed(results: Results) -> str:
    """Return a table of the open obligations for a comment; empty if there are none."""
    owed = sorted((item for item in results.scope if item.is_open), key=_urgency)
    if not owed:
        return ""
    more = f"\n\n… and {len(owed) - SHOWN_SETTLED} more." if len(owed) > SHOWN_SETTLED else ""
    # No time left here: the comment should change only when something happened.
    rows = [(code(item.subject), _state(item), moment(item.deadline, results.bundle.window.timezone)) for item in owed]
    return table(("model", "status", "deadline"), rows[:SHOWN_SETTLED]) + more


def _state(item: Obligation) -> str:
    """Return the status as text; for a waived obligation with reason, owner and end of the waiver."""
    return f"{item.status.label}: {code(item.waiver, 300)}" if item.waiver else item.status.label


def release(results: Results, own: Sequence[Obligation]) -> str:
    """Return a table of the obligations of one release."""
    rows = [_obligation(item, results) for item in own[:SHOWN_OBLIGATIONS]]
    return f"### Obligations of this release\n\n{table(_OBLIGATION_HEADER, rows)}\n"


def _obligation(item: Obligation, results: Results) -> tuple[str, ...]:
    zone = results.bundle.window.timezone
    return (
        code(item.sha[:12]) if item.sha else "",
        code(item.subject),
        code(item.requires),
        moment(item.start, zone) + (" (provisional)" if item.provisional else ""),
        moment(item.deadline, zone),
        f"**{item.status.label}**" if item.status in _SERIOUS[:3] else item.status.label,
        code(outcome(item, results), 400) if item.reason or item.waiver else outcome(item, results),
    )


def _urgency(item: Obligation) -> tuple[int, float, str]:
    """Sort by severity of the status; then running obligations by deadline, others by the newest release."""
    rank = _SERIOUS.index(item.status) if item.status in _SERIOUS else len(_SERIOUS)
    running = item.is_running
    return (rank, item.deadline.timestamp() if running else -item.start.timestamp(), item.id)


def _counts(results: Results) -> str:
    counts = {status: results.count(status) for status in Status}
    running = counts[Status.PENDING] + counts[Status.AT_RISK]
    settled = f"{counts[Status.MET]} met · {counts[Status.LATE]} late"
    text = f"{settled} · {running} running · {counts[Status.BREACHED]} breached"
    if counts[Status.UNDETERMINED]:
        text += f" · {counts[Status.UNDETERMINED]} undetermined"
    rate = results.rate
    if counts[Status.UNKNOWN]:
        return f"{counts[Status.UNKNOWN]} unknown: a required source could not be read."
    if rate.percent is None:
        return f"{text}. In the last {RATE_DAYS} days {why_no_rate(results)}."
    few = ", too few to judge" if rate.n < ENOUGH else ""
    left_out = f", {rate.left_out} left out" if rate.left_out else ""
    target = results.bundle.terms.sla_target
    budget = f", {_budget(rate.budget_left(target))}" if rate.n >= ENOUGH else ""
    kept = f"Kept in the last {RATE_DAYS} days: {rate.percent:.1f} % of {rate.n}{few}{left_out}"
    return f"{text}. {kept}; target {target:g} %{budget}."


def _budget(left: float | None) -> str:
    """Return the remaining share of the error budget; negative if more deadlines were missed than the target allows."""
    return "no miss allowed" if left is None else f"{100 * left:.0f} % of the error budget left"
