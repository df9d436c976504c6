from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from flowjoy.analysis.promise.compliance import (
    all_unknown,
    in_scope,
    judged_since,
    next_deadline,
    rate,
    with_ledger,
    with_registered_ships,
    with_unknown_models,
)
from flowjoy.domain import Obligation, Status
from tests.builders import an_obligation, at

OPEN = (Status.PENDING, Status.AT_RISK, Status.BREACHED)


def owed(hours: float, status: Status, **changes: object) -> Obligation:
    return an_obligation(hours, status=status, **changes)


# The rate of the last 28 days


def test_rate__counts_met_against_missed_and_leaves_the_rest_out() -> None:
    statuses = [Status.MET, Status.MET, Status.LATE, Status.BREACHED, Status.UNKNOWN, Status.CANCELLED]
    measured = rate([owed(n, status) for n, status in enumerate(statuses)], at(200))
    assert (measured.met, measured.misses, measured.left_out, measured.n, measured.percent) == (2, 2, 2, 4, 50.0)


def test_rate__of_nothing_is_not_known() -> None:
    measured = rate([], at(0))
    assert (measured.n, measured.percent, measured.budget_left(95)) == (0, None, None)


@pytest.mark.parametrize(("hours", "counted"), [(48, 1), (47.99, 0), (48 + 28 * 24, 1), (48.01 + 28 * 24, 0)])
def test_rate__takes_deadlines_of_the_last_28_days_both_ends_included(hours: float, counted: int) -> None:
    assert rate([owed(0, Status.MET)], at(hours)).n == counted


@pytest.mark.parametrize(("misses", "target", "left"), [(0, 90, 1.0), (1, 90, 0.0), (2, 90, -1.0), (1, 100, None)])
def test_rate__the_budget_is_what_the_target_allows_less_what_was_missed(
    misses: int, target: float, left: float | None
) -> None:
    items = [owed(n, Status.BREACHED if n < misses else Status.MET) for n in range(10)]
    assert rate(items, at(100)).budget_left(target) == (None if left is None else pytest.approx(left))


# What decides


def test_scope__is_the_window_and_everything_that_is_open() -> None:
    old = [owed(n, status) for n, status in enumerate((*OPEN, Status.MET, Status.LATE, Status.CANCELLED))]
    new = [owed(100 + n, Status.MET) for n in range(2)]
    assert in_scope([*old, *new], at(100), at(200)) == (*old[:3], *new)


def test_scope__a_release_at_the_first_instant_of_the_window_belongs_to_it() -> None:
    (item,) = items = [owed(100, Status.MET)]
    assert in_scope(items, at(100), at(200)) == (item,)
    assert in_scope(items, at(100, microseconds=1), at(200)) == ()


@pytest.mark.parametrize("since", [-1, 1, 9000], ids=["in the window", "before it", "a window of the future"])
@pytest.mark.parametrize(("days", "decides"), [(28, True), (28.001, False)])
def test_scope__what_cannot_be_known_of_a_replaced_release_decides_for_28_days_whatever_the_window(
    days: float, since: float, *, decides: bool
) -> None:
    as_of = at(48) + timedelta(days=days)
    lost, later = owed(0, Status.UNKNOWN, replaced=True), owed(100, Status.MET)
    assert (lost in in_scope([lost, later], at(since), as_of)) is decides


def test_scope__what_cannot_be_known_of_the_live_release_decides_whatever_its_age() -> None:
    (item,) = items = [owed(0, Status.UNKNOWN)]
    assert in_scope(items, at(9000), at(9001)) == (item,)


@pytest.mark.parametrize(
    ("replaced", "later", "decides"),
    [
        (True, Status.MET, False),
        (True, Status.BREACHED, False),
        (True, Status.UNKNOWN, True),
        (True, Status.CANCELLED, True),
        (False, Status.MET, True),
    ],
)
def test_scope__a_lost_commit_in_the_window_stops_deciding_once_a_later_release_was_judged(
    later: Status, *, replaced: bool, decides: bool
) -> None:
    lost, after = owed(0, Status.UNKNOWN, replaced=replaced), owed(100, later)
    as_of = at(48) + timedelta(days=29)
    assert (lost in in_scope([lost, after], at(-1), as_of)) is decides


def test_scope__a_later_release_whose_deadline_is_to_come_ends_nothing() -> None:
    lost, as_of = owed(0, Status.UNKNOWN, replaced=True), at(48) + timedelta(days=29)
    running = owed(0, Status.MET, start=as_of, deadline=as_of + timedelta(hours=1))
    assert lost in in_scope([lost, running], at(-1), as_of)
    ended = replace(running, start=lost.start + timedelta(hours=1), deadline=as_of)
    assert lost not in in_scope([lost, ended], at(-1), as_of)
    assert lost in in_scope([lost, replace(ended, start=lost.start)], at(-1), as_of)
    before = replace(ended, start=lost.start - timedelta(hours=1))
    assert lost not in in_scope([before, lost, ended], at(-9), as_of)
    assert lost in in_scope([lost, running], lost.start, as_of)


