"""Counts the answers of services during a run, with what is left of GitHub's rate limits, for its debug log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from threading import Lock
from urllib.parse import urlsplit

_LIMITS = ("X-RateLimit-Used", "X-RateLimit-Limit")


class RequestTally:
    """The answers so far. `addresses`: name of a service → its address."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._names = {urlsplit(address).netloc.lower(): name for name, address in list(addresses.items())[::-1]}
        self._counts: Counter[str] = Counter()
        self._limits: dict[tuple[str, str], tuple[int, int]] = {}  # used and limit, by service and resource
        self._lock = Lock()

    def note(self, address: str, headers: Mapping[str, str], _received_at: float) -> None:
        """Record an answer of `address`."""
        name = self._names.get(urlsplit(address).netloc.lower())
        if name is None:
            return
        numbers = [headers.get(key, "") for key in _LIMITS]
        with self._lock:
            self._counts[name] += 1
            if all(number.isdecimal() and len(number) < 10 for number in numbers):
                resource = "GraphQL" if headers.get("X-RateLimit-Resource") == "graphql" else "REST"
                used, limit = map(int, numbers)
                before = self._limits.get((name, resource), (0, 0))[0]
                self._limits[name, resource] = max(used, before), limit

    def lines(self) -> Iterator[str]:
        """Yield one line for each service that answered; the limits of the token are also used by other jobs."""
        for name, count in sorted(self._counts.items()):
            limits = (
                f"{resource} {used} of {limit} points used this hour"
                for (service, resource), (used, limit) in sorted(self._limits.items())
                if service == name
            )
            yield "; ".join((f"requests to {name}: {count}", *limits))
