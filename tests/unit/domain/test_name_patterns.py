"""Names and globs of a user: what they match, and which name a message proposes first."""

from __future__ import annotations

import time

import pytest

from flowjoy.domain.name_patterns import any_match, is_similar, likely_first, split_hint


@pytest.mark.parametrize(
    ("name", "patterns", "matches"),
    [
        ("production", ("production",), True),
        ("Production", ("production",), False),
        ("production-eu", ("production",), False),
        ("production-eu", ("production-*",), True),
        ("prod/eu west", ("prod/*",), True),
        ("prod [eu]", ("prod [eu]",), True),
        ("staging", ("production", "prod-*"), False),
        ("anything", (), False),
    ],
)
def test_match__exact_names_and_globs_in_their_own_case(name: str, patterns: tuple[str, ...], *, matches: bool) -> None:
    assert any_match(name, patterns) is matches


def test_likely__the_same_name_in_another_case_comes_before_production_like_ones_and_previews_last() -> None:
    names = [f"pr-{number}" for number in range(1000, 1150)]
    names += ["staging", "pre-prod", "prod-eu", "Production", "a-preview"]
    shown = likely_first(names, ["production"])
    assert shown[:3] == ("Production", "prod-eu", "staging")
    assert len(shown) == 155


def test_likely__what_resembles_the_wish_comes_before_what_does_not() -> None:
    assert likely_first(["apple", "shop-main", "shop-live-2"], ["shop-mian"])[:2] == ("shop-live-2", "shop-main")


@pytest.mark.parametrize(
    ("one", "other", "similar"),
    [
        ("production", "Production", True),
        ("production", "prod", True),
        ("prd", "production", True),
        ("production", "production-eu", True),
        ("production", "staging", False),
        ("production", "preview", False),
        ("production", "p", False),
    ],
)
def test_similar__another_case_or_an_abbreviation_may_be_the_same_place(one: str, other: str, *, similar: bool) -> None:
    assert is_similar(one, other) is is_similar(other, one) is similar


@pytest.mark.parametrize("name", ["recommender ranker", "ranker  recommender", "recommender;ranker", "recommender x"])
def test_split_hint__one_entry_that_joins_known_names_says_how_to_write_them(name: str) -> None:
    message = split_hint(name, {"recommender", "ranker", None})
    assert message == "if these are 2 models, write them one a line or comma-separated"


@pytest.mark.parametrize("name", ["recommender", "my model", "recomender", ""])
def test_split_hint__a_name_with_a_blank_of_no_known_part_is_one_name(name: str) -> None:
    assert split_hint(name, {"recommender", "ranker"}) == ""


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|a)*$", "*a" * 40 + "b", "[a]*" * 40 + "b", "?*" * 40 + "b", "**/" * 40]
)
def test_match__of_a_pattern_that_would_backtrack_for_ever_takes_under_a_tenth_of_a_second(pattern: str) -> None:
    """Patterns are globs and never regular expressions."""
    assert not any_match("a", [pattern])
    begun = time.thread_time()
    assert not any_match("a" * 255 + "!", [pattern])
    assert time.thread_time() - begun < 0.1
