"""Commit shas as people and tools write them: in capitals, or abbreviated. The one place that says which are equal."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping

SHORTEST = 7
"""Git abbreviates a sha to no fewer digits unless told to."""

_FULL = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HEX = re.compile(rf"[0-9a-f]{{{SHORTEST},64}}", re.IGNORECASE)


def is_full(sha: object) -> bool:
    """Return whether this is a full commit sha in lower case."""
    return isinstance(sha, str) and _FULL.fullmatch(sha) is not None


def lowered(sha: str) -> str:
    """Return a sha, or an abbreviation of one, in lower case; other text as it is."""
    return sha.lower() if _HEX.fullmatch(sha) else sha


def names(written: str, sha: str | None) -> bool:
    """Return whether what somebody wrote is this sha, in whatever case, or abbreviates it."""
    if sha is None:
        return False
    return written == sha or (_HEX.fullmatch(written) is not None and lowered(sha).startswith(written.lower()))


def full_names(shas: Iterable[str]) -> Mapping[str, str]:
    """Return each sha with the one that it means: in lower case, and in full where exactly one is abbreviated by it."""
    given = set(shas)
    known = sorted({lowered(sha) for sha in given if _HEX.fullmatch(sha)})
    meaning = {sha: _longest(sha, known) for sha in known}
    return {sha: meaning.get(lowered(sha), sha) for sha in given}


def _longest(sha: str, known: list[str]) -> str:
    """The longest of the sorted shas that begin with this one; itself where two of them contradict each other."""
    longest = sha
    for other in known[bisect_right(known, sha) :]:
        if not other.startswith(sha):
            break
        if not other.startswith(longest):
            return sha
        longest = other
    return longest
