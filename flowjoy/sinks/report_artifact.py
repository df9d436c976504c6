"""The report's files as one artifact of the run, by the protocol of the runner's artifact service (version 4).

Knows the service and the zip, nothing of what is in the files. The workflow's token is of no use here: a container
action gets a token of its own for this service, good for this one job.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flowjoy.clients import signed_urls
from flowjoy.clients.transport import Fault, MalformedAnswerError, Transport
from flowjoy.domain.secret import Secret
from flowjoy.domain.timestamps import iso
from flowjoy.errors import HarvestError

BLOCK_BYTES = 8 << 20
_TRIES = 5
_SLICE = 1 << 20
_T = TypeVar("_T")
_SERVICE = "twirp/github.actions.results.api.v1.ArtifactService"


class ServiceRefusalError(Exception):
    """The artifact service answered with an error: its HTTP status and its words."""

    def __init__(self, status: int, said: str) -> None:
        self.status, self.said = status, said
        super().__init__(said)


@dataclass(frozen=True, kw_only=True)
class ArtifactService:
    """The service of one job. `address`: `ACTIONS_RESULTS_URL`; `token`: `ACTIONS_RUNTIME_TOKEN`."""

    address: str
    token: Secret
    transport: Transport

    def upload(self, name: str, files: Mapping[str, Path], *, made_at: datetime, expires_at: datetime) -> int:
        """Upload `files` (name in the zip → path) as the artifact `name`; gives its id. Replaces one of this run.

        Raises HarvestError, with what to do, when the service does not take it.
        """
        run, job = backend_ids(self.token)
        ids = {"workflow_run_backend_id": run, "workflow_job_run_backend_id": job}
        address = self._create({**ids, "name": name, "version": 4, "expires_at": iso(expires_at)})
        digest, size, blocks = hashlib.sha256(), 0, []
        for number, block in enumerate(zipped(files, made_at)):
            blocks.append(base64.b64encode(f"flowjoy-{number:06d}".encode()).decode())  # all of one length
            self._put(address, block, {"comp": "block", "blockid": blocks[-1]}, {})
            digest.update(block)
            size += len(block)
        listed = "".join(f"<Latest>{block}</Latest>" for block in blocks)
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'.encode()
        self._put(address, body, {"comp": "blocklist"}, {"x-ms-blob-content-type": "zip"})
        finished = {**ids, "name": name, "size": str(size), "hash": f"sha256:{digest.hexdigest()}"}
        return self._ask("FinalizeArtifact", finished, _artifact_id)

    def _create(self, wanted: Mapping[str, Any]) -> str:
        try:
            address = self._ask("CreateArtifact", wanted, _upload_address)
        except AlreadyThereError:
            self._delete(wanted)
            address = self._ask("CreateArtifact", wanted, _upload_address)
        return signed_urls.check_host(address, self.address)

    def _delete(self, wanted: Mapping[str, Any]) -> None:
        """Remove the artifact of this name that an earlier attempt, or another step of this run, left."""
        ids = {key: value for key, value in wanted.items() if key.endswith("_id")}
        found = self._ask("ListArtifacts", {**ids, "name_filter": wanted["name"]}, _listed)
        if wanted["name"] in found:
            self._ask("DeleteArtifact", {**ids, "name": wanted["name"]}, _fine)

    def _put(self, address: str, body: bytes, parameters: Mapping[str, str], headers: Mapping[str, str]) -> None:
        signed_urls.put(
            address,
            body,
            parameters=parameters,
            headers=headers,
            what="artifact blob",
            transport=self.transport,
            tries=_TRIES,
        )

    def _ask(self, method: str, body: Mapping[str, Any], check: Callable[[Mapping[str, Any]], _T]) -> _T:
        """One call. Both spellings of a key are accepted in answers, as the official client does."""
        origin = urlsplit(self.address)
        headers = {"Authorization": f"Bearer {self.token.reveal()}", "Content-Type": "application/json"}

        def request() -> _T:
            with signed_urls.plain_session() as session:
                answer = session.post(
                    f"{origin.scheme}://{origin.netloc}/{_SERVICE}/{method}",
                    data=json.dumps(dict(body)),
                    headers=headers,
                    allow_redirects=False,
                    timeout=(4, 8),
                )
            if answer.status_code != 200:
                raise ServiceRefusalError(answer.status_code, _words(answer.text))
            held = answer.json()
            if not isinstance(held, dict):
                raise MalformedAnswerError("the answer is no object")
            return check({_snake(str(key)): value for key, value in held.items()})

        return self.transport.call(f"artifact service, {method}", request, _explain, tries=_TRIES)


class AlreadyThereError(HarvestError):
    """The run has an artifact of this name."""


def backend_ids(token: Secret) -> tuple[str, str]:
    """The run's and the job's ids for the service, from the token's scope. HarvestError when it has none."""
    try:
        claims = token.reveal().split(".")[1]
        scope = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["scp"]
        run, job = next(item for item in scope.split(" ") if item.startswith("Actions.Results:")).split(":")[1:3]
    except (IndexError, KeyError, TypeError, AttributeError, ValueError, StopIteration, binascii.Error):
        raise HarvestError("the runner's token does not allow to upload an artifact") from None
    return run, job


