"""Shares and quotients: None where there is nothing to divide by."""

from __future__ import annotations


def as_percent(met: int, missed: int) -> float | None:
    """Return the share that was met; None where nothing was due: that is not 100 %."""
    return round(100 * met / (met + missed), 1) if met + missed else None


def per(total: int | None, count: int | None) -> float | None:
    """Return a quotient of sums; None where either is unknown, or there is nothing to divide by."""
    return None if total is None or not count else total / count
