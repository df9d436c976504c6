"""The external id of a check: service, subject, and why it is red where only that reason may end it.

That is a merge gate that refused pull requests, because one commit can be the head of several, which share its checks;
or a model that became overdue after the last run of the pull request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_OVERDUE = "/overdue"


def external_id(service: str, subject: str, refused: Iterable[int] = (), *, overdue_since: bool = False) -> str:
    """Return the id of a check; `refused`: the pull requests that the merge gate refused on this commit.

    `overdue_since`: a later run of the default branch turned the check of a pull request red.
    """
    numbers = ",".join(str(number) for number in sorted(refused))
    return f"flowjoy/{service}/{subject}" + (f"/{numbers}" if numbers else "") + (_OVERDUE if overdue_since else "")


def is_overdue_since(text: str | None) -> bool:
    """Return whether a later run of the default branch turned a check red."""
    return (text or "").endswith(_OVERDUE)


def refused_in(text: str | None, service: str, subject: str) -> frozenset[int] | None:
    """Return the refused pull requests in the id of this service's check; None for the id of another check."""
    known = identified(text, subject)
    return known[1] if known is not None and known[0] == service else None


def identified(text: str | None, subject: str) -> tuple[str, frozenset[int]] | None:
    """Return the service and the refused pull requests in an id; None for the id of another check."""
    match = re.fullmatch(
        rf"flowjoy/(.+?)/{re.escape(subject)}(?:/([0-9]+(?:,[0-9]+)*))?(?:{_OVERDUE})?", text or "", re.DOTALL
    )
    if match is None:
        return None
    return match[1], frozenset(int(number) for number in (match[2] or "").split(",") if number)
