"""How far the clocks of the runner, of GitHub and of the registry are apart, by the `Date` of the answers that come.

Deadlines compare instants of all three. No request is made for it; an answer out of a cache tells nothing.
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
    """Two clocks, and how far they are apart."""

    first: str
    second: str
    size: timedelta

    def __str__(self) -> str:
        minutes = int(self.size.total_seconds()) // 60
        return f"the clocks of {self.first} and of {self.second} are {minutes // 60} h {minutes % 60} m apart"


class Clocks:
    """What the answers of each service said of its clock. `addresses`: name of a service → its address."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        # A registry on GitHub's own host has GitHub's clock.
        self._names = {urlsplit(address).netloc.lower(): name for name, address in list(addresses.items())[::-1]}
        self._ahead: dict[str, timedelta] = {}

    def note(self, address: str, headers: Mapping[str, str], received_at: float) -> None:
        """Take an answer of `address` into account; `received_at` is the runner's clock, in seconds of the epoch."""
        name = self._names.get(urlsplit(address).netloc.lower())
        if name is None or "Age" in headers:
            return
        try:
            ahead = timedelta(seconds=parsedate_to_datetime(headers["Date"]).timestamp() - received_at)
        except (KeyError, TypeError, ValueError, OverflowError):
            return
        # The nearest counts: what a cache or a slow line delays only looks older.
        self._ahead[name] = min(self._ahead.get(name, ahead), ahead, key=abs)

    def gaps(self) -> list[ClockGap]:
        """Return every two clocks that are more than TOLERATED apart, the widest first."""
        clocks = [(_RUNNER, timedelta()), *self._ahead.items()]
        gaps = [
            ClockGap(first=first, second=second, size=abs(ahead - other))
            for (first, ahead), (second, other) in combinations(clocks, 2)
        ]
        return sorted((gap for gap in gaps if gap.size > TOLERATED), key=lambda gap: gap.size, reverse=True)
