"""Reads what the MLflow client returns for a model or a version into values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.mlflow_models import PROMPT_TAG, RegisteredVersion
from flowjoy.clients.responses import read
from flowjoy.domain.version_order import version_name

_LOGGED_MODEL = re.compile(r"models:/(m-[0-9a-f]{32})/?")


def version_of(item: Any, names: Iterable[str], *, in_unity_catalog: bool) -> RegisteredVersion:
    """Return a version of one of the models that were asked for. Raise MalformedAnswerError if it is another's."""
    names = list(names)
    name = next((asked for asked in names if is_same_name(item.name, asked, in_unity_catalog=in_unity_catalog)), None)
    # A filter that admits versions of another model may also omit some of ours, so the answer is refused.
    if name is None:
        asked = ", ".join(map(repr, names))
        raise MalformedAnswerError(f"asked for versions of {asked}, the registry answers with another model's")
    fields = {
        "name": name,
        "version": version_number(item.version),
        "created": item.creation_timestamp or 0,  # `created` names the version that does not say
        "changed": item.last_updated_timestamp,
        "status": item.status,
        "stage": str(item.current_stage),
        "run_id": item.run_id or None,
        "source": item.source or None,
        "model_id": _model_id(item),
        # Searches of a Unity Catalog have a method there.
        "tags": {} if in_unity_catalog and callable(item.tags) else item.tags,
    }
    return read(RegisteredVersion, fields)


def version_number(text: object) -> str:
    """Return the name of a version as it is compared. Raise MalformedAnswerError if it is none."""
    number = version_name(text)
    if number is None:
        raise MalformedAnswerError("the answer holds what is not a version of the model asked for")
    return number


def is_same_name(given: object, asked: str, *, in_unity_catalog: bool) -> bool:
    """Return whether a name is the one asked for. A Unity Catalog keeps names in lower case."""
    if in_unity_catalog:
        return isinstance(given, str) and given.casefold() == asked.casefold()
    return given == asked


def is_prompt(model: Any) -> bool:
    """Return whether a registered model is a prompt."""
    # What a search of a Unity Catalog gives has a method there.
    return isinstance(model.tags, dict) and model.tags.get(PROMPT_TAG) == "true"


def _model_id(version: Any) -> str | None:
    """Return the id of the logged model behind a version (MLflow 3), or None where the registry does not give one."""
    # Servers of MLflow itself keep the id only as the source.
    named = _LOGGED_MODEL.fullmatch(version.source or "")
    return version.model_id or (named[1] if named else None)
