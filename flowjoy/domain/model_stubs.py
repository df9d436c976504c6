"""The model stub of one commit: parsed once, where its file is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowjoy.domain.promise import Requirement, Waiver
from flowjoy.domain.proposals import FileAtCommit


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedStub:
    """A valid stub: its requirements by name, its waivers, and by model the line and the owner, where it names one."""

    file: FileAtCommit
    requirements: tuple[Requirement, ...]
    waivers: tuple[Waiver, ...]
    lines: Mapping[str, int]
    owners: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadableStub:
    """A stub that could not be read, or is not valid, and why. `line`: the broken line of an invalid one."""

    file: FileAtCommit
    problem: str
    line: int | None = None

    def problem_at(self, name: str) -> str:
        """Return the problem; that of an invalid stub begins with the name of its file and the line."""
        return self.problem if self.line is None else f"{name}, line {self.line}: {self.problem}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AbsentStub:
    """A commit without a stub."""

    file: FileAtCommit = field(default_factory=FileAtCommit)


StubFile = ParsedStub | UnreadableStub | AbsentStub
