"""Docs, docstrings and identifiers use plain English and one term per concept (CONTRIBUTING.md, "Language").

README.md and docs/ are checked completely; of the code, docstrings and identifiers. To list the violations of a room:
`python -m tests.contract.test_language flowjoy/actions`.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOP = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
PAGES = [*TOP, *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md") if path.name != "trust.md")]
"""Without docs/trust.md, which `make trust` writes with the text of code lines."""

CODE = ("entrypoint.py", "flowjoy", "examples", "scripts", "benchmarks", "tests/contract")
"""Folders and modules whose docstrings and identifiers keep the rules."""

PHRASES = {
    r"\b(no|some|every)body\b|\bwhoever\b": "name the actor",
    r"(?<!there )\b(is|are|was|were) no (?!longer\b|more\b|such\b)": 'negate the verb: "is not a"',
    r", too\b(?! \w)": 'use "also" or nothing',
    r"\balarms?\b": 'say "alert"',
    r"\b(tell(s|ing)?|told)\b(?![^.]*\bapart\b)": 'say "send", "say" or "show"',
    r"\blooks? (?:at|found|sees?)\b|\b(?:two|first|last|between|later) looks?\b": 'say "observation"',
    r"\b(alerts?|that|which|what|it) rings?\b": 'an alert "fires"',
    r"\bwhose move\b": 'say "who has to act"',
    r"\berrands?\b|\bslips? in\b": "use the technical term",
    r"\bKnows [a-z]": "import-linter enforces what a module knows",
}
DOCSTRING_PHRASES = {
    r"^(What|Which|Who|Whoever|Whose|Nobody)\b": "begin with a verb (functions) or a noun (classes, modules)",
    r"\bstands? (?:in|there|beside)\b": "use a plain verb",
}
IDENTIFIERS = {
    "held": "value, current",
    "told": "sent, rows",
    "said": "message, coverage",
    "found": "matches, result",
    "whole": "total",
    "beside": "also",
    "aside": "other",
    "most": "limit, maximum",
    "least": "minimum",
    "place": "index",
    "looks": "observations",
    "standing": "compliance",
    "letter": "message",
    "ink": "style",
    "words": "text",
    "errand": "context",
    "door": "client",
    "doubt": "the reason",
    "tell": "send",
    "telling": "notification",
    "alarm": "alert",
    "alarms": "alerts",
}
BUNDLE_KEYS = {"models_aside", "standing_for"}
"""Fields whose names are keys of the JSON bundle, which does not change."""


def broken_phrases(text: str, rules: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Yield the line and the rule of each banned phrase."""
    for pattern, rule in rules.items():
        for match in re.finditer(pattern, text, re.IGNORECASE if not pattern.startswith(("^", r"\bKnows")) else 0):
            yield text.count("\n", 0, match.start()) + 1, f"{match[0]!r}: {rule}"


def prose_of(page: str) -> str:
    """The text of a page without code and quoted messages, whose words are those of the code; lines stay."""
    text = re.sub(r"```.*?```", lambda block: "\n" * block[0].count("\n"), page, flags=re.DOTALL)
    return re.sub(r"`[^`\n]*`|(?<![*\w])\*[^*\n]+\*(?![*\w])", "…", text)


def banned_parts(name: str) -> Iterator[str]:
    """Yield the banned parts of an identifier; `at_least`, `at_most` and `not_found` are terms."""
    if name in BUNDLE_KEYS:
        return
    text = re.sub(r"at_(least|most)|not_found", "", name, flags=re.IGNORECASE)
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", text)
    yield from (part.lower() for part in parts if part.lower() in IDENTIFIERS)


def names_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of everything that a module defines: functions, classes, parameters, variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.alias) and node.asname:
            yield node.lineno, node.asname


def docstrings_of(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every docstring, also of those behind a constant."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def broken_in(path: Path) -> Iterator[str]:
    """Yield each violation of a module as `file:line: rule`."""
    tree = ast.parse(path.read_text())
    shown = path.relative_to(ROOT).as_posix()
    for line, text in docstrings_of(tree):
        for offset, rule in broken_phrases(re.sub(r"`[^`\n]*`", "…", text), PHRASES | DOCSTRING_PHRASES):
            yield f"{shown}:{line + offset - 1}: {rule}"
    for line, name in names_of(tree):
        for part in banned_parts(name):
            yield f"{shown}:{line}: identifier {name!r}: instead of {part!r} use {IDENTIFIERS[part]}"


@pytest.mark.parametrize("page", PAGES)
def test_pages__use_plain_english(page: str) -> None:
    broken = broken_phrases(prose_of((ROOT / page).read_text()), PHRASES)
    assert [f"{page}:{line}: {rule}" for line, rule in broken] == []


def violations(room: str) -> list[str]:
    """Return every violation in a folder or module."""
    root = ROOT / room
    modules = sorted(root.rglob("*.py")) if root.is_dir() else [root]
    assert modules
    return [violation for module in modules for violation in broken_in(module)]


@pytest.mark.parametrize("room", CODE)
def test_clean_rooms__use_plain_english_and_standard_names(room: str) -> None:
    assert violations(room) == []


def test_decisions__are_few_and_short() -> None:
    entries = (ROOT / "docs" / "decisions.md").read_text().split("\n### ")[1:]
    assert len(entries) <= 30
    for entry in entries:
        heading, _, body = entry.partition("\n")
        assert len(body.split()) <= 60, heading
        assert re.findall(r"^\*\*(\w+)\.\*\*", body, re.MULTILINE) == ["Decision", "Why", "Consequence"], heading
    dates = [entry[:10] for entry in entries]
    assert dates == sorted(dates, reverse=True)


def test_rules__catch_what_they_are_for() -> None:
    module = ast.parse('"""What a run says."""\nheld = 1\nat_least = 2\ndef f(most_named: int) -> None: ...\n')
    assert [name for _, name in names_of(module) if any(banned_parts(name))] == ["held", "most_named"]
    samples = {
        "this is no bundle": 1,
        "if there is no token": 0,
        "it is no longer there": 0,
        "a gate, too.": 1,
        "page nobody": 1,
        "at most 3": 0,
    }
    assert {text: len(list(broken_phrases(text, PHRASES))) for text in samples} == samples


if __name__ == "__main__":
    print(*(violation for room in sys.argv[1:] or ["flowjoy"] for violation in violations(room)), sep="\n")
