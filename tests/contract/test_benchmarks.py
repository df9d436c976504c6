"""The benchmarks run: unlike the tests they are rarely started, so a rename could break them unnoticed."""

from __future__ import annotations

import math
import runpy
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
BENCHMARKS = sorted(
    path
    for path in (Path(__file__).resolve().parents[2] / "benchmarks").glob("*.py")
    if path.name not in {"__main__.py", "pairs.py"}
)


def names_of(path: Path) -> dict[str, Any]:
    return runpy.run_path(str(path), run_name="imported")


MEASURING = [path for path in BENCHMARKS if "\ndef rows(" in path.read_text()]


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.name)
def test_benchmarks__can_be_imported(path: Path) -> None:
    assert "main" in names_of(path)


@pytest.mark.matrix
@pytest.mark.parametrize("path", MEASURING, ids=lambda path: path.name)
def test_benchmarks__measure_something_on_little_data(path: Path) -> None:
    rows = names_of(path)["rows"](pairs=1, share=0.001)
    assert rows != []
    assert [row.what for row in rows if not math.isfinite(row.measured) or row.measured < 0] == []
