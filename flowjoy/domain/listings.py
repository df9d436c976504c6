"""When runs listed the versions of a model, by keys that differ for versions of the same number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from flowjoy.domain.model_versions import ModelRecord, ModelVersion
from flowjoy.domain.timestamps import iso


def last_listing(model: str) -> str:
    """Return the key of a model: its value is the time of the last listing."""
    return f"model:{model}"


def version_key(version: ModelRecord | ModelVersion) -> str:
    """Return the key of a version: its value is the time of the last listing without it.

    A model that is made again, or renamed, has versions of its own.
    """
    registered = version.registered_at
    return f"{version.name}/{version.version}@{'' if registered is None else iso(registered)}"


def names_in(listings: Mapping[str, datetime], model: str) -> list[str]:
    """Return the names of the versions that the last listing of a model contained."""
    keys = (key.rpartition("@")[0].rpartition("/") for key in listings)
    return [version for name, _, version in keys if name == model]


def is_gone_for_good(pin: str, listed: Iterable[str]) -> bool:
    """Return whether a pinned version was deleted. Numbers increase: one below the highest will not be registered."""
    numbers = {int(name) for name in listed if name.isdecimal()}
    return pin.isdecimal() and int(pin) not in numbers and int(pin) < max(numbers, default=0)
