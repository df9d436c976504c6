"""`python -m flowjoy run`: the same run on a laptop, with the inputs as flags; `replay`: a bundle's files again."""

from __future__ import annotations

import sys

_USAGE = """\
usage: python -m flowjoy run [--sla-hours 48 ...]             one run of the step, here
       python -m flowjoy replay flowjoy-bundle.json           its files again, offline
(run --help and replay --help list every flag)
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
    sys.stderr.write(_USAGE)
    return 2


if __name__ == "__main__":
    sys.exit(main())
