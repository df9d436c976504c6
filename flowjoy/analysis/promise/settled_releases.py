"""The releases whose checks a run brings up to date: those that are settled otherwise than at the last time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from flowjoy.domain import Obligation, Status
from flowjoy.domain.bundle import Bundle

AGAIN = timedelta(days=14)
"""How long runs read a check again, because the run that updated it may have failed to write it."""

MAX_AT_ONCE = 40

_TURN_SECONDS = 3600


def updated(
    bundle: Bundle, obligations: Iterable[Obligation], written: Collection[str | None]
) -> Mapping[str, datetime]:
    """Return when a run first brought the check of each settled release up to date, by commit and statuses.

    This run takes the newest 40 that no run took; later runs take the rest. `written`: commits whose check this run
    writes in any case, with the state of the service: a later run writes that of their release. Releases settled long
    before the first trusted run are left alone.
    """
    before, now = bundle.checks_settled, bundle.generated_at
    begin = (bundle.first_trusted_at or now) - AGAIN
    settled = {
        key: end
        for key, (sha, end) in _settled(obligations).items()
        if sha not in written and (end >= begin or Status.BREACHED.value in key.split())
    }
    kept = {key: before[key] for key in settled if key in before}
    room = MAX_AT_ONCE - sum(at == now for at in kept.values())
    waiting = sorted((key for key in settled if key not in kept), key=lambda key: (settled[key], key), reverse=True)
    return kept | dict.fromkeys(waiting[: max(room, 0)], now)


def due(checks: Mapping[str, datetime], now: datetime) -> list[str]:
    """Return the commits of at most 40 releases whose check a run reads: those of this run, and others in turn."""
    fresh = sorted(key for key, at in checks.items() if at == now)
    lately = sorted(key for key, at in checks.items() if now - AGAIN <= at < now)
    turn = int(now.timestamp()) // _TURN_SECONDS * MAX_AT_ONCE % max(1, len(lately))
    in_turn = [*fresh, *lately[turn:], *lately[:turn]]
    return list(dict.fromkeys(_sha_of(key) for key in in_turn[:MAX_AT_ONCE]))


def _settled(obligations: Iterable[Obligation]) -> dict[str, tuple[str, datetime]]:
    """Return the releases without a running clock or an unknown model: by key, the commit and when it was settled."""
    owed: dict[str, list[Obligation]] = {}
    for item in obligations:
        if item.sha:
            owed.setdefault(item.sha, []).append(item)
    return {
        f"{sha} {' '.join(sorted(item.status.value for item in own))}": (
            sha,
            max(item.closed_at or item.deadline for item in own),
        )
        for sha, own in owed.items()
        if not any(item.is_running or item.status is Status.UNKNOWN for item in own)
    }


def _sha_of(key: str) -> str:
    return key.partition(" ")[0]
