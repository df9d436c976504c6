"""One way out: deadlines, budget and retries around each single request. Knows time and threads, no vendor.

No client library has a total deadline (a byte a second defeats every timeout), and some sleep out a `Retry-After` of
an hour. So each request runs in a thread of its own that is left behind when its time is up.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from flowjoy.clients.faults import Fault, explain_connection
from flowjoy.clients.size_limit import bound_requests
from flowjoy.errors import HarvestError

REQUEST_SECONDS = 8.0
"""One request, from connect to last byte."""

_TRIES = 3
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 60.0
_T = TypeVar("_T")


class Budget:
    """The time that is left for everything together."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())


class Transport:
    """Makes single requests within the budget, and repeats those that failed in passing."""

    def __init__(self, budget: Budget) -> None:
        bound_requests()
        self.budget = budget

    def call(
        self,
        what: str,
        request: Callable[[], _T],
        explain: Callable[[Exception], Fault | None],
        *,
        tries: int | None = None,
    ) -> _T:
        """The result of `request()`. Raises HarvestError("<what>: …") when it does not come in time or is refused.

        `explain` translates the exceptions of one vendor; None means that it is a bug, which is raised as it is.
        """
        limit = tries or _TRIES
        for attempt in range(limit):
            try:
                return self._within_time(request)
            except HarvestError:
                raise
            except Exception as problem:  # the vendor's, sorted by `explain`
                fault = explain_connection(problem, REQUEST_SECONDS) or explain(problem)
                if fault is None:
                    raise
            pause = self._pause(fault, attempt) if attempt < limit - 1 else None
            if pause is None:
                raise fault.of(what)
            time.sleep(pause)
        raise AssertionError("the last try either returns or raises")

    def _pause(self, fault: Fault, attempt: int) -> float | None:
        """Seconds to wait before the next try; None when there is to be none."""
        if not fault.kind.is_transient or (fault.slow and attempt):
            return None
        # Spread, so that jobs that failed together do not come back together.
        growing = _FIRST_PAUSE_SECONDS * 2**attempt * random.uniform(0.75, 1.25)  # noqa: S311  # nosec B311
        pause = fault.wait_seconds if fault.wait_seconds is not None else growing
        return pause if pause <= min(_LONGEST_PAUSE_SECONDS, self.budget.left() / 2) else None

    def _within_time(self, request: Callable[[], _T]) -> _T:
        seconds = min(REQUEST_SECONDS, self.budget.left())
        if seconds <= 0:
            raise HarvestError("the time for the whole run was used up", hint="raise timeout-seconds")
        return in_time(request, seconds)


def in_time(request: Callable[[], _T], seconds: float) -> _T:
    """The result of `request()`, or TimeoutError after `seconds`; the thread is left behind, it cannot be stopped."""
    box: list[Any] = []
    error: list[BaseException] = []

    def work() -> None:
        try:
            box.append(request())
        except BaseException as problem:  # noqa: BLE001  (handed over to the caller's thread)
            error.append(problem)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(seconds)
    if error:
        raise error[0]
    if not box:
        raise TimeoutError(f"no complete answer within {seconds:.0f} s")
    result: _T = box[0]
    return result
