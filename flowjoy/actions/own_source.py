"""The published source of FlowJoy as one text: a word in it cannot be a secret."""

from __future__ import annotations

import functools
from pathlib import Path

_PUBLISHED = frozenset({".py", ".json", ".js", ".css", ".j2"})


@functools.cache
def own_text() -> str:
    """Return the text of every file of the package: keys, labels, names of inputs and files, messages, templates."""
    files = sorted(path for path in Path(__file__).parents[1].rglob("*") if path.suffix in _PUBLISHED)
    return "\n".join(path.read_text(encoding="utf-8") for path in files)
