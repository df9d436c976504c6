"""The part of the inventory that waits for attention."""

from __future__ import annotations

from datetime import datetime, timedelta

from flowjoy.domain import Branch, Inventory, OpenPull

STALE = timedelta(days=28)
"""A branch is stale if its last commit is older."""

LOOKED_AT = 100
"""Maximum pull requests, and maximum branches, that the inventory contains."""


def among(total: int, noun: str = "") -> str:
    """Return the total that a count refers to, such as `of 9 open`, and how many of it were examined if not all."""
    share = f"of {total}{noun}"
    return f"{share}, of which the first {LOOKED_AT} were examined" if total > LOOKED_AT else share


def waiting_pulls(inventory: Inventory) -> tuple[OpenPull, ...]:
    """Return the pull requests waiting for review, oldest first."""
    return tuple(pull for pull in inventory.pulls if pull.state == "waiting for review")


def stale_branches(inventory: Inventory, now: datetime) -> tuple[Branch, ...]:
    """Return the branches without an open pull request or a recent commit, oldest first."""
    return tuple(branch for branch in inventory.branches if now - branch.committed_at >= STALE)
