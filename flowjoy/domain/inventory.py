"""Work that waits at GitHub: open pull requests and branches without one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenPull:
    """An open pull request. `state`: `waiting for review`, `changes requested`, `approved` or `draft`."""

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
    """The open work at `read_at`, oldest first. The totals also count what was not read."""

    read_at: datetime
    pulls: tuple[OpenPull, ...] = ()
    pulls_total: int = 0
    branches: tuple[Branch, ...] = ()
    branches_total: int = 0
