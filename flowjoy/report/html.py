"""`report.html`: the complete report as one page that loads nothing from the network.

The template escapes every text (Jinja2, autoescape); the security policy of the page allows style and script by hash.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from flowjoy.domain import Decision
from flowjoy.report import palette
from flowjoy.report.blocks import Countdown, Picture, Section
from flowjoy.report.escaping import clean, visible

_VERDICTS = {Decision.PASS: "Pass", Decision.FAIL: "Broken", Decision.ERROR: "Could not decide"}
_HEBREW_ARABIC_AND_KIN = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_RIGHT_TO_LEFT = re.compile(f"[{_HEBREW_ARABIC_AND_KIN}]+(?: +[{_HEBREW_ARABIC_AND_KIN}]+)*")
_SIZE = re.compile(rb'<svg [^>]*?viewBox="0 0 ([\d.]+) ([\d.]+)"')


@dataclass(frozen=True, kw_only=True)
class PageView:
    """The content of the page: sections in reading order, all texts plain.

    If the headline has a clock, `after` continues it.
    """

    service: str
    verdict: str
    headline: str
    clock: Countdown | None
    after: str
    as_of: str
    as_of_iso: str
    window: str
    tag: str | None
    sections: Sequence[Section]

    @property
    def title(self) -> str:
        """The window title."""
        return f"FlowJoy · {self.service} · {self.verdict}"

    @property
    def verdict_word(self) -> str:
        """The verdict as shown in the heading."""
        return _VERDICTS[Decision(self.verdict)]


def render(view: PageView) -> bytes:
    """Return the page as UTF-8."""
    style, script = palette.page_css() + _part("report.css"), _part("report.js")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_visible
    )
    page = environment.from_string(_part("report.html.j2")).render(
        view=view,
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
    )
    return page.encode(errors="replace")


def picture(svg: bytes, alt: str) -> Picture:
    """Return an SVG as an embedded image, in which scripts do not run and styles do not affect the page."""
    size = _SIZE.search(svg)
    width, height = (round(float(part)) for part in size.groups()) if size else (800, 400)
    source = f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
    return Picture(source=source, alt=clean(alt, 400), width=width, height=height)


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
