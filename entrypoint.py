"""The entry point of the container: `flowjoy run`."""

import sys

try:
    from flowjoy.cli.run import entry
except Exception as problem:  # noqa: BLE001  (Python's own exit code 1 would read as a broken promise)
    sys.exit(sys.stderr.write(f"FlowJoy cannot start ({type(problem).__name__})\n") and 2)
sys.exit(entry())
