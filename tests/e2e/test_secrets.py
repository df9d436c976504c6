"""Credentials go into the requests that need them, and into nothing else that leaves: canaries, in every disguise."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from html import escape
from urllib.parse import quote

import pytest

from tests.e2e.step import A, Ended, Step
from tests.fakes.aimed import Aimed, query_of
from tests.fakes.faults import Edited
from tests.fakes.github import GitHubStandIn
from tests.fakes.http_base import Answer, Fault, Request
from tests.fakes.mlflow_faults import MlflowStandIn

GITHUB_TOKEN = "ghs_canary/of+github==&<1>"
USER, PASSWORD = "canary-user-of-mlflow", 'p4ss"w\\ord+of/mlflow<&'
SECRETS = (GITHUB_TOKEN, USER, PASSWORD)


def disguises(secret: str) -> dict[str, str]:
    """The forms in which a server, a library or a report may write a secret down."""
    return {
        "plain": secret,
        "percent": quote(secret, safe=""),
        "JSON": json.dumps(secret)[1:-1],
        "HTML": escape(secret),
        "base64": base64.b64encode(secret.encode()).decode(),
        "base64 of user:password": base64.b64encode(f"x-access-token:{secret}".encode()).decode(),
    }


ADDRESSES = ("slack-webhook-url", "teams-webhook-url", "cdevents-url")
"""The inputs whose address is a credential itself."""

EVERY_FORM = [form for secret in SECRETS for form in disguises(secret).values()]
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
ECHO = "you sent " + " ".join([*EVERY_FORM, BASIC])
PIECES = [secret[at : at + 8] for secret in (GITHUB_TOKEN, PASSWORD) for at in range(len(secret) - 7)]


def leaks(ran: Ended, github: GitHubStandIn) -> dict[str, list[str]]:
    """Where which form of a secret stands: streams, outputs, summary, files, and what was written to GitHub."""
    emitted = {
        "stdout": ran.stdout.encode(errors="surrogateescape"),
        "stderr": ran.stderr.encode(errors="surrogateescape"),
        "outputs": ran.step.output.read_bytes(),
        "summary": ran.step.summary.read_bytes(),
        **{file.name: file.read_bytes() for file in ran.step.report.iterdir()},
        **{f"request {n}": _said(request) for n, request in enumerate(github.requests)},
    }
    forms = [*EVERY_FORM, BASIC, *PIECES]
    result = {where: [form for form in forms if form.encode() in content] for where, content in emitted.items()}
    return {where: forms for where, forms in result.items() if forms}


def _said(request: Request) -> bytes:
    """A request without its own authorization, which is where a token belongs."""
    headers = {name: value for name, value in request.headers.items() if name != "authorization"}
    return json.dumps([request.path, request.query, headers]).encode() + request.body


@pytest.fixture
def armed(step: Step, github: GitHubStandIn) -> Step:
    """Debug logging on, a credential for every service, a release two days and an hour ago."""
    github.token = GITHUB_TOKEN
    step.inputs["github-token"] = GITHUB_TOKEN
    step.variables |= {
        "RUNNER_DEBUG": "1",
        "MLFLOW_TRACKING_USERNAME": USER,
        "MLFLOW_TRACKING_PASSWORD": PASSWORD,
        "ACTIONS_STEP_DEBUG": "true",
    }
    when = datetime.now(UTC) - timedelta(hours=49)
    github.repository.add_commit(A, when)
    github.repository.add_deployment(sha=A, created_at=when, statuses=[("success", when)])
    return step


@pytest.mark.matrix
def test_secrets__are_nowhere_in_a_run_with_debug_logging(
    armed: Step, github: GitHubStandIn, mlflow: MlflowStandIn
) -> None:
    ran = armed.run()
    assert (ran.code, ran.outputs["verdict"]) == (1, "fail")
    assert {request.headers["authorization"] for request in mlflow.requests} == {f"Basic {BASIC}"}
    assert len(github.repository.check_runs) == 1
    assert "urllib3" in ran.stdout  # debug logging was on
    assert "requests to GitHub: " in ran.stdout
    assert leaks(ran, github) == {}


def _refused(request: Request) -> bool:
    return "check-runs" not in request.path


@pytest.mark.matrix
@pytest.mark.parametrize(
    "fault",
    [
        Answer(200, {"errors": [{"type": "FORBIDDEN", "message": ECHO}]}),
        Answer(403, {"message": ECHO}),
        Answer(422, {"message": ECHO}),
        Answer(500, ECHO.encode()),
    ],
    ids=["GraphQL", "403", "422", "500"],
)
def test_secrets__that_github_echoes_in_its_refusal_are_redacted_everywhere(
    armed: Step, github: GitHubStandIn, fault: Fault
) -> None:
    github.fail("/graphql", times=None, fault=fault)
    ran = armed.run_here()
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert leaks(ran, github) == {}


@pytest.mark.matrix
@pytest.mark.parametrize("length", [*range(170, 200, 3), *range(270, 300, 4)])
def test_secrets__that_a_cut_parts_leave_no_piece(armed: Step, github: GitHubStandIn, length: int) -> None:
    """GitHub's message is cut at 200 characters, a line of a report at 300 and at other lengths."""
    message = "x" * length + GITHUB_TOKEN + PASSWORD
    github.fail("/graphql", times=None, fault=Answer(403, {"message": message}))
    ran = armed.run_here()
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert leaks(ran, github) == {}


