"""Infers ships from alias and stage changes observed between runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from flowjoy.clients.mlflow_models import (
    DEPLOYED_AT,
    UNIFIED_TAG,
    RegisteredVersion,
    RegistrySnapshot,
    created,
    page_of,
)
from flowjoy.domain import AliasObservation, ModelRecord, Precision
from flowjoy.domain.alias_observations import AliasChange, alias_changes
from flowjoy.domain.deduplication import DELETED, shipped_again
from flowjoy.domain.timestamps import CLOCK_SKEW, EARLIEST, iso
from flowjoy.domain.version_content import content_of, same_content
from flowjoy.domain.version_order import version_order
from flowjoy.sources.base import HarvestQuery
from flowjoy.sources.mlflow_version_content import ContentFields, by_key, content, content_fields


def observations_of(
    raw: RegistrySnapshot, ready: list[RegisteredVersion], query: HarvestQuery
) -> tuple[AliasObservation, ...]:
    """Return what each model's alias or stage names now. A version that is not READY is not live."""
    if not query.live:
        return ()  # the current state says nothing about the past
    kind, _, name = query.settings.model_signal.partition(":")
    known, listed = by_key(ready), by_key(raw.versions)
    observations = []
    for model, aliases in raw.aliases.items():
        numbers = [number for name_of, number in known if name_of == model]
        if kind == "alias":
            named = [aliases[name]] if aliases.get(name) in numbers else []
        else:
            named = [number for number in numbers if known[model, number].stage == name]
        # A stage may hold several versions; `models:/<name>/<stage>` resolves to the newest.
        newest = max((known[model, number] for number in named), key=lambda v: version_order(v.version), default=None)
        observations.append(
            AliasObservation(
                model=model,
                signal=query.settings.model_signal,
                at=query.now,
            )
            if newest is None
            else AliasObservation(
                model=model,
                signal=query.settings.model_signal,
                at=query.now,
                version=newest.version,
                run_id=newest.run_id or "",
                registered_at=created(newest, query.latest),
                **content_fields(newest, listed),
            )
        )
    return tuple(observations)


def with_observed(
    stamped: list[ModelRecord], observations: tuple[AliasObservation, ...], raw: RegistrySnapshot, query: HarvestQuery
) -> tuple[list[ModelRecord], tuple[str, ...]]:
    """Return the stamped and the observed ships, and notes on the gaps between observations."""
    signal = query.settings.model_signal
    records: list[ModelRecord] = []
    notes: list[str] = []
    for model in sorted(raw.aliases):
        seen = [
            item for item in observations if (item.model, item.signal) == (model, signal) and item.at <= query.as_of
        ]
        seen = [item for item in seen if _is_possible(item, raw, query)]
        begun = min((item.at for item in seen), default=query.as_of)
        exact = [record for record in stamped if record.name == model]
        exact = [replace(record, maybe_copy=_maybe_copy(record, exact, begun, raw, query)) for record in exact]
        # A stamp that agrees with the observations is as good as one: at that time, that version was live.
        stays = alias_changes(seen)
        of_ships = [item for item in (_as_observation(r, signal) for r in exact) if _agrees(item, seen, stays)]
        changes = alias_changes([*seen, *of_ships])
        observed = [
            _observed(change, begun, raw, query, is_first=change is changes[0])
            for change in changes
            if change.observation not in of_ships
        ]
        records += shipped_again([*exact, *observed])
        notes += _notes(model, seen, query)
    return records, tuple(notes)


def _agrees(stamp: AliasObservation, seen: Sequence[AliasObservation], changes: Iterable[AliasChange]) -> bool:
    """Return whether a stamp lies in the bounds of a move to its version, or after all observations."""
    moves = (change for change in changes if change.observation.version == stamp.version)
    within = any((move.not_before or EARLIEST) <= stamp.at <= move.observation.at for move in moves)
    return within or all(item.at < stamp.at for item in seen)


def _is_possible(observation: AliasObservation, raw: RegistrySnapshot, query: HarvestQuery) -> bool:
    """Return whether an observation is not older than the registration of its version."""
    version = by_key(raw.versions).get((observation.model, observation.version))
    if version is None or not _is_of(observation, version, query):
        return True
    return observation.at >= created(version, query.latest) - CLOCK_SKEW


