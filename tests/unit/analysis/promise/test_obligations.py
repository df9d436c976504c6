"""The 48-hour promise, a worked example a rule. Hours count from a Monday 09:00 UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.analysis.promise.compliance import in_scope, next_deadline, rate
from flowjoy.analysis.promise.obligations import PromiseTerms, live_sha, obligations
from flowjoy.analysis.timeline import timeline
from flowjoy.domain import (
    CodeRecord,
    ModelDependencies,
    ModelRecord,
    Obligation,
    Outcome,
    Precision,
    Requirement,
    Rule,
    Status,
    Waiver,
)
from flowjoy.domain.timestamps import iso
from tests.builders import MODEL, a_deploy, a_provisional_deploy, a_ship, an_obligation, at

SECOND = 1 / 3600


def judged(
    code: Sequence[CodeRecord],
    models: Sequence[ModelRecord] = (),
    *,
    as_of: float = 100,
    pin: Requirement | None = None,
    waivers: Sequence[Waiver] = (),
    **terms: Any,
) -> list[Obligation]:
    """The obligation of the code for one model at hour `as_of`."""
    events = timeline(code, models, service="shop", until=at(as_of))
    dependence = ModelDependencies(default=(pin or Requirement(model=MODEL),), waivers=tuple(waivers))
    return list(obligations(events, dependence, PromiseTerms(sla_hours=48, as_of=at(as_of), **terms)))


def status(*args: Any, **kwargs: Any) -> Status:
    """The status of the only obligation."""
    (item,) = judged(*args, **kwargs)
    return item.status


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(48 - SECOND, Status.MET), (48, Status.MET), (48 + SECOND, Status.LATE)],
    ids=["47_59_59 is met", "48_00_00 is met", "48_00_01 is late"],
)
def test_promise__shipped_at_the_edge(hours: float, expected: Status) -> None:
    assert status([a_deploy()], [a_ship(hours)]) is expected


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (36, Status.PENDING),
        (36 + SECOND, Status.AT_RISK),
        (48, Status.AT_RISK),
        (48 + SECOND, Status.BREACHED),
    ],
    ids=["a quarter left is pending", "less is at risk", "48_00_00 still runs", "48_00_01 is breached"],
)
def test_promise__unshipped_at_the_edge(as_of: float, expected: Status) -> None:
    assert status([a_deploy()], as_of=as_of) is expected


@pytest.mark.parametrize("day", [datetime(2026, 3, 28, 12), datetime(2026, 10, 24, 12)], ids=["spring", "autumn"])  # noqa: DTZ001  (local)
@pytest.mark.parametrize(("seconds", "expected"), [(0, Status.MET), (1, Status.LATE)])
def test_promise__48_hours_are_elapsed_time_across_both_dst_changes(
    day: datetime, seconds: int, expected: Status
) -> None:
    start = day.replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    ship = a_ship(shipped_at=start + timedelta(hours=48, seconds=seconds))
    as_of = (start - at()) / timedelta(hours=1) + 100
    assert status([a_deploy(shipped_at=start)], [ship], as_of=as_of) is expected


def test_promise__one_ship_closes_every_open_clock_it_meets() -> None:
    items = judged([a_deploy(0), a_deploy(10), a_deploy(20)], [a_ship(30)])
    assert [item.status for item in items] == [Status.MET] * 3


def test_promise__a_newer_deploy_does_not_reset_an_older_clock() -> None:
    items = judged([a_deploy(0), a_deploy(40)], as_of=50)
    assert [item.status for item in items] == [Status.BREACHED, Status.PENDING]


def test_promise__a_redeploy_opens_nothing() -> None:
    assert len(judged([a_deploy(0, "a"), a_deploy(5, "a")])) == 1


def test_promise__a_ship_with_the_code_counts_after_the_previous_deploy() -> None:
    assert status([a_deploy(0)], [a_ship(-1)]) is Status.MET
    items = judged([a_deploy(0), a_deploy(10)], [a_ship(0)])
    assert [item.status for item in items] == [Status.MET, Status.BREACHED]
    items = judged([a_deploy(0), a_deploy(10)], [a_ship(SECOND)])
    assert [item.status for item in items] == [Status.MET, Status.MET]


def test_promise__a_ship_with_the_code_is_at_most_48_hours_old() -> None:
    assert status([a_deploy(0)], [a_ship(-48)]) is Status.MET
    assert status([a_deploy(0)], [a_ship(-48 - SECOND)]) is Status.BREACHED


def test_promise__a_copy_of_a_shipped_run_and_a_model_rollback_satisfy_no_any() -> None:
    first = a_ship(-90, "1", run_id="run-1")
    assert status([a_deploy()], [first, a_ship(5, "2", run_id="run-1")]) is Status.BREACHED
    assert status([a_deploy()], [first, a_ship(-80, "2"), a_ship(5, "1", id="model:again")]) is Status.BREACHED


def test_promise__a_rollback_in_time_cancels_and_after_the_deadline_is_late() -> None:
    code = [a_deploy(-90, "a"), a_deploy(0, "b")]
    assert [i.status for i in judged([*code, a_deploy(5, "a", id="back")], [a_ship(-89)])][-1] is Status.CANCELLED
    assert [i.status for i in judged([*code, a_deploy(50, "a", id="back")], [a_ship(-89)])][-1] is Status.LATE


def test_promise__what_shipped_before_the_rollback_stays_met() -> None:
    code = [a_deploy(-90, "a"), a_deploy(0, "b"), a_deploy(5, "a", id="back")]
    assert judged(code, [a_ship(-89), a_ship(4)])[-1].status is Status.MET


def test_promise__rolling_forward_again_starts_a_new_clock() -> None:
    code = [a_deploy(-90, "a"), a_deploy(0, "b"), a_deploy(5, "a", id="back"), a_deploy(10, "b", id="forward")]
    items = judged(code, [a_ship(-89)], as_of=20)
    assert [(item.code_id, item.status) for item in items[-2:]] == [
        (code[1].id, Status.CANCELLED),
        ("forward", Status.PENDING),
    ]


def test_promise__a_rollback_cancels_only_what_was_first_live_after_the_sha_that_came_back() -> None:
    code = [a_deploy(0, "a"), a_deploy(1, "b"), a_deploy(2, "c"), a_deploy(5, "b", id="back")]
    assert [item.status for item in judged(code)] == [Status.BREACHED, Status.BREACHED, Status.CANCELLED]


def test_promise__the_provisional_release_runs_from_now_and_cancels_nothing() -> None:
    (item,) = judged([a_provisional_deploy(7)], as_of=7)
    assert (item.status, item.provisional, item.start) == (Status.PENDING, True, at(7))
    code = [a_deploy(-90, "a"), a_deploy(0, "b"), a_provisional_deploy(7, sha="a", id="back")]
    assert judged(code, [a_ship(-89)], as_of=7)[-1].status is Status.PENDING


def test_promise__a_failed_deployment_owes_nothing() -> None:
    assert judged([a_deploy(0, outcome=Outcome.FAILED)]) == []


def test_promise__before_sla_since_no_clock_opens() -> None:
    assert [item.start for item in judged([a_deploy(0), a_deploy(24)], since=at(24))] == [at(24)]


EXACT = Requirement(model=MODEL, rule=Rule.EXACT, version="2")
AT_LEAST = Requirement(model=MODEL, rule=Rule.AT_LEAST, version="2")


@pytest.mark.parametrize("pin", [EXACT, AT_LEAST])
def test_pin__is_met_by_a_fitting_version_that_is_live_at_the_start(pin: Requirement) -> None:
    assert status([a_deploy()], [a_ship(-500, "2")], pin=pin) is Status.MET
    assert status([a_deploy()], [a_ship(-500, "1")], pin=pin) is Status.BREACHED


def test_pin__live_is_what_shipped_last_unless_every_version_stays_live() -> None:
    models = [a_ship(-20, "2"), a_ship(-10, "1")]
    assert status([a_deploy()], models, pin=EXACT, every_version_stays_live=False) is Status.BREACHED
    assert status([a_deploy()], models, pin=EXACT, every_version_stays_live=True) is Status.MET


def test_pin__is_met_by_an_event_of_any_kind() -> None:
    models = [a_ship(-20, "2"), a_ship(-10, "3"), a_ship(5, "2", id="model:rolled-back")]
    assert status([a_deploy()], models, pin=EXACT, every_version_stays_live=False) is Status.MET


def test_pin__at_least_is_met_by_a_newer_version_and_an_exact_one_is_not() -> None:
    assert status([a_deploy()], [a_ship(5, "3")], pin=AT_LEAST) is Status.MET
    assert status([a_deploy()], [a_ship(5, "3")], pin=EXACT) is Status.BREACHED


@pytest.mark.parametrize("stays", [True, False])
def test_pin__of_a_semantic_version_is_met_by_that_very_version(stays: bool) -> None:  # noqa: FBT001
    pin = Requirement(model=MODEL, rule=Rule.EXACT, version="1.2.0")
    assert status([a_deploy()], [a_ship(5, "1.2.0")], pin=pin, every_version_stays_live=stays) is Status.MET
    for other in ("1.2", "1.2.1", "1.20", "v1.2.0", "2", None):
        assert status([a_deploy()], [a_ship(5, other)], pin=pin, every_version_stays_live=stays) is Status.BREACHED


@pytest.mark.parametrize("version", ["2.5", "3.0.0", "1e3", "inf", "2026.11"])
def test_pin__at_least_is_not_met_by_a_name_that_is_not_an_integer(version: str) -> None:
    assert status([a_deploy()], [a_ship(5, version)], pin=AT_LEAST) is Status.BREACHED


def test_none__owes_nothing() -> None:
    pin = Requirement(model=MODEL, rule=Rule.NONE, reason="rules only")
    assert status([a_deploy()], pin=pin) is Status.NOT_REQUIRED


@pytest.mark.parametrize(
    ("not_before", "seen_by", "expected"),
    [(10, 20, Status.MET), (47, 49, Status.UNDETERMINED), (49, 60, Status.LATE), (-60, 10, Status.UNDETERMINED)],
    ids=["inside the clock", "across the deadline", "after it", "across the reach of the code"],
)
def test_observed__is_judged_at_both_ends(not_before: float, seen_by: float, expected: Status) -> None:
    ship = a_ship(seen_by, not_before=at(not_before), precision=Precision.OBSERVED)
    (item,) = judged([a_deploy()], [ship])
    assert (item.status, item.not_before, item.seen_by) == (expected, at(not_before), at(seen_by))


def a_waiver(until: float, **changes: Any) -> Waiver:
    return Waiver(model=MODEL, sha="*", reason="freeze", by="data platform", until=at(until), **changes)


def test_waiver__leaves_a_running_clock_alone_and_excuses_after_the_deadline() -> None:
    assert status([a_deploy()], as_of=10, waivers=[a_waiver(200)]) is Status.PENDING
    assert status([a_deploy()], as_of=60, waivers=[a_waiver(200)]) is Status.WAIVED
    assert status([a_deploy()], as_of=201, waivers=[a_waiver(200)]) is Status.BREACHED


def test_waiver__shipped_late_within_it_stays_waived() -> None:
    assert status([a_deploy()], [a_ship(60)], as_of=300, waivers=[a_waiver(200)]) is Status.WAIVED
    assert status([a_deploy()], [a_ship(60)], as_of=300, waivers=[a_waiver(55)]) is Status.LATE


def test_waiver__counts_as_a_miss_unless_it_stood_in_time() -> None:
    deploy = a_deploy(0, "a")
    assert judged([deploy], waivers=[a_waiver(200)])[0].waived_miss
    assert not judged([deploy], waivers=[a_waiver(200, standing_for="a")])[0].waived_miss
    assert not judged([deploy], waivers=[a_waiver(200, seen_at=at(47))])[0].waived_miss
    assert judged([deploy], waivers=[a_waiver(200, seen_at=at(48))])[0].waived_miss


def test_waiver__seen_after_the_late_ship_leaves_it_late() -> None:
    shipped = [a_ship(60)]
    assert status([a_deploy()], shipped, as_of=300, waivers=[a_waiver(200, seen_at=at(61))]) is Status.LATE
    assert status([a_deploy()], shipped, as_of=300, waivers=[a_waiver(200, seen_at=at(60))]) is Status.WAIVED
    (item,) = judged([a_deploy()], shipped, as_of=300, waivers=[a_waiver(200, seen_at=at(55))])
    assert (item.status, item.waived_miss) == (Status.WAIVED, True)


def test_waiver__that_ends_more_than_90_days_ahead_is_void_and_says_so() -> None:
    ends = 60 + 90 * 24
    assert status([a_deploy()], as_of=60, waivers=[a_waiver(ends)]) is Status.WAIVED
    (item,) = judged([a_deploy()], as_of=60, waivers=[a_waiver(ends + 1)])
    assert item.status is Status.BREACHED
    assert item.reason is not None
    assert "is void: it ends" in item.reason
    assert "Set an earlier `until`" in item.reason
    assert status([a_deploy()], as_of=60, waivers=[a_waiver(ends + 1), a_waiver(ends)]) is Status.WAIVED


def test_waiver__of_another_sha_or_model_does_not_serve() -> None:
    deploy = a_deploy(0, "a")
    assert status([deploy], waivers=[a_waiver(200, standing_for="b")]) is Status.BREACHED
    other = Waiver(model="ranker", sha="*", reason="freeze", by="data", until=at(200))
    assert status([deploy], waivers=[other]) is Status.BREACHED


def test_unreadable_stub__of_the_live_commit_is_unknown_whatever_its_age_and_the_window() -> None:
    events = timeline([a_deploy(0, "a")], [], service="shop", until=at(100))
    dependence = ModelDependencies(unreadable={"a": "flowjoy.json, line 1: is not JSON"})
    items = obligations(events, dependence, PromiseTerms(sla_hours=48, as_of=at(100)))
    assert [(item.status, item.reason) for item in items] == [(Status.UNKNOWN, "flowjoy.json, line 1: is not JSON")]
    assert in_scope(items, at(-1), at(100)) == items
    assert in_scope(items, at(1), at(48 + 28 * 24)) == items
    assert in_scope(items, at(1), at(49 + 28 * 24)) == items


def test_unreadable_stub__of_a_replaced_commit_stops_deciding_once_a_later_release_was_judged() -> None:
    events = timeline([a_deploy(0, "a"), a_deploy(60, "b")], [], service="shop", until=at(2000))
    dependence = ModelDependencies(default=(Requirement(model="recommender"),), unreadable={"a": "is not JSON"})
    lost, later = obligations(events, dependence, PromiseTerms(sla_hours=48, as_of=at(2000)))
    assert (lost.replaced, later.status) == (True, Status.BREACHED)
    for since in (at(-1), at(1900)):
        assert in_scope([lost, later], since, at(48 + 28 * 24)) == (lost, later)
        assert in_scope([lost, later], since, at(49 + 28 * 24)) == (later,)


def test_scope__keeps_every_open_obligation_however_old() -> None:
    items = (an_obligation(-9000, status=Status.BREACHED), an_obligation(-9000, status=Status.MET))
    assert [item.status for item in in_scope(items, at(), at(1))] == [Status.BREACHED]


def test_next_deadline__is_the_first_of_the_running_clocks() -> None:
    items = [an_obligation(5, status=Status.PENDING), an_obligation(3, status=Status.AT_RISK), an_obligation(0)]
    assert next_deadline(items) == at(51)
    assert next_deadline([an_obligation(0)]) is None


def test_rate__is_over_deadlines_of_the_last_28_days() -> None:
    met, late, old = an_obligation(0), an_obligation(1, status=Status.LATE), an_obligation(-28 * 24 - 49)
    running = an_obligation(99, status=Status.PENDING)
    result = rate([met, met, late, old, running], at(100))
    assert (result.percent, result.n, result.left_out) == (66.7, 3, 0)
    assert rate([running], at(100)).percent is None


def test_budget__is_one_minus_misses_over_allowed_misses() -> None:
    items = [an_obligation(n) for n in range(39)] + [an_obligation(39, status=Status.LATE)]
    assert rate(items, at(100)).budget_left(95) == pytest.approx(0.5)
    assert rate(items, at(100)).budget_left(100) is None


@pytest.mark.matrix
@given(
    deploys=st.lists(st.integers(0, 200), unique=True, max_size=8),
    ships=st.lists(st.integers(-60, 200), unique=True, max_size=8),
    seed=st.randoms(use_true_random=False),
)
def test_promise__shuffled_and_duplicated_events_change_nothing(
    deploys: list[int], ships: list[int], seed: Any
) -> None:
    code, models = [a_deploy(hour) for hour in deploys], [a_ship(hour) for hour in ships]
    ordered = judged(code, models, as_of=250)
    seed.shuffle(code)
    seed.shuffle(models)
    assert judged(code, models, as_of=250) == ordered


def test_rollback__ends_the_obligation_when_it_happens_whatever_ships_later() -> None:
    code = [a_deploy(0, "a"), a_deploy(1, "b"), a_deploy(5, "a", id="back")]
    _, item = judged(code, [a_ship(20, "7")])
    assert (item.status, item.closed_at) == (Status.CANCELLED, at(5))
    assert (item.version, item.shipped_at, item.not_before) == (None, None, None)


@pytest.mark.parametrize(
    ("rolled_back_at", "expected"), [(49, Status.CANCELLED), (49 + SECOND, Status.LATE)], ids=["at", "after"]
)
def test_rollback__at_the_deadline_still_cancels_and_later_is_a_miss(rolled_back_at: float, expected: Status) -> None:
    code = [a_deploy(0, "a"), a_deploy(1, "b"), a_deploy(rolled_back_at, "a", id="back")]
    assert judged(code)[1].status is expected


def test_rollback__at_the_instant_of_the_ship_leaves_the_promise_kept_by_that_ship() -> None:
    code = [a_deploy(0, "a"), a_deploy(1, "b"), a_deploy(20, "a", id="back")]
    _, item = judged(code, [a_ship(20, "7")])
    assert (item.status, item.version, item.closed_at) == (Status.MET, "7", at(20))


def test_ship__of_an_exact_time_has_no_bounds_and_an_observed_one_has_both() -> None:
    (exact,) = judged([a_deploy()], [a_ship(10, "7")])
    assert (exact.not_before, exact.seen_by) == (None, None)
    (observed,) = judged([a_deploy()], [a_ship(10, "7", precision=Precision.OBSERVED, not_before=at(4))])
    assert (observed.not_before, observed.seen_by) == (at(4), at(10))


def test_live_commit__is_that_of_the_newest_deployment_whatever_ships_after_it() -> None:
    events = timeline(
        [a_deploy(0, "a"), a_deploy(1, "b"), a_provisional_deploy(3)], [a_ship(2)], service="shop", until=at(9)
    )
    assert live_sha(events) == "b"
    assert live_sha(timeline([], [a_ship(2)], service="shop", until=at(9))) is None


@pytest.mark.parametrize(
    ("claimed", "statuses"), [(9, [Status.LATE, Status.BREACHED]), (59, [Status.LATE, Status.MET])]
)
def test_stamp__that_was_written_afterwards_serves_no_release_that_it_precedes(
    claimed: float, statuses: list[Status]
) -> None:
    """At hour 62 a run sees the stamp for the first time; the second release is of hour 60."""
    claim = f"flowjoy.deployed_at={iso(at(claimed))}"
    ship = a_ship(62, "7", not_before=at(61), stamp=claim)
    assert [item.status for item in judged([a_deploy(0), a_deploy(60)], [ship], as_of=120)] == statuses


def test_stamp__of_a_ledger_that_names_no_time_makes_nothing_new() -> None:
    assert status([a_deploy(0)], [a_ship(40, "7", not_before=at(30), stamp="flowjoy.deployed_at=x")]) is Status.BREACHED


@pytest.mark.parametrize(("deployed", "expected"), [(50, Status.MET), (60, Status.PENDING)])
def test_ship__that_the_first_observation_found_is_new_only_where_its_registration_could_be(
    deployed: float, expected: Status
) -> None:
    ship = a_ship(62, "7", precision=Precision.OBSERVED, not_before=at(5), registered_at=at(5), maybe_live_before=True)
    assert status([a_deploy(deployed)], [ship], as_of=70) is expected
