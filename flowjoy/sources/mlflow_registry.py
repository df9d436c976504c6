"""Model versions from an MLflow registry. Emptiness is proved: the client answers most faults with an empty list."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

from flowjoy.errors import HarvestError, UnknownModelError
from flowjoy.instants import EARLIEST, iso, parse_epoch_ms, parse_iso, plausible
from flowjoy.looks import Move, moves
from flowjoy.mlflow_api import ROOT, explain, explain_name, new_client
from flowjoy.model import Look, ModelRecord, ModelVersion, Precision
from flowjoy.records import shipped_again, unique
from flowjoy.sources.base import Access, Parsed, Query
from flowjoy.transport import MalformedAnswerError

DEPLOYED_AT = "flowjoy.deployed_at"
"""The version tag that says when a version shipped; it wins over every signal."""

DEPLOYED_AGAIN = "flowjoy.deployed_again"
"""When a version that had shipped before was shipped again: ISO instants, comma-separated. It is no new model then."""

UNIFIED_TAG = "flowjoy.unified_tag"
"""The version tag that names the code and model pair that it belongs to."""

_PAGE = 1000
_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a registered model shows of itself: its latest versions, and which version each alias names."""

    latest: frozenset[str]
    aliases: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What the registry lists: its versions as plain dicts, and the candidates that it does not know.

    `aliases` are those of each model.
    """

    versions: list[dict[str, Any]]
    unknown: frozenset[str] = frozenset()
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class MlflowRegistry:
    """`model-source: mlflow`."""

    label = "MLflow registry"
    changes_for = None  # any version may be stamped at any time

    def fetch(self, query: Query, access: Access) -> Listing:
        """Every version of every model asked for. A model without versions is proved to be there."""
        registry = _Registry(query, access)
        shown = {name: registry.shown(name) for name in query.models}
        shown |= {name: found for name in query.candidates if (found := registry.shown_if_known(name)) is not None}
        versions = registry.all_versions({name: _must_list(model) for name, model in shown.items()}) if shown else []
        access.progress(f"MLflow registry: {len(versions)} versions of {', '.join(sorted(shown))}")
        return Listing(
            versions=versions,
            unknown=frozenset(query.candidates) - shown.keys(),
            aliases={name: model.aliases for name, model in shown.items()},
        )

    def parse(self, raw: Listing, query: Query) -> Parsed[ModelRecord]:
        """One record a version that shipped by the signal. PENDING and FAILED registrations did not."""
        ready = [version for version in raw.versions if version["status"] == "READY"]
        stamped = [record for version in ready for record in _records(version, query)]
        looks: tuple[Look, ...] = ()
        notes: tuple[str, ...] = ()
        if query.settings.model_signal.startswith(("alias:", "stage:")):
            looks = (*query.looks, *_looks(raw, ready, query))
            stamped, notes = _with_observed(stamped, looks, raw, query)
        records = unique(stamped)
        unready = sorted(
            f"{v['name']} v{v['version']} is {v['status']}" for v in raw.versions if v["status"] != "READY"
        )
        return Parsed(
            records=records,
            notes=(*(f"not an event: {item}" for item in unready[:20]), *notes),
            looks=looks,
            versions=tuple(
                _version(version, query)
                for version in sorted(raw.versions, key=lambda v: (v["name"], int(v["version"])))
            ),
            unknown=raw.unknown,
        )


def _must_list(model: Shown) -> set[str]:
    """The versions that a complete list holds: those that the model itself shows or its aliases name."""
    return {*model.latest, *model.aliases.values()}


def _version(version: dict[str, Any], query: Query) -> ModelVersion:
    tag = query.settings.model_validated_tag
    key, _, value = (tag or "").partition("=")
    return ModelVersion(
        name=version["name"],
        version=version["version"],
        ready=version["status"] == "READY",
        validated=tag is not None and version["tags"].get(key) == value,
        registered_at=_created(version, query),
    )


class _Registry:
    """The registry behind one client, one request at a time."""

    def __init__(self, query: Query, access: Access) -> None:
        uri = query.settings.mlflow_tracking_uri
        if uri is None:
            raise HarvestError(
                f"no registry is named, but {', '.join([*query.models, *query.candidates])} must be looked up",
                hint="set mlflow-tracking-uri, or the variable MLFLOW_TRACKING_URI",
            )
        self.is_unity_catalog = uri.startswith("databricks-uc")
        # Pages are cut by place: in this order nothing that happens meanwhile moves what is still to come.
        self._order = None if uri.startswith("databricks") else ["creation_timestamp ASC"]
        self._transport = access.transport
        access.progress("MLflow registry: asking")
        try:
            self._client = new_client(uri)
        except ImportError as problem:
            raise HarvestError(
                f"this registry needs a package that is not here ({problem.name})",
                hint="an embedded sqlite registry needs full mlflow; the container reads http(s) and Databricks",
            ) from None

    def shown(self, name: str) -> Shown:
        """What the registered model shows of itself; UnknownModelError when there is no such model."""

        def request() -> Shown:
            model = self._client.get_registered_model(name)
            # A fault answers with a model without a name.
            if model.name != name:
                raise MalformedAnswerError(f"the registry does not say that it knows {name!r}")
            return Shown(
                latest=frozenset(str(version.version) for version in model.latest_versions),
                aliases={str(alias): str(version) for alias, version in model.aliases.items()},
            )

        return self._transport.call(f"MLflow registry, model {name!r}", request, explain_name)

    def shown_if_known(self, name: str) -> Shown | None:
        """The same, or None when the registry says that there is no such model."""
        try:
            return self.shown(name)
        except UnknownModelError:
            return None

    def all_versions(self, latest: Mapping[str, set[str]]) -> list[dict[str, Any]]:
        """Every version of every one of these models; those that the models themselves show must be among them."""
        names = sorted(latest)
        if not self.is_unity_catalog:
            return self.versions(f"name IN ({', '.join(map(_quoted, names))})", latest)
        # Unity Catalog filters by one model, and its searches leave tags out.
        found = [version for name in names for version in self.versions(f"name={_quoted(name)}", {name: latest[name]})]
        return [self.detailed(version) for version in found]

    def versions(self, condition: str, latest: Mapping[str, set[str]]) -> list[dict[str, Any]]:
        """Every version that a search finds, all pages."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        missing = {(name, number) for name, numbers in latest.items() for number in numbers}
        token = None
        while True:

            def request(token: str | None = token, missing: frozenset[Any] = frozenset(missing)) -> Any:
                page = self._client.search_model_versions(
                    condition, max_results=_PAGE, order_by=self._order, page_token=token
                )
                plain = {(v["name"], v["version"]): v for v in (_plain(version, latest.keys()) for version in page)}
                # A registry gives a token only when more follows: an empty page behind one is a cut answer.
                if token and not plain:
                    raise MalformedAnswerError("the next page of versions is empty")
                if not page.token and (hidden := missing - plain.keys()):
                    name, number = min(hidden)
                    raise MalformedAnswerError(f"the search does not show {name} v{number}, which is there")
                return plain, page.token or None

            page, token = self._call("MLflow registry, versions", request)
            new = page.keys() - found.keys()
            found |= page
            missing -= new
            if token is None:
                return list(found.values())
            if not new:
                raise HarvestError("MLflow registry: the list of versions repeats itself without an end", hint=ROOT)

    def detailed(self, version: dict[str, Any]) -> dict[str, Any]:
        """The version asked by itself: a Unity Catalog search leaves tags out."""

        def request() -> dict[str, Any]:
            return _plain(self._client.get_model_version(version["name"], version["version"]), {version["name"]})

        return self._call(f"MLflow registry, {version['name']} v{version['version']}", request)

    def _call(self, what: str, request: Callable[[], _T]) -> _T:
        return self._transport.call(what, request, explain)


