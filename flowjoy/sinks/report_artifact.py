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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, AliasGenerator, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from flowjoy.clients import http, signed_urls
from flowjoy.clients.faults import Fault, HttpError, Service
from flowjoy.clients.responses import Many, Response, Text, read, refusal
from flowjoy.clients.transport import Transport
from flowjoy.domain.secret import Secret
from flowjoy.domain.timestamps import iso
from flowjoy.errors import FaultKind, HarvestError

BLOCK_BYTES = 8 << 20
_TRIES = 5
_SLICE = 1 << 20
_T = TypeVar("_T")
_API = "twirp/github.actions.results.api.v1.ArtifactService"
_SERVICE = Service(
    name="the service",
    credential="the runner's token",
    hints={
        FaultKind.AUTH: "run again",
        FaultKind.PERMISSION: "run again",
        FaultKind.CONFLICT: "set artifact-name",
        FaultKind.OUTAGE: "see githubstatus.com",
    },
)


def _is_true(value: bool) -> bool:  # noqa: FBT001  (a validator's own signature)
    if not value:
        raise refusal("is not true")
    return value


def _digits(value: object) -> int:
    if isinstance(value, bool) or not str(value).isdecimal():
        raise refusal("is not a number")
    return int(str(value))


class _Answer(Response):
    """An answer of the service, which spells keys in snake or camel case."""

    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=lambda name: AliasChoices(name, to_camel(name)))
    )


class _Done(_Answer):
    ok: Annotated[bool, AfterValidator(_is_true)]


class _Created(_Done):
    signed_upload_url: str


class _Finalized(_Done):
    artifact_id: Annotated[int, BeforeValidator(_digits)]


class _Listed(Response):
    name: Text


class _List(_Answer):
    artifacts: Many[_Listed] = ()


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
        return self._ask("FinalizeArtifact", finished, _Finalized).artifact_id

    def _create(self, wanted: Mapping[str, Any]) -> str:
        try:
            created = self._ask("CreateArtifact", wanted, _Created)
        except HarvestError as problem:
            if problem.kind is not FaultKind.CONFLICT:
                raise
            self._delete(wanted)
            created = self._ask("CreateArtifact", wanted, _Created)
        return signed_urls.check_host(created.signed_upload_url, self.address)

    def _delete(self, wanted: Mapping[str, Any]) -> None:
        """Delete the artifact of this name that an earlier attempt or another step of this run uploaded."""
        ids = {key: value for key, value in wanted.items() if key.endswith("_id")}
        existing = self._ask("ListArtifacts", {**ids, "name_filter": wanted["name"]}, _List)
        if wanted["name"] in (artifact.name for artifact in existing.artifacts):
            self._ask("DeleteArtifact", {**ids, "name": wanted["name"]}, _Done)

    def _put(self, url: str, body: bytes, parameters: Mapping[str, str], headers: Mapping[str, str]) -> None:
        signed_urls.put(url, body, parameters, headers, transport=self.transport, tries=_TRIES)

    def _ask(self, method: str, body: Mapping[str, Any], kind: type[_T]) -> _T:
        origin = urlsplit(self.address)
        url = f"{origin.scheme}://{origin.netloc}/{_API}/{method}"
        headers = {"Authorization": f"Bearer {self.token.reveal()}", "Content-Type": "application/json"}

        def request() -> _T:
            answer = http.request("POST", url, message_key="msg", data=json.dumps(dict(body)), headers=headers)
            return read(kind, answer.json())

        return self.transport.call(f"artifact service, {method}", request, _explain, tries=_TRIES)


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
    if isinstance(problem, HttpError) and "insufficient usage" in problem.message.lower():
        hint = "free storage in the account's settings or lower retention-days; GitHub counts every few hours"
        return Fault(kind=FaultKind.QUOTA, problem="the account's storage for artifacts is used up", hint=hint)
    return _SERVICE.explain(problem)
