"""The kind of the next event: whether a commit goes live anew."""

from __future__ import annotations

import pytest

from flowjoy.analysis.event_kinds import kind_of_next
from flowjoy.analysis.timeline import timeline
from flowjoy.domain import Kind, Precision
from tests.builders import SERVICE, a_ship, at


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


@pytest.mark.parametrize(
    ("precision", "kinds"),
    [
        (Precision.OBSERVED, ["ship", "rollback", "rollback", "ship"]),
        (Precision.EXACT, ["ship", "rollback", "ship", "ship"]),
        (Precision.REGISTERED, ["ship", "ship", "ship", "ship"]),
    ],
)
def test_version__that_was_superseded_before_is_a_rollback_by_what_its_time_proves(
    precision: Precision, kinds: list[str]
) -> None:
    """An observed version is new only above all that were observed, a stamped one above the live one."""
    ships = [a_ship(hours, version, precision=precision) for hours, version in enumerate(("5", "3", "4", "6"))]
    assert list(timeline([], ships, service=SERVICE, until=at(9))["kind"]) == kinds


def test_version__that_is_live_and_ships_again_is_a_redeploy() -> None:
    ships = [a_ship(hours, "5") for hours in range(2)]
    assert list(timeline([], ships, service=SERVICE, until=at(9))["kind"]) == ["ship", "redeploy"]


def test_version__without_a_number_is_compared_by_its_registration_else_by_its_first_ship() -> None:
    at_once = [a_ship(hours, name, registered_at=at(0)) for hours, name in enumerate(("blue", "green"), start=1)]
    assert list(timeline([], at_once, service=SERVICE, until=at(9))["kind"]) == ["ship", "ship"]
    again = [a_ship(hours, "green") for hours in range(2)]
    assert list(timeline([], again, service=SERVICE, until=at(9))["kind"]) == ["ship", "redeploy"]
