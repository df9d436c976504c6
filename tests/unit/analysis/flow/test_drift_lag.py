"""Drift lag: hours from a code deploy to the next ship; a clock that runs counts with what has passed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.analysis.flow.drift_lag import DriftLag, Hours, drift_lag
from flowjoy.domain import Obligation, Status
from tests.builders import an_obligation, at

NOW = at(200)


def owed(hours: float, shipped: float | None = None, status: Status = Status.MET, **more: object) -> Obligation:
    """An obligation that was met `shipped` hours after T0."""
    end = None if shipped is None else at(shipped)
    return an_obligation(hours, status=status, shipped_at=end, **{"closed_at": end, **more})


def lag_of(*items: Obligation, latest: str | None = None, since: float = -1000) -> DriftLag:
    return drift_lag(items, latest, since=at(since), as_of=NOW)


def test_lag__is_the_time_to_the_ship() -> None:
    result = lag_of(owed(0, 10), owed(20, 50), owed(60, 80))
    assert (result.median, result.n, result.unshipped) == (Hours(value=20), 3, 0)
    assert result.p90 is not None
    assert result.p90.value == pytest.approx(28)


@given(hours=st.lists(st.integers(0, 10_000_000).map(lambda seconds: seconds / 3600), min_size=1, max_size=40))
def test_lag__quantiles_are_those_of_numpy_to_the_last_bit(hours: list[float]) -> None:
    items = [owed(0, taken) for taken in hours]
    exact = [(item.shipped_at - item.start).total_seconds() / 3600 for item in items if item.shipped_at is not None]
    result = lag_of(*items)
    assert (result.median, result.p90) == tuple(Hours(value=float(np.quantile(exact, share))) for share in (0.5, 0.9))


def test_lag__met_before_the_start_is_0() -> None:
    assert lag_of(owed(10, 5)).median == Hours(value=0)


def test_lag__of_a_team_that_never_ships_is_what_has_passed() -> None:
    items = [owed(hours, status=Status.BREACHED) for hours in (0, 100, 190)]
    assert lag_of(*items).median == Hours(value=100, at_least=True)
    assert lag_of(*items).unshipped == 3


def test_lag__a_clock_that_runs_above_the_median_does_not_blur_it() -> None:
    result = lag_of(owed(0, 10), owed(20, 30), owed(40, 50), owed(0, status=Status.BREACHED))
    assert result.median == Hours(value=10)
    assert result.p90 is not None
    assert result.p90.at_least


def test_lag__a_young_clock_may_yet_become_the_longest() -> None:
    """One hour so far says nothing about the median: it is known only to be at least that."""
    assert lag_of(owed(0, 10), owed(20, 40), owed(199, status=Status.PENDING)).median == Hours(value=10, at_least=True)


def test_lag__of_an_observed_ship_keeps_both_bounds() -> None:
    seen = owed(0, 60, status=Status.UNDETERMINED, not_before=at(41))
    assert lag_of(seen).median == Hours(value=60, low=41)
    assert lag_of(owed(50, 60, not_before=at(41))).median == Hours(value=10, low=0)
    assert lag_of(owed(60, 60, not_before=at(41))).median == Hours(value=0)
    both = lag_of(replace(seen, code_id="deployment:7"), owed(0, 50, code_id="deployment:7"), latest="deployment:7")
    assert both.current == Hours(value=60, low=50)
    # A clock that runs may yet become the longest: only the lower bound is known.
    open_too = lag_of(seen, owed(199, status=Status.PENDING)).median
    assert open_too == Hours(value=21, at_least=True)


def test_current__is_that_of_the_latest_deploy_s_slowest_model() -> None:
    fast, slow = owed(0, 10, code_id="deployment:7"), owed(0, status=Status.PENDING, code_id="deployment:7")
    assert lag_of(fast, slow, owed(50, 51), latest="deployment:7").current == Hours(value=200, at_least=True)


def test_window__is_of_deploys_since_then_and_current_whenever_it_was() -> None:
    result = lag_of(owed(0, 10, code_id="deployment:7"), latest="deployment:7", since=100)
    assert (result.n, result.median, result.current) == (0, None, Hours(value=10))


@pytest.mark.parametrize("status", [Status.NOT_REQUIRED, Status.CANCELLED, Status.UNKNOWN, Status.UNDECLARED])
def test_lag__of_what_owes_nothing_is_not_measured(status: Status) -> None:
    assert lag_of(owed(0, status=status)) == DriftLag(current=None, median=None, p90=None, n=0, unshipped=0)


def test_lag__of_this_very_run_s_release_is_not_measured() -> None:
    assert lag_of(owed(0, status=Status.PENDING, provisional=True)).n == 0


def test_lag__that_ended_by_a_rollback_after_the_deadline_is_at_least_that_long() -> None:
    assert lag_of(owed(0, status=Status.LATE, closed_at=at(60))).median == Hours(value=60, at_least=True)
