"""The parsers of inputs that are addresses; like those in `parsers`, they raise ValueError with what is expected."""

from __future__ import annotations

import re

from flowjoy.config.parsers import CONTROL_CHARACTERS, text
from flowjoy.domain.hosts import is_loopback, split_address
from flowjoy.domain.secret import Secret

_API_PATH = re.compile(r"(?<=[^/:])/+(ajax-api|api/\d+\.\d+)(/.*)?$")
"""The path that clients append to the address of a registry."""


def slack_webhook(value: str) -> Secret:
    """Return the address of an incoming webhook. Raise ValueError for one that starts a workflow instead."""
    parts = split_address(value)
    path = parts.path if parts is not None else ""
    on_slack = parts is not None and parts.hostname in ("hooks.slack.com", "hooks.slack-gov.com")
    if path.startswith(("/triggers/", "/workflows/")) or (on_slack and not path.startswith("/services/")):
        raise ValueError(
            "an incoming webhook (https://hooks.slack.com/services/…); this address starts a workflow or a command. "
            "Make an incoming webhook: api.slack.com/apps, Incoming Webhooks, Add New Webhook"
        )
    return secret_url(value)


def teams_webhook(value: str) -> Secret:
    """Return the address of a workflow. Raise ValueError for that of a connector, which Microsoft has retired."""
    parts = split_address(value)
    if parts is not None and (parts.hostname or "").endswith(("webhook.office.com", "outlook.office.com")):
        raise ValueError(
            "the address of a workflow; this one is of an Office 365 connector, which is retired. Make a workflow in "
            'Teams: Workflows, "Send webhook alerts to a channel"'
        )
    return secret_url(value)


def secret_url(value: str) -> Secret:
    """Return an https address (http on loopback only) that is itself a credential."""
    parts = split_address(value) if not CONTROL_CHARACTERS.search(value) else None
    local = parts is not None and parts.scheme == "http" and is_loopback(parts.hostname)
    if parts is None or not parts.hostname or parts.username or (parts.scheme != "https" and not local):
        raise ValueError("an https address, without a user name in it")
    return Secret(value)


def tracking_uri(value: str) -> str:
    """Return a registry: http(s), `databricks`, `databricks-uc` (with `://profile`), `uc:http(s)://…`, `sqlite:///…`."""
    usable = "http(s)://host, databricks, databricks-uc, uc:http(s)://host or sqlite:///path"
    if re.fullmatch(r"databricks(-uc)?(://[\w.-]+)?", text(value), re.ASCII):
        return value
    parts = split_address(value.removeprefix("uc:"))
    if parts is None:
        raise ValueError(usable)
    if parts.username or parts.password:
        raise ValueError(
            f"{usable}, without user:password in it (set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD)"
        )
    if parts.scheme == "sqlite" and value.startswith("sqlite:///"):
        return value
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(usable)
    root = _API_PATH.sub("", re.split("[?#]", value)[0]).rstrip("/")
    if root != value.rstrip("/"):
        raise ValueError(f"the root of the server: {root}")
    return root
