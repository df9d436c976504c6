"""The entry point of the container: `flowjoy run`."""

import gc
import sys

gc.set_threshold(500_000, 20, 20)  # a tenth of the time went into looking for garbage among what imports make

try:
    from flowjoy.cli.run import entry
except Exception as problem:  # noqa: BLE001  (Python's own exit code 1 would read as a broken promise)
    sys.exit(sys.stderr.write(f"FlowJoy cannot start ({type(problem).__name__})\n") and 2)
sys.exit(entry())
