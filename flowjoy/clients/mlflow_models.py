"""Registered models and versions as values, and the tags that FlowJoy reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from flowjoy.clients.responses import Response, Text
from flowjoy.domain import Registered
from flowjoy.domain.timestamps import parse_epoch_ms, plausible
from flowjoy.errors import HarvestError

DEPLOYED_AT = "flowjoy.deployed_at"
"""The version tag that says when a version shipped; it wins over every signal."""

DEPLOYED_AGAIN = "flowjoy.deployed_again"
"""When a shipped version was shipped again, which makes it no newer: ISO timestamps, separated by commas."""

UNIFIED_TAG = "flowjoy.unified_tag"
"""The version tag that names the code and model pair that it belongs to."""

PROMPT_TAG = "mlflow.prompt.is_prompt"
"""The tag by which a registered model is a prompt."""


@dataclass(frozen=True, kw_only=True)
class RegisteredModel:
    """A registered model: its latest versions, and the version of each alias.

    `created` and `changed` are epoch milliseconds, `changed` is None where it does not cover versions.
    """

    latest: frozenset[str]
    aliases: Mapping[str, str]
    created: object = None
    changed: object = None

    @property
    def must_list(self) -> frozenset[str]:
        """The versions without which a list of its versions is not complete."""
        return self.latest | frozenset(self.aliases.values())


class RegisteredVersion(Response):
    """One version. A registry need not say where it came from, nor (a Unity Catalog) in which stage it is."""

    name: Text
    version: Text
    created: int
    changed: int | None
    status: Text
    stage: str
    run_id: Text | None
    source: Text | None
    model_id: Text | None
    tags: dict[Text, str]


@dataclass(frozen=True, kw_only=True)
class RegistrySnapshot:
    """The content of a registry: its versions, and the candidates that it does not know.

    `unknown`: each such name with a suggestion. `known`: when each model was created and changed.
    `aliases` are those of each model.
    """

    versions: list[RegisteredVersion]
    unknown: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, Registered] = field(default_factory=dict)
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def created(version: RegisteredVersion, now: datetime) -> datetime:
    """Return when a version was registered. Raise HarvestError if it does not say, or a time after `now`."""
    try:
        return plausible(parse_epoch_ms(version.created), now=now)
    except ValueError as problem:
        name = f"{version.name} v{version.version}"
        raise HarvestError(f"MLflow registry: {name} carries a wrong creation time: {problem}") from None


def page_of(uri: str | None, name: str, version: str, workspace: str | None = None) -> str | None:
    """Return the address of a version's page, None if the registry has no pages."""
    if uri is None or not uri.startswith("http"):
        return None
    inside = f"?workspace={quote(workspace, safe='')}" if workspace else ""
    return f"{uri}/#/models/{quote(name, safe='')}/versions/{quote(version, safe='')}{inside}"
