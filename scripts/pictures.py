"""Makes the pictures of the README from `make demo`: the two charts, and the top of the report page in Chromium.

make demo && .venv/bin/python scripts/pictures.py
"""

from __future__ import annotations

import shutil
import subprocess  # nosec B404
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "demo-report" / "flowjoy-report"
PICTURES = ROOT / "docs" / "pictures"
CHARTS = ("unified_flow.svg", "promise.svg")
WIDTH, HEIGHT = 1120, 760


def main() -> int:
    """Copy the charts and photograph the page; exit code 1 without Chromium or a report."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or not REPORT.is_dir():
        sys.stderr.write("Run `make demo` first, and install Chromium\n")
        return 1
    PICTURES.mkdir(exist_ok=True)
    for name in CHARTS:
        shutil.copy(REPORT / name, PICTURES)
    flags = ["--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={WIDTH},{HEIGHT}"]
    page = PICTURES / "report.png"
    command = [chromium, *flags, f"--screenshot={page}", (REPORT / "report.html").as_uri()]
    return subprocess.run(command, check=False, capture_output=True).returncode  # noqa: S603  # nosec B603  (our own page)


if __name__ == "__main__":
    sys.exit(main())
