"""A receiver of CDEvents on loopback, which validates what it is sent by the released schemas.

CDEvents 0.5.0 and CloudEvents 1.0.2, each as released, with its licence, in `schemas/`.
"""

from __future__ import annotations

import functools
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from tests.fakes.http_base import Answer, Request, StandIn

SCHEMAS = Path(__file__).parent / "schemas"
BATCH = "application/cloudevents-batch+json"
_FORMATS = FormatChecker()
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_URI_REFERENCE = re.compile(r"(?:[\w.~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+", re.ASCII)


@_FORMATS.checks("date-time")
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or (_INSTANT.fullmatch(value) is not None and bool(datetime.fromisoformat(value)))


@_FORMATS.checks("uri-reference")
@_FORMATS.checks("uri")
def _is_address(value: object) -> bool:
    return not isinstance(value, str) or _URI_REFERENCE.fullmatch(value) is not None


@functools.cache
def _by_type() -> dict[str, Draft202012Validator]:
    """The validator of each type of CDEvent; the custom one under an empty name."""
    every = [json.loads(path.read_text()) for path in sorted((SCHEMAS / "cdevents-0.5.0").glob("*.json"))]
    registry = Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in every)
    events = [schema for schema in every if "context" in schema.get("properties", ())]
    return {
        schema["properties"]["context"]["properties"]["type"].get("default", ""): Draft202012Validator(
            schema, registry=registry, format_checker=_FORMATS
        )
        for schema in events
    }


@functools.cache
def _of_cloud_event() -> Draft7Validator:
    schema = json.loads((SCHEMAS / "cloudevents-1.0.2" / "cloudevents.json").read_text())
    return Draft7Validator(schema, format_checker=_FORMATS)


def problems_of(event: Any) -> list[str]:
    """What CDEvents' released schema of its own type finds wrong with an event."""
    kind = event.get("context", {}).get("type", "")
    validator = _by_type().get(kind) or _by_type()[""]
    return [f"{kind} {problem.json_path}: {problem.message}" for problem in validator.iter_errors(event)]


def batch_problems(batch: Any) -> list[str]:
    """What is wrong with a batch of CloudEvents that carry CDEvents, by both released schemas and the binding."""
    if not isinstance(batch, list):
        return ["not a list"]
    problems = [problem.message for item in batch for problem in _of_cloud_event().iter_errors(item)]
    for item in batch if not problems else ():
        context, subject = item["data"]["context"], item["data"]["subject"]
        bound = {"id": context["id"], "source": context["source"], "type": context["type"]}
        bound |= {"time": context["timestamp"], "subject": subject["id"]}
        problems += [f"{name} differs from the CDEvent's" for name, value in bound.items() if item.get(name) != value]
        problems += problems_of(item["data"])
    return problems


class CDEventsStandIn(StandIn):
    """`events` as they came, and `batches` by their length. A batch that is not valid is refused with a 400."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.batches: list[int] = []
        self.problems: list[str] = []
        super().__init__()

    def answer(self, request: Request) -> Answer:
        if request.method != "POST" or request.headers.get("content-type", "").partition(";")[0] != BATCH:
            return Answer(415, {"message": "not a batch of CloudEvents"})
        batch = request.json()
        problems = batch_problems(batch)
        self.problems += problems
        if problems:
            return Answer(400, {"message": problems[0]})
        self.batches.append(len(batch))
        self.events += [item["data"] for item in batch]
        return Answer(202, b"")
