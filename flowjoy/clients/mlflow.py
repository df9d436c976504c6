"""MLflow's own client for the registry of an address: quiet, and one try a request."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

from flowjoy.clients.mlflow_errors import explain
from flowjoy.errors import HarvestError

_CLIENT_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # the transport repeats, within the budget
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "8",
    "MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT": "8",
    "MLFLOW_HTTP_POOL_MAXSIZE": "16",
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",  # a server must not send us to an address of its choice
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "false",
    "MLFLOW_CONFIGURE_LOGGING": "false",  # or it writes what servers say to stderr as it is, past our console
    "NETRC": os.devnull,  # or requests puts a job's .netrc in the place of the registry's credentials
}


def is_unity_catalog(uri: str) -> bool:
    """Return whether the registry is a Unity Catalog, of Databricks or the open one."""
    return uri.startswith("databricks-uc") or is_open_unity_catalog(uri)


def is_open_unity_catalog(uri: str) -> bool:
    """Return whether the registry is an open-source Unity Catalog server, which keeps neither tags nor aliases."""
    return uri.startswith("uc:")


def new_client(uri: str) -> Any:
    """Return the client, without retries and redirects of its own. Imports mlflow (1.5 s).

    Raise HarvestError if a package or a setting is missing that this registry needs.
    """
    if uri.startswith("sqlite") and find_spec("sqlalchemy") is None:
        raise HarvestError(
            "an embedded registry (sqlite:///…) needs full mlflow and SQLAlchemy, which FlowJoy's image does not carry",
            hint="run `mlflow server --backend-store-uri sqlite:///…` and set mlflow-tracking-uri to its address, "
            "or install mlflow and use `python -m flowjoy run`",
        )
    os.environ.update(_CLIENT_ENVIRONMENT)
    if _has_plain_token(uri):
        # Databricks' own library asks for the workspace's metadata before each request, and follows redirects.
        os.environ["MLFLOW_ENABLE_DB_SDK"] = "false"
    from mlflow import MlflowClient

    try:
        return MlflowClient(tracking_uri=_tracking_uri(uri), registry_uri=uri)
    except Exception as problem:
        fault = explain(problem, uri)
        if fault is None:
            raise
        raise fault.of("MLflow registry") from None


def _has_plain_token(uri: str) -> bool:
    plain = uri in ("databricks", "databricks-uc") and not os.environ.get("DATABRICKS_CONFIG_PROFILE")
    return plain and all(os.environ.get(name) for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"))


def _tracking_uri(uri: str) -> str:
    """Return where runs are: a Unity Catalog is a registry only."""
    if uri.startswith("databricks-uc"):
        return f"databricks{uri.removeprefix('databricks-uc')}"
    return uri.removeprefix("uc:")
