"""How far models lag behind code: hours from a deploy to the next ship of each model it depends on. Knows no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from flowjoy.domain import Obligation, Status

_OWES_NOTHING = frozenset({Status.NOT_REQUIRED, Status.UNDECLARED, Status.CANCELLED, Status.UNKNOWN})


@dataclass(frozen=True, kw_only=True)
class Hours:
    """A number of hours; `at_least`: a clock that still runs, or ended unshipped, lies at or below it.

    `low`: the lower bound where a ship was only observed, and `value` is the upper one; None where both are the same.
    """

    value: float
    at_least: bool = False
    low: float | None = None


@dataclass(frozen=True, kw_only=True)
class DriftLag:
    """The lag of the latest deploy's slowest model, and the median and 90th percentile over `n` obligations.

    `unshipped` of them have no ship: they count with the time that passed, so that a team which never ships models
    does not look good. None where there is nothing to measure.
    """

    current: Hours | None
    median: Hours | None
    p90: Hours | None
    n: int
    unshipped: int


def drift_lag(owed: Sequence[Obligation], latest_code_id: str | None, *, since: datetime, as_of: datetime) -> DriftLag:
    """The drift lag of the deploys since `since`; of `latest_code_id`, the latest deploy, whenever that was.

    Met by an earlier ship or by a version that was live: 0 hours. What is provisional, cancelled, unknown or not
    required is left out.
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
    """The quantile, interpolated. A lag that is only known to be longer could move it if it lies no higher."""
    if not lags:
        return None
    values = [lag.value for lag in lags]
    low = float(np.quantile([_low(lag) for lag in lags], share))
    edge = float(np.quantile(values, share, method="higher"))
    unsure = any(lag.at_least and lag.value <= edge for lag in lags)
    return Hours(value=low, at_least=True) if unsure else _between(low, float(np.quantile(values, share)))
