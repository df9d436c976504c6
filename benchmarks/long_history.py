"""The first run over a long history: python benchmarks/long_history.py.

400 days at 50 deployments a day, each answer delayed as in `benchmarks/request_counts.py`. The stand-ins answer in this
process and need as much of it as FlowJoy. The time of a run without a verdict is infinite, however soon it ended: on a
busy machine, its time is used up.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.pairs import Row, show
from benchmarks.request_counts import DELAY
from tests.e2e.busy_weeks import busy_weeks

DAYS, DEPLOYS_A_DAY, BUDGET = 400, 50, 120


def on_a_clock() -> list[Row]:
    """Run once without a ledger, and once with that of the first run."""
    deploys = DAYS * DEPLOYS_A_DAY
    with (
        tempfile.TemporaryDirectory() as folder,
        busy_weeks(Path(folder), deploys=deploys, versions=2 * DAYS, incidents=DAYS, hours=24 * DAYS) as history,
    ):
        history.delay(DELAY)
        measured = []
        for hours, which in ((1, "First run"), (2, "Second run")):
            began = time.monotonic()
            ran, asked = history.run(hours)
            is_decided = ran.outputs["verdict"] != "error"
            seconds = time.monotonic() - began if is_decided else math.inf
            requests = len(asked.github) + len(asked.mlflow)
            note = f"verdict {ran.outputs['verdict']}, {requests} requests"
            what = f"{which} over {deploys:,} deployments of {DAYS} days"
            measured.append(Row(what=what, measured=seconds, unit="s", target=BUDGET, note=note))
    return measured


def main() -> int:
    """Print the rows."""
    return show(on_a_clock())


if __name__ == "__main__":
    sys.exit(main())
