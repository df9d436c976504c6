"""The pages that the browser looks at: python -m tests.browser.write_pages FOLDER."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flowjoy import files
from flowjoy.bundle import Bundle
from flowjoy.findings import find
from flowjoy.written import bundle_bytes
from tests.builders import T0, a_bundle, a_deploy, a_ship, at
from tests.report.a_year import a_hostile_bundle, a_year


def running() -> Bundle:
    """Two clocks that run at this very moment, for the countdown."""
    now = (datetime.now(UTC) - T0) / timedelta(hours=1)
    return a_bundle([a_deploy(now - 40, "a" * 40), a_deploy(now - 2, "b" * 40)], [a_ship(now - 300)], until=at(now))


def main(folder: Path) -> int:
    """Write each page with its pictures into a folder of its own."""
    for name, bundle in (("year", a_year()), ("hostile", a_hostile_bundle()), ("running", running())):
        found = find(bundle)
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        for file, render in files.renderings(found, bundle_bytes(found)).items():
            (target / file).write_bytes(render())
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
