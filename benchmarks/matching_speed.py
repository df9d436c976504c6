"""Matching of incidents to deploys: python benchmarks/matching_speed.py.

A million deploys and a hundred thousand incidents, compared with the same answers by joins of pandas: for each incident
the nearest deploy, the last one, and the last one of each type.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.pairs import PAIRS, Row, cost_of, in_pairs, peak_mib, show
from flowjoy.analysis.event_columns import END, ID, PROVISIONAL, START, TS, TYPE
from flowjoy.analysis.flow.incidents import CAUSE_ID, MTTR_HR, NEAREST_ID, OTHER_ID, RUNNER_UP_ID, match_incidents
from flowjoy.domain import EventType

EVENTS, INCIDENTS, YEAR = 1_000_000, 100_000, 365 * 24 * 3600
REACH, CLOSE = pd.Timedelta(hours=24), pd.Timedelta(minutes=30)


def frames(share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a year of events, a quarter of them of models, and of incidents."""
    chance = np.random.default_rng(7)
    begun, ended = _times(chance, INCIDENTS, share), pd.Timedelta(hours=1)
    at = _times(chance, EVENTS, share)
    types = np.where(np.arange(len(at)) % 4, EventType.CODE.value, EventType.MODEL.value)
    events = pd.DataFrame({TS: at, TYPE: pd.Series(types, dtype="str"), ID: _names("d", at), PROVISIONAL: False})
    return events, pd.DataFrame({ID: _names("i", begun), START: begun, END: begun + ended})


def _times(chance: np.random.Generator, count: int, share: float) -> pd.Series:
    micros = np.sort(chance.integers(0, YEAR * 1_000_000, max(20, round(share * count))))
    return pd.Series(micros.astype("datetime64[us]")).dt.tz_localize("UTC")


def _names(prefix: str, of: pd.Series) -> pd.Series:
    return pd.Series([f"{prefix}{number}" for number in range(len(of))], dtype=object)


def joined(incidents: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Return the answers of `match_incidents` by joins."""
    nearest, last = (_join(incidents, events, direction) for direction in ("nearest", "backward"))
    code, model = (_join(incidents, events[events[TYPE] == kind], "backward") for kind in EventType)
    other = model.where(last[TYPE] == EventType.CODE, code)
    caused, reached = (incidents[START] - match[TS] <= REACH for match in (last, other))
    return incidents.assign(
        **{
            NEAREST_ID: nearest[ID],
            CAUSE_ID: last[ID].where(caused),
            OTHER_ID: other[ID].where(reached),
            RUNNER_UP_ID: other[ID].where(caused & (last[TS] - other[TS] <= CLOSE)),
            MTTR_HR: (incidents[END] - incidents[START]).dt.total_seconds() / 3600,
        }
    )


def _join(incidents: pd.DataFrame, events: pd.DataFrame, direction: str) -> pd.DataFrame:
    return pd.merge_asof(incidents[[START]], events[[TS, TYPE, ID]], left_on=START, right_on=TS, direction=direction)


def rows(*, pairs: int = PAIRS, share: float = 1) -> list[Row]:
    """Measure the time, its growth and the memory."""
    (small_events, small), (events, incidents) = frames(share / 10), frames(share)

    def ours() -> pd.DataFrame:
        return match_incidents(incidents, events, match_hours=24)

    for column in (NEAREST_ID, CAUSE_ID, OTHER_ID, RUNNER_UP_ID):
        pd.testing.assert_series_equal(ours()[column], joined(incidents, events)[column])
    taken = in_pairs(cost_of(ours), cost_of(lambda: joined(incidents, events)), pairs)
    nearest = in_pairs(cost_of(ours), cost_of(lambda: _join(incidents, events, "nearest")), pairs)
    growth = in_pairs(cost_of(ours), cost_of(lambda: match_incidents(small, small_events, match_hours=24)), pairs)
    what = f"Match {len(incidents):,} incidents to {len(events):,} deploys"
    note = f"{taken.ours:.2f} s and {taken.other:.2f} s; the join for the nearest deploy alone: {nearest.other:.2f} s"
    return [
        Row(what=f"{what}, to joins of pandas", measured=taken.ratio, unit="x", target=1, note=note),
        Row(what=f"{what}: memory", measured=peak_mib(ours), unit="MiB", target=64, note="more than the frames"),
        Row(what=f"{what}, to a tenth of both", measured=growth.ratio, unit="x", target=15),
    ]


def main() -> int:
    """Print the rows."""
    return show(rows())


if __name__ == "__main__":
    sys.exit(main())
