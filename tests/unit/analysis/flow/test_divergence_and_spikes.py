"""Trends of the week table."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from flowjoy.analysis.flow.divergence_and_spikes import escalated, spikes_of
from flowjoy.analysis.flow.weeks import is_healthy
from flowjoy.domain import ModelGap, Week
from flowjoy.domain.weeks import recent_weeks


def a_week(number: int = 0, *, code: int = 5, model: int = 5, mttr: float | None = 1.0, **changes: Any) -> Week:
    """Week `number` after Jun 03; complete, and diverging by the rule of 50 %."""
    gap = code - model
    ordinary: dict[str, Any] = {
        "week": date(2024, 6, 3) + timedelta(weeks=number),
        "code_deploys": code,
        "model_deploys": model,
        "gap": gap,
        "incidents": 0 if mttr is None else 1,
        "resolved": 0 if mttr is None else 1,
        "mttr_hours": mttr,
        "mttr_median_hours": mttr,
        "mttr_p90_hours": mttr,
        "partial": False,
        "diverges": code >= 1 and gap * 2 > code,
    }
    return Week(**{**ordinary, **changes})


def weeks(*mttr: float | None) -> list[Week]:
    return [a_week(n, mttr=hours) for n, hours in enumerate(mttr)]


def spiking(*mttr: float | None, factor: float = 2) -> list[tuple[int, bool, bool]]:
    result = spikes_of(weeks(*mttr), factor=factor)
    return [((s.week.week - date(2024, 6, 3)).days // 7, s.sudden, s.trending) for s in result]


@pytest.mark.parametrize(("hours", "result"), [
    ([1.0, 2.0], [(1, False, True)]),
    ([1.0, 1.99], []),
    ([1.0, 2.01], [(1, True, True)]),
    ([0.5, 1.1], [(1, True, False)]),
    ([2.5, 2.5], []),
    ([2.5, 2.4], []),
    ([9.0], []),
    ([None, 9.0], []),
    ([1.0, None, 2.1], [(2, True, True)]),
    ([1.6, 2.0, 1.2], [(1, False, True)]),
])  # fmt: skip
def test_spike__is_twice_the_usual_or_rising_to_two_hours(hours: list[float | None], result: Any) -> None:
    assert spiking(*hours) == result


def test_spike__the_usual_is_the_median_of_the_four_weeks_with_data_before() -> None:
    assert spiking(9.0, 9.0, 9.0, 9.0, 9.0, 1.0, 1.0, None, 1.0, 1.0, 2.1) == [(10, True, True)]
    # The median of 1, 1, 3 and 3 is 2; with one more 1 it would be 1, and 1.9 a spike.
    assert [result for result in spiking(1.0, 1.0, 1.0, 3.0, 3.0, 1.9, factor=1.5) if result[0] == 5] == []
    assert spiking(0.3, 0.4, 0.4, 0.8) == []
    assert spiking(0.3, 0.4, 0.4, 0.8, factor=1.9) == [(3, True, False)]


def test_spike__the_running_week_says_nothing() -> None:
    weeks = [a_week(0, mttr=1.0), a_week(1, mttr=9.0, partial=True)]
    assert spikes_of(weeks, factor=2) == ()
    assert recent_weeks(weeks) == (weeks[0],)


def test_escalation__is_the_second_diverging_week_running() -> None:
    apart, even = {"code": 9, "model": 4}, {"code": 5, "model": 5}
    assert escalated([a_week(0, **apart), a_week(1, **apart)]) == a_week(1, **apart)
    assert escalated([a_week(0, **apart), a_week(1, **even)]) is None
    assert escalated([a_week(0, **apart), a_week(1, **even), a_week(2, **apart)]) is None
    assert escalated([a_week(0, **apart), a_week(1, **apart), a_week(2, **even)]) is None
    assert escalated([a_week(0, **apart), a_week(1, **apart), a_week(2, **even, partial=True)]) is not None
    assert escalated([]) is None


@pytest.mark.parametrize(("week", "well"), [
    (a_week(code=7, model=6, mttr=1.2), True),
    (a_week(code=7, model=5, mttr=1.49), True),
    (a_week(code=7, model=4, mttr=1.2), False),
    (a_week(code=1, model=1, mttr=1.2), True),
    (a_week(code=7, model=6, mttr=1.5), False),
    (a_week(code=7, model=9, mttr=None), True),
    (a_week(code=0, model=0, mttr=None), False),
    (a_week(code=7, model=7, mttr=None, incidents=None), False),
    (a_week(code=7, model=7, mttr=None, incidents=1), False),
    (a_week(code=7, model=7, mttr=1.2, models_known=False), False),
    (a_week(code=7, model=7, mttr=1.2, code_known=False), False),
])  # fmt: skip
def test_health__is_models_within_two_and_an_mttr_below_one_and_a_half_hours(week: Week, well: bool) -> None:  # noqa: FBT001
    assert is_healthy(week, [a_week(1, mttr=9.0)]) is well


def test_health__of_a_week_without_incidents_needs_one_whose_mttr_is_known() -> None:
    calm = a_week(mttr=None)
    assert not is_healthy(calm, [calm, a_week(1, mttr=None)])
    assert is_healthy(calm, [calm, a_week(1, mttr=1.9)])


def test_health__depends_on_the_model_that_is_furthest_behind() -> None:
    jammed = ModelGap(model="ranker", code_deploys=5, ships=2)
    assert not is_healthy(a_week(code=5, model=20, gap=3, furthest=jammed, models=2), [])
    assert not is_healthy(a_week(code=5, model=20, observed=False, diverges=False), [])
