"""`replay`: every file of a bundle again, offline: no token, no network, no clock."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from flowjoy import bundle as bundles
from flowjoy import files
from flowjoy.errors import BundleError
from flowjoy.findings import find
from flowjoy.report.headline import headline
from flowjoy.runner import Console

_UNREADABLE = 2


def replay(argv: Sequence[str], stream: TextIO | None = None) -> int:
    """Recompute the files of one bundle. 0 when they were written, 2 when the bundle cannot be read or a file not."""
    parser = argparse.ArgumentParser(prog="python -m flowjoy replay", description=__doc__)
    parser.add_argument("bundle", type=Path, help="a flowjoy-bundle.json, as a run wrote it")
    parser.add_argument("--output-dir", type=Path, default=Path("flowjoy-replay"), help="folder for the files")
    given = parser.parse_args(list(argv))
    console = Console(on_actions=False, stream=stream if stream is not None else sys.stdout)
    try:
        raw = given.bundle.read_bytes()
        findings = find(bundles.from_json(raw))
    except OSError as problem:
        console.error(f"{given.bundle} cannot be read ({type(problem).__name__})")
        return _UNREADABLE
    except BundleError as problem:
        console.error(f"{given.bundle}: {problem}")
        return _UNREADABLE
    again = bundles.to_json(replace(findings.bundle, obligations=findings.obligations))
    folder = given.output_dir.resolve()
    problems: list[str] = []
    written = files.write(files.renderings(findings, again), folder, folder, problems.append, console.redact)
    for said in problems:
        console.error(said)
    for name in written:
        console.log(str(given.output_dir / name))
    if again != raw:
        console.warning("the bundle was written by another version of FlowJoy: recomputed, it is not the same")
    console.log(f"verdict then: {findings.verdict.decision.value}: {headline(findings)}")
    return _UNREADABLE if problems else 0
