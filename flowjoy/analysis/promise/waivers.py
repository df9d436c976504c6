"""Waivers: which obligations they excuse, and which of them are void or unused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from difflib import get_close_matches

from flowjoy.domain import Obligation, Status, Waiver
from flowjoy.domain.timestamps import iso

LONGEST_WAIVER = timedelta(days=90)
"""A waiver that ends further ahead is void: an exception without an end would change the promise."""


def apply_waivers(item: Obligation, waivers: Sequence[Waiver], as_of: datetime) -> Obligation:
    """Return the obligation as waived if it is breached at `as_of`, or closed late, and a waiver excuses that."""
    if item.status not in (Status.BREACHED, Status.LATE):
        return item
    signed = [waiver for waiver in waivers if _covers(waiver, item)]
    void = [waiver for waiver in signed if is_void(waiver, item.start if waiver.standing_for else as_of)]
    valid = [waiver for waiver in signed if waiver not in void]
    excusing = [waiver for waiver in valid if _excuses(waiver, item, as_of)]
    if not excusing and void:
        return replace(item, reason=f"the waiver of {void[0].by} is void: {_void_because(void[0])}")
    if not excusing:
        lapsed = [waiver for waiver in valid if waiver.until > item.deadline]
        return replace(item, waiver=last_ending(lapsed)) if lapsed and item.status is Status.BREACHED else item
    in_time = any(
        waiver.standing_for is not None or (waiver.seen_at is not None and waiver.seen_at < item.deadline)
        for waiver in excusing
    )
    return replace(item, status=Status.WAIVED, waiver=last_ending(excusing), waived_miss=not in_time)


def last_ending(waivers: Iterable[Waiver]) -> Waiver:
    """Return the waiver that ends last."""
    return max(waivers, key=lambda waiver: (waiver.until, waiver.reason, waiver.by))


def is_void(waiver: Waiver, seen_by: datetime) -> bool:
    """Return whether a waiver ended too far ahead when it was first seen, at the latest at `seen_by`: it stays void."""
    return waiver.until > min(waiver.seen_at or seen_by, seen_by) + LONGEST_WAIVER


def with_first_seen(waivers: Iterable[Waiver], seen: Iterable[Waiver]) -> tuple[Waiver, ...]:
    """Return the waivers, each with the time at which a run first saw the same one at the head of the branch."""
    seen_at = {replace(waiver, seen_at=None): waiver.seen_at for waiver in seen}
    return tuple(replace(waiver, seen_at=seen_at.get(waiver)) for waiver in waivers)


def void_waivers(waivers: Iterable[Waiver], as_of: datetime) -> tuple[str, ...]:
    """Return a sentence for each waiver that ends too far ahead to hold."""
    void = (waiver for waiver in waivers if is_void(waiver, as_of))
    return tuple(f"the waiver of {waiver.model} by {waiver.by} is void: {_void_because(waiver)}" for waiver in void)


def unused_waivers(waivers: Iterable[Waiver], models: Iterable[str]) -> tuple[str, ...]:
    """Return a sentence for each waiver of a model that no release requires."""
    required = sorted(models)
    return tuple(dict.fromkeys(_unused(waiver, required) for waiver in waivers if waiver.model not in required))


def _covers(waiver: Waiver, item: Obligation) -> bool:
    """Return whether a waiver names the model and the commit of an obligation."""
    return waiver.model == item.model and waiver.sha in ("*", item.sha) and waiver.standing_for in (None, item.sha)


def _excuses(waiver: Waiver, item: Obligation, as_of: datetime) -> bool:
    """Return whether a waiver held when the obligation was closed, or holds now. It excuses nothing closed before."""
    came_after = waiver.seen_at is not None and item.closed_at is not None and waiver.seen_at > item.closed_at
    return waiver.until >= (item.closed_at or as_of) and (waiver.standing_for is not None or not came_after)


def _void_because(waiver: Waiver) -> str:
    return (
        f"it ends {iso(waiver.until)}, more than {LONGEST_WAIVER.days} days after it was added. Set an earlier `until`"
    )


def _unused(waiver: Waiver, required: list[str]) -> str:
    lead = f"the waiver of {waiver.model!r} by {waiver.by} has no effect: "
    names = ", ".join(required) or "no model is required"
    near = get_close_matches(waiver.model, required, n=1)
    if waiver.model == "*":
        return f"{lead}a waiver names one model. Write one for each: {names}"
    cure = f"Did you mean {near[0]!r}?" if near else f"Name one of: {names}"
    return f"{lead}no release requires this model. {cure}"
