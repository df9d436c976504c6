"""DORA's five figures: by hand on small histories, and against the rules spelled out row by row on random ones."""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowjoy.analysis import timeline
from flowjoy.analysis.flow.dora import DORA_UNITS, ChangeStarts, Dora, DoraFigure, dora
from flowjoy.analysis.flow.incidents import match_incidents
from flowjoy.analysis.flow.weeks import window_of
from flowjoy.domain import CodeRecord, EventType, Incident, ModelRecord
from tests.builders import SERVICE, a_deploy, a_provisional_deploy, a_ship, an_incident, at

WEEK = 7 * 24
NOW = at(3 * WEEK)
WINDOW = window_of(NOW, weeks=4, timezone="UTC")
NOTHING = DoraFigure()


def figures(
    code: Sequence[CodeRecord] = (),
    models: Sequence[ModelRecord] = (),
    incidents: Sequence[Incident] | None = (),
    *,
    commits: Mapping[str, Sequence[datetime]] | None = None,
    trainings: Mapping[str, datetime] | None = None,
    known: Sequence[EventType] = tuple(EventType),
    observed_since: datetime | None = None,
) -> tuple[Dora, ...]:
    events = timeline.timeline(code, models, service=SERVICE, until=NOW)
    matched = None
    if incidents is not None:
        matched = match_incidents(timeline.incident_frame(incidents, until=NOW), events, match_hours=24)
    starts = ChangeStarts(commits=commits or {}, trainings=trainings or {})
    return dora(events, matched, WINDOW, starts=starts, known=known, observed_since=observed_since)


def test_frequency__is_of_complete_weeks_and_nothing_in_them_is_0() -> None:
    """Three complete weeks: two deploys in them, one in the running week, one before the window."""
    code, model, both = figures([a_deploy(-100), a_deploy(1), a_deploy(2), a_deploy(3 * WEEK - 8)])
    assert code.deployment_frequency == DoraFigure(value=2 / 3, n=3)
    assert model.deployment_frequency == DoraFigure(value=0.0, n=3)
    assert both.deployment_frequency == code.deployment_frequency


def test_frequency__counts_from_the_week_of_the_first_known_record() -> None:
    code, model, both = figures([a_deploy(WEEK + 1), a_deploy(2 * WEEK)], [a_ship(2 * WEEK + 1)])
    assert code.deployment_frequency == DoraFigure(value=1.0, n=2)
    assert model.deployment_frequency == DoraFigure(value=1.0, n=1)
    assert both.deployment_frequency == DoraFigure(value=1.5, n=2)


def test_frequency__without_any_record_is_no_data() -> None:
    assert {item.deployment_frequency for item in figures([])} == {NOTHING}
    code, *_ = figures([a_deploy(3 * WEEK - 8)])
    assert code.deployment_frequency == NOTHING


@pytest.mark.parametrize(("since", "n"), [(-9, 3), (-8, 2), (WEEK - 9, 2), (WEEK, 1), (3 * WEEK - 8, 0)])
def test_frequency__of_observed_models_counts_weeks_observed_from_their_start_on(since: int, n: int) -> None:
    ships = [a_ship(0, maybe_live_before=True), *(a_ship(week * WEEK + 50) for week in range(3))]
    code, model, _ = figures([a_deploy(0)], ships, observed_since=at(since))
    assert code.deployment_frequency.n == 3
    assert model.deployment_frequency == (DoraFigure(value=1.0, n=n) if n else NOTHING)


def test_lead_time__of_code_is_the_median_over_commits_and_not_over_deploys() -> None:
    commits = {"a": [at(0), at(8), at(9)], "b": [at(18)]}
    code, model, both = figures([a_deploy(10, "a"), a_deploy(20, "b")], commits=commits)
    assert code.lead_time_hours == DoraFigure(value=2.0, n=4)
    assert (model.lead_time_hours, both.lead_time_hours) == (NOTHING, DoraFigure(value=2.0, n=4))


def test_lead_time__of_a_commit_counts_at_its_first_deploy_only() -> None:
    rolled_forward = [a_deploy(1, "a"), a_deploy(10, "b"), a_deploy(11, "a"), a_deploy(30, "b")]
    code, *_ = figures(rolled_forward, commits={"b": [at(9)]})
    assert code.lead_time_hours == DoraFigure(value=1.0, n=1)


def test_lead_time__of_a_deploy_before_the_window_is_not_in_it() -> None:
    code, *_ = figures([a_deploy(-100, "a"), a_deploy(5, "b"), a_deploy(9, "a")], commits={"a": [at(-500)]})
    assert code.lead_time_hours == NOTHING


def test_lead_time__of_a_model_is_from_the_start_of_its_training() -> None:
    ships = [a_ship(10, "1", id="m1"), a_ship(20, "2", id="m2")]
    _, model, both = figures([], ships, trainings={"m1": at(4), "m2": at(10)})
    assert model.lead_time_hours == both.lead_time_hours == DoraFigure(value=8.0, n=2)


def test_lead_time__is_never_negative() -> None:
    """A committer's clock may be wrong."""
    code, *_ = figures([a_deploy(10, "a")], commits={"a": [at(12)]})
    assert code.lead_time_hours == DoraFigure(value=0.0, n=1)


