"""What the sources of a bundle show: every failure of code or models, or only some."""

from __future__ import annotations

from typing import Any

import pytest

from flowjoy.analysis.source_coverage import shows_failures
from flowjoy.domain import CoverageState, EventType, Precision
from tests.builders import a_bundle, a_coverage, a_ship

READ = (a_coverage("code"), a_coverage("models"))
REGISTERED = a_ship(1, precision=Precision.REGISTERED)
COMMITS_FAILED = a_coverage("lead time of code (GitHub commits)", CoverageState.FAILED, required=False)
CODE, MODEL = EventType.CODE, EventType.MODEL


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"models": [REGISTERED]}, {CODE}),
        ({"models": [REGISTERED], "terms": {"model_signal": "alias:champion"}}, {CODE, MODEL}),
        ({"models": [REGISTERED, a_ship(2)]}, {CODE, MODEL}),
        ({"models": [a_ship(2)], "coverage": (*READ, COMMITS_FAILED)}, {MODEL}),
        ({"models": [a_ship(2)], "coverage": (a_coverage("code"),)}, {CODE}),
        ({"coverage": (a_coverage("models"),)}, set()),
    ],
)
def test_failures__are_shown_where_everything_that_shows_one_was_read(
    changes: dict[str, Any], shown: set[EventType]
) -> None:
    assert shows_failures(a_bundle(**{"coverage": READ, **changes})) == shown
