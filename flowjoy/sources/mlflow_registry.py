"""Ships from an MLflow registry: which version shipped when, by its stamps or by the model signal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from flowjoy.clients.mlflow_models import (
    DEPLOYED_AGAIN,
    DEPLOYED_AT,
    UNIFIED_TAG,
    RegisteredModel,
    RegisteredVersion,
    RegistrySnapshot,
    created,
    page_of,
)
from flowjoy.clients.mlflow_registry import Registry
from flowjoy.clients.mlflow_unknown_models import meant, refuse_unknown
from flowjoy.clients.parallel import side_by_side
from flowjoy.domain import AliasObservation, ModelRecord, ModelVersion, Precision
from flowjoy.domain.deduplication import shipped_again, unique
from flowjoy.domain.timestamps import EARLIEST, iso, parse_epoch_ms, parse_iso, plausible
from flowjoy.domain.version_order import version_order
from flowjoy.errors import HarvestError
from flowjoy.report.text import plural
from flowjoy.sources.base import Clients, HarvestQuery, SourceResult
from flowjoy.sources.mlflow_aliases import observations_of, with_observed
from flowjoy.sources.mlflow_deleted_versions import registered
from flowjoy.sources.mlflow_unseen_signals import note, unseen_signals
from flowjoy.sources.mlflow_version_content import Listed, by_key, content_fields, content_notes, import_notes


class MlflowRegistry:
    """`model-source: mlflow`."""

    label = "MLflow registry"

    def fetch(self, query: HarvestQuery, access: Clients) -> RegistrySnapshot:
        """Return every version of every requested model. A model without versions is proved to exist."""
        uri = query.settings.mlflow_tracking_uri
        if uri is None:
            raise HarvestError(
                f"the registry is not named, but {', '.join([*query.models, *query.candidates])} must be looked up",
                hint="set mlflow-tracking-uri, or the variable MLFLOW_TRACKING_URI",
            )
        access.progress("MLflow registry: reading")
        registry = Registry(uri, access.transport)
        asked = tuple(dict.fromkeys((*query.models, *query.candidates)))
        answers = dict(zip(asked, side_by_side(registry.shown_if_known, asked), strict=True))
        shown = {name: model for name, model in answers.items() if model is not None}
        unknown = meant(registry, [name for name in asked if name not in shown])
        refuse_unknown({name: unknown[name] for name in query.models if name in unknown})
        versions = registry.versions({name: model.must_list for name, model in shown.items()})
        notes: tuple[str, ...] = ()
        if registry.keeps_tags_apart:
            versions, notes = with_tags(registry, versions, shown, query)
        access.progress(f"MLflow registry: {plural(len(versions), 'version')} of {', '.join(sorted(shown))}")
        return RegistrySnapshot(
            versions=versions,
            unknown=unknown,
            known={name: registered(model, [v for v in versions if v.name == name]) for name, model in shown.items()},
            aliases={name: model.aliases for name, model in shown.items()},
            notes=notes,
        )

    def parse(self, raw: RegistrySnapshot, query: HarvestQuery) -> SourceResult[ModelRecord]:
        """Return one record for each version that shipped by the signal. PENDING and FAILED registrations did not."""
        ready = [version for version in raw.versions if version.status == "READY"]
        listed = by_key(raw.versions)
        stamped = [record for version in ready for record in _records(version, listed, query)]
        observations: tuple[AliasObservation, ...] = ()
        notes: tuple[str, ...] = ()
        if query.settings.model_signal.startswith(("alias:", "stage:")):
            observations = (*query.observations, *observations_of(raw, ready, query))
            stamped, notes = with_observed(stamped, observations, raw, query)
        records = unique(stamped)
        unseen = tuple(unseen_signals(raw, query))
        unready = sorted(f"{v.name} v{v.version} is {v.status}" for v in raw.versions if v.status != "READY")
        return SourceResult(
            records=records,
            notes=(
                *(f"not an event: {item}" for item in unready[:20]),
                *raw.notes,
                *notes,
                *map(note, unseen),
                *_content_notes(raw, query),
            ),
            observations=observations,
            versions=_versions(raw, query),
            unknown=raw.unknown,
            known=raw.known,
            unseen=unseen,
        )


_AT_ONCE = 16
_OLD = 200


def with_tags(
    registry: Registry, versions: list[RegisteredVersion], shown: Mapping[str, RegisteredModel], query: HarvestQuery
) -> tuple[list[RegisteredVersion], tuple[str, ...]]:
    """Return the versions with their tags, one request each, and a note on those read without tags.

    With tags: versions registered since the horizon, those that an alias names, and the newest of the older ones.
    """

    def old(version: RegisteredVersion) -> bool:
        named = version.version in shown[version.name].aliases.values()
        return not named and created(version, query.latest) < query.horizon

    aged = sorted(filter(old, versions), key=lambda version: version.created, reverse=True)
    skipped = {(version.name, version.version) for version in aged[_OLD:]}
    asked = [version for version in versions if (version.name, version.version) not in skipped]
    detailed = side_by_side(lambda version: registry.detailed(version.name, version.version), asked, at_once=_AT_ONCE)
    rest = [version for version in versions if (version.name, version.version) in skipped]
    day = query.horizon.date().isoformat()
    note = f"{plural(len(rest), 'version')} registered before {day} read without tags, which take a request each"
    return detailed + rest, (note,) if rest else ()


def _content_notes(raw: RegistrySnapshot, query: HarvestQuery) -> Iterator[str]:
    """Yield notes on versions whose content or registration time is ambiguous."""
    yield from content_notes(raw.versions, by_key(raw.versions))
    stamps: dict[str, list[datetime]] = {}
    for version in raw.versions:
        stamps.setdefault(version.name, []).append(created(version, query.latest))
    yield from import_notes(stamps, horizon=query.horizon, sla_since=query.promised_since)


def _versions(raw: RegistrySnapshot, query: HarvestQuery) -> tuple[ModelVersion, ...]:
    ordered = sorted(raw.versions, key=lambda version: (version.name, version_order(version.version)))
    return tuple(_version(version, query) for version in ordered)


def _version(version: RegisteredVersion, query: HarvestQuery) -> ModelVersion:
    tag = query.settings.model_validated_tag
    key, _, value = (tag or "").partition("=")
    return ModelVersion(
        name=version.name,
        version=version.version,
        ready=version.status == "READY",
        validated=tag is not None and version.tags.get(key) == value,
        registered_at=created(version, query.latest),
        stamps=tuple(_stamps(version, query.latest)),
    )


def _stamps(version: RegisteredVersion, now: datetime) -> Iterator[str]:
    """Yield the tags whose value is a time: any of them may become the signal."""
    for key, value in sorted(version.tags.items()):
        for text in value.split(",") if key == DEPLOYED_AGAIN else (value,):
            try:
                yield _stamp(key, _time(text, now))
            except ValueError:
                continue


def _stamp(key: str, at: datetime) -> str:
    return f"{key}={iso(at)}"


def _records(version: RegisteredVersion, listed: Listed, query: HarvestQuery) -> tuple[ModelRecord, ...]:
    """Return the ships of one version: the first, and each later one. Empty if it has not shipped."""
    first = _record(version, listed, query)
    if first is None:
        return ()
    name, now = f"{version.name} v{version.version}, tag {DEPLOYED_AGAIN}", query.latest
    stamps = [text for text in version.tags.get(DEPLOYED_AGAIN, "").split(",") if text.strip()]
    again = [_tagged(text, EARLIEST, now, name) for text in stamps]
    if any(at < first.shipped_at.replace(microsecond=0) for at in again):
        raise HarvestError(
            f"MLflow registry: {name} holds {iso(min(again))}, which is earlier than the first ship, "
            f"{iso(first.shipped_at)}",
            hint=f"set {DEPLOYED_AT} back to the first ship, and append later ones to {DEPLOYED_AGAIN}",
        )
    later = (replace(first, shipped_at=at, precision=Precision.EXACT, stamp=_stamp(DEPLOYED_AGAIN, at)) for at in again)
    return shipped_again([first, *later])


def _record(version: RegisteredVersion, listed: Listed, query: HarvestQuery) -> ModelRecord | None:
    """Return the first ship of one version; None if it did not ship, or the registry does not keep its time."""
    name = f"{version.name} v{version.version}"
    registered = created(version, query.latest)
    signal, uri = query.settings.model_signal, query.settings.mlflow_tracking_uri
    key = DEPLOYED_AT if DEPLOYED_AT in version.tags else signal.removeprefix("tag:")
    shipped, precision, stamp = registered, Precision.REGISTERED, None
    if key == DEPLOYED_AT or signal != "registered":
        if key not in version.tags:
            return None
        now, since = query.latest, query.promised_since
        # An import keeps stamps of ships elsewhere, before the promise began.
        earliest = EARLIEST if since is not None and registered < since else registered
        shipped, precision = _tagged(version.tags[key], earliest, now, f"{name}, tag {key}"), Precision.EXACT
        stamp = _stamp(key, shipped)
    return ModelRecord(
        id=f"model:{version.name}/{version.version}",
        name=version.name,
        version=version.version,
        shipped_at=shipped,
        run_id=version.run_id,
        precision=precision,
        registered_at=registered,
        unified_tag=version.tags.get(UNIFIED_TAG),
        url=page_of(uri, version.name, version.version, query.registry_workspace),
        stamp=stamp,
        **content_fields(version, listed),
    )


def _tagged(value: str, created: datetime, now: datetime, name: str) -> datetime:
    """Return the timestamp of a tag: ISO-8601 with an offset or epoch milliseconds, from registration to now."""
    try:
        stamp = _time(value, now)
    except ValueError as problem:
        raise HarvestError(f"MLflow registry: {name} carries a wrong time: {problem}") from None
    # Deploy jobs write whole seconds, the registry keeps milliseconds.
    if stamp < created.replace(microsecond=0):
        raise HarvestError(
            f"MLflow registry: {name} says that it shipped before its registration",
            hint="of an imported history, set sla-since to a day after the import; delete the tag of a copied version",
        )
    return stamp


def _time(value: str, now: datetime) -> datetime:
    """Return the time in a tag. Raise ValueError if it is none, or not a possible one."""
    return plausible(parse_epoch_ms(int(value)) if value.strip().isdigit() else parse_iso(value), now=now)
