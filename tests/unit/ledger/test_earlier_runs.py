"""Facts about the run that wrote a ledger: whether it could decide, and the checks that it wrote."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from flowjoy.analysis.results import analyse
from flowjoy.domain import CoverageState
from flowjoy.domain.bundle import Bundle
from flowjoy.ledger.earlier_runs import checks_of
from tests.builders import a_bundle, a_coverage, a_deploy, a_ship, at

UNREAD = (a_coverage("code"), a_coverage("models", CoverageState.FAILED))
NAME = "FlowJoy / 48 h SLA"


def a_ledger(hours: float = 60, *, kept: bool = True, **changes: Any) -> Bundle:
    """The ledger of a run that judged one release."""
    bundle = a_bundle([a_deploy(0)], [a_ship(1)] if kept else [], until=at(hours), **changes)
    return replace(bundle, obligations=analyse(bundle).obligations)


@pytest.mark.parametrize(
    ("bundle", "decided_at", "blocked_at"),
    [
        (a_ledger(), at(60), None),
        (a_ledger(kept=False), at(60), at(60)),
        (a_ledger(kept=False, terms={"enforce": False}), at(60), None),
        (a_ledger(coverage=UNREAD), None, at(60)),
        (a_ledger(coverage=UNREAD, decided_at=at(50)), at(50), at(60)),
    ],
    ids=["kept", "broken", "not enforced", "never decided", "decided before"],
)
def test_run__is_remembered_by_what_it_decided_and_whether_it_blocked_merges(
    bundle: Bundle, decided_at: datetime | None, blocked_at: datetime | None
) -> None:
    known = checks_of(bundle)
    assert (known["decided_at"], known["blocked_at"]) == (decided_at, blocked_at)


@pytest.mark.parametrize(("days", "is_kept"), [(14, True), (15, False)])
def test_blocked_merges__are_forgotten_after_a_fortnight_of_runs_that_blocked_none(days: int, *, is_kept: bool) -> None:
    blocked_at = at(60) - timedelta(days=days)
    assert (checks_of(a_ledger(blocked_at=blocked_at))["blocked_at"] is not None) is is_kept


def test_names__of_the_check_are_remembered_with_their_last_time() -> None:
    earlier = {NAME: at(1), "FlowJoy / 24 h SLA": at(2), "FlowJoy / 12 h SLA": at(99)}
    known = checks_of(a_ledger(terms={"check_name": "FlowJoy"}, check_names=earlier))["check_names"]
    assert known == {NAME: at(60), "FlowJoy / 24 h SLA": at(2), "FlowJoy / 12 h SLA": at(60)}


def test_name__that_was_redacted_is_not_the_name_of_a_check() -> None:
    assert checks_of(a_ledger(terms={"check_name": "*** of acme"}))["check_names"] == {}
