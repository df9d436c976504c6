"""Measures how often the drift check alerts on data that did not drift: python benchmarks/false_pages.py [REPETITIONS].

Training and live rows are drawn from the same distribution, so a feature is over the threshold only by chance.
An alert needs a feature that is over in two consecutive checks of new live rows against one reference.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from flowjoy.analysis.drift.binning import distributions_of
from flowjoy.analysis.drift.comparison import compare, status_of
from flowjoy.analysis.drift.history import past_check, trend
from flowjoy.domain.drift import Distribution, DriftCheck, DriftStatus

START = datetime(2026, 11, 26, tzinfo=UTC)
LIVE, THRESHOLD, MIN_SAMPLES = 200, 0.1, 200
KINDS: dict[str, Callable[[np.random.Generator, int, int], np.ndarray]] = {
    "numeric": lambda chance, rows, features: chance.normal(size=(rows, features)),
    "8 categories": lambda chance, rows, features: chance.choice(list("abcdefgh"), size=(rows, features)),
}


def checked(reference: Mapping[str, Distribution], live: pd.DataFrame, hour: int) -> DriftCheck:
    """Return one check of the sample."""
    features = compare(reference, live, threshold=THRESHOLD, min_samples=MIN_SAMPLES)
    return DriftCheck(
        model="recommender",
        at=START + timedelta(hours=hour),
        status=status_of(features),
        threshold=THRESHOLD,
        min_samples=MIN_SAMPLES,
        features=features,
        sample=str(hour),
    )


def pages(first: DriftCheck, second: DriftCheck) -> bool:
    """Return whether the second check alerts."""
    mark = past_check(first)
    latest, _ = trend(second, [] if mark is None else [mark])
    return latest is not None and latest.status is DriftStatus.DRIFT


def main(repetitions: int) -> int:
    """Draw, check twice, and print the rates with twice their standard error."""
    chance = np.random.default_rng(20261126)
    print(f"threshold {THRESHOLD} nats, {LIVE} live rows, {repetitions} repetitions")
    print(f"{'kind':<14}{'training rows':>14}{'features':>10}{'one check over':>20}{'two in a row: alert':>22}")
    for kind, draw in KINDS.items():
        for rows in (200, 2000):
            for features in (1, 5, 20):
                once = twice = 0
                for _ in range(repetitions):
                    trained = distributions_of(pd.DataFrame(draw(chance, rows, features)))
                    first, second = (checked(trained, pd.DataFrame(draw(chance, LIVE, features)), n) for n in (1, 2))
                    once += (first.status is DriftStatus.OVER) + (second.status is DriftStatus.OVER)
                    twice += pages(first, second)
                shares = (_rate(once, 2 * repetitions), _rate(twice, repetitions))
                print(f"{kind:<14}{rows:>14,}{features:>10}{shares[0]:>20}{shares[1]:>22}", flush=True)
    return 0


def _rate(hits: int, of: int) -> str:
    """Return a share in percent; without hits, its upper bound with 95 % certainty (rule of three)."""
    share = hits / of
    return f"< {300 / of:.2f} %" if not hits else f"{100 * share:.2f} ± {200 * (share * (1 - share) / of) ** 0.5:.2f} %"


if __name__ == "__main__":
    sys.exit(main(*[int(argument) for argument in sys.argv[1:2]] or [1000]))
