"""The content of a report, once: a banner, and sections that every surface picks from in its own order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flowjoy.analysis.promise import verdict
from flowjoy.analysis.results import Results
from flowjoy.report.blocks import Banner, KeyFigure, Section
from flowjoy.report.content import (
    advice,
    alerts,
    coverage,
    dora,
    drift,
    gate,
    incidents,
    inventory,
    live_pairs,
    promise,
    retrospective,
    weeks,
)
from flowjoy.report.content.banner import banner
from flowjoy.report.content.key_figures import key_figures
from flowjoy.report.links import NOWHERE, Links

ORDER = (
    *("gate", "alerts", "promise", "weeks", "incidents", "drift"),
    *("advice", "retrospective", "dora", "pairs", "inventory", "coverage"),
)
"""The sections of page and summary, the most urgent first."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """The content of one run's report. `sections` by id, without those that have nothing to show."""

    service: str
    banner: Banner
    key_figures: Sequence[KeyFigure]
    sections: Mapping[str, Section]
    links: Links

    def ordered(self, order: Sequence[str] = ORDER) -> list[Section]:
        """Return the sections of a surface in its order."""
        return [self.sections[name] for name in order if name in self.sections]


def report_of(results: Results, links: Links = NOWHERE) -> Report:
    """Return the content of the report of a run."""
    judged = results.judges_promise
    parts: list[Section | None] = [coverage.section(results)]
    if results.gate is not None:
        is_stated = results.verdict.exit_code != verdict.EXIT_UNDECIDED
        parts.append(gate.section(results.gate, is_stated=is_stated))
    if judged:
        parts += [
            alerts.section(results),
            promise.section(results),
            promise.open_section(results),
            weeks.section(results),
            incidents.section(results),
            drift.section(results.drift),
            dora.section(results),
            advice.section(results.advice, not_judged=retrospective.not_judged(results)),
            retrospective.section(results),
            live_pairs.section(results),
            inventory.section(results),
        ]
    return Report(
        service=results.bundle.service,
        banner=banner(results, links),
        key_figures=key_figures(results) if judged else (),
        sections={part.id: part for part in parts if part is not None},
        links=links,
    )
