"""`make trust`: put every kind of fault in, count what is noticed, and write docs/trust.md.

Each part leaves a JSON file in the folder of results; the page is written from all that are there. Takes an hour on
two cores; `--part NAME` runs one part, `--sample N` looks at most at N faults of each module.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.trust.argued import ARGUED
from tests.trust.faults_in_code import ROOT, faults_in, refuse_failing_tests, survivors
from tests.trust.reach import measured
from tests.trust.requirements import section

GUARDS = (
    *("flowjoy/sources/*.py", "flowjoy/clients/*.py", "flowjoy/actions/event.py", "flowjoy/actions/trusted_runs.py"),
    *("flowjoy/ledger/bundle_format.py", "flowjoy/ledger/bundle_schema.py", "flowjoy/domain/timestamps.py"),
    *(f"flowjoy/analysis/promise/{name}.py" for name in ("model_stub", "stub_schema", "stub_errors", "yaml_nodes")),
)
_PROMISE = (
    "bundle_obligations",
    "compliance",
    "dependencies",
    "first_ship",
    "forecast",
    "merge_gate",
    "obligation_status",
    "obligations",
    "refused_inputs",
    "verdict",
    "waivers",
)
CORE = (
    *(f"flowjoy/analysis/promise/{name}.py" for name in _PROMISE),
    *(
        "flowjoy/analysis/flow/incidents.py",
        "flowjoy/analysis/timeline.py",
        "flowjoy/analysis/event_kinds.py",
        "flowjoy/domain/version_content.py",
    ),
    "flowjoy/pipeline/proposal_terms.py",
)
ESCAPERS = (
    *("flowjoy/actions/core.py", "flowjoy/actions/workflow_commands.py"),
    *("flowjoy/report/escaping.py", "flowjoy/report/text.py"),
    *("flowjoy/report/csv_files.py", "flowjoy/report/slack_blocks.py"),
)

MATRICES = {
    "fault-matrix": (("tests/e2e/test_fault_matrix.py",), "fault and stage matrix: cells", "0 false greens, 0 hangs"),
    "field-fuzz": (("tests/trust/test_field_fuzz.py",), "field fuzz: spoilt fields", "0 wrong verdicts"),
    "injection": (("tests/trust/test_injection.py",), "injection matrix: field, payload, destination", "0 hits"),
    "secrets": (("tests/e2e/test_secrets.py",), "secret canaries: tests", "0 found"),
}
CODE_FAULTS = {
    "saboteurs": (GUARDS, "saboteur", 95.0),
    "mutants-core": (CORE, "mutant", 90.0),
    "mutants-escapers": (ESCAPERS, "mutant", 85.0),
}


def _files(patterns: Sequence[str]) -> list[str]:
    found = {pattern: [str(path.relative_to(ROOT)) for path in ROOT.glob(pattern)] for pattern in patterns}
    missing = [pattern for pattern, paths in found.items() if not paths]
    if missing:
        raise FileNotFoundError(f"no file matches {', '.join(missing)}")
    matches = {path for paths in found.values() for path in paths}
    return sorted(path for path in matches if not path.endswith("__init__.py"))


def run_matrix(name: str, folder: Path) -> dict[str, Any]:
    """Run the tests of one matrix; return how many cells there are and how many failed."""
    tests, _, _ = MATRICES[name]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "auto",
        "--dist",
        "loadgroup",
        "-p",
        "no:cacheprovider",
        *tests,
    ]
    begun = time.monotonic()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "FLOWJOY_TRUST_FOLDER": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", done.stdout)}
    cells = [json.loads(file.read_text()) for file in sorted(folder.glob(f"{name.replace('-', '_')}.*.json"))]
    tried = sum(counted[0] * (counted[1] if name == "injection" else 1) for counted in cells)
    wrong = sum(counted[-1] for counted in cells)
    failed = counts.get("failed", 0) + counts.get("error", 0) + (0 if counts else 1)
    return {
        "count": tried or counts.get("passed", 0) + failed,
        "wrong": max(wrong, failed),
        "seconds": round(time.monotonic() - begun),
    }


def run_code_faults(name: str, sample: int | None, folder: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Put the faults of one group into the code; return how many were noticed, and who survived."""
    patterns, kind, _ = CODE_FAULTS[name]
    faults = faults_in(_files(patterns), kind, per_module=sample)
    begun = time.monotonic()
    reach = measured(folder)
    refuse_failing_tests(faults, reach)
    alive = list(survivors(faults, reach, say))
    argued = {str(fault): ARGUED[fault.key] for fault in alive if fault.key in ARGUED}
    return {
        "count": len(faults),
        "sample": sample,
        "wrong": len(alive) - len(argued),
        "survivors": [str(fault) for fault in alive if str(fault) not in argued],
        "argued": argued,
        "seconds": round(time.monotonic() - begun),
    }


