"""The model stub: the JSON file that names the model versions that code depends on.

The pydantic models below validate it, and the JSON Schema that ships in the package is generated from them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from flowjoy.analysis.promise import stub_errors
from flowjoy.domain import AbsentStub, FileAtCommit, ParsedStub, Requirement, StubFile, UnreadableStub, Waiver
from flowjoy.domain.timestamps import parse_iso
from flowjoy.domain.version_order import PIN, POSITIVE

DEFAULT_NAME = "flowjoy.json"
LARGEST_BYTES = 256 * 1024
MAX_DEPTH = 8
_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+')

_ModelName = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\"'`\x00-\x1f\x7f]+$")]
_Requires = Annotated[str, StringConstraints(pattern=rf"^(any|none|>={POSITIVE}|{PIN})$")]
_Short = Annotated[str, StringConstraints(pattern=rf"^(any|>={POSITIVE}|{PIN})$")]


def _legible(value: str) -> str:
    """Return a text with at least one letter or digit that can be seen; Hangul fillers are letters that cannot."""
    if not any(character.isalnum() and character not in "\u115f\u1160\u3164\uffa0" for character in value):
        raise ValueError("expected a text that can be read")
    return value


_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), AfterValidator(_legible)]
_Owner = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$"
    ),
    AfterValidator(_legible),
]
_Sha = Annotated[str, StringConstraints(pattern=r"^(\*|[0-9a-fA-F]{40}|[0-9a-fA-F]{64})$")]
_Path = tuple[str | int, ...]


_InstantText = Annotated[str, Field(json_schema_extra={"anyOf": [{"format": "date-time"}, {"format": "date"}]})]
_DAY = re.compile(r"\s*\d{4}-\d{2}-\d{2}\s*", re.ASCII)


def _instant(value: object) -> datetime:
    """Return the instant of ISO text with an offset; a date alone means its last second in UTC."""
    if not isinstance(value, str):
        raise ValueError("expected an ISO instant such as 2026-12-31T00:00:00Z, or a date")  # noqa: TRY004  (pydantic wants it)
    return parse_iso(f"{value.strip()}T23:59:59Z" if _DAY.fullmatch(value) else value)


class ModelEntry(BaseModel):
    """The requirement of one model: `12` or `1.2.0`, `>=12`, `any` or `none` with a reason; `owner`: who ships it."""

    model_config = _STRICT
    requires: _Requires = "any"
    reason: _Text | None = None
    owner: _Owner | None = None

    @model_validator(mode="after")
    def _none_is_reasoned(self) -> ModelEntry:
        if self.requires == "none" and self.reason is None:
            raise ValueError('"none" needs a "reason"')
        return self


class WaiverEntry(BaseModel):
    """A signed exception for a model and a sha (`*`: every sha), until a timestamp or the end of a day in UTC."""

    model_config = _STRICT
    model: _ModelName
    sha: _Sha
    reason: _Text
    by: _Text
    until: Annotated[datetime, BeforeValidator(_instant, json_schema_input_type=_InstantText)]


def _expand(entry: object) -> object:
    """Return the long form of an entry: `"12"` means `{"requires": "12"}`."""
    return {"requires": entry} if isinstance(entry, str) else entry


class StubSchema(BaseModel):
    """flowjoy.json: which model versions this code depends on."""

    model_config = _STRICT
    schema_: str | None = Field(default=None, alias="$schema")
    models: dict[
        _ModelName, Annotated[ModelEntry, BeforeValidator(_expand, json_schema_input_type=_Short | ModelEntry)]
    ]
    waivers: tuple[WaiverEntry, ...] = Field(default=(), strict=False)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of the file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **StubSchema.model_json_schema()}


@lru_cache(maxsize=256)  # many commits share one text
def read(file: FileAtCommit) -> StubFile:
    """Return the stub that a file contains."""
    if file.problem is not None:
        return UnreadableStub(file=file, problem=file.problem)
    if file.text is None:
        return AbsentStub(file=file)
    try:
        return _parsed(file, file.text.removeprefix("\ufeff"))
    except _InvalidError as problem:
        return UnreadableStub(file=file, problem=str(problem), line=problem.line)


def _parsed(file: FileAtCommit, text: str) -> ParsedStub:
    """Return the stub in `text`. Raise _InvalidError with the line and the broken rule, without the content."""
    if len(text.encode(errors="surrogatepass")) > LARGEST_BYTES:
        raise _InvalidError(1, f"is larger than {LARGEST_BYTES >> 10} KiB. {stub_errors.OTHER_TOOL}")
    _refuse_depth(text)
    data = _loaded(text)
    problem = stub_errors.foreign(data)
    if problem is not None:
        raise _InvalidError(1, problem)
    lines = _lines(text)
    try:
        schema = StubSchema.model_validate(data)
    except ValidationError as invalid:
        first = min(invalid.errors(include_url=False), key=lambda error: _line_of(error["loc"], lines))
        raise _InvalidError(_line_of(first["loc"], lines), stub_errors.broken_rule(first)) from None
    return ParsedStub(
        file=file,
        requirements=tuple(_requirement(model, entry) for model, entry in sorted(schema.models.items())),
        waivers=tuple(_waiver(entry) for entry in schema.waivers),
        lines={model: lines[("models", model)] for model in schema.models},
        owners={model: entry.owner for model, entry in schema.models.items() if entry.owner is not None},
    )


def _requirement(model: str, entry: ModelEntry) -> Requirement:
    return replace(Requirement.of(model, entry.requires), reason=entry.reason)


def _waiver(entry: WaiverEntry) -> Waiver:
    return Waiver(model=entry.model, sha=entry.sha.lower(), reason=entry.reason, by=entry.by, until=entry.until)


def _loaded(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as problem:
        raise _InvalidError(problem.lineno, stub_errors.not_json(text, problem.pos)) from None
    except _ConstantError as problem:
        raise _InvalidError(1, f"is not JSON: {problem} is not a JSON value") from None
    except ValueError:  # more digits than Python reads
        raise _InvalidError(1, "holds a number that is too long") from None


class _InvalidError(Exception):
    """The text is not a stub; the message is the broken rule."""

    def __init__(self, line: int, rule: str) -> None:
        self.line = line
        super().__init__(rule)


class _ConstantError(ValueError):
    """NaN or Infinity, which Python's parser would accept."""


