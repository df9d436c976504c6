"""One class per mistake a user can fix. Each owns its exit code and says what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FlowJoyError(Exception):
    """Something a user can act on. `exit_code` 2: could not decide, or a mistake in the inputs."""

    exit_code = 2


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
        """The problem, and what to do."""
        return f"{self} ({self.hint})" if self.hint else str(self)


class UnknownModelError(HarvestError):
    """The registry says that there is no such model."""


class BundleError(FlowJoyError):
    """A bundle or ledger is not one."""


class NewerBundleError(BundleError):
    """A bundle of a newer schema: this FlowJoy must neither guess at it nor bury it."""


class StubError(FlowJoyError):
    """A model stub that is not one: names the file, the line and the rule."""

    def __init__(self, name: str, line: int, rule: str) -> None:
        self.line = line
        super().__init__(f"{name}, line {line}: {rule}")
