"""What code depends on and what it owes: requirement, waiver, obligation. Frozen values; knows no rule of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from flowjoy.domain.events import Precision
from flowjoy.domain.version_order import version_name


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


_RUNNING = frozenset({Status.PENDING, Status.AT_RISK})
_OPEN = _RUNNING | {Status.BREACHED, Status.UNKNOWN}
_MISSED = frozenset({Status.LATE, Status.BREACHED})


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
    replaced: bool = False

    @property
    def subject(self) -> str:
        """The model, as people read it: of a stub that cannot be read no model is known."""
        return "unreadable stub" if self.model == UNREADABLE else self.model

    @property
    def release(self) -> str:
        """The release that owes the model, as people read it: its commit, else the id of its code event."""
        return f"release {self.sha[:12]}" if self.sha else self.code_id

    @property
    def is_running(self) -> bool:
        """Whether the deadline is ahead and the model is not shipped yet."""
        return self.status in _RUNNING

    @property
    def is_excused(self) -> bool:
        """Whether a waiver holds for a model that is not shipped."""
        return self.status is Status.WAIVED and self.closed_at is None

    @property
    def is_open(self) -> bool:
        """Whether the model is still owed: running, breached, excused by a waiver, or unknown."""
        return self.status in _OPEN or self.is_excused

    @property
    def is_missed(self) -> bool:
        """Whether the promise was broken. A waiver unblocks releases; it does not rewrite history."""
        return self.status in _MISSED or (self.status is Status.WAIVED and self.waived_miss)


UNREADABLE = "*"
"""Stands for the models of a stub that cannot be read."""


class Rule(StrEnum):
    """How a requirement judges a model version."""

    ANY = "any"
    EXACT = "exact"
    AT_LEAST = "at least"
    NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """What one code version asks of one model: `12` or `1.2.0` (EXACT), `>=12` (AT_LEAST), `any`, or `none`.

    `version` is a version's name for EXACT, a whole number for AT_LEAST.
    """

    model: str
    rule: Rule = Rule.ANY
    version: str | None = None
    reason: str | None = None

    def __str__(self) -> str:
        if self.rule is Rule.EXACT:
            return str(self.version)
        return f">={self.version}" if self.rule is Rule.AT_LEAST else self.rule.value

    def fits(self, version: str) -> bool:
        """Return whether a version of this name is one that the requirement accepts; `any` accepts every one."""
        if self.rule is Rule.EXACT:
            return version_name(version) == self.version
        if self.rule is Rule.AT_LEAST:
            return version.isdecimal() and int(version) >= int(self.version or 0)
        return self.rule is Rule.ANY


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
class ModelDependencies:
    """Which models each sha depends on. `by_sha` holds what stubs declare, `default` serves every other sha.

    `unreadable` names, by sha, why a stub that is there could not be read; of those in `gone` the commit is lost.
    """

    default: tuple[Requirement, ...] = ()
    by_sha: Mapping[str, tuple[Requirement, ...]] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
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
