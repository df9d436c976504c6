"""The id of a check says whose it is, and which pull requests the merge gate refused on its commit."""

from __future__ import annotations

import pytest

from flowjoy.sinks.check_identity import external_id, refused_in


@pytest.mark.parametrize("service", ["shop", "a/b", "dependency/7", "x.*"])
@pytest.mark.parametrize("refused", [frozenset[int](), frozenset({7}), frozenset({12, 7})])
def test_id__gives_back_the_refused_pull_requests(service: str, refused: frozenset[int]) -> None:
    assert refused_in(external_id(service, "dependency", refused), service, "dependency") == refused


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "flowjoy/shop/sla",
        "flowjoy/shops/dependency",
        "flowjoy/shop/dependency/",
        "flowjoy/shop/dependency/7,",
        "flowjoy/shop/dependency/x",
        "flowjoy/shop/dependency/7/dependency",
        "another app's",
    ],
)
def test_id__of_another_check_is_not_ours(text: str | None) -> None:
    assert refused_in(text, "shop", "dependency") is None


def test_id__without_a_refusal_is_that_of_older_versions() -> None:
    assert external_id("shop", "dependency") == "flowjoy/shop/dependency"
