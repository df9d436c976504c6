"""GitHub on loopback: REST at `/` and `/api/v3`, GraphQL at `/graphql` and `/api/graphql`, artifacts at `/blob`.

Refuses, redirects and forgets the way GitHub does; what it holds is `Repository`, which tests fill.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import urlencode

from tests.fakes.github_bodies import Bodies
from tests.fakes.github_rest import NOT_FOUND, Call, message
from tests.fakes.github_schema import execute
from tests.fakes.github_state import Attempt, Repository
from tests.fakes.http_base import Answer, Request, StandIn

__all__ = ["NOT_ACCESSIBLE", "Attempt", "GitHubStandIn", "Repository"]

NOT_ACCESSIBLE = message(403, "Resource not accessible by integration")
"""What a token without the permission gets, and every write from a fork's pull request: for `fail(…, fault=…)`."""


class GitHubStandIn(StandIn):
    """Holds the given repositories, or one empty `acme/shop`; with a `token`, refuses everyone else."""

    def __init__(self, *repositories: Repository, token: str | None = None) -> None:
        self.repositories = list(repositories) or [Repository()]
        self.token = token
        super().__init__()
        self.blob_url = self.url
        """Where artifact downloads are redirected to. A test may name another host."""

    @property
    def repository(self) -> Repository:
        """The first repository, mostly the only one."""
        return self.repositories[0]

    @property
    def graphql_url(self) -> str:
        return f"{self.url}/graphql"

    def answer(self, request: Request) -> Answer:
        if request.path.startswith("/blob/"):
            return self._blob(request)
        if not self._authorized(request):
            return message(401, "Bad credentials")
        if request.path in ("/graphql", "/api/graphql"):
            right = self._graphql(request)
        else:
            prefix = "/api/v3" if request.path.startswith("/api/v3/") else ""
            right = self._rest(request, prefix)
        return Answer(right.status, right.body, {**self._rate_headers(request), **right.headers})

    def _authorized(self, request: Request) -> bool:
        if self.token is None:
            return True
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            value = base64.b64decode(value).decode().partition(":")[2]
        return scheme.lower() in ("bearer", "token", "basic") and value == self.token

    def _rate_headers(self, request: Request) -> dict[str, str]:
        used = len(self.requests)
        resource = "graphql" if request.path.endswith("/graphql") else "core"
        rate = {
            "Resource": resource,
            "Limit": 5000,
            "Remaining": max(0, 5000 - used),
            "Used": used,
            "Reset": 1_893_456_000,
        }
        return {f"X-RateLimit-{key}": str(value) for key, value in rate.items()}

    def _graphql(self, request: Request) -> Answer:
        try:
            payload = request.json()
        except ValueError:
            return message(400, "Problems parsing JSON")
        query = payload.get("query")
        if request.method != "POST" or not isinstance(query, str):
            return Answer(200, {"errors": [{"message": "A query attribute must be specified and must be a string."}]})
        return Answer(200, execute(self.repositories, query, payload.get("variables"), payload.get("operationName")))

    def _blob(self, request: Request) -> Answer:
        """The host of signed URLs. It takes no second credential, as the real one does not."""
        if "authorization" in request.headers:
            return Answer(401, b"<Error><Code>InvalidAuthenticationInfo</Code></Error>")
        wanted = request.path.removeprefix("/blob/")
        for repo in self.repositories:
            for artifact in repo.artifacts.values():
                if f"{repo.id}/{artifact.id}" == wanted and request.query.get("sig"):
                    return Answer(200, artifact.content, {"Content-Type": "application/zip"})
        return Answer(403, b"<Error><Code>AuthenticationFailed</Code></Error>")

    def _installation(self, request: Request, prefix: str) -> Answer:
        """The repositories that the App of this token is installed in."""
        call = Call(self.blob_url, self.repository, request, f"{self.url}{prefix}")
        api = f"{self.url}{prefix}"
        return call.paged(self.repositories, lambda repo: Bodies(repo, api).repository(), under="repositories")

    def _rest(self, request: Request, prefix: str) -> Answer:
        path = request.path.removeprefix(prefix)
        if path == "/installation/repositories":
            return self._installation(request, prefix)
        index = re.fullmatch(r"/(?:repos/([^/]+/[^/]+)|repositories/(\d+))(/.*)?", path)
        if index is None:
            return NOT_FOUND
        name, number, rest = (index[1] or "").lower(), int(index[2] or 0), index[3] or ""
        for repo in self.repositories:
            if name in {n.lower() for n in repo.former_names}:
                moved = f"{self.url}{prefix}/repositories/{repo.id}{rest}"
                moved += "?" + urlencode(request.query) if request.query else ""
                return Answer(301, {"message": "Moved Permanently", "url": moved}, {"Location": moved})
            if repo.full_name.lower() == name or repo.id == number:
                return Call(self.blob_url, repo, request, f"{self.url}{prefix}").dispatch(rest)
        return NOT_FOUND
