"""FlowJoy's published source as one text: a word that stands in it gives no credential away."""

from __future__ import annotations

import functools
from pathlib import Path

_PUBLISHED = frozenset({".py", ".json", ".js", ".css", ".j2"})


@functools.cache
def own_text() -> str:
    """Return every file of the package: keys, labels, input and file names, messages and templates are all in it."""
    files = sorted(path for path in Path(__file__).parents[1].rglob("*") if path.suffix in _PUBLISHED)
    return "\n".join(path.read_text(encoding="utf-8") for path in files)
