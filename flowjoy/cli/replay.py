"""`replay`: writes every file of a bundle again, offline: without a token, the network or the clock."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import pydantic_core

from flowjoy import __version__
from flowjoy.actions.core import Console
from flowjoy.analysis.results import analyse, with_gate
from flowjoy.domain.gate_findings import MergeGate
from flowjoy.errors import BundleError
from flowjoy.ledger import bundle_format
from flowjoy.ledger.bundle_file import bundle_bytes
from flowjoy.report import files
from flowjoy.report.content.banner import headline

_UNREADABLE = 2
_SHOWN = 5


def replay(argv: Sequence[str], stream: TextIO | None = None) -> int:
    """Recompute the files of one bundle and return the exit code.

    0: the bundle is the same, byte for byte; 1: the files are written, but the bundle differs; 2: not done.
    The promise is judged again. The findings of a merge gate are repeated, because a bundle lacks their evidence.
    """
    parser = argparse.ArgumentParser(prog="python -m flowjoy replay", description=__doc__, allow_abbrev=False)
    parser.add_argument("bundle", type=Path, help="a flowjoy-bundle.json, as a run wrote it")
    parser.add_argument("--output-dir", type=Path, default=Path("flowjoy-replay"), help="folder for the files")
    arguments = parser.parse_args(list(argv))
    console = Console(on_actions=False, stream=stream)
    try:
        return _replay(arguments.bundle, arguments.output_dir, console)
    except OSError as problem:
        console.error(f"{arguments.bundle} cannot be read ({problem.strerror})")
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
        console.error(f"{_difference(original, recomputed)}. Set another --output-dir to write the recomputed files")
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
        console.warning(_difference(original, recomputed))
    return int(not is_same)


def _difference(original: bytes, recomputed: bytes) -> str:
    """Return where two bundles differ, and which versions computed them."""
    was, now = _parts(original), _parts(recomputed)
    names = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    written_by = was.get("written_by")
    version = written_by.get("version") if isinstance(written_by, dict) else "of an unknown version"
    return (
        f"the recomputed bundle differs in {shown or 'its formatting'}. FlowJoy {version} wrote the other, "
        f"or it was changed since; this is FlowJoy {__version__}"
    )


def _parts(raw: bytes) -> dict[str, Any]:
    """Return the parts of a bundle, each figure by itself."""
    data = pydantic_core.from_json(raw)
    figures = data.pop("figures", None)
    return {**data, **{f"figures.{name}": value for name, value in (figures or {}).items()}}
