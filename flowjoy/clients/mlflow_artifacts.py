"""Reads and writes the artifact `flowjoy/reference.json` of a training run in MLflow.

A model is never loaded. The author of an experiment decides where its artifacts are stored, and MLflow's client sends
its credentials there: so only the registry's own host, or cloud storage with credentials of its own, is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from urllib.parse import urlsplit

from flowjoy.analysis.drift.reference import LARGEST_BYTES
from flowjoy.clients.faults import Fault, HttpError, Service
from flowjoy.clients.mlflow import new_client
from flowjoy.clients.mlflow_errors import explain
from flowjoy.clients.transport import Transport
from flowjoy.errors import FaultKind, HarvestError

ARTIFACT = "flowjoy/reference.json"
MAKE = "python -m flowjoy reference train.csv --run-id RUN writes one; or give drift-reference"

_SERVED = frozenset({"mlflow-artifacts", "http", "https"})
_CLOUDS = frozenset({"s3", "gs", "wasbs", "abfss", "dbfs"})
_ON_DISK = frozenset({"", "file"})
_PERMISSIONS = "check the registry's permissions for artifacts, or give drift-reference"
_STORE = Service(
    name="the artifact store",
    hints=dict.fromkeys(
        (FaultKind.AUTH, FaultKind.PERMISSION, FaultKind.MISSING, FaultKind.CONFLICT, FaultKind.REFUSED), _PERMISSIONS
    ),
)
_T = TypeVar("_T")


def fetch(uri: str, run_id: str, transport: Transport) -> bytes:
    """Return the artifact of a run. Raise HarvestError if it is missing, too large, or stored on a foreign host."""
    client = new_client(uri)
    what = f"{ARTIFACT} of MLflow run {run_id}"

    def request() -> bytes:
        _refuse_elsewhere(client.get_run(run_id).info.artifact_uri, uri, what)
        listed = {entry.path: entry for entry in client.list_artifacts(run_id, str(PurePosixPath(ARTIFACT).parent))}
        item = listed.get(ARTIFACT)
        if item is None or item.is_dir:
            raise HarvestError(f"{what}: there is none", hint=MAKE)
        if type(item.file_size) is not int or not 0 < item.file_size <= LARGEST_BYTES:
            raise HarvestError(f"{what}: it is empty, or larger than {LARGEST_BYTES >> 20} MiB", hint=MAKE)
        with (
            TemporaryDirectory(prefix="flowjoy-") as folder,
            Path(client.download_artifacts(run_id, ARTIFACT, folder)).open("rb") as file,
        ):
            return file.read(LARGEST_BYTES + 1)

    return _call(what, request, transport)


def store(uri: str, run_id: str, text: str, transport: Transport) -> None:
    """Upload the artifact of a run, or replace it."""
    client = new_client(uri)
    what = f"{ARTIFACT} of MLflow run {run_id}"

    def request() -> None:
        _refuse_elsewhere(client.get_run(run_id).info.artifact_uri, uri, what)
        client.log_text(run_id, text, ARTIFACT)

    _call(what, request, transport)


def _refuse_elsewhere(artifact_uri: str, uri: str, what: str) -> None:
    """Raise HarvestError unless the registry's credentials may be sent there."""
    there, home = urlsplit(artifact_uri), urlsplit(uri)
    scheme, served = there.scheme.lower(), home.scheme.lower() in ("http", "https")
    if scheme in _SERVED:
        same_host = there.netloc.lower() in ("", home.netloc.lower())
        right = same_host and served and scheme in ("mlflow-artifacts", home.scheme.lower())
    else:
        right = scheme in _CLOUDS or (scheme in _ON_DISK and home.scheme.lower().startswith("sqlite"))
    if not right:
        raise HarvestError(
            f"{what}: its artifacts lie neither with the registry nor in a cloud's store",
            hint="serve them through the MLflow server (--serve-artifacts), or give drift-reference",
        )


def _call(what: str, request: Callable[[], _T], transport: Transport) -> _T:
    """Send the request. The client's HTTPError would otherwise pass for a broken connection."""

    def guarded() -> _T:
        from requests import HTTPError

        try:
            return request()
        except HTTPError as problem:
            if problem.response is None:
                raise
            raise HttpError(problem.response.status_code, problem.response.headers) from None

    return transport.call(what, guarded, _explain)


def _explain(problem: Exception) -> Fault:
    """Return the fault behind an exception of the registry or of the artifact store behind it."""
    if isinstance(problem, ImportError):
        text = f"its artifact store needs a package that is not installed ({problem.name})"
        hint = "serve artifacts through the MLflow server (--serve-artifacts), or give drift-reference"
        return Fault(kind=FaultKind.UNSUPPORTED, problem=text, hint=hint)
    code: Any = getattr(problem, "error_code", None)
    if code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
        text = "no such run, or the registry does not show it"
        return Fault(kind=FaultKind.MISSING, problem=text, hint=f"check the run's id; {MAKE}")
    hint = "check its artifact store, or give drift-reference"
    unreadable = f"artifacts cannot be read ({type(problem).__name__})"
    return _STORE.explain(problem) or explain(problem) or Fault(kind=FaultKind.REFUSED, problem=unreadable, hint=hint)
