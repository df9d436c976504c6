"""Artifacts of earlier runs: the run that made one, and the bundle in it, read in memory.

The artifacts of forks and pull requests are listed among the repository's own. An artifact is trusted by its run, never
by its name.
"""

from __future__ import annotations

import io
import zipfile
from hashlib import sha256
from typing import Any

from flowjoy.actions.trusted_runs import EarlierRun
from flowjoy.clients import signed_urls
from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.github import GitHubApi
from flowjoy.clients.responses import Count, Id, Many, Response, Sha, Text, read
from flowjoy.clients.signed_urls import LARGEST_BYTES
from flowjoy.domain.bundle import BUNDLE_FILE, REPORT_FILES, Bundle
from flowjoy.errors import BundleError
from flowjoy.ledger.bundle_format import from_json

MAX_DIRECTORY_BYTES = 4096
MAX_VALUES = 1_000_000
"""Objects and lists in a bundle: they take a hundred times more memory than bytes in the file."""


TOO_LARGE = f"it is larger than {LARGEST_BYTES >> 20} MB"


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

    @property
    def is_own(self) -> bool:
        """Whether a run of this repository made it, not one of a fork."""
        return self.workflow_run.head_repository_id == self.workflow_run.repository_id


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


def run_of(artifact: Artifact, github: GitHubApi) -> EarlierRun:
    """Return the run that made the artifact. Raise HarvestError when GitHub does not answer."""
    number = artifact.workflow_run.id

    def check(answer: Any) -> _Run:
        run = read(_Run, answer)
        if run.id != number:
            raise MalformedAnswerError("the answer is not the run that was asked for")
        return run

    run = github.get(f"/actions/runs/{number}", check)
    repository = None if run.head_repository is None else run.head_repository.full_name
    return EarlierRun(event=run.event, repository=repository, branch=run.head_branch, sha=run.head_sha)


def content_of(github: GitHubApi, artifact: Artifact) -> bytes:
    """Return the zip of an artifact. Raise BundleError for one that is too large or not what was uploaded."""
    if artifact.size_in_bytes > LARGEST_BYTES:
        raise BundleError(TOO_LARGE)
    address = github.redirect_of(f"/actions/artifacts/{artifact.id}/zip")
    for _ in range(2):
        content = signed_urls.get(address, f"artifact {artifact.id}", github.transport)
        if zipfile.is_zipfile(io.BytesIO(content)) and _has_digest(content, artifact.digest):
            return content
    if zipfile.is_zipfile(io.BytesIO(content)):
        raise BundleError("its bytes do not have the digest that GitHub lists")
    raise BundleError("its content is not a complete zip")


def _has_digest(content: bytes, listed: str | None) -> bool:
    """Return whether the bytes are those that were uploaded; older GitHub Enterprise Servers list no digest."""
    return listed is None or listed.lower() == f"sha256:{sha256(content).hexdigest()}"


def _refuse_a_long_directory(content: bytes) -> None:
    """Raise BundleError for a directory that zipfile would read in full: its size is in the last record."""
    end = content.rfind(b"PK\x05\x06")
    size = int.from_bytes(content[end + 12 : end + 16], "little")
    if end < 0 or size > MAX_DIRECTORY_BYTES:
        raise BundleError("it does not hold exactly the files of a report")


def bundle_in(content: bytes) -> Bundle:
    """Return the bundle in the zip. Raise BundleError unless it is a report's."""
    return from_json(bundle_bytes_in(content))


def bundle_bytes_in(content: bytes) -> bytes:
    """Return the JSON in the zip, which is never unpacked to disk. Raise BundleError unless it is a report's."""
    try:
        _refuse_a_long_directory(content)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            if len(set(names)) != len(names) or BUNDLE_FILE not in names or not REPORT_FILES.issuperset(names):
                raise BundleError("it does not hold exactly the files of a report")
            entry = archive.getinfo(BUNDLE_FILE)
            if entry.file_size > LARGEST_BYTES:
                raise BundleError(f"its bundle is larger than {LARGEST_BYTES >> 20} MB")
            # Python unpacks a block of any other method before it counts: 921 bytes of bzip2 become 2 GB.
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise BundleError("its bundle is packed in a way that FlowJoy never packs")
            with archive.open(BUNDLE_FILE) as file:
                # One byte more than is allowed: the size that the zip declares may be wrong.
                raw = file.read(LARGEST_BYTES + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as problem:
        raise BundleError(f"it is not a zip that can be read ({type(problem).__name__})") from None
    refuse_a_large_bundle(raw)
    return raw


def refuse_a_large_bundle(raw: bytes) -> None:
    """Raise BundleError for JSON that is larger, or has more values, than any that FlowJoy writes."""
    if len(raw) > LARGEST_BYTES or raw.count(b"{") + raw.count(b"[") > MAX_VALUES:
        raise BundleError("its bundle is larger than any that FlowJoy writes")
