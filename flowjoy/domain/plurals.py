"""Counts with their nouns."""

from __future__ import annotations


def plural(count: int, noun: str, many: str = "") -> str:
    """Return `1 clock`, `2 clocks`; `many` is the plural of a noun that takes more than an `s`."""
    return f"{count} {_agreeing(count, noun, many)}"


def grouped(count: int, noun: str, many: str = "") -> str:
    """Return the same with digits in groups of three: `12,000 rows`."""
    return f"{count:,} {_agreeing(count, noun, many)}"


def _agreeing(count: int, noun: str, many: str) -> str:
    return noun if count == 1 else many or f"{noun}s"