def _quoted(name: str) -> str:
    return f"'{name}'"  # inputs and stubs refuse names with quotes


def _plain(version: Any, known: Collection[str]) -> dict[str, Any]:
    if version.name not in known or not str(version.version).isdigit() or not isinstance(version.tags, dict):
        raise MalformedAnswerError("the answer holds what is no version of the models asked for")
    return {
        "name": version.name,
        "version": str(int(version.version)),
        "created": version.creation_timestamp,
        "status": str(version.status),
        "stage": str(version.current_stage),
        "run_id": version.run_id or None,
        "tags": {str(key): str(value) for key, value in version.tags.items()},
    }


def _records(version: dict[str, Any], query: Query) -> tuple[ModelRecord, ...]:
    """The ships of one version: the first, and each time it was shipped again. None: it has not shipped."""
    first = _record(version, query)
    if first is None:
        return ()
    name, now = f"{version['name']} v{version['version']}, tag {DEPLOYED_AGAIN}", max(query.now, query.as_of)
    stamps = [text for text in version["tags"].get(DEPLOYED_AGAIN, "").split(",") if text.strip()]
    again = [_tagged(text, first.shipped_at, now, name) for text in stamps]
    return shipped_again([first, *(replace(first, shipped_at=at, precision=Precision.EXACT) for at in again)])


