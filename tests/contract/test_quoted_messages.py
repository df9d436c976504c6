"""The messages that the docs quote (in italics) are messages of the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/promise.md", "docs/metrics.md", "docs/troubleshooting.md")
EMPHASIS = {"with", "after", "before", "now", "started", "instead of", "at its own commit", "not planned", "duplicate"}
"""Italics that are not quotes."""

VARIES = (
    r"…|: |'[^']*'|`[^`]*`|\([^)]*\)|\b(?:the )?\d+ h\b(?: \d+ m\b)?|\b\d+ (?:release|model)(?: is)?\b"
    r"|\b[\w./:-]*[\d_][\w./:-]*\b|\bPagerDuty\b|\bSlack\b|\b(?:the )?token\b|\brecommender\b"
)
"""The parts that vary: names, numbers, identifiers, services and credentials."""


def quotes(page: str) -> list[str]:
    """Return the italic texts of a page, without those in code."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "…", (ROOT / page).read_text(), flags=re.DOTALL)
    return [" ".join(quote.split()) for quote in re.findall(r"(?<![*\w])\*([^*]+)\*(?![*\w])", text)]


def texts() -> str:
    """Return every literal text of the package, one a line."""
    trees = (ast.parse(path.read_text()) for path in sorted((ROOT / "flowjoy").rglob("*.py")))
    constants = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return "\n".join(value for value in constants if isinstance(value, str))


CODE = texts()
QUOTES = [(page, quote) for page in PAGES for quote in quotes(page) if quote not in EMPHASIS]


@pytest.mark.parametrize(("page", "quote"), QUOTES)
def test_quotes__are_messages_of_the_code(page: str, quote: str) -> None:
    pieces = [piece.strip(" ,;()") for piece in re.split(VARIES, quote)]
    assert [piece for piece in pieces if len(piece) > 5 and piece not in CODE] == [], f"quoted in {page}"


def test_quotes__are_read() -> None:
    assert len(QUOTES) > 30
    assert "could not be read" in CODE
