"""When runs listed the versions of a model and their stamps, by keys that differ for versions of the same number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from flowjoy.domain.model_versions import AliasObservation, ModelRecord, ModelVersion
from flowjoy.domain.timestamps import iso


def last_listing(model: str) -> str:
    """Return the key of a model: its value is the time of the last listing."""
    return f"model:{model}"


def last_readings(model: str) -> tuple[str, str]:
    """Return the keys of a model's readings: of its versions, and of their stamps."""
    return last_listing(model), f"stamps:{model}"


def version_key(version: ModelRecord | ModelVersion | AliasObservation) -> str:
    """Return the key of a version: its value is the time of the last listing without it.

    A model that is made again, or renamed, has versions of its own.
    """
    registered = version.registered_at
    name = version.model if isinstance(version, AliasObservation) else version.name
    return f"{name}/{version.version or ''}@{'' if registered is None else iso(registered)}"


def stamp_key(version: ModelRecord | ModelVersion, stamp: str) -> str:
    """Return the key of a stamp, which is `<tag>=<time>`: its value is the time of the last listing without it."""
    for sign in "%@/":
        stamp = stamp.replace(sign, f"%{ord(sign):X}")
    return f"{version_key(version)}#{stamp}"


def keys_of(version: ModelVersion) -> Iterator[tuple[str, str]]:
    """Yield the keys of a version and of its stamps, each with the key of the readings that list them.

    A version that is not READY has another key. Stamps have separate readings: an older FlowJoy did not keep them.
    """
    of_versions, of_stamps = last_readings(version.name)
    yield version_key(version) + ("" if version.ready else "#not ready"), of_versions
    for stamp in version.stamps:
        yield stamp_key(version, stamp), of_stamps


def names_in(listings: Mapping[str, datetime], model: str) -> list[str]:
    """Return the names of the versions that the last listing of a model contained."""
    keys = (key.rpartition("@")[0].rpartition("/") for key in listings)
    return [version for name, _, version in keys if name == model]


def is_gone_for_good(pin: str, listed: Iterable[str]) -> bool:
    """Return whether a pinned version was deleted. Numbers increase: one below the highest will not be registered."""
    numbers = {int(name) for name in listed if name.isdecimal()}
    return pin.isdecimal() and int(pin) not in numbers and int(pin) < max(numbers, default=0)
