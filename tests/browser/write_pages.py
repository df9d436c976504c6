"""The pages that the browser looks at: python -m tests.browser.write_pages FOLDER."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from flowjoy.analysis.drift.binning import distributions_of
from flowjoy.analysis.drift.comparison import compare, status_of
from flowjoy.analysis.results import analyse
from flowjoy.domain.bundle import Bundle
from flowjoy.domain.drift import DriftCheck, PastDriftCheck
from flowjoy.ledger.bundle_file import bundle_bytes
from flowjoy.report import files
from tests.builders import T0, a_bundle, a_deploy, a_ship, at
from tests.unit.report.a_year import HOSTILE, a_hostile_bundle, a_year


def running() -> Bundle:
    """Two clocks that run at this very moment, for the countdown."""
    now = (datetime.now(UTC) - T0) / timedelta(hours=1)
    return a_bundle([a_deploy(now - 40, "a" * 40), a_deploy(now - 2, "b" * 40)], [a_ship(now - 300)], until=at(now))


def drifting(bundle: Bundle, names: tuple[str, ...]) -> Bundle:
    """The same with a drift check of these features, of which the first has drifted, and a breach that was told."""
    chance = np.random.default_rng(7)
    trained = pd.DataFrame({name: chance.normal(40, 10, 2000).round(3).astype(str) for name in names})
    live = pd.DataFrame(
        {name: chance.normal(40 if n else 55, 10, 400).round(3).astype(str) for n, name in enumerate(names)}
    )
    features = compare(distributions_of(trained), live, threshold=0.1, min_samples=200)
    check = DriftCheck(
        model="recommender",
        at=bundle.generated_at,
        status=status_of(features),
        threshold=0.1,
        min_samples=200,
        features=features,
        sample="rows",
        reference="train.csv",
    )
    earlier = PastDriftCheck(
        model="recommender", at=bundle.generated_at - timedelta(hours=1), over=True, sample="other rows"
    )
    return replace(bundle, drift=check, drift_marks=(earlier,))


def main(folder: Path) -> int:
    """Write each page with its pictures into a folder of its own."""
    ages = ("age", "basket value", "sessions a week", "country code")
    pages = {
        "year": drifting(a_year(), ages),
        "hostile": drifting(a_hostile_bundle(), HOSTILE),
        "running": running(),
    }
    for name, bundle in pages.items():
        found = analyse(bundle)
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        for file, render in files.renderings(found, bundle_bytes(found)).items():
            (target / file).write_bytes(render())
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