def test_fail_rate__counts_a_deploy_once_however_many_incidents_it_caused() -> None:
    code, model, both = figures([a_deploy(0), a_deploy(100)], [a_ship(50)], [an_incident(1), an_incident(2)])
    assert code.change_fail_rate == DoraFigure(value=0.5, n=2)
    assert model.change_fail_rate == DoraFigure(value=0.0, n=1)
    assert both.change_fail_rate == DoraFigure(value=1 / 3, n=3)


def test_ambiguous__is_a_failure_of_both_together_and_of_neither_alone() -> None:
    code, model, both = figures([a_deploy(10)], [a_ship(10.25)], [an_incident(11, hours=2)])
    assert (code.change_fail_rate.value, model.change_fail_rate.value) == (0, 0)
    assert both.change_fail_rate == DoraFigure(value=0.5, n=2)
    assert (code.recovery_hours, both.recovery_hours) == (NOTHING, DoraFigure(value=2.0, n=1))


def test_recovery__is_of_attributed_resolved_incidents() -> None:
    incidents = [
        an_incident(1, hours=2),
        an_incident(2, hours=None),
        an_incident(80, hours=50),
        an_incident(-50, hours=9),
    ]
    code, _, both = figures([a_deploy(0)], [], incidents)
    assert code.recovery_hours == both.recovery_hours == DoraFigure(value=2.0, n=1)


def test_rework__is_rollbacks_and_the_last_event_while_an_incident_was_open() -> None:
    code = [a_deploy(0, "a"), a_deploy(10, "b"), a_deploy(12, "c"), a_deploy(13, "d"), a_deploy(30, "c")]
    result, model, both = figures(code, [a_ship(11)], [an_incident(10.5, hours=2), an_incident(10.6, hours=1.8)])
    # `c` mended both incidents, `c` again at 30 is a rollback; four deploys.
    assert result.rework_rate == DoraFigure(value=0.5, n=4)
    assert model.rework_rate == DoraFigure(value=0.0, n=1)
    assert both.rework_rate == DoraFigure(value=0.4, n=5)


def test_rework__a_rollback_that_ended_an_incident_counts_once() -> None:
    code, *_ = figures([a_deploy(0, "a"), a_deploy(10, "b"), a_deploy(11, "a")], [], [an_incident(10.5, hours=1)])
    assert code.rework_rate == DoraFigure(value=0.5, n=2)


def test_rework__nothing_is_known_to_mend_an_open_incident() -> None:
    code, *_ = figures([a_deploy(0), a_deploy(10)], [], [an_incident(1, hours=None)])
    assert code.rework_rate == DoraFigure(value=0.0, n=2)


def test_window__begins_with_its_first_instant() -> None:
    """T0 is nine o'clock on the Monday of the first of four weeks."""
    code, *_ = figures([a_deploy(-9), a_deploy(-9 - 1 / 3600)], [], [an_incident(-9, hours=3), an_incident(-10)])
    assert code.change_fail_rate == DoraFigure(value=1.0, n=1)
    assert code.recovery_hours == DoraFigure(value=3.0, n=1)


def test_provisional__release_has_not_happened() -> None:
    code, *_ = figures([a_provisional_deploy(3 * WEEK)], [], [])
    assert (code.change_fail_rate, code.lead_time_hours) == (NOTHING, NOTHING)


def test_incidents__that_are_not_known_leave_no_rate() -> None:
    code, *_ = figures([a_deploy(0)], [], None)
    assert (code.change_fail_rate, code.recovery_hours, code.rework_rate) == (NOTHING, NOTHING, NOTHING)
    assert code.deployment_frequency.n == 3


def test_models__that_were_not_read_leave_neither_theirs_nor_both() -> None:
    code, model, both = figures([a_deploy(0)], known=[EventType.CODE])
    assert code.deployment_frequency.n == 3
    assert (model, both) == (Dora(kind="MODEL"), Dora(kind="both"))


QUARTERS = st.integers(-4 * 30, 4 * 3 * WEEK).map(lambda n: n / 4)
"""Half an hour decides between two causes."""

HOURS = QUARTERS | st.integers(0, 12).map(lambda n: 100 + n / 4)
"""Many of them close together: else no event follows another within the half hour."""


