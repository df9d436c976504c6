"""GitHub's API through PyGithub: one try a request, no throttling, and errors that say what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import unquote

from flowjoy.clients import http
from flowjoy.clients.faults import Fault, HttpError, MalformedAnswerError, Service
from flowjoy.clients.responses import Connection, Response, Text
from flowjoy.clients.signed_urls import check_host
from flowjoy.clients.transport import Transport
from flowjoy.domain.secret import Secret
from flowjoy.errors import FaultKind, HarvestError

PER_PAGE = 100
_T = TypeVar("_T")
Check = Callable[[Any], _T]
"""Returns a raw answer as a typed value; raises MalformedAnswerError if it is not what the API promises."""

_GITHUB = Service(
    name="GitHub",
    hints={
        FaultKind.AUTH: "check github-token",
        FaultKind.PERMISSION: "give the job `permissions:` contents, deployments, actions: read; "
        "checks, pull-requests: write",
        FaultKind.MISSING: "check GITHUB_REPOSITORY, workflow and the token's permissions",
        FaultKind.OUTAGE: "see githubstatus.com",
    },
)


class Repository(Response):
    """The repository itself."""

    default_branch: Text
    private: bool


class GitHubApi:
    """GitHub's REST and GraphQL API for one repository. Raises HarvestError; never returns a partial answer."""

    def __init__(self, *, repository: str, token: Secret, api_url: str, graphql_url: str, transport: Transport) -> None:
        self.repository = repository
        self.transport = transport
        self._token, self._api_url, self._graphql_url = token, api_url, graphql_url
        self._idle: list[Any] = []

    def within(self, transport: Transport) -> GitHubApi:
        """Return the same client with a budget of its own."""
        return self._other(self.repository, transport)

    def of(self, repository: str) -> GitHubApi:
        """Return the same client for another repository."""
        return self._other(repository, self.transport)

    def _other(self, repository: str, transport: Transport) -> GitHubApi:
        return GitHubApi(
            repository=repository,
            token=self._token,
            api_url=self._api_url,
            graphql_url=self._graphql_url,
            transport=transport,
        )

    def _ask(self, verb: str, url: str, **content: Any) -> Any:
        """Send one request. A requester serves one at a time: an abandoned request may still use its own."""
        try:
            requester = self._idle.pop()
        except IndexError:
            requester = self._requester()
        _, answer = requester.requestJsonAndCheck(verb, url, **content)
        self._idle.append(requester)
        return answer

    def _requester(self) -> Any:
        from github import Auth, Github

        client = Github(
            auth=Auth.Token(self._token.reveal()),
            base_url=self._api_url,
            per_page=PER_PAGE,
            retry=None,  # the transport repeats, within the budget
            timeout=int(self.transport.budget.left()) or 1,
            seconds_between_requests=0,
            seconds_between_writes=0,
            lazy=True,
        )
        return client.requester

    def get(self, path: str, check: Check[_T], **parameters: str | int) -> _T:
        """GET `/repos/{repository}{path}`."""
        what = f"GitHub {unquote(path) or 'repository'}"
        return self.transport.call(what, self._getting(f"/repos/{self.repository}{path}", check, parameters), explain)

    def get_path(self, path: str, check: Check[_T], **parameters: str | int) -> _T:
        """GET a path that belongs to no repository."""
        return self.transport.call(f"GitHub {path}", self._getting(path, check, parameters), explain)

    def _getting(self, path: str, check: Check[_T], parameters: Mapping[str, str | int]) -> Callable[[], _T]:
        return lambda: check(self._ask("GET", path, parameters=dict(parameters)))

    def redirect_of(self, path: str) -> str:
        """Return where GET `/repos/{repository}{path}` redirects to, without following: it must not get the token."""

        def request() -> str:
            headers = {"Authorization": f"Bearer {self._token.reveal()}", "Accept": "application/vnd.github+json"}
            url = f"{self._api_url}/repos/{self.repository}{path}"
            return str(http.request("GET", url, expected=302, headers=headers).headers.get("Location", ""))

        return check_host(self.transport.call(f"GitHub {path}", request, explain), self._api_url)

    def send(self, verb: str, path: str, body: Mapping[str, Any], check: Check[_T]) -> _T:
        """Send a POST or PATCH to `/repos/{repository}{path}`."""
        return self.send_to(lambda: (verb, path, body), check)

    def send_to(self, locate: Callable[[], tuple[str, str, Mapping[str, Any]]], check: Check[_T]) -> _T:
        """Send a request whose verb, path and body are determined before each try, so that nothing is created twice."""
        for last in (False, True):
            verb, path, body = locate()
            try:
                return self._send_once(verb, path, body, check)
            except HarvestError as problem:
                if last or not problem.is_transient:
                    raise
        raise AssertionError("the last try either returns or raises")

    def _send_once(self, verb: str, path: str, body: Mapping[str, Any], check: Check[_T]) -> _T:
        def request() -> _T:
            return check(self._ask(verb, f"/repos/{self.repository}{path}", input=dict(body)))

        tries = 1 if verb == "POST" else None
        return self.transport.call(f"GitHub {verb} {path}", request, explain, tries=tries)

    def graphql(self, what: str, query: str, check: Check[_T], root: str = "repository", **variables: Any) -> _T:
        """Send one GraphQL query; `$owner` and `$name` are set. `check` gets `data.<root>`, or all of `data`."""
        owner, _, name = self.repository.partition("/")
        if root == "repository":
            variables |= {"owner": owner, "name": name}

        def request() -> _T:
            answer = self._ask("POST", self._graphql_url, input={"query": query, "variables": variables})
            return check(_data_of(answer, root))

        return self.transport.call(f"GitHub {what}", request, explain)


