"""The rate of kept promises as a badge: a small SVG, and the JSON from which shields.io draws one."""

from __future__ import annotations

import json
from dataclasses import dataclass

from flowjoy.analysis.promise.compliance import ENOUGH
from flowjoy.analysis.results import Results
from flowjoy.domain import Decision
from flowjoy.report import palette

_HEIGHT, _PADDING, _CORNER = 20, 6, 3
_USUAL = 6.9
_WIDTHS = {" ": 3.9, ".": 4.0, "i": 3.0, "r": 4.7, "t": 4.3, "f": 3.9, "m": 10.7, "w": 9.0, "%": 11.8}
"""The widths of signs in Verdana at 11 pixels; of all others `_USUAL` is close enough."""

_SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height}" role="img" aria-label="{label}: {message}">
<title>{label}: {message}</title>
<rect width="{width:g}" height="{height}" rx="{corner}" fill="{color}"/>
<rect width="{split:g}" height="{height}" rx="{corner}" fill="{dark}"/>
<rect x="{square:g}" width="{corner}" height="{height}" fill="{dark}"/>
<g fill="{paper}" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{padding}" y="14" textLength="{label_width:g}">{label}</text>
<text x="{message_x:g}" y="14" textLength="{message_width:g}">{message}</text>
</g>
</svg>
"""


@dataclass(frozen=True, kw_only=True)
class Badge:
    """The two texts of a badge, which hold nothing from outside, and the colour behind the second one."""

    label: str
    message: str
    color: str


def badge(results: Results) -> Badge:
    """Return the rate of the last 28 days: grey if too few obligations are behind it, or if it is unknown."""
    rate, terms = results.rate, results.bundle.terms
    label, grey = f"{terms.sla_hours:g} h promise", palette.CALM.light
    if not results.judges_promise or results.verdict.decision is Decision.ERROR:
        return Badge(label=label, message="unknown", color=grey)
    if rate.percent is None:
        return Badge(label=label, message="no data", color=grey)
    message = f"{rate.percent:g} %"
    if rate.n < ENOUGH:
        return Badge(label=label, message=f"{message} of {rate.n}", color=grey)
    color = palette.GOOD_TEXT.light if rate.percent >= terms.sla_target else palette.BAD.light
    return Badge(label=label, message=message, color=color)


def svg(results: Results) -> bytes:
    """Return `badge.svg`. The width of a text is fixed, whatever font draws it."""
    this = badge(results)
    label_width, message_width = (
        round(sum(_WIDTHS.get(sign, _USUAL) for sign in text), 1) for text in (this.label, this.message)
    )
    split = label_width + 2 * _PADDING
    text = _SVG.format(
        label=this.label,
        message=this.message,
        color=this.color,
        dark=palette.TEXT.light,
        paper=palette.PAPER.light,
        height=_HEIGHT,
        padding=_PADDING,
        corner=_CORNER,
        split=split,
        square=split - _CORNER,
        width=split + message_width + 2 * _PADDING,
        label_width=label_width,
        message_x=split + _PADDING,
        message_width=message_width,
    )
    return text.encode()


def shields_json(results: Results) -> bytes:
    """Return `badge.json`, the answer that the endpoint badge of shields.io reads."""
    this = badge(results)
    answer = {"schemaVersion": 1, "label": this.label, "message": this.message, "color": this.color}
    return (json.dumps(answer, indent=1) + "\n").encode()
