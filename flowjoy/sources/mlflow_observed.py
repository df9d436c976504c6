"""Ships that nobody stamped: moves of an alias or a stage between looks. Knows listings and looks, no network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flowjoy.instants import EARLIEST, iso
from flowjoy.looks import Move, moves
from flowjoy.mlflow_versions import DEPLOYED_AT, UNIFIED_TAG, Listing, created, page_of
from flowjoy.model import Look, ModelRecord, Precision
from flowjoy.records import shipped_again
from flowjoy.sources.base import Query
from flowjoy.version_order import version_order


def looks_of(raw: Listing, ready: list[dict[str, Any]], query: Query) -> tuple[Look, ...]:
    """Which version each model's alias or stage names now. A version that is not READY is not live."""
    if not query.live:
        return ()  # what is named now says nothing of then
    kind, _, name = query.settings.model_signal.partition(":")
    by_key = {(version["name"], version["version"]): version for version in ready}
    looks = []
    for model, aliases in raw.aliases.items():
        held = [number for known, number in by_key if known == model]
        if kind == "alias":
            named = [aliases[name]] if aliases.get(name) in held else []
        else:
            named = [number for number in held if by_key[model, number]["stage"] == name]
        # A stage may hold several versions; the newest is the one that `models:/<name>/<stage>` gives.
        version = by_key[model, max(named, key=version_order)] if named else None
        looks.append(
            Look(
                model=model,
                signal=query.settings.model_signal,
                at=query.now,
                version=version["version"] if version else "",
                run_id=version["run_id"] or "" if version else "",
                registered_at=created(version, query.latest) if version else None,
            )
        )
    return tuple(looks)


def with_observed(
    stamped: list[ModelRecord], looks: tuple[Look, ...], raw: Listing, query: Query
) -> tuple[list[ModelRecord], tuple[str, ...]]:
    """The stamped ships and the observed ones, and what should be known of the gaps between looks."""
    signal = query.settings.model_signal
    records: list[ModelRecord] = []
    notes: list[str] = []
    for model in sorted(raw.aliases):
        seen = [look for look in looks if look.model == model and look.signal == signal and look.at <= query.as_of]
        begun = min((look.at for look in seen), default=query.as_of)
        exact = [record for record in stamped if record.name == model]
        exact = [replace(record, maybe_copy=_maybe_copy(record, exact, begun, raw, query)) for record in exact]
        # A stamp is as good as a look: at that instant that version was live.
        told = [_as_look(record, signal) for record in exact]
        moved = [move for move in moves([*seen, *told]) if move.look not in told]
        observed = [_observed(move, begun, raw, query) for move in moved]
        records += shipped_again([*exact, *(item for item in observed if not _is_stamped(item, exact))])
        notes += _notes(model, seen, query)
    return records, tuple(notes)


def _notes(model: str, seen: list[Look], query: Query) -> Iterator[str]:
    """What a first look, and a look after a long while, cannot know."""
    stamps, signal = sorted({look.at for look in seen}), query.settings.model_signal
    if stamps == [query.now]:
        yield (
            f"{model}: nobody looked at {signal} before {iso(query.now)}; what was registered earlier closes only "
            f"clocks that began before it was registered (or carries the tag {DEPLOYED_AT})"
        )
    if len(stamps) > 1 and stamps[-1] - stamps[-2] > timedelta(hours=query.settings.sla_hours) / 4:
        yield (
            f"{model}: nobody looked at {signal} between {iso(stamps[-2])} and {iso(stamps[-1])}; of two moves in "
            "between only the last is seen (run FlowJoy hourly)"
        )


def _observed(move: Move, begun: datetime, raw: Listing, query: Query) -> ModelRecord:
    """The ship that a move tells of, in (the later of its registration and the last other look, its first look].

    What was registered before the first look of all, at `begun`, may have been live then.
    """
    look = move.look
    registered = look.registered_at
    after = max(stamp for stamp in (registered, move.not_before, EARLIEST) if stamp is not None)
    listed = [version for version in raw.versions if version["name"] == look.model]
    same_run = [v for v in listed if v["version"] != look.version and look.run_id and v["run_id"] == look.run_id]
    old = move.not_before is None or registered is None or registered < begun
    return ModelRecord(
        id=f"model:{look.model}/{look.version}",
        name=look.model,
        version=look.version,
        shipped_at=look.at,
        run_id=look.run_id or None,
        # Two clocks may differ by a little: a version can be registered "after" it was seen.
        not_before=min(after, look.at - timedelta(microseconds=1)),
        precision=Precision.OBSERVED,
        registered_at=registered,
        unified_tag=next((v["tags"].get(UNIFIED_TAG) for v in listed if v["version"] == look.version), None),
        url=page_of(query.settings.mlflow_tracking_uri, look.model, look.version),
        maybe_live_before=old,
        # Another version of that training run may have been live before: this one must not pass for a new model.
        maybe_copy=bool(same_run) if old else any(created(version, query.latest) < begun for version in same_run),
        source_gone=all(version["version"] != look.version for version in listed),
    )


def _maybe_copy(record: ModelRecord, exact: list[ModelRecord], begun: datetime, raw: Listing, query: Query) -> bool:
    """Whether a version of the same training run may have been live, unseen, before this stamped ship."""
    stamped = {other.version for other in exact}
    return any(
        record.run_id == version["run_id"] and created(version, query.latest) < min(begun, record.shipped_at)
        for version in raw.versions
        if record.run_id and version["name"] == record.name and version["version"] not in stamped
    )


def _is_stamped(observed: ModelRecord, exact: list[ModelRecord]) -> bool:
    """Whether a stamp says more exactly what a look saw: a version first shipped when its stamp says."""
    same = [record.shipped_at for record in exact if record.version == observed.version]
    return bool(same) and (observed.not_before or EARLIEST) <= min(same)


def _as_look(record: ModelRecord, signal: str) -> Look:
    return Look(
        model=record.name,
        signal=signal,
        at=record.shipped_at,
        version=record.version or "",
        run_id=record.run_id or "",
        registered_at=record.registered_at,
    )