def _is_of(observation: AliasObservation, version: RegisteredVersion, query: HarvestQuery) -> bool:
    """Return whether an observation is of this version, not of one of an earlier model of the same name."""
    return observation.registered_at is None or observation.registered_at == created(version, query.latest)


def _notes(model: str, seen: list[AliasObservation], query: HarvestQuery) -> Iterator[str]:
    """Yield what a first observation, or one after a long gap, cannot know."""
    stamps, signal = sorted({item.at for item in seen}), query.settings.model_signal
    if stamps == [query.now]:
        yield (
            f"{model}: {signal} was not observed before {iso(query.now)}; a version registered earlier only closes "
            f"clocks that began before its registration (unless it carries the tag {DEPLOYED_AT})"
        )
    if len(stamps) > 1 and stamps[-1] - stamps[-2] > timedelta(hours=query.settings.sla_hours) / 4:
        yield (
            f"{model}: {signal} was not observed between {iso(stamps[-2])} and {iso(stamps[-1])}; of several changes "
            "in between only the last is known (run FlowJoy hourly)"
        )


def _observed(
    change: AliasChange, begun: datetime, raw: RegistrySnapshot, query: HarvestQuery, *, is_first: bool
) -> ModelRecord:
    """Return the ship behind a change.

    It happened in (the later of its registration and the last observation of another version, its own observation].
    The version of the very first observation may have been live at any time before, and so may the first version that
    was ever observed (`is_first`) if it was registered before.
    """
    observation, listed = change.observation, by_key(raw.versions)
    version = listed.get((observation.model, observation.version))
    number = observation.version
    if version is not None and not _is_of(observation, version, query):
        version, number = None, f"{number}{DELETED}"
    registered = observation.registered_at if version is None else created(version, query.latest)
    after = max(stamp for stamp in (registered, change.not_before, EARLIEST) if stamp is not None)
    fields = ContentFields(source=observation.source, model_id=observation.model_id)
    if version is not None:
        fields = content_fields(version, listed)
    record = ModelRecord(
        id=f"model:{observation.model}/{number}",
        name=observation.model,
        version=number,
        shipped_at=observation.at,
        run_id=observation.run_id or None,
        # Two clocks may differ a little: a version can be registered "after" it was observed.
        not_before=min(after, observation.at - timedelta(microseconds=1)),
        precision=Precision.OBSERVED,
        registered_at=registered,
        unified_tag=version.tags.get(UNIFIED_TAG) if version is not None else None,
        url=page_of(
            query.settings.mlflow_tracking_uri, observation.model, observation.version, query.registry_workspace
        ),
        maybe_live_before=change.not_before is None or (is_first and (registered is None or registered < begun)),
        source_gone=version is None,
        **fields,
    )
    # A version of the same content may have been live before the observations: this may not be a new model.
    until = begun if change.not_before is not None else observation.at
    return replace(record, maybe_copy=_has_twin(record, until, raw, query))


def _maybe_copy(
    record: ModelRecord, exact: list[ModelRecord], begun: datetime, raw: RegistrySnapshot, query: HarvestQuery
) -> bool:
    """Return whether a version of the same content may have been live, unobserved, before this stamped ship."""
    stamped = frozenset(other.version for other in exact)
    return _has_twin(record, min(begun, record.shipped_at), raw, query, without=stamped)


def _has_twin(
    record: ModelRecord,
    until: datetime,
    raw: RegistrySnapshot,
    query: HarvestQuery,
    *,
    without: frozenset[str | None] = frozenset(),
) -> bool:
    """Return whether another version of the same content was registered before `until`."""
    listed = by_key(raw.versions)
    own = content_of(model_id=record.model_id, run_id=record.run_id, source=record.source)
    return any(
        same_content(own, content(version, listed)) and created(version, query.latest) < until
        for version in raw.versions
        if version.name == record.name and version.version not in without | {record.version}
    )


def _as_observation(record: ModelRecord, signal: str) -> AliasObservation:
    return AliasObservation(
        model=record.name,
        signal=signal,
        at=record.shipped_at,
        version=record.version or "",
        run_id=record.run_id or "",
        registered_at=record.registered_at,
        source=record.source,
        model_id=record.model_id,
    )