def every_page(
    what: str,
    read: Callable[[str | None], Connection[_T]],
    key: Callable[[_T], object],
    *,
    minimum: int = 0,
    enough: Callable[[Connection[_T]], bool] = lambda _: False,
) -> tuple[_T, ...]:
    """Return the nodes of a connection, each `key` once, up to the first page that is `enough`.

    Raise HarvestError if the list has no end, or fewer nodes than `minimum` or than its first page counts. New nodes
    are inserted before the first page, so they move nothing.
    """
    nodes: dict[object, _T] = {}
    cursor: str | None = None
    count = minimum
    while True:
        page = read(cursor)
        cursor = page.cursor
        count = count if nodes else max(minimum, page.total_count)
        known = len(nodes)
        nodes.update({key(node): node for node in page.nodes})
        if cursor is None and len(nodes) < count:
            raise HarvestError(f"{what}: the list ends after {len(nodes)} of {count}", hint="run again")
        if cursor is None or enough(page):
            return tuple(nodes.values())
        if len(nodes) == known:
            raise HarvestError(f"{what}: the list repeats itself without an end", hint="run again")


def _data_of(answer: Any, root: str) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise MalformedAnswerError("the answer is empty")
    if answer.get("errors"):
        raise GraphQLError(answer["errors"])
    data = answer.get("data")
    value = data.get(root) if isinstance(data, dict) and root else data
    if not isinstance(value, dict):
        raise MalformedAnswerError(f"the answer does not contain the {root or 'data'}")
    return value


class GraphQLError(Exception):
    """An answer of GraphQL with `errors`; its status is 200."""

    def __init__(self, errors: Any) -> None:
        known = [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
        self.types = {str(error.get("type", "")) for error in known}
        super().__init__("; ".join(str(error.get("message", ""))[:200] for error in known) or "no message")


def explain(problem: Exception) -> Fault | None:
    """Return the fault behind an exception of PyGithub or an error of GraphQL, None for any other exception."""
    from github import GithubException

    if isinstance(problem, GraphQLError):
        return _explain_graphql(problem)
    if isinstance(problem, GithubException):
        message = problem.data.get("message") if isinstance(problem.data, dict) else None
        return _GITHUB.fault_of(HttpError(problem.status, problem.headers or {}, str(message or "")))
    if isinstance(problem, RuntimeError | AssertionError):  # PyGithub on a redirect to another host
        text = "GitHub's API redirects to another address"
        return Fault(kind=FaultKind.REFUSED, problem=text, hint="check GITHUB_API_URL")
    return _GITHUB.explain(problem)


def _explain_graphql(error: GraphQLError) -> Fault:
    if "NOT_FOUND" in error.types:
        return _GITHUB.fault(FaultKind.MISSING, "NOT_FOUND")
    if "RATE_LIMITED" in error.types or "RATE_LIMIT" in error.types:
        text = "the token's rate limit is used up"
        return Fault(kind=FaultKind.QUOTA, problem=text, hint="run again after the limit resets")
    if "FORBIDDEN" in error.types or "INSUFFICIENT_SCOPES" in error.types or "not accessible" in str(error):
        return _GITHUB.fault(FaultKind.PERMISSION, str(error))
    # An error without a type is one of GitHub's own, such as a query that took too long.
    kind = FaultKind.REFUSED if error.types - {""} else FaultKind.OUTAGE
    return Fault(kind=kind, problem=f"GitHub refused the query ({error})")
