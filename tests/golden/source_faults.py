"""Why a source cannot be read: every error of every service, and the files that are not what they should be."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from http.client import IncompleteRead
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import requests
from google.protobuf.json_format import ParseError  # type: ignore[import-untyped]  # mlflow brings it, unstubbed
from mlflow.exceptions import MlflowException, RestException

from flowjoy.clients import (
    actions_artifacts,
    github,
    mlflow_artifacts,
    mlflow_errors,
    pagerduty,
    signed_urls,
    slack_errors,
)
from flowjoy.clients.faults import Fault, HttpError, MalformedAnswerError, explain_connection
from flowjoy.errors import HarvestError
from flowjoy.sinks import pagerduty_events
from flowjoy.sources.files import CodeFile, ModelFile
from flowjoy.sources.incident_file import IncidentFile
from flowjoy.sources.tabular import read_table
from tests.builders import a_query
from tests.unit.sources import test_file_columns, test_files, test_incident_file, test_sample_files, test_tabular

STATUSES = (200, 302, 400, 401, 403, 404, 408, 409, 429, 500)
SERVICES: dict[str, Callable[[Exception], Fault | None]] = {
    "GitHub": github.explain,
    "PagerDuty": pagerduty._PAGERDUTY.explain,
    "PagerDuty events": pagerduty_events._EVENTS.explain,
    "Slack": slack_errors.explain,
    "artifact service": actions_artifacts._explain,
    "blob host": signed_urls._BLOB_HOST.explain,
    "artifact store of MLflow": mlflow_artifacts._explain,
}
REGISTRIES = ("https://mlflow.example", "databricks", "databricks-uc", "uc:https://catalog.example")
CODES = (
    *("RESOURCE_DOES_NOT_EXIST", "CATALOG_DOES_NOT_EXIST", "NOT_FOUND", "INVALID_PARAMETER_VALUE", "BAD_REQUEST"),
    *("UNAUTHENTICATED", "PERMISSION_DENIED", "METASTORE_DOES_NOT_EXIST", "FEATURE_DISABLED", "INTERNAL_ERROR"),
)


_File = TypeVar("_File", str, bytes | str)


def sentences() -> Iterator[str]:
    """Yield each fault with its kind, its problem and its cure."""
    for name, explain in SERVICES.items():
        yield from _faults({f"{name}, {status}": HttpError(status, {}, "Why not") for status in STATUSES}, explain)
    yield from _faults(_of_github(), github.explain)
    yield from _faults(_of_slack(), slack_errors.explain)
    yield from _faults({"artifact service, full": HttpError(429, {}, "insufficient usage")}, actions_artifacts._explain)
    for uri in REGISTRIES:
        answers = {f"{uri}, {code}": _rest(code) for code in CODES}
        yield from _faults(answers, partial(mlflow_errors.explain, uri=uri))
    yield from _faults(dict(_of_registry()), partial(mlflow_errors.explain, uri=REGISTRIES[0]))
    yield from _faults({"registry, a name": _rest("INVALID_PARAMETER_VALUE")}, mlflow_errors.explain_name)
    yield from _faults(_of_connections(), partial(explain_connection, deadline_seconds=10))
    yield from _of_files()


def _faults(problems: Mapping[str, Exception], explain: Callable[[Exception], Fault | None]) -> Iterator[str]:
    for name, problem in problems.items():
        fault = explain(problem)
        assert fault is not None, name
        yield f"{name}\n    {fault.kind}: {fault.of('…').advised}"


def _of_github() -> dict[str, Exception]:
    kinds = ("NOT_FOUND", "FORBIDDEN", "RATE_LIMITED", "OTHER", "")
    errors = {f"GitHub, {kind or 'no type'}": github.GraphQLError([{"type": kind, "message": "why"}]) for kind in kinds}
    return {**errors, "GitHub, a redirect": RuntimeError("x")}


def _of_slack() -> dict[str, Exception]:
    codes = (*slack_errors._HINTS, "internal_error", "other")
    errors = {f"Slack, {code}": HttpError(200, {}, code) for code in codes}
    return {**errors, "Slack, an answer that breaks off": IncompleteRead(b"")}


def _of_registry() -> Iterator[tuple[str, Exception]]:
    """Yield what MLflow's client raises without an answer of MLflow: its causes, and answers of other services."""
    for name, cause in {
        "a proxy": requests.exceptions.ProxyError("x"),
        "an unknown host": socket.gaierror("x"),
        "a refused connection": ConnectionRefusedError("x"),
        "silence": TimeoutError("x"),
        "a reset": ConnectionResetError("x"),
        "a certificate that is not trusted": _certificate(18, "self-signed certificate"),
        "a certificate that has expired": _certificate(10, "certificate has expired"),
        "a certificate of another name": _certificate(62, "Hostname mismatch"),
        "no TLS": _tls(ssl.SSLError, reason="WRONG_VERSION_NUMBER"),
        "a client certificate": _tls(ssl.SSLError, reason="TLSV13_ALERT_CERTIFICATE_REQUIRED"),
        "TLS that breaks off": _tls(ssl.SSLEOFError, reason="UNEXPECTED_EOF_WHILE_READING"),
        "TLS": _tls(ssl.SSLError, reason=None),
    }.items():
        problem = MlflowException("x")
        problem.__cause__ = cause
        yield f"registry, {name}", problem
    yield "registry, a web page", MlflowException("Response body: '<html>'")
    yield "registry, JSON of another service", _rest(None)
    yield "registry, a package", ModuleNotFoundError("x", name="boto3")
    yield "registry, a package that signs", ModuleNotFoundError("x", name="requests_auth_aws_sigv4")
    yield "registry, another answer", ParseError("x")
    yield "registry, another kind", NotImplementedError("x")


