"""One class per mistake a user can fix. Each owns its exit code and says what to do."""

from __future__ import annotations


class FlowJoyError(Exception):
    """Something a user can act on. `exit_code` 2: could not decide, or a mistake in the inputs."""

    exit_code = 2


class InputError(FlowJoyError):
    """One or more inputs are wrong. `problems` holds a sentence for each, all of them at once."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("; ".join(problems))


class HarvestError(FlowJoyError):
    """A source could not be read to its end: what it knows is unknown, which is not the same as nothing.

    `passing`: the last fault was one that may be gone the next time.
    """

    def __init__(self, problem: str, *, hint: str = "", passing: bool = False) -> None:
        self.hint = hint
        self.passing = passing
        super().__init__(problem)

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
