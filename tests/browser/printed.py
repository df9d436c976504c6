"""Rules on the printed page, read from its PDF."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
from playwright.sync_api import Browser

from tests.browser import layout

_HEADS = """() => ({
  heads: [...document.querySelectorAll("h2, caption, thead tr, summary")].map(head => head.innerText),
  banner: [...document.querySelectorAll(".banner h1, .banner li:last-child")].map(part => part.innerText),
})"""


def problems(browser: Browser, path: Path) -> Iterator[str]:
    """What is wrong with a page on A4."""
    page = browser.new_page(viewport={"width": 700, "height": 1000})  # A4 within its margins
    page.goto(path.as_uri())
    if page.locator("section details[open]").count():
        yield "folds are open on the screen"
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    if page.locator("details:not([open])").count():
        yield "a fold stays closed"
    if (wide := page.evaluate("document.documentElement.scrollWidth")) > 700:
        yield f"{wide} pixels wide"
    if page.locator("nav").is_visible():
        yield "the links of the screen are printed"
    most = page.locator("table").evaluate_all(
        "all => Math.max(...all.map(table => [...table.tBodies[0].rows].filter(row => row.checkVisibility()).length))"
    )
    if most > 40:
        yield f"{most} rows of one table"
    yield from (f"wraps inside {text}" for text in page.evaluate(layout.WRAPPED))
    texts = page.evaluate(_HEADS)
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    if page.locator("section details[open]").count():
        yield "folds stay open after printing"
    target = path.with_name("print.pdf")
    page.pdf(path=str(target), format="A4", prefer_css_page_size=True)
    page.close()
    yield from _sheets(target, {_words(head) for head in texts["heads"]}, [_words(part) for part in texts["banner"]])


def _sheets(target: Path, heads: set[str], banner: list[str]) -> Iterator[str]:
    sheets = list(pypdfium2.PdfDocument(str(target)))
    for number, sheet in enumerate(sheets, 1):
        lines = _lines(sheet)
        if lines and lines[-1] in heads:
            yield f"sheet {number} of {len(sheets)} ends with a heading: {lines[-1]}"
    first = _words(sheets[0].get_textpage().get_text_range())
    yield from (f"the first sheet lacks a part of the banner: {part}" for part in banner if part not in first)


def _lines(sheet: pypdfium2.PdfPage) -> list[str]:
    """The text of a sheet by line, from top to bottom, without spaces."""
    text = sheet.get_textpage()
    boxes = [text.get_rect(index) for index in range(text.count_rects())]
    by_line: dict[int, list[tuple[float, str]]] = {}
    for left, bottom, right, top in boxes:
        by_line.setdefault(round((top + bottom) / 8), []).append(
            (left, text.get_text_bounded(left, bottom, right, top))
        )
    return [_words("".join(part for _, part in sorted(by_line[line]))) for line in sorted(by_line, reverse=True)]


def _words(text: str) -> str:
    """The letters of a text: without spaces, and without hyphens, which a PDF changes where a line ends."""
    return re.sub(r"[\s\-\ufffe\u00ad]", "", text)
