"""The Markdown surfaces of results, and a rendered surface as a person reads it."""

from __future__ import annotations

import html
import re
from pathlib import Path

from flowjoy.analysis.results import Results
from flowjoy.report import surfaces
from flowjoy.report.content.report import report_of
from flowjoy.report.links import NOWHERE, Links


def summary(results: Results, links: Links = NOWHERE) -> str:
    return surfaces.summary(report_of(results, links))


def comment(results: Results, links: Links = NOWHERE) -> str:
    return surfaces.comment(report_of(results, links))


def read(markdown: str) -> str:
    """The letters of a text: entities decoded, code and break marks left out, spaces alike."""
    for mark in ("<wbr>", "<code>", "</code>"):
        markdown = markdown.replace(mark, "")
    return html.unescape(markdown).replace("\u00a0", " ")


def files_without_links(folder: Path) -> dict[str, bytes]:
    """The files of a report. Addresses are those of the run, which its bundle does not contain."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    page = re.sub(r'<p class="links">.*?</p>', "", files["report.html"].decode())
    return files | {"report.html": re.sub(r'<a href="http[^>]*>(.*?)</a>', r"\1", page).encode()}
