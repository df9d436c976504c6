"""The verdict of a run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Decision(StrEnum):
    """The verdict of a run."""

    PASS = "pass"  # noqa: S105  # nosec B105  (a verdict, not a password)
    FAIL = "fail"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The decision of a run, its reasons and its exit code: 0 pass, 1 promise broken, 2 undecided."""

    decision: Decision
    reasons: tuple[str, ...]
    exit_code: int
