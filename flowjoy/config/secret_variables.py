"""The environment variables that hold credentials, by service: documented in docs/reference.md, hidden in the log."""

from __future__ import annotations

from collections.abc import Mapping

from flowjoy.domain.secret import Secret

OF_THE_REGISTRY = {
    "MLflow": ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"),
    "Unity Catalog": ("MLFLOW_UC_OSS_TOKEN",),
    "Databricks": ("DATABRICKS_TOKEN", "DATABRICKS_CLIENT_SECRET", "DATABRICKS_PASSWORD"),
}
USER_NAMES = ("MLFLOW_TRACKING_USERNAME", "DATABRICKS_USERNAME")

VARIABLES: Mapping[str, tuple[str, ...]] = {
    **OF_THE_REGISTRY,
    "AWS": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    "Azure": (
        "AZURE_CLIENT_SECRET",
        "AZURE_STORAGE_ACCESS_KEY",
        "AZURE_STORAGE_CONNECTION_STRING",
        "ARM_CLIENT_SECRET",
    ),
    "Google Cloud": ("GOOGLE_CREDENTIALS", "GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN"),
    "GitHub": ("GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
}
"""Every variable with a secret value. OIDC starts from the last of GitHub's, and results in those of a cloud."""


def secrets_in(environ: Mapping[str, str]) -> tuple[Secret, ...]:
    """Return the credentials that are set."""
    names = [name for service in VARIABLES.values() for name in service]
    return tuple(Secret(environ[name]) for name in names if environ.get(name))


def of_the_registry(environ: Mapping[str, str]) -> tuple[Secret, ...]:
    """Return the credentials that the client of the registry would send, including user names."""
    names = [*USER_NAMES, *(name for service in OF_THE_REGISTRY.values() for name in service)]
    return tuple(Secret(environ[name]) for name in names if environ.get(name))


def user_names_in(environ: Mapping[str, str]) -> tuple[Secret, ...]:
    """Return the user names that are set, which are hidden only in full."""
    return tuple(Secret(environ[name]) for name in USER_NAMES if environ.get(name))
