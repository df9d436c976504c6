"""The first ship that satisfies a pin, compared with reading the events one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.analysis.promise.first_ship import first_live, first_since
from flowjoy.analysis.promise.microseconds import NEVER

Event = tuple[int, int, bool]
"""Not before, seen by, and whether the version fits."""

EXACT = st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=6)
SPANS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.booleans()), max_size=4)
"""The time since the event before, the length of the window, and whether the version fits.

Windows of one model do not overlap: a run observes one state, and the next window begins there.
"""
STARTS = st.lists(st.integers(0, 10), min_size=1, max_size=4)


def timeline(events: list[Event]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The columns of events in timeline order."""
    ordered = sorted(events, key=lambda event: event[1])
    earliest, latest, fits = (np.array([event[n] for event in ordered]) for n in range(3))
    return earliest.astype(np.int64), latest.astype(np.int64), fits.astype(bool)


def live_from(events: list[tuple[int, bool]], start: int) -> int:
    """When the version that is live from `start` on is first one that fits: at its own ship."""
    before = [event for event in events if event[0] < start]
    if before and before[-1][1]:
        return before[-1][0]
    return min((at for at, fits in events if fits and at >= start), default=int(NEVER))


@given(drawn=EXACT, starts=STARTS)
def test_exact_times__a_fitting_version_counts_once_it_is_live(
    drawn: list[tuple[int, bool]], starts: list[int]
) -> None:
    events = sorted(drawn, key=lambda event: event[0])
    columns = timeline([(at, at, fits) for at, fits in events])
    found = first_live(*columns, np.array(starts, dtype=np.int64))
    expected = [live_from(events, start) for start in starts]
    assert found.earliest.tolist() == found.latest.tolist() == expected
    for indices in (found.earliest_index, found.latest_index):
        for index, at in zip(indices.tolist(), expected, strict=True):
            assert (index == -1) if at == NEVER else events[index] == (at, True)


@given(drawn=EXACT, starts=STARTS)
def test_exact_times__the_first_ship_since_an_instant_is_the_smallest(
    drawn: list[tuple[int, bool]], starts: list[int]
) -> None:
    earliest, latest, _ = timeline([(at, at, True) for at, _ in drawn])
    found = first_since(earliest, latest, np.array(starts, dtype=np.int64))
    times = sorted(at for at, _ in drawn)
    expected = [min((at for at in times if at >= start), default=int(NEVER)) for start in starts]
    assert found.earliest.tolist() == found.latest.tolist() == expected


@given(drawn=SPANS, start=st.integers(0, 10))
def test_observed_times__whenever_the_ships_really_happened_the_bounds_hold(
    drawn: list[tuple[int, int, bool]], start: int
) -> None:
    events: list[Event] = []
    for gap, length, fits in drawn:
        first = gap + (events[-1][1] if events else 0)
        events.append((first, first + length, fits))
    found = first_live(*timeline(events), np.array([start], dtype=np.int64))
    low, high = int(found.earliest[0]), int(found.latest[0])
    for times in product(*(range(first, last + 1) for first, last, _ in events)):
        really = sorted(zip(times, (fits for *_, fits in events), strict=True), key=lambda event: event[0])
        # A version that is live before the code counts at its own ship: how long before makes no difference.
        at = max(live_from(really, start), start - 1)
        assert max(low, start - 1) <= at <= max(high, start - 1)
