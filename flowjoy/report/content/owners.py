"""The owner of a model in texts: a mention in Slack where the stub names a Slack id, a plain name everywhere else."""

from __future__ import annotations

import re

from flowjoy.analysis.promise.dependencies import head_owners
from flowjoy.analysis.results import Results
from flowjoy.report.escaping import clean

DATA_TEAM = "data team"
_ID = re.compile(r"[UWS](?=[A-Z]*[0-9])[A-Z0-9]{7,14}")
"""A Slack id. Names in capitals do not have a digit."""


def owner_of(model: str, results: Results) -> str:
    """Return the owner that the stub at the head of the default branch names for a model; empty without one."""
    return head_owners(results.bundle.stubs).get(model, "")


def mention(owner: str) -> str:
    """Return Slack's markup that mentions a user or user group; empty for a name."""
    if not _ID.fullmatch(owner):
        return ""
    return f"<!subteam^{owner}>" if owner.startswith("S") else f"<@{owner}>"


def actor(owner: str) -> str:
    """Return who acts for a model, in plain text: the owner by name, or the data team and the owner's Slack id."""
    if not owner:
        return DATA_TEAM
    if not _ID.fullmatch(owner):
        return clean(owner)
    return f"{DATA_TEAM} (Slack {'group' if owner.startswith('S') else 'user'} {owner})"
