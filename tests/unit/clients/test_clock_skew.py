"""Clocks that are apart are named; answers out of a cache, and of other services, tell nothing."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate

import pytest

from flowjoy.clients.clock_skew import Clocks

NOW = 1_790_000_000.0
GITHUB, REGISTRY = "https://api.github.example/repos/acme/shop", "https://registry.example/api/2.0"


def gaps(*answers: tuple[str, float], **more: str) -> list[str]:
    """What is said when answers come whose Date is so many seconds ahead of the runner."""
    clocks = Clocks({"GitHub": "https://api.github.example", "the registry": "https://registry.example"})
    for address, ahead in answers:
        headers: Mapping[str, str] = {"Date": formatdate(NOW + ahead, usegmt=True), **more}
        clocks.note(address, headers, NOW)
    return [str(gap) for gap in clocks.gaps()]


@pytest.mark.parametrize(("ahead", "count"), [(0, 0), (300, 0), (-300, 0), (301, 1), (-301, 1), (7200, 1)])
def test_clocks__more_than_five_minutes_apart_are_named(ahead: float, count: int) -> None:
    assert len(gaps((GITHUB, ahead))) == count


def test_clocks__both_are_named_and_the_widest_gap_comes_first() -> None:
    assert gaps((GITHUB, -2400), (REGISTRY, 2400)) == [
        "the clocks of GitHub and of the registry are 1 h 20 m apart",
        "the clocks of the runner and of GitHub are 0 h 40 m apart",
        "the clocks of the runner and of the registry are 0 h 40 m apart",
    ]


def test_clocks__of_several_answers_the_nearest_counts() -> None:
    assert gaps((GITHUB, -7200), (GITHUB, -3), (GITHUB, -9000)) == []


@pytest.mark.parametrize("headers", [{"Age": "7200"}, {"Date": "yesterday"}, {"Date": ""}])
def test_clocks__an_answer_out_of_a_cache_or_without_a_date_tells_nothing(headers: Mapping[str, str]) -> None:
    assert gaps((GITHUB, -7200), **headers) == []


def test_clocks__of_other_services_decide_nothing() -> None:
    assert gaps(("https://api.pagerduty.com/incidents", -7200)) == []
