"""Addresses that are no registry: each cause is told apart, with the address and the cure."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from flowjoy.clients.mlflow import new_client
from flowjoy.clients.transport import Budget, Transport
from flowjoy.errors import FaultKind, HarvestError
from flowjoy.sources.base import Clients
from flowjoy.sources.mlflow_registry import MlflowRegistry
from tests.builders import at
from tests.fakes.certificates import write_certificate
from tests.fakes.faults import Redirect, Reset
from tests.fakes.http_base import Answer
from tests.fakes.mlflow_faults import GET_MODEL, MlflowStandIn
from tests.unit.sources.asking import a_question

ROOT = Path(__file__).resolve().parents[3]
LOGIN_PAGE = Answer(200, b"<!doctype html><title>Sign in</title>", {"Content-Type": "text/html"})


@pytest.fixture
def server() -> Iterator[MlflowStandIn]:
    with MlflowStandIn() as stand_in:
        stand_in.add_model()
        stand_in.add_version(at())
        yield stand_in


def refused(uri: str) -> HarvestError:
    """The error that reading this registry ends in."""
    query = a_question({"mlflow_tracking_uri": uri}, models=("recommender",))
    access = Clients(transport=Transport(Budget(20)), progress=lambda _: None)
    with pytest.raises(HarvestError) as problem:
        MlflowRegistry().fetch(query, access)
    return problem.value


def reads(uri: str) -> bool:
    query = a_question({"mlflow_tracking_uri": uri}, models=("recommender",))
    access = Clients(transport=Transport(Budget(20)), progress=lambda _: None)
    return len(MlflowRegistry().fetch(query, access).versions) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect__names_the_host_it_leads_to_and_is_not_followed(server: MlflowStandIn, status: int) -> None:
    """mlflow-oidc/mlflow-oidc-auth#41: a proxy with single sign-on stands before the registry."""
    with MlflowStandIn() as elsewhere:
        server.fail("", times=None, fault=Redirect(status, f"{elsewhere.url}/oauth2/sign_in?rd=/secret"))
        problem = refused(server.url)
        assert f"{server.url} redirects to {elsewhere.url}" in str(problem)
        assert "secret" not in str(problem)
        assert "MLFLOW_TRACKING_TOKEN" in problem.hint
        assert elsewhere.requests == []


def test_redirect__is_looked_at_without_credentials(server: MlflowStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "canary-token-of-mlflow")
    server.fail("", times=None, fault=Redirect(302, f"{server.url}/login?rd=secret"))
    assert f"{server.url} redirects to /login" in str(refused(server.url))
    assert "authorization" not in server.requests[-1].headers


def test_redirect__to_https_of_the_same_host_says_what_to_write(server: MlflowStandIn) -> None:
    server.fail("", times=None, fault=Redirect(301, "https://127.0.0.1/mlflow"))
    assert "https://" in refused(server.url).hint


@pytest.mark.parametrize("location", ["", "//", "##[error]x"])
def test_redirect__to_nowhere_is_one_all_the_same(server: MlflowStandIn, location: str) -> None:
    server.fail("", times=None, fault=Answer(302, b"", {"Location": location}))
    assert "redirect" in str(refused(server.url))


def test_login_page__is_told_from_a_registry_that_is_down(server: MlflowStandIn) -> None:
    """mlflow/mlflow#4955: a page of single sign-on with status 200."""
    server.fail("", times=None, fault=LOGIN_PAGE)
    problem = refused(server.url)
    assert (problem.kind, server.url in str(problem)) == (FaultKind.MALFORMED, True)
    assert "MLFLOW_TRACKING_TOKEN" in problem.hint


@pytest.mark.parametrize("status", [401, 403, 404])
def test_json__that_is_not_mlflow_s_names_the_proxy_and_the_credentials(server: MlflowStandIn, status: int) -> None:
    server.fail("", times=None, fault=Answer(status, {"message": "Forbidden"}))
    problem = refused(server.url)
    assert (problem.kind, "proxy" in str(problem)) == (FaultKind.OUTAGE, True)
    assert "MLFLOW_TRACKING_TOKEN" in problem.hint


def test_host__that_is_not_known_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = refused("https://mlflow.invalid:5000")
    assert (problem.kind, "https://mlflow.invalid:5000" in str(problem)) == (FaultKind.UNREACHABLE, True)
    assert "mlflow-tracking-uri" in problem.hint


def test_port__that_is_closed_is_named() -> None:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    problem = refused(f"http://127.0.0.1:{port}")
    assert (problem.kind, f"http://127.0.0.1:{port}" in str(problem)) == (FaultKind.UNREACHABLE, True)
    assert "port" in problem.hint


