"""Faults of requests: how an error status, a broken connection or a malformed answer is explained to users.

Every vendor shares one mapping from status to `FaultKind`; a `Service` adds its name and its hints.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from flowjoy.clients.size_limit import oversize_in
from flowjoy.errors import FaultKind, HarvestError

_REACH = "check that the address is right and can be reached from the runner"
_UNEXPECTED = "run again; if it stays so, look at what answers at that address (a proxy?)"
_KINDS = {
    401: FaultKind.AUTH,
    403: FaultKind.PERMISSION,
    404: FaultKind.MISSING,
    408: FaultKind.OUTAGE,
    409: FaultKind.CONFLICT,
    429: FaultKind.RATE_LIMIT,
}
_HINTS = {
    FaultKind.RATE_LIMIT: "run again later",
    FaultKind.OUTAGE: "run again later",
    FaultKind.MALFORMED: "run again",
}
_PROBLEMS = {
    FaultKind.AUTH: "{name} refused the credentials ({status})",
    FaultKind.PERMISSION: "{name} denied access ({detail})",
    FaultKind.MISSING: "{name} does not know it, or does not show it to these credentials ({status})",
    FaultKind.CONFLICT: "{name} refused the request ({detail})",
    FaultKind.REFUSED: "{name} refused the request ({detail})",
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Why one request failed. A transient kind is worth another try, after `wait_seconds` if the server says so.

    `slow`: the request used up its whole time, so it is repeated once only.
    """

    kind: FaultKind
    problem: str
    hint: str = ""
    wait_seconds: float | None = None
    slow: bool = False
    error: type[HarvestError] = HarvestError

    def of(self, request: str) -> HarvestError:
        """Return the error for the request of this name."""
        return self.error(f"{request}: {self.problem}", hint=self.hint, kind=self.kind)


class MalformedAnswerError(Exception):
    """An answer that is not what the API promises: cut short, empty, or of another shape."""


class HttpError(Exception):
    """An answer with an error status. `message`: the server's explanation, empty where it must not be repeated."""

    def __init__(self, status: int, headers: Mapping[str, str], message: str = "") -> None:
        self.status, self.message = status, message[:200]
        self.headers = {str(name).lower(): str(value) for name, value in headers.items()}
        super().__init__(f"status {status}")

    @property
    def kind(self) -> FaultKind:
        """The kind of fault that this status means; GitHub also limits the rate with 403."""
        if self.status == 403 and (self.wait_seconds is not None or "rate limit" in self.message.lower()):
            return FaultKind.RATE_LIMIT
        if self.status < 300:  # a success, but not the one that the API promises
            return FaultKind.MALFORMED
        return FaultKind.OUTAGE if self.status >= 500 else _KINDS.get(self.status, FaultKind.REFUSED)

    @property
    def wait_seconds(self) -> float | None:
        """The pause that a rate limit asks for: `Retry-After`, else the reset of a limit that is used up."""
        headers = self.headers
        try:
            if self.status == 429 and "ratelimit-reset" in headers:  # PagerDuty sends it with every answer
                return max(0.0, float(headers["ratelimit-reset"]))
            if "retry-after" in headers:
                return max(0.0, float(headers["retry-after"]))
            if headers.get("x-ratelimit-remaining") == "0" and "x-ratelimit-reset" in headers:
                return max(0.0, float(headers["x-ratelimit-reset"]) - time.time())
        except ValueError:
            return None
        return None


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service: its name in messages, and a hint for each kind of fault."""

    name: str
    hints: Mapping[FaultKind, str] = field(default_factory=dict)

    def explain(self, problem: Exception) -> Fault | None:
        """Return the fault behind an HttpError, None for any other exception."""
        return self.fault_of(problem) if isinstance(problem, HttpError) else None

    def fault_of(self, error: HttpError) -> Fault:
        """Return the fault that an error status means."""
        kind, wait = error.kind, error.wait_seconds
        if kind is FaultKind.RATE_LIMIT:
            until = time.strftime(" until %H:%M UTC", time.gmtime(time.time() + wait)) if wait else ""
            problem = f"{self.name} limits the rate{until} ({error.status})"
            return Fault(kind=kind, problem=problem, hint=self.hint(kind), wait_seconds=wait)
        return self.fault(kind, str(error.status), error.message)

    def fault(self, kind: FaultKind, status: str, message: str = "") -> Fault:
        """Return a fault of this kind; `status` is the HTTP status or the service's own code."""
        problem = _PROBLEMS.get(kind, "{name} answered {status}").format(
            name=self.name,
            status=status,
            detail=": ".join(filter(None, (status, message))),
        )
        return Fault(kind=kind, problem=problem, hint=self.hint(kind))

    def hint(self, kind: FaultKind) -> str:
        """Return what a user can do about faults of this kind."""
        return self.hints.get(kind, _HINTS.get(kind, ""))


def explain_connection(problem: Exception, deadline_seconds: float) -> Fault | None:
    """Return the fault that every vendor shares: no connection, no answer in time, or an unreadable answer."""
    import requests
    import urllib3

    if (oversize := oversize_in(problem)) is not None:
        return Fault(kind=FaultKind.OVERSIZE, problem=str(oversize), hint=_UNEXPECTED)
    if isinstance(problem, MalformedAnswerError):
        return Fault(kind=FaultKind.MALFORMED, problem=str(problem), hint=_UNEXPECTED)
    # Before OSError, which it also is.
    not_json = isinstance(problem, requests.exceptions.JSONDecodeError)
    if not not_json and isinstance(problem, TimeoutError | requests.exceptions.Timeout):
        text = f"no complete answer within {deadline_seconds:.0f} s"
        return Fault(kind=FaultKind.UNREACHABLE, problem=text, hint=_REACH, slow=True)
    if isinstance(problem, requests.exceptions.SSLError):
        text = f"the connection is not trusted ({type(problem).__name__})"
        return Fault(kind=FaultKind.UNTRUSTED, problem=text, hint="check the certificate")
    # Bodies that are read raw break with urllib3's own exceptions.
    if not not_json and isinstance(problem, OSError | urllib3.exceptions.HTTPError):
        text = f"no connection, or it broke ({type(problem).__name__})"
        return Fault(kind=FaultKind.UNREACHABLE, problem=text, hint=_REACH)
    if isinstance(problem, ValueError | RecursionError):
        text = "the answer is not the JSON that the API promises"
        return Fault(kind=FaultKind.MALFORMED, problem=text, hint=_UNEXPECTED)
    return None
