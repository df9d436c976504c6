"""The command line, `python -m flowjoy`: `run`, `replay`, `doctor`, `reference`, `rollup` and `collect`."""

from __future__ import annotations

import difflib
import gc
import os
import sys
from typing import NoReturn

_COMMANDS = ("run", "replay", "reference", "doctor", "rollup", "collect")
_WRONG = 2

_USAGE = """\
usage: python -m flowjoy run [--sla-hours 48 ...]             run the step here
       python -m flowjoy replay flowjoy-bundle.json           write its files again, offline
       python -m flowjoy reference train.csv [--run-id RUN]   the distribution of the training data, for the drift check
       python -m flowjoy doctor [--models recommender ...]    check the setup, and why each deployment counted or not
       python -m flowjoy rollup FOLDER [--services FILE ...]  the view of many services: joins their bundles
       python -m flowjoy collect --org acme --into FOLDER     fetch these bundles from GitHub
(each command lists its flags with --help)
"""


def main() -> NoReturn:
    """Run the command line."""
    gc.set_threshold(500_000, 20, 20)  # as in entrypoint.py
    command = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    if command == "run":
        from flowjoy.cli.run import entry

        entry()
    if command == "doctor":
        from flowjoy.cli.doctor import entry as examine

        examine()
    from flowjoy.actions.core import leave

    try:
        code = _run(command)
    except SystemExit as end:  # argparse, of --help or a wrong flag
        code = end.code if isinstance(end.code, int) else _WRONG
    except OSError:  # the reader of the output has gone
        code = _WRONG
    leave(code)


def _run(command: str) -> int:
    """Run a command that needs no signals; return its exit code."""
    if command == "replay":
        from flowjoy.cli.replay import replay

        return replay(sys.argv[1:])
    if command == "reference":
        from flowjoy.cli.reference import entry

        return entry()
    if command == "rollup":
        return _rollup()
    if command == "collect":
        from flowjoy.cli.collect import collect

        return collect(os.environ, sys.argv[1:])
    if command in ("-h", "--help", "help"):
        sys.stdout.write(_USAGE)
        return 0
    near = difflib.get_close_matches(command, _COMMANDS, n=1)
    cure = f". Did you mean {near[0]}?" if near else ""
    sys.stderr.write((f"{command[:40]!r} is not a command{cure}\n" if command else "") + _USAGE)
    return _WRONG


def _rollup() -> int:
    try:
        from flowjoy.cli.rollup import rollup
    except ModuleNotFoundError as lacking:
        sys.stderr.write(f"rollup: {lacking.name} is not installed. Run pip install duckdb pyarrow\n")
        return _WRONG
    return rollup(sys.argv[1:])


if __name__ == "__main__":
    main()
