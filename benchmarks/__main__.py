"""Runs every benchmark that has a target and writes their table into docs/performance.md: make bench."""

from __future__ import annotations

import os
import platform
import re
import runpy
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.pairs import ROOT, Row

PAGE = ROOT / "docs" / "performance.md"
_TABLE = re.compile(r"(?<=<!-- written by make bench -->\n).*?(?=<!-- end -->)", re.DOTALL)


def table(rows: Iterable[Row]) -> str:
    """Return the rows as a Markdown table, a missed target marked."""
    lines = ["| what | measured | at most | |", "|---|---:|---:|---|"]
    for row in rows:
        target = "" if row.target is None else f"{row.target:,g} {row.unit}"
        note = "; ".join(filter(None, ("**missed**" if row.is_missed else "", row.note)))
        lines.append(f"| {row.what} | {row.measured:,.3g} {row.unit} | {target} | {note} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, show the progress, and write the page. Return 1 if a target is missed."""
    rows: list[Row] = []
    for path in sorted((ROOT / "benchmarks").glob("[!_]*.py")):
        names = runpy.run_path(str(path))
        measure = names.get("rows") or names.get("on_a_clock")
        if measure is not None:
            print(f"{path.stem} …", file=sys.stderr, flush=True)
            rows += measure()
    machine = f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}:\n\n"
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_TABLE.sub(lambda _: f"\n{machine}{table(rows)}\n", page), encoding="utf-8")
    print(table(rows))
    return int(any(row.is_missed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
