"""The report's files on disk. A file that cannot be written is a warning and never changes the verdict."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pandas as pd

from flowjoy.analysis import event_columns
from flowjoy.analysis.results import Results
from flowjoy.domain import Kind
from flowjoy.domain.drift import DriftCheck
from flowjoy.domain.timestamps import iso
from flowjoy.report import badge, cdevents, csv_files, openmetrics
from flowjoy.report.content.report import report_of
from flowjoy.report.content.retrospective import not_known
from flowjoy.report.links import NOWHERE, Links
from flowjoy.report.text import plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from flowjoy.report import html

_PICTURE = re.compile(r"(data:image/svg\+xml;base64,[\w+/]*)", re.ASCII)
_LABELS = re.compile(r"<!--.*?-->|(?<=>)[^<]+(?=</(?:dc:)?t)", re.DOTALL)


def renderings(
    results: Results, bundle: bytes, redact: Callable[[str], str] = str, links: Links = NOWHERE
) -> Mapping[str, Callable[[], bytes]]:
    """Return a function per file that makes its bytes. Each picture is drawn once and redacted before embedding."""
    flow = functools.cache(lambda: _flow(results))
    lanes = functools.cache(lambda: _lanes(results))
    flow_svg, lanes_svg = functools.cache(lambda: _svg(flow(), redact)), functools.cache(lambda: _svg(lanes(), redact))
    drift = functools.cache(lambda: _drift(results.drift, results.bundle.service))
    drift_svg = functools.cache(lambda: _svg(drift(), redact))
    pictures: dict[str, Callable[[], bytes]] = {"drift.png": lambda: _png(drift()), "drift.svg": drift_svg}
    on_page = {"unified_flow": flow_svg, "promise": lanes_svg} | ({"drift": drift_svg} if results.drift else {})
    return {
        "flowjoy-bundle.json": lambda: bundle,
        "supply_chain_events.csv": lambda: csv_files.events_csv(results),
        "incidents.csv": lambda: csv_files.incidents_csv(results),
        "weekly_flow.csv": lambda: csv_files.weeks_csv(results),
        "recovery.csv": lambda: csv_files.recovery_csv(results),
        "dora.csv": lambda: csv_files.dora_csv(results),
        "cdevents.jsonl": lambda: cdevents.jsonl(cdevents.cdevents(results, redact)),
        "flowjoy.prom": lambda: openmetrics.text(results, redact),
        "badge.svg": lambda: badge.svg(results),
        "badge.json": lambda: badge.shields_json(results),
        "unified_flow.png": lambda: _png(flow()),
        "unified_flow.svg": flow_svg,
        "promise.png": lambda: _png(lanes()),
        "promise.svg": lanes_svg,
        **(pictures if results.drift is not None else {}),
        "report.html": lambda: page_of(results, on_page, links),
    }


def chart_png(results: Results) -> bytes:
    """Return the joint flow chart as PNG."""
    return _png(_flow(results))


def _flow(results: Results) -> Figure:
    from flowjoy.report.charts import flow as chart

    return chart.draw(
        results.weeks,
        service=results.bundle.service,
        timezone=results.bundle.window.timezone,
        open_incidents=int(results.incidents[event_columns.END].isna().sum()),
        spikes=results.alerted_spikes,
        models={item.model for item in results.scope},
    )


def _lanes(results: Results) -> Figure:
    from flowjoy.report.charts import promise
    from flowjoy.report.charts.promise_layout import Ship

    events = results.events
    inside = (events[event_columns.KIND] == Kind.SHIP) & (
        events[event_columns.TS] >= pd.Timestamp(results.bundle.window.since)
    )
    columns = (event_columns.NAME, event_columns.VERSION, event_columns.TS, event_columns.EARLIEST)
    rows = zip(*(events.loc[inside, column] for column in columns), strict=True)
    return promise.draw(
        results.scope,
        [
            Ship(
                model=str(name),
                version=version if isinstance(version, str) else None,
                at=at.to_pydatetime(),
                not_before=earliest.to_pydatetime() if earliest < at else None,
            )
            for name, version, at, earliest in rows
        ],
        window=results.bundle.window,
        service=results.bundle.service,
        sla_hours=results.bundle.terms.sla_hours,
        why_empty=_why_nothing_is_owed(results),
    )


def _why_nothing_is_owed(results: Results) -> str | None:
    unknown = not_known(results)
    if unknown is not None:
        return unknown.removesuffix(".")
    return "No model dependency is declared" if results.sla_status == "undeclared" else None


def _drift(check: DriftCheck | None, service: str) -> Figure:
    from flowjoy.report.charts import drift as drift_chart

    if check is None:
        raise ValueError("no drift check to draw")
    return drift_chart.draw(check, service=service)


def _png(figure: Figure) -> bytes:
    from flowjoy.report.charts import style

    return style.to_png(figure)


def _svg(figure: Figure, redact: Callable[[str], str]) -> bytes:
    from flowjoy.report.charts import style

    # External text appears in labels and in the comments that name them.
    return _LABELS.sub(lambda match: redact(match[0]), style.to_svg(figure).decode()).encode()


def page_of(results: Results, pictures: Mapping[str, Callable[[], bytes]], links: Links = NOWHERE) -> bytes:
    """Return the page. A picture that cannot be drawn is left out; its table remains."""
    from flowjoy.report import html

    window = results.bundle.window
    drawn = {name: _picture(draw) for name, draw in pictures.items()}
    return html.render(
        html.PageView(
            report=report_of(results, links),
            as_of=f"{window.until.astimezone(ZoneInfo(window.timezone)):%a %d %b %Y, %H:%M %Z}",
            as_of_iso=iso(window.until),
            window=f"Last {plural(len(results.weeks), 'week')}, Monday to Sunday",
            pictures={name: picture for name, picture in drawn.items() if picture is not None},
        )
    )


def _picture(draw: Callable[[], bytes]) -> html.Picture | None:
    from flowjoy.report import html

    try:
        return html.picture(draw())
    except Exception:  # noqa: BLE001  (writing the picture's own file reports the problem)
        return None


def write(
    files: Mapping[str, Callable[[], bytes]],
    folder: Path,
    workspace: Path,
    warn: Callable[[str], None],
    redact: Callable[[str], str],
) -> dict[str, str]:
    """Write the files without secrets; return the paths relative to the workspace, by file name."""
    written, failed = {}, defaultdict[str, list[str]](list)
    for name, render in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_symlink():
                path.unlink()  # the repository controls the workspace: never write through its links
            path.write_bytes(_redacted(name, render(), redact))
            written[name] = path.relative_to(workspace.resolve()).as_posix()
        except OSError as problem:
            unusable = isinstance(problem, FileExistsError | NotADirectoryError | PermissionError)
            cure = ". Set `output-dir` to a folder that can be written" if unusable else ""
            failed[f"({problem.strerror}){cure}"].append(name)
        except Exception as problem:  # noqa: BLE001  (a failing picture must not fail the verdict)
            failed[f"({type(problem).__name__})"].append(name)
    for reason, names in failed.items():
        warn(f"{', '.join(names)} could not be written {reason}")
    return written


def _redacted(name: str, raw: bytes, redact: Callable[[str], str]) -> bytes:
    """Return the file without secrets that a server may have echoed. PNG files contain only pixels and stay."""
    if name.endswith((".json", ".jsonl", ".prom", ".svg", ".png", ".parquet")):
        return raw  # already redacted by value or label: keys and markup must stay
    text = raw.decode()
    columns, end, rows = text.partition("\n") if name.endswith(".csv") else ("", "", text)
    # Embedded pictures were redacted before they were encoded.
    parts = _PICTURE.split(rows)
    return (columns + end + "".join(part if _PICTURE.fullmatch(part) else redact(part) for part in parts)).encode()
