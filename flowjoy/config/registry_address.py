"""How the registry is reached: MLflow's own variables, and what they and the address allow together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from flowjoy.config import secret_variables
from flowjoy.domain.hosts import is_loopback
from flowjoy.domain.secret import Secret
from flowjoy.errors import InputProblem

CERTIFICATES = ("MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_CLIENT_CERT_PATH", "REQUESTS_CA_BUNDLE")
_INSECURE = "MLFLOW_TRACKING_INSECURE_TLS"
_SHOWN = 80


@dataclass(frozen=True, kw_only=True)
class RegistryVariables:
    """The variables by which MLflow's client reaches the registry; `insecure`: it does not check certificates."""

    credentials: tuple[Secret, ...] = ()
    databricks_host: str | None = None
    workspace: str | None = None
    certificates: Mapping[str, str] = field(default_factory=dict)
    insecure: bool = False


def variables_in(environ: Mapping[str, str]) -> RegistryVariables:
    """Return the variables that are set."""
    return RegistryVariables(
        credentials=secret_variables.of_the_registry(environ),
        databricks_host=environ.get("DATABRICKS_HOST") or None,
        workspace=environ.get("MLFLOW_WORKSPACE") or None,
        certificates={name: environ[name] for name in CERTIFICATES if environ.get(name)},
        insecure=environ.get(_INSECURE, "").lower() in ("true", "1"),
    )


def certificate_problems(variables: RegistryVariables, workspace: Path) -> list[InputProblem]:
    """Return the problems with certificates: of the runner's files, a container sees only those of the workspace."""
    problems = [
        InputProblem(
            name,
            "not found in the container, which sees only the workspace. "
            "Put it into the workspace, and set its path from the root of the repository, such as certs/ca.pem",
            value=path[:_SHOWN],
        )
        for name, path in variables.certificates.items()
        if not (workspace / path).exists()
    ]
    if variables.insecure and CERTIFICATES[0] in variables.certificates:
        text = f"expected no {CERTIFICATES[0]} beside it, because MLflow's client accepts only one of them"
        problems.append(InputProblem(_INSECURE, text))
    return problems


def signal_problems(uri: str | None, signal: str, *, ships: bool) -> list[InputProblem]:
    """Return the signals that a Unity Catalog does not keep: stages, and in an open one also aliases and tags."""
    if uri is None:
        return []
    if uri.startswith("uc:") and (signal != "registered" or ships):
        text = "expected `registered` and no `ship`, because an open Unity Catalog keeps neither aliases nor tags"
        is_signal = signal != "registered"
        return [InputProblem("model-signal", text, value=signal) if is_signal else InputProblem("ship", text)]
    if uri.startswith("databricks-uc") and signal.startswith("stage:"):
        text = "expected alias:<name>, because a Unity Catalog has no stages"
        return [InputProblem("model-signal", text, value=signal)]
    return []


def is_unencrypted(uri: str) -> bool:
    """Return whether requests to this registry leave the machine unencrypted."""
    parts = urlsplit(uri.removeprefix("uc:"))
    return parts.scheme == "http" and not is_loopback(parts.hostname)


def warnings_of(uri: str | None, variables: RegistryVariables) -> list[str]:
    """Return a warning for each way in which the connection to the registry can be read or changed."""
    if uri is None:
        return []
    warnings = []
    if is_unencrypted(uri):
        also = "; the credentials are sent unencrypted, as `mlflow-allow-http` allows" if variables.credentials else ""
        warnings.append(f"mlflow-tracking-uri is http: the answers of the registry can be changed on the way{also}")
    if variables.insecure:
        warnings.append(f"{_INSECURE} is set: the identity of the registry is not verified")
    return warnings
