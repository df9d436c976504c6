"""Weeks, drift lag, incidents and DORA metrics in the job summary. All external text is literal."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from flowjoy.analysis.event_columns import END
from flowjoy.analysis.flow.divergence_and_spikes import Spike
from flowjoy.analysis.flow.dora import Dora, DoraFigure
from flowjoy.analysis.flow.drift_lag import DriftLag, Hours
from flowjoy.analysis.flow.incidents import ALL
from flowjoy.analysis.results import Results
from flowjoy.domain import Week
from flowjoy.report.content.incidents import label, newest_first, shown
from flowjoy.report.content.retrospective import spike_text, unknown_text, unobserved_text
from flowjoy.report.escaping import code
from flowjoy.report.text import DORA_NAMES, counted, decimal, lag_text, lagging, moment, plural, share, span, table

SHOWN_INCIDENTS = 20
_WEEK_HEADER = ("week", "code deploys", "model deploys", "gap", "unified MTTR (h)", "resolved", "median", "p90", "")
_RECOVERY_HEADER = ("attributed to", "resolved", "open", "mean (h)", "median", "p90")
_DORA_HEADER = ("DORA", "code", "n", "models", "n", "both", "n")


def weeks(results: Results) -> str:
    """Return a table with one row per week, marking divergence, MTTR spikes and healthy weeks."""
    by_week = {spike.week.week: spike for spike in results.spikes}
    rows = [_week(week, by_week.get(week.week), well=results.is_healthy(week)) for week in results.weeks]
    note = "Unified MTTR: mean time from start to end of every resolved incident that started in the week."
    return f"### Week by week\n\n{table(_WEEK_HEADER, rows)}\n\n{note}"


def _week(week: Week, spike: Spike | None, *, well: bool) -> tuple[str, ...]:
    remark = "running" if week.partial else f"⚠️ {lagging(week, code)}" if week.diverges else ""
    if spike is not None:
        remark += f"{'; ' if remark else '⚠️ '}MTTR spike: {spike_text(spike)}"
    if not week.observed:
        remark += f"{'; ' if remark else ''}{unobserved_text(week)}"
    if not remark and well:
        remark = "✅ healthy"
    return (
        week.label,
        counted(week.code_deploys, known=week.code_known),
        "" if week.models_known and not week.observed else counted(week.model_deploys, known=week.models_known),
        str(week.gap) if week.counted else unknown_text(week),
        "" if week.mttr_hours is None else decimal(week.mttr_hours),
        "no data" if week.incidents is None else f"{week.resolved} of {week.incidents}" if week.incidents else "",
        "" if week.mttr_median_hours is None else decimal(week.mttr_median_hours),
        "" if week.mttr_p90_hours is None else decimal(week.mttr_p90_hours),
        remark,
    )


def drift_lag(lag: DriftLag | None) -> str:
    """Return the drift lag; empty if it is unknown."""
    if lag is None or lag.median is None:
        return ""
    current = f"{_hours(lag.current)} now, " if lag.current is not None else ""
    unshipped = f", {lag.unshipped} not shipped" if lag.unshipped else ""
    return (
        f"**Drift lag** (code deploy to the next ship of its model): {current}median {_hours(lag.median)}, "
        f"p90 {_hours(lag.p90)} (n = {lag.n}{unshipped})."
    )


def _hours(lag: Hours | None) -> str:
    return "no data" if lag is None else lag_text(lag)


def incidents(results: Results) -> str:
    """Return recovery by cause, open incidents and the newest incidents; empty without a resolved or open one."""
    everything = next((item for item in results.recoveries if item.cause == ALL), None)
    open_now = results.incidents[END].isna().any()
    if everything is None or not (everything.resolved or open_now):
        return ""
    rows = [
        (
            "**all: unified MTTR**" if item is everything else item.cause,
            str(item.resolved),
            str(item.open),
            *(decimal(value) for value in (item.mean_hours, item.median_hours, item.p90_hours)),
        )
        for item in results.recoveries
        if item.resolved or item.open or item is everything
    ]
    return f"### Incidents\n\n{table(_RECOVERY_HEADER, rows)}\n\n{_open(results)}{_evidence(results)}"


def _open(results: Results) -> str:
    open_now = results.incidents["end"].isna()
    if not open_now.any():
        return ""
    longest = (results.bundle.generated_at - results.incidents.loc[open_now, "start"].min()).total_seconds() / 3600
    count = plural(int(open_now.sum()), "incident")
    return f"{count} still open (the oldest ≥ {longest:.1f} h), not included in the means.\n\n"


def _evidence(results: Results) -> str:
    """Return a table of the newest incidents, each with the deploy it is attributed to and the reason."""
    now, zone = results.bundle.generated_at, results.bundle.window.timezone
    newest, total = newest_first(results, SHOWN_INCIDENTS), len(shown(results))
    rows = [
        (
            code(label(row)),
            moment(row["start"], zone),
            f"≥ {span(now - row['start'])}, open" if pd.isna(row["end"]) else span(row["end"] - row["start"]),
            code(sentence, 300),
        )
        for row, sentence in newest
    ]
    more = f"\n\n… and {total - len(rows)} more, in `incidents.csv`." if total > len(rows) else ""
    return table(("incident", "started", "took", "attributed to"), rows) + more


def dora(dora_figures: Sequence[Dora]) -> str:
    """Return the DORA metrics for code, models and both."""
    rows = [
        (label, *(cell for kind in dora_figures for cell in _figure(name, getattr(kind, name))))
        for name, label in DORA_NAMES.items()
    ]
    note = (
        "Recovery counts only incidents attributed to a deploy, so it differs from the unified MTTR. "
        "Definitions: docs/metrics.md in the FlowJoy repository."
    )
    return f"### DORA\n\n{table(_DORA_HEADER, rows)}\n\n{note}"


def _figure(name: str, measured: DoraFigure) -> tuple[str, str]:
    if measured.value is None:
        return "no data", str(measured.n)
    if name.endswith("_rate"):
        return share(measured.value), str(measured.n)
    return decimal(measured.value, " h" if name.endswith("_hours") else ""), str(measured.n)
