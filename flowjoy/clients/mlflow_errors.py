"""Translates exceptions of MLflow's client into faults: the address, the cause and the hint."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urljoin, urlsplit

from flowjoy.clients.faults import Fault
from flowjoy.clients.mlflow_connection import REACH, explain_unreachable, shown_host
from flowjoy.clients.transport import in_time
from flowjoy.errors import FaultKind, UnknownModelError

SPELLING = "check the spelling in `models` or the stub, and that the registry shows the model to these credentials"
ROOT = "check that mlflow-tracking-uri is the root of an MLflow server"
_LOGIN = (
    "a login page seems to answer for the registry: set MLFLOW_TRACKING_TOKEN (or MLFLOW_TRACKING_USERNAME and "
    "MLFLOW_TRACKING_PASSWORD) to credentials that it accepts, or give an address behind it"
)
_CREDENTIALS = {
    "databricks": "check DATABRICKS_HOST and DATABRICKS_TOKEN, and the privileges on the model, its schema and catalog",
    "uc": "check MLFLOW_UC_OSS_TOKEN",
}
_DEFAULT_CREDENTIALS = "check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
_UNKNOWN = frozenset({"RESOURCE_DOES_NOT_EXIST", "CATALOG_DOES_NOT_EXIST", "SCHEMA_DOES_NOT_EXIST"})
# MLflow's client keeps status and answer only in its text.
_REDIRECTED = re.compile(r"failed with error code 3\d\d != 200")
_WEB_PAGE = re.compile(r"Response body: '\s*<")
_PROBE_SECONDS = 4


def explain(problem: Exception, uri: str = "") -> Fault | None:
    """Return the fault behind an exception of MLflow's client, None for any other exception."""
    from google.protobuf.json_format import ParseError  # type: ignore[import-untyped]  # mlflow brings it, unstubbed
    from mlflow.exceptions import MlflowException

    if isinstance(problem, ImportError):
        return _missing_package(problem)
    if isinstance(problem, ParseError):
        return Fault(kind=FaultKind.MALFORMED, problem="the answer is not what the API promises", hint=ROOT)
    if isinstance(problem, NotImplementedError):
        text = "this kind of registry cannot do that"
        return Fault(kind=FaultKind.UNSUPPORTED, problem=text, hint="see the registries in docs/sources.md")
    if not isinstance(problem, MlflowException):
        return None
    return explain_unreachable(problem, uri) or _of_answer(problem, uri)


def explain_name(problem: Exception, uri: str = "") -> Fault | None:
    """Return the fault of a request for a model: a name that no model can have is unknown."""
    if getattr(problem, "error_code", None) == "INVALID_PARAMETER_VALUE" and not _is_of_workspace(problem):
        return Fault(
            kind=FaultKind.MISSING,
            problem="the registry does not accept this name",
            hint=SPELLING,
            error=UnknownModelError,
        )
    return explain(problem, uri)


def explain_version(problem: Exception) -> Fault | None:
    """Return the fault of a request for a version: a number that no version can have is unknown."""
    if getattr(problem, "error_code", None) == "INVALID_PARAMETER_VALUE" and not _is_of_workspace(problem):
        return Fault(
            kind=FaultKind.MISSING,
            problem="the registry has no such version",
            hint="name one that it shows: MLflow's versions are whole numbers, such as recommender=12",
        )
    return explain(problem)


def _is_of_workspace(problem: Exception) -> bool:
    """Return whether MLFLOW_WORKSPACE was refused because the server has no workspaces."""
    return getattr(problem, "error_code", None) == "FEATURE_DISABLED" or str(problem).startswith("Active workspace")


