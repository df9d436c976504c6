"""A release that no list shows is forgotten only after one that owes the same, and whose deadline is over."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from flowjoy.errors import HarvestError
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.github_settled_releases import SettledReleases, judged_before, looked_at_before
from tests.builders import at
from tests.fakes.faults import EmptyBody
from tests.fakes.github import GitHubStandIn
from tests.unit.sources.asking import A, B, C, a_question, api_of

NONE = '{"requires": "none", "reason": "x"}'


def stub(github: GitHubStandIn, sha: str, requires: str | None) -> None:
    """What a commit requires of `recommender`; None: it has no stub."""
    github.repository.know(sha)
    if requires is not None:
        github.repository.add_file(sha, "flowjoy.json", f'{{"models": {{"recommender": {requires}}}}}')


def still_owing(
    github: GitHubStandIn, *doubts: tuple[datetime, str], released: Any = None, **changes: Any
) -> list[str]:
    """The commits that may still owe a model, 48 h after a release of B."""
    query = a_question({"models": "recommender"}, **{"as_of": at(58), **changes})
    settled = SettledReleases(api_of(github), query, [(at(10), B)] if released is None else released)
    return [sha for _, sha in settled.owing(doubts, lambda doubt: doubt)]


@pytest.mark.parametrize(
    ("earlier", "later", "owes"),
    [
        ('"any"', '"any"', False),
        ('"any"', NONE, True),
        ('"any"', '"12"', True),
        ('"any"', None, False),
        (None, None, False),
        (None, NONE, True),
        ('"12"', '"13"', False),
        ('">=12"', '"any"', False),
        ('"12"', NONE, True),
        (NONE, NONE, False),
        (NONE, '"any"', False),
        ("BROKEN", NONE, False),
        ('"any"', "BROKEN", True),
    ],
)
def test_owing__what_no_later_release_owes_is_not_settled(
    github: GitHubStandIn, earlier: str | None, later: str | None, *, owes: bool
) -> None:
    stub(github, A, earlier)
    stub(github, B, later)
    assert still_owing(github, (at(), A)) == [A] * owes


def test_owing__any_later_release_whose_deadline_is_over_settles(github: GitHubStandIn) -> None:
    for sha, requires in ((A, '"any"'), (B, '"any"'), (C, NONE)):
        stub(github, sha, requires)
    released = [(at(10), B), (at(20), C)]
    assert still_owing(github, (at(), A), released=released, as_of=at(68)) == []
    assert still_owing(github, (at(11), A), released=released, as_of=at(68)) == [A]


def test_owing__what_went_live_after_the_last_settled_release_costs_no_request(github: GitHubStandIn) -> None:
    assert still_owing(github, (at(10), A)) == [A]
    assert still_owing(github, (at(), A), as_of=at(57.9)) == [A]
    assert still_owing(github, (at(), A), released=()) == [A]
    assert github.requests == []


def test_owing__stubs_that_github_does_not_show_settle_nothing(github: GitHubStandIn) -> None:
    github.fail("/graphql", times=None, fault=EmptyBody())
    with pytest.raises(HarvestError):
        still_owing(github, (at(), A))


def looked(hours: float | None) -> HarvestQuery:
    return a_question(code_read_at=None if hours is None else at(hours))


def test_looked_at__only_what_had_ended_an_hour_before() -> None:
    assert [looked_at_before(at(5), looked(hours)) for hours in (None, 5, 6, 6.1)] == [False, False, False, True]


def test_judged__only_after_its_own_deadline() -> None:
    assert [judged_before(at(), at(1), looked(hours)) for hours in (None, 40, 49, 49.1)] == [False, False, False, True]
    assert not judged_before(at(), at(100), looked(60))
