"""Version names of registries: whole numbers, and semantic versions."""

from __future__ import annotations

import pytest

from flowjoy.domain.version_order import version_name, version_order


@pytest.mark.parametrize(
    ("text", "name"),
    [("12", "12"), ("012", "12"), (12, "12"), ("1.2.0", "1.2.0"), ("v2", "v2"), ("2.0.0-rc.1+build.5", None)],
)
def test_version_name__is_a_number_without_zeros_or_the_text_itself(text: object, name: str | None) -> None:
    assert version_name(text) == (name or text)


@pytest.mark.parametrize("text", ["", "-1", " 1", "1 2", "1\n2", "a" * 129, "é", "\uff11\uff12", None, {}, "##[x]"])
def test_version_name__is_refused_where_it_cannot_be_one(text: object) -> None:
    assert version_name(text) is None


def test_version_order__is_that_of_numbers_and_of_semantic_versions() -> None:
    """The order of semver.org, rule 11."""
    names = ["1", "9", "10", "100"]
    semantic = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"]
    semantic += ["1.0.0-rc.1", "1.0.0", "1.9.0", "1.10.0", "v2.0.0"]
    for ordered in (names, semantic):
        assert sorted(ordered[::2] + ordered[1::2], key=version_order) == ordered
