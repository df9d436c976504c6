"""The external id of a check: service, subject, and the pull requests for which a red merge gate was written.

One commit can be the head of several pull requests, which share its checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable


def external_id(service: str, subject: str, refused: Iterable[int] = ()) -> str:
    """Return the id of a check; `refused`: the pull requests that the merge gate refused on this commit."""
    numbers = ",".join(str(number) for number in sorted(refused))
    return f"flowjoy/{service}/{subject}" + (f"/{numbers}" if numbers else "")


def refused_in(text: str | None, service: str, subject: str) -> frozenset[int] | None:
    """Return the refused pull requests in the id of this service's check; None for the id of another check."""
    known = identified(text, subject)
    return known[1] if known is not None and known[0] == service else None


def identified(text: str | None, subject: str) -> tuple[str, frozenset[int]] | None:
    """Return the service and the refused pull requests in an id; None for the id of another check."""
    match = re.fullmatch(rf"flowjoy/(.+?)/{re.escape(subject)}(?:/([0-9]+(?:,[0-9]+)*))?", text or "", re.DOTALL)
    if match is None:
        return None
    return match[1], frozenset(int(number) for number in (match[2] or "").split(",") if number)
