"""What a run says: window, weeks, recovery, action, alert, verdict. Frozen values; knows no words and no pictures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The weeks a report covers: `weeks` Monday weeks of `timezone`, the running one last; `until` is as-of."""

    since: datetime
    until: datetime
    timezone: str
    weeks: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Week:
    """One row of the week table. `week` is its Monday; `mttr_hours` is None without a resolved incident.

    `incidents` is None where a source of them could not be read, or none is set: then there is no MTTR, either. Where
    code or models were not read, `code_known` or `models_known` is False: the count is what is remembered, and no gap
    is told from it.
    """

    week: date
    code_deploys: int
    model_deploys: int
    gap: int
    incidents: int | None
    resolved: int
    mttr_hours: float | None
    mttr_median_hours: float | None
    mttr_p90_hours: float | None
    partial: bool
    diverges: bool
    code_known: bool = True
    models_known: bool = True

    @property
    def counted(self) -> bool:
        """Whether code and models were both read, so that `gap` says something."""
        return self.code_known and self.models_known

    @property
    def label(self) -> str:
        """The Monday as people read it: `Jun 03`."""
        return self.week.strftime("%b %d")


@dataclass(frozen=True, kw_only=True, slots=True)
class Recovery:
    """How long the incidents of one `cause` took: CODE, MODEL, AMBIGUOUS, UNATTRIBUTED, or `all` of them (the MTTR)."""

    cause: str
    resolved: int
    open: int
    mean_hours: float | None
    median_hours: float | None
    p90_hours: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """The action that was proposed in the week that began at `week`; `value` of its `measure` then."""

    week: datetime
    key: str
    do: str
    measure: str
    value: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertState:
    """That one step of an alert's life (`new`, `reminder`, `escalation`, `recovery`) was told at `at`, and to whom.

    `sink`: `slack`, `pagerduty`, or `` for the run's own output. `ref` is where the telling can be answered: a thread.
    """

    key: str
    step: str
    at: datetime
    sink: str = ""
    ref: str = ""


class Decision(StrEnum):
    """The verdict of a run."""

    PASS = "pass"  # noqa: S105  # nosec B105  (a verdict, not a password)
    FAIL = "fail"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What the run decided, why, and how it ends. `exit_code`: 0 pass, 1 broken, 2 could not decide."""

    decision: Decision
    reasons: tuple[str, ...]
    exit_code: int