def _refuse_constant(text: str) -> None:
    raise _ConstantError(text)


def _refuse_depth(text: str) -> None:
    """Raise _InvalidError for deep nesting, before a parser recurses into it."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += (token[0] in "[{") - (token[0] in "]}")
        if depth > MAX_DEPTH:
            line = text.count("\n", 0, token.start()) + 1
            raise _InvalidError(line, f"is nested deeper than {MAX_DEPTH}. {stub_errors.OTHER_TOOL}")


def _lines(text: str) -> dict[_Path, int]:
    """Return the line of every key and item of a valid JSON text. Raise _InvalidError for a duplicate key."""
    lines: dict[_Path, int] = {(): 1}
    stack: list[str | int] = []
    line, last_end = 1, 0
    closers: list[str] = []
    expects_key = False
    for token in _TOKEN.finditer(text):
        line += text.count("\n", last_end, token.start())
        last_end = token.start()
        mark = token[0]
        if mark in "{[":
            if closers and closers[-1] == "]":
                lines[tuple(stack)] = line
            closers.append("}" if mark == "{" else "]")
            stack.append("" if mark == "{" else 0)
            expects_key = mark == "{"
        elif mark in "}]":
            closers.pop()
            stack.pop()
            expects_key = False
        elif mark == ",":
            if closers[-1] == "]":
                stack[-1] = int(stack[-1]) + 1
            expects_key = closers[-1] == "}"
        elif expects_key:
            key = str(json.loads(mark))
            stack[-1] = key
            expects_key = False
            if tuple(stack) in lines:
                raise _InvalidError(line, f"names {key[:40]!r} twice")
            lines[tuple(stack)] = line
        elif mark != ":" and closers and closers[-1] == "]":
            lines[tuple(stack)] = line
    return lines


def _line_of(location: tuple[str | int, ...], lines: Mapping[_Path, int]) -> int:
    """Return the line of the longest part of a pydantic location that exists in the file."""
    path = location
    while path not in lines:
        path = path[:-1]
    return lines[path]
