"""Tools of the benchmarks: CPU time in alternating pairs, the peak of memory, and the table of what was measured.

Each benchmark that has a target defines `rows(*, pairs, share)`: `share` below 1 makes everything smaller, for tests.
CPU time instead of wall clock, and medians of alternating pairs, because other processes of a machine disturb less so.
"""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
PAIRS = 9
MIB = 2**20

Cost = Callable[[], float]
"""Does the work once and returns the seconds of CPU that it took."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement, and the most that it may be; without a target it is only shown."""

    what: str
    measured: float
    unit: str
    target: float | None = None
    note: str = ""

    @property
    def is_missed(self) -> bool:
        return self.target is not None and self.measured > self.target


@dataclass(frozen=True, kw_only=True)
class Medians:
    """The median cost of two pieces of work, and the median of the ratio of each pair."""

    ours: float
    other: float
    ratio: float


def cost_of(work: Callable[[], object]) -> Cost:
    """Return the cost of a function of this process."""

    def cost() -> float:
        gc.collect()
        gc.disable()  # what a million objects cost it depends on the order in which the two are measured
        began = time.process_time()
        work()
        taken = time.process_time() - began
        gc.enable()
        return taken

    return cost


def cost_of_process(*arguments: str, cwd: Path) -> Cost:
    """Return the cost of a Python process, from start to exit, with bytecode as in the image."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def cost() -> float:
        began = _of_children()
        command = [sys.executable, *arguments]
        subprocess.run(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, check=True)
        return _of_children() - began

    return cost


def _of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def in_pairs(ours: Cost, other: Cost, pairs: int = PAIRS) -> Medians:
    """Do both once without counting, then in alternating pairs."""
    ours(), other()
    measured = []
    for number in range(pairs):
        if number % 2:
            second = other()
            measured.append((ours(), second))
        else:
            measured.append((ours(), other()))
    return Medians(
        ours=median(first for first, _ in measured),
        other=median(second for _, second in measured),
        ratio=median(first / second for first, second in measured),
    )


def peak_mib(work: Callable[[], object]) -> float:
    """Return by how many MiB the memory grows at most during the work, its result included."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    result = work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del result
    return (peak - before) / MIB


def show(rows: Sequence[Row]) -> int:
    """Print the rows as a table; return 1 if a target is missed, else 0."""
    width = max(len(row.what) for row in rows)
    print(f"{'':{width}}  {'measured':>12}  {'at most':>12}")
    for row in rows:
        measured, target = ("" if value is None else f"{value:,.3g} {row.unit}" for value in (row.measured, row.target))
        sign = "missed: " if row.is_missed else ""
        print(f"{row.what:{width}}  {measured:>12}  {target:>12}  {sign}{row.note}".rstrip())
    return int(any(row.is_missed for row in rows))
