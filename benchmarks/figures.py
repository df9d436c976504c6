"""Compares frames with a loop over rows, as a ratio of their times: python benchmarks/figures.py [EVENTS] [INCIDENTS].

For each incident, the loop searches every event for the nearest one, as a first script would. Seconds differ between
machines, the ratio much less. The loop runs on a share of the incidents and is scaled up.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from flowjoy.analysis import event_columns, timeline
from flowjoy.analysis.flow.dora import ChangeStarts, dora
from flowjoy.analysis.flow.incidents import match_incidents
from flowjoy.analysis.flow.weeks import week_table, window_of
from flowjoy.domain import CodeRecord, EventType, Incident, ModelRecord

START, WEEKS, LOOPED = datetime(2024, 6, 3, tzinfo=UTC), 52, 200
_T = TypeVar("_T")


def timed(what: str, work: Callable[[], _T], scale: float = 1) -> tuple[_T, float]:
    """Return the result of `work`, and its best time of three, multiplied by `scale`."""
    best = float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - begun)
    print(f"{what:<44} {best * scale:>9.3f} s")
    return result, best * scale


def main(count: int, troubled: int) -> int:
    """Make a year of events, time each step, print the ratio."""
    chance = np.random.default_rng(7)
    span = WEEKS * 7 * 24 * 3600
    stamps = [START + timedelta(seconds=int(s)) for s in np.sort(chance.integers(0, span, count))]
    code = [
        CodeRecord(id=f"d{n}", service="shop", environment="production", sha=f"{n:040x}", shipped_at=at)
        for n, at in enumerate(stamps)
        if n % 3
    ]
    models = [
        ModelRecord(id=f"m{n}", name="recommender", version=str(n + 1), shipped_at=at)
        for n, at in enumerate(stamps[::3])
    ]
    begun = [START + timedelta(seconds=int(s)) for s in chance.integers(0, span, troubled)]
    outages = [
        Incident(id=f"i{n}", source="file", service="shop", start=at, end=at + timedelta(hours=1))
        for n, at in enumerate(begun)
    ]
    until = START + timedelta(seconds=span)
    window = window_of(until, weeks=WEEKS, timezone="UTC")
    events, _ = timed("timeline", lambda: timeline.timeline(code, models, service="shop", until=until))
    incidents = timeline.incident_frame(outages, until=until)
    matched, quick = timed("matching", lambda: match_incidents(incidents, events, match_hours=24))
    timed("week table", lambda: week_table(events, incidents, window, divergence_percent=50))
    timed("DORA", lambda: dora(events, matched, window, starts=ChangeStarts(), known=list(EventType)))
    some = incidents.head(LOOPED)

    def loop() -> list[datetime]:
        stamps = events[event_columns.TS]
        return [stamps.iloc[(stamps - at).abs().argmin()] for at in some[event_columns.START]]

    nearest, slow = timed("matching, a loop over rows (scaled up)", loop, len(incidents) / len(some))
    pairs = zip(nearest, matched["nearest_ts"].head(LOOPED), some[event_columns.START], strict=True)
    if any(abs(one - start) != abs(other - start) for one, other, start in pairs):
        raise SystemExit("the two do not match alike")
    print(f"matching {len(incidents):,} incidents to {len(events):,} events: {slow / quick:,.0f} times as fast")
    return 0


if __name__ == "__main__":
    sizes = [int(text) for text in sys.argv[1:3]]
    sys.exit(main(*[*sizes, *[100_000, 10_000][len(sizes) :]]))
