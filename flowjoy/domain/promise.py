"""The promise: what code requires of models, what it owes, and waivers of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from flowjoy.domain.events import Precision
from flowjoy.domain.version_order import version_name


class Status(StrEnum):
    """The state of one obligation by the rules of the 48-hour promise."""

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
    def label(self) -> str:
        """The status as text: `at risk`."""
        return self.value.replace("_", " ")


_RUNNING = frozenset({Status.PENDING, Status.AT_RISK})
_OPEN = _RUNNING | {Status.BREACHED, Status.UNKNOWN}
_MISSED = frozenset({Status.LATE, Status.BREACHED})


@dataclass(frozen=True, kw_only=True, slots=True)
class Obligation:
    """The duty of one code deployment to ship one model. `deadline` is inclusive to the second.

    `shipped_at`: the ship that met it or closed it late; `closed_at`: that or the rollback that ended it; both are None
    while it is open. `waiver`: the one that excuses it, or if it is broken, the one that did and has ended.
    `waived_miss`: waived, but counted as a miss in the rate.
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
    waiver: Waiver | None = None
    waived_miss: bool = False
    reason: str | None = None
    replaced: bool = False

    @property
    def subject(self) -> str:
        """The model by name; the models of an unreadable stub are unknown."""
        return "unreadable stub" if self.model == UNREADABLE else self.model

    @property
    def release(self) -> str:
        """The release that owes the model: its commit, or else the id of its code event."""
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
"""The name for the unknown models of an unreadable stub."""


class Rule(StrEnum):
    """How a requirement judges a model version."""

    ANY = "any"
    EXACT = "exact"
    AT_LEAST = "at least"
    NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """The requirement of one code version for one model: `12` or `1.2.0` (EXACT), `>=12` (AT_LEAST), `any` or `none`.

    `version`: the name of a version for EXACT, a whole number for AT_LEAST.
    """

    model: str
    rule: Rule = Rule.ANY
    version: str | None = None
    reason: str | None = None

    @classmethod
    def of(cls, model: str, text: str) -> Requirement:
        """Return the requirement that `str` of it, or a valid stub, writes as this text."""
        if text in (Rule.ANY, Rule.NONE):
            return cls(model=model, rule=Rule(text))
        rule = Rule.AT_LEAST if text.startswith(">=") else Rule.EXACT
        return cls(model=model, rule=rule, version=text.removeprefix(">="))

    def __str__(self) -> str:
        if self.rule is Rule.EXACT:
            return str(self.version)
        return f">={self.version}" if self.rule is Rule.AT_LEAST else self.rule.value

    def fits(self, version: str) -> bool:
        """Return whether the requirement accepts a version of this name; `any` accepts every version."""
        if self.rule is Rule.EXACT:
            return version_name(version) == self.version
        if self.rule is Rule.AT_LEAST:
            return version.isdecimal() and int(version) >= int(self.version or 0)
        return self.rule is Rule.ANY


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiver:
    """A signed exception for `model` and `sha` (`*`: every sha), until an instant.

    `standing_for`: the deployed commit whose own stub contains it; None if it was read at the head of the default
    branch. `seen_at`: when a run first saw it.
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
    """The models that each commit depends on: `by_sha` as its stub declares, else `default`.

    `unreadable`: by commit, why its stub could not be read; the commits in `gone` no longer exist.
    """

    default: tuple[Requirement, ...] = ()
    by_sha: Mapping[str, tuple[Requirement, ...]] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    waivers: tuple[Waiver, ...] = ()

    def of(self, sha: str | None) -> tuple[Requirement, ...]:
        """Return what a commit requires, without `none`; empty if its stub could not be read."""
        if sha is not None and sha in self.unreadable:
            return ()
        return tuple(item for item in self.named(sha) if item.rule is not Rule.NONE)

    def named(self, sha: str | None) -> tuple[Requirement, ...]:
        """Return what a commit says of models, `none` included."""
        return self.default if sha is None else self.by_sha.get(sha, self.default)

    @property
    def declared(self) -> bool:
        """Whether anything declares a dependency."""
        return bool(self.default or self.unreadable or any(self.by_sha.values()))

    @property
    def models(self) -> tuple[str, ...]:
        """The names of all models, sorted."""
        named = {requirement.model for requirement in self.default}
        return tuple(sorted(named.union(*({r.model for r in stub} for stub in self.by_sha.values()))))
