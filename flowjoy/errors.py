"""The errors that a user can fix, with their exit code and a hint."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FlowJoyError(Exception):
    """An error that a user can fix. `exit_code` 2: the run could not decide, or an input is wrong."""

    exit_code = 2

    @property
    def advised(self) -> str:
        """The problem, and the way to fix it if that is known."""
        return str(self)


@dataclass(frozen=True)
class InputProblem:
    """A problem with one input or environment variable: its name, what is expected, and the wrong value if shown."""

    input: str
    text: str
    value: str | None = None

    def __str__(self) -> str:
        """Return the message for the user."""
        return f"{self.input}: {self.text}" if self.value is None else f"{self.input} {self.value!r}: {self.text}"


class InputError(FlowJoyError):
    """One or more inputs are wrong. `problems` are the messages for all of them."""

    def __init__(self, *problems: InputProblem | str) -> None:
        self.problems = tuple(map(str, problems))
        super().__init__("; ".join(self.problems))


class FaultKind(StrEnum):
    """Why a service did not give what it was asked for."""

    AUTH = "auth"
    PERMISSION = "permission"
    MISSING = "missing"
    GONE = "gone"
    CONFLICT = "conflict"
    QUOTA = "quota"
    RATE_LIMIT = "rate_limit"
    OUTAGE = "outage"
    UNREACHABLE = "unreachable"
    UNTRUSTED = "untrusted"
    MALFORMED = "malformed"
    OVERSIZE = "oversize"
    UNSUPPORTED = "unsupported"
    REFUSED = "refused"

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self in (FaultKind.RATE_LIMIT, FaultKind.OUTAGE, FaultKind.UNREACHABLE, FaultKind.MALFORMED)


class HarvestError(FlowJoyError):
    """A source could not be read completely: its data is unknown, which differs from empty.

    `kind`: the fault of the service that caused it; None if the data or an input is the problem.
    """

    def __init__(self, problem: str, *, hint: str = "", kind: FaultKind | None = None) -> None:
        self.hint = hint
        self.kind = kind
        super().__init__(problem)

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed a little later."""
        return self.kind is not None and self.kind.is_transient

    @property
    def advised(self) -> str:
        """The problem, and the way to fix it if that is known."""
        return f"{self} ({self.hint})" if self.hint else str(self)


class UnknownModelError(HarvestError):
    """The registry does not know a model."""


class BundleError(FlowJoyError):
    """A file is not a bundle."""


class NewerBundleError(BundleError):
    """A bundle has a newer schema, so this version must neither interpret nor replace it."""
