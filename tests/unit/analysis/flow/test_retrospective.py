"""The retrospective: two questions answered from the data, one action, and what became of the last one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from flowjoy.analysis.flow.advice import advise
from flowjoy.analysis.flow.retrospective import Retrospective, retrospective
from flowjoy.analysis.flow.weeks import week_of
from flowjoy.domain import Action, Obligation, Status, Week, Window
from tests.builders import an_obligation, at
from tests.unit.analysis.flow.test_advice import SEED
from tests.unit.analysis.flow.test_divergence_and_spikes import a_week


def answers(
    weeks: Sequence[Week] = (), owed: Sequence[Obligation] = (), past: Sequence[Action] = (), *, hours: float = 500
) -> Retrospective:
    advice = advise(weeks, (), drift_is_checked=False, untagged=None, divergence_percent=50)
    return retrospective(weeks, owed, advice, past, window=a_window(at(-200), at(hours)))


def a_window(since: datetime, until: datetime) -> Window:
    return Window(since=since, until=until, timezone="UTC", weeks=4)


def an_action(week: datetime, key: str = "packaging", value: float | None = 5.0) -> Action:
    return Action(week=week, key=key, do="package", measure="gap", value=value)


def test_gap__is_the_widest_week_and_its_mttr_against_the_others() -> None:
    gap = answers(SEED).gap
    assert gap is not None
    assert (gap.week.label, gap.week.mttr_hours, gap.n) == ("Jun 10", 2.0, 2)
    assert gap.others_hours == pytest.approx(1.4)


def test_gap__of_two_as_wide_is_the_newer_and_the_running_week_is_none() -> None:
    gap = answers(
        [a_week(0, code=5, model=2), a_week(1, code=5, model=2), a_week(2, code=9, model=0, partial=True)]
    ).gap
    assert gap is not None
    assert gap.week.label == "Jun 10"
    assert answers([a_week(0), a_week(1, code=2, model=4)]).gap is None


def test_gap__is_of_weeks_that_were_counted() -> None:
    gap = answers([a_week(0, code=5, model=2), a_week(1, code=9, model=0, models_known=False)]).gap
    assert gap is not None
    assert gap.week.label == "Jun 03"


def owed(model: str, status: Status, lag: float | None = 1.0, hours: float = 0, **changes: Any) -> Obligation:
    start = at(hours)
    shipped = None if lag is None else at(hours + lag)
    return an_obligation(
        hours, status=status, model=model, id=f"{start}/{model}", shipped_at=shipped, closed_at=shipped, **changes
    )


def test_bottleneck__is_the_model_with_the_largest_share_of_misses() -> None:
    jam = answers(owed=[
        owed("ranker", Status.MET, 40),
        owed("recommender", Status.LATE, 60),
        owed("recommender", Status.MET, 1, hours=5),
    ]).jam  # fmt: skip
    assert jam is not None
    assert (jam.model, jam.owed, jam.missed, jam.open) == ("recommender", 2, 1, 0)


def test_bottleneck__where_nothing_is_missed_is_the_slowest() -> None:
    jam = answers(owed=[owed("ranker", Status.MET, 40), owed("recommender", Status.MET, 1)]).jam
    assert jam is not None
    assert (jam.model, jam.missed) == ("ranker", 0)


def test_bottleneck__counts_the_window_and_owed_models() -> None:
    assert (
        answers(owed=[owed("ranker", Status.BREACHED, None, hours=-300), owed("toy", Status.NOT_REQUIRED)]).jam is None
    )


def test_bottleneck__is_the_share_that_is_missed_and_not_the_number() -> None:
    ranker = [owed("ranker", Status.LATE if n < 2 else Status.MET, 60, hours=n) for n in range(10)]
    recommender = [owed("recommender", Status.LATE if n < 1 else Status.MET, 60, hours=n) for n in range(2)]
    jam = answers(owed=[*ranker, *recommender]).jam
    assert jam is not None
    assert jam.model == "recommender"


def test_gap__of_one_is_a_gap() -> None:
    gap = answers([a_week(0, code=5, model=4)]).gap
    assert gap is not None


def test_action__is_the_first_recommendation() -> None:
    action = answers(SEED).action
    assert action is not None
    assert action.key == "packaging"
    assert answers([a_week(0)]).action is None


def test_last_action__is_measured_again() -> None:
    earlier = [an_action(at(-9)), an_action(at(-9 + 168), value=4.0)]
    result = answers(SEED, past=earlier)
    assert result.before == earlier[1]
    assert result.measured == 1.0
    assert answers(SEED, past=[an_action(at(-9), "on-call", 2.0)]).measured == 1.2
    assert answers(SEED, past=[an_action(at(-9), "drift", 3.0)]).measured == 0.0
    assert answers([], past=earlier).measured is None
    calm = [a_week(0, code=5, model=4, mttr=1.0)]
    assert answers(calm, past=[an_action(at(-9), "on-call")]).measured == 1.0
    assert answers(calm, past=[an_action(at(-9), "stub")]).measured == 1.0


def test_last_action__is_not_measured_by_what_nobody_read() -> None:
    unread = [a_week(0), a_week(1, code=9, model=0, models_known=False)]
    assert answers(unread, past=[an_action(at(-200))]).measured is None
    result = retrospective(
        [a_week(0)], (), (), [an_action(at(-200), "drift")], window=a_window(at(), at(9)), unread=["drift"]
    )
    assert (result.before is not None, result.measured) == (True, None)


def test_action__of_this_very_week_is_not_the_last_one() -> None:
    assert answers(SEED, past=[an_action(week_of(at(500), "UTC"))]).before is None


@pytest.mark.parametrize(("stamp", "timezone", "monday"), [
    ("2024-06-03T00:00:00", "UTC", "2024-06-03T00:00:00"),
    ("2024-06-09T23:59:59", "UTC", "2024-06-03T00:00:00"),
    ("2024-06-02T23:00:00", "Europe/Berlin", "2024-06-02T22:00:00"),
    ("2024-04-01T12:00:00", "Europe/Berlin", "2024-03-31T22:00:00"),
    ("2024-03-31T12:00:00", "Europe/Berlin", "2024-03-24T23:00:00"),
])  # fmt: skip
def test_week__begins_on_the_local_monday(stamp: str, timezone: str, monday: str) -> None:
    instant = datetime.fromisoformat(stamp).replace(tzinfo=UTC)
    assert week_of(instant, timezone) == datetime.fromisoformat(monday).replace(tzinfo=UTC)
