"""Rules on what a page does: sorting, the clocks that count down, the keyboard, folds, and foreign text in it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser import layout


def opened(browser: Browser, path: Path) -> Page:
    page = browser.new_page()
    page.goto(path.as_uri())
    return page


def sorting(browser: Browser, path: Path) -> Iterator[str]:
    page = opened(browser, path)
    table = page.locator("#weeks table")
    head = table.locator("th", has_text="unified MTTR (h)")
    column = """table => [...table.tBodies[0].rows].map(row => row.cells[4].textContent.trim())"""
    for wanted, backwards in (("ascending", False), ("descending", True)):
        head.locator("button").click()
        cells = table.evaluate(column)
        figures = [float(text) for text in cells if text]
        if head.get_attribute("aria-sort") != wanted:
            yield f"sorting: aria-sort is not {wanted}"
        if figures != sorted(figures, reverse=backwards) or not figures:
            yield f"sorting: {wanted} gives {figures[:5]} …"
        if "" in cells[: len(figures)]:
            yield "sorting: blanks do not stay last"
    weeks = table.locator("th", has_text="week").first
    weeks.locator("button").click()
    if head.get_attribute("aria-sort") is not None:
        yield "sorting: two columns claim to be sorted by"
    first = table.evaluate("table => table.tBodies[0].rows[0].cells[0].textContent")
    if first != "Jun\u00a003\u00a02024":
        yield f"sorting: by week begins with {first}"
    page.close()


def countdown(browser: Browser, path: Path) -> Iterator[str]:
    page = opened(browser, path)
    clocks = page.locator("time[data-due]")
    before = clocks.all_text_contents()
    # In the title, and in a row for each.
    if len(before) != 3 or not before[0].startswith("in ") or not all(text.endswith(" left") for text in before[1:]):
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
    if not all(re.search(r"\d+\s[dhms]\b", text) for text in still.locator("time[data-due]").all_text_contents()):
        yield "countdown: without scripts the page does not say what is left"
    still.close()


def keyboard(browser: Browser, path: Path) -> Iterator[str]:
    page = opened(browser, path)
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


def inert(browser: Browser, path: Path) -> Iterator[str]:
    page = opened(browser, path)
    page.on("dialog", lambda dialog: (_ for _ in ()).throw(AssertionError(dialog.message)))
    scripts = page.evaluate("document.scripts.length")
    pictures = page.evaluate("[...document.images].filter(image => !image.src.startsWith('data:image/svg')).length")
    if scripts != 1 or pictures:
        yield f"hostile: {scripts} scripts and {pictures} pictures of others"
    if "<script>alert(1)</script>" not in page.inner_text("main"):
        yield "hostile: the text is not shown as it is"
    page.close()


def big(browser: Browser, path: Path) -> Iterator[str]:
    """Five hundred rows are sorted without a noticeable pause."""
    page = opened(browser, path)
    page.locator("#promise summary").click()
    if not page.locator("#promise tbody tr").last.is_visible():
        yield "the big table does not unfold"
    begun = time.perf_counter()
    page.locator("#promise th button").first.click()
    took, rows = time.perf_counter() - begun, page.locator("#promise tbody tr").count()
    print(f"{rows} rows sorted in {took:.2f} s")
    if rows < 500:
        yield f"the big table has {rows} rows only"
    page.close()


def folds(browser: Browser, path: Path) -> Iterator[str]:
    """Of many overdue models three are shown and the others folded; of many rows the most urgent are shown."""
    page = opened(browser, path)
    if not page.locator("h1").inner_text().startswith("11 models are overdue"):
        yield f"folds: the title is {page.locator('h1').inner_text()}"
    ships = page.locator(".moves > ul > li.bad")
    if ships.locator("visible=true").count() != 4 or ships.locator("li").count() != 8:
        yield f"folds: {ships.count()} moves and {ships.locator('li').count()} in the fold"
    if page.locator(".moves li li").first.is_visible():
        yield "folds: the other models are shown"
    page.locator(".moves summary").click()
    if not page.locator(".moves li li").first.is_visible():
        yield "folds: the other models do not unfold"
    if (rows := page.locator("#promise tbody tr:visible").count()) > 10:
        yield f"folds: {rows} rows of one table are shown"
    page.close()


def years(browser: Browser, path: Path) -> Iterator[str]:
    """A date of another year than the run's carries it."""
    page = opened(browser, path)
    silent = page.evaluate(r"""() => [...document.querySelectorAll("#promise td[data-sort]")].filter(cell =>
      /\d\d:\d\d\sUTC$/.test(cell.textContent) && new Date(cell.dataset.sort * 1000).getUTCFullYear() !== 2025
      && !cell.textContent.includes("2024")).map(cell => cell.textContent)""")
    yield from (f"years: {text} is of another year" for text in silent)
    page.close()


def unscripted(browser: Browser, path: Path) -> Iterator[str]:
    """Without scripts a picture begins at its newest week as well."""
    page = browser.new_page(java_script_enabled=False, viewport={"width": layout.PHONE, "height": 900})
    page.goto(path.as_uri())
    for frame in page.locator("figure.newest").all():
        box, picture = frame.bounding_box(), frame.locator("img").bounding_box()
        if not box or not picture or not -20 <= picture["x"] + picture["width"] - box["x"] - box["width"] <= 0:
            yield "unscripted: a picture does not begin at its newest week"
    page.close()
