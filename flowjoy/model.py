"""The nouns everything else speaks in. Frozen values; knows no frame, no file, no network.

Every instant is an aware UTC datetime; durations carry their unit in the name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class EventType(StrEnum):
    """Which half of the supply chain an event belongs to."""

    CODE = "CODE"
    MODEL = "MODEL"


class Kind(StrEnum):
    """What an event did to production. Only DEPLOY and SHIP count as cadence."""

    DEPLOY = "deploy"
    REDEPLOY = "redeploy"
    ROLLBACK = "rollback"
    SHIP = "ship"
    COPY = "copy"


class Precision(StrEnum):
    """How well the instant of an event is known."""

    EXACT = "exact"
    REGISTERED = "registered"
    OBSERVED = "observed"


class Outcome(StrEnum):
    """What became of a code deployment. Only SUCCESS makes an event; PROVISIONAL is this very run's release."""

    SUCCESS = "success"
    FAILED = "failed"
    PROVISIONAL = "provisional"


class Status(StrEnum):
    """What became of one obligation, by the rules of the 48-hour promise."""

    PENDING = "pending"
    AT_RISK = "at_risk"
    MET = "met"
    LATE = "late"
    UNDETERMINED = "undetermined"
    BREACHED = "breached"
    WAIVED = "waived"
    CANCELLED = "cancelled"
    NOT_REQUIRED = "not_required"
    UNDECLARED = "undeclared"
    UNKNOWN = "unknown"

    @property
    def words(self) -> str:
        """As people read it: `at risk`."""
        return self.value.replace("_", " ")


class CoverageState(StrEnum):
    """How far a source was read. FAILED is never the same as empty."""

    COMPLETE = "complete"
    FAILED = "failed"
    NOT_CONFIGURED = "not configured"


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The weeks a report covers: `weeks` Monday weeks of `timezone`, the running one last; `until` is as-of."""

    since: datetime
    until: datetime
    timezone: str
    weeks: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeRecord:
    """One deployment of one application sha, as its source tells it. `shipped_at` is its first success.

    A failed record carries the time of its last change and makes no event. `created_at` is when its source made it,
    which is what sources list by. `under_way`: it has not succeeded, and may yet. `source_gone`: a ledger remembers it,
    its source no longer shows it.
    """

    id: str
    service: str
    environment: str
    sha: str | None
    shipped_at: datetime
    run_id: str | None = None
    outcome: Outcome = Outcome.SUCCESS
    url: str | None = None
    created_at: datetime | None = None
    under_way: bool = False
    source_gone: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelRecord:
    """One registered model version that shipped at `shipped_at`.

    With precision OBSERVED the ship lies in (`not_before`, `shipped_at`]; otherwise `not_before` is None.
    `run_id` is the training run. A version that ships again is a record of its own. `maybe_live_before`: it was there
    before anybody looked, so nobody knows whether it was live then. `maybe_copy`: another version of the same training
    run may have been. `source_gone`: a ledger remembers it, its source no longer shows it. `unified_tag`: what the
    version itself says of the code that it belongs to.
    """

    id: str
    name: str
    version: str | None
    shipped_at: datetime
    run_id: str | None = None
    not_before: datetime | None = None
    precision: Precision = Precision.EXACT
    registered_at: datetime | None = None
    url: str | None = None
    maybe_live_before: bool = False
    maybe_copy: bool = False
    unified_tag: str | None = None
    source_gone: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What one run saw at `at`: the version that `signal` (`alias:<name>`, `stage:<name>`) named; empty for none.

    A registry keeps no time for such a move: only looks tell. `run_id` and `registered_at` are the version's own,
    kept in case that the registry forgets it.
    """

    model: str
    signal: str
    at: datetime
    version: str = ""
    run_id: str = ""
    registered_at: datetime | None = None


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """One incident. `end` is None while it is open: never 0 hours."""

    id: str
    source: str
    service: str
    start: datetime
    end: datetime | None = None
    title: str | None = None
    type: str | None = None
    url: str | None = None
    urgency: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelVersion:
    """A version as the registry lists it, shipped or not. `validated`: it carries the tag of a passed test."""

    name: str
    version: str
    ready: bool
    validated: bool = False
    registered_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenPull:
    """A pull request that is open. `state`: `waiting for review`, `changes requested`, `approved` or `draft`."""

    number: int
    title: str
    created_at: datetime
    state: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Branch:
    """A branch without an open pull request, and its last commit."""

    name: str
    committed_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Inventory:
    """What waited on the shelf at `read_at`, oldest first. The totals count also what was not read."""

    read_at: datetime
    pulls: tuple[OpenPull, ...] = ()
    pulls_total: int = 0
    branches: tuple[Branch, ...] = ()
    branches_total: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """The action that was proposed in the week that began at `week`; `value` of its `measure` then."""

    week: datetime
    key: str
    do: str
    measure: str
    value: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StubText:
    """What stands in the stub's file at one commit: its text, None where no such file is, or why it is unknown."""

    text: str | None = None
    problem: str | None = None


