"""How completely the sources of a bundle were read, and since when ships were observed."""

from __future__ import annotations

from datetime import datetime

from flowjoy.domain import CoverageState, EventType, Precision, SourceKind
from flowjoy.domain.bundle import Bundle


def judges_promise(bundle: Bundle) -> bool:
    """Return whether the promise is judged. On a fork's pull request, which has no secrets, only its stub is."""
    return any(item.required and item.kind is SourceKind.CODE for item in bundle.coverage)


def states(bundle: Bundle, kind: SourceKind) -> set[CoverageState]:
    """Return how the sources of one kind were read; empty where the bundle names none."""
    return {item.state for item in bundle.coverage if item.kind is kind}


def is_complete(bundle: Bundle, kind: SourceKind) -> bool:
    """Return whether there is a source of one kind and every one was read completely."""
    return states(bundle, kind) == {CoverageState.COMPLETE}


def is_read(bundle: Bundle, kind: SourceKind) -> bool:
    """Return whether every source of one kind, if any, was read completely; otherwise its counts are unknown."""
    return not states(bundle, kind) - {CoverageState.COMPLETE}


def causes_are_known(bundle: Bundle) -> bool:
    """Return False where code or models could not be read: the latest deploy before an incident may be missing."""
    return CoverageState.FAILED not in states(bundle, SourceKind.CODE) | states(bundle, SourceKind.MODELS)


def failures_are_known(bundle: Bundle) -> bool:
    """Return whether every incident was read, and what could have caused each."""
    return is_complete(bundle, SourceKind.INCIDENTS) and causes_are_known(bundle)


def shows_failures(bundle: Bundle) -> set[EventType]:
    """Return the types of which every failure that something shows would be known.

    Where commits could not be read, a revert may be missing. A registration never moves back: a registry without
    observations and stamps does not show which version is live.
    """
    shown = set()
    if is_complete(bundle, SourceKind.CODE) and is_read(bundle, SourceKind.CODE_LEAD_TIME):
        shown.add(EventType.CODE)
    moves = any(record.precision is not Precision.REGISTERED for record in bundle.models)
    if is_complete(bundle, SourceKind.MODELS) and (moves or bundle.terms.model_signal != "registered"):
        shown.add(EventType.MODEL)
    return shown


def observed_since(bundle: Bundle) -> dict[str, datetime] | None:
    """Return when the alias or stage of each model was first observed; None where ships need no observation."""
    signal = bundle.terms.model_signal
    if bundle.terms.model_source == "file" or not signal.startswith(("alias:", "stage:")):
        return None
    observations = [item for item in bundle.observations if item.signal == signal]
    return {item.model: item.at for item in sorted(observations, key=lambda item: item.at, reverse=True)}
