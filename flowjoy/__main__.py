"""`python -m flowjoy`: `run` the step, `replay` a bundle, `doctor` what is missing, `reference` the training data."""

from __future__ import annotations

import sys

_USAGE = """\
usage: python -m flowjoy run [--sla-hours 48 ...]             one run of the step, here
       python -m flowjoy replay flowjoy-bundle.json           its files again, offline
       python -m flowjoy reference train.csv [--run-id RUN]   how the training data lies, for the drift check
       python -m flowjoy doctor [--models recommender ...]    what is missing, and why each deploy counted or not
(run --help, replay --help, doctor --help and reference --help list every flag)
"""


def main() -> int:
    """The command line."""
    command = sys.argv.pop(1) if len(sys.argv) > 1 else ""
    if command == "run":
        from flowjoy.main import entry

        return entry()
    if command == "replay":
        from flowjoy.replay import replay

        return replay(sys.argv[1:])
    if command == "reference":
        from flowjoy.reference import entry as describe

        return describe()
    if command == "doctor":
        from flowjoy.doctor import entry as examine

        return examine()
    sys.stderr.write(_USAGE)
    return 2


if __name__ == "__main__":
    sys.exit(main())