DROPPED = "dropped"
"""A note that ends so tells of something that was there and does not count: it is a warning."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """What was read of one source. `required` sources must be complete before a verdict can be pass."""

    source: str
    state: CoverageState
    required: bool
    records: int = 0
    reason: str | None = None
    hint: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Obligation:
    """What one code deploy owes one model. `deadline` is inclusive to the second.

    `shipped_at` is the ship that met it (or closed it late), `closed_at` that or the rollback that ended the clock;
    both None while it is open. `waived_miss`: waived, but counted as a miss in the rate. `excused_until`: broken,
    since a waiver ran out then.
    """

    id: str
    code_id: str
    sha: str | None
    model: str
    requires: str
    start: datetime
    deadline: datetime
    status: Status
    version: str | None = None
    shipped_at: datetime | None = None
    closed_at: datetime | None = None
    not_before: datetime | None = None
    seen_by: datetime | None = None
    precision: Precision | None = None
    provisional: bool = False
    waiver: str | None = None
    waived_miss: bool = False
    reason: str | None = None
    excused_until: datetime | None = None


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


class Rule(StrEnum):
    """How a requirement judges a model version."""

    ANY = "any"
    EXACT = "exact"
    AT_LEAST = "at least"
    NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """What one code version asks of one model: `12` (EXACT), `>=12` (AT_LEAST), `any`, or `none` with a reason."""

    model: str
    rule: Rule = Rule.ANY
    version: int | None = None
    reason: str | None = None

    def __str__(self) -> str:
        if self.rule is Rule.EXACT:
            return str(self.version)
        return f">={self.version}" if self.rule is Rule.AT_LEAST else self.rule.value


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiver:
    """A signed exception for `model` and `sha` (`*`: every sha), until an instant.

    `standing_for` is the deployed sha in whose own stub it stood, None when it was read at the head of the default
    branch. `seen_at` is when a ledger first saw it.
    """

    model: str
    sha: str
    reason: str
    by: str
    until: datetime
    standing_for: str | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Dependence:
    """Which models each sha depends on. `by_sha` holds what stubs declare, `default` serves every other sha.

    `unreadable` names, by sha, why a stub that is there could not be read.
    """

    default: tuple[Requirement, ...] = ()
    by_sha: Mapping[str, tuple[Requirement, ...]] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()

    @property
    def declared(self) -> bool:
        """Whether any dependence is declared anywhere."""
        return bool(self.default or self.unreadable or any(self.by_sha.values()))

    @property
    def models(self) -> tuple[str, ...]:
        """Every model named, sorted."""
        named = {requirement.model for requirement in self.default}
        return tuple(sorted(named.union(*({r.model for r in stub} for stub in self.by_sha.values()))))


@dataclass(frozen=True, kw_only=True, slots=True)
class PullRequest:
    """A pull request: its head and base commits, labels, and the files it touches or removes."""

    number: int
    head_sha: str
    base_sha: str
    labels: frozenset[str]
    touched: frozenset[str]
    removed: frozenset[str]
