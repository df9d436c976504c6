"""Workflow commands: the log lines that the runner executes, and the escaping that keeps text from being one.

The runner executes `::command::` at the start of a line, and the old `##[command]` anywhere in one, on both streams.
"""

from __future__ import annotations

import re

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_LONGEST_LINE = 4000


def safe_line(text: str) -> str:
    """Return the text as one line that a runner does not execute, whatever a server put into it."""
    line = _ANSI.sub("", text)
    line = _CONTROL.sub(" ", line.replace("\r\n", " ").replace("\n", " "))
    line = line.replace("##[", "# #[")
    if line.lstrip().startswith("::"):
        line = f"| {line.lstrip()}"
    return line if len(line) <= _LONGEST_LINE else line[: _LONGEST_LINE - 1] + "…"


def escape_data(text: str) -> str:
    """Return the text escaped as the message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Return the text escaped as a property of a workflow command."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")
