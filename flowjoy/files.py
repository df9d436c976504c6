"""The report's files on disk. A file that cannot be written is a warning, never a verdict."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path

from flowjoy.findings import Findings
from flowjoy.instants import iso
from flowjoy.report import tables
from flowjoy.report.headline import headline
from flowjoy.report.words import clean, moment, plural


def renderings(findings: Findings, bundle: bytes) -> Mapping[str, Callable[[], bytes]]:
    """Each file's name with what makes its bytes."""
    from flowjoy.report import chart

    @functools.cache
    def figure() -> chart.Figure:
        window = findings.bundle.window
        open_now = int(findings.incidents["end"].isna().sum())
        return chart.draw(
            findings.weeks,
            service=findings.bundle.service,
            timezone=window.timezone,
            open_incidents=open_now,
            spikes={spike.week.week for spike in findings.spikes},
        )

    @functools.cache
    def drawn() -> bytes:
        return chart.to_svg(figure())

    return {
        "flowjoy-bundle.json": lambda: bundle,
        "supply_chain_events.csv": lambda: tables.events_csv(findings),
        "incidents.csv": lambda: tables.incidents_csv(findings),
        "weekly_flow.csv": lambda: tables.weeks_csv(findings),
        "dora.csv": lambda: tables.dora_csv(findings),
        "unified_flow.png": lambda: chart.to_png(figure()),
        "unified_flow.svg": drawn,
        "report.html": lambda: _page(findings, drawn()),
    }


def _page(findings: Findings, chart: bytes) -> bytes:
    from flowjoy.report import page, sections

    window, total = findings.bundle.window, len(findings.weeks)
    alt = f"Code deploys, model ships and unified MTTR, week by week, for {total} weeks: the table below says the same"
    return page.render(
        page.View(
            service=clean(findings.bundle.service),
            verdict=findings.verdict.decision.value,
            headline=headline(findings),
            as_of=moment(window.until, window.timezone),
            as_of_iso=iso(window.until),
            window=f"{plural(total, 'week')} from Monday, {window.timezone}",
            tag=findings.unified_tag,
            sections=sections.sections(findings, page.picture(chart, alt), None),
        )
    )


def write(
    files: Mapping[str, Callable[[], bytes]],
    folder: Path,
    workspace: Path,
    warn: Callable[[str], None],
    redact: Callable[[str], str],
) -> dict[str, str]:
    """Write what can be written, without secrets; the paths, relative to the workspace, by file name."""
    written = {}
    for name, render in files.items():
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if path.is_symlink():
                path.unlink()  # a repository controls the workspace: never write through its links
            path.write_bytes(_redacted(render(), redact))
            written[name] = path.relative_to(workspace.resolve()).as_posix()
        except Exception as problem:  # noqa: BLE001  (a failing picture must not fail the verdict)
            warn(f"{name} could not be written ({type(problem).__name__})")
    return written


def _redacted(raw: bytes, redact: Callable[[str], str]) -> bytes:
    """Text without secrets: a server may have said one back. A picture as it is."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return raw
    return redact(text).encode()
