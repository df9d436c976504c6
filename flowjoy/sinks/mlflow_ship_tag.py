"""Tags a registered version as shipped, for the input `ship`."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.mlflow import new_client
from flowjoy.clients.mlflow_errors import explain, explain_version
from flowjoy.clients.mlflow_models import DEPLOYED_AGAIN, DEPLOYED_AT
from flowjoy.clients.transport import Transport
from flowjoy.domain.timestamps import iso
from flowjoy.errors import HarvestError

STAMPED_BY = "flowjoy.deployed_by_run"
"""The run that wrote the tag: re-running it does not move the time."""


def stamp(uri: str, name: str, version: str, *, at: datetime, run_id: str | None, transport: Transport) -> str:
    """Tag a version of a model, and return a sentence about it. Raise HarvestError unless the version is READY."""
    client = new_client(uri)
    what = f"ship {name} v{version}"

    def fetch() -> Any:
        current = client.get_model_version(name, version)
        if current.name != name or str(current.version) != version:
            raise MalformedAnswerError("the registry answers with another version")
        return current

    current = transport.call(what, fetch, explain_version)
    if str(current.status) != "READY":
        raise HarvestError(f"{what}: the version is {current.status}", hint="ship it when it is READY")
    if run_id is not None and current.tags.get(STAMPED_BY) == run_id and DEPLOYED_AT in current.tags:
        return f"{name} v{version} was stamped by this run before: {current.tags[DEPLOYED_AT]}"
    tags = {DEPLOYED_AT: iso(at)}
    if DEPLOYED_AT in current.tags:
        # It shipped before: the first time remains, and this one makes it live again.
        tags = {DEPLOYED_AGAIN: ",".join(filter(None, (current.tags.get(DEPLOYED_AGAIN), iso(at))))}
    tags |= {STAMPED_BY: run_id} if run_id is not None else {}
    for key, value in tags.items():
        transport.call(what, partial(client.set_model_version_tag, name, version, key, value), explain)
    return f"{name} v{version} is stamped as shipped at {iso(at)}"
