"""The deploy of an incident: the nearest one, the cause, and cases without either."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowjoy.analysis import timeline
from flowjoy.analysis.flow.incidents import match_incidents, recoveries
from flowjoy.domain import CodeRecord, Incident, ModelRecord, Outcome
from tests.builders import SERVICE, a_deploy, a_provisional_deploy, a_ship, an_incident, at

LATER = at(10_000)
SECOND = 1 / 3600


def matched(
    incidents: Sequence[Incident],
    code: Sequence[CodeRecord] = (),
    models: Sequence[ModelRecord] = (),
    *,
    match_hours: float = 24,
) -> list[dict[str, Any]]:
    """The matched incidents as rows; a missing value is None."""
    result = match_incidents(
        timeline.incident_frame(incidents, until=LATER),
        timeline.timeline(code, models, service=SERVICE, until=LATER),
        match_hours=match_hours,
    )
    return [{str(k): None if pd.isna(v) else v for k, v in row.items()} for row in result.to_dict("records")]


def one(
    code: Sequence[CodeRecord] = (), models: Sequence[ModelRecord] = (), *, hours: float | None = 1, **terms: float
) -> dict[str, Any]:
    """The match of one incident that began 100 hours after T0."""
    (row,) = matched([an_incident(100, hours=hours)], code, models, **terms)
    return row


def test_nearest__before_or_after_whichever_is_closer() -> None:
    assert one([a_deploy(97), a_deploy(102)])["nearest_ts"] == at(102)
    assert one([a_deploy(99), a_deploy(102)])["nearest_ts"] == at(99)


def test_nearest__of_two_equally_near_the_earlier() -> None:
    row = one([a_deploy(98)], [a_ship(102)])
    assert (row["nearest_ts"], row["deploy_type"]) == (at(98), "CODE")
    row = one([a_deploy(102)], [a_ship(98)])
    assert (row["nearest_ts"], row["deploy_type"]) == (at(98), "MODEL")


@pytest.mark.parametrize("hours", [98, 100, 102])
def test_nearest__at_one_instant_code_comes_before_the_model(hours: float) -> None:
    assert one([a_deploy(hours)], [a_ship(hours)])["deploy_type"] == "CODE"


def test_nearest__one_side_is_enough() -> None:
    assert one([a_deploy(999)])["nearest_ts"] == at(999)
    assert one(models=[a_ship(1)])["nearest_ts"] == at(1)


def test_nearest__without_any_event_is_missing() -> None:
    row = one()
    assert (row["nearest_ts"], row["deploy_type"], row["cause_id"]) == (None, None, None)
    assert row["cause_type"] == "UNATTRIBUTED"


def test_nearest__an_incident_at_the_very_instant_belongs_to_that_event() -> None:
    row = one([a_deploy(100), a_deploy(100 + SECOND)])
    assert row["nearest_ts"] == at(100)
    assert (row["cause_type"], row["cause_id"]) == ("CODE", a_deploy(100).id)


def test_cause__is_the_latest_event_before_although_a_later_one_is_nearer() -> None:
    row = one([a_deploy(90), a_deploy(95), a_deploy(101)])
    assert (row["cause_type"], row["cause_id"]) == ("CODE", a_deploy(95).id)
    assert row["nearest_ts"] == at(101)


@pytest.mark.parametrize(
    ("hours", "kind"), [(24 - SECOND, "CODE"), (24, "CODE"), (24 + SECOND, "UNATTRIBUTED"), (-SECOND, "UNATTRIBUTED")]
)
def test_cause__within_24_hours_inclusive(hours: float, kind: str) -> None:
    assert one([a_deploy(100 - hours)])["cause_type"] == kind


def test_cause__another_window_is_inclusive_too() -> None:
    assert one([a_deploy(99.5)], match_hours=0.5)["cause_type"] == "CODE"
    assert one([a_deploy(99.5 - SECOND)], match_hours=0.5)["cause_type"] == "UNATTRIBUTED"


def test_cause__unattributed_names_no_event_and_keeps_its_mttr() -> None:
    row = one([a_deploy(10)], hours=2)
    assert (row["cause_type"], row["cause_id"], row["runner_up_id"]) == ("UNATTRIBUTED", None, None)
    assert row["mttr_hr"] == 2


@pytest.mark.parametrize(
    ("apart", "kind"), [(0, "AMBIGUOUS"), (0.5 - SECOND, "AMBIGUOUS"), (0.5, "AMBIGUOUS"), (0.5 + SECOND, "CODE")]
)
def test_cause__ambiguous_when_the_other_type_is_within_30_minutes_inclusive(apart: float, kind: str) -> None:
    code, model = a_deploy(98), a_ship(98 - apart)
    row = one([code], [model])
    assert row["cause_type"] == kind
    assert {row["cause_id"], row["runner_up_id"]} == ({code.id, model.id} if kind == "AMBIGUOUS" else {code.id, None})


def test_cause__ambiguity_is_between_types_and_not_within_one() -> None:
    assert one([a_deploy(98), a_deploy(98.1)])["cause_type"] == "CODE"
    assert one(models=[a_ship(98, "1"), a_ship(98.1, "2")])["cause_type"] == "MODEL"


@pytest.mark.parametrize(("model_hours", "kind"), [(24, "AMBIGUOUS"), (24 + SECOND, "CODE")])
def test_cause__only_an_event_that_could_be_the_cause_itself_makes_it_ambiguous(model_hours: float, kind: str) -> None:
    assert one([a_deploy(100 - 23.75)], [a_ship(100 - model_hours)])["cause_type"] == kind


def test_cause__what_came_after_the_incident_is_never_ambiguous_with_what_came_before() -> None:
    assert one([a_deploy(99.9)], [a_ship(100.1)])["cause_type"] == "CODE"


def test_cause__a_rollback_can_cause_an_incident_too() -> None:
    code = [a_deploy(80, "a"), a_deploy(90, "b"), a_deploy(95, "a")]
    assert one(code)["cause_id"] == code[2].id


def test_cause__neither_a_failed_nor_the_provisional_release_is_one() -> None:
    row = one([a_deploy(90), a_deploy(98, outcome=Outcome.FAILED), a_provisional_deploy(99)])
    assert (row["cause_id"], row["nearest_ts"]) == (a_deploy(90).id, at(90))


def test_mttr__an_open_incident_has_none() -> None:
    assert one([a_deploy(99)], hours=None)["mttr_hr"] is None


def test_mttr__is_hours_from_start_to_end() -> None:
    assert one(hours=1.25)["mttr_hr"] == 1.25
    assert one(hours=0)["mttr_hr"] == 0


def test_match__no_incidents_is_an_empty_frame_with_every_column() -> None:
    result = match_incidents(
        timeline.incident_frame([], until=LATER),
        timeline.timeline([a_deploy(0)], [], service=SERVICE, until=LATER),
        match_hours=24,
    )
    assert result.empty
    assert {"nearest_ts", "deploy_type", "cause_type", "cause_id", "mttr_hr"} <= set(result.columns)


def test_match__every_incident_stays_a_row_in_order_of_its_start() -> None:
    rows = matched([an_incident(7), an_incident(3), an_incident(3, id="twin"), an_incident(5)], [a_deploy(4)])
    assert [row["start"] for row in rows] == [at(3), at(3), at(5), at(7)]


QUARTERS = st.integers(0, 60)


@pytest.mark.matrix
@settings(max_examples=25)
@given(
    starts=st.lists(QUARTERS, min_size=1, max_size=25),
    code=st.lists(st.tuples(QUARTERS, st.sampled_from("abc")), max_size=8, unique=True),
    models=st.sets(QUARTERS, max_size=8),
    match_hours=st.sampled_from([0.25, 1, 6]),
)
def test_match__agrees_with_looking_at_every_pair(
    starts: list[int], code: list[tuple[int, str]], models: set[int], match_hours: float
) -> None:
    deploys = [a_deploy(n / 4, sha) for n, sha in code]
    ships = [a_ship(n / 4, str(n)) for n in models]
    incidents = [an_incident(n / 4, id=f"incident:{index}") for index, n in enumerate(starts)]
    reach, near = timedelta(hours=match_hours), timedelta(minutes=30)
    events = [(r.shipped_at, "CODE", r.id) for r in deploys] + [(r.shipped_at, "MODEL", r.id) for r in ships]
    for row in matched(incidents, deploys, ships, match_hours=match_hours):
        start = row["start"].to_pydatetime()
        nearest = min(events, key=lambda e: (abs(e[0] - start), e[0], e[1]), default=None)
        text = (row["nearest_ts"], row["deploy_type"])
        assert text == ((None, None) if nearest is None else (pd.Timestamp(nearest[0]), nearest[1]))
        latest = {kind: max((e[0] for e in events if e[1] == kind and e[0] <= start), default=None) for kind in _BOTH}
        assert row["cause_type"] == _cause(latest, start, reach, near)
        at_cause = {e[2] for e in events if e[0] == max((t for t in latest.values() if t), default=None)}
        assert row["cause_id"] in (at_cause if row["cause_type"] != "UNATTRIBUTED" else {None})
        assert (row["runner_up_id"] is not None) == (row["cause_type"] == "AMBIGUOUS")


_BOTH = ("CODE", "MODEL")


def _cause(latest: dict[str, datetime | None], start: datetime, reach: timedelta, near: timedelta) -> str:
    there = {kind: instant for kind, instant in latest.items() if instant is not None}
    if not there or start - max(there.values()) > reach:
        return "UNATTRIBUTED"
    if len(there) == 2 and abs(there["CODE"] - there["MODEL"]) <= near and start - min(there.values()) <= reach:
        return "AMBIGUOUS"
    return max(there, key=lambda kind: there[kind])


@pytest.mark.matrix
@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.one_of(st.none(), st.integers(0, 9))), max_size=8),
    st.lists(st.integers(0, 60), max_size=4),
    st.lists(st.integers(0, 60), max_size=4),
)
def test_recoveries__are_what_counting_by_hand_gives(
    incidents: list[tuple[int, int | None]], deploys: list[int], ships: list[int]
) -> None:
    records = [an_incident(start, hours=took, id=f"i{n}") for n, (start, took) in enumerate(incidents)]
    frame = timeline.incident_frame(records, until=LATER)
    events = timeline.timeline(
        [a_deploy(hours, id=f"d{n}") for n, hours in enumerate(deploys)],
        [a_ship(hours, id=f"m{n}") for n, hours in enumerate(ships)],
        service=SERVICE,
        until=LATER,
    )
    result = match_incidents(frame, events, match_hours=24)
    rows = result[result["start"] >= pd.Timestamp(at(5))].to_dict("records")
    for recovery in recoveries(result, since=at(5)):
        mine = [row for row in rows if recovery.cause in ("all", row["cause_type"])]
        took = sorted(row["mttr_hr"] for row in mine if not pd.isna(row["end"]))
        assert (recovery.resolved, recovery.open) == (len(took), len(mine) - len(took))
        if took:
            assert recovery.mean_hours == pytest.approx(sum(took) / len(took))
            assert recovery.median_hours == pytest.approx(statistics.median(took))
        else:
            assert (recovery.mean_hours, recovery.median_hours, recovery.p90_hours) == (None, None, None)


def test_other__is_the_latest_of_the_other_type_within_reach_however_far_from_the_cause() -> None:
    code, model = a_deploy(80), a_ship(99)
    row = one([code], [model])
    assert (row["cause_id"], row["other_id"], row["other_ts"]) == (model.id, code.id, at(80))
    assert one([a_deploy(70)], [model])["other_id"] is None
