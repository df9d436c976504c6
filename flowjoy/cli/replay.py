"""`replay`: every file of a bundle again, offline: no token, no network, no clock."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from flowjoy.actions.core import Console
from flowjoy.analysis.promise.merge_gate import MergeGate
from flowjoy.analysis.results import analyse, with_gate
from flowjoy.errors import BundleError
from flowjoy.ledger import bundle_format
from flowjoy.ledger.bundle_file import bundle_bytes
from flowjoy.report import files
from flowjoy.report.content.headline import headline

_UNREADABLE = 2


def replay(argv: Sequence[str], stream: TextIO | None = None) -> int:
    """Recompute the files of one bundle. 0: byte for byte; 1: written, but the bundle is not the same; 2: not done.

    The promise is judged again; of a pull request's gate, whose evidence is in no bundle, the findings are told again.
    """
    parser = argparse.ArgumentParser(prog="python -m flowjoy replay", description=__doc__, allow_abbrev=False)
    parser.add_argument("bundle", type=Path, help="a flowjoy-bundle.json, as a run wrote it")
    parser.add_argument("--output-dir", type=Path, default=Path("flowjoy-replay"), help="folder for the files")
    given = parser.parse_args(list(argv))
    console = Console(on_actions=False, stream=stream if stream is not None else sys.stdout)
    try:
        return _replay(given.bundle, given.output_dir, console)
    except OSError as problem:
        console.error(f"{given.bundle} cannot be read ({type(problem).__name__})")
    except BundleError as problem:
        console.error(f"{given.bundle}: {problem}")
    except Exception as problem:  # noqa: BLE001  (somebody may have changed the file: one line, no traceback)
        console.error(f"{given.bundle} cannot be computed with ({type(problem).__name__})")
    return _UNREADABLE


def _replay(path: Path, output_dir: Path, console: Console) -> int:
    raw = path.read_bytes()
    findings, gate = analyse(bundle_format.from_json(raw)), bundle_format.part(raw, "gate", MergeGate)
    findings = findings if gate is None else with_gate(findings, gate)
    again = bundle_bytes(findings)
    folder = output_dir.resolve()
    if again != raw and path.resolve().parent == folder:
        console.error("another version of FlowJoy wrote this bundle, or it was changed: give another --output-dir")
        return _UNREADABLE
    problems: list[str] = []
    written = files.write(files.renderings(findings, again), folder, folder, problems.append, console.redact)
    for said in problems:
        console.error(said)
    for name in written:
        console.log(str(output_dir / name))
    console.log(f"the promise then: {findings.verdict.decision.value}: {headline(findings)}")
    if problems:
        return _UNREADABLE
    if again != raw:
        console.warning(
            "another version of FlowJoy wrote this bundle, or it was changed: recomputed, it is not the same"
        )
    return int(again != raw)
