"""The badge: green and red only where there is enough to judge, grey otherwise."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from flowjoy.analysis.results import analyse
from flowjoy.domain import CoverageState
from flowjoy.domain.bundle import Bundle
from flowjoy.report import badge, palette
from tests.builders import a_bundle, a_coverage, a_deploy, a_ship

GREEN, RED, GREY = palette.GOOD_TEXT.light, palette.BAD.light, palette.CALM.light
KEPT = a_bundle([a_deploy(24 * n) for n in range(8)], [a_ship(24 * n + 1) for n in range(8)])
MISSED = a_bundle([a_deploy(60 * n) for n in range(8)], [a_ship(60 * n + 59) for n in range(8)])
FEW = a_bundle([a_deploy(24 * n) for n in range(2)], [a_ship(24 * n + 1) for n in range(2)])
UNREAD = a_bundle([a_deploy(0)], coverage=(a_coverage("code"), a_coverage("models", CoverageState.FAILED)))
FORK = a_bundle(coverage=(a_coverage("code", CoverageState.NOT_CONFIGURED, required=False),))


@pytest.mark.parametrize(
    ("bundle", "message", "color"),
    [
        (KEPT, "100 %", GREEN),
        (MISSED, "87.5 %", RED),
        (FEW, "100 % of 2", GREY),
        (a_bundle(), "no data", GREY),
        (UNREAD, "unknown", GREY),
        (FORK, "unknown", GREY),
    ],
)
def test_badge__is_grey_unless_there_is_enough_to_judge(bundle: Bundle, message: str, color: str) -> None:
    results = analyse(bundle)
    answer = json.loads(badge.shields_json(results))
    assert answer == {"schemaVersion": 1, "label": "48 h promise", "message": message, "color": color}
    root = ET.fromstring(badge.svg(results))  # noqa: S314  (our own)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == ["48 h promise", message]
    assert root.attrib["aria-label"] == f"48 h promise: {message}"
    fills = [element.get("fill") for element in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert fills[0] == color


def test_badge__names_the_hours_of_the_promise_and_its_target_decides_the_colour() -> None:
    own = a_bundle(MISSED.code, MISSED.models, terms={"sla_hours": 72.0, "sla_target": 0.0})
    assert badge.badge(analyse(own)).label == "72 h promise"
    assert badge.badge(analyse(own)).color == GREEN


def test_badge__holds_no_text_from_outside_and_is_the_same_bytes() -> None:
    hostile = a_bundle(KEPT.code, KEPT.models, service="<script>", repository="<b>/<c>")
    assert badge.svg(analyse(hostile)) == badge.svg(analyse(KEPT))
    assert badge.shields_json(analyse(hostile)) == badge.shields_json(analyse(KEPT))
