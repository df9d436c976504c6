"""`ship`: stamps a registered version as shipped now. Knows the registry; refuses what is not there or not READY."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.mlflow import new_client
from flowjoy.clients.mlflow_errors import explain
from flowjoy.clients.mlflow_registry import DEPLOYED_AGAIN, DEPLOYED_AT
from flowjoy.clients.transport import Transport
from flowjoy.domain.timestamps import iso
from flowjoy.errors import HarvestError

STAMPED_BY = "flowjoy.deployed_by_run"
"""The run that wrote the stamp: a re-run of it does not move the time."""


def stamp(uri: str, name: str, version: str, *, at: datetime, run_id: str | None, transport: Transport) -> str:
    """Stamp `name` version `version`; gives what was done in one sentence. Raises HarvestError when it may not."""
    client = new_client(uri)
    what = f"ship {name} v{version}"

    def look() -> Any:
        found = client.get_model_version(name, version)
        if found.name != name or str(found.version) != version:
            raise MalformedAnswerError("the registry answers with another version")
        return found

    found = transport.call(what, look, explain)
    if str(found.status) != "READY":
        raise HarvestError(f"{what}: the version is {found.status}", hint="ship it when it is READY")
    if run_id is not None and found.tags.get(STAMPED_BY) == run_id and DEPLOYED_AT in found.tags:
        return f"{name} v{version} was stamped by this run before: {found.tags[DEPLOYED_AT]}"
    tags = {DEPLOYED_AT: iso(at)}
    if DEPLOYED_AT in found.tags:
        # It shipped before: its first time stands, and this one makes it live again, not new.
        tags = {DEPLOYED_AGAIN: ",".join(filter(None, (found.tags.get(DEPLOYED_AGAIN), iso(at))))}
    tags |= {STAMPED_BY: run_id} if run_id is not None else {}
    for key, value in tags.items():
        transport.call(what, partial(client.set_model_version_tag, name, version, key, value), explain)
    return f"{name} v{version} is stamped as shipped at {iso(at)}"
