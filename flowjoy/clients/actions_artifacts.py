"""The artifact service of a workflow's runner, version 4 of its protocol.

It does not accept the workflow's token: the runner gives a container action a token for this job only.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
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

TRIES = 5
_T = TypeVar("_T")
_API = "twirp/github.actions.results.api.v1.ArtifactService"
_SERVICE = Service(
    name="the service",
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

    def create(self, name: str, *, expires_at: datetime) -> str:
        """Create the artifact, in the place of one of this name, and return the signed URL for its content."""
        wanted = {**self._ids, "name": name, "version": 4, "expires_at": iso(expires_at)}
        try:
            created = self._ask("CreateArtifact", wanted, _Created)
        except HarvestError as problem:
            if problem.kind is not FaultKind.CONFLICT:
                raise
            self._delete(name)
            created = self._ask("CreateArtifact", wanted, _Created)
        return signed_urls.check_host(created.signed_upload_url, self.address)

    def finalize(self, name: str, *, size_bytes: int, sha256: str) -> int:
        """Complete the artifact after its content was uploaded, and return its id."""
        wanted = {**self._ids, "name": name, "size": str(size_bytes), "hash": f"sha256:{sha256}"}
        return self._ask("FinalizeArtifact", wanted, _Finalized).artifact_id

    def _delete(self, name: str) -> None:
        """Delete the artifact of this name that an earlier attempt or another step of this run uploaded."""
        listed = self._ask("ListArtifacts", {**self._ids, "name_filter": name}, _List)
        if name in (artifact.name for artifact in listed.artifacts):
            self._ask("DeleteArtifact", {**self._ids, "name": name}, _Done)

    @property
    def _ids(self) -> dict[str, str]:
        run, job = backend_ids(self.token)
        return {"workflow_run_backend_id": run, "workflow_job_run_backend_id": job}

    def _ask(self, method: str, body: Mapping[str, Any], kind: type[_T]) -> _T:
        origin = urlsplit(self.address)
        url = f"{origin.scheme}://{origin.netloc}/{_API}/{method}"
        headers = {"Authorization": f"Bearer {self.token.reveal()}", "Content-Type": "application/json"}

        def request() -> _T:
            answer = http.request("POST", url, message_key="msg", data=json.dumps(dict(body)), headers=headers)
            return read(kind, answer.json())

        return self.transport.call(f"artifact service, {method}", request, _explain, tries=TRIES)


def backend_ids(token: Secret) -> tuple[str, str]:
    """Return the run's and the job's ids at the service, from the token's scope. Raise HarvestError without one."""
    try:
        claims = token.reveal().split(".")[1]
        scope = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["scp"]
        run, job = next(item for item in scope.split(" ") if item.startswith("Actions.Results:")).split(":")[1:3]
    except (IndexError, KeyError, TypeError, AttributeError, ValueError, StopIteration, binascii.Error):
        raise HarvestError("the runner's token does not allow to upload an artifact") from None
    return run, job


def _explain(problem: Exception) -> Fault | None:
    if isinstance(problem, HttpError) and "insufficient usage" in problem.message.lower():
        hint = "free storage in the account's settings or lower retention-days; GitHub counts every few hours"
        return Fault(kind=FaultKind.QUOTA, problem="the account's storage for artifacts is used up", hint=hint)
    return _SERVICE.explain(problem)
