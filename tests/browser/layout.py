"""Rules on the look of a page at one width, in one colour scheme."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

PHONE, TABLET, DESKTOP = 400, 768, 1280
SMALLEST = 8.5  # pixels of text in a picture

WRAPPED = r"""() => {
  const month = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)";
  const together = new RegExp(`\\d\\d\\s${month}|${month}\\s\\d\\d(?!:)|\\d\\d:\\d\\d\\sUTC|\\d+\\sh\\s\\d+\\sm`, "g");
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), wrapped = [];
  for (let text = texts.nextNode(); text; text = texts.nextNode()) {
    if (text.parentElement.closest("script, style") || !text.parentElement.checkVisibility()) continue;
    for (const match of text.data.matchAll(together)) {
      const range = document.createRange();
      range.setStart(text, match.index);
      range.setEnd(text, match.index + match[0].length);
      if (new Set([...range.getClientRects()].map(line => line.top)).size > 1) wrapped.push(match[0]);
    }
  }
  return wrapped;
}"""
_CLIPPED = """() => [...document.querySelectorAll("td")].filter(cell => {
  if (!cell.checkVisibility()) return false;
  const [box, frame] = [cell, cell.closest(".scroll")].map(element => element.getBoundingClientRect());
  return cell.scrollWidth > cell.clientWidth || box.right > frame.right + 1 || box.right > innerWidth;
}).map(cell => `${cell.dataset.label}: ${cell.textContent}`)"""
_PICTURES = """async () => {
  await Promise.all([...document.images].map(image => image.decode()));
  return [...document.images].filter(image => image.clientWidth).map(image => {  // a copy of names is for phones
    const drawn = atob(image.src.split(",")[1]);
    const sizes = [...drawn.matchAll(/font(?:-size)?: (?:bold )?([\\d.]+)px/g)].map(match => Number(match[1]));
    const canvas = document.createElement("canvas").getContext("2d");
    canvas.drawImage(image, 0, 0);
    const [red, green, blue] = canvas.getImageData(3, 3, 1, 1).data;
    const wide = Number(drawn.match(/viewBox="\\S+ \\S+ (\\S+)/)[1]);
    return [Math.min(...sizes) * image.clientWidth / wide, `rgb(${red}, ${green}, ${blue})`];
  });
}"""
_CONTRAST = """() => {
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
  for (const element of document.querySelectorAll("body *:not(script)")) {
    if (![...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
    if (!element.checkVisibility()) continue;
    const [one, two] = [shine(rgb(getComputedStyle(element).color)), shine(behind(element))];
    const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
    if (ratio < 4.5) weak.add(`${element.tagName} ${element.className} ${ratio.toFixed(2)}`);
  }
  return [...weak];
}"""


def problems(page: Page, width: int, *, hostile: bool) -> Iterator[str]:
    """What is wrong with the look of a page: names as long as they like may only scroll where the screen is wide."""
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        yield f"the page is {wide} pixels wide, the window {width}"
    if broken := page.evaluate("[...document.images].filter(i => !i.complete || !i.naturalWidth).length"):
        yield f"{broken} pictures do not show"
    yield from (f"wraps inside {text}" for text in page.evaluate(WRAPPED))
    if width == PHONE or not hostile:
        yield from (f"clipped: {cell}" for cell in page.evaluate(_CLIPPED))
    yield from _pictures(page)
    yield from _banner(page)
    yield from _nav(page, width)
    if width == PHONE:
        yield from _cards(page)
        yield from _newest(page)
        yield from _names(page)


UNLINKED = "the banner links neither check nor run"
"""A complaint about the page of a run; that of a roll-up belongs to none."""


def _banner(page: Page) -> Iterator[str]:
    if (count := page.locator(".banner").count()) != 1 or not page.locator("header > .banner > h1").count():
        yield f"{count} banners"
    if not page.evaluate("/\\b(good|bad|wait|calm)\\b/.test(document.querySelector('.banner').className)"):
        yield "the banner has no status"
    if page.locator(".banner .links a").count() < 2:
        yield UNLINKED
    main = page.locator("main").inner_text()
    stated = page.locator(".banner h1, .banner .moves strong").all_inner_texts()
    yield from (f"the banner's {text!r} is repeated below it" for text in stated if text and text in main)


def _pictures(page: Page) -> Iterator[str]:
    """The text of a picture is large enough, and the picture is drawn on the ground of its page, without a filter."""
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for size, behind in page.evaluate(_PICTURES):
        if size < SMALLEST:
            yield f"the text of a picture is {size:.1f} pixels high"
        if behind != ground:
            yield f"a picture has the ground {behind}, its page {ground}"
    if page.locator("figure img").evaluate_all("all => all.some(image => getComputedStyle(image).filter !== 'none')"):
        yield "a filter changes a picture"


def _nav(page: Page, width: int) -> Iterator[str]:
    tops = page.evaluate("[...document.querySelectorAll('nav a')].map(link => link.getBoundingClientRect().top)")
    beside = page.evaluate(
        "document.querySelector('nav').getBoundingClientRect().right"
        " <= document.querySelector('main').getBoundingClientRect().left"
    )
    if len(set(tops)) > 1 and not (width >= DESKTOP and beside):
        yield f"the sections are listed in {len(set(tops))} rows above the report"


def _cards(page: Page) -> Iterator[str]:
    """On a phone each cell has the name of its column, and no row is wider than the screen."""
    if page.locator("td:not([data-label])").count():
        yield "a cell without the name of its column"
    if page.evaluate("[...document.querySelectorAll('.scroll')].some(part => part.scrollWidth > part.clientWidth)"):
        yield "a table scrolls to the side"
    if page.locator("thead:visible").count():
        yield "the head of a table is shown above its cards"


def _newest(page: Page) -> Iterator[str]:
    """A picture over time begins at its newest week where it is wider than the screen."""
    for box, picture in page.evaluate(
        "[...document.querySelectorAll('figure.newest')].map(frame => [frame, frame.firstElementChild]"
        ".map(part => part.getBoundingClientRect().right))"
    ):
        if not box - 20 <= picture <= box:
            yield f"a picture begins {picture - box:.0f} pixels before its newest week"


def _names(page: Page) -> Iterator[str]:
    """The names of the lanes stay in sight at the newest week, and at the oldest."""
    for reach in (0, -9999):
        page.evaluate(f"document.querySelectorAll('figure.newest').forEach(frame => frame.scrollLeft = {reach})")
        for frame, names, picture in page.evaluate(
            "[...document.querySelectorAll('figure:has(.names)')].map(frame => [frame, frame.querySelector('.names'),"
            " frame.querySelector('.names img')].map(part => part.getBoundingClientRect().left))"
        ):
            if not (0 <= names - frame <= 8 and abs(picture - names) < 1):
                yield f"the names of the lanes begin {names - frame:.0f} pixels after their picture's frame"
    page.evaluate("document.querySelectorAll('figure.newest').forEach(frame => frame.scrollLeft = 0)")


def schemes(browser: Browser, path: Path) -> Iterator[str]:
    """Text stands out by WCAG's ratio of 4.5 in both schemes, which differ."""
    fills = []
    for scheme in ("light", "dark"):
        look: dict[str, Any] = {"color_scheme": scheme}
        page = browser.new_page(**look)
        page.goto(path.as_uri())
        yield from (f"{scheme}: too little contrast: {text}" for text in page.evaluate(_CONTRAST))
        fills.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.close()
    if fills[0] == fills[1]:
        yield "dark looks like light"
