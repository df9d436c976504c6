"""`report.html`: the complete report as one page that loads nothing from the network.

The template escapes every text (Jinja2, autoescape); the security policy of the page allows style and script by hash.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from flowjoy.report import palette
from flowjoy.report.blocks import SIGNS, Section
from flowjoy.report.content.report import ORDER, Report
from flowjoy.report.escaping import visible
from flowjoy.report.links import Links
from flowjoy.report.prose import Countdown, Link, PullRequest, Span, Text, plain, span_text, spans
from flowjoy.report.text import capital, unbroken

_HEBREW_ARABIC_AND_KIN = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_RIGHT_TO_LEFT = re.compile(f"[{_HEBREW_ARABIC_AND_KIN}]+(?: +[{_HEBREW_ARABIC_AND_KIN}]+)*")
_SIZE = re.compile(rb'height="[\d.]+pt" viewBox="0 0 ([\d.]+) ([\d.]+)"')
_TITLE = 40.0
"""Points from the top of a picture to its legend: its title and totals, which the page has beside it."""


@dataclass(frozen=True, kw_only=True)
class PageView:
    """The content of the page, and what only the page shows. `pictures`: those that could be drawn, by name.

    `order`: the sections in reading order. `source`: the file that has every figure; `manual`: the page that defines
    them.
    """

    report: Report
    as_of: str
    as_of_iso: str
    window: str
    pictures: Mapping[str, Picture]
    order: Sequence[str] = ORDER
    source: str = "flowjoy-bundle.json"
    manual: str = "metrics.md"

    @property
    def title(self) -> str:
        """The window title."""
        return f"{SIGNS[self.report.banner.mark]} {self.report.service} · {plain(self.report.banner.title)} · FlowJoy"

    @property
    def headline(self) -> Text:
        """The title of the banner, which begins a line of its own here."""
        first, *rest = spans(self.report.banner.title)
        return (capital(first) if isinstance(first, str) else first, *rest)

    @property
    def sections(self) -> Sequence[Section]:
        """The sections in reading order."""
        return self.report.ordered(self.order)

    @property
    def links(self) -> Sequence[Span]:
        """The addresses where the results of this run stand."""
        links = self.report.links
        pull = links.address(PullRequest(links.pull_request)) if links.pull_request else None
        here = (("Open the check", links.check), ("Open the run", links.run), ("Open the pull request", pull))
        return [Link(text, address) for text, address in here if address]

    @property
    def definitions(self) -> Span:
        """The page of the documentation that defines the figures."""
        return self.report.links.page("Definitions", self.manual)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture as an image source."""

    source: str
    width: int
    height: int


def render(view: PageView) -> bytes:
    """Return the page as UTF-8."""
    style, script = palette.page_css() + _part("report.css"), _part("report.js")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_visible
    )
    environment.filters["inline"] = lambda text: inline(text, view.report.links)
    page = environment.from_string(_part("report.html.j2")).render(
        view=view,
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    return page.encode(errors="replace")


def inline(text: Text, links: Links) -> Markup:
    """Return a sentence with its names, links and clocks; text from outside is isolated, so that it moves nothing."""
    return Markup("").join(_span(span, links) for span in spans(text) if span)


def _span(span: Span, links: Links) -> Markup:
    if isinstance(span, Countdown):
        return Markup('<time datetime="{}" data-due="{}">{}</time>').format(span.iso, span.form, unbroken(span.text))
    if isinstance(span, str):
        return Markup("<bdi>{}</bdi>").format(_visible(unbroken(span)))
    shown = _visible(span_text(span))
    inner = escape(shown) if isinstance(span, Link) else Markup("<code><bdi>{}</bdi></code>").format(shown)
    address = links.address(span)
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(address, inner) if address else inner


def picture(svg: bytes) -> Picture:
    """Return an SVG as an embedded image without its title: scripts in it do not run, its styles stay in it."""
    size = _SIZE.search(svg)
    width, height = (float(part) for part in size.groups()) if size else (800.0, 400.0)
    if size is not None:
        height -= _TITLE
        seen = f'height="{height:g}pt" viewBox="0 {_TITLE:g} {width:g} {height:g}"'
        svg = svg[: size.start()] + seen.encode() + svg[size.end() :]
    source = f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
    return Picture(source=source, width=round(width), height=round(height))


def _visible(value: object) -> object:
    """Make external text visible: replace characters that hide or reorder the surrounding text.

    Right-to-left text is isolated; otherwise the numbers after it would change places with it.
    """
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return _RIGHT_TO_LEFT.sub("\u2068\\g<0>\u2069", visible(value))


def _part(name: str) -> str:
    return files("flowjoy.report").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(sha256(text.encode()).digest()).decode()
