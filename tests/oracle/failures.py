"""Observed failures by brute force: SEMANTICS.md's sentence on them, read event by event. No frame, no flowjoy.

"A rollback of code, a model moved back to an older version, a merged revert of a deployed commit or pull request, and a
deploy labelled as hotfix mark the earlier deploy as failed; recovery is the time from the failed deploy to the one that
replaced it."
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from tests.oracle.promise import MICROSECOND, Code, Ship, code_kinds, codes_in_order, model_kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Sign = Literal["rollback", "moved back", "revert", "hotfix"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fix:
    """A deploy, by its sha, that reverts a commit of the deploy `failed`, or is a hotfix (None)."""

    deployed: str
    failed: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """The signs that a deploy failed, each with the event that replaced it, and the bounds of its recovery."""

    signs: tuple[tuple[Sign, str], ...]
    low_hours: float
    hours: float


def failures(codes: Iterable[Code], ships: Iterable[Ship], fixes: Iterable[Fix]) -> dict[str, Failure]:
    """What failed, by the id of the event."""
    happened = [code for code in codes_in_order(codes) if not code.provisional]
    found: dict[str, list[tuple[Sign, Code | Ship]]] = {}
    kinds = code_kinds(happened)
    for place, code in enumerate(happened):
        earlier = [other for other in happened[:place] if kinds[other.id] == "deploy"]
        if kinds[code.id] == "rollback":
            # What was live: the code of the event right before.
            live = happened[place - 1]
            marked = [other for other in earlier if other == live or (live.sha and other.sha == live.sha)]
            found.setdefault(marked[-1].id, []).append(("rollback", code))
        for fix in fixes:
            first = next((other for other in happened if other.sha == fix.deployed), None)
            marked = [other for other in earlier if fix.failed is None or other.sha == fix.failed]
            if first == code and marked:
                found.setdefault(marked[-1].id, []).append(("hotfix" if fix.failed is None else "revert", code))
    every: dict[str, Code | Ship] = {code.id: code for code in happened}
    by_model = model_kinds(ships)
    for model in {ship.model for ship in ships}:
        line = sorted((ship for ship in ships if ship.model == model), key=_order)
        every |= {ship.id: ship for ship in line}
        for place, ship in enumerate(line):
            if by_model[ship.id] == "rollback" and place:
                version = line[place - 1].version
                shipped = [o for o in line[:place] if o.version == version and by_model[o.id] == "ship"]
                if shipped:
                    found.setdefault(shipped[-1].id, []).append(("moved back", ship))
    return {name: _failure(every[name], signs) for name, signs in found.items()}


def _order(ship: Ship) -> tuple[datetime, str]:
    return ship.at, ship.id


def _failure(failed: Code | Ship, signs: Sequence[tuple[Sign, Code | Ship]]) -> Failure:
    in_order = sorted(signs, key=lambda sign: (sign[1].at, sign[1].id))
    replaced_by = in_order[0][1]
    low = _earliest(replaced_by) - failed.at
    high = replaced_by.at - _earliest(failed)
    hour = timedelta(hours=1)
    named = tuple(sorted((sign, event.id) for sign, event in in_order))
    return Failure(signs=named, low_hours=max(0.0, low / hour), hours=max(0.0, high / hour))


def _earliest(event: Code | Ship) -> datetime:
    not_before = event.not_before if isinstance(event, Ship) else None
    return event.at if not_before is None else not_before + MICROSECOND