def page(folder: Path) -> str:
    """Return docs/trust.md for the results that are there."""
    rows, ends = [], []
    for name in (*MATRICES, *CODE_FAULTS):
        file = folder / f"{name}.result.json"
        if not file.exists():
            continue
        result = json.loads(file.read_text())
        if name in MATRICES:
            _, title, goal = MATRICES[name]
            seen = f"{result['wrong']} wrong of {result['count']}"
        else:
            _, kind, percent = CODE_FAULTS[name]
            title, goal = f"{kind}s ({name})", f"at least {percent:g} % noticed"
            argued = len(result["argued"])
            noticed = 100 * (1 - (result["wrong"] + argued) / max(1, result["count"]))
            each = f" (at most {result['sample']} a module)" if result["sample"] else ""
            seen = f"{noticed:.1f} % of {result['count']} noticed{each}" + (f", {argued} argued" if argued else "")
            ends += [f"\n### {title}: not noticed\n"] if result["survivors"] or result["argued"] else []
            ends += [f"- `{survivor}`" for survivor in result["survivors"]]
            ends += [f"- `{survivor}`: {reason}" for survivor, reason in result["argued"].items()]
        rows.append(f"| {title} | {seen} | {goal} | {result['seconds']} s |")
    table = ["| what | seen | goal | time |", "| --- | --- | --- | --- |", *rows]
    if not rows:
        table = ["No results are kept here yet: `make trust` writes them."]
    return "\n".join([HEAD, *table, *ends, "", section()])


HEAD = """# How trust is tested

Written by `make trust`. A gate must never be green by mistake, so faults are put in on purpose and counted:

- **fault and stage matrix**: each kind of server fault at each kind of request, once and for ever.
- **field fuzz**: each field of each answer dropped, null, empty or of another type.
- **injection matrix**: hostile text in each field, compared with harmless text in each destination.
- **secret canaries**: credentials echoed by servers, searched in everything that leaves the run.
- **saboteurs**: each place in FlowJoy that raises on missing or malformed data is made to return nothing.
- **mutants**: small slips in the rules and in the escapers.
"""


def main() -> int:
    """Run the parts that were asked for and write the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.trust", description=__doc__)
    parser.add_argument("--part", choices=[*MATRICES, *CODE_FAULTS], action="append")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--folder", type=Path, default=ROOT / ".trust")
    given = parser.parse_args()
    given.folder.mkdir(exist_ok=True)
    for name in given.part or [*MATRICES, *CODE_FAULTS]:
        print(f"== {name}", flush=True)
        if name in MATRICES:
            result = run_matrix(name, given.folder)
        else:
            result = run_code_faults(name, given.sample, given.folder, lambda text: print(text, flush=True))
        (given.folder / f"{name}.result.json").write_text(json.dumps(result, indent=1))
    text = page(given.folder)
    (ROOT / "docs" / "trust.md").write_text(text)
    print(text)
    results = [json.loads(file.read_text()) for file in given.folder.glob("*.result.json")]
    return int(any(result["wrong"] and "survivors" not in result for result in results))


if __name__ == "__main__":
    sys.exit(main())
