"""`python -m flowjoy run`: the same run on a laptop, with the inputs as flags."""

from __future__ import annotations

import sys

from flowjoy.main import entry

_USAGE = "usage: python -m flowjoy run [--sla-hours 48 ...]    (run --help lists every flag)"


def main() -> int:
    """The command line."""
    if len(sys.argv) < 2 or sys.argv[1] != "run":
        sys.stderr.write(_USAGE + "\n")
        return 2
    del sys.argv[1]
    return entry()


if __name__ == "__main__":
    sys.exit(main())
