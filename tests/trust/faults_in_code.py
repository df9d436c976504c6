"""Runs the tests against FlowJoy with one fault in its code at a time, and counts how many faults they notice."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.trust.mutation import described

ROOT = Path(__file__).resolve().parents[2]
LONGEST_SECONDS = 420
"""A run that takes longer has met a fault that makes it wait for ever: the tests noticed it."""


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


def tests_of(path: str, always: Sequence[str]) -> list[str]:
    """Return the test files that name a module, its own test first, then those that are always run."""
    stem = Path(path).stem
    own, naming = [], []
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        name = str(file.relative_to(ROOT))
        if name.startswith("tests/trust/") or name in always:
            continue
        if stem in file.stem:
            own.append(name)
        elif f"{stem}" in file.read_text().split():
            naming.append(name)
        elif f".{stem} import" in file.read_text() or f"import {stem}\n" in file.read_text():
            naming.append(name)
    return [*own, *naming, *always]


def is_noticed(fault: CodeFault, tests: Sequence[str]) -> bool:
    """Run the tests against the changed module; the first failure is enough."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "tests.trust.mutation"]
    command += ["-p", "no:cacheprovider", *tests]
    chosen = f"{fault.module}:{fault.kind}:{fault.number}"
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "FLOWJOY_FAULT": chosen},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def survivors(
    faults: Sequence[CodeFault], always: Callable[[str], Sequence[str]], progress: Callable[[str], None]
) -> Iterator[CodeFault]:
    """Yield each fault that no test notices, two at a time."""
    begun = time.monotonic()

    def judge(fault: CodeFault) -> bool:
        return is_noticed(fault, tests_of(fault.path, always(fault.path)))

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for number, (fault, noticed) in enumerate(zip(faults, pool.map(judge, faults), strict=True), start=1):
            progress(f"{number}/{len(faults)} {time.monotonic() - begun:.0f} s {'noticed' if noticed else 'SURVIVED'} {fault}")
            if not noticed:
                yield fault
