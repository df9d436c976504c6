"""The weeks of a report, and the action that one of them proposes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

RECENT_WEEKS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The weeks of a report: `weeks` weeks from Monday in `timezone`, the current one last; `until` is as-of."""

    since: datetime
    until: datetime
    timezone: str
    weeks: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelGap:
    """How far one model lags behind code in one week.

    `code_deploys`: the deployments that require it as `any`; `ships`: its own. `diverges`: the week is complete and the
    gap exceeds the configured share of those deployments.
    """

    model: str
    code_deploys: int
    ships: int
    diverges: bool = False

    @property
    def gap(self) -> int:
        """The number of code deployments without a ship of this model."""
        return self.code_deploys - self.ships


@dataclass(frozen=True, kw_only=True, slots=True)
class Week:
    """One row of the week table. `week` is its Monday; `mttr_hours` is None without a resolved incident.

    `model_deploys` counts the ships of all models. `gap` is that of the model `furthest` behind (code minus models if
    no deployment requires a model as `any`). `lagging`: the one furthest behind among those that diverge. `models`: how
    many are required as `any`.

    `incidents` is None if no incident source is set or one could not be read; the MTTR is then unknown as well.
    `code_known` and `models_known` are False if the source was not read: the count is what the ledger remembers, and
    the gap is unknown. `observed` is False if an alias or a stage was not observed from the start of the week: the
    number of its ships is unknown.
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
        """Whether `gap` is known: everything was read, and all ships of the models that decide it."""
        return self.code_known and self.models_known and (self.observed or self.diverges)

    @property
    def ships_known(self) -> bool:
        """Whether `model_deploys` counts all ships."""
        return self.models_known and self.observed

    @property
    def lag(self) -> int:
        """The gap to report: that of the diverging model, else the largest."""
        return self.gap if self.lagging is None else self.lagging.gap

    @property
    def named_model(self) -> str | None:
        """The model that `lag` is about; None if at most one model is required, so that no name is needed."""
        about = self.lagging or self.furthest
        return None if about is None or self.models == 1 else about.model

    @property
    def label(self) -> str:
        """The Monday in short form: `Jun 03`."""
        return self.week.strftime("%b %d")


def complete_weeks(weeks: Sequence[Week]) -> tuple[Week, ...]:
    """Return the complete weeks, oldest first."""
    return tuple(week for week in weeks if not week.partial)


def recent_weeks(weeks: Sequence[Week]) -> tuple[Week, ...]:
    """Return the last four complete weeks."""
    return complete_weeks(weeks)[-RECENT_WEEKS:]


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """The action proposed in the week that began at `week`, and the `value` of its `measure` at that time."""

    week: datetime
    key: str
    do: str
    measure: str
    value: float | None
