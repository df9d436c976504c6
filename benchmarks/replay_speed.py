"""The CPU time of `replay` on the three seed weeks: python benchmarks/replay_speed.py.

It is compared with `benchmarks/first_script.py` on the same weeks, which writes one table and one picture. Both are
processes, measured from start to exit.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.pairs import PAIRS, ROOT, Row, cost_of_process, in_pairs, show
from tests.e2e.test_seed_weeks import SEED_WEEKS, by_files


def rows(*, pairs: int = PAIRS, share: float = 1) -> list[Row]:  # noqa: ARG001  (the weeks are as small as they are)
    """Run the step once for a bundle, then measure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        step = by_files(folder)
        step.run()
        bundle = str(step.workspace / "flowjoy-report" / "flowjoy-bundle.json")
        script = str(ROOT / "benchmarks" / "first_script.py")
        taken = in_pairs(
            cost_of_process("-m", "flowjoy", "replay", bundle, "--output-dir", str(folder / "again"), cwd=ROOT),
            cost_of_process(script, str(SEED_WEEKS), name, cwd=ROOT),
            pairs,
        )
    note = f"{taken.ours:.2f} s and {taken.other:.2f} s"
    return [Row(what="Replay of three weeks, to a first script", measured=taken.ratio, target=1, unit="x", note=note)]


def main() -> int:
    """Print the rows."""
    return show(rows())


if __name__ == "__main__":
    sys.exit(main())
