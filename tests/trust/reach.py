"""Which tests execute which line of FlowJoy: measured once, so that a fault is put only before tests that reach it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = "FLOWJOY_TRUST_SECONDS"
"""The variable that names the file for the time of each test."""


@dataclass(frozen=True)
class Reach:
    """Tests by line: `tests[path][line]` are the ids of the tests that execute it, the quickest first."""

    tests: dict[str, dict[int, tuple[str, ...]]]

    def of(self, path: str, lines: range) -> list[str]:
        """Return the tests that execute any of the lines of a file.

        The module's own come first, then those of its package, then the quickest.
        """
        by_line = self.tests.get(path, {})
        rank = {test: rank for line in lines for rank, test in enumerate(by_line.get(line, ()))}
        own = own_tests(path)
        near = (own, own.rpartition("/")[0] + "/")
        return sorted(rank, key=lambda test: (*(not test.startswith(place) for place in near), rank[test], test))


def own_tests(path: str) -> str:
    """Return the file of the unit tests of a module."""
    return str(Path("tests/unit", *Path(path).parts[1:-1], f"test_{Path(path).name}"))


def measured(folder: Path) -> Reach:
    """Return who reaches what; run all tests but those of `make trust` once, where the folder has no answer."""
    data, seconds = folder / "reach.coverage", folder / "reach.seconds.json"
    if not seconds.exists():
        _run_tests(data, seconds)
    took = json.loads(seconds.read_text())
    recorded = coverage.CoverageData(str(data))
    recorded.read()
    tests: dict[str, dict[int, tuple[str, ...]]] = {}
    for file in recorded.measured_files():
        contexts = recorded.contexts_by_lineno(file)
        tests[str(Path(file).relative_to(ROOT))] = {line: _quickest(names, took) for line, names in contexts.items()}
    return Reach(tests)


def _quickest(contexts: list[str], took: dict[str, float]) -> tuple[str, ...]:
    tests = {name.rpartition("|")[0] for name in contexts if name}
    return tuple(sorted(tests, key=lambda test: (took.get(test, 60.0), test)))


def _run_tests(data: Path, seconds: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "loadgroup"]
    command += [f"--ignore={part}" for part in ("tests/trust", "tests/e2e/test_fault_matrix.py", "tests/contract")]
    command += ["-p", "no:cacheprovider", "-p", "tests.trust.reach", "--cov", "--cov-context=test", "--cov-report="]
    environment = {**os.environ, "COVERAGE_FILE": str(data.resolve()), SECONDS: str(seconds.resolve())}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        seconds.unlink(missing_ok=True)
        sys.exit(f"The tests fail without any fault:\n{done.stdout[-4000:]}")


_TOOK: dict[str, float] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up the time of a test's phases."""
    _TOOK[report.nodeid] = _TOOK.get(report.nodeid, 0.0) + report.duration


def pytest_sessionfinish() -> None:
    """Write the times; only the process that was asked to does so."""
    if (file := os.environ.get(SECONDS)) and not os.environ.get("PYTEST_XDIST_WORKER"):
        Path(file).write_text(json.dumps(_TOOK))