def test_connection__that_breaks_is_no_refusal(server: MlflowStandIn) -> None:
    server.fail("", times=None, fault=Reset())
    assert refused(server.url).kind is FaultKind.UNREACHABLE


def test_certificate__of_an_unknown_authority_is_cured_by_naming_it(
    server: MlflowStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """mlflow/mlflow#4032."""
    certificate = write_certificate(tmp_path / "server.pem")
    server.encrypt(certificate)
    problem = refused(server.url)
    assert (problem.kind, server.url in str(problem)) == (FaultKind.UNTRUSTED, True)
    assert "MLFLOW_TRACKING_SERVER_CERT_PATH" in problem.hint
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate))
    assert reads(server.url)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "MLFLOW_TRACKING_INSECURE_TLS"])
def test_certificate__is_trusted_by_the_other_variables_as_well(
    server: MlflowStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    certificate = write_certificate(tmp_path / "server.pem")
    server.encrypt(certificate)
    monkeypatch.setenv(variable, "true" if variable.endswith("TLS") else str(certificate))
    warnings.simplefilter("ignore")  # urllib3's, of a certificate that is not checked
    assert reads(server.url)


@pytest.mark.parametrize(
    ("made", "why"), [({"days": -1}, "certificate has expired"), ({"host": "other.example"}, "Hostname mismatch")]
)
def test_certificate__that_ran_out_or_is_of_another_host_is_not_cured_by_trust(
    server: MlflowStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: dict[str, Any], why: str
) -> None:
    certificate = write_certificate(tmp_path / "server.pem", **made)
    server.encrypt(certificate)
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate))
    problem = refused(server.url)
    assert (problem.kind, why in str(problem)) == (FaultKind.UNTRUSTED, True)
    assert "MLFLOW_TRACKING_SERVER_CERT_PATH" not in problem.hint


def test_client_certificate__that_is_asked_for_is_sent(
    server: MlflowStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, own = (write_certificate(tmp_path / name) for name in ("server.pem", "client.pem"))
    server.encrypt(certificate, clients=own)
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate))
    assert "MLFLOW_TRACKING_CLIENT_CERT_PATH" in refused(server.url).hint
    monkeypatch.setenv("MLFLOW_TRACKING_CLIENT_CERT_PATH", str(own))
    assert reads(server.url)


def test_https__asked_of_a_server_without_tls_says_so(server: MlflowStandIn) -> None:
    problem = refused(server.url.replace("http://", "https://"))
    assert (problem.kind, "http://" in problem.hint) == (FaultKind.UNTRUSTED, True)


def test_proxy__that_does_not_answer_is_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    problem = refused("http://mlflow.invalid")
    assert (problem.kind, "HTTP_PROXY" in problem.hint) == (FaultKind.UNREACHABLE, True)


def test_workspace__that_the_server_cannot_have_is_named(
    server: MlflowStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team-a")
    problem = refused(server.url)
    assert (problem.kind, "MLFLOW_WORKSPACE" in problem.hint) == (FaultKind.REFUSED, True)


def test_netrc__of_a_job_never_replaces_the_credentials(
    server: MlflowStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login mallory password other-secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "canary-token-of-mlflow")
    server.token = "canary-token-of-mlflow"
    assert reads(server.url)
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer canary-token-of-mlflow"}


def test_embedded__without_sqlalchemy_says_what_is_missing_and_what_to_do(tmp_path: Path) -> None:
    """The image carries mlflow-skinny alone."""
    program = f"""
import sys
sys.modules["sqlalchemy"] = None
from importlib import util
real = util.find_spec
util.find_spec = lambda name, package=None: None if name == "sqlalchemy" else real(name, package)
from flowjoy.errors import FaultKind, HarvestError
from flowjoy.clients.mlflow import new_client
try:
    new_client("sqlite:///{tmp_path}/mlflow.db")
except HarvestError as problem:
    print(problem.advised)
"""
    command, environment = [sys.executable, "-c", program], {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert "needs full mlflow and SQLAlchemy, which FlowJoy's image does not carry" in ran.stdout
    assert "run `mlflow server --backend-store-uri sqlite:///…`" in ran.stdout


def test_signature_for_aws__names_the_package_that_is_missing(
    server: MlflowStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_AWS_SIGV4", "true")
    problem = refused(server.url)
    assert (problem.kind, "requests_auth_aws_sigv4" in str(problem)) == (FaultKind.UNSUPPORTED, True)


def test_client__is_quiet_where_it_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with MlflowStandIn() as stand_in:
        assert new_client(stand_in.url) is not None
        assert stand_in.count(path_contains=GET_MODEL) == 0
