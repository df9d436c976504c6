"""Runs the tests against FlowJoy with one fault in its code at a time, and counts how many faults they notice."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.trust.mutation import described, install, statement_at
from tests.trust.reach import Reach, own_tests

ROOT = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 900
"""A run that takes longer is ended, and counts as not noticed."""


@dataclass(frozen=True, kw_only=True)
class CodeFault:
    """One fault: the module, its kind and number (see `mutation.py`), the change in words, and the changed line."""

    path: str
    kind: str
    number: int
    change: str

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").replace("/", ".")

    @property
    def line_number(self) -> int:
        return int(self.change.partition(":")[0])

    @property
    def key(self) -> tuple[str, str, str]:
        """The file, the change and the line, by which an argued survivor is known however far it moves."""
        return self.path, self.change.partition(": ")[2], self.line

    @property
    def line(self) -> str:
        """The text of the changed line, as far as it is shown."""
        return (ROOT / self.path).read_text().splitlines()[self.line_number - 1].strip()[:90]

    def __str__(self) -> str:
        return f"{self.path}:{self.change} ({self.line})"


def faults_in(paths: Sequence[str], kind: str, *, per_module: int | None = None) -> list[CodeFault]:
    """Return the faults of a kind in the given files; at most so many a file, spread evenly over it."""
    chosen = []
    for path in paths:
        changes = described(str(ROOT / path), kind)
        count = len(changes) if per_module is None else min(per_module, len(changes))
        numbers = sorted({index * len(changes) // count for index in range(count)}) if count else []
        chosen += [CodeFault(path=path, kind=kind, number=n, change=changes[n]) for n in numbers]
    return chosen


def tests_of(fault: CodeFault, reach: Reach) -> list[str]:
    """Return tests that execute the changed statement, those of its module first; none where no test does."""
    lines = statement_at(str(ROOT / fault.path), fault.line_number)
    tests, own = reach.of(fault.path, lines), own_tests(fault.path)
    return tests[: sum(test.startswith(own) for test in tests) + MOST_TESTS]


MOST_TESTS = 120
"""A fault that its module's own tests and so many others of its line do not notice counts as not noticed."""


def is_noticed(fault: CodeFault, tests: Sequence[str]) -> bool:
    """Run the tests against the changed module in a process of its own; the first failure is enough."""
    process = PROCESSES.Process(target=_run_tests, args=(fault, tuple(tests)))
    process.start()
    process.join(LONGEST_SECONDS)
    if process.exitcode is None:
        process.kill()
        process.join()
        return False
    return process.exitcode != 0


def refuse_failing_tests(faults: Sequence[CodeFault], reach: Reach) -> None:
    """Exit if the first tests of some faults, spread over all, also fail where nothing is changed."""
    for fault in faults[:: max(1, len(faults) // CONTROLS)]:
        unchanged = replace(fault, kind="nothing", number=0)
        if is_noticed(unchanged, tests_of(fault, reach)[:TESTS_OF_A_CONTROL]):
            sys.exit(f"The tests of {fault} fail without any fault")


CONTROLS, TESTS_OF_A_CONTROL = 20, 20


PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["pytest", "hypothesis", "pandas", "matplotlib.figure", "mlflow.store.tracking.sqlalchemy_store", "github"]
)
"""Each run is a fork of a process that has imported the libraries, but no module of FlowJoy."""


OPTIONS = ("-x", "-q", "--no-header", "-p", "no:cacheprovider", "--hypothesis-profile=unshrunk")
"""The first failure is enough, and its smallest example is not wanted."""


def _run_tests(fault: CodeFault, tests: tuple[str, ...]) -> None:
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    os.chdir(ROOT)
    install(fault.module, fault.kind, fault.number)
    # The tests of other modules are collected, which takes seconds, only after those of its own file.
    first = f"{tests[0].partition('::')[0]}::"
    own = [test for test in tests if test.startswith(first)]
    for some in (own, [test for test in tests if not test.startswith(first)]):
        code = pytest.main([*OPTIONS, *some]) if some else 0
        if code:
            sys.exit(code)


def survivors(faults: Sequence[CodeFault], reach: Reach, progress: Callable[[str], None]) -> Iterator[CodeFault]:
    """Yield each fault that no test notices, two at a time."""
    begun = time.monotonic()

    def judge(fault: CodeFault) -> bool:
        tests = tests_of(fault, reach)
        return bool(tests) and is_noticed(fault, tests)

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for number, (fault, noticed) in enumerate(zip(faults, pool.map(judge, faults), strict=True), start=1):
            seen = "noticed" if noticed else "SURVIVED"
            progress(f"{number}/{len(faults)} {time.monotonic() - begun:.0f} s {seen} {fault}")
            if not noticed:
                yield fault
