"""Worked examples for the oracle, small enough to be checked by eye. Hours count from Monday 2024-06-03 00:00 UTC."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.oracle.promise import (
    Code,
    Incident,
    Match,
    Result,
    Ship,
    Waiver,
    WeekRow,
    code_kinds,
    match,
    model_kinds,
    obligations,
    rate,
    week_table,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.oracle.promise import Signal, Status

ZERO = datetime(2024, 6, 3, tzinfo=UTC)


def at(hours: float, seconds: float = 0) -> datetime:
    return ZERO + timedelta(hours=hours, seconds=seconds)


def a_deploy(sha: str | None, hours: float, *, name: str | None = None, provisional: bool = False) -> Code:
    return Code(id=name or f"{sha}@{hours}", sha=sha, at=at(hours), provisional=provisional)


def a_ship(
    version: int, hours: float, *, since: float | None = None, run: str | None = None, seconds: float = 0
) -> Ship:
    return Ship(
        id=f"v{version}@{hours}",
        model="m",
        version=str(version),
        run_id=run or f"run {version}",
        at=at(hours, seconds),
        not_before=None if since is None else at(since),
    )


def a_waiver(
    until: float, *, seen: float | None = None, stub_of: Iterable[str] = (), at_head: bool = True, sha: str = "*"
) -> Waiver:
    return Waiver(
        model="m",
        sha=sha,
        until=at(until),
        in_stub_of=frozenset(stub_of),
        at_head=at_head,
        seen_at=None if seen is None else at(seen),
    )


def promise(
    codes: Iterable[Code],
    ships: Iterable[Ship] = (),
    *,
    as_of: float,
    requires: str = "any",
    signal: Signal = "other",
    waivers: Iterable[Waiver] = (),
    requirements: Mapping[str, Mapping[str, str]] | None = None,
    since: date | datetime | None = None,
) -> dict[str, Result]:
    return obligations(
        codes=codes,
        ships=ships,
        signal=signal,
        requirements=requirements or {},
        default={"m": requires},
        waivers=waivers,
        as_of=at(as_of),
        sla_hours=48,
        sla_since=since,
    )


def the(results: Mapping[str, Result]) -> Result:
    (result,) = results.values()
    return result


def statuses(results: Mapping[str, Result]) -> dict[str, Status]:
    return {name: result.status for name, result in results.items()}


# ------------------------------------------------------------------------------------------------------------- kinds


def test_code_kinds__roll_forward_after_a_rollback_is_a_deploy_again() -> None:
    history = [a_deploy(sha, hours) for hours, sha in enumerate("ABBABC")]
    assert list(code_kinds(history).values()) == ["deploy", "deploy", "redeploy", "rollback", "deploy", "deploy"]


def test_code_kinds__a_bare_stamp_is_a_sha_of_its_own() -> None:
    assert set(code_kinds([a_deploy(None, 1), a_deploy(None, 2), a_deploy(None, 2, name="z")]).values()) == {"deploy"}


def test_code_kinds__shuffled_input_gives_the_same_and_ties_go_by_id() -> None:
    history = [a_deploy("A", 0), a_deploy("B", 1, name="2"), a_deploy("A", 1, name="1")]
    expected = {"A@0": "deploy", "1": "redeploy", "2": "deploy"}
    assert code_kinds(history) == code_kinds(reversed(history)) == expected


def test_model_kinds__ship_copy_rollback_redeploy() -> None:
    history = [
        a_ship(1, 0, run="r1"),
        a_ship(2, 1, run="r2"),
        a_ship(3, 2, run="r1"),
        a_ship(1, 3),
        a_ship(2, 4),
        a_ship(2, 5),
    ]
    assert list(model_kinds(history).values()) == ["ship", "ship", "copy", "rollback", "redeploy", "redeploy"]


def test_model_kinds__another_model_may_ship_the_same_run_and_version() -> None:
    other = Ship(id="n1", model="n", version="1", run_id="run 1", at=at(1))
    assert model_kinds([a_ship(1, 0), other]) == {"v1@0": "ship", "n1": "ship"}


# -------------------------------------------------------------------------------------------------- clock and deadline


@pytest.mark.parametrize(("seconds", "status"), [(-1, "met"), (0, "met"), (1, "late")])
def test_deadline__is_inclusive(seconds: int, status: Status) -> None:
    result = the(promise([a_deploy("A", 0)], [a_ship(1, 48, seconds=seconds)], as_of=60))
    assert (result.status, result.satisfied_at, result.version) == (status, at(48, seconds), "1")


@pytest.mark.parametrize(
    ("as_of", "status"),
    [(0, "pending"), (36, "pending"), (36.01, "at_risk"), (48, "at_risk"), (48.01, "breached")],
)
def test_unshipped__is_pending_then_at_risk_then_breached(as_of: float, status: Status) -> None:
    assert the(promise([a_deploy("A", 0)], as_of=as_of)).status == status


def test_as_of__later_events_do_not_exist() -> None:
    history = promise([a_deploy("A", 0), a_deploy("B", 30)], [a_ship(1, 20)], as_of=10)
    assert statuses(history) == {"A@0/m": "pending"}


def test_sla_since__earlier_deploys_open_no_clock_but_are_previous_deploys() -> None:
    codes = [a_deploy("A", 23), a_deploy("B", 24)]
    assert statuses(promise(codes, [a_ship(1, 22)], as_of=25, since=date(2024, 6, 4))) == {"B@24/m": "pending"}


def test_dependence__the_stub_at_the_deployed_sha_goes_before_the_models_input() -> None:
    stubs = {"A": {"n": "any"}, "B": {}}
    codes = [a_deploy("A", 0), a_deploy("B", 1), a_deploy("C", 2), a_deploy(None, 3)]
    assert set(promise(codes, as_of=4, requirements=stubs)) == {"A@0/n", "C@2/m", "None@3/m"}


# -------------------------------------------------------------------------------------------------------- requirements


def test_none__is_not_required() -> None:
    assert the(promise([a_deploy("A", 0)], as_of=99, requires="none")).status == "not_required"


def test_pin__a_fitting_version_live_at_the_start_meets_at_once() -> None:
    result = the(promise([a_deploy("A", 10)], [a_ship(12, 1)], as_of=11, requires="12"))
    assert (result.status, result.satisfied_at, result.version) == ("met", at(10), "12")


@pytest.mark.parametrize(("signal", "status"), [("registered", "met"), ("other", "pending")])
def test_live__registered_keeps_every_version_live_and_other_signals_only_the_last(
    signal: Signal, status: Status
) -> None:
    ships = [a_ship(12, 1), a_ship(13, 2)]
    assert the(promise([a_deploy("A", 10)], ships, as_of=11, requires="12", signal=signal)).status == status


def test_pin__is_satisfied_by_an_event_of_any_kind_but_any_only_by_a_ship() -> None:
    ships = [a_ship(12, 1), a_ship(13, 2), a_ship(12, 70), a_ship(14, 75, run="run 13")]
    codes = [a_deploy("A", 60)]
    pinned, anything = (the(promise(codes, ships, as_of=80, requires=r)) for r in ("12", "any"))
    assert (pinned.status, pinned.satisfied_at) == ("met", at(70))
    assert anything.status == "pending"


def test_pin__replaced_at_the_very_start_still_was_live_at_the_start() -> None:
    result = the(promise([a_deploy("A", 10)], [a_ship(12, 1), a_ship(13, 10)], as_of=11, requires="12"))
    assert (result.status, result.satisfied_at) == ("met", at(10))


def test_at_least__compares_numbers() -> None:
    ships = [a_ship(9, 1), a_ship(10, 20)]
    result = the(promise([a_deploy("A", 10)], ships, as_of=30, requires=">=10"))
    assert (result.satisfied_at, result.version) == (at(20), "10")


@pytest.mark.parametrize(
    ("ship", "met"), [(51.99, False), (52, True), (99.99, True)], ids=["too early", "48 h before", "just before"]
)
def test_any__a_ship_with_the_code_meets_at_the_start(ship: float, *, met: bool) -> None:
    result = the(promise([a_deploy("A", 100)], [a_ship(1, ship)], as_of=101))
    assert (result.status, result.satisfied_at) == (("met", at(100)) if met else ("pending", None))


def test_any__a_ship_at_the_previous_deploy_is_not_with_this_one_and_a_rollback_between_is_no_deploy() -> None:
    codes = [a_deploy("A", 0), a_deploy("B", 10), a_deploy("A", 20), a_deploy("C", 30)]
    assert statuses(promise(codes, [a_ship(1, 10)], as_of=31))["C@30/m"] == "pending"
    assert statuses(promise(codes, [a_ship(1, 15)], as_of=31))["C@30/m"] == "met"


def test_one_ship__closes_every_open_clock_and_a_newer_deploy_does_not_reset_an_older_one() -> None:
    codes = [a_deploy("A", 0), a_deploy("B", 40)]
    results = promise(codes, [a_ship(1, 50)], as_of=60)
    assert statuses(results) == {"A@0/m": "late", "B@40/m": "met"}


# ----------------------------------------------------------------------------------------------------------- rollbacks


def test_rollback__cancels_clocks_of_shas_first_live_later_than_the_one_that_came_back() -> None:
    codes = [a_deploy("A", 0), a_deploy("B", 1), a_deploy("C", 2), a_deploy("A", 3), a_deploy("C", 4)]
    expected = {"A@0/m": "pending", "B@1/m": "cancelled", "C@2/m": "cancelled", "C@4/m": "pending"}
    assert statuses(promise(codes, as_of=5)) == expected


@pytest.mark.parametrize(
    ("back", "ship", "status"),
    [(20, 30, "cancelled"), (20, 20, "met"), (30, 20, "met"), (49, None, "cancelled"), (50, None, "late")],
)
def test_rollback__cancels_before_ship_and_deadline_and_closes_as_late_after_it(
    back: float, ship: float | None, status: Status
) -> None:
    codes = [a_deploy("A", 0), a_deploy("B", 1), a_deploy("A", back)]
    results = promise(codes, [] if ship is None else [a_ship(1, ship)], as_of=60)
    assert results["B@1/m"].status == status


def test_rollback__after_the_deadline_is_waived_while_a_waiver_holds() -> None:
    codes = [a_deploy("A", 0), a_deploy("B", 1), a_deploy("A", 60)]
    closed = {until: promise(codes, as_of=80, waivers=[a_waiver(until)])["B@1/m"] for until in (55, 65, 90)}
    assert {until: result.status for until, result in closed.items()} == {55: "late", 65: "waived", 90: "waived"}
    assert closed[90].closed_at == at(60)
    assert closed[90].waived_miss


# ------------------------------------------------------------------------------------------------------------- waivers


@pytest.mark.parametrize(
    ("until", "as_of", "ship", "status"),
    [
        (72, 40, None, "at_risk"),
        (72, 60, None, "waived"),
        (72, 72, None, "waived"),
        (72, 73, None, "breached"),
        (72, 99, 70, "waived"),
        (72, 99, 73, "late"),
        (72, 99, 40, "met"),
    ],
)
def test_waiver__unblocks_after_the_deadline_until_it_has_passed(
    until: float, as_of: float, ship: float | None, status: Status
) -> None:
    ships = [] if ship is None else [a_ship(1, ship)]
    assert the(promise([a_deploy("A", 0)], ships, as_of=as_of, waivers=[a_waiver(until)])).status == status


@pytest.mark.parametrize(
    ("waiver", "miss"),
    [
        (a_waiver(72), True),
        (a_waiver(72, seen=47), False),
        (a_waiver(72, seen=48), True),
        (a_waiver(72, stub_of="A"), False),
        (a_waiver(72, stub_of="B"), True),
    ],
)
def test_waiver__counts_as_a_miss_unless_known_in_time(waiver: Waiver, *, miss: bool) -> None:
    results = promise([a_deploy("A", 0)], as_of=60, waivers=[waiver])
    assert (the(results).status, the(results).waived_miss) == ("waived", miss)
    assert rate(results, at(60)) == (0, int(miss), int(miss))


def test_waiver__serves_only_its_sha_and_is_read_from_the_stub_at_the_deployed_sha_and_from_head() -> None:
    codes = [a_deploy("A", 0), a_deploy("B", 1)]
    by_sha = promise(codes, as_of=60, waivers=[a_waiver(72, sha="A")])
    by_stub = promise(codes, as_of=60, waivers=[a_waiver(72, stub_of="A", at_head=False)])
    assert statuses(by_sha) == statuses(by_stub) == {"A@0/m": "waived", "B@1/m": "breached"}


def of_content(version: int, hours: float, content: str, *, since: float | None = None) -> Ship:
    """`run/source/model`: what a version holds; a dash where it is unknown."""
    run, source, model = (None if part == "-" else part for part in content.split("/"))
    return replace(a_ship(version, hours, since=since), run_id=run, source=source, model_id=model)


@pytest.mark.parametrize(("first", "second", "kind"), [
    ("r/s/-", "r/t/-", "ship"),
    ("r/s/-", "r/s/-", "copy"),
    ("-/s/-", "-/s/-", "copy"),
    ("-/s/-", "r/s/-", "copy"),
    ("r/s/m", "r/s/n", "ship"),
    ("r/s/m", "q/t/m", "copy"),
    ("-/-/-", "-/-/-", "ship"),
])  # fmt: skip
def test_model_kinds__are_by_content(first: str, second: str, kind: str) -> None:
    assert list(model_kinds([of_content(1, 0, first), of_content(2, 1, second)]).values()) == ["ship", kind]


def test_model_kinds__a_version_that_was_passed_over_is_a_rollback() -> None:
    stamped = [a_ship(5, 0), a_ship(3, 1), a_ship(4, 2)]
    assert list(model_kinds(stamped).values()) == ["ship", "rollback", "ship"]
    seen = [a_ship(5, 0), a_ship(3, 1), a_ship(4, 2, since=1)]
    assert list(model_kinds(seen).values()) == ["ship", "rollback", "rollback"]
    assert list(model_kinds([replace(ship, by_registration=True) for ship in stamped]).values()) == ["ship"] * 3


# -------------------------------------------------------------------------------------------------- observed intervals


@pytest.mark.parametrize(
    ("since", "seen", "status"),
    [(40, 48, "met"), (47, 49, "undetermined"), (48, 49, "late")],
    ids=["within", "across the deadline", "after"],
)
def test_observed__is_judged_at_both_ends_against_the_deadline(since: float, seen: float, status: Status) -> None:
    result = the(promise([a_deploy("A", 0)], [a_ship(1, seen, since=since)], as_of=60))
    assert result.status == status
    assert result.satisfied_at == (None if status == "undetermined" else at(seen))


def test_observed__across_the_start_is_undetermined_only_where_the_start_decides() -> None:
    codes = [a_deploy("A", 0), a_deploy("B", 10)]
    alone, second = (promise(c, [a_ship(1, 11, since=-1)], as_of=20) for c in (codes[1:], codes))
    assert the(alone).status == "met"
    assert second["B@10/m"].answers == {"met", "pending"}
    assert second["B@10/m"].status == "undetermined"


def test_observed__two_in_a_row_keep_their_order_and_an_exact_act_may_come_between() -> None:
    ships = [a_ship(11, 8, since=0), a_ship(12, 9, since=0)]
    assert the(promise([a_deploy("A", 10)], ships, as_of=11, requires="12")).status == "met"
    ships[0] = a_ship(11, 8)
    assert the(promise([a_deploy("A", 10)], ships, as_of=11, requires="12")).status == "undetermined"


# --------------------------------------------------------------------------------------------------------- provisional


def test_provisional__starts_a_clock_now_and_is_in_no_week_and_cancels_nothing() -> None:
    codes = [a_deploy("A", 0), a_deploy("B", 10)]
    running = promise([*codes, a_deploy("C", 20, provisional=True)], as_of=30)["C@20/m"]
    assert (running.status, running.start, running.deadline) == ("pending", at(30), at(78))
    back = [*codes, a_deploy("A", 20, provisional=True)]
    assert statuses(promise(back, as_of=30)) == {"A@0/m": "pending", "B@10/m": "pending"}
    only = week_table(
        codes=[a_deploy("C", 20, provisional=True)],
        ships=[],
        incidents=[],
        since_monday=ZERO.date(),
        weeks=1,
        tz="UTC",
        as_of=at(30),
    )
    assert only == [WeekRow(ZERO.date(), 0, 0, 0, None, 0, frozenset())]


# ---------------------------------------------------------------------------------------------------------------- rate


def test_rate__is_over_deadlines_of_the_last_28_days_and_leaves_out_what_is_neither_met_nor_missed() -> None:
    day = timedelta(days=1)
    now = at(0)

    def due(status: Status, days_ago: float, *, miss: bool = False) -> Result:
        deadline = now - days_ago * day
        return Result(status=status, start=deadline - 2 * day, deadline=deadline, waived_miss=miss)

    results = [due("met", 0), due("met", 28), due("met", 28.1), due("met", -1), due("late", 3), due("breached", 4)]
    results += [due("waived", 5), due("waived", 5, miss=True), due("undetermined", 5), due("cancelled", 5)]
    assert rate({str(number): result for number, result in enumerate(results)}, now) == (2, 3, 5)


# ---------------------------------------------------------------------------------------------------------- week table


def test_week_table__gives_the_three_weeks_of_the_worked_example() -> None:
    codes, ships, incidents = [], [], []
    plan = [(8, 5, [1.1, 1.9, 1.8]), (9, 4, [1.3, 3.2, 2.6, 0.9]), (7, 6, [1.7, 0.7])]
    for week, (deployed, shipped, lasted) in enumerate(plan):
        monday = week * 168
        codes += [a_deploy(f"{week}.{n}", monday + 9 + n) for n in range(deployed)]
        ships += [a_ship(10 * week + n, monday + 9 + n) for n in range(shipped)]
        incidents += [Incident(id="i", start=at(monday + 12), end=at(monday + 12 + hours)) for hours in lasted]
    table = week_table(
        codes=codes,
        ships=ships,
        incidents=incidents,
        since_monday=date(2024, 6, 3),
        weeks=4,
        tz="UTC",
        as_of=datetime(2024, 6, 24, tzinfo=UTC),
        default={"m": "any"},
    )
    assert table == [
        WeekRow(date(2024, 6, 3), 8, 5, 3, 1.6, 3, frozenset()),
        WeekRow(date(2024, 6, 10), 9, 4, 5, 2.0, 4, frozenset({"m"})),
        WeekRow(date(2024, 6, 17), 7, 6, 1, 1.2, 2, frozenset()),
        WeekRow(date(2024, 6, 24), 0, 0, 0, None, 0, frozenset()),
    ]


def test_week_table__looks_at_the_model_that_is_furthest_behind() -> None:
    codes = [a_deploy("A", 0), a_deploy("B", 1), a_deploy("C", 2)]
    ships = [a_ship(n, n) for n in range(5)]
    asked: dict[str, dict[str, str]] = {"A": {"m": "any", "n": "any"}, "B": {"m": "any", "n": "any"}}
    (row, _) = week_table(
        codes=codes,
        ships=ships,
        incidents=[],
        since_monday=ZERO.date(),
        weeks=2,
        tz="UTC",
        as_of=at(168),
        requirements=asked,
        default={"m": "any", "n": "1"},
    )
    assert (row.code_deploys, row.model_ships, row.gap, row.lagging) == (3, 5, 2, frozenset({"n"}))


def test_week_table__open_incidents_count_but_have_no_hours_and_an_end_before_the_start_is_dropped() -> None:
    incidents = [
        Incident(id="open", start=at(1)),
        Incident(id="still open at as-of", start=at(2), end=at(50)),
        Incident(id="wrong", start=at(3), end=at(2)),
        Incident(id="two hours", start=at(4), end=at(6)),
        Incident(id="later", start=at(41), end=at(42)),
    ]
    (row,) = week_table(
        codes=[], ships=[], incidents=incidents, since_monday=ZERO.date(), weeks=1, tz="UTC", as_of=at(40)
    )
    assert (row.mttr_hours, row.incidents) == (2.0, 3)


def test_week_table__counts_deploys_and_ships_only_and_weeks_turn_at_local_midnight() -> None:
    codes = [a_deploy("A", -3), a_deploy("B", -1), a_deploy("B", 1), a_deploy("A", 2), a_deploy("B", 3)]
    ships = [a_ship(1, -1), a_ship(2, 1, run="run 1"), a_ship(1, 2)]

    def counts(tz: str) -> list[tuple[int, int]]:
        rows = week_table(
            codes=codes, ships=ships, incidents=[], since_monday=date(2024, 5, 27), weeks=2, tz=tz, as_of=at(9)
        )
        return [(row.code_deploys, row.model_ships) for row in rows]

    assert counts("UTC") == [(2, 1), (1, 0)]
    assert counts("Europe/Berlin") == [(1, 0), (2, 1)]  # Monday begins there at 22:00 UTC


# -------------------------------------------------------------------------------------------------------------- match


def test_match__nearest_may_lie_after_and_the_cause_may_not() -> None:
    events: list[Code | Ship] = [a_deploy("A", 0), a_ship(1, 11)]
    assert match(at(10), events, 24) == Match("v1@11", "A@0", ambiguous=False, other=None)
    assert match(at(5.5), events, 24).nearest == "A@0"  # ties: the earlier


@pytest.mark.parametrize(("hours", "cause"), [(24, "A@0"), (24.01, None)])
def test_match__cause_lies_at_most_incident_match_hours_back(hours: float, cause: str | None) -> None:
    assert match(at(hours), [a_deploy("A", 0)], 24) == Match("A@0", cause, ambiguous=False, other=None)


def test_match__is_ambiguous_where_the_other_type_lies_within_30_minutes_of_the_winner() -> None:
    close: list[Code | Ship] = [a_deploy("A", 0.5), a_ship(1, 1)]
    apart: list[Code | Ship] = [a_deploy("A", 0.49), a_ship(1, 1)]
    assert match(at(2), close) == Match("v1@1", "v1@1", ambiguous=True, other="A@0.5")
    assert match(at(2), apart) == Match("v1@1", "v1@1", ambiguous=False, other=None)


def test_match__same_instant_matches_and_code_comes_before_model() -> None:
    assert match(at(1), [a_ship(1, 1), a_deploy("A", 1)]) == Match("A@1", "v1@1", ambiguous=True, other="A@1")
    assert match(at(1), []) == Match(None, None, ambiguous=False, other=None)
