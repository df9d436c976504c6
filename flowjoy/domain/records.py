"""What sources tell: deployments, model versions, incidents, stubs, and how completely each was read. Frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self


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


class CoverageState(StrEnum):
    """How far a source was read. FAILED is never the same as empty."""

    COMPLETE = "complete"
    FAILED = "failed"
    NOT_CONFIGURED = "not configured"


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
    run may have been. `source_gone`: a ledger remembers it, its source no longer shows it; `borne_out`: and yet the
    registry shows that it was there. `unified_tag`: what the version itself says of the code that it belongs to.
    `source` is where its content lies, `model_id` its logged model: with `run_id` they decide whether the content is
    new. None is unknown; a `source` of "" is known to be missing.
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
    borne_out: bool = False
    source: str | None = None
    model_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AliasObservation:
    """What one run saw at `at`: the version that `signal` (`alias:<name>`, `stage:<name>`) named; empty for none.

    A registry keeps no time for such a move: only looks tell. `run_id`, `source`, `model_id` and `registered_at` are
    the version's own, kept in case the registry forgets it.
    """

    model: str
    signal: str
    at: datetime
    version: str = ""
    run_id: str = ""
    registered_at: datetime | None = None
    source: str | None = None
    model_id: str | None = None


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
class Registered:
    """What a registry shows of a model itself. `lost_one`: it changed after all that it lists, as by a deletion."""

    created_at: datetime | None = None
    lost_one: bool = False


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
class StubFile:
    """What stands in the stub's file at one commit: its text, None where no such file is, or why it is unknown.

    `commit_is_gone`: GitHub does not know the commit, so that nothing can be said of its files.
    """

    text: str | None = None
    problem: str | None = None
    commit_is_gone: bool = False


class SourceKind(StrEnum):
    """The kinds of things that a run reads; the value is the first part of their name in the coverage."""

    LEDGER = "ledger"
    OTHER_LEDGERS = "ledgers of other names"
    CODE = "code"
    PULL_REQUEST = "pull request"
    MERGE_GROUP = "merge group"
    STUBS = "stubs"
    OTHER_STUBS = "stubs of the proposal at other paths"
    MODELS = "models"
    INCIDENTS = "incidents"
    CODE_LEAD_TIME = "lead time of code"
    MODEL_LEAD_TIME = "lead time of models"
    INVENTORY = "inventory"
    DRIFT = "drift"

    def named(self, label: str = "") -> str:
        """Return the name of one source of this kind, such as `code (GitHub deployments)`."""
        return f"{self.value} ({label})" if label else self.value


class NoteLevel(StrEnum):
    """How a run logs a note."""

    NOTICE = "notice"
    WARNING = "warning"


class Note(str):
    """A note on what was read. A WARNING tells of data that exists and does not count; a bundle keeps the text only."""

    __slots__ = ("level",)

    level: NoteLevel

    def __new__(cls, text: str, level: NoteLevel = NoteLevel.NOTICE) -> Self:
        """Return the text as a note."""
        note = super().__new__(cls, text)
        note.level = level
        return note


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

    @property
    def kind(self) -> SourceKind | None:
        """The kind of the source; None for a name that this version does not know, as in the bundle of another one."""
        name = self.source.partition(" (")[0]
        return SourceKind(name) if name in set(SourceKind) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkflowFile:
    """A workflow file that a proposal changes: its text on both sides; `path` is its name at the head."""

    path: str
    before: StubFile
    after: StubFile


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """Code that asks to go live: a pull request, a merge group, or a commit that is about to be deployed.

    `base_sha` is None for a commit that is not merged into anything. `touched` are the files that the head has, and
    `removed` those that it no longer has; `renamed` maps new names to old ones. `files_known`: False where GitHub
    does not list every changed file. `workflows`: changed workflow files, up to a limit, and `workflows_unread` of them
    beyond it.
    """

    head_sha: str
    base_sha: str | None = None
    number: int | None = None
    labels: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)
    files_known: bool = True
    workflows: tuple[WorkflowFile, ...] = ()
    workflows_unread: int = 0

    @property
    def is_merge(self) -> bool:
        """Whether it is to be merged; else the commit itself is about to be deployed."""
        return self.base_sha is not None
