"""What a drift check speaks in: samples, features, and what became of them. Frozen values; knows no frame, no file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DriftStatus(StrEnum):
    """How live data stand to training data. Only DRIFT pages: over the threshold in two checks running."""

    OK = "ok"
    OVER = "over"
    DRIFT = "drift"
    TOO_FEW = "too few"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True, slots=True)
class NumericDistribution:
    """How a numeric feature lies in training: the rows between `edges` (one count more than edges), and those without.

    Bin i holds edges[i - 1] < x <= edges[i], the first and the last have open ends. Between two equal edges lies that
    one value alone: an atom.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    missing: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class CategoricalDistribution:
    """The rows of each category in training, and those without. `other`: of the `others`, too many to be listed."""

    counts: Mapping[str, int]
    missing: int = 0
    other: int = 0
    others: int = 0


Distribution = NumericDistribution | CategoricalDistribution
"""How one feature lies in the training data."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureDrift:
    """One feature: KL(live || reference) in nats and PSI, None where they cannot be told, and the rows behind.

    The shares of reference and live rows in each bin have one order and each add up to 1; what the bins mean (values
    and categories may be private) is kept nowhere. Of numbers the bins go upwards, of `categorical` features from the
    most to the least common in training, with `folded` the rest in one; with `has_missing` the last is rows without.
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
    """One comparison of live with training data of a `model`; `features` with the worst first.

    `sample` is a digest of the live rows, `sketch` the hashes of some of them: the same rows again are no second check.
    `reference`: where the training sample came from, in words. `problem`: why there is no comparison at all, and what
    to do.
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
        """The features that the samples say something of, the worst first."""
        return tuple(item for item in self.features if item.kl_nats is not None)


@dataclass(frozen=True, kw_only=True, slots=True)
class PastDriftCheck:
    """What one check found, as later runs must know it: whether the worst feature was over the threshold.

    `features`: which were, the worst first; none where that is not known, or were too many. `sketch`: of the rows, none
    where too many of them are alike.
    """

    model: str
    at: datetime
    over: bool
    sample: str
    features: tuple[str, ...] = ()
    sketch: str = ""

    @property
    def sort_key(self) -> tuple[object, ...]:
        """By time; of checks at one time always in the same order."""
        return self.at, self.model, self.sample, self.over, self.features, self.sketch


def first_and_last(checks: Iterable[PastDriftCheck]) -> tuple[PastDriftCheck, ...]:
    """Return the first and the last check of each sample: those between repeat the same rows and change nothing."""
    by_sample: dict[tuple[str, str], list[PastDriftCheck]] = {}
    for check in sorted(set(checks), key=lambda check: check.sort_key):
        by_sample.setdefault((check.model, check.sample), []).append(check)
    kept = {check for same in by_sample.values() for check in (same[0], same[-1])}
    return tuple(sorted(kept, key=lambda check: check.sort_key))
