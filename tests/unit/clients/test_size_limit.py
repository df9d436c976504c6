"""No answer takes more memory than its bound, whatever client reads it: each one in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.bombs import Bomb, packed
from tests.fakes.http_base import Answer, Request, StandIn

_ROOT = Path(__file__).parents[3]
LARGEST_MEBIBYTES = 400

_ASK = """
import json, sys
from flowjoy.errors import HarvestError
from flowjoy.domain.secret import Secret
from flowjoy.clients.transport import Budget, Transport
url, transport = sys.argv[1], Transport(Budget(60))
token = Secret("some-token")

def github():
    from flowjoy.clients.github import GitHubApi
    return GitHubApi(
        repository="acme/shop", token=token, api_url=url, graphql_url=url + "/graphql", transport=transport
    )

def pagerduty():
    from flowjoy.clients.pagerduty import PagerDutyClient
    return PagerDutyClient(token=token, address=url, services=(), transport=transport)

def registry(address):
    from flowjoy.clients.mlflow_registry import Registry
    return Registry(address, transport)

def slack():
    from flowjoy.clients.slack import SlackApi
    return SlackApi(token=token, api_url=url, transport=transport)

def webhook():
    from flowjoy.clients.slack import send_to_webhook
    from flowjoy.clients.slack_errors import explain
    transport.call("webhook", lambda: send_to_webhook(Secret(url + "/services/T"), "text", []), explain)

def blob():
    from flowjoy.clients.signed_urls import get
    return get(url + "/blob", "blob", transport)

asked = {
    "GitHub REST": lambda: github().get("", dict),
    "GitHub GraphQL": lambda: github().graphql("deployments", "query {viewer {login}}", dict),
    "GitHub redirect": lambda: github().redirect_of("/actions/artifacts/1/zip"),
    "PagerDuty": lambda: pagerduty().incident("P1"),
    "MLflow": lambda: registry(url).shown("recommender"),
    "Databricks": lambda: registry("databricks").shown("recommender"),
    "Slack bot": lambda: slack().ask("chat.postMessage", dict, json={"text": "text"}),
    "Slack webhook": webhook,
    "blob": blob,
}
said = "an answer"
try:
    asked[sys.argv[2]]()
except HarvestError as problem:
    said = problem.advised
# Not `ru_maxrss`: that begins with the size of the process which started this one.
(peak,) = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(json.dumps([said, int(peak) >> 10]))
"""

CLIENTS = [
    "GitHub REST",
    "GitHub GraphQL",
    "GitHub redirect",
    "PagerDuty",
    "MLflow",
    "Databricks",
    "Slack bot",
    "Slack webhook",
    "blob",
]
NEVER_UNPACK = ["Slack bot", "Slack webhook", "blob"]


class Silent(StandIn):
    """Knows nothing right."""

    def answer(self, request: Request) -> Answer:
        return Answer(404, {})


@pytest.fixture
def server() -> Iterator[Silent]:
    with Silent() as stand_in:
        yield stand_in


def ask(server: StandIn, client: str) -> tuple[str, int]:
    """What the client's refusal says, and how many MiB its process took at the worst."""
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    environment |= {"PYTHONPATH": str(_ROOT), "DATABRICKS_HOST": server.url, "DATABRICKS_TOKEN": "some-token"}
    ran = subprocess.run(
        [sys.executable, "-c", _ASK, server.url, client],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    message, mebibytes = json.loads(ran.stdout.splitlines()[-1])
    return message, mebibytes


def drop(server: Silent, bomb: Bomb) -> None:
    """From now on the server answers with it. Packed before, because that takes seconds which are not the server's."""
    if bomb.encoding:
        packed(bomb.encoding, bomb.mebibytes)
    server.fail("", times=None, fault=bomb)


@pytest.mark.matrix
@pytest.mark.parametrize("client", [client for client in CLIENTS if client not in NEVER_UNPACK])
def test_bound__a_small_answer_that_unpacks_to_a_huge_one_is_refused(server: Silent, client: str) -> None:
    drop(server, Bomb())
    message, mebibytes = ask(server, client)
    assert "the answer is larger than 32 MiB" in message
    assert mebibytes < LARGEST_MEBIBYTES


@pytest.mark.parametrize(
    "client", [NEVER_UNPACK[0], *(pytest.param(client, marks=pytest.mark.matrix) for client in NEVER_UNPACK[1:])]
)
def test_bound__a_client_that_reads_bytes_as_they_come_unpacks_nothing(server: Silent, client: str) -> None:
    drop(server, Bomb())
    assert ask(server, client)[1] < LARGEST_MEBIBYTES


@pytest.mark.matrix
@pytest.mark.parametrize("declared", [True, False], ids=["with its length", "in chunks"])
@pytest.mark.parametrize("client", CLIENTS)
def test_bound__a_huge_plain_answer_is_refused(server: Silent, client: str, *, declared: bool) -> None:
    drop(server, Bomb("", declared=declared))
    message, mebibytes = ask(server, client)
    assert f"larger than {'50 MB' if client == 'blob' else '32 MiB'}" in message
    assert mebibytes < LARGEST_MEBIBYTES


@pytest.mark.matrix
@pytest.mark.parametrize(
    "bomb",
    [
        Bomb(declared=False),
        Bomb("deflate"),
        Bomb("gzip, gzip"),
        Bomb(status=403),
        Bomb("", status=500),
        Bomb("", status=302),
        Bomb("", status=404, declared=False),
    ],
    ids=["chunked gzip", "deflate", "packed twice", "403", "500", "302", "404"],
)
@pytest.mark.parametrize("client", ["GitHub REST", "Slack bot"])
def test_bound__holds_for_each_encoding_and_for_refusals(server: Silent, client: str, bomb: Bomb) -> None:
    drop(server, bomb)
    message, mebibytes = ask(server, client)
    assert message != "an answer"
    assert mebibytes < LARGEST_MEBIBYTES
