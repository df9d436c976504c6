"""The palette: its tones differ for every eye and on both grounds, and a meaning has one colour everywhere."""

from __future__ import annotations

import base64
import re
from itertools import combinations

import pytest

from flowjoy.analysis.results import analyse
from flowjoy.domain.alerts import AlertKind
from flowjoy.ledger.bundle_file import bundle_bytes
from flowjoy.report import files, palette
from flowjoy.report.content.alert_parts import ICONS
from flowjoy.report.palette import Tone
from tests.browser.write_pages import drifting
from tests.unit.report.a_year import HOSTILE, a_hostile_bundle, a_year
from tests.unit.report.colour_vision import ciede2000, contrast, difference

SCHEMES = ("light", "dark")
SOLID = {"TEXT", "CODE", "MODEL", "GOOD", "WAIT", "BAD", "LATE", "CALM"}
PICTURES = {
    "flow": ("PAPER", "TEXT", "CODE", "MODEL", "CODE_PALE", "MODEL_PALE", "WAIT", "WAIT_PALE"),
    "promise": ("PAPER", "TEXT", "MODEL", "GOOD", "WAIT", "LATE", "BAD", "CALM", "GOOD_PALE", "WAIT_PALE"),
    "drift": ("PAPER", "TEXT", "CALM", "CALM_PALE", "WAIT", "BAD"),
}
PAIRS = sorted({pair for tones in PICTURES.values() for pair in combinations(sorted(tones), 2)})
TEXTS = [
    *(
        (text, ground)
        for text in ("TEXT", "FAINT", "GOOD_TEXT", "WAIT_TEXT", "BAD_TEXT")
        for ground in ("PAPER", "RAISED")
    ),
    *((f"{name}_TEXT", f"{name}_PALE") for name in ("GOOD", "WAIT", "BAD")),
    *(("TEXT", ground) for ground in ("CODE_PALE", "MODEL_PALE", "CALM_PALE")),
    ("ON_CODE", "CODE"),
    ("ON_MODEL", "MODEL"),
    ("LINK", "PAPER"),
]


def tone(name: str, scheme: str) -> str:
    found: Tone = getattr(palette, name)
    return str(getattr(found, scheme))


@pytest.mark.parametrize(
    ("one", "other", "published"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_colour_difference__is_that_of_the_published_pairs(
    one: tuple[float, ...], other: tuple[float, ...], published: float
) -> None:
    assert ciede2000(one, other) == pytest.approx(published, abs=1e-4)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_palette__tones_of_one_picture_differ_for_every_eye(one: str, other: str, scheme: str) -> None:
    enough = 14 if {one, other} <= SOLID else 8
    assert difference(tone(one, scheme), tone(other, scheme)) >= enough


@pytest.mark.parametrize("scheme", SCHEMES)
def test_palette__a_sign_stands_out_from_its_ground_and_a_text_is_readable(scheme: str) -> None:
    weak = [name for name in SOLID if contrast(tone(name, scheme), tone("PAPER", scheme)) < 2.99]
    faint = [pair for pair in TEXTS if contrast(tone(pair[0], scheme), tone(pair[1], scheme)) < 4.5]
    assert (weak, faint) == ([], [])


def test_palette__a_thin_line_of_models_is_visible_before_its_bars_and_on_both_grounds() -> None:
    grounds = (palette.CODE_PALE.light, palette.PAPER.light, palette.PAPER.dark)
    assert all(contrast(palette.MODEL_LINE, ground) >= 2.5 for ground in grounds)
    assert all(difference(palette.MODEL_LINE, ground) >= 14 for ground in grounds)


def test_palette__every_light_tone_is_unique_since_pictures_are_recoloured_by_it() -> None:
    lights = [item.light for item in palette.TONES]
    assert len(set(lights)) == len(lights)


def test_palette__every_colour_of_every_picture_is_in_it_and_is_recoloured_on_a_dark_page() -> None:
    lights = {item.light for item in palette.TONES}
    for bundle in (drifting(a_year(weeks=30), ("age",)), a_year(weeks=6), drifting(a_hostile_bundle(), HOSTILE)):
        results = analyse(bundle)
        pictures = files.renderings(results, bundle_bytes(results))
        for name in ("unified_flow.svg", "promise.svg", *(("drift.svg",) if bundle.drift else ())):
            style, _, drawn = pictures[name]().decode().partition("</style>")
            assert set(re.findall(r"(?:fill|stroke)(?:: |=\")(#\w+)", drawn)) <= lights
            assert "@media (prefers-color-scheme: dark)" in style
            # What has no colour of its own is black, also on a dark page.
            assert not re.findall(r"<text style=\"(?![^\"]*fill: #)", drawn)


def test_palette__page_and_pictures_have_the_same_tones() -> None:
    results = analyse(a_year(weeks=4))
    page = files.renderings(results, bundle_bytes(results))["report.html"]().decode()
    assert palette.page_css() in page
    (style,) = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    printed = style.index("@media print")
    assert set(re.findall(r"#[0-9a-f]{6}\b", style[:printed])) <= {
        value for item in palette.TONES for value in (item.light, item.dark)
    }
    (first, *_) = re.findall(r"data:image/svg\+xml;base64,([\w+/]*)", page)
    assert palette.picture_css().encode() in base64.b64decode(first + "==")


def test_palette__slack_shows_red_for_what_is_bad_and_amber_for_what_can_wait() -> None:
    assert {kind for kind, icon in ICONS.items() if icon == "🔴"} == {AlertKind.BREACH, AlertKind.DRIFT}
    assert {icon for kind, icon in ICONS.items() if kind not in (AlertKind.BREACH, AlertKind.DRIFT)} == {"🟠", "⚠️"}
