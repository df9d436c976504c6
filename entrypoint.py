"""The container's door to `flowjoy run`, and nothing else."""

import sys

from flowjoy.main import entry

sys.exit(entry())
