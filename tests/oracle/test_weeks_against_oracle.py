"""The week table and a brute-force reading of its rules agree on random histories, model by model."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time, timedelta

import pytest

from flowjoy.analysis.flow.weeks import week_table, window_of
from flowjoy.analysis.timeline import incident_frame, timeline
from tests.oracle import promise
from tests.oracle.test_promise_against_oracle import T0, History

WEEKS = 3
HISTORIES_A_SEED = 30


@pytest.mark.matrix
@pytest.mark.parametrize("percent", [0, 50])
@pytest.mark.parametrize("seed", range(3))
def test_weeks__agree_with_the_brute_force_reading_on_every_history(seed: int, percent: int) -> None:
    diverging = 0
    for n in range(HISTORIES_A_SEED):
        history = History(10_000 + seed * HISTORIES_A_SEED + n)
        window = window_of(history.as_of, weeks=WEEKS, timezone="UTC")
        expected = promise.week_table(
            codes=history.codes,
            ships=history.ships,
            incidents=[],
            since_monday=window.since.date(),
            weeks=WEEKS,
            tz="UTC",
            as_of=history.as_of,
            requirements=history.requirements,
            default=history.default,
            percent=percent,
        )
        result = week_table(
            timeline(history.code_records(), history.model_records(), service="shop", until=history.as_of),
            incident_frame([], until=history.as_of),
            window,
            divergence_percent=percent,
            dependencies=history.dependence(),
        )
        assert [(week.week, week.code_deploys, week.model_deploys, week.gap) for week in result] == [
            (row.monday, row.code_deploys, row.model_ships, row.gap) for row in expected
        ], f"seed {seed}, history {n}"
        for week, row in zip(result, expected, strict=True):
            named = week.lagging.model if week.lagging is not None else None
            assert named in row.lagging if row.lagging else named is None
            assert week.diverges == bool(row.lagging)
            diverging += week.diverges
    assert diverging > 0  # the histories can tell


@pytest.mark.parametrize("seed", range(2))
def test_weeks__before_the_first_observation_of_a_model_are_unknown_and_never_diverge(seed: int) -> None:
    pick = random.Random(seed)  # noqa: S311  (repeatable, not secret)
    for n in range(HISTORIES_A_SEED):
        history = History(20_000 + seed * HISTORIES_A_SEED + n, observed=True)
        first_look = T0 + timedelta(days=pick.randrange(-7, 14))
        models = set(history.default).union(*history.requirements.values())
        result = week_table(
            timeline(history.code_records(), history.model_records(), service="shop", until=history.as_of),
            incident_frame([], until=history.as_of),
            window_of(history.as_of, weeks=WEEKS, timezone="UTC"),
            divergence_percent=50,
            dependencies=history.dependence(),
            observed_since=dict.fromkeys(models, first_look),
        )
        for week in result:
            if week.code_deploys == 0 and models:
                assert week.observed == (datetime.combine(week.week, time.min, tzinfo=UTC) >= first_look)
            assert week.observed or not week.diverges
