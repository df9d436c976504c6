"""Changes in words: what a responder reads of a deploy or a ship, also where not all of it is known."""

from __future__ import annotations

import pytest

from flowjoy.analysis.results import analyse
from flowjoy.domain import CodeRecord, ModelRecord
from flowjoy.pipeline.change_events import changes
from tests.builders import a_bundle, a_deploy, a_provisional_deploy, a_ship, at


@pytest.mark.parametrize(
    ("code", "models", "summary"),
    [
        ([a_deploy(1, "a" * 40)], [], "shop: code deploy: aaaaaaaaaaaa"),
        ([a_deploy(1, None)], [], "shop: code deploy: an unknown commit"),
        ([a_provisional_deploy(1, sha="b" * 40)], [], "shop: code deploy: bbbbbbbbbbbb (in progress)"),
        ([], [a_ship(1, "7")], "shop: model ship: recommender v7"),
        ([], [a_ship(1, None)], "shop: model ship: recommender"),
    ],
)
def test_changes__say_what_is_known(code: list[CodeRecord], models: list[ModelRecord], summary: str) -> None:
    (change,) = changes(analyse(a_bundle(code, models, until=at(2))))
    assert change.summary == summary
    assert change.at == at(1)


@pytest.mark.parametrize(("hours", "count"), [(7 * 24, 1), (7 * 24 + 1, 0)])
def test_changes__are_those_of_the_last_week(hours: int, count: int) -> None:
    assert len(changes(analyse(a_bundle([a_deploy(0)], [], until=at(hours))))) == count
