"""Compares the clocks of the runner, GitHub and the registry by the `Date` of their answers.

Deadlines compare timestamps of all three. No request is made for it, and answers from a cache are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from itertools import combinations
from urllib.parse import urlsplit

TOLERATED = timedelta(minutes=5)
DECIDES = timedelta(hours=1)
_RUNNER = "the runner"


@dataclass(frozen=True, kw_only=True)
class ClockGap:
    """Two clocks and the difference between them."""

    first: str
    second: str
    size: timedelta

    def __str__(self) -> str:
        minutes = int(self.size.total_seconds()) // 60
        return f"the clocks of {self.first} and of {self.second} are {minutes // 60} h {minutes % 60} m apart"


class Clocks:
    """The clocks of services, from their answers. `addresses`: name of a service → its address."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        # A registry on GitHub's own host has GitHub's clock.
        self._names = {urlsplit(address).netloc.lower(): name for name, address in list(addresses.items())[::-1]}
        self._ahead: dict[str, timedelta] = {}

    def note(self, address: str, headers: Mapping[str, str], received_at: float) -> None:
        """Record an answer of `address`; `received_at` is the runner's clock, in seconds since the epoch."""
        name = self._names.get(urlsplit(address).netloc.lower())
        if name is None or "Age" in headers:
            return
        try:
            ahead = timedelta(seconds=parsedate_to_datetime(headers["Date"]).timestamp() - received_at)
        except (KeyError, TypeError, ValueError, OverflowError):
            return
        # The smallest difference counts: a cache or a slow connection only adds to it.
        self._ahead[name] = min(self._ahead.get(name, ahead), ahead, key=abs)

    def gaps(self) -> list[ClockGap]:
        """Return the pairs of clocks that are more than TOLERATED apart, the largest difference first."""
        clocks = [(_RUNNER, timedelta()), *self._ahead.items()]
        gaps = [
            ClockGap(first=first, second=second, size=abs(ahead - other))
            for (first, ahead), (second, other) in combinations(clocks, 2)
        ]
        return sorted((gap for gap in gaps if gap.size > TOLERATED), key=lambda gap: gap.size, reverse=True)
