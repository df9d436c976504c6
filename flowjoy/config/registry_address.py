"""What the address of the registry, MLflow's own variables and other inputs say together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from flowjoy.domain.hosts import is_loopback

CERTIFICATES = ("MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_CLIENT_CERT_PATH", "REQUESTS_CA_BUNDLE")
_INSECURE = "MLFLOW_TRACKING_INSECURE_TLS"


@dataclass(frozen=True, kw_only=True)
class RegistryVariables:
    """MLflow's variables that say how the registry is reached: its workspace, certificates, and whether they count."""

    workspace: str | None = None
    certificates: Mapping[str, str] | None = None
    insecure: bool = False


def variables_in(environ: Mapping[str, str]) -> RegistryVariables:
    """Return those that are set."""
    return RegistryVariables(
        workspace=environ.get("MLFLOW_WORKSPACE") or None,
        certificates={name: environ[name] for name in CERTIFICATES if environ.get(name)},
        insecure=environ.get(_INSECURE, "").lower() in ("true", "1"),
    )


def certificate_problems(variables: RegistryVariables, workspace: Path) -> list[str]:
    """Return what is wrong with the certificates: a container sees no file of the runner but those of the workspace."""
    given = dict(variables.certificates or {})
    problems = [
        f"{name} {path[:80]!r}: there is no such file or folder here; a container action sees only the workspace: "
        f"put it there, and give its path from the root of the repository, such as certs/ca.pem"
        for name, path in given.items()
        if not (workspace / path).exists()
    ]
    if variables.insecure and CERTIFICATES[0] in given:
        problems.append(f"{_INSECURE}: expected no {CERTIFICATES[0]} beside it; MLflow's client takes one of them")
    return problems


def signal_problems(uri: str | None, signal: str, *, ships: bool) -> list[str]:
    """Return what a Unity Catalog cannot tell: it has no stages, and the open one neither aliases nor tags."""
    if uri is None:
        return []
    if uri.startswith("uc:") and (signal != "registered" or ships):
        name = f"model-signal {signal!r}" if signal != "registered" else "ship"
        return [f"{name}: expected `registered` and no `ship`; an open Unity Catalog keeps neither aliases nor tags"]
    if uri.startswith("databricks-uc") and signal.startswith("stage:"):
        return [f"model-signal {signal!r}: expected alias:<name>, because a Unity Catalog has no stages"]
    return []


def travels_in_the_clear(uri: str) -> bool:
    """Return whether requests to this registry leave the machine unencrypted."""
    parts = urlsplit(uri.removeprefix("uc:"))
    return parts.scheme == "http" and not is_loopback(parts.hostname)


def warnings_of(uri: str | None, *, credentials: bool, insecure: bool) -> list[str]:
    """Return what may be read or changed on the way to the registry."""
    warnings = []
    if uri is not None and travels_in_the_clear(uri):
        also = "; the credentials travel readable, as `mlflow-allow-http` allows" if credentials else ""
        warnings.append(f"mlflow-tracking-uri is http: what the registry says can be changed on the way{also}")
    if insecure:
        warnings.append(f"{_INSECURE} is set: nothing proves that the registry is the right one")
    return warnings
