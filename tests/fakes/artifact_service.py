"""The artifact service of a runner on loopback: Twirp calls, and the signed addresses of its blob host.

Refuses what the real one refuses: a wrong token, a second artifact of one name, blocks that were never sent, a size or
hash that is not that of the blob. What is finished is listed by the GitHub stand-in, if there is one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.fakes.github_state import Repository
from tests.fakes.http_base import Answer, Request, StandIn

_METHOD = re.compile(r"/twirp/github\.actions\.results\.api\.v1\.ArtifactService/(\w+)")
_JOB = "job-7"


def runtime_token(run_id: int, *, scope: str = "Actions.Results:{run}:{job}") -> str:
    """The token of a job of that run: three parts, the middle one with the scope; nobody checks the third."""
    claims = {"scp": f"Actions.ExampleScope {scope.format(run=f'run-{run_id}', job=_JOB)}", "aud": "artifacts"}
    parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "canary-signature"])


@dataclass(kw_only=True)
class Upload:
    """One artifact from its creation on. `content` is None until its blocks were put together."""

    number: int
    run: str
    name: str
    expires_at: str
    blocks: dict[str, bytes] = field(default_factory=dict)
    content: bytes | None = None
    content_type: str = ""
    finished: bool = False


class ArtifactServiceStandIn(StandIn):
    """Knows the runs of `repository`; artifacts of others are kept, and listed nowhere."""

    def __init__(self, repository: Repository | None = None) -> None:
        self.repository = repository
        self.uploads: list[Upload] = []
        self.clock = datetime.now(UTC)
        """When what is uploaded was made."""
        super().__init__()

    def named(self, name: str) -> Upload:
        """The one finished artifact of that name."""
        (result,) = [upload for upload in self.uploads if upload.name == name and upload.finished]
        return result

    def answer(self, request: Request) -> Answer:
        if request.path.startswith("/upload/"):
            return self._blob(request)
        method = _METHOD.fullmatch(request.path)
        if method is None or request.method != "POST":
            return _refusal(404, "bad_route", f"no handler for {request.path}")
        try:
            claims = json.loads(base64.urlsafe_b64decode(request.headers["authorization"].split(".")[1] + "=="))
            scope = claims["scp"].split("Actions.Results:")[1]
        except (KeyError, IndexError, ValueError):
            return _refusal(401, "unauthenticated", "token is missing or no token")
        asked = request.json()
        if scope != f"{asked.get('workflow_run_backend_id')}:{asked.get('workflow_job_run_backend_id')}":
            return _refusal(403, "permission_denied", "the ids are not those of the token")
        handler = {
            "CreateArtifact": self._create,
            "FinalizeArtifact": self._finalize,
            "ListArtifacts": self._list,
            "DeleteArtifact": self._delete,
        }.get(method[1])
        return handler(asked) if handler else _refusal(404, "bad_route", method[1])

    def _of_run(self, asked: dict[str, Any]) -> list[Upload]:
        return [upload for upload in self.uploads if upload.run == asked["workflow_run_backend_id"]]

    def _create(self, asked: dict[str, Any]) -> Answer:
        if asked.get("version") != 4 or not asked.get("name"):
            return _refusal(400, "invalid_argument", "version and name are needed")
        if any(upload.name == asked["name"] for upload in self._of_run(asked)):
            return _refusal(409, "already_exists", "an artifact with this name already exists on the workflow run")
        number = 9000 + len(self.uploads)
        run = asked["workflow_run_backend_id"]
        upload = Upload(number=number, run=run, name=asked["name"], expires_at=asked.get("expires_at", ""))
        self.uploads.append(upload)
        return Answer(200, {"ok": True, "signed_upload_url": f"{self.url}/upload/{number}?sig=canary-sig-{number}"})

    def _blob(self, request: Request) -> Answer:
        """Azure's block blobs: blocks by id, then the list of those that make the blob."""
        if "authorization" in request.headers:
            return Answer(400, b"<Error><Code>InvalidAuthenticationInfo</Code></Error>")
        number, query = int(request.path.removeprefix("/upload/")), request.query
        upload = next((item for item in self.uploads if item.number == number), None)
        if upload is None or query.get("sig") != f"canary-sig-{number}":
            return Answer(403, b"<Error><Code>AuthenticationFailed</Code></Error>")
        if query.get("comp") == "block":
            upload.blocks[query["blockid"]] = request.body
            return Answer(201)
        if query.get("comp") == "blocklist":
            ids = re.findall(r"<Latest>([^<]+)</Latest>", request.body.decode())
            if any(block not in upload.blocks for block in ids) or len({len(block) for block in ids}) > 1:
                return Answer(400, b"<Error><Code>InvalidBlockList</Code></Error>")
            upload.content = b"".join(upload.blocks[block] for block in ids)
            upload.content_type = request.headers.get("x-ms-blob-content-type", "")
            return Answer(201)
        return Answer(400, b"<Error><Code>InvalidQueryParameterValue</Code></Error>")

    def _finalize(self, asked: dict[str, Any]) -> Answer:
        upload = next((item for item in self._of_run(asked) if item.name == asked["name"]), None)
        if upload is None or upload.content is None:
            return _refusal(404, "not_found", "no such artifact, or nothing was uploaded")
        digest = f"sha256:{hashlib.sha256(upload.content).hexdigest()}"
        if asked.get("size") != str(len(upload.content)) or asked.get("hash") != digest:
            return _refusal(400, "invalid_argument", "size or hash is not that of the blob")
        upload.finished = True
        number = upload.number
        run = int(upload.run.removeprefix("run-"))
        if self.repository is not None and run in self.repository.runs:
            number = self.repository.add_artifact(
                run_id=run, name=upload.name, content=upload.content, created_at=self.clock
            )
        return Answer(200, {"ok": True, "artifactId": str(number)})

    def _list(self, asked: dict[str, Any]) -> Answer:
        wanted = asked.get("name_filter")
        result = [item for item in self._of_run(asked) if wanted in (None, item.name)]
        return Answer(200, {"artifacts": [{"name": item.name, "database_id": str(item.number)} for item in result]})

    def _delete(self, asked: dict[str, Any]) -> Answer:
        result = [item for item in self._of_run(asked) if item.name == asked.get("name")]
        if not result:
            return _refusal(404, "not_found", "no such artifact")
        self.uploads = [item for item in self.uploads if item not in result]
        if self.repository is not None:
            listed = self.repository.artifacts
            gone = [
                key
                for key, item in listed.items()
                if (f"run-{item.run.id}", item.name) == (result[0].run, result[0].name)
            ]
            for number in gone:
                del listed[number]
        return Answer(200, {"ok": True, "artifact_id": str(result[0].number)})


def _refusal(status: int, code: str, words: str) -> Answer:
    return Answer(status, {"code": code, "msg": words})
