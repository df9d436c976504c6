"""Whether the run's own commit would go live anew: the merge gate judges it then, before its deploy step."""

from __future__ import annotations

from collections.abc import Iterable

from flowjoy.analysis.event_kinds import kind_of_next
from flowjoy.domain import CodeRecord, Kind, Outcome


def would_go_live(sha: str, deploys: Iterable[CodeRecord], own: frozenset[str]) -> bool:
    """Return whether deploying a commit now would be a deploy: neither live now nor a rollback.

    `own`: ids of releases that the run itself is about; the newest is published, and perhaps not deployed yet. What
    only a ledger remembers never spares a commit the gate.
    """
    live = sorted(
        (record for record in deploys if record.outcome is Outcome.SUCCESS),
        key=lambda record: (record.shipped_at, record.id),
    )
    while live and live[-1].id in own:
        live.pop()
    listed = [record for record in live if not record.source_gone]
    kinds = (kind_of_next(sha, (record.sha for record in some)) for some in (live, listed))
    return Kind.DEPLOY in kinds
