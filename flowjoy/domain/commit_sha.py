"""Compares commit shas that may be abbreviated or in capitals."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping

SHORTEST = 7
"""The fewest digits to which git abbreviates a sha by default."""

_FULL = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HEX = re.compile(rf"[0-9a-f]{{{SHORTEST},64}}", re.IGNORECASE)


def is_full(sha: object) -> bool:
    """Return whether this is a full commit sha in lower case."""
    return isinstance(sha, str) and _FULL.fullmatch(sha) is not None


def is_sha(text: str) -> bool:
    """Return whether a text is a sha, or an abbreviation of one, in any case."""
    return _HEX.fullmatch(text) is not None


def lowered(sha: str) -> str:
    """Return a sha, or an abbreviation of one, in lower case; other text as it is."""
    return sha.lower() if is_sha(sha) else sha


def names(written: str, sha: str | None) -> bool:
    """Return whether a written sha equals or abbreviates this one, in any case."""
    if sha is None:
        return False
    return written == sha or (is_sha(written) and lowered(sha).startswith(written.lower()))


def full_names(shas: Iterable[str]) -> Mapping[str, str]:
    """Map each sha to its meaning: in lower case, and the full sha if it abbreviates exactly one."""
    given = set(shas)
    known = sorted({lowered(sha) for sha in given if is_sha(sha)})
    meaning = {sha: _longest(sha, known) for sha in known}
    return {sha: meaning.get(lowered(sha), sha) for sha in given}


def _longest(sha: str, known: list[str]) -> str:
    """Return the longest of the sorted shas that start with this one; itself if two of them contradict each other."""
    longest = sha
    for other in known[bisect_right(known, sha) :]:
        if not other.startswith(sha):
            break
        if not other.startswith(longest):
            return sha
        longest = other
    return longest
