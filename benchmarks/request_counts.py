"""The requests of a run: python benchmarks/request_counts.py [SECONDS].

Prints the requests of a first run over twelve busy weeks, of a second one with its ledger and nothing new, and of a
first one with four times the deployments. SECONDS: how long each answer takes (0.08 unless named).
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.pairs import PAIRS, Row
from tests.e2e.busy_weeks import Asked, BusyWeeks, busy_weeks

DEPLOYS = 300
DELAY = 0.08


def shown(what: str, weeks: BusyWeeks, hours: float, delay: float) -> Asked:
    """Run with delayed answers, and print what was asked and how long the run waited."""
    weeks.delay(delay)
    ran, asked = weeks.run(hours)
    kinds = {"GitHub": asked.github, "MLflow": asked.mlflow, "writes": asked.written}
    print(
        f"{what}: {asked.waited_seconds:.1f} s waited, exit code {ran.code}, "
        + ", ".join(f"{k} {len(v)}" for k, v in kinds.items())
    )
    for kind, requests in kinds.items():
        for name, count in Counter(requests).items():
            print(f"  {kind:7}{count:>4}  {name}")
    return asked


def rows(*, pairs: int = PAIRS, share: float = 1) -> list[Row]:  # noqa: ARG001  (counts need no pairs)
    """Count the requests of the three runs, and how long the first one waited."""
    few, many = (max(20, round(share * deploys)) for deploys in (DEPLOYS, 4 * DEPLOYS))
    with _weeks(few) as weeks:
        first, second = weeks.run(1)[1], weeks.run(2)[1]
    with _weeks(many) as weeks:
        larger = weeks.run(1)[1]
    more = len(larger.github) - len(first.github)
    return [
        Row(what="GitHub, first run", measured=len(first.github), target=12, unit="requests"),
        Row(what="MLflow, first run", measured=len(first.mlflow), target=6, unit="requests"),
        Row(what="GitHub, with the ledger and nothing new", measured=len(second.github), target=6, unit="requests"),
        Row(what="MLflow, with the ledger and nothing new", measured=len(second.mlflow), target=3, unit="requests"),
        Row(what="GitHub, four times the deployments: more by", measured=more, target=4, unit="requests"),
        Row(what=f"Waiting at {DELAY * 1000:.0f} ms a request", measured=first.waited_seconds, target=3, unit="s"),
    ]


@contextmanager
def _weeks(deploys: int) -> Iterator[BusyWeeks]:
    with tempfile.TemporaryDirectory() as folder, busy_weeks(Path(folder), deploys=deploys) as weeks:
        weeks.delay(DELAY)
        yield weeks


def main(delay: float) -> int:
    """Print the three runs."""
    for deploys in (DEPLOYS, 4 * DEPLOYS):
        with _weeks(deploys) as weeks:
            shown(f"first run, {deploys} deployments", weeks, 1, delay)
            shown(f"second run, {deploys} deployments", weeks, 2, delay)
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else DELAY))
