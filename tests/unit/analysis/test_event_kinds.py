"""The kind of the next event: whether a commit goes live anew."""

from __future__ import annotations

import pytest

from flowjoy.analysis.event_kinds import kind_of_next
from flowjoy.domain import Kind


@pytest.mark.parametrize(
    ("live", "kind"),
    [
        ("", Kind.DEPLOY),
        ("a", Kind.DEPLOY),
        ("b", Kind.REDEPLOY),
        ("ab", Kind.REDEPLOY),
        ("ba", Kind.ROLLBACK),
        ("aba", Kind.DEPLOY),
        ("abca", Kind.DEPLOY),
        ("abcab", Kind.REDEPLOY),
        ("abc", Kind.ROLLBACK),
    ],
)
def test_next__is_a_rollback_only_to_what_was_live_before_the_current_commit(live: str, kind: Kind) -> None:
    assert kind_of_next("b", live) is kind


def test_next__after_a_record_without_a_commit_is_a_deploy_unless_it_was_live_before() -> None:
    assert kind_of_next("b", [None]) is Kind.DEPLOY
    assert kind_of_next("b", ["b", None]) is Kind.ROLLBACK
