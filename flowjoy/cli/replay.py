"""`replay`: writes every file of a bundle again, offline: without a token, the network or the clock."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from flowjoy.actions.core import Console
from flowjoy.analysis.results import analyse, with_gate
from flowjoy.domain.gate_findings import MergeGate
from flowjoy.errors import BundleError
from flowjoy.ledger import bundle_format
from flowjoy.ledger.bundle_file import bundle_bytes
from flowjoy.report import files
from flowjoy.report.content.banner import headline

_UNREADABLE = 2


def replay(argv: Sequence[str], stream: TextIO | None = None) -> int:
    """Recompute the files of one bundle and return the exit code.

    0: the bundle is the same, byte for byte; 1: the files are written, but the bundle differs; 2: not done.
    The promise is judged again. The findings of a merge gate are repeated, because a bundle lacks their evidence.
    """
    parser = argparse.ArgumentParser(prog="python -m flowjoy replay", description=__doc__, allow_abbrev=False)
    parser.add_argument("bundle", type=Path, help="a flowjoy-bundle.json, as a run wrote it")
    parser.add_argument("--output-dir", type=Path, default=Path("flowjoy-replay"), help="folder for the files")
    arguments = parser.parse_args(list(argv))
    console = Console(on_actions=False, stream=stream if stream is not None else sys.stdout)
    try:
        return _replay(arguments.bundle, arguments.output_dir, console)
    except OSError as problem:
        console.error(f"{arguments.bundle} cannot be read ({type(problem).__name__})")
    except BundleError as problem:
        console.error(f"{arguments.bundle}: {problem}")
    except Exception as problem:  # noqa: BLE001  (the file may have been edited: one line, not a traceback)
        console.error(f"{arguments.bundle} cannot be recomputed ({type(problem).__name__})")
    return _UNREADABLE


def _replay(path: Path, output_dir: Path, console: Console) -> int:
    original = path.read_bytes()
    results, gate = analyse(bundle_format.from_json(original)), bundle_format.part(original, "gate", MergeGate)
    results = results if gate is None else with_gate(results, gate)
    recomputed = bundle_bytes(results)
    is_same = recomputed == original
    folder = output_dir.resolve()
    if not is_same and path.resolve().parent == folder:
        console.error("another version of FlowJoy wrote this bundle, or it was changed: set another --output-dir")
        return _UNREADABLE
    problems: list[str] = []
    written = files.write(files.renderings(results, recomputed), folder, folder, problems.append, console.redact)
    for problem in problems:
        console.error(problem)
    for name in written:
        console.log(str(output_dir / name))
    console.log(f"the promise then: {results.verdict.decision.value}: {headline(results)}")
    if problems:
        return _UNREADABLE
    if not is_same:
        console.warning("another version of FlowJoy wrote this bundle, or it was changed: the recomputed one differs")
    return int(not is_same)
