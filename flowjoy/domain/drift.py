"""Distributions of training data, and the results of comparing live data with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DriftStatus(StrEnum):
    """The result of comparing live with training data. Only DRIFT alerts: over the threshold in two checks in a row."""

    OK = "ok"
    OVER = "over"
    DRIFT = "drift"
    TOO_FEW = "too few"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True, slots=True)
class NumericDistribution:
    """The distribution of a numeric feature in training: rows per bin (one more than `edges`) and `missing` ones.

    Bin i holds edges[i - 1] < x <= edges[i]; the first and the last are open-ended. The bin between two equal edges
    holds that single value: an atom.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class CategoricalDistribution:
    """Rows per category in training. `missing`: rows without one; `other`: rows of the `others`, too many to list."""

    counts: Mapping[str, int]
    missing: int = 0
    other: int = 0
    others: int = 0


Distribution = NumericDistribution | CategoricalDistribution
"""The distribution of one feature in the training data."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureDrift:
    """One feature: KL(live || reference) in nats and PSI, None if unknown, and the rows that they are computed from.

    The shares of reference and live rows have the same bins and each add up to 1. The meaning of a bin is not stored,
    because values and categories may be private. Numeric bins ascend; `categorical` ones go from the most to the least
    frequent in training, with the rest in one bin if `folded`; with `has_missing`, the last bin is rows without a
    value.
    """

    name: str
    status: DriftStatus
    categorical: bool = False
    has_missing: bool = False
    folded: bool = False
    kl_nats: float | None = None
    psi: float | None = None
    reference_n: int = 0
    live_n: int = 0
    reference_shares: tuple[float, ...] = ()
    live_shares: tuple[float, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DriftCheck:
    """One comparison of live with training data of a `model`; `features` start with the worst.

    `sample`: a digest of the live rows; `sketch`: hashes of some of them; the same rows again do not count as another
    check. `reference`: the origin of the training sample, as text. `problem`: why nothing could be compared, with the
    cure.
    """

    model: str
    at: datetime
    status: DriftStatus
    threshold: float
    min_samples: int
    version: str | None = None
    features: tuple[FeatureDrift, ...] = ()
    sample: str = ""
    sketch: str = ""
    reference: str = ""
    problem: str | None = None

    @property
    def judged(self) -> tuple[FeatureDrift, ...]:
        """The features that could be compared, the worst first."""
        return tuple(item for item in self.features if item.kl_nats is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class PastDriftCheck:
    """The result of one check, for later runs. `over`: the worst feature was over the threshold.

    `features`: those over it, the worst first; empty if they are unknown or too many. `sketch`: hashes of some rows;
    empty if too many rows are alike.
    """

    model: str
    at: datetime
    over: bool
    sample: str
    features: tuple[str, ...] = ()
    sketch: str = ""

    @property
    def sort_key(self) -> tuple[object, ...]:
        """The position in time; checks of one time have a fixed order."""
        return self.at, self.model, self.sample, self.over, self.features, self.sketch


def first_and_last(checks: Iterable[PastDriftCheck]) -> tuple[PastDriftCheck, ...]:
    """Return the first and the last check of each sample: those between repeat the same rows and change nothing."""
    by_sample: dict[tuple[str, str], list[PastDriftCheck]] = {}
    for check in sorted(set(checks), key=lambda check: check.sort_key):
        by_sample.setdefault((check.model, check.sample), []).append(check)
    kept = {check for same in by_sample.values() for check in (same[0], same[-1])}
    return tuple(sorted(kept, key=lambda check: check.sort_key))
