"""GitHub's API by its real client, on loopback: rate limits, refusals, redirects."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from flowjoy.clients.github import GitHubApi
from flowjoy.clients.responses import reader
from flowjoy.clients.transport import Budget, Transport
from flowjoy.domain.secret import Secret
from flowjoy.errors import FaultKind, HarvestError
from tests.fakes.faults import Redirect
from tests.fakes.http_base import Answer, Request, StandIn


class Server(StandIn):
    """Answers everything with one small object."""

    def answer(self, request: Request) -> Answer:
        return Answer(200, {"ok": True})


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as stand_in:
        yield stand_in


def github_of(server: StandIn, *, seconds: float = 30) -> GitHubApi:
    return GitHubApi(
        repository="acme/shop",
        token=Secret("ghs_of_this_job"),
        api_url=server.url,
        graphql_url=f"{server.url}/graphql",
        transport=Transport(Budget(seconds)),
    )


def limited(seconds: str, status: int = 403) -> Answer:
    return Answer(status, {"message": "You have exceeded a secondary rate limit"}, {"Retry-After": seconds})


@pytest.mark.parametrize("status", [403, 429])
def test_retry_after__a_short_one_is_waited_for_and_then_the_answer_comes(server: Server, status: int) -> None:
    server.fail("/repos", fault=limited("0.3", status))
    begun = time.monotonic()
    assert github_of(server).get("/deployments", lambda answer: answer)["ok"] is True
    assert time.monotonic() - begun >= 0.3
    assert len(server.requests) == 2


@pytest.mark.parametrize("seconds", ["3600", "61"])
def test_retry_after__a_long_one_is_refused_at_once_saying_when(server: Server, seconds: str) -> None:
    server.fail("/repos", times=None, fault=limited(seconds))
    with pytest.raises(HarvestError, match=r"GitHub limits the rate until \d\d:\d\d UTC") as problem:
        github_of(server, seconds=1000).get("/deployments", lambda answer: answer)
    assert len(server.requests) == 1
    assert problem.value.is_transient


def test_retry_after__one_that_would_use_up_the_budget_is_refused_at_once(server: Server) -> None:
    server.fail("/repos", times=None, fault=limited("3"))
    with pytest.raises(HarvestError, match="limits the rate"):
        github_of(server, seconds=5).get("/deployments", lambda answer: answer)
    assert len(server.requests) == 1


def test_retry_after__a_used_up_limit_that_resets_in_an_hour_is_refused_at_once(server: Server) -> None:
    reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 3600)}
    server.fail("/repos", times=None, fault=Answer(403, {"message": "API rate limit exceeded"}, reset))
    with pytest.raises(HarvestError, match=r"limits the rate until \d\d:\d\d UTC"):
        github_of(server, seconds=1000).get("/deployments", lambda answer: answer)
    assert len(server.requests) == 1


def test_retry_after__a_refused_permission_is_no_rate_limit(server: Server) -> None:
    server.fail("/repos", times=None, fault=Answer(403, {"message": "Resource not accessible by integration"}))
    with pytest.raises(HarvestError) as problem:
        github_of(server).get("/deployments", lambda answer: answer)
    assert (problem.value.kind, len(server.requests)) == (FaultKind.PERMISSION, 1)


def test_github__401_in_the_middle_of_paging_is_final(server: Server) -> None:
    server.fail("page=2", times=None, fault=Answer(401, {"message": "Bad credentials"}))
    github = github_of(server)
    github.get("/runs", lambda answer: answer, page=1)
    with pytest.raises(HarvestError) as problem:
        github.get("/runs", lambda answer: answer, page=2)
    assert (problem.value.kind, "github-token" in problem.value.hint) == (FaultKind.AUTH, True)
    assert len(server.requests) == 2


def test_github__a_post_that_broke_is_not_simply_sent_again(server: Server) -> None:
    server.fail("POST", times=None, fault=Answer(502))
    with pytest.raises(HarvestError, match="502"):
        github_of(server)._send_once("POST", "/check-runs", {"name": "x"}, lambda answer: answer)
    assert server.count("POST") == 1


@pytest.mark.parametrize(
    ("status", "said"), [(301, "redirects to another address"), (302, "is not a list"), (307, "is not a list")]
)
def test_github__the_token_goes_to_the_api_and_to_no_redirect(server: Server, status: int, said: str) -> None:
    with Server() as elsewhere:
        address = elsewhere.url.replace("127.0.0.1", "localhost")
        server.fail("/repos", times=None, fault=Redirect(status, f"{address}/steal"))
        with pytest.raises(HarvestError, match=said):
            github_of(server).get("/runs", reader(list[object]))
        assert elsewhere.requests == []
    assert server.requests[0].headers["authorization"] == "token ghs_of_this_job"
