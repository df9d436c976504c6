"""Times as whole microseconds since the epoch, for vectorised comparisons without rounding."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

Micros = npt.NDArray[np.int64]

NEVER = np.iinfo(np.int64).max
"""Later than every deadline: the time of an event that does not happen."""

MISSING = np.iinfo(np.int64).min
"""A missing time in a column; earlier than every other one."""

TICK = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def of_column(timestamps: pd.Series) -> Micros:
    """Return a column of timestamps as microseconds, MISSING where it has none."""
    return timestamps.to_numpy(dtype="datetime64[us]").astype(np.int64)


def of_timestamp(timestamp: datetime) -> int:
    """Return one timestamp as microseconds."""
    return (timestamp - _EPOCH) // TICK


def of_duration(duration: timedelta) -> int:
    """Return a duration as microseconds."""
    return duration // TICK


def to_timestamps(micros: Micros) -> list[datetime]:
    """Return many timestamps, each at some microseconds since the epoch."""
    return list(pd.DatetimeIndex(micros.astype("datetime64[us]"), tz=UTC).to_pydatetime())


def to_timestamp(micros: int) -> datetime:
    """Return the timestamp at some microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=int(micros))
