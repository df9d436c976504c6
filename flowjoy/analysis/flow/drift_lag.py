"""The lag of models behind code: hours from a deploy to the next ship of each model it depends on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flowjoy.domain import Obligation, Status

_OWES_NOTHING = frozenset({Status.NOT_REQUIRED, Status.UNDECLARED, Status.CANCELLED, Status.UNKNOWN})


@dataclass(frozen=True, kw_only=True)
class Hours:
    """A number of hours. `at_least`: the value is a lower bound, because a model was not shipped yet.

    `low`: the lower bound where a ship was only observed, and `value` is the upper bound; None where both are equal.
    """

    value: float
    at_least: bool = False
    low: float | None = None


@dataclass(frozen=True, kw_only=True)
class DriftLag:
    """The lag of the latest deploy's slowest model, and the median and 90th percentile over `n` obligations.

    `unshipped` of them have no ship: they count with the elapsed time, so a team that never ships models does not look
    good. The values are None without obligations.
    """

    current: Hours | None
    median: Hours | None
    p90: Hours | None
    n: int
    unshipped: int


def drift_lag(owed: Sequence[Obligation], latest_code_id: str | None, *, since: datetime, as_of: datetime) -> DriftLag:
    """Return the drift lag of the deploys since `since`, and of `latest_code_id`, the latest deploy at any time.

    The lag is 0 where an earlier ship or a live version met the obligation. Provisional, cancelled, unknown and not
    required obligations are left out.
    """
    counted = [item for item in owed if item.status not in _OWES_NOTHING and not item.provisional]
    window = [_lag(item, as_of) for item in counted if item.start >= since]
    latest = [_lag(item, as_of) for item in counted if item.code_id == latest_code_id]
    return DriftLag(
        current=_slowest(latest),
        median=_quantile(window, 0.5),
        p90=_quantile(window, 0.9),
        n=len(window),
        unshipped=sum(lag.at_least for lag in window),
    )


def _lag(item: Obligation, as_of: datetime) -> Hours:
    hours = _since_start(item, item.shipped_at or item.closed_at or as_of)
    if item.shipped_at is None:
        return Hours(value=hours, at_least=True)
    return _between(hours if item.not_before is None else _since_start(item, item.not_before), hours)


def _since_start(item: Obligation, end: datetime) -> float:
    return max(timedelta(), end - item.start) / timedelta(hours=1)


def _between(low: float, high: float) -> Hours:
    return Hours(value=high, low=low if low < high else None)


def _low(lag: Hours) -> float:
    return lag.value if lag.low is None else lag.low


def _slowest(lags: Sequence[Hours]) -> Hours | None:
    slowest = max(lags, key=lambda lag: (lag.value, lag.at_least), default=None)
    return slowest if slowest is None or slowest.at_least else _between(max(map(_low, lags)), slowest.value)


def _quantile(lags: Sequence[Hours], share: float) -> Hours | None:
    """Return the interpolated quantile. It is a lower bound if an unfinished lag at or below it could raise it."""
    if not lags:
        return None
    values = sorted(lag.value for lag in lags)
    low = _interpolated(sorted(map(_low, lags)), share)
    edge = values[math.ceil((len(values) - 1) * share)]
    unsure = any(lag.at_least and lag.value <= edge for lag in lags)
    return Hours(value=low, at_least=True) if unsure else _between(low, _interpolated(values, share))


def _interpolated(values: Sequence[float], share: float) -> float:
    """Return the quantile of sorted values; numpy, which rounds alike, takes 50 microseconds to ask for one."""
    index = (len(values) - 1) * share
    before, after, way = values[math.floor(index)], values[math.ceil(index)], index % 1
    return after - (after - before) * (1 - way) if way >= 0.5 else before + (after - before) * way
