"""The messages that docs/troubleshooting.md quotes are messages of the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = re.findall(r"^\| (.*?) \|", (ROOT / "docs" / "troubleshooting.md").read_text(), re.MULTILINE)
QUOTED = [message for row in ROWS for message in re.findall(r"\*([^*]+)\*", row)]
VARIES = r"…|'[^']*'|`[^`]*`|\(?\b[\w./:-]*[\d_][\w./:-]*\b\)?|\bPagerDuty\b|\bSlack\b|\b(?:the )?token\b"
"""What a message fills in: names in quotes, numbers, identifiers, services and credentials."""


def texts() -> str:
    """Return every literal text of the package, one a line."""
    trees = (ast.parse(path.read_text()) for path in sorted((ROOT / "flowjoy").rglob("*.py")))
    constants = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return "\n".join(value for value in constants if isinstance(value, str))


CODE = texts()


@pytest.mark.parametrize("message", QUOTED)
def test_troubleshooting__quotes_messages_of_the_code(message: str) -> None:
    pieces = [piece.strip(" :,()") for piece in re.split(VARIES, message)]
    assert any(pieces)
    assert [piece for piece in pieces if len(piece) > 5 and piece not in CODE] == []
