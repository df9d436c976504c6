"""One GitHub request at a time, over HTTP: what is repeated, what is refused, and what never leaves for elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from flowjoy.clients import transport
from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.github import GitHubApi
from flowjoy.errors import FaultKind, HarvestError
from tests.fakes.faults import Drip, EmptyBody, Garbage, Redirect, Reset, Stall, Truncate
from tests.fakes.github import GitHubStandIn
from tests.fakes.http_base import Answer, Fault
from tests.unit.sources.asking import api_of

REFUSALS: list[tuple[Fault, FaultKind, str]] = [
    (Answer(401, {"message": "Bad credentials"}), FaultKind.AUTH, "github-token"),
    (Answer(403, {"message": "Resource not accessible by integration"}), FaultKind.PERMISSION, "permissions"),
    (Answer(404, {"message": "Not Found"}), FaultKind.MISSING, "GITHUB_REPOSITORY"),
    (Answer(200, {"errors": [{"type": "FORBIDDEN", "message": "x"}]}), FaultKind.PERMISSION, "permissions"),
    (Answer(200, {"errors": [{"type": "NOT_FOUND", "message": "x"}]}), FaultKind.MISSING, "GITHUB_REPOSITORY"),
    (Answer(200, {"errors": [{"type": "RATE_LIMITED", "message": "x"}]}), FaultKind.QUOTA, ""),
    (Answer(200, {"errors": [{"type": "SOMETHING", "message": "x"}]}), FaultKind.REFUSED, ""),
    (Redirect(301, "http://elsewhere.example/graphql"), FaultKind.REFUSED, "GITHUB_API_URL"),
    (Redirect(301, "https://127.0.0.1/graphql"), FaultKind.REFUSED, "GITHUB_API_URL"),
]
ODD: tuple[Any, ...] = ({}, [], None, "text", 0, {"data": None}, {"data": {"repository": None}})
PASSING: list[Fault] = [
    *(Answer(status) for status in (500, 502, 503, 504)),
    Answer(429, {"message": "slow down"}, {"Retry-After": "0"}),
    Answer(403, {"message": "You have exceeded a secondary rate limit"}, {"Retry-After": "0"}),
    Answer(200, {"errors": [{"message": "Something went wrong while executing your query."}]}),
    *(Answer(200, body) for body in ODD),
    *(Answer(200, b"[" * 100_000), Answer(200, b"\xff\xfe{"), Answer(200, b"{}", {"Content-Encoding": "gzip"})),
    *(Answer(204), Answer(302, b"", {"Location": "http://elsewhere.example/"})),
    *(EmptyBody(), Garbage(), Truncate(0.5), Truncate(0), Reset()),
]


def default_branch(github: GitHubApi) -> Any:
    def check(repository: dict[str, Any]) -> Any:
        return repository["defaultBranchRef"]["name"]

    return github.graphql("default branch", QUERY, check)


QUERY = "query Q($owner: String!, $name: String!) {repository(owner: $owner, name: $name) {defaultBranchRef {name}}}"


@pytest.fixture
def api(github: GitHubStandIn) -> GitHubApi:
    github.repository.add_commit("a" * 40)
    return api_of(github)


@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_once__a_fault_that_passes_is_repeated(github: GitHubStandIn, api: GitHubApi, fault: Fault) -> None:
    github.fail("/graphql", fault=fault)
    assert default_branch(api) == "main"
    assert len(github.requests) == 2


@pytest.mark.parametrize("fault", PASSING, ids=str)
def test_for_ever__it_ends_after_three_tries_as_a_sentence(github: GitHubStandIn, api: GitHubApi, fault: Fault) -> None:
    github.fail("/graphql", times=None, fault=fault)
    with pytest.raises(HarvestError, match="GitHub default branch: ") as problem:
        default_branch(api)
    assert len(github.requests) == 3
    assert problem.value.is_transient


@pytest.mark.parametrize(("fault", "kind", "named"), REFUSALS, ids=str)
def test_refusal__is_never_repeated_and_says_what_to_check(
    github: GitHubStandIn, api: GitHubApi, fault: Fault, kind: FaultKind, named: str
) -> None:
    github.fail("/graphql", times=None, fault=fault)
    with pytest.raises(HarvestError) as raised:
        default_branch(api)
    assert (raised.value.kind, named in raised.value.hint) == (kind, True)
    assert len(github.requests) == 1


@pytest.mark.parametrize("fault", [Stall(60), Drip(20)], ids=str)
def test_silence__ends_at_the_requests_own_deadline_and_the_next_try_has_a_connection_of_its_own(
    github: GitHubStandIn, api: GitHubApi, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "REQUEST_SECONDS", 0.5)
    github.fail("/graphql", fault=fault)
    assert default_branch(api) == "main"
    assert github.answered <= 1  # the second request; not the silent one


def test_accepted_for_ever__ends_at_the_deadline_and_not_with_the_client(
    github: GitHubStandIn, api: GitHubApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "REQUEST_SECONDS", 0.5)
    github.fail("GET /repos/acme/shop", times=None, fault=Answer(202, {"message": "later"}))
    with pytest.raises(HarvestError, match="no complete answer within"):
        api.get("", lambda answer: answer)


def test_rate_limit__is_waited_out_where_it_is_short(github: GitHubStandIn, api: GitHubApi) -> None:
    github.fail("/graphql", fault=Answer(403, {"message": "rate limit"}, {"Retry-After": "1"}))
    begun = time.monotonic()
    assert default_branch(api) == "main"
    assert time.monotonic() - begun >= 1


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (403, lambda: {"Retry-After": "3600"}),
        (429, lambda: {"Retry-After": "3600"}),
        (403, lambda: {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3600)}),
    ],
    ids=["403", "429", "used up"],
)
def test_rate_limit__of_an_hour_ends_at_once_and_says_until_when(
    github: GitHubStandIn, api: GitHubApi, status: int, headers: Callable[[], dict[str, str]]
) -> None:
    github.fail("/graphql", times=None, fault=Answer(status, {"message": "rate limit"}, headers()))
    with pytest.raises(HarvestError, match=r"GitHub limits the rate until \d\d:\d\d UTC") as problem:
        default_branch(api)
    assert (problem.value.hint, len(github.requests)) == ("run again later", 1)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("rest", [True, False], ids=["REST", "GraphQL"])
def test_redirect__to_another_server_is_never_followed(
    github: GitHubStandIn, api: GitHubApi, status: int, *, rest: bool
) -> None:
    with GitHubStandIn() as elsewhere:
        github.fail("", times=None, fault=Redirect(status, f"{elsewhere.url}/repos/acme/shop"))
        with pytest.raises(HarvestError):
            api.get("", _named) if rest else default_branch(api)
        assert elsewhere.requests == []


def test_redirect__that_leads_in_a_circle_ends_at_the_deadline(
    github: GitHubStandIn, api: GitHubApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "REQUEST_SECONDS", 0.3)
    for here, there in (("/repos/acme/shop", "/repos/acme/store"), ("/repos/acme/store", "/repos/acme/shop")):
        github.fail(f"GET {here}", times=None, fault=Redirect(301, github.url + there))
    with pytest.raises(HarvestError):
        api.get("", _named)


def test_token__goes_out_as_a_bearer_token_once(github: GitHubStandIn, api: GitHubApi) -> None:
    default_branch(api)
    api.get("", _named)
    assert {request.headers["authorization"] for request in github.requests} <= {
        "Bearer canary-token-of-github",
        "token canary-token-of-github",
    }


def test_token__stays_at_home_when_netrc_knows_the_host(
    github: GitHubStandIn, api: GitHubApi, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine 127.0.0.1 login mallory password other-secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert default_branch(api) == "main"


def test_side_by_side__each_request_gets_its_own_answer(github: GitHubStandIn, api: GitHubApi) -> None:
    numbers = [github.repository.add_run(sha="a" * 40, created_at="2024-06-03T09:00:00Z") for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        result = list(pool.map(lambda number: api.get(f"/actions/runs/{number}", lambda run: run["id"]), numbers))
    assert result == numbers


def _named(answer: Any) -> Any:
    if not isinstance(answer, dict) or "full_name" not in answer:
        raise MalformedAnswerError("the answer is no repository")
    return answer["full_name"]
