"""The benchmarks use names that exist: no test measures them, so a rename would break them unnoticed."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

BENCHMARKS = sorted((Path(__file__).resolve().parents[2] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.name)
def test_benchmarks__can_be_imported(path: Path) -> None:
    assert "main" in runpy.run_path(str(path), run_name="imported")
