"""One way out: deadlines, budget and retries around each single request. Knows time and threads, no vendor.

No client library has a total deadline (a byte a second defeats every timeout), and some sleep out a `Retry-After` of
an hour. So each request runs in a thread of its own that is left behind when its time is up.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flowjoy.clients.size_limit import bound_requests, oversize_in
from flowjoy.errors import HarvestError

REQUEST_SECONDS = 8.0
"""One request, from connect to last byte."""

_TRIES = 3
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 60.0
_REACH = "check that the address is right and can be reached from the runner"
_ODD = "run again; if it stays so, look at what answers at that address (a proxy?)"

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What went wrong with one request. `passing`: worth another try, after `wait_seconds` where the server says so.

    `slow`: the whole time of a request was waited for nothing, so only one more try is worth it.
    """

    problem: str
    hint: str = ""
    passing: bool = False
    wait_seconds: float | None = None
    slow: bool = False
    error: type[HarvestError] = HarvestError


class MalformedAnswerError(Exception):
    """An answer that is not what the API promises: cut short, empty, or of another shape."""


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
        most = tries or _TRIES
        for attempt in range(most):
            try:
                return self._within_time(request)
            except HarvestError:
                raise
            except Exception as problem:  # the vendor's, sorted by `explain`
                fault = _explain_common(problem) or explain(problem)
                if fault is None:
                    raise
            pause = self._pause(fault, attempt) if attempt < most - 1 else None
            if pause is None:
                raise fault.error(f"{what}: {fault.problem}", hint=fault.hint, passing=fault.passing)
            time.sleep(pause)
        raise AssertionError("the last try either returns or raises")

    def _pause(self, fault: Fault, attempt: int) -> float | None:
        """Seconds to wait before the next try; None when there is to be none."""
        if not fault.passing or (fault.slow and attempt):
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


def _explain_common(problem: Exception) -> Fault | None:
    """Faults that every vendor shares."""
    import requests
    import urllib3

    no_json = Fault(problem="the answer is not the JSON that the API promises", hint=_ODD, passing=True)
    if (oversize := oversize_in(problem)) is not None:
        return Fault(problem=str(oversize), hint=_ODD)
    if isinstance(problem, MalformedAnswerError):
        return Fault(problem=str(problem), hint=_ODD, passing=True)
    if isinstance(problem, requests.exceptions.JSONDecodeError):  # which is an OSError, too
        return no_json
    if isinstance(problem, TimeoutError | requests.exceptions.Timeout):
        problem_text = f"no complete answer within {REQUEST_SECONDS:.0f} s"
        return Fault(problem=problem_text, hint=_REACH, passing=True, slow=True)
    if isinstance(problem, requests.exceptions.SSLError):
        return Fault(problem=f"the connection is not trusted ({type(problem).__name__})", hint="check the certificate")
    # Bodies that are read raw break in urllib3's own words.
    if isinstance(problem, OSError | requests.exceptions.ChunkedEncodingError | urllib3.exceptions.HTTPError):
        return Fault(
            problem=f"no connection, or it broke ({type(problem).__name__})",
            hint=_REACH,
            passing=True,
        )
    return no_json if isinstance(problem, ValueError | RecursionError) else None
