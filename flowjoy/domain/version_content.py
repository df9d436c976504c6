"""Recognises model versions with the same content by their logged model, training run and source."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

_PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(//[^/]*)?(.*)", re.DOTALL)
_RUN_URI = re.compile(r"runs:/([^/]+)(?:/.*)?", re.DOTALL)
_MLFLOW_RUN = re.compile(r"[0-9a-f]{32}")
_LOGGED_MODEL_URI = re.compile(r"models:/([^/@]+)")
_LOGGED_MODEL_FOLDER = re.compile(r"/models/(m-[0-9a-f]{32})/artifacts$")
_SIGNED = re.compile(r"(x-(amz|goog)-.*|sig|signature|token|expires|s[eprtv]|spr)=.*", re.IGNORECASE)
_CONTAINER_BEFORE_HOST = ("abfs", "abfss", "wasb", "wasbs")


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """The content of a version: its logged model, training run and source; None if unknown."""

    model_id: str | None = None
    run_id: str | None = None
    source: str | None = None


def content_of(*, model_id: str | None, run_id: str | None, source: str | None) -> Content:
    """Return the content of a version as its registry describes it, in one spelling."""
    if source is None:
        return Content(model_id=model_id or None, run_id=run_id or None)
    source = normal_source(source, run_id=run_id)
    logged = _LOGGED_MODEL_URI.fullmatch(source) or _LOGGED_MODEL_FOLDER.search(source)
    of_run = _RUN_URI.fullmatch(source)
    return Content(
        model_id=model_id or (logged[1] if logged else None),
        run_id=run_id or (of_run[1] if of_run else None),
        source=source,
    )


def normal_source(source: str, *, run_id: str | None = None) -> str:
    """Return one spelling of a source: no trailing slash, password, signature or empty host; a run's as `runs:/`.

    `run_id` is the version's own run, which need not look like one of MLflow's. Paths keep their case.
    """
    source = source.strip()
    parts = _PARTS.fullmatch(source)
    if parts is None:
        return _path_of_run(source.rstrip("/"), run_id) or source.rstrip("/")
    scheme, host = parts[1].lower(), (parts[2] or "").lstrip("/")
    if scheme == "mlflow-artifacts":
        host = ""  # the server itself, by whichever name
    elif scheme not in _CONTAINER_BEFORE_HOST:
        host = host.rpartition("@")[2]
    path, _, query = parts[3].partition("?")
    path = path.rstrip("/")
    of_run = _path_of_run(path, run_id)
    if of_run is not None:
        return of_run
    signed = "&".join(item for item in query.split("&") if item and not _SIGNED.fullmatch(item))
    rest = f"{path}?{signed}" if signed else path
    # `dbfs:///x`, `file:/x` and `runs://r/x` are written with one slash, two or three.
    if not host or scheme in ("runs", "models"):
        return f"{scheme}:/{'/'.join(filter(None, (host, rest.lstrip('/'))))}"
    return f"{scheme}://{host}{rest}"


def _path_of_run(path: str, run_id: str | None) -> str | None:
    """Return `runs:/<run>/<path>` for a path into the artifacts of a run, wherever they are stored."""
    folders = path.split("/")
    for index, (name, inside) in enumerate(pairwise(folders)):
        if inside == "artifacts" and name and (name == run_id or _MLFLOW_RUN.fullmatch(name)):
            return "/".join(["runs:", name, *folders[index + 2 :]])
    return None


def repeats(shipped: Iterable[tuple[str, Content]]) -> list[bool]:
    """Return for each version, given by model name in the order of the ships, whether its content shipped before."""
    seen: dict[str, _Seen] = {}
    return [seen.setdefault(name, _Seen()).add(content) for name, content in shipped]


def same_content(one: Content, other: Content) -> bool:
    """Return whether two versions have, as far as is known, the same content."""
    return repeats([("", one), ("", other)])[1]


class _Origins:
    """Runs and sources of contents. If one of the two is unknown, the other decides."""

    def __init__(self) -> None:
        self._pairs: set[tuple[str | None, str | None]] = set()
        self._runs: set[str | None] = set()
        self._sources: set[str | None] = set()

    def add(self, content: Content) -> None:
        self._pairs.add((content.run_id, content.source))
        self._runs.add(content.run_id)
        self._sources.add(content.source)

    def __contains__(self, content: Content) -> bool:
        run, source = content.run_id, content.source
        if run is None or source is None:
            return (run is not None and run in self._runs) or (source is not None and source in self._sources)
        return not self._pairs.isdisjoint({(run, source), (run, None), (None, source)})


@dataclass
class _Seen:
    """The contents of one model that have shipped."""

    model_ids: set[str] = field(default_factory=set)
    every: _Origins = field(default_factory=_Origins)
    without_model_id: _Origins = field(default_factory=_Origins)

    def add(self, content: Content) -> bool:
        """Add a content and return whether it had shipped. Two logged models are compared by their ids only."""
        if content.model_id is None:
            known = content in self.every
            self.without_model_id.add(content)
        else:
            known = content.model_id in self.model_ids or content in self.without_model_id
            self.model_ids.add(content.model_id)
        self.every.add(content)
        return known
