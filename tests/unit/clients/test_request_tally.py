"""The requests of a run and what they use of GitHub's rate limits, as a debug run says them."""

from __future__ import annotations

import pytest

from flowjoy.clients.request_tally import RequestTally

GITHUB, REGISTRY = "https://api.github.com/graphql", "https://mlflow.acme.com/api"


def limit(used: str, resource: str = "graphql") -> dict[str, str]:
    return {"X-RateLimit-Used": used, "X-RateLimit-Limit": "1000", "X-RateLimit-Resource": resource}


def a_tally() -> RequestTally:
    return RequestTally({"GitHub": GITHUB, "the registry": REGISTRY})


def test_lines__count_each_service_and_show_the_last_use_of_each_limit() -> None:
    tally = a_tally()
    for address, headers in [
        (GITHUB, limit("3")),
        (GITHUB, limit("7")),
        (GITHUB, limit("5")),  # answers overtake each other
        ("https://api.github.com/repos/acme/shop", limit("12", "core")),
        (REGISTRY, {}),
        ("https://elsewhere.example.com/", limit("9")),
    ]:
        tally.note(address, headers, 0)
    assert list(tally.lines()) == [
        "requests to GitHub: 4; GraphQL 7 of 1000 points used this hour; REST 12 of 1000 points used this hour",
        "requests to the registry: 1",
    ]


@pytest.mark.parametrize("used", ["", "-1", "many", "9" * 12])
def test_limit__that_is_none_is_not_shown(used: str) -> None:
    tally = a_tally()
    tally.note(GITHUB, limit(used), 0)
    assert list(tally.lines()) == ["requests to GitHub: 1"]
