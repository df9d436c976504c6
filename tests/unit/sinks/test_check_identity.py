"""The id of a check says whose it is, and which pull requests the merge gate refused on its commit."""

from __future__ import annotations

import pytest

from flowjoy.sinks.check_identity import external_id, identified, refused_in


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


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("flowjoy/shop/sla", ("shop", frozenset())),
        ("flowjoy/shop/sla/1,20", ("shop", frozenset({1, 20}))),
        ("flowjoy/shop/sla/sla/0", ("shop/sla", frozenset({0}))),
        ("flowjoy/a b/sla", ("a b", frozenset())),
        ("flowjoy/shop/dependency", None),
        ("flowjoy/shop/sla/x", None),
        ("other/shop/sla", None),
        ("", None),
        (None, None),
    ],
)
def test_id__names_its_service_and_what_was_refused(text: str | None, known: tuple[str, frozenset[int]] | None) -> None:
    assert identified(text, "sla") == known
