"""The model stub: the JSON file that names the model versions that code depends on.

`stub_schema` validates it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic_core import ValidationError

from flowjoy.analysis.promise import stub_errors
from flowjoy.domain import AbsentStub, FileAtCommit, ParsedStub, Requirement, StubFile, UnreadableStub, Waiver

if TYPE_CHECKING:
    from flowjoy.analysis.promise.stub_schema import ModelEntry, WaiverEntry

DEFAULT_NAME = "flowjoy.json"
LARGEST_BYTES = 256 * 1024
MAX_DEPTH = 8
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+')

_Path = tuple[str | int, ...]


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
    from flowjoy.analysis.promise import stub_schema  # pydantic takes long to import

    if len(text.encode(errors="surrogatepass")) > LARGEST_BYTES:
        raise _InvalidError(1, f"is larger than {LARGEST_BYTES >> 10} KiB. {stub_errors.OTHER_TOOL}")
    _refuse_depth(text)
    data = _loaded(text)
    problem = stub_errors.foreign(data)
    if problem is not None:
        raise _InvalidError(1, problem)
    lines = _lines(text)
    try:
        schema = stub_schema.StubSchema.model_validate(data)
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
