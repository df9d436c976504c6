"""Foreign text in Markdown is shown as it is, and nothing in it acts: read by a real Markdown implementation."""

from __future__ import annotations

import ast
import html
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from flowjoy.analysis.flow.drift_lag import Hours
from flowjoy.report.escaping import clean, code, prose
from flowjoy.report.text import decimal, lag_text, moment, plural, soon, span, table
from tests.builders import T0

ROOT = Path(__file__).resolve().parents[3] / "flowjoy"
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

PAYLOADS = [
    "**x** | y",
    "@octo-org/admins look",
    "![x](https://evil.example/p.png)",
    "[x](https://evil.example)",
    "[x]: https://evil.example",
    "<https://evil.example>",
    "<!-- hidden -->",
    "<details><summary>x</summary>",
    "<script>alert(1)</script>",
    "</code></td></tr></table>",
    "</code><img src=x onerror=alert(1)>",
    "`x` ``y`` ```",
    "a\\|b \\",
    "a\n\n# b\n\n- c",
    "a\r\n| b | c |\r\n",
    "_x_ __y__ *z* ~~w~~ ~v~",
    "&lt;b&gt; &amp; &#60; &nbsp;",
    "# x",
    "> x",
    "- x",
    "+ x",
    "1. x",
    "1) x",
    "=====",
    "-----",
    "| --- | --- |",
    "$\\frac{$ $$x$$",
    ":tada: #12 GH-12 deadbeef",
    "https://evil.example www.evil.example ftp://evil.example",
    "person@evil.example mailto:person@evil.example",
    "[^1] [ ] [x]",
    "%3Cscript%3E",
]