def _record(version: dict[str, Any], query: Query) -> ModelRecord | None:
    """The first ship of one version where the registry keeps its time; None where it does not, or there is none."""
    name = f"{version['name']} v{version['version']}"
    created = _created(version, query)
    signal = query.settings.model_signal
    key = DEPLOYED_AT if DEPLOYED_AT in version["tags"] else signal.removeprefix("tag:")
    shipped, precision = created, Precision.REGISTERED
    if key == DEPLOYED_AT or signal != "registered":
        if key not in version["tags"]:
            return None
        now = max(query.now, query.as_of)
        shipped, precision = _tagged(version["tags"][key], created, now, f"{name}, tag {key}"), Precision.EXACT
    return ModelRecord(
        id=f"model:{version['name']}/{version['version']}",
        name=version["name"],
        version=version["version"],
        shipped_at=shipped,
        run_id=version["run_id"],
        precision=precision,
        registered_at=created,
        unified_tag=version["tags"].get(UNIFIED_TAG),
        url=_url(query.settings.mlflow_tracking_uri, version["name"], version["version"]),
    )


def _created(version: dict[str, Any], query: Query) -> datetime:
    try:
        return plausible(parse_epoch_ms(int(version["created"])), now=max(query.now, query.as_of))
    except (TypeError, ValueError) as problem:
        name = f"{version['name']} v{version['version']}"
        raise HarvestError(f"MLflow registry: {name} carries a wrong creation time: {problem}") from None


def _looks(raw: Listing, ready: list[dict[str, Any]], query: Query) -> tuple[Look, ...]:
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
        version = by_key[model, max(named, key=int)] if named else None
        looks.append(
            Look(
                model=model,
                signal=query.settings.model_signal,
                at=query.now,
                version=version["version"] if version else "",
                run_id=version["run_id"] or "" if version else "",
                registered_at=_created(version, query) if version else None,
            )
        )
    return tuple(looks)


def _with_observed(
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
        url=_url(query.settings.mlflow_tracking_uri, look.model, look.version),
        maybe_live_before=old,
        # Another version of that training run may have been live before: this one must not pass for a new model.
        maybe_copy=bool(same_run) if old else any(_created(version, query) < begun for version in same_run),
        source_gone=all(version["version"] != look.version for version in listed),
    )


def _maybe_copy(record: ModelRecord, exact: list[ModelRecord], begun: datetime, raw: Listing, query: Query) -> bool:
    """Whether a version of the same training run may have been live, unseen, before this stamped ship."""
    stamped = {other.version for other in exact}
    return any(
        record.run_id == version["run_id"] and _created(version, query) < min(begun, record.shipped_at)
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


def _tagged(value: str, created: datetime, now: datetime, name: str) -> datetime:
    """ISO-8601 with an offset, or epoch milliseconds; not before the version was made, and not in the future."""
    try:
        stamp = parse_epoch_ms(int(value)) if value.strip().isdigit() else parse_iso(value)
        stamp = plausible(stamp, now=now)
    except ValueError as problem:
        raise HarvestError(f"MLflow registry: {name} carries a wrong time: {problem}") from None
    # Deploy jobs write whole seconds, the registry keeps milliseconds.
    if stamp < created.replace(microsecond=0):
        raise HarvestError(f"MLflow registry: {name} says that it shipped before it was registered")
    return stamp


def _url(uri: str | None, name: str, version: str) -> str | None:
    if uri is None or not uri.startswith("http"):
        return None
    return f"{uri}/#/models/{quote(name, safe='')}/versions/{version}"
