"""The Markdown surfaces: job summary and pull request comment. Each picks sections of the report in its own order."""

from __future__ import annotations

from flowjoy.analysis.results import Results
from flowjoy.domain import Decision
from flowjoy.domain.gate_findings import GateLevel
from flowjoy.report.content.report import Report
from flowjoy.report.escaping import code
from flowjoy.report.markdown import banner, document, inline, key_figures, sections
from flowjoy.report.prose import Link

_COMMENT = ("gate", "owed")


def summary(report: Report, artifact_url: str | None = None) -> str:
    """Return the job summary, far below GitHub's size limit for any input.

    `artifact_url`: where the report can be downloaded; a GitHub address, not external text.
    """
    download = f"[Chart, tables and bundle of this run]({artifact_url})" if artifact_url else ""
    return document(
        f"## FlowJoy: {code(report.service)}",
        banner(report.banner, report.links),
        key_figures(report.key_figures, report.links),
        download,
        sections(report.ordered(), report.links),
    )


def comment(report: Report) -> str:
    """Return the pull request comment: banner, merge gate and what is owed, at most a screenful."""
    links = [
        Link(name, address)
        for name, address in (("check", report.links.check), ("report", report.links.run))
        if address
    ]
    return document(
        f"**FlowJoy** for {code(report.service)}",
        banner(report.banner, report.links),
        sections(report.ordered(_COMMENT), report.links),
        " · ".join(inline(link) for link in links),
    )


def noteworthy(results: Results) -> bool:
    """Return whether a pull request deserves a comment: a model is owed, the gate found something, or nothing passed.

    A forecast alone is not news: it repeats on every pull request.
    """
    gate = results.gate.findings if results.gate is not None else ()
    return (
        any(item.is_open for item in results.scope)
        or any(finding.level is not GateLevel.NOTICE or finding.line is not None for finding in gate)
        or results.verdict.decision is not Decision.PASS
    )
