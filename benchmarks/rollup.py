"""A roll-up of many services: python benchmarks/rollup.py [SERVICES [DAYS]].

Measures a roll-up as a process (wall clock and memory, all of its processes together), the CPU time of a second one
whose facts are known as a share of the first, and how the SQL grows from 100 to 10,000 services of 400 days. The
bundles are generated.
"""

from __future__ import annotations

import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.pairs import PAIRS, ROOT, Row, show
from flowjoy.ledger import facts_format
from flowjoy.pipeline.rollup import RollUpTerms, roll_up
from flowjoy.sources.bundle_files import facts_in
from tests.organisation import Service, a_service
from tests.rolled_up import Copied

DIFFERENT = 40
"""Services that are generated; the others are the same under another name."""


@dataclass(frozen=True)
class Run:
    """The time, CPU and memory of one command and its processes."""

    seconds: float
    cpu_seconds: float
    peak_mib: float


def write(lake: Path, count: int, days: int) -> int:
    """Write the bundles of so many services; return their bytes."""
    originals = [a_service(seed, days=days) for seed in range(DIFFERENT)]
    size = 0
    for number in range(count):
        bundle = originals[number % DIFFERENT].bundle
        service = Service(replace(bundle, repository=f"acme/service-{number}", service=f"service-{number}"))
        size += service.write(lake).stat().st_size
    return size


def run_of(*command: str) -> Run:
    """Run a command to its end."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, _mib_of_session(process.pid))
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{command}: exit code {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(time.monotonic() - began, cpu, peak)


def _mib_of_session(session: int) -> float:
    """Return the memory of all processes of a session, shared pages divided among them."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == session:
                text = (folder / "smaps_rollup").read_text()
                total += int(text.partition("Pss:")[2].split()[0])
        except (OSError, ValueError, IndexError):
            continue
    return total / 1024


def sql_seconds(count: int, days: int, repetitions: int) -> float:
    """Return the median CPU time of the SQL over so many services."""
    services = [a_service(seed, days=days) for seed in range(DIFFERENT)]
    facts = facts_format.tables_of((f"{number:04d}", facts_in(item.raw)) for number, item in enumerate(services))
    engine = Copied(facts, count)
    taken = []
    for _ in range(repetitions):
        roll_up(engine, RollUpTerms(), lambda *_: None)
        taken.append(engine.cpu_seconds)
    return median(taken)


def of_process(count: int, days: int) -> list[Row]:
    """Measure a roll-up of so many services, and a second one."""
    with tempfile.TemporaryDirectory() as folder:
        size = write(Path(folder) / "lake", count, days)
        command = (sys.executable, "-m", "flowjoy", "rollup", f"{folder}/lake", "--output-dir", f"{folder}/out")
        first, second = run_of(*command), run_of(*command)
    what = f"Roll-up of {count:,} services of {days} days"
    targets = (60, 1024) if days <= 84 else (180, None)
    note = f"{first.cpu_seconds:.0f} s of CPU, {size / 1e6:,.0f} MB of bundles"
    share = second.cpu_seconds / first.cpu_seconds
    return [
        Row(what=what, measured=first.seconds, target=targets[0], unit="s", note=note),
        Row(what=f"{what}, memory of all processes", measured=first.peak_mib, target=targets[1], unit="MiB"),
        Row(what=f"{what}, known facts", measured=share, target=0.1, unit="x", note=f"{second.seconds:.1f} s"),
    ]


def rows(*, pairs: int = PAIRS, share: float = 1) -> list[Row]:
    """Measure a roll-up of 1,000 services, and the growth of the SQL."""
    few, many = math.ceil(100 * share), math.ceil(10_000 * share)
    repetitions = math.ceil(pairs / 3)
    small, large = (sql_seconds(count, 400 if share == 1 else 20, repetitions) for count in (few, many))
    exponent = math.log(large / small) / math.log(many / few)
    grown = Row(
        what=f"SQL from {few:,} to {many:,} services of 400 days, exponent",
        measured=max(0.0, exponent),
        target=1.05,
        unit="",
        note=f"{small:.2f} s and {large:.2f} s of CPU",
    )
    return [*of_process(math.ceil(1000 * share), 84), grown]


def main(sizes: list[int]) -> int:
    """Print the rows."""
    return show(of_process(*sizes) if len(sizes) == 2 else rows())


if __name__ == "__main__":
    sys.exit(main([int(text) for text in sys.argv[1:3]]))