def _of_answer(problem: Any, uri: str) -> Fault:
    """Return the fault behind an error of the server."""
    code, status = problem.error_code, int(problem.get_http_status_code())
    if _is_of_workspace(problem):
        return Fault(
            kind=FaultKind.REFUSED,
            problem=f"{shown_host(uri)} has no workspaces",
            hint="remove MLFLOW_WORKSPACE from the step",
        )
    # An open Unity Catalog answers NOT_FOUND; that of Databricks also names a missing catalog or schema.
    if code in _UNKNOWN or (code == "NOT_FOUND" and uri.startswith("uc:")):
        return Fault(
            kind=FaultKind.MISSING,
            problem="the registry does not know it, or does not show it to these credentials",
            hint=SPELLING,
            error=UnknownModelError,
        )
    if status in (401, 403) or code in ("UNAUTHENTICATED", "PERMISSION_DENIED", "CUSTOMER_UNAUTHORIZED"):
        hint = _CREDENTIALS.get(re.split("[-:]", uri)[0], _DEFAULT_CREDENTIALS)
        kind = FaultKind.PERMISSION if status == 403 else FaultKind.AUTH
        return Fault(kind=kind, problem=f"the registry refused the credentials ({status})", hint=hint)
    if code == "METASTORE_DOES_NOT_EXIST":
        return Fault(
            kind=FaultKind.REFUSED,
            problem="the workspace has no Unity Catalog",
            hint="set mlflow-tracking-uri to databricks",
        )
    if status in (400, 404):
        return Fault(
            kind=FaultKind.REFUSED, problem=f"the registry does not understand the request ({code})", hint=ROOT
        )
    foreign = _of_other_service(problem, uri)
    if foreign is not None:
        return foreign
    hint = _CREDENTIALS["databricks"] if uri.startswith("databricks") else REACH
    return Fault(kind=FaultKind.OUTAGE, problem=f"the registry could not be reached, or failed ({code})", hint=hint)


def _of_other_service(problem: Any, uri: str) -> Fault | None:
    """Return the fault of an answer that is not MLflow's: a redirect, a web page, or JSON without its codes."""
    if _REDIRECTED.search(problem.message) and uri.startswith("http"):
        return _of_redirect(uri)
    if _WEB_PAGE.search(problem.message):
        return Fault(
            kind=FaultKind.MALFORMED, problem=f"{shown_host(uri)} answers with a web page instead of JSON", hint=_LOGIN
        )
    if "error_code" not in getattr(problem, "json", {"error_code": ""}):
        # The client keeps no status of a JSON answer, so it is asked again as after an outage.
        text = f"{shown_host(uri)} answers, but not as MLflow does: a proxy or login service seems to answer for it"
        hint = f"{ROOT}; {_DEFAULT_CREDENTIALS}"
        return Fault(kind=FaultKind.OUTAGE, problem=text, hint=hint)
    return None


def _of_redirect(uri: str) -> Fault:
    """Return the fault of a redirect. The client hides its target, so it is requested without credentials."""
    try:
        target = in_time(lambda: _location(uri), _PROBE_SECONDS)
    except Exception:  # noqa: BLE001  (only the wording depends on it)
        target = ""
    home, there = urlsplit(uri), urlsplit(target)
    if not there.hostname:
        return Fault(
            kind=FaultKind.MALFORMED, problem=f"{shown_host(uri)} answers with a redirect", hint=f"{_LOGIN}; {ROOT}"
        )
    path = re.sub(r"[^\w./~-]", "", there.path)[:80]
    leads = f"{shown_host(uri)} redirects to {path if there.netloc == home.netloc else shown_host(target)}"
    if (home.scheme, there.scheme, there.hostname) == ("http", "https", home.hostname):
        return Fault(kind=FaultKind.MALFORMED, problem=leads, hint="write https:// in mlflow-tracking-uri")
    return Fault(
        kind=FaultKind.MALFORMED, problem=f"{leads}, and no credentials are sent there", hint=f"{_LOGIN}; {ROOT}"
    )


def _location(uri: str) -> str:
    import requests

    environ = os.environ
    insecure = environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1")
    answer = requests.get(
        f"{uri}/api/2.0/mlflow/registered-models/search",
        params={"max_results": "1"},
        allow_redirects=False,
        stream=True,
        timeout=_PROBE_SECONDS,
        verify=not insecure and (environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or True),
        cert=environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH") or None,
    )
    answer.close()
    return urljoin(f"{uri}/", answer.headers.get("Location", ""))


def _missing_package(problem: ImportError) -> Fault:
    hint = "an embedded registry needs full mlflow"
    if "sigv4" in (problem.name or ""):
        hint = "requests signed for AWS are not in FlowJoy's image; put a proxy that signs before the registry"
    return Fault(kind=FaultKind.UNSUPPORTED, problem=f"a package is missing ({problem.name})", hint=hint)