@pytest.mark.matrix
@settings(max_examples=50)
@given(
    st.lists(st.tuples(HOURS, st.sampled_from("abcde")), max_size=12),
    st.lists(st.tuples(HOURS, st.integers(1, 6)), max_size=8),
    st.lists(st.tuples(HOURS, st.one_of(st.none(), st.integers(1, 60))), max_size=8),
    st.dictionaries(st.sampled_from("abcde"), st.lists(HOURS, max_size=3)),
)
def test_figures__are_what_the_rules_say_row_by_row(
    deploys: list[tuple[int, str]],
    ships: list[tuple[int, int]],
    broken: list[tuple[int, int | None]],
    committed: dict[str, list[int]],
) -> None:
    code = [a_deploy(h, sha, id=f"d{n}") for n, (h, sha) in enumerate(deploys)]
    models = [a_ship(h, str(v), id=f"m{n}") for n, (h, v) in enumerate(ships)]
    incidents = [an_incident(h, hours=took, id=f"i{n:02}") for n, (h, took) in enumerate(broken)]
    commits = {sha: [at(h) for h in hours] for sha, hours in committed.items()}
    trainings = {f"m{n}": at(h - 5) for n, (h, _) in enumerate(ships) if n % 2}
    result = figures(code, models, incidents, commits=commits, trainings=trainings)
    assert [as_numbers(figure) for figure in result] == [
        as_numbers(brute_force(kinds, name, code, models, incidents, commits, trainings))
        for kinds, name in ((["CODE"], "CODE"), (["MODEL"], "MODEL"), (["CODE", "MODEL"], "both"))
    ]


def as_numbers(figure: Dora) -> dict[str, tuple[float | None, int]]:
    result = {name: getattr(figure, name) for name in DORA_UNITS}
    return {name: (None if f.value is None else round(f.value, 9), f.n) for name, f in result.items()}


def brute_force(  # noqa: PLR0917
    kinds: list[str],
    name: str,
    code: list[CodeRecord],
    models: list[ModelRecord],
    incidents: list[Incident],
    commits: Mapping[str, Sequence[datetime]],
    trainings: Mapping[str, datetime],
) -> Dora:
    """The same figures without a frame: only the kinds of the events are taken from the timeline."""
    rows = timeline.timeline(code, models, service=SERVICE, until=NOW).to_dict("records")
    inside = [row for row in rows if row["ts"] >= WINDOW.since and row["type"] in kinds]
    known_at = [row["ts"] for row in rows]
    deploys = [row for row in inside if row["kind"] in ("deploy", "ship")]
    started = [item for item in incidents if item.start <= NOW]
    ended = {item.id: item.end if item.end is not None and item.end <= NOW else None for item in started}
    causes = {item.id: cause_of(item, rows) for item in started}
    mine = [
        item
        for item in started
        if item.start >= WINDOW.since and causes[item.id][0] in (*kinds, "AMBIGUOUS" if name == "both" else "")
    ]
    failed = {causes[item.id][1] for item in mine}
    fixes = {row["id"] for row in inside if row["kind"] == "rollback"}
    for item in started:
        end = ended[item.id]
        known = [r for r in rows if r["ts"] >= WINDOW.since and r["kind"] in ("deploy", "ship", "rollback")]
        before = [row for row in known if end is not None and row["ts"] <= end]
        if before and before[-1]["ts"] > item.start:
            fixes.add(before[-1]["id"])
    leads = []
    seen: set[str] = set()
    for row in rows:
        if row["type"] == "CODE" and row["kind"] == "deploy" and row["sha"] not in seen:
            seen.add(row["sha"])
            if row in deploys:
                leads += [max(0.0, (row["ts"] - commit) / HOUR) for commit in commits.get(row["sha"], ())]
        if row["type"] == "MODEL" and row in deploys and row["id"] in trainings:
            leads.append((row["ts"] - trainings[row["id"]]) / HOUR)
    took = [(end - item.start) / HOUR for item in mine if (end := ended[item.id]) is not None]
    n = len(deploys)
    rework = [row for row in inside if row["id"] in fixes]
    return Dora(
        kind=name,
        deployment_frequency=frequency(deploys, [row["ts"] for row in rows if row["type"] in kinds] or known_at),
        lead_time_hours=DoraFigure(value=statistics.median(leads), n=len(leads)) if leads else NOTHING,
        change_fail_rate=DoraFigure(value=sum(row["id"] in failed for row in deploys) / n, n=n) if n else NOTHING,
        recovery_hours=DoraFigure(value=statistics.median(took), n=len(took)) if took else NOTHING,
        rework_rate=DoraFigure(value=len(rework) / n, n=n) if n else NOTHING,
    )


def frequency(deploys: list[dict[Hashable, Any]], known: list[datetime]) -> DoraFigure:
    """Deploys a week over the complete ones of the three weeks, from that of the first known record on."""
    begins = [at(n * WEEK - 9) for n in range(4)]
    counted = [n for n in range(3) if known and begins[n + 1] > min(known)]
    deployed = sum(begins[n] <= row["ts"] < begins[n + 1] for row in deploys for n in counted)
    return DoraFigure(value=deployed / len(counted), n=len(counted)) if counted else NOTHING


HOUR = timedelta(hours=1)


def cause_of(incident: Incident, rows: list[dict[Hashable, Any]]) -> tuple[str, str | None]:
    """Type and id of the latest event in the 24 hours before; AMBIGUOUS within 30 minutes of the other type."""
    before = [row for row in rows if timedelta() <= incident.start - row["ts"] <= timedelta(hours=24)]
    if not before:
        return "UNATTRIBUTED", None
    winner = before[-1]
    others = [row for row in before if row["type"] != winner["type"]]
    if others and winner["ts"] - others[-1]["ts"] <= timedelta(minutes=30):
        return "AMBIGUOUS", winner["id"]
    return winner["type"], winner["id"]
