"""What one cell of a sample says, whatever file it comes from. Knows texts, no file."""

from __future__ import annotations

MISSING = frozenset(
    {"", "<na>", "#n/a", "#n/a n/a", "#na", "-1.#ind", "-1.#qnan", "1.#ind", "1.#qnan", "-nan", "nan"}
    | {"n/a", "na", "none", "null"}
)
"""Texts that stand for no value, in lower case."""

_TRUTH = {"true": "True", "false": "False"}


def cell(text: str) -> str | None:
    """The text without blanks around it, truth values as Python writes them; None where it stands for no value."""
    held = text.strip()
    folded = held.lower() if len(held) < 9 else held
    return None if folded in MISSING else _TRUTH.get(folded, held)


class Cells(dict[str, str | None]):
    """The same of many texts, each looked at once: `map(Cells().__getitem__, texts)`."""

    def __missing__(self, text: str) -> str | None:
        self[text] = found = cell(text)
        return found
