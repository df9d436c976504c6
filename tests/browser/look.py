"""Looks at written pages with a real browser. No pytest and nothing of FlowJoy: it needs Playwright and a Chromium.

    python -m tests.browser.write_pages FOLDER
    python tests/browser/look.py FOLDER [CHROMIUM]

Leaves screenshots beside the pages; exit code 1 and a line for everything that does not hold.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
QUIET = ["--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update"]
WIDTHS = {"phone": 400, "tablet": 768, "desktop": 1280}
SMALLEST = 8.5  # pixels of text in a picture


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
    for name in ("year", "hostile", "running"):
        path = folder / name / "report.html"
        for scheme in ("light", "dark"):
            for device, width in WIDTHS.items():
                look: dict[str, Any] = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
                page, complaints = opened(browser, path, **look)
                yield from (f"{name}, {scheme}, {device}: {said}" for said in complaints)
                yield from (f"{name}, {scheme}, {device}: {said}" for said in _layout(page, width))
                page.screenshot(path=path.with_name(f"{device}-{scheme}.png"), full_page=True)
                page.close()
        yield from (f"{name}: {said}" for said in _shades(browser, path))
        yield from (f"{name}: {said}" for said in _pictures(browser, path))
    yield from _sorting(browser, folder / "year" / "report.html")
    yield from _countdown(browser, folder / "running" / "report.html")
    yield from _keyboard(browser, folder / "year" / "report.html")
    yield from _print(browser, folder / "year" / "report.html")
    yield from _inert(browser, folder / "hostile" / "report.html")
    yield from _big(browser, folder / "year" / "report.html")


def _layout(page: Page, width: int) -> Iterator[str]:
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        yield f"the page is {wide} pixels wide, the window {width}"
    broken = page.evaluate("[...document.images].filter(image => !image.complete || !image.naturalWidth).length")
    if broken:
        yield f"{broken} pictures do not show"


def _pictures(browser: Browser, path: Path) -> Iterator[str]:
    """The text of a picture is large enough on every screen, and the picture has the ground of its page."""
    script = """() => [...document.images].map(image => {
      const drawn = atob(image.src.split(",")[1]);
      const sizes = [...drawn.matchAll(/font(?:-size)?: (?:bold )?([\\d.]+)px/g)].map(match => Number(match[1]));
      const canvas = document.createElement("canvas").getContext("2d");
      canvas.drawImage(image, 0, 0);
      const [red, green, blue] = canvas.getImageData(3, 3, 1, 1).data;
      const wide = Number(drawn.match(/viewBox="0 0 (\\S+)/)[1]);
      return [Math.min(...sizes) * image.clientWidth / wide, `rgb(${red}, ${green}, ${blue})`];
    })"""
    for scheme in ("light", "dark"):
        for device, width in WIDTHS.items():
            page, _ = opened(browser, path, viewport={"width": width, "height": 900}, color_scheme=scheme)
            page.evaluate("Promise.all([...document.images].map(image => image.decode()))")
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
            for size, behind in page.evaluate(script):
                if size < SMALLEST:
                    yield f"{scheme}, {device}: the text of a picture is {size:.1f} pixels high"
                if behind != ground:
                    yield f"{scheme}, {device}: a picture has the ground {behind}, its page {ground}"
            page.close()


def _shades(browser: Browser, path: Path) -> Iterator[str]:
    """Text stands out from what is behind it, by WCAG's ratio of 4.5, in both schemes."""
    script = """() => {
      const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
      const shine = ([r, g, b]) => [r, g, b].map(c => c / 255)
        .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
      const behind = element => {
        for (let at = element; at; at = at.parentElement) {
          const fill = rgb(getComputedStyle(at).backgroundColor);
          if (fill.length === 3 || fill[3] > 0) return fill;
        }
        return [255, 255, 255];
      };
      const weak = new Set();
      for (const element of document.querySelectorAll("h1,h2,p,dt,dd,th,td,a,caption,.mark,.verdict,code,button")) {
        if (!element.textContent.trim() || !element.checkVisibility()) continue;
        const [one, two] = [shine(rgb(getComputedStyle(element).color)), shine(behind(element))];
        const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
        if (ratio < 4.5) weak.add(`${element.tagName} ${element.className} ${ratio.toFixed(2)}`);
      }
      return [...weak];
    }"""
    fills = []
    for scheme in ("light", "dark"):
        page, _ = opened(browser, path, color_scheme=scheme)
        yield from (f"{scheme}: too little contrast: {said}" for said in page.evaluate(script))
        fills.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.close()
    if fills[0] == fills[1]:
        yield "dark looks like light"


def _sorting(browser: Browser, path: Path) -> Iterator[str]:
    page, _ = opened(browser, path)
    table = page.locator("#weeks table")
    head = table.locator("th", has_text="unified MTTR (h)")
    column = """table => [...table.tBodies[0].rows].map(row => row.cells[4].textContent.trim())"""
    for wanted, backwards in (("ascending", False), ("descending", True)):
        head.locator("button").click()
        told = table.evaluate(column)
        figures = [float(text) for text in told if text]
        if head.get_attribute("aria-sort") != wanted:
            yield f"sorting: aria-sort is not {wanted}"
        if figures != sorted(figures, reverse=backwards) or not figures:
            yield f"sorting: {wanted} gives {figures[:5]} …"
        if "" in told[: len(figures)]:
            yield "sorting: blanks do not stay last"
    weeks = table.locator("th", has_text="week").first
    weeks.locator("button").click()
    if head.get_attribute("aria-sort") is not None:
        yield "sorting: two columns claim to be sorted by"
    first = table.evaluate("table => table.tBodies[0].rows[0].cells[0].textContent")
    if first != "Jun 03 2024":
        yield f"sorting: by week begins with {first}"
    page.close()


def _countdown(browser: Browser, path: Path) -> Iterator[str]:
    page, _ = opened(browser, path)
    clocks = page.locator("time[data-due]")
    before = clocks.all_text_contents()
    # In the headline, in the figure, in the next step, in a row for each, and in the inventory.
    if len(before) != 6 or not before[0].startswith("in ") or not all(text.endswith(" left") for text in before[1:]):
        yield f"countdown: shows {before}"
    # A minute passes for the page alone.
    page.evaluate("() => { const now = Date.now; Date.now = () => now() + 61000; tick(); }")
    if clocks.all_text_contents() == before:
        yield "countdown: a minute changes nothing"
    page.evaluate("() => { const now = Date.now; Date.now = () => now() + 99 * 3600000; tick(); }")
    over = clocks.all_text_contents()
    if not over[0].endswith(" ago") or not all(text.startswith("overdue by ") for text in over[1:]):
        yield "countdown: a clock that ran out does not say so"
    page.close()
    still = browser.new_page(java_script_enabled=False)
    still.goto(path.as_uri())
    if not all(re.search(r"\d+ h \d+ m", text) for text in still.locator("time[data-due]").all_text_contents()):
        yield "countdown: without scripts the page does not say what is left"
    still.close()


def _keyboard(browser: Browser, path: Path) -> Iterator[str]:
    page, _ = opened(browser, path)
    page.keyboard.press("Tab")
    if page.evaluate("document.activeElement.className") != "skip":
        yield "keyboard: the first stop is not the way past the head"
    page.locator("#weeks th button").first.focus()
    page.keyboard.press("Enter")
    if page.locator("#weeks th").first.get_attribute("aria-sort") != "ascending":
        yield "keyboard: a table cannot be sorted by Enter"
    unnamed = page.evaluate("[...document.querySelectorAll('img:not([alt]), section:not([aria-labelledby])')].length")
    if unnamed:
        yield f"screen reader: {unnamed} elements have no name"
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(head => head.tagName)")
    if levels.count("H1") != 1 or levels[0] != "H1":
        yield f"screen reader: headings are {levels}"
    page.close()


def _print(browser: Browser, path: Path) -> Iterator[str]:
    page, _ = opened(browser, path)
    if page.locator("details[open]").count():
        yield "print: folds are open on the screen"
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    if page.locator("details:not([open])").count():
        yield "print: a fold stays closed"
    page.set_viewport_size({"width": 700, "height": 1000})  # A4 within its margins
    if (wide := page.evaluate("document.documentElement.scrollWidth")) > 700:
        yield f"print: {wide} pixels wide"
    if (rows := page.locator("#promise tbody tr:visible").count()) != 40:
        yield f"print: {rows} rows of a folded table"
    if page.locator("nav").is_visible():
        yield "print: the links of the screen are printed"
    if not page.pdf(path=str(path.with_name("print.pdf"))).startswith(b"%PDF"):
        yield "print: no PDF"
    page.close()


def _inert(browser: Browser, path: Path) -> Iterator[str]:
    page, _ = opened(browser, path)
    page.on("dialog", lambda dialog: (_ for _ in ()).throw(AssertionError(dialog.message)))
    scripts = page.evaluate("document.scripts.length")
    pictures = page.evaluate("[...document.images].filter(image => !image.src.startsWith('data:image/svg')).length")
    if scripts != 1 or pictures:
        yield f"hostile: {scripts} scripts and {pictures} pictures of others"
    if "<script>alert(1)</script>" not in page.inner_text("main"):
        yield "hostile: the text is not shown as it is"
    page.close()


def _big(browser: Browser, path: Path) -> Iterator[str]:
    """Five hundred rows are sorted while somebody waits for it."""
    page, _ = opened(browser, path)
    page.locator("#promise summary").click()
    begun = time.perf_counter()
    page.locator("#promise th button").first.click()
    took, rows = time.perf_counter() - begun, page.locator("#promise tbody tr").count()
    print(f"{rows} rows sorted in {took:.2f} s")
    if rows < 500:
        yield f"the big table has {rows} rows only"
    page.close()


def main(folder: Path, chromium: str) -> int:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        found = list(problems(browser, folder.resolve()))
        print(f"{browser.browser_type.name} {browser.version}: {len(found)} problems")
        browser.close()
    for said in found:
        print(said)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else CHROMIUM))
