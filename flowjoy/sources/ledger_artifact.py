"""The ledger: the bundle in the newest trusted artifact of this service, read back in memory. Knows artifacts, no rule.

Artifacts of forks and pull requests are listed among ours: one is trusted by its run, never by its name.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from flowjoy import signed_address
from flowjoy.bundle import BUNDLE_FILE, REPORT_FILES, Bundle, from_json
from flowjoy.errors import BundleError, HarvestError, NewerBundleError
from flowjoy.github_api import PER_PAGE, GitHubApi, listing
from flowjoy.github_branch import DefaultBranch
from flowjoy.ledger import why_not
from flowjoy.signed_address import LARGEST_BYTES
from flowjoy.sources.base import Query
from flowjoy.transport import MalformedAnswerError
from flowjoy.trigger import TRUSTED_EVENTS

MOST_LEDGERS = 5
"""So many runs at once are merged, and so many downloads tried: each that an artifact does not already remember."""

MOST_LOOKED_UP = 12
"""A run is asked for its event: one request each, of artifacts of the default branch and of others each."""

MOST_PAGES = 10
LONGEST_DIRECTORY_BYTES = 4096
MOST_VALUES = 1_000_000
"""Objects and lists in a bundle: what they take in memory is a hundred times what they take in the file."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """The ledgers, newest first, each with its artifact's id; and what a user should know.

    `newer`: one was written by a newer FlowJoy, so nothing may be uploaded that would bury it. `whole`: False where
    there is another one that could not be read today, and may be tomorrow.
    """

    ledgers: tuple[tuple[int, Bundle], ...] = ()
    notes: tuple[str, ...] = field(default=())
    newer: bool = False
    whole: bool = True


def read(query: Query, github: GitHubApi) -> Found:
    """Read the ledgers. HarvestError when GitHub does not answer; what is no ledger is passed over, with a note."""
    notes: list[str] = []
    name = query.default_branch
    branch = None if name is None else DefaultBranch(github=github, name=name, commit=query.default_commit)
    held: list[tuple[int, Bundle]] = []
    remembered = tried = 0
    whole = True
    for artifact in _as_far_as_can_be_seen(_candidates(github, query, notes), held):
        number = artifact["id"]
        if number <= remembered:
            break
        if branch is None:
            raise HarvestError("the default branch is not known, so no earlier run can be trusted", hint="run again")
        if tried == MOST_LEDGERS:
            notes.append(f"more than {MOST_LEDGERS} runs at once: artifact {number} and older ones are not read")
            break
        try:
            run = github.get(f"/actions/runs/{artifact['run']['id']}", _run_of(artifact))
            untrusted = _distrust(run, query.repository, branch, artifact["shas"])
            if untrusted is not None:
                notes.append(f"artifact {number} is ignored: {untrusted}")
                continue
            tried += 1
            bundle = _opened(_content(github, artifact), query)
        except NewerBundleError as problem:
            return Found(notes=(f"artifact {number} is not read: {problem}; update the action",), newer=True)
        except BundleError as problem:
            notes.append(f"artifact {number} is ignored: {problem}")
            continue
        except HarvestError as problem:
            if not held:
                raise
            notes.append(f"artifact {number} is not read: {problem}")
            whole = False
            break
        held.append((number, bundle))
        remembered = max(remembered, *bundle.ledgers, 0)
    return Found(ledgers=tuple(held), notes=tuple(notes), whole=whole)


class FloodError(HarvestError):
    """There are more artifacts than can be looked at."""


def _as_far_as_can_be_seen(candidates: Iterator[dict[str, Any]], held: list[Any]) -> Iterator[dict[str, Any]]:
    """What lies behind a flood is not looked at, once a ledger was found before it; else there is no telling."""
    try:
        yield from candidates
    except FloodError:
        if not held:
            raise


def _candidates(github: GitHubApi, query: Query, notes: list[str]) -> Iterator[dict[str, Any]]:
    """The artifacts of our name that a run of this repository made, newest first, page by page.

    FloodError where there are too many to look at.
    """
    name = query.settings.artifact_name

    def listed(answer: Any) -> tuple[list[dict[str, Any]], int]:
        items, total = listing(answer, "artifacts")
        if not all(_has_shape(item) for item in items):
            raise MalformedAnswerError("an artifact has no id, no size or no run")
        return items, total

    forks = 0
    looked_up = {True: 0, False: 0}
    for page in range(1, MOST_PAGES + 1):
        found, total = github.get("/actions/artifacts", listed, name=name, per_page=PER_PAGE, page=page)
        newest = sorted(found, key=lambda item: -item["id"])
        shas = [str(item["workflow_run"].get("head_sha")) for item in newest][:MOST_LOOKED_UP]
        for item in newest:
            run = item["workflow_run"]
            if item["name"] != name or item.get("expired"):
                continue
            if run.get("head_repository_id") != run.get("repository_id"):
                forks += 1
                notes[:] = [note for note in notes if "from forks" not in note]
                notes.append(f"{forks} artifacts of this name are ignored: they are from forks")
                continue
            on_default = run.get("head_branch") == query.default_branch
            looked_up[on_default] += 1
            if looked_up[on_default] <= MOST_LOOKED_UP:
                yield {**_wanted(item), "run": run, "shas": shas}
        if page * PER_PAGE >= total or not found:
            break
    else:
        raise FloodError(f"more than {MOST_PAGES * PER_PAGE} artifacts are named {name!r}", hint="set artifact-name")
    if max(looked_up.values()) > MOST_LOOKED_UP:
        raise FloodError(
            f"more than {MOST_LOOKED_UP} artifacts named {name!r} are of untrusted runs", hint="set artifact-name"
        )


def _wanted(item: dict[str, Any]) -> dict[str, Any]:
    return {"id": item["id"], "size": item["size_in_bytes"], "digest": item.get("digest")}


def _has_shape(item: dict[str, Any]) -> bool:
    run = item.get("workflow_run")
    numbers = [item.get("id"), item.get("size_in_bytes"), run.get("id") if isinstance(run, dict) else None]
    texts = isinstance(item.get("name"), str) and isinstance(item.get("digest"), str | None)
    return all(isinstance(number, int) for number in numbers) and texts


@dataclass(frozen=True, kw_only=True)
class _Run:
    """The run that made an artifact; `branch` is the short name of its branch or tag."""

    event: str
    branch: str
    sha: str
    repository: str


def _run_of(artifact: dict[str, Any]) -> Callable[[Any], _Run]:
    def check(answer: Any) -> _Run:
        if not isinstance(answer, dict) or answer.get("id") != artifact["run"]["id"]:
            raise MalformedAnswerError("the answer is not the run that was asked for")
        head = answer.get("head_repository")
        return _Run(
            event=str(answer.get("event")),
            branch=str(answer.get("head_branch")),
            sha=str(answer.get("head_sha")),
            repository=str(head.get("full_name", "")) if isinstance(head, dict) else "",
        )

    return check


def _distrust(run: _Run, repository: str, branch: DefaultBranch, others: Sequence[str]) -> str | None:
    """Return why what this run made is not believed; None when it is. `others`: commits that may be asked for next."""
    if run.repository.lower() != repository.lower():
        return "its run is of another repository"
    if run.event not in TRUSTED_EVENTS:
        return f"its run is of the event {run.event} on {run.branch}"
    if not branch.holds(run.sha, *others):
        return f"its run is of the event {run.event} on {run.branch}, and its commit is not on {branch.name}"
    if run.event == "push" and run.branch != branch.name and not branch.is_tag(run.branch):
        return f"its run is of the event push on {run.branch}, which is not a tag"
    return None


def _content(github: GitHubApi, artifact: dict[str, Any]) -> bytes:
    if artifact["size"] > LARGEST_BYTES:
        raise BundleError(f"it is larger than {LARGEST_BYTES >> 20} MB")
    address = github.redirect_of(f"/actions/artifacts/{artifact['id']}/zip")
    for _ in range(2):
        content = signed_address.get(address, f"artifact {artifact['id']}", github.transport)
        if zipfile.is_zipfile(io.BytesIO(content)) and _has_digest(content, artifact["digest"]):
            return content
    if zipfile.is_zipfile(io.BytesIO(content)):
        raise BundleError("its bytes do not have the digest that GitHub lists")
    raise BundleError("its content is no whole zip")


def _has_digest(content: bytes, listed: str | None) -> bool:
    """Return whether the bytes are those that were uploaded; older GitHub Enterprise Servers list no digest."""
    return listed is None or listed.lower() == f"sha256:{sha256(content).hexdigest()}"


def _refuse_a_long_directory(content: bytes) -> None:
    """Python's zipfile reads the whole directory before it tells anything: the size stands in the last record."""
    end = content.rfind(b"PK\x05\x06")
    size = int.from_bytes(content[end + 12 : end + 16], "little")
    if end < 0 or size > LONGEST_DIRECTORY_BYTES:
        raise BundleError("it does not hold exactly the files of a report")


