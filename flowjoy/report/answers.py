"""The retrospective's questions answered in sentences, and pairs by name. Knows findings; plain text, no markup."""

from __future__ import annotations

from flowjoy.analysis.pairs import Pair
from flowjoy.analysis.signals import Spike
from flowjoy.findings import Findings
from flowjoy.report.words import clean, hours_text, moment, plural, span


def spike_text(spike: Spike) -> str:
    """How the MTTR of a week stands out: `4.5 h, usually 2.0 h`, or `2.5 h, up from 1.5 h`."""
    against = f"usually {spike.usual_hours:.1f} h" if spike.sudden else f"up from {spike.before_hours:.1f} h"
    return f"{spike.hours:.1f} h, {against}"


def gap_answer(findings: Findings) -> str:
    """Which week shows the biggest gap, and what the MTTR was then against the other weeks."""
    gap = findings.retro.gap
    if gap is None:
        return "No complete week: models kept up with code."
    week = gap.week
    said = f"{week.label}: {week.code_deploys} code and {week.model_deploys} model deploys, a gap of {week.gap}."
    if week.mttr_hours is None:
        return f"{said} No incident was resolved of those that began in it, so the MTTR says nothing."
    if gap.others_hours is None:
        return f"{said} Its MTTR was {week.mttr_hours:.1f} h; no other week has one to compare."
    more = week.mttr_hours - gap.others_hours
    change = f"{abs(more):.1f} h {'more' if more > 0 else 'less'} than" if abs(more) >= 0.05 else "the same as"
    others = plural(gap.n, "other week")
    return f"{said} Its MTTR was {week.mttr_hours:.1f} h, {change} the median of {others} ({gap.others_hours:.1f} h)."


def jam_answer(findings: Findings) -> str:
    """Which model keeps releases waiting most."""
    jam = findings.retro.jam
    if jam is None:
        return "Nowhere that is known: no release in the window owes a model."
    lag = jam.lag.median
    median = "" if lag is None else f", median drift lag {hours_text(lag.value, at_least=lag.at_least)}"
    if not jam.missed and not jam.open:
        return f"Nowhere: all {jam.owed} obligations of {clean(jam.model)} were met{median}."
    return (
        f"{clean(jam.model)}: of {plural(jam.owed, 'obligation')} {jam.missed} missed and {jam.open} open now{median}."
    )


def action_answer(findings: Findings) -> str:
    """The one action, with the numbers behind it."""
    row = findings.retro.action
    if row is None:
        return "None is called for: keep shipping together."
    return f"{row.do[:1].upper()}{row.do[1:]}. Because of {row.because}. Re-measure: {row.measure}."


def measured_answer(findings: Findings) -> str | None:
    """What the measure of the last action was when it was proposed, and is now; None without an earlier one."""
    before, now = findings.retro.before, findings.retro.measured
    if before is None:
        return None
    zone = findings.bundle.window.timezone
    then = "no data" if before.value is None else f"{before.value:g}"
    moved = "no data" if now is None else f"{round(now, 2):g}"
    asked = clean(before.do, 300)
    week = moment(before.week, zone)[4:10]
    return f"in the week of {week}: {asked}. {clean(before.measure)}: {then} then, {moved} now."


def pair_name(pair: Pair) -> str:
    """The pair by its unified tag, else by what it is made of."""
    models = ", ".join(f"{clean(model.name)} v{clean(model.version)}" for model in pair.models)
    return pair.tag or f"{(pair.sha or 'unknown')[:12]} with {models or 'no model'}"


def lived(pair: Pair, findings: Findings) -> str:
    """`Tue 04 Jun 09:00 UTC for 31 h 12 m`."""
    zone = findings.bundle.window.timezone
    return f"{moment(pair.since, zone)} for {span((pair.until or findings.bundle.generated_at) - pair.since)}"