class Page(HTMLParser):
    """The tags of a rendered page, and the content of each table cell and paragraph."""

    def __init__(self, markdown: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.blocks: list[str] = []
        self.nodes: list[str] = []
        self.feed(MARKDOWN.render(markdown))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag in ("td", "p"):
            self.blocks.append("")

    def handle_data(self, data: str) -> None:
        self.nodes.append(data)
        if self.blocks:
            self.blocks[-1] += data

    def handle_comment(self, data: str) -> None:
        self.tags.append("<!---->")


def in_a_table(text: str) -> Page:
    return Page(f"| a | b |\n| --- | --- |\n| {code(text)} | next |\n")


def in_a_line(text: str) -> Page:
    return Page(f"- {code(text)}: {code(text)}\n\n{code(text)}\n")


def text_of(text: str) -> str:
    """The text as a browser shows it: white space folded."""
    return " ".join(text.split())


@pytest.mark.parametrize("text", PAYLOADS)
def test_code__in_a_table_is_one_cell_of_literal_text(text: str) -> None:
    page = in_a_table(text)
    assert [text_of(block) for block in page.blocks] == [text_of(clean(text)), "next"]
    assert page.attributes == []
    assert set(page.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "code", "wbr"}


@pytest.mark.parametrize("text", PAYLOADS)
def test_code__in_a_line_is_literal_text(text: str) -> None:
    page = in_a_line(text)
    assert text_of(page.blocks[-1]) == text_of(clean(text))
    assert page.attributes == []
    assert set(page.tags) <= {"ul", "li", "p", "code", "wbr"}


@given(text=st.one_of(st.text(max_size=40), st.text(st.sampled_from("|\\`*_[]()<>!&#@~$:/.-+=\n\r\t \"'1ax{}^%;,?"))))
def test_code__any_text_is_one_cell_of_itself_without_a_link_a_picture_or_a_tag(text: str) -> None:
    page = in_a_table(text)
    assert [text_of(block) for block in page.blocks] == [text_of(clean(text)), "next"]
    assert page.attributes == []
    assert page.tags.count("td") == 2
    assert set(page.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "code", "wbr"}


FILTERS = {
    "a mention": r"(?<![\w`])@[A-Za-z0-9]",
    "a mail address": r"[\w.+-]+@[\w-]+\.\w",
    "an issue": r"(?<!\w)#\d|\bGH-\d",
    "a commit": r"(?<![0-9a-fA-F])[0-9a-f]{7,40}(?![0-9a-fA-F])",
    "an address": r"(https?|ftp)://|mailto:\w|(?<!\w)www\.\w",
    "an emoji": r":[a-z0-9_+-]+:",
}
"""What GitHub looks for after Markdown, in one text node at a time."""


@pytest.mark.parametrize("text", PAYLOADS)
def test_prose__is_literal_text_in_a_cell_and_in_a_line(text: str) -> None:
    for page in (Page(f"| a | b |\n| --- | --- |\n| {prose(text)} | next |\n"), Page(f"x\n\n{prose(text)}\n\nnext\n")):
        assert [text_of(block) for block in page.blocks][-2:] == [text_of(clean(text)), "next"]
        assert page.attributes == []
        assert set(page.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "p", "wbr"}


@given(text=st.one_of(st.text(max_size=40), st.text(st.sampled_from("|\\`*_[]()<>!&#@~$:/.-+=\n\r\t \"'1ax{}^%;,?"))))
def test_prose__any_text_is_itself_and_github_finds_nothing_in_it(text: str) -> None:
    page = Page(f"| a | b |\n| --- | --- |\n| {prose(text)} | next |\n")
    assert [text_of(block) for block in page.blocks] == [text_of(clean(text, 1000)), "next"]
    assert page.attributes == []
    assert set(page.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "wbr"}
    assert [name for name, pattern in FILTERS.items() if any(re.search(pattern, node) for node in page.nodes)] == []


@pytest.mark.parametrize(
    "text",
    ["@octo-org/admins", "a@evil.example", "#12 GH-12", "acme/shop#12", "see deadbeef", "0123456 " * 2, "f" * 40,
     "https://evil.example", "www.evil.example", ":tada:", "a:b:c", "1.www.x 2:30:tada:"],
)  # fmt: skip
def test_prose__a_mention_an_issue_a_commit_an_address_and_an_emoji_are_parted(text: str) -> None:
    page = Page(prose(text))
    assert [name for name, pattern in FILTERS.items() if any(re.search(pattern, node) for node in page.nodes)] == []
    assert text_of(page.blocks[-1]) == text_of(text)


def test_prose__reads_like_prose_where_nothing_could_act() -> None:
    text = "It is 2 h 5 m overdue (Tue 09:00 UTC): 4.5 h, usually 2.0 h; don't wait."
    assert prose(text) == text


@given(text=st.text())
def test_code__leaves_no_mark_that_markdown_or_github_reads(text: str) -> None:
    """GitHub links addresses and mentions after Markdown: nothing is left to find outside of code and entities."""
    inner = code(text).removeprefix("<code>").removesuffix("</code>")
    bare = re.sub(r"(<wbr>)?&#\d+;", "", inner)
    assert not re.search(r"[!-'*./:;<>@\[-`{-~]", bare)
    assert html.unescape(inner.replace("<wbr>", "")) == clean(text)


def test_code__a_mail_address_is_parted_before_its_at() -> None:
    assert "<wbr>&#64;" in code("person@evil.example")


def test_code__empty_and_invisible_text_is_nothing() -> None:
    for text in ("", " ", "\n", "\u200b\u202e", "\ud800"):
        assert code(text) == ""


def test_code__is_cut_before_it_is_escaped() -> None:
    assert html.unescape(code("|" * 500, 10)) == f"<code>{'|' * 9}…</code>"
    assert code("x" * 121) == f"<code>{'x' * 119}…</code>"


@pytest.mark.parametrize("sign", [chr(n) for n in range(0x2100) if unicodedata.category(chr(n)) == "Cc"])
def test_clean__no_control_character_stays(sign: str) -> None:
    assert clean(f"a{sign}b") == "a b"


TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
BIDIRECTIONAL = [sign for sign in map(chr, range(0x3000)) if unicodedata.bidirectional(sign) in TURNING]


@pytest.mark.parametrize("sign", [*BIDIRECTIONAL, "\u200e", "\u200f", "\u061c"], ids=ascii)
def test_clean__no_mark_that_turns_the_direction_of_text_stays(sign: str) -> None:
    assert clean(f"a{sign}b") == "a b"


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\ufeff", "\u200b", "\u200d", "\ud83d"], ids=ascii)
def test_clean__no_line_end_invisible_sign_or_half_a_pair_stays(sign: str) -> None:
    assert clean(f"a{sign}b") == "a b"


@given(text=st.text(), limit=st.integers(1, 50))
def test_clean__is_one_line_within_the_limit_and_can_be_encoded(text: str, limit: int) -> None:
    line = clean(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert line.encode().decode() == line


def test_clean__at_the_limit_nothing_is_cut_and_past_it_an_ellipsis_says_so() -> None:
    assert clean("x" * 120) == "x" * 120
    assert clean("x" * 121) == "x" * 119 + "…"


@pytest.mark.parametrize(
    ("hours", "text"), [(24, "Tue 11:00 CEST"), (143, "Sun 10:00 CEST"), (144, "Sun 09 Jun 11:00 CEST")]
)
def test_soon__the_weekday_is_enough_for_what_lies_within_six_days(hours: int, text: str) -> None:
    assert soon(T0 + timedelta(hours=hours), "Europe/Berlin", T0) == text


def test_moment__is_in_the_zone_of_the_reader() -> None:
    assert moment(datetime(2024, 6, 25, 9, tzinfo=UTC), "UTC") == "Tue 25 Jun 09:00 UTC"
    assert moment(datetime(2024, 6, 25, 9, tzinfo=UTC), "Europe/Berlin") == "Tue 25 Jun 11:00 CEST"
    assert moment(T0, "America/New_York") == "Mon 03 Jun 05:00 EDT"


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(hours=31, minutes=12, seconds=59), "31 h 12 m"),
        (timedelta(hours=6), "6 h"),
        (timedelta(hours=95, minutes=59), "95 h 59 m"),
        (timedelta(hours=96), "4 d"),
        (timedelta(days=4, hours=4, minutes=59), "4 d 4 h"),
        (timedelta(minutes=59, seconds=59), "59 m"),
        (timedelta(minutes=60), "1 h"),
        (timedelta(seconds=60), "1 m"),
        (timedelta(seconds=59, microseconds=999_999), "59 s"),
        (timedelta(seconds=1), "1 s"),
        (timedelta(microseconds=999_999), "less than a second"),
        (timedelta(0), "0 s"),
        (timedelta(hours=-5), "0 s"),
    ],
)
def test_span__is_floored_and_never_negative(length: timedelta, text: str) -> None:
    assert span(length) == text