def _opened(content: bytes, query: Query) -> Bundle:
    """The bundle in the zip, which is never unpacked to disk. BundleError for any that is not exactly ours."""
    try:
        _refuse_a_long_directory(content)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if len(set(names)) != len(names) or BUNDLE_FILE not in names or not REPORT_FILES.issuperset(names):
                raise BundleError("it does not hold exactly the files of a report")
            entry = archive.getinfo(BUNDLE_FILE)
            if entry.file_size > LARGEST_BYTES:
                raise BundleError(f"its bundle is larger than {LARGEST_BYTES >> 20} MB")
            # Of other methods Python unpacks whatever a block holds before it counts: 921 bytes of bzip2 become 2 GB.
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise BundleError("its bundle is packed in a way that FlowJoy never packs")
            with archive.open(BUNDLE_FILE) as file:
                # One byte more than may be there: what the zip says of its size need not be so.
                raw = file.read(LARGEST_BYTES + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as problem:
        raise BundleError(f"it is no zip that can be read ({type(problem).__name__})") from None
    if len(raw) > LARGEST_BYTES or raw.count(b"{") + raw.count(b"[") > MOST_VALUES:
        raise BundleError("its bundle is larger than any that FlowJoy writes")
    bundle = from_json(raw)
    refused = why_not(bundle, service=query.settings.service, repository=query.repository, now=query.now)
    if refused is not None:
        raise BundleError(refused)
    return bundle
