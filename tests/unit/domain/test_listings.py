"""Which versions a registry listed, and which pin can never be met."""

from __future__ import annotations

import pytest

from flowjoy.domain.listings import is_gone_for_good, last_listing, names_in, version_key
from tests.builders import a_ship, at


@pytest.mark.parametrize(
    ("pin", "listed", "gone"),
    [
        ("1", ["2"], True),
        ("1", ["1", "2"], False),
        ("3", ["1", "2"], False),
        ("1", [], False),
        ("1", ["v2", "2.0.0"], False),
        (">=1", ["2"], False),
        ("1.2.0", ["2"], False),
    ],
)
def test_gone_for_good__is_a_number_below_the_highest_that_is_not_listed(
    pin: str, listed: list[str], *, gone: bool
) -> None:
    assert is_gone_for_good(pin, listed) is gone


def test_names__are_those_of_one_model() -> None:
    ships = [a_ship(0, "1", registered_at=at(0)), a_ship(0, "2"), a_ship(0, "3", model="ranker")]
    listings = {last_listing("recommender"): at(1), **{version_key(ship): at(0) for ship in ships}}
    assert sorted(names_in(listings, "recommender")) == ["1", "2"]