def test_figure__one_decimal_and_no_zero_for_nothing() -> None:
    assert decimal(1.25, " h") == "1.2 h"
    assert decimal(0.0) == "0.0"
    assert decimal(None, " h") == "no data"


def test_plural__one_is_one() -> None:
    assert (plural(0, "clock"), plural(1, "clock"), plural(2, "clock")) == ("0 clocks", "1 clock", "2 clocks")


_COUNTED = (
    "alert|artifact|bin|categorie|check|clock|column|commit|day|deadline|deploy|deployment|feature|file|gap|incident|job"
    "|ledger|miss|model|notification|obligation|promise|record|release|request|row|ship|version|waiver|week"
)
_COUNTS = re.compile(rf"^ (?:[a-z-]+ ){{0,2}}?(?:{_COUNTED})s\b")
_NEVER_ONE = {
    ("mlflow_version_content.py", "len(stamps)"),  # enough to be an imported history
    ("name_patterns.py", "len(parts)"),  # several in one name
    ("promise_lane.py", "len(shipped)"),  # several under one label
    ("proposal.py", "limit"),
    ("sample_files.py", "len(names)"),  # more than the limit
    ("sample_files.py", "what"),  # not a count
}


def test_plural__is_used_wherever_a_sentence_counts_what_may_be_one() -> None:
    """A count before a fixed plural says `1 deployments`; constants are never 1."""
    wrong = []
    for path in sorted(ROOT.rglob("*.py")):
        texts = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.JoinedStr)]
        for value, text in (pair for node in texts for pair in pairwise(node.values)):
            if not (isinstance(value, ast.FormattedValue) and isinstance(text, ast.Constant)):
                continue
            written = ast.unparse(value.value)
            if _COUNTS.match(str(text.value)) and not re.search(r"[A-Z]{3}|^(plural|grouped)\(", written):
                wrong.append((path.name, written))
    assert set(wrong) - _NEVER_ONE == set()


@pytest.mark.parametrize(
    ("lag", "text"),
    [
        (Hours(value=12.5), "12.5 h"),
        (Hours(value=12.5, at_least=True), "≥ 12.5 h"),
        (Hours(value=60.0, low=41.0), "41.0\u201360.0 h"),
        (Hours(value=60.0, low=59.98), "60.0 h"),
    ],
)
def test_lag__is_a_number_a_bound_or_a_range(lag: Hours, text: str) -> None:
    assert lag_text(lag) == text


def test_table__has_a_border_around_each_cell() -> None:
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
