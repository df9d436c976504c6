"""The content of a version in MLflow: its logged model, its source, and the version that it was copied from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypedDict

from flowjoy.clients.mlflow_models import RegisteredVersion
from flowjoy.domain.timestamps import iso
from flowjoy.domain.version_content import Content, content_of, normal_source

_COPY = re.compile(r"models:/([^/]+)/([^/]+)")
_BURST = timedelta(minutes=10)
_ENOUGH = 5
"""Fewer versions within minutes do not count as an import."""

Listed = Mapping[tuple[str, str], RegisteredVersion]


class ContentFields(TypedDict):
    """The fields of a record or an observation that identify the content of a version."""

    source: str | None
    model_id: str | None


def by_key(versions: Sequence[RegisteredVersion]) -> Listed:
    """Return the versions by name and number."""
    return {(version.name, version.version): version for version in versions}


def content_fields(version: RegisteredVersion, listed: Listed) -> ContentFields:
    """Return the content of a version. A copy (`models:/<name>/<version>`) has that of its origin, if it is listed.

    The source is empty, not None, if the registry does not name one.
    """
    origin, seen = version, set()
    while (key := _copied_from(origin)) in listed and key not in seen:
        seen.add(key)
        origin = listed[key]
    source = normal_source(origin.source or "", run_id=origin.run_id)
    return ContentFields(source=source, model_id=origin.model_id or version.model_id)


def content(version: RegisteredVersion, listed: Listed) -> Content:
    """Return the content of a version as it is compared with others."""
    return content_of(run_id=version.run_id, **content_fields(version, listed))


def _copied_from(version: RegisteredVersion) -> tuple[str, str]:
    copy = _COPY.fullmatch(normal_source(version.source or ""))
    return (copy[1], copy[2]) if copy else ("", "")


def content_notes(versions: Sequence[RegisteredVersion], listed: Listed) -> Iterator[str]:
    """Yield a note for each model with several versions whose content cannot be identified."""
    nameless: dict[str, list[str]] = {}
    for version in versions:
        known = content(version, listed)
        if known.model_id is None and known.run_id is None and not known.source:
            nameless.setdefault(version.name, []).append(f"v{version.version}")
    for name, numbers in sorted(nameless.items()):
        if len(numbers) > 1:
            yield (
                f"{name}: the registry gives neither source nor run of {', '.join(numbers[:5])}"
                f"{' and more' * (len(numbers) > 5)}, so only the first counts as a new model. "
                "Register versions with a source or a run"
            )


def import_notes(
    created: Mapping[str, Sequence[datetime]], *, horizon: datetime, sla_since: datetime | None
) -> Iterator[str]:
    """Yield a note for each model of which more than half of the versions were registered within minutes.

    `created`: when its versions were registered. Registrations before `horizon`, or before the promise began, do not
    matter.
    """
    for name, stamps in sorted(created.items()):
        inside = _densest(sorted(stamps))
        if len(inside) < _ENOUGH or 2 * len(inside) <= len(stamps) or inside[-1] < max(horizon, sla_since or horizon):
            continue
        yield (
            f"{name}: {len(inside)} of {len(stamps)} versions were registered between {iso(inside[0])} and "
            f"{iso(inside[-1])}, as in an imported history: those times do not say when they shipped. "
            "Set `sla-since` to a day after the import"
        )


def _densest(stamps: Sequence[datetime]) -> Sequence[datetime]:
    """Return the longest run of sorted timestamps within minutes."""
    best: Sequence[datetime] = ()
    begin = 0
    for end, stamp in enumerate(stamps):
        while stamp - stamps[begin] > _BURST:
            begin += 1
        if end + 1 - begin > len(best):
            best = stamps[begin : end + 1]
    return best
