"""Names that users write exactly or as globs: which ones match, and which known name is the most similar."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from fnmatch import fnmatchcase

_GLOB = re.compile(r"[*?\[]")
_PRODUCTION = re.compile(r"prod|prd|live", re.IGNORECASE)
_NOT_PRODUCTION = re.compile(r"(?:pre|non|no|not)[-_ ]?(?:prod|prd|live)|preview|\bpr[-_/ ]?\d", re.IGNORECASE)
_LONGEST_COMPARED, _ALIKE = 64, 0.6


def is_glob(pattern: str) -> bool:
    """Return whether a pattern can match other texts than its own."""
    return _GLOB.search(pattern) is not None


def any_match(name: str, patterns: Iterable[str]) -> bool:
    """Return whether a name equals one of the patterns, or one of them matches it as a glob."""
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def unmatched(patterns: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns that match none of the names."""
    known = set(names)
    return tuple(pattern for pattern in patterns if not any(any_match(name, [pattern]) for name in known))


def is_similar(name: str, other: str) -> bool:
    """Return whether two names may mean the same environment: equal except for case, or one abbreviates the other."""
    one, two = sorted((name.casefold(), other.casefold()), key=len)
    return one == two or (len(one) >= len("prd") and two.startswith(one)) or {one, two} == {"prd", "production"}


def likely_first(names: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """Return each name once: those that differ only by case first, then production-like ones, then by similarity.

    Names of preview environments come last.
    """
    asked = [pattern.casefold()[:_LONGEST_COMPARED] for pattern in wanted]

    def rank(name: str) -> tuple[bool, bool, bool, float, str]:
        folded = name.casefold()
        preview = _NOT_PRODUCTION.search(name) is not None
        likeness = max(
            (SequenceMatcher(None, folded[:_LONGEST_COMPARED], pattern).ratio() for pattern in asked), default=0.0
        )
        like_production = _PRODUCTION.search(name) is not None and not preview
        return folded not in asked, not like_production, preview, -likeness if likeness >= _ALIKE else 0.0, name

    return tuple(sorted(set(names), key=rank))


def split_hint(name: str, known: Iterable[str | None]) -> str:
    """Return the cure if one entry of `models` joins several known names, or else an empty text."""
    parts = [part for part in re.split(r"[\s;|+]+", name) if part]
    joined = len(parts) > 1 and not set(known).isdisjoint(parts)
    return f"if these are {len(parts)} models, write them one a line or comma-separated" if joined else ""