def expiry(now: datetime, wished_days: int, most_days: int | None) -> datetime:
    """When the artifact is to be deleted: as wished, but no later than the repository allows."""
    return now + timedelta(days=wished_days if most_days is None else min(wished_days, most_days))


def zipped(files: Mapping[str, Path], made_at: datetime) -> Iterator[bytes]:
    """A zip of the files in blocks of BLOCK_BYTES, the last one smaller; no more than a block and a bit is held."""
    sink = _Unseekable()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            entry = zipfile.ZipInfo(name, made_at.timetuple()[:6])
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            with path.open("rb") as source, archive.open(entry, "w") as target:
                while part := source.read(_SLICE):
                    target.write(part)
                    yield from sink.whole_blocks()
            yield from sink.whole_blocks()
    yield from sink.whole_blocks()
    if sink.held:
        yield bytes(sink.held)


class _Unseekable(io.RawIOBase):
    """What a zip is written to when it is to be sent on at once."""

    def __init__(self) -> None:
        self.held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self.held += part
        return len(part)

    def whole_blocks(self) -> Iterator[bytes]:
        while len(self.held) >= BLOCK_BYTES:
            yield bytes(self.held[:BLOCK_BYTES])
            del self.held[:BLOCK_BYTES]


def _explain(problem: Exception) -> Fault | None:
    if not isinstance(problem, ServiceRefusalError):
        return None
    if "insufficient usage" in problem.said.lower():
        hint = "free storage in the account's settings or lower retention-days; GitHub counts every few hours"
        return Fault(problem="the account's storage for artifacts is used up", hint=hint)
    if problem.status == 409:
        return Fault(problem="the run has an artifact of this name", hint="set artifact-name", error=AlreadyThereError)
    if problem.status in (401, 403):
        return Fault(problem=f"the service refused the runner's token ({problem.status})", hint="run again")
    passing = problem.status >= 500 or problem.status in (408, 429)
    return Fault(problem=f"the service answered {problem.status} ({problem.said})", passing=passing)


def _words(text: str) -> str:
    try:
        said = json.loads(text)["msg"]
    except (ValueError, KeyError, TypeError, RecursionError):
        said = ""
    return str(said)[:200] or "no message"


def _snake(key: str) -> str:
    return "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in key)


def _upload_address(answer: Mapping[str, Any]) -> str:
    address = answer.get("signed_upload_url")
    if answer.get("ok") is not True or not isinstance(address, str):
        raise MalformedAnswerError("the service gives no address to upload to")
    return address


def _artifact_id(answer: Mapping[str, Any]) -> int:
    number = str(answer.get("artifact_id", ""))
    if answer.get("ok") is not True or not number.isdigit():
        raise MalformedAnswerError("the service does not say under which id it keeps the artifact")
    return int(number)


def _listed(answer: Mapping[str, Any]) -> set[str]:
    artifacts = answer.get("artifacts") or []
    if not isinstance(artifacts, list) or not all(isinstance(item, dict) for item in artifacts):
        raise MalformedAnswerError("the answer is not a list of artifacts")
    return {str(item.get("name")) for item in artifacts}


def _fine(answer: Mapping[str, Any]) -> None:
    if answer.get("ok") is not True:
        raise MalformedAnswerError("the service did not do it")