def _certificate(code: int, message: str) -> ssl.SSLError:
    error = ssl.SSLCertVerificationError("x")
    error.verify_code, error.verify_message = code, message
    return error


def _tls(kind: type[ssl.SSLError], reason: str | None) -> ssl.SSLError:
    error = kind("x")
    error.reason = reason  # type: ignore[assignment]  # None where OpenSSL gives none
    return error


def _rest(code: str | None) -> Exception:
    """Return the error of an answer that is JSON, with MLflow's code or without one."""
    error: Exception = RestException({"message": "why", **({"error_code": code} if code else {})})  # type: ignore[no-untyped-call]
    return error


def _of_connections() -> dict[str, Exception]:
    return {
        "silence": TimeoutError(),
        "a certificate": requests.exceptions.SSLError("x"),
        "a reset": ConnectionResetError(),
        "no JSON": ValueError("x"),
        "another answer": MalformedAnswerError("the answer lacks `more`"),
    }


def _of_files() -> Iterator[str]:
    """Yield the refusals of files: of deploys, versions, incidents and samples."""
    query = replace(a_query(Path("/workspace")), repository="acme/shop")
    deploys = [
        *("", *(f"ts\n{stamp}\n" for stamp in (*test_files.IMPOSSIBLE, *test_files.FUTURE))),
        *(text for text, _ in test_files.UNREADABLE),
        *(f"ts,sha,{column}\n{test_files.STAMPS[0]},a,{cell}\n" for column, cell, _ in test_file_columns.OF_OTHERS),
    ]
    incidents = [
        *(f"start,end,status\n{test_incident_file.OURS},\n{row}\n" for row, _ in test_incident_file.UNREADABLE),
        *test_incident_file.EXPORTS_OF_OTHERS,
    ]
    yield from _refusals(deploys, lambda text: CodeFile().parse(text, query))
    yield from _refusals([""], lambda text: ModelFile().parse(text, query))
    yield from _refusals(incidents, lambda text: IncidentFile().parse(text, query))
    yield from _refusals([text for text, _ in test_tabular.REFUSED], lambda text: read_table(text, test_tabular.SHAPE))
    with TemporaryDirectory() as folder:
        yield from _refusals(
            [raw for raw in test_sample_files.BAD.values() if len(raw) < 100_000],
            lambda raw: test_sample_files.read(Path(folder), raw),
        )


def _refusals(files: Iterable[_File], parse: Callable[[_File], object]) -> Iterator[str]:
    for file in files:
        try:
            parse(file)
        except HarvestError as problem:
            yield f"{file[-60:]!r}\n    {problem.advised}"
