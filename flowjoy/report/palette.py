"""The colours of page, charts, Slack and checks: one per meaning, each with its tone on a light and on a dark ground.

The tones of a picture differ in normal vision and with deuteranopia and protanopia; a test simulates both.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Tone:
    """One colour as `#rrggbb`. `light` is unique, since a picture is recoloured for a dark page by it."""

    light: str
    dark: str


PAPER, RAISED = Tone(light="#ffffff", dark="#10141a"), Tone(light="#f6f7f9", dark="#181e26")
TEXT, FAINT = Tone(light="#1f2328", dark="#e6edf3"), Tone(light="#59636e", dark="#9aa5b1")
LINE, LINK = Tone(light="#d5dae0", dark="#313a45"), Tone(light="#0550ae", dark="#79b8ff")
CALM, CALM_PALE = Tone(light="#5f6c78", dark="#6b7a86"), Tone(light="#d6dde5", dark="#434e5b")

CODE, CODE_PALE = Tone(light="#34569f", dark="#3f82d6"), Tone(light="#a3b9ea", dark="#1b3757")
MODEL, MODEL_PALE = Tone(light="#9a80e2", dark="#c3b5fd"), Tone(light="#e2d6f4", dark="#5b5470")
MODEL_LINE = "#6f52c8"  # for a thin line whose ground is unknown
ON_CODE, ON_MODEL = Tone(light="#fefefe", dark="#0e1218"), Tone(light="#1e2227", dark="#0f1319")

GOOD, GOOD_PALE, GOOD_TEXT = (
    Tone(light="#3a9d89", dark="#5fbfae"),
    Tone(light="#b0e3cd", dark="#1d4340"),
    Tone(light="#0b5b4c", dark="#8ee6d3"),
)
"""Kept, healthy, resolved: ✅."""

WAIT, WAIT_PALE, WAIT_TEXT = (
    Tone(light="#c68701", dark="#f5c33b"),
    Tone(light="#fce3a1", dark="#4f3a08"),
    Tone(light="#6f4700", dark="#f4c23a"),
)
"""Act soon: a clock that runs, models that lag, an MTTR that spikes: 🟠 and ⚠️."""

BAD, BAD_PALE, BAD_TEXT, LATE = (
    Tone(light="#960f1c", dark="#f47c70"),
    Tone(light="#f8cfc6", dark="#581f1f"),
    Tone(light="#950e1b", dark="#ffb3ac"),
    Tone(light="#c45f5a", dark="#b64a48"),
)
"""The promise is broken, or a model drifts: 🔴. LATE: it was broken, and the model has shipped since."""

TONES = tuple(tone for tone in list(globals().values()) if isinstance(tone, Tone))

_PAGE = {
    "paper": PAPER,
    "raised": RAISED,
    "ink": TEXT,
    "faint": FAINT,
    "line": LINE,
    "link": LINK,
    "good": GOOD_TEXT,
    "good-fill": GOOD_PALE,
    "bad": BAD_TEXT,
    "bad-fill": BAD_PALE,
    "wait": WAIT_TEXT,
    "wait-fill": WAIT_PALE,
    "calm-fill": CALM_PALE,
}


def page_css() -> str:
    """Return the custom properties of the page, `--paper` and so on, for both schemes."""
    light, dark = (
        "".join(f"--{name}:{getattr(tone, scheme)};" for name, tone in _PAGE.items()) for scheme in ("light", "dark")
    )
    return f":root{{{light}}}\n@media screen and (prefers-color-scheme: dark){{:root{{{dark}}}}}\n"


def picture_css() -> str:
    """Return the rules that recolour an SVG, drawn in light tones, where the page is dark."""
    rules = (
        f'[style*="fill: {tone.light}"],[fill="{tone.light}"]{{fill:{tone.dark}!important}}'
        f'[style*="stroke: {tone.light}"]{{stroke:{tone.dark}!important}}'
        for tone in TONES
    )
    return f"@media (prefers-color-scheme: dark){{{''.join(rules)}}}"
