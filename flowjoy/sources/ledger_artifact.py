"""The ledger: the bundle in the newest trusted artifact of this service, read back in memory. Knows artifacts, no rule.

Artifacts of forks and pull requests are listed among ours: one is trusted by its run, never by its name.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flowjoy import signed_address
from flowjoy.bundle import BUNDLE_FILE, REPORT_FILES, Bundle, from_json
from flowjoy.errors import BundleError, HarvestError, NewerBundleError
from flowjoy.github_api import PER_PAGE, GitHubApi, listing
from flowjoy.ledger import why_not
from flowjoy.signed_address import LARGEST_BYTES
from flowjoy.sources.base import Access, Query
from flowjoy.transport import MalformedAnswerError
from flowjoy.trigger import is_trusted

MOST_LEDGERS = 5
"""So many runs at once are merged: each that an artifact does not already remember."""

MOST_LOOKED_UP = 12
"""A run is asked for its event: one request each. More pull requests than this between two releases hide the ledger."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """The ledgers, newest first, each with its artifact's id; and what a user should know.

    `newer`: one was written by a newer FlowJoy, so nothing may be uploaded that would bury it.
    """

    ledgers: tuple[tuple[int, Bundle], ...] = ()
    notes: tuple[str, ...] = field(default=())
    newer: bool = False


def read(query: Query, access: Access) -> Found:
    """Read the ledgers. HarvestError when GitHub does not answer; what is no ledger is passed over, with a note."""
    github = access.to_github
    notes: list[str] = []
    held: list[tuple[int, Bundle]] = []
    remembered = 0
    for artifact in _trusted(github, query, notes):
        number = artifact["id"]
        if number <= remembered or len(held) == MOST_LEDGERS:
            break
        try:
            bundle = _opened(_content(github, artifact), query)
        except NewerBundleError as problem:
            return Found(notes=(f"artifact {number} is not read: {problem}; update the action",), newer=True)
        except (BundleError, HarvestError) as problem:
            notes.append(f"artifact {number} is ignored: {problem}")
            continue
        held.append((number, bundle))
        remembered = max(remembered, *bundle.ledgers, 0)
    return Found(ledgers=tuple(held), notes=tuple(notes))


def _trusted(github: GitHubApi, query: Query, notes: list[str]) -> Iterator[dict[str, Any]]:
    """The artifacts of our name, newest first, that a trusted run of this repository made."""

    def listed(answer: Any) -> list[dict[str, Any]]:
        items, _ = listing(answer, "artifacts")
        if not all(_has_shape(item) for item in items):
            raise MalformedAnswerError("an artifact has no id, no size or no run")
        return items

    name = query.settings.artifact_name
    found = github.get("/actions/artifacts", listed, name=name, per_page=PER_PAGE)
    ours = [item for item in found if item["name"] == name and not item.get("expired")]
    looked_up = 0
    for artifact in sorted(ours, key=lambda item: -item["id"]):
        run = artifact["workflow_run"]
        if run.get("head_repository_id") != run.get("repository_id"):
            notes.append(f"artifact {artifact['id']} is ignored: it is from a fork")
            continue
        looked_up += 1
        if looked_up > MOST_LOOKED_UP:
            notes.append(f"older artifacts are not looked at: the newest {MOST_LOOKED_UP} are of untrusted runs")
            return
        untrusted = github.get(f"/actions/runs/{run['id']}", partial(_distrust, run=run, query=query))
        if untrusted is None:
            yield artifact
            looked_up = 0
        else:
            notes.append(f"artifact {artifact['id']} is ignored: {untrusted}")


def _has_shape(item: dict[str, Any]) -> bool:
    run = item.get("workflow_run")
    numbers = [item.get("id"), item.get("size_in_bytes"), run.get("id") if isinstance(run, dict) else None]
    return all(isinstance(number, int) for number in numbers) and isinstance(item.get("name"), str)


def _distrust(answer: Any, *, run: dict[str, Any], query: Query) -> str | None:
    """Why what this run made is not believed; None when it is."""
    if not isinstance(answer, dict) or answer.get("id") != run["id"]:
        raise MalformedAnswerError("the answer is not the run that was asked for")
    head = answer.get("head_repository")
    if not isinstance(head, dict) or str(head.get("full_name", "")).lower() != query.repository.lower():
        return "its run is of another repository"
    event, branch = str(answer.get("event")), answer.get("head_branch")
    on_default = query.default_branch is not None and branch == query.default_branch
    if not is_trusted(event, on_default_branch=on_default):
        return f"its run is of the event {event} on {branch}"
    return None


def _content(github: GitHubApi, artifact: dict[str, Any]) -> bytes:
    if artifact["size_in_bytes"] > LARGEST_BYTES:
        raise HarvestError(f"it is larger than {LARGEST_BYTES >> 20} MB")
    address = github.redirect_of(f"/actions/artifacts/{artifact['id']}/zip")
    return signed_address.get(address, "its content", github.transport, _must_be_zip)


def _must_be_zip(content: bytes) -> None:
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise MalformedAnswerError("what comes is no whole zip")


def _opened(content: bytes, query: Query) -> Bundle:
    """The bundle in the zip, which is never unpacked to disk. BundleError for any that is not exactly ours."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if len(set(names)) != len(names) or BUNDLE_FILE not in names or not REPORT_FILES.issuperset(names):
                raise BundleError("it does not hold exactly the files of a report")
            if archive.getinfo(BUNDLE_FILE).file_size > LARGEST_BYTES:
                raise BundleError(f"its bundle is larger than {LARGEST_BYTES >> 20} MB")
            with archive.open(BUNDLE_FILE) as file:
                # One byte more than may be there: what the zip says of its size need not be so.
                raw = file.read(LARGEST_BYTES + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as problem:
        raise BundleError(f"it is no zip that can be read ({type(problem).__name__})") from None
    if len(raw) > LARGEST_BYTES:
        raise BundleError(f"its bundle is larger than {LARGEST_BYTES >> 20} MB")
    bundle = from_json(raw)
    refused = why_not(bundle, service=query.settings.service, repository=query.repository, now=query.now)
    if refused is not None:
        raise BundleError(refused)
    return bundle