def test_next_deadline__is_the_first_of_those_that_run() -> None:
    items = [owed(5, Status.PENDING), owed(2, Status.AT_RISK), owed(1, Status.BREACHED), owed(0, Status.MET)]
    assert next_deadline(items) == at(50)
    assert next_deadline(items[2:]) is None


# What is not known


def test_unknown__takes_back_what_was_judged_but_not_what_no_source_decides() -> None:
    judged = owed(0, Status.MET, version="3", shipped_at=at(1), closed_at=at(1))
    settled = [owed(1, Status.NOT_REQUIRED), owed(2, Status.UNDECLARED)]
    first, *rest = all_unknown([judged, *settled], "MLflow was not read")
    assert (first.status, first.reason) == (Status.UNKNOWN, "MLflow was not read")
    assert (first.version, first.shipped_at, first.closed_at) == (None, None, None)
    assert rest == settled


def test_unknown__is_what_models_owe_that_the_registry_does_not_know() -> None:
    items = [owed(0, Status.MET), replace(owed(1, Status.MET), model="ranker")]
    shown = with_unknown_models(items, frozenset({"ranker"}), None, None)
    assert (shown[0], shown[1].status) == (items[0], Status.UNKNOWN)


@pytest.mark.parametrize(
    ("status", "sha", "since", "replaced"),
    [
        (Status.MET, "a", None, True),
        (Status.MET, "live", None, False),
        (Status.BREACHED, "live", 0, False),
        (Status.BREACHED, "a", 48, False),
        (Status.BREACHED, "a", 49, True),
        (Status.BREACHED, "a", None, True),
        (Status.LATE, "a", 0, True),
    ],
)
def test_unknown_model__does_not_settle_the_live_commit_nor_a_breach_that_runs_could_remember(
    status: Status, sha: str, since: float | None, *, replaced: bool
) -> None:
    (item,) = with_unknown_models(
        [owed(0, status, sha=sha)], frozenset({"recommender"}), "live", None if since is None else at(since)
    )
    assert (item.status, item.replaced) == (Status.UNKNOWN, replaced)


# What a ledger adds


def test_ledger__never_makes_a_judgement_milder() -> None:
    order = [Status.MET, Status.LATE, Status.PENDING, Status.BREACHED]
    for shown in order:
        for known in order:
            (item,) = with_ledger([owed(0, shown)], [owed(0, known)])
            expected = max(shown, known, key=lambda s: (owed(0, s).is_open, owed(0, s).is_missed))
            assert (item.is_open, item.is_missed) == (owed(0, expected).is_open, owed(0, expected).is_missed)


def test_ledger__of_two_judgements_alike_the_source_s_counts() -> None:
    (item,) = with_ledger([owed(0, Status.MET, version="4")], [owed(0, Status.MET, version="3")])
    assert item.version == "4"


def test_ledger__keeps_the_clock_of_a_deploy_that_the_source_lost() -> None:
    confirmed, lost = [owed(0, Status.MET), owed(9, Status.MET)], owed(5, Status.BREACHED)
    assert with_ledger(confirmed, [*confirmed, lost]) == (confirmed[0], lost, confirmed[1])


def test_borne_out__a_version_that_only_the_registry_s_counting_shows_closes_what_it_closed() -> None:
    shown, closed = owed(0, Status.BREACHED), owed(0, Status.MET, version="3")
    assert with_registered_ships([shown], [closed], {}) == (closed,)
    assert with_registered_ships([closed], [shown], {}) == (closed,)
    assert with_registered_ships([shown], [], {}) == (shown,)
    equal = owed(0, Status.BREACHED, version="3")
    assert with_registered_ships([shown], [equal], {}) == (shown,)


@pytest.mark.parametrize(("missed", "closes"), [(1, True), (0, False), (-1, False)])
def test_borne_out__one_that_was_missed_before_a_release_closes_nothing_of_it(missed: float, *, closes: bool) -> None:
    shown, closed = owed(0, Status.BREACHED), owed(0, Status.MET, version="3")
    gone = {"recommender/3": at(missed), "ranker/3": at(-9)}
    assert (with_registered_ships([shown], [closed], gone) == (closed,)) is closes


def test_judged_since__is_the_days_of_the_rate_and_the_clock_before() -> None:
    assert judged_since(at(30 * 24), 48) == at(0)
