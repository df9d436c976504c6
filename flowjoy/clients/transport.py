"""Sends every request within a deadline and a budget, and retries transient faults.

No client library has a total deadline (a byte a second defeats every timeout), and some wait for a `Retry-After` of
an hour. So each request runs in a thread of its own, which is abandoned when its time is up.
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
"""The deadline of one request, from connect to the last byte."""

_TRIES = 3
_FIRST_PAUSE_SECONDS = 0.5
_MAX_PAUSE_SECONDS = 60.0
_T = TypeVar("_T")


class Budget:
    """The time that is left for several requests together. `option`: what a user raises to get more."""

    def __init__(self, seconds: float, option: str = "timeout-seconds") -> None:
        self._end = time.monotonic() + seconds
        self.option = option

    def left(self) -> float:
        """Return the seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())


class Transport:
    """Sends single requests within the budget, and repeats those with a transient fault.

    `max_pause_seconds`: the longest pause that a service may ask for; a longer one is a failure at once.
    """

    def __init__(self, budget: Budget, max_pause_seconds: float = _MAX_PAUSE_SECONDS) -> None:
        bound_requests()
        self.budget, self._max_pause_seconds = budget, max_pause_seconds

    def call(
        self,
        what: str,
        request: Callable[[], _T],
        explain: Callable[[Exception], Fault | None],
        *,
        tries: int | None = None,
    ) -> _T:
        """Return the result of `request()`. Raise HarvestError("<what>: …") if it fails or takes too long.

        `explain` translates the exceptions of one vendor; None means that it is a bug, which is raised unchanged.
        """
        limit = tries or _TRIES
        for attempt in range(limit):
            try:
                return self._within_time(request)
            except HarvestError:
                raise
            except Exception as problem:  # of any vendor's client
                fault = explain_connection(problem, REQUEST_SECONDS) or explain(problem)
                if fault is None:
                    raise
            pause = self._pause(fault, attempt) if attempt < limit - 1 else None
            if pause is None:
                raise fault.of(what)
            time.sleep(pause)
        raise AssertionError("the last try either returns or raises")

    def _pause(self, fault: Fault, attempt: int) -> float | None:
        """Return the seconds to wait before the next try, None if there is no next try."""
        if not fault.kind.is_transient or (fault.slow and attempt):
            return None
        # With jitter, so that jobs that failed together do not retry together.
        growing = _FIRST_PAUSE_SECONDS * 2**attempt * random.uniform(0.75, 1.25)  # noqa: S311  # nosec B311
        pause = fault.wait_seconds if fault.wait_seconds is not None else growing
        return pause if pause <= min(self._max_pause_seconds, self.budget.left() / 2) else None

    def _within_time(self, request: Callable[[], _T]) -> _T:
        seconds = min(REQUEST_SECONDS, self.budget.left())
        if seconds <= 0:
            raise HarvestError("the time for the whole run was used up", hint=f"raise {self.budget.option}")
        return in_time(request, seconds)


def in_time(request: Callable[[], _T], seconds: float) -> _T:
    """Return the result of `request()`. Raise TimeoutError after `seconds`; the thread cannot be stopped."""
    box: list[Any] = []
    error: list[BaseException] = []

    def work() -> None:
        try:
            box.append(request())
        except BaseException as problem:  # noqa: BLE001  (re-raised in the caller's thread)
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
