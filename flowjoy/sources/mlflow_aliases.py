"""Ships that nobody stamped: moves of an alias or a stage between looks. Knows listings and looks, no network."""

from __future__ import annotations

from collections.abc import Iterator
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


def looks_of(
    raw: RegistrySnapshot, ready: list[RegisteredVersion], query: HarvestQuery
) -> tuple[AliasObservation, ...]:
    """Which version each model's alias or stage names now. A version that is not READY is not live."""
    if not query.live:
        return ()  # what is named now says nothing of then
    kind, _, name = query.settings.model_signal.partition(":")
    known, listed = by_key(ready), by_key(raw.versions)
    looks = []
    for model, aliases in raw.aliases.items():
        numbers = [number for name_of, number in known if name_of == model]
        if kind == "alias":
            named = [aliases[name]] if aliases.get(name) in numbers else []
        else:
            named = [number for number in numbers if known[model, number].stage == name]
        # A stage may hold several versions; the newest is the one that `models:/<name>/<stage>` gives.
        newest = max((known[model, number] for number in named), key=lambda v: version_order(v.version), default=None)
        looks.append(
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
    return tuple(looks)


def with_observed(
    stamped: list[ModelRecord], looks: tuple[AliasObservation, ...], raw: RegistrySnapshot, query: HarvestQuery
) -> tuple[list[ModelRecord], tuple[str, ...]]:
    """The stamped ships and the observed ones, and what should be known of the gaps between looks."""
    signal = query.settings.model_signal
    records: list[ModelRecord] = []
    notes: list[str] = []
    for model in sorted(raw.aliases):
        seen = [look for look in looks if look.model == model and look.signal == signal and look.at <= query.as_of]
        seen = [look for look in seen if _is_possible(look, raw, query)]
        begun = min((look.at for look in seen), default=query.as_of)
        exact = [record for record in stamped if record.name == model]
        exact = [replace(record, maybe_copy=_maybe_copy(record, exact, begun, raw, query)) for record in exact]
        # A stamp is as good as a look: at that instant that version was live.
        told = [_as_look(record, signal) for record in exact]
        every = alias_changes([*seen, *told])
        observed = [
            _observed(move, begun, raw, query, is_first=move is every[0])
            for move in every
            if move.observation not in told
        ]
        records += shipped_again([*exact, *(item for item in observed if not _is_stamped(item, exact))])
        notes += _notes(model, seen, query)
    return records, tuple(notes)


def _is_possible(look: AliasObservation, raw: RegistrySnapshot, query: HarvestQuery) -> bool:
    """Return whether the registry does not contradict a look: nothing is live before it is registered."""
    version = by_key(raw.versions).get((look.model, look.version))
    if version is None or not _is_of(look, version, query):
        return True
    return look.at >= created(version, query.latest) - CLOCK_SKEW


def _is_of(look: AliasObservation, version: RegisteredVersion, query: HarvestQuery) -> bool:
    """Return whether a look saw this very version, and not one of an earlier model of the same name."""
    return look.registered_at is None or look.registered_at == created(version, query.latest)


def _notes(model: str, seen: list[AliasObservation], query: HarvestQuery) -> Iterator[str]:
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


def _observed(
    move: AliasChange, begun: datetime, raw: RegistrySnapshot, query: HarvestQuery, *, is_first: bool
) -> ModelRecord:
    """The ship that a move tells of, in (the later of its registration and the last other look, its first look].

    What the first look of all found may have been live at any time before, and so may the first version that was ever
    seen (`is_first`), where it was there before anybody looked.
    """
    look, listed = move.observation, by_key(raw.versions)
    version = listed.get((look.model, look.version))
    number = look.version
    if version is not None and not _is_of(look, version, query):
        version, number = None, f"{number}{DELETED}"
    registered = look.registered_at if version is None else created(version, query.latest)
    after = max(stamp for stamp in (registered, move.not_before, EARLIEST) if stamp is not None)
    fields = ContentFields(source=look.source, model_id=look.model_id)
    if version is not None:
        fields = content_fields(version, listed)
    record = ModelRecord(
        id=f"model:{look.model}/{number}",
        name=look.model,
        version=number,
        shipped_at=look.at,
        run_id=look.run_id or None,
        # Two clocks may differ by a little: a version can be registered "after" it was seen.
        not_before=min(after, look.at - timedelta(microseconds=1)),
        precision=Precision.OBSERVED,
        registered_at=registered,
        unified_tag=version.tags.get(UNIFIED_TAG) if version is not None else None,
        url=page_of(query.settings.mlflow_tracking_uri, look.model, look.version, query.registry_workspace),
        maybe_live_before=move.not_before is None or (is_first and (registered is None or registered < begun)),
        source_gone=version is None,
        **fields,
    )
    # A version of the same content may have been live before anybody looked: this one must not pass for a new model.
    until = begun if move.not_before is not None else look.at
    return replace(record, maybe_copy=_has_twin(record, until, raw, query))


def _maybe_copy(
    record: ModelRecord, exact: list[ModelRecord], begun: datetime, raw: RegistrySnapshot, query: HarvestQuery
) -> bool:
    """Whether a version of the same content may have been live, unseen, before this stamped ship."""
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
    """Whether another version of the same content was registered before `until`."""
    listed = by_key(raw.versions)
    own = content_of(model_id=record.model_id, run_id=record.run_id, source=record.source)
    return any(
        same_content(own, content(version, listed)) and created(version, query.latest) < until
        for version in raw.versions
        if version.name == record.name and version.version not in without | {record.version}
    )


def _is_stamped(observed: ModelRecord, exact: list[ModelRecord]) -> bool:
    """Whether a stamp says more exactly what a look saw: a version first shipped when its stamp says."""
    same = [record.shipped_at for record in exact if record.version == observed.version]
    return bool(same) and (observed.not_before or EARLIEST) <= min(same)


def _as_look(record: ModelRecord, signal: str) -> AliasObservation:
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
