"""Bundles in folders: what the path of a file claims, and the facts of its content."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

import pydantic_core

from flowjoy.actions.trusted_runs import TRUSTED_EVENTS
from flowjoy.analysis.rollup.facts import facts
from flowjoy.clients.signed_urls import LARGEST_BYTES
from flowjoy.domain.bundle import Bundle
from flowjoy.domain.facts import BundleFact, Fact
from flowjoy.domain.timestamps import parse_iso
from flowjoy.errors import BundleError, NewerBundleError
from flowjoy.ledger.bundle_format import from_json
from flowjoy.ledger.memory import why_not
from flowjoy.sources.earlier_reports import TOO_LARGE, bundle_bytes_in, refuse_a_large_bundle

SUFFIXES = (".json", ".zip")
_REPOSITORY, _SERVICE = "repository=", "service="


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """The identity of a bundle by the path of its file; None where the path says nothing.

    Who may write below `repository=<owner>%2F<name>/` is decided by the store, so the path is believed, not the bundle.
    """

    repository: str | None = None
    service: str | None = None
    at: datetime | None = None

    def refuted_by(self, bundle: BundleFact) -> str | None:
        """Return why a bundle does not belong where its file is; None if it does."""
        pairs = (
            ("repository", self.repository, bundle.repository),
            ("service", self.service, bundle.service),
            ("time", self.at, bundle.generated_at),
        )
        wrong = next((name for name, claimed, own in pairs if claimed is not None and claimed != own), None)
        return None if wrong is None else f"the bundle is of another {wrong} than its path says"


def claim_of(path: str) -> Claim:
    """Return what a path claims: `…/repository=acme%2Fshop/service=shop/20260302T090000Z.json`, or nothing.

    The outermost folder counts: a repository may write any folders below its own.
    """
    *folders, name = PurePosixPath(path).parts or ("",)
    values = {
        key: unquote(part.removeprefix(key))
        for part in reversed(folders)
        for key in (_REPOSITORY, _SERVICE)
        if part.startswith(key)
    }
    repository, service = values.get(_REPOSITORY), values.get(_SERVICE)
    at = _instant(unquote(name.rpartition(".")[0])) if repository is not None and service is not None else None
    return Claim(repository=None if repository is None else repository.lower(), service=service, at=at)


def _instant(text: str) -> datetime | None:
    try:
        return parse_iso(text)
    except ValueError:
        return None


def newest_first(paths: Iterable[str], until: datetime | None) -> tuple[tuple[str, ...], ...]:
    """Return the files of each service whose paths name service and time, newest first; any other file by itself.

    Only the first of a group that is not refused counts, so that the others need not be read. A file that is named
    later than `until` is left out.
    """
    groups: dict[tuple[str, str] | str, list[tuple[datetime, str]]] = {}
    singles: list[str] = []
    for path in paths:
        claim = claim_of(path)
        if claim.at is None or claim.repository is None or claim.service is None:
            singles.append(path)
        elif until is None or claim.at <= until:
            groups.setdefault((claim.repository, claim.service), []).append((claim.at, path))
    ordered = (tuple(path for _, path in sorted(group, reverse=True)) for group in groups.values())
    return tuple(sorted((*ordered, *((path,) for path in singles))))


def facts_in(raw: bytes) -> Sequence[Fact]:
    """Return the facts of a bundle, JSON or a report's zip; for one that is refused, only who it says it is and why."""
    try:
        bundle = from_json(_unpacked(raw))
        problem = _distrust(bundle)
        if problem is not None:
            return (_refused(problem, vars(bundle)),)
        return facts(bundle)
    except BundleError as refusal:
        return (_refused(str(refusal), _head(raw), needs_newer=isinstance(refusal, NewerBundleError)),)
    except Exception as bug:  # noqa: BLE001  (anyone may have written the file: it must not end the whole roll-up)
        return (_refused(f"it cannot be computed with ({type(bug).__name__})", {}),)


def _unpacked(raw: bytes) -> bytes:
    """Return the JSON in a file. Raise BundleError for a file that is larger than any that FlowJoy writes."""
    if len(raw) > LARGEST_BYTES:
        raise BundleError(TOO_LARGE)
    if zipfile.is_zipfile(BytesIO(raw)):
        return bundle_bytes_in(raw)
    refuse_a_large_bundle(raw)
    return raw


def _distrust(bundle: Bundle) -> str | None:
    """Return why the roll-up does not count a bundle. What a run says of itself only guards against mistakes."""
    written = bundle.written_by
    if written is None:
        return "it does not say which run wrote it: update FlowJoy in its repository"
    if written.distrust:
        return f"its run is not trusted: {written.distrust}"
    if written.event not in TRUSTED_EVENTS:
        return f"its run is not trusted: it is of the event {written.event[:40] or 'unknown'}"
    return why_not(bundle, repository=bundle.repository, now=bundle.generated_at)


def _head(raw: bytes) -> Mapping[str, Any]:
    """Return the keys of a bundle that cannot be read as a whole; none where there are none."""
    try:
        data = pydantic_core.from_json(_unpacked(raw))
    except (BundleError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _refused(problem: str, known: Mapping[str, Any], *, needs_newer: bool = False) -> BundleFact:
    repository, service, at = (known.get(name) for name in ("repository", "service", "generated_at"))
    return BundleFact(
        repository=repository.lower() if isinstance(repository, str) else None,
        service=service if isinstance(service, str) else None,
        generated_at=at if isinstance(at, datetime) else _instant(str(at)),
        problem=problem[:300],
        needs_newer=needs_newer,
    )
