"""Measures how long a newcomer waits for `make demo`: python benchmarks/first_start.py.

A fresh clone of the checkout's commit, with an empty home directory: no cache of pip or uv, no environment. Needs the
package index, and a machine that does nothing else: unlike the other benchmarks, this one reads a clock.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.pairs import ROOT, Row, show

KEPT = ("PATH", "LANG", "SSL_CERT_FILE", "PIP_CERT", "HTTPS_PROXY", "NO_PROXY")


def on_a_clock() -> list[Row]:
    """Run the demo twice: on a bare machine, and with its environment made."""
    with tempfile.TemporaryDirectory() as folder:
        clone, home = Path(folder) / "flowjoy", Path(folder) / "home"
        home.mkdir()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)  # noqa: S607
        environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {"HOME": str(home)}
        bare, made = (_seconds(clone, environment) for _ in range(2))
    return [
        Row(what="make demo, from a bare machine", measured=bare, target=75, unit="s"),
        Row(what="make demo, with its environment made", measured=made, target=12, unit="s"),
    ]


def _seconds(clone: Path, environment: dict[str, str]) -> float:
    began = time.monotonic()
    subprocess.run(["make", "demo"], cwd=clone, env=environment, stdout=subprocess.DEVNULL, check=True)  # noqa: S607
    return time.monotonic() - began


def main() -> int:
    """Print the rows."""
    return show(on_a_clock())


if __name__ == "__main__":
    sys.exit(main())
