"""One thing that a run reads, and how it ended. Knows how work fails, not what is read.

What fails is named in its coverage; nothing that fails ever reads as empty.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Generic, TypeVar

from flowjoy.domain import Coverage, CoverageState, SourceKind
from flowjoy.errors import HarvestError
from flowjoy.report.text import plural
from flowjoy.sources.base import Clients

_T = TypeVar("_T")

StepResult = tuple[_T, int, tuple[str, ...]]
"""What was read, how many records it holds, and what should be known of them."""


class CollectStep(Generic[_T]):
    """One thing to read. `outcome` changes in one assignment, so that a look from another thread never tears it."""

    def __init__(self, kind: SourceKind, nothing: _T, *, label: str = "", required: bool, planned: bool = True) -> None:
        self._name, self._nothing, self._required = kind.named(label), nothing, required
        self.planned = planned
        self.outcome: tuple[_T, Coverage] = (nothing, self._late())
        if not planned:
            self.skip()

    @property
    def value(self) -> _T:
        """What was read; nothing, where it was not."""
        return self.outcome[0]

    def read(self, work: Callable[[], StepResult[_T]], access: Clients) -> None:
        """Do the work; every failure ends as coverage."""
        try:
            value, count, notes = work()
        except HarvestError as problem:
            self._failed(str(problem), problem.hint)
        except Exception as problem:  # noqa: BLE001  (a bug in one source must not take the others, or read as empty)
            self._failed(f"{type(problem).__name__} while reading", "please report this")
        else:
            said = replace(
                self._late(), state=CoverageState.COMPLETE, records=count, reason=None, hint=None, notes=notes
            )
            self.outcome = (value, said)
        said = self.outcome[1]
        read = said.reason or f"{plural(said.records, 'record')}, complete"
        access.progress(f"{self._name}: {read}")

    def skip(self, *, required: bool | None = None) -> None:
        """There is nothing to read, which is no failure. `required`: where that it is not read is known only now."""
        needed = self._required if required is None else required
        nothing = Coverage(source=self._name, state=CoverageState.NOT_CONFIGURED, required=needed)
        self.outcome = (self._nothing, nothing)

    def _failed(self, reason: str, hint: str) -> None:
        self.outcome = (self._nothing, replace(self._late(), reason=reason, hint=hint or None))

    def _late(self) -> Coverage:
        return Coverage(
            source=self._name,
            state=CoverageState.FAILED,
            required=self._required,
            reason="not read in time",
            hint="raise timeout-seconds",
        )
