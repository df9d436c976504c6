"""The section on the retrospective: its questions with their answers, and reasons for missing data."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from flowjoy.analysis.flow.divergence_and_spikes import Spike
from flowjoy.analysis.promise.verdict import unproved
from flowjoy.analysis.results import Results
from flowjoy.domain import Week
from flowjoy.domain.weeks import complete_weeks
from flowjoy.report.blocks import Paragraph, Section, week_name
from flowjoy.report.escaping import clean
from flowjoy.report.prose import own
from flowjoy.report.text import capital, deploys_of, lag_text, plural

_NOTHING_DEPLOYED = "No code was deployed in a complete week."


def spike_text(spike: Spike) -> str:
    """Return how the MTTR of a week stands out: `4.5 h, usually 2.0 h`, or `2.5 h, up from 1.5 h`."""
    against = f"usually {spike.usual_hours:.1f} h" if spike.sudden else f"up from {spike.before_hours:.1f} h"
    return f"{spike.hours:.1f} h, {against}"


def gap_answer(results: Results) -> str:
    """Return the week with the biggest gap, and its MTTR compared with the other weeks."""
    gap, complete = results.retrospective.gap, complete_weeks(results.weeks)
    if not complete:
        return "No week is complete yet."
    if unread := unread_text(complete[-1]):
        return f"Unknown: {unread} could not be read."
    if not any(week.counted for week in complete):
        return "Unknown: no complete week was observed from its start."
    if _nothing_deployed(results):
        return _NOTHING_DEPLOYED
    if gap is None:
        seen = "" if all(week.counted for week in complete) else " that was observed"
        return f"None: models kept up with code in every complete week{seen}."
    week = gap.week
    lead = f"{week_name(week, results.bundle.window)}: {deploys_of(week, week.furthest)}, a gap of {week.gap}."
    if week.mttr_hours is None:
        return f"{lead} It has no MTTR: no incident that started in it was resolved."
    if gap.others_hours is None:
        return f"{lead} Its MTTR was {week.mttr_hours:.1f} h; no other week has one for comparison."
    more = week.mttr_hours - gap.others_hours
    change = f"{abs(more):.1f} h {'more' if more > 0 else 'less'} than" if abs(more) >= 0.05 else "the same as"
    others = plural(gap.n, "other week")
    return f"{lead} Its MTTR was {week.mttr_hours:.1f} h, {change} the median of {others} ({gap.others_hours:.1f} h)."


def not_judged(results: Results) -> str | None:
    """Return why the complete weeks say nothing: a source that could not be read, or no code; None if they do."""
    return not_known(results) or (_NOTHING_DEPLOYED if _nothing_deployed(results) else None)


def _nothing_deployed(results: Results) -> bool:
    """Return whether the complete weeks are known to hold no code deploy, so that they say nothing of models."""
    complete = complete_weeks(results.weeks)
    return bool(complete) and all(week.code_known and not week.code_deploys for week in complete)


def not_known(results: Results) -> str | None:
    """Return which required sources could not be read; None if all were."""
    missing = unproved(results.bundle.coverage)
    return f"Unknown: {'; '.join(clean(item.source) for item in missing)} could not be read." if missing else None


def nothing_owed(results: Results) -> str:
    """Return why no obligation is shown."""
    return not_known(results) or "No release in the window has an obligation."


def bottleneck_answer(results: Results) -> str:
    """Return the model that delays releases the most."""
    bottleneck, unknown = results.retrospective.jam, not_known(results)
    if unknown is not None:
        return unknown
    if bottleneck is None:
        return "Nowhere: no release in the window has an obligation."
    lag = bottleneck.lag.median
    median = "" if lag is None else f", median drift lag {lag_text(lag)}"
    model, owed = clean(bottleneck.model), plural(bottleneck.owed, "obligation")
    if bottleneck.missed or bottleneck.open:
        open_now = f"{bottleneck.open} {_be(bottleneck.open)} open now"
        return f"{model}: {bottleneck.missed} of {owed} missed the deadline, and {open_now}{median}."
    if bottleneck.undetermined:
        undetermined = f"{bottleneck.undetermined} {_be(bottleneck.undetermined)} undetermined"
        return f"Nowhere: none of {owed} of {model} was missed, {undetermined}{median}."
    return f"Nowhere: {owed} of {model}, all met{median}."


def _be(count: int) -> str:
    return "is" if count == 1 else "are"


def action_answer(results: Results) -> str:
    """Return the one action, with the numbers behind it."""
    row = results.retrospective.action
    if row is None and (why := not_judged(results)):
        return why
    if row is None:
        return "None is needed: keep shipping code and models together."
    return f"{capital(row.do)}. Reason: {row.because}. Re-measure: {row.measure}."


def measured_answer(results: Results) -> str | None:
    """Return how the measure of the last action changed since it was proposed; None without an earlier action."""
    before, now = results.retrospective.before, results.retrospective.measured
    if before is None:
        return None
    then = "no data" if before.value is None else f"{round(before.value, 2):g}"
    moved = "no data" if now is None else f"{round(now, 2):g}"
    zone = ZoneInfo(results.bundle.window.timezone)
    local, as_of = before.week.astimezone(zone), results.bundle.generated_at.astimezone(zone)
    week = local.strftime("%b %d" if local.year == as_of.year else "%b %d %Y")
    change = _change(before.value, now)
    values = f"{capital(clean(before.measure))}: {then} then, {moved} now{change}"
    return f"proposed in the week of {week}: {clean(before.do, 300)}. {values}."


def _change(then: float | None, now: float | None) -> str:
    """Return whether a measure improved; for every measure, less is better."""
    if then is None or now is None:
        return ""
    less = round(then - now, 2)
    return ": better" if less > 0 else ": worse" if less < 0 else ": no change"


def unobserved_text(week: Week) -> str:
    """Return why the ships of a week are unknown although the registry was read."""
    return "ships not observed" if week.models_known else ""


def unknown_text(week: Week) -> str:
    """Return the text for an unknown gap: empty if the week was only not observed."""
    return "no data" if unread_text(week) else ""


def unread_text(week: Week) -> str:
    """Return `code`, `models` or both: the sources without which the counts of a week are unknown."""
    return " and ".join(name for name, known in (("code", week.code_known), ("models", week.models_known)) if not known)


def section(results: Results) -> Section:
    """Return the two questions, the one action, and the result of the last action."""
    asked = [
        Paragraph(lead="Which week shows the biggest gap, and how did that affect MTTR?", text=gap_answer(results)),
        Paragraph(lead="Where does code flow but models jam?", text=bottleneck_answer(results)),
        Paragraph(lead="One action to try before the next sprint:", text=own(action_answer(results))),
    ]
    if (measured := measured_answer(results)) is not None:
        asked.append(Paragraph(lead="The last action:", text=measured))
    return Section(id="retrospective", title="Retrospective", paragraphs=asked)
