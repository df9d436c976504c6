"""Runs the tests against FlowJoy with one fault in its code at a time, and counts how many faults they notice."""

from __future__ import annotations

import multiprocessing
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.trust.mutation import described, install

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
    def line(self) -> str:
        """The text of the changed line, by which an argued survivor is known however far it moves."""
        number, _, _ = self.change.partition(":")
        return (ROOT / self.path).read_text().splitlines()[int(number) - 1].strip()

    def __str__(self) -> str:
        return f"{self.path}:{self.change} ({self.line[:90]})"


def faults_in(paths: Sequence[str], kind: str, *, per_module: int | None = None) -> list[CodeFault]:
    """Return the faults of a kind in the given files; at most so many a file, spread evenly over it."""
    chosen = []
    for path in paths:
        changes = described(str(ROOT / path), kind)
        count = len(changes) if per_module is None else min(per_module, len(changes))
        numbers = sorted({index * len(changes) // count for index in range(count)}) if count else []
        chosen += [CodeFault(path=path, kind=kind, number=n, change=changes[n]) for n in numbers]
    return chosen


def tests_of(path: str) -> list[str]:
    """Return the test files of a module: its own, those that name it, those that name its importers; whole runs last."""
    stems = [Path(path).stem, *_importers(Path(path).stem)]
    ranked: dict[str, int] = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        name, text = str(file.relative_to(ROOT)), file.read_text()
        if name.startswith(("tests/trust/", "tests/registries/", "tests/contract/")):
            continue
        ranks = [_rank(number, stem, file.stem, text) for number, stem in enumerate(stems)]
        if known := [rank for rank in ranks if rank is not None]:
            ranked[name] = min(known)
    nearest = sorted(ranked, key=lambda name: (ranked[name], name))[:MOST_FILES]
    chosen = {*nearest, *ALSO.get(Path(path).stem, ())} or {"tests/story/test_whole_run.py"}
    return sorted(chosen, key=lambda name: ("matrix" in name, "tests/story/" in name, ranked.get(name, 0), name))


MOST_FILES = 8

ALSO = {
    "ledger_artifact": ("tests/e2e/test_ledger.py", "tests/e2e/test_trust.py"),
    "pull_request": ("tests/e2e/test_gate.py",),
    "dependency": ("tests/e2e/test_gate.py", "tests/e2e/test_pull_request.py"),
    "stricter": ("tests/e2e/test_gate.py",),
}
"""Modules that only whole runs reach."""


def _importers(stem: str) -> list[str]:
    files = (ROOT / "flowjoy").rglob("*.py")
    return sorted(file.stem for file in files if file.stem != stem and _imports(stem, file.read_text()))[:8]


def _imports(stem: str, text: str) -> bool:
    return bool(re.search(rf"^(?:from [\w.]*\b{stem} import|(?:from [\w.]+ )?import .*\b{stem}\b)", text, re.MULTILINE))


def _rank(distance: int, stem: str, name: str, text: str) -> int | None:
    if name == f"test_{stem}":
        return 0 if distance == 0 else 2
    if _imports(stem, text):
        return 1 if distance == 0 else 3
    return None


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


PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["pytest", "hypothesis", "pandas", "matplotlib.figure", "mlflow.store.tracking.sqlalchemy_store", "github"]
)
"""Each run is a fork of a process that has imported the libraries, but no module of FlowJoy."""


def _run_tests(fault: CodeFault, tests: tuple[str, ...]) -> None:
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    os.chdir(ROOT)
    install(fault.module, fault.kind, fault.number)
    sys.exit(pytest.main(["-x", "-q", "--no-header", "-p", "no:cacheprovider", *tests]))


def survivors(faults: Sequence[CodeFault], progress: Callable[[str], None]) -> Iterator[CodeFault]:
    """Yield each fault that no test notices, two at a time."""
    begun = time.monotonic()

    def judge(fault: CodeFault) -> bool:
        return is_noticed(fault, tests_of(fault.path))

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for number, (fault, noticed) in enumerate(zip(faults, pool.map(judge, faults), strict=True), start=1):
            seen = "noticed" if noticed else "SURVIVED"
            progress(f"{number}/{len(faults)} {time.monotonic() - begun:.0f} s {seen} {fault}")
            if not noticed:
                yield fault
