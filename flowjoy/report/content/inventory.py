"""What waits on the shelf too long. Knows an inventory and an instant."""

from __future__ import annotations

from datetime import datetime, timedelta

from flowjoy.domain import Branch, Inventory, OpenPull

STALE = timedelta(days=28)
"""A branch whose last commit is older is stale."""


LOOKED_AT = 100
"""Pull requests, and branches, that the inventory looks at: the first of them."""


def among(total: int, noun: str = "") -> str:
    """What a number is of: `of 9 open`; where not all were looked at, of how many it was told."""
    share = f"of {total}{noun}"
    return f"{share}, the first {LOOKED_AT} of which were looked at" if total > LOOKED_AT else share


def waiting_pulls(inventory: Inventory) -> tuple[OpenPull, ...]:
    """The pull requests that wait for a review, the oldest first."""
    return tuple(pull for pull in inventory.pulls if pull.state == "waiting for review")


def stale_branches(inventory: Inventory, now: datetime) -> tuple[Branch, ...]:
    """The branches without an open pull request and without a recent commit, the oldest first."""
    return tuple(branch for branch in inventory.branches if now - branch.committed_at >= STALE)
