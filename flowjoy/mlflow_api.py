"""MLflow by its own client: quiet, one try a request, its faults in words a user can act on."""

from __future__ import annotations

import os
from typing import Any

from flowjoy.errors import UnknownModelError
from flowjoy.transport import Fault

SPELLING = "check the spelling in `models`, and the registry's permissions"
ROOT = "check that mlflow-tracking-uri is the root of an MLflow server"

_CLIENT_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # the transport repeats, within the budget
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "8",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",  # a server must not send us to an address of its choice
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
    "MLFLOW_CONFIGURE_LOGGING": "false",  # or it writes what servers say to stderr as it is, past our console
}


def new_client(uri: str) -> Any:
    """The real client: quiet, without retries and redirects of its own. Imports mlflow (1.5 s)."""
    os.environ.update(_CLIENT_ENVIRONMENT)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def explain(problem: Exception) -> Fault | None:
    """What an exception of the MLflow client means to a user."""
    from google.protobuf.json_format import ParseError  # type: ignore[import-untyped]  # mlflow brings it, unstubbed
    from mlflow.exceptions import MlflowException

    if isinstance(problem, ImportError):
        return Fault(problem=f"a package is missing ({problem.name})", hint="an embedded registry needs full mlflow")
    if isinstance(problem, ParseError):
        return Fault(problem="the answer is not what the API promises", hint=ROOT, passing=True)
    if not isinstance(problem, MlflowException):
        return None
    code, status = problem.error_code, int(problem.get_http_status_code())  # type: ignore[no-untyped-call]
    if code == "RESOURCE_DOES_NOT_EXIST":
        return Fault(
            problem="the registry does not know it, or does not show it to these credentials",
            hint=SPELLING,
            error=UnknownModelError,
        )
    if status in (401, 403) or code in ("UNAUTHENTICATED", "PERMISSION_DENIED", "CUSTOMER_UNAUTHORIZED"):
        return Fault(
            problem=f"the registry refused the credentials ({status})",
            hint="check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
        )
    if status in (400, 404):
        return Fault(
            problem=f"the registry does not understand the request ({code})",
            hint=ROOT,
        )
    return Fault(
        problem=f"the registry could not be reached, or failed ({code})",
        hint="check mlflow-tracking-uri, and that the runner may reach it",
        passing=True,
    )


def explain_name(problem: Exception) -> Fault | None:
    """The same where a model is asked for by its name: one that no model can have is not known."""
    if getattr(problem, "error_code", None) == "INVALID_PARAMETER_VALUE":
        return Fault(problem="the registry takes no such name", hint=SPELLING, error=UnknownModelError)
    return explain(problem)
