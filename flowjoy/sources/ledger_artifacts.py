"""The ledger: the bundle in the newest trusted artifact of this service, read back in memory. Knows artifacts, no rule.

Artifacts of forks and pull requests are listed among ours: one is trusted by its run, never by its name.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from flowjoy.actions.event import TRUSTED_EVENTS
from flowjoy.clients import signed_urls
from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.github import PER_PAGE, GitHubApi
from flowjoy.clients.github_branches import DefaultBranch
from flowjoy.clients.responses import Count, Id, Many, Response, Sha, Text, reader
from flowjoy.clients.responses import read as read_answer
from flowjoy.clients.signed_urls import LARGEST_BYTES
from flowjoy.domain.bundle import BUNDLE_FILE, REPORT_FILES, Bundle
from flowjoy.errors import BundleError, HarvestError, NewerBundleError
from flowjoy.ledger.bundle_format import from_json
from flowjoy.ledger.memory import why_not
from flowjoy.report.text import plural
from flowjoy.sources.base import HarvestQuery

MOST_LEDGERS = 5
"""So many runs at once are merged, and so many downloads tried: each that an artifact does not already remember."""

MOST_LOOKED_UP = 12
"""A run is asked for its event: one request each, of artifacts of the default branch and of others each."""

MOST_PAGES = 10
LONGEST_DIRECTORY_BYTES = 4096
MOST_VALUES = 1_000_000
"""Objects and lists in a bundle: what they take in memory is a hundred times what they take in the file."""


class _WorkflowRun(Response):
    id: Id
    repository_id: Id
    head_repository_id: Id | None  # the fork is gone
    head_branch: str | None  # the fork is gone
    head_sha: Sha


class Artifact(Response):
    """One artifact of the repository, and the run that made it."""

    id: Id
    name: Text
    size_in_bytes: Count
    expired: bool
    digest: str | None = None  # older GitHub Enterprise Servers list none
    workflow_run: _WorkflowRun


class Artifacts(Response):
    """One page of artifacts."""

    total_count: Count
    artifacts: Many[Artifact]


class _Repository(Response):
    full_name: Text


class _Run(Response):
    id: Id
    event: Text
    head_branch: str | None  # the fork is gone
    head_sha: Sha
    head_repository: _Repository | None  # the fork is gone


@dataclass(frozen=True, kw_only=True)
class FoundLedgers:
    """The ledgers, newest first, each with its artifact's id; and what a user should know.

    `newer`: one was written by a newer FlowJoy, so nothing may be uploaded that would bury it. `whole`: False where
    there is another one that could not be read today, and may be tomorrow.
    """

    ledgers: tuple[tuple[int, Bundle], ...] = ()
    notes: tuple[str, ...] = field(default=())
    newer: bool = False
    whole: bool = True


def read(query: HarvestQuery, github: GitHubApi) -> FoundLedgers:
    """Read the ledgers. HarvestError when GitHub does not answer; what is no ledger is passed over, with a note."""
    notes: list[str] = []
    name = query.default_branch
    branch = None if name is None else DefaultBranch(github=github, name=name, commit=query.default_commit)
    held: list[tuple[int, Bundle]] = []
    remembered = tried = 0
    whole = True
    for artifact, shas in _as_far_as_can_be_seen(_candidates(github, query, notes), held):
        number = artifact.id
        if number <= remembered:
            break
        if branch is None:
            raise HarvestError("the default branch is not known, so no earlier run can be trusted", hint="run again")
        if tried == MOST_LEDGERS:
            notes.append(f"more than {MOST_LEDGERS} runs at once: artifact {number} and older ones are not read")
            break
        try:
            untrusted = distrust(run_of(artifact, github), query.repository, branch, shas)
            if untrusted is not None:
                notes.append(f"artifact {number} is ignored: {untrusted}")
                continue
            tried += 1
            bundle = _opened(content_of(github, artifact), query)
        except NewerBundleError as problem:
            return FoundLedgers(notes=(f"artifact {number} is not read: {problem}; update the action",), newer=True)
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
    return FoundLedgers(ledgers=tuple(held), notes=tuple(notes), whole=whole)


_Candidates = Iterator[tuple[Artifact, list[str]]]


class FloodError(HarvestError):
    """There are more artifacts than can be looked at."""


def _as_far_as_can_be_seen(candidates: _Candidates, held: list[Any]) -> _Candidates:
    """What lies behind a flood is not looked at, once a ledger was found before it; else there is no telling."""
    try:
        yield from candidates
    except FloodError:
        if not held:
            raise


def _candidates(github: GitHubApi, query: HarvestQuery, notes: list[str]) -> _Candidates:
    """The artifacts of our name that a run of this repository made, newest first, page by page, with their commits.

    FloodError where there are too many to look at.
    """
    name = query.settings.artifact_name
    forks, fork_note = 0, ""
    looked_up = {True: 0, False: 0}
    for page in range(1, MOST_PAGES + 1):
        listed = github.get("/actions/artifacts", reader(Artifacts), name=name, per_page=PER_PAGE, page=page)
        newest = sorted(listed.artifacts, key=lambda item: -item.id)
        shas = [item.workflow_run.head_sha for item in newest][:MOST_LOOKED_UP]
        for item in newest:
            run = item.workflow_run
            if item.name != name or item.expired:
                continue
            if run.head_repository_id != run.repository_id:
                forks += 1
                if fork_note in notes:
                    notes.remove(fork_note)
                fork_note = f"{plural(forks, 'artifact')} of this name ignored: from forks"
                notes.append(fork_note)
                continue
            on_default = run.head_branch == query.default_branch
            looked_up[on_default] += 1
            if looked_up[on_default] <= MOST_LOOKED_UP:
                yield item, shas
        if page * PER_PAGE >= listed.total_count:
            break
        if not listed.artifacts:
            raise HarvestError("GitHub artifacts: the list ends before all of them", hint="run again")
    else:
        raise FloodError(f"more than {MOST_PAGES * PER_PAGE} artifacts are named {name!r}", hint="set artifact-name")
    if max(looked_up.values()) > MOST_LOOKED_UP:
        raise FloodError(
            f"more than {MOST_LOOKED_UP} artifacts named {name!r} are of untrusted runs", hint="set artifact-name"
        )


def run_of(artifact: Artifact, github: GitHubApi) -> _Run:
    """Return the run that made the artifact. Raise HarvestError when GitHub does not answer."""
    number = artifact.workflow_run.id

    def check(answer: Any) -> _Run:
        run = read_answer(_Run, answer)
        if run.id != number:
            raise MalformedAnswerError("the answer is not the run that was asked for")
        return run

    return github.get(f"/actions/runs/{number}", check)


def distrust(run: _Run, repository: str, branch: DefaultBranch, others: Sequence[str]) -> str | None:
    """Return why what this run made is not believed; None when it is. `others`: commits that may be asked for next."""
    if run.head_repository is None or run.head_repository.full_name.lower() != repository.lower():
        return "its run is of another repository"
    if run.event not in TRUSTED_EVENTS:
        return f"its run is of the event {run.event} on {run.head_branch}"
    if not branch.holds(run.head_sha, *others):
        return f"its run is of the event {run.event} on {run.head_branch}, and its commit is not on {branch.name}"
    named = str(run.head_branch)
    if run.event == "push" and named != branch.name and not branch.is_tag(named):
        return f"its run is of the event push on {run.head_branch}, which is not a tag"
    return None


def content_of(github: GitHubApi, artifact: Artifact) -> bytes:
    """Return the zip of an artifact. Raise BundleError for one that is too large or not what was uploaded."""
    if artifact.size_in_bytes > LARGEST_BYTES:
        raise BundleError(f"it is larger than {LARGEST_BYTES >> 20} MB")
    address = github.redirect_of(f"/actions/artifacts/{artifact.id}/zip")
    for _ in range(2):
        content = signed_urls.get(address, f"artifact {artifact.id}", github.transport)
        if zipfile.is_zipfile(io.BytesIO(content)) and _has_digest(content, artifact.digest):
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


def _opened(content: bytes, query: HarvestQuery) -> Bundle:
    bundle = bundle_in(content)
    refused = why_not(bundle, service=query.settings.service, repository=query.repository, now=query.now)
    if refused is not None:
        raise BundleError(refused)
    return bundle


def bundle_in(content: bytes) -> Bundle:
    """Return the bundle in the zip, which is never unpacked to disk. Raise BundleError unless it is a report's."""
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
    return from_json(raw)
