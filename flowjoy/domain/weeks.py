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
class ModelGap:
    """How far one model is behind code in a week.

    `code_deploys`: the deploys that require it as `any`; `ships`: its own. `diverges`: the week is complete, and the
    gap is more than the set share of those deploys.
    """

    model: str
    code_deploys: int
    ships: int
    diverges: bool = False

    @property
    def gap(self) -> int:
        """Return the code deploys that no ship of this model answers."""
        return self.code_deploys - self.ships


@dataclass(frozen=True, kw_only=True, slots=True)
class Week:
    """One row of the week table. `week` is its Monday; `mttr_hours` is None without a resolved incident.

    `model_deploys` counts the ships of every model, `gap` is that of the model `furthest` behind (code - model where no
    deploy requires a model as `any`). `lagging`: the model furthest behind of those that diverge; `models` is how many
    are required as `any`.

    `incidents` is None where a source of them could not be read, or none is set: then there is no MTTR, either. Where
    code or models were not read, `code_known` or `models_known` is False: the count is what is remembered, and no gap
    is told from it. `observed` is False where an alias or a stage was not observed from the start of the week on: how
    many models shipped in it is unknown.
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
    observed: bool = True
    furthest: ModelGap | None = None
    lagging: ModelGap | None = None
    models: int = 0

    @property
    def counted(self) -> bool:
        """Return whether `gap` is known: everything was read, and the ships of each model that decides it."""
        return self.code_known and self.models_known and (self.observed or self.diverges)

    @property
    def ships_known(self) -> bool:
        """Return whether `model_deploys` is the count of all ships."""
        return self.models_known and self.observed

    @property
    def lag(self) -> int:
        """Return the gap to tell of: that of the model that diverges, else the largest."""
        return self.gap if self.lagging is None else self.lagging.gap

    @property
    def named_model(self) -> str | None:
        """Return the model that `lag` is about, or None where one model, or none, is required: it needs no name."""
        about = self.lagging or self.furthest
        return None if about is None or self.models == 1 else about.model

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
    """One step of an alert's life that was sent at `at`, and to whom.

    `sink`: `slack`, `pagerduty`, or `` for the run's own output. `ref`: where the message can be answered, a thread.
    `releases`: the code events that this step named. `sent_as`: the key of an older FlowJoy under which it was sent.
    """

    key: str
    step: str
    at: datetime
    sink: str = ""
    ref: str = ""
    releases: tuple[str, ...] = ()
    sent_as: str = ""


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
