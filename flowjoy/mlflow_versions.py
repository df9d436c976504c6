"""What an MLflow registry lists: models, versions, tags. Knows no ship, and not what a run asks.

Emptiness is proved: the client answers most faults with an empty list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from flowjoy.errors import HarvestError, UnknownModelError
from flowjoy.instants import parse_epoch_ms, plausible
from flowjoy.mlflow_api import ROOT, explain, explain_name, new_client
from flowjoy.transport import MalformedAnswerError, Transport

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


class Registry:
    """The registry behind one client, one request at a time."""

    def __init__(self, uri: str, transport: Transport) -> None:
        self.is_unity_catalog = uri.startswith("databricks-uc")
        # Pages are cut by place: in this order nothing that happens meanwhile moves what is still to come.
        self._order = None if uri.startswith("databricks") else ["creation_timestamp ASC"]
        self._transport = transport
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
        "source": version.source or None,
        "model_id": _model_id(version),
        "tags": {str(key): str(value) for key, value in version.tags.items()},
    }


_LOGGED_MODEL = re.compile(r"models:/(m-[0-9a-f]{32})/?")


def _model_id(version: Any) -> str | None:
    """Return the id of the logged model behind a version (MLflow 3), or None where the registry does not give one."""
    # Servers of MLflow itself keep the id only as the source.
    named = _LOGGED_MODEL.fullmatch(version.source or "")
    return version.model_id or (named[1] if named else None)


def created(version: dict[str, Any], now: datetime) -> datetime:
    """When a version was registered. HarvestError where it does not say, or says a time after `now`."""
    try:
        return plausible(parse_epoch_ms(int(version["created"])), now=now)
    except (TypeError, ValueError) as problem:
        name = f"{version['name']} v{version['version']}"
        raise HarvestError(f"MLflow registry: {name} carries a wrong creation time: {problem}") from None


def page_of(uri: str | None, name: str, version: str) -> str | None:
    """Where people look at a version; None where the registry has no page."""
    if uri is None or not uri.startswith("http"):
        return None
    return f"{uri}/#/models/{quote(name, safe='')}/versions/{version}"
