"""Looks at written pages with a real browser. No pytest and nothing of FlowJoy: it needs Playwright and a Chromium.

    python -m tests.browser.write_pages FOLDER
    python -m tests.browser.look FOLDER [CHROMIUM]

Leaves screenshots and a PDF beside each page; exit code 1 and a line for everything that does not hold.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import behaviour, layout, printed

CHROMIUM = "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update"]
WIDTHS = {"phone": layout.PHONE, "tablet": layout.TABLET, "desktop": layout.DESKTOP}


def opened(browser: Browser, path: Path, **look: Any) -> tuple[Page, list[str]]:
    """The page, and every complaint: of the console, of scripts, of requests that leave the file."""
    page = browser.new_page(**look)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(f"console {message.type}: {message.text}"))
    page.on("pageerror", lambda problem: complaints.append(f"script: {problem}"))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith(("data:", path.as_uri())) else complaints.append(f"request: {request.url}")
        ),
    )
    page.goto(path.as_uri())
    return page, complaints


def problems(browser: Browser, folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*/report.html")):
        name = path.parent.name
        of_run = name != "rollup"
        yield from (f"{name}, {text}" for text in _looked_at(browser, path) if of_run or layout.UNLINKED not in text)
        yield from (f"{name}, printed: {problem}" for problem in printed.problems(browser, path))
        yield from (f"{name}, {problem}" for problem in layout.schemes(browser, path))
    yield from behaviour.sorting(browser, folder / "year" / "report.html")
    yield from behaviour.countdown(browser, folder / "running" / "report.html")
    yield from behaviour.keyboard(browser, folder / "year" / "report.html")
    yield from behaviour.folds(browser, folder / "crowd" / "report.html")
    yield from behaviour.years(browser, folder / "year" / "report.html")
    yield from behaviour.unscripted(browser, folder / "year" / "report.html")
    yield from behaviour.inert(browser, folder / "hostile" / "report.html")
    yield from behaviour.big(browser, folder / "year" / "report.html")


def _looked_at(browser: Browser, path: Path) -> Iterator[str]:
    for device, width in WIDTHS.items():
        for scheme in ("light", "dark"):
            look: dict[str, Any] = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
            page, complaints = opened(browser, path, **look)
            found = [*complaints, *layout.problems(page, width, hostile=path.parent.name == "hostile")]
            yield from (f"{scheme}, {device}: {problem}" for problem in found)
            page.screenshot(path=path.with_name(f"{device}-{scheme}.png"), full_page=True)
            page.close()


def main(folder: Path, chromium: str) -> int:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        found = list(problems(browser, folder.resolve()))
        print(f"{browser.browser_type.name} {browser.version}: {len(found)} problems")
        browser.close()
    for problem in found:
        print(problem)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else CHROMIUM))