@pytest.mark.matrix
@pytest.mark.parametrize("status", [200, 400, 401, 404, 418, 500])
def test_secrets__that_the_registry_echoes_in_its_refusal_are_redacted_everywhere(
    armed: Step, github: GitHubStandIn, mlflow: MlflowStandIn, status: int
) -> None:
    mlflow.fail("", times=None, fault=Answer(status, {"error_code": ECHO, "message": ECHO}))
    ran = armed.run_here()
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert leaks(ran, github) == {}


def test_secrets__that_servers_put_into_their_data_are_redacted_everywhere(
    armed: Step, github: GitHubStandIn, mlflow: MlflowStandIn
) -> None:
    """In the one text of a version and of a deployment that is shown to people."""
    mlflow.add_version(datetime.now(UTC) - timedelta(hours=48), status="PENDING_REGISTRATION")

    def echo(body: object) -> object:
        return json.loads(json.dumps(body).replace('"environment": "production"', '"environment": ' + json.dumps(ECHO)))

    picked = query_of("FlowJoyDeployments")
    github.repository.deployments[min(github.repository.deployments)].environment = "elsewhere"
    armed.inputs["environment"] = "nowhere"
    github.repository.deployments[min(github.repository.deployments)].environment = ECHO
    github.fail("/graphql", times=None, fault=Aimed(picked, Edited(echo)))
    ran = armed.run_here()
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert "set environment to one of: you sent ***" in ran.stdout
    assert leaks(ran, github) == {}


def test_secrets__as_an_input_of_the_wrong_place_are_not_echoed(armed: Step, github: GitHubStandIn) -> None:
    armed.inputs["mlflow-tracking-uri"] = "https://someone:hunter-22@registry.example"
    ran = armed.run_here()
    assert (ran.code, ran.outputs["verdict"]) == (2, "error")
    assert "mlflow-tracking-uri" in ran.stdout
    assert "hunter-22" not in ran.stdout + ran.summary


def netrc(step: Step) -> None:
    """A job's `.netrc`, as `actions/checkout` of private dependencies leaves one, with words for this machine."""
    path = step.folder / "home" / ".netrc"
    path.write_text("machine 127.0.0.1 login stranger password of-the-netrc\ndefault login stranger password any\n")
    path.chmod(0o600)


