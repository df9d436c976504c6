"""One step of collecting: its value, and the coverage that says how it ended.

A step that fails has a reason in its coverage; it never reads as empty.
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
"""The value that was read, its number of records, and notes on them."""


class CollectStep(Generic[_T]):
    """One thing to read. `outcome` is assigned at once, so that another thread never sees half of it."""

    def __init__(self, kind: SourceKind, nothing: _T, *, label: str = "", required: bool, planned: bool = True) -> None:
        self._name, self._nothing, self._required = kind.named(label), nothing, required
        self.planned = planned
        self.outcome: tuple[_T, Coverage] = (nothing, self._late())
        if not planned:
            self.skip()

    @property
    def value(self) -> _T:
        """The value that was read, or the empty one."""
        return self.outcome[0]

    def read(self, work: Callable[[], StepResult[_T]], access: Clients) -> None:
        """Do the work and record how it ended, also if it failed."""
        try:
            value, count, notes = work()
        except HarvestError as problem:
            self._failed(str(problem), problem.hint)
        except Exception as problem:  # noqa: BLE001  (a bug in one source must not take the others, or read as empty)
            self._failed(f"{type(problem).__name__} while reading", "please report this")
        else:
            coverage = replace(
                self._late(), state=CoverageState.COMPLETE, records=count, reason=None, hint=None, notes=notes
            )
            self.outcome = (value, coverage)
        coverage = self.outcome[1]
        read = coverage.reason or f"{plural(coverage.records, 'record')}, complete"
        access.progress(f"{self._name}: {read}")

    def skip(self, *, required: bool | None = None) -> None:
        """Mark the step as not configured, which is not a failure. `required` overrides the step's own."""
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
