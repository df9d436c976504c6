"""The merge gate's result for one proposal: its findings, each with a level."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

AVAILABLE = "The models that this code requires are available"


class GateLevel(StrEnum):
    """The severity of a finding of the gate. WARNING: a failure that a waiver overrides."""

    NOTICE = "notice"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, kw_only=True)
class GateFinding:
    """One finding of the gate. `line`: its line in the head's stub, None if it concerns no line."""

    level: GateLevel
    text: str
    line: int | None = None


@dataclass(frozen=True, kw_only=True)
class MergeGate:
    """The result for one proposal. `sha`: its head. `compared`: its inputs were compared with the default branch's.

    `is_merge`: the code asks to be merged, otherwise to be deployed. `state`: whether the models are there, if no
    finding refuses it.
    """

    findings: tuple[GateFinding, ...]
    state: str = AVAILABLE
    forecast: tuple[str, ...] = ()
    judged_registry: bool = True
    sha: str = ""
    compared: bool = True
    is_merge: bool = False

    @property
    def failed(self) -> bool:
        """Whether the code must not go live as it is."""
        return bool(self.of(GateLevel.FAILURE))

    def of(self, level: GateLevel) -> tuple[GateFinding, ...]:
        """Return the findings of one level."""
        return tuple(finding for finding in self.findings if finding.level is level)