@pytest.mark.matrix
def test_netrc__never_replaces_the_credentials_of_the_registry_or_of_github(
    armed: Step, github: GitHubStandIn, mlflow: MlflowStandIn
) -> None:
    """psf/requests#3929, python-gitlab/python-gitlab#2425: `requests` prefers a .netrc to a header."""
    netrc(armed)
    del armed.variables["MLFLOW_TRACKING_USERNAME"], armed.variables["MLFLOW_TRACKING_PASSWORD"]
    armed.variables["MLFLOW_TRACKING_TOKEN"] = "canary-token-of-mlflow"
    armed.inputs |= {"incident-label": "incident"}
    ran = armed.run()
    assert ran.code == 1
    assert {request.headers["authorization"] for request in mlflow.requests} == {"Bearer canary-token-of-mlflow"}
    assert {request.headers["authorization"] for request in github.requests} == {f"token {GITHUB_TOKEN}"}


@pytest.mark.matrix
def test_netrc__gives_nothing_to_a_registry_without_credentials(armed: Step, mlflow: MlflowStandIn) -> None:
    netrc(armed)
    del armed.variables["MLFLOW_TRACKING_USERNAME"], armed.variables["MLFLOW_TRACKING_PASSWORD"]
    armed.run()
    assert mlflow.requests
    assert not [request for request in mlflow.requests if "authorization" in request.headers]


@pytest.mark.matrix
def test_proxy__of_the_environment_is_used_for_every_request(
    armed: Step, github: GitHubStandIn, mlflow: MlflowStandIn
) -> None:
    armed.inputs["mlflow-tracking-uri"] = "http://registry.localhost"
    armed.variables |= {"HTTP_PROXY": mlflow.url, "NO_PROXY": "127.0.0.1"}
    armed.run()
    assert {request.headers["host"] for request in mlflow.requests} == {"registry.localhost"}


@pytest.mark.matrix
@pytest.mark.parametrize("with_credentials", [True, False])
def test_http_registry__away_from_this_machine_is_warned_of_and_of_credentials_that_travel_readable(
    armed: Step, mlflow: MlflowStandIn, *, with_credentials: bool
) -> None:
    """Reached through a proxy on loopback, which stands for the network on which the credentials can be read."""
    armed.inputs |= {"mlflow-tracking-uri": "http://registry.example", "mlflow-allow-http": "true"}
    armed.variables |= {"HTTP_PROXY": mlflow.url, "NO_PROXY": "127.0.0.1"}
    if not with_credentials:
        del armed.variables["MLFLOW_TRACKING_USERNAME"], armed.variables["MLFLOW_TRACKING_PASSWORD"]
    ran = armed.run()
    assert ran.code == 1
    assert {request.headers["host"] for request in mlflow.requests} == {"registry.example"}
    assert all(("authorization" in request.headers) == with_credentials for request in mlflow.requests)
    warnings = [line for line in ran.stdout.splitlines() if line.startswith("::warning") and "is http" in line]
    assert len(warnings) == 1
    assert ("the credentials are sent unencrypted, as `mlflow-allow-http` allows" in warnings[0]) == with_credentials


def test_addresses__that_are_credentials_are_redacted_where_github_echoes_them(
    armed: Step, github: GitHubStandIn, mlflow: MlflowStandIn
) -> None:
    paths = {name: f"/canary-of-{name}/0123456789abcdef" for name in ADDRESSES}
    armed.inputs |= {name: f"{github.url}{path}" for name, path in paths.items()}
    echo = {"message": " ".join(armed.inputs[name] for name in ADDRESSES)}
    github.fail("check-runs", times=None, fault=Answer(403, echo))
    ran = armed.run_here()
    assert (ran.code, "***" in ran.stdout) == (1, True)
    written = ran.stdout + ran.stderr + ran.summary
    written += "".join(file.read_text(errors="replace") for file in ran.step.report.iterdir())
    assert [name for name, path in paths.items() if path in written or "0123456789abcdef" in written] == []
