"""`rollup.html`: the state of an organisation on the same page as a report, which loads nothing from the network."""

from __future__ import annotations

from flowjoy.analysis.promise.compliance import RATE_DAYS
from flowjoy.domain.plurals import grouped, plural
from flowjoy.domain.rates import as_percent, per
from flowjoy.domain.rollup import RollUp
from flowjoy.domain.timestamps import iso
from flowjoy.report import html
from flowjoy.report.blocks import Banner, KeyFigure, Mark
from flowjoy.report.content.report import Report
from flowjoy.report.links import NOWHERE
from flowjoy.report.rollup import pictures
from flowjoy.report.rollup.sections import MAP, TREND, sections
from flowjoy.report.rollup.tables import hours_each
from flowjoy.report.text import decimal


def page(rollup: RollUp) -> bytes:
    """Return the page."""
    parts = sections(rollup)
    report = Report(
        service="All services",
        banner=banner(rollup),
        key_figures=_key_figures(rollup),
        sections=parts,
        links=NOWHERE,
    )
    return html.render(
        html.PageView(
            report=report,
            as_of=f"{rollup.as_of:%a %d %b %Y, %H:%M} UTC",
            as_of_iso=iso(rollup.as_of),
            window=f"Last {plural(rollup.weeks_shown, 'week')}, Monday to Sunday",
            pictures={
                MAP: pictures.heat_map(rollup).picture(),
                TREND: pictures.trend(rollup.weeks).picture(),
            },
            order=tuple(parts),
            source="facts/*.parquet",
            manual="rollup.md",
        )
    )


def banner(rollup: RollUp) -> Banner:
    """Return the state of all services in one sentence. An unknown state is never good news."""
    total, silent, broken = len(rollup.services), len(rollup.silent), len(rollup.broken)
    unknown = sum(row.promise == "unknown" for row in rollup.services)
    missed = sum(row.due_missed for row in rollup.services)
    services = grouped(total, "service")
    if broken:
        verb = "breaks" if broken == 1 else "break"
        mark, title = Mark.BAD, f"{broken:,} of {services} {verb} the promise"
    elif unknown:
        verb = "is" if unknown == 1 else "are"
        mark, title = Mark.WAIT, f"{unknown:,} of {services} {verb} unknown"
    else:
        mark = Mark.CALM if missed else Mark.GOOD
        title = f"none of {services} breaks the promise now" if total > 1 else "the service breaks no promise now"
    facts = [f"{silent:,} of {services} have no current report." if silent else "Every service reports."]
    if missed:
        facts.append(f"{plural(missed, 'deadline')} of the last 28 days {'was' if missed == 1 else 'were'} missed.")
    if unknown > silent:
        facts.append(
            f"{unknown - silent:,} more cannot be judged: a source failed, or a deadline passed since the report."
        )
    return Banner(mark=mark, word="", title=title, facts=facts)


def _key_figures(rollup: RollUp) -> tuple[KeyFigure, ...]:
    everything = rollup.organisation
    if everything is None:
        return ()
    percent = as_percent(everything.due_met, everything.due_missed)
    deploys = per(everything.complete_week_deploys, everything.complete_weeks)
    return (
        KeyFigure(
            name="services that report",
            value=f"{everything.reporting:,} of {everything.services:,}",
            note=f"within {rollup.silent_after_hours} h",
            mark=Mark.WAIT if rollup.silent else Mark.NONE,
        ),
        KeyFigure(
            name=f"kept, last {RATE_DAYS} days",
            value=decimal(percent, " %"),
            note=f"of {grouped(everything.due_met + everything.due_missed, 'obligation')}; blended",
        ),
        KeyFigure(
            name="unified MTTR",
            value=decimal(hours_each(everything.resolved_seconds, everything.resolved), " h"),
            note=f"{grouped(everything.resolved or 0, 'incident')} resolved; blended",
        ),
        KeyFigure(
            name="deploys a week",
            value=decimal(deploys),
            note="code and models, by service; blended",
        ),
    )
