"""How completely each source was read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class CoverageState(StrEnum):
    """How far a source was read. A FAILED source is unknown, not empty."""

    COMPLETE = "complete"
    FAILED = "failed"
    NOT_CONFIGURED = "not configured"


class SourceKind(StrEnum):
    """The kinds of things that a run reads; the value is the first part of their name in the coverage."""

    LEDGER = "ledger"
    OTHER_LEDGERS = "ledgers of other names"
    CODE = "code"
    PULL_REQUEST = "pull request"
    MERGE_GROUP = "merge group"
    BRANCH = "comparison with the default branch"
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
    """A note on what was read. A WARNING names data that exists and does not count; a bundle keeps the text only."""

    __slots__ = ("level",)

    level: NoteLevel

    def __new__(cls, text: str, level: NoteLevel = NoteLevel.NOTICE) -> Self:
        """Return the text as a note."""
        note = super().__new__(cls, text)
        note.level = level
        return note


@dataclass(frozen=True, kw_only=True, slots=True)
class Coverage:
    """How one source was read. `required` sources must be complete before a verdict can be pass."""

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
