"""Turns answers of services into typed values: each source declares the fields that it needs.

Other keys are ignored; values are never converted. An error names the path of the field and the kind of mistake,
never the server's value or pydantic's text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Mapping
from datetime import datetime
from functools import cache
from threading import Lock
from typing import Annotated, Any, Generic, Self, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.domain import commit_sha
from flowjoy.domain.timestamps import parse_iso

_T = TypeVar("_T")
_OWN = "flowjoy"
_PROBLEMS = {
    "bool_type": "is not true or false",
    "dict_type": "is not an object",
    "greater_than": "is too small",
    "greater_than_equal": "is too small",
    "int_type": "is not a whole number",
    "list_type": "is not a list",
    "literal_error": "is not a value that FlowJoy knows",
    "model_type": "is not an object",
    "string_too_short": "is empty",
    "string_type": "is not text",
    "tuple_type": "is not a list",
}
_IDS = ("databaseId", "number", "id")
_ID = re.compile(r"[0-9A-Z]{1,20}")
_building = Lock()


def refusal(problem: str) -> PydanticCustomError:
    """Return the error of a rule of our own; `problem` follows the path of the field."""
    return PydanticCustomError(_OWN, problem)


def _full_sha(text: str) -> str:
    if not commit_sha.is_full(commit_sha.lowered(text)):
        raise refusal("is not a commit sha")
    return commit_sha.lowered(text)


def _instant(value: object) -> datetime:
    try:
        return parse_iso(value if isinstance(value, str) else "")
    except ValueError:
        raise refusal("is not a timestamp with an offset") from None


Text = Annotated[str, Field(min_length=1)]
Id = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Sha = Annotated[str, AfterValidator(_full_sha)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Many = Annotated[tuple[_T, ...], Field(strict=False)]
"""A list of an answer, as an immutable value."""


class Response(BaseModel):
    """An object of an answer. Its schema is built when the first one is read, not at start-up."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", defer_build=True)


class GraphQL(Response):
    """An object with GraphQL's names: `databaseId` for `database_id`."""

    model_config = ConfigDict(alias_generator=to_camel)


class PageInfo(GraphQL):
    """The position of the next page of a connection."""

    has_next_page: bool
    end_cursor: str | None  # null: the list is empty

    @model_validator(mode="after")
    def _has_cursor(self) -> Self:
        if self.has_next_page and not self.end_cursor:
            raise refusal("does not say where the next page begins")
        return self


class Connection(GraphQL, Generic[_T]):
    """One page of a GraphQL list."""

    total_count: Count
    page_info: PageInfo
    nodes: Many[_T]

    @model_validator(mode="after")
    def _counts_what_it_shows(self) -> Self:
        # A list that moves while it is read may show an item twice.
        if self.total_count < len(self.nodes) and self.total_count < len(set(self.nodes)):
            raise refusal("shows more than it counts")
        return self

    @property
    def cursor(self) -> str | None:
        """Where the next page begins; None at the end."""
        return self.page_info.end_cursor if self.page_info.has_next_page else None


def read(kind: type[_T], raw: Any) -> _T:
    """Return an answer as a value of `kind`. Raise MalformedAnswerError that names the first wrong field."""
    try:
        value: _T = _adapter(cast("Hashable", kind)).validate_python(raw)
    except ValidationError as problem:
        errors = problem.errors(include_url=False, include_context=False, include_input=False)
        raise MalformedAnswerError(_sentence(errors[0], raw)) from None
    return value


def reader(kind: type[_T]) -> Callable[[Any], _T]:
    """Return the check of a request whose answer is of this kind."""
    return lambda raw: read(kind, raw)


def read_named(kind: Any, raw: Any, names: Collection[str]) -> dict[str, Any]:
    """Return these keys of an object, all of which must exist."""
    known: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
    missing = next((name for name in names if name not in known), None)
    if missing is not None:
        raise MalformedAnswerError(f"the answer lacks `{missing}`")
    return read(dict[str, kind], {name: known[name] for name in names})


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    with _building:  # answers are read in threads
        is_model = isinstance(kind, type) and issubclass(kind, BaseModel)  # which has a config of its own
        adapter = TypeAdapter[Any](cast("Any", kind), config=None if is_model else ConfigDict(strict=True))
        adapter.rebuild(force=True)
        return adapter


def _sentence(error: Mapping[str, Any], raw: Any) -> str:
    """Return a sentence about the first wrong field, with the lists and items around it and the nearest id."""
    # If an object is read as a mapping, its keys are text of the server.
    path = [part if isinstance(part, int) or part.isidentifier() else "…" for part in error["loc"]]
    number = ""
    for part in path:
        raw = raw[part] if isinstance(part, int) or (isinstance(raw, dict) and part in raw) else raw
        ids = (str(raw.get(key)) for key in _IDS) if isinstance(raw, dict) else ()
        number = next(filter(_ID.fullmatch, ids), number)
    last = [path.pop()] if path else []
    while path and isinstance(last[0], int):
        last.insert(0, path.pop())
    name, inside = ".".join(map(str, last)), ".".join(map(str, path))
    location = ", ".join(filter(None, (inside, f"id {number}" if number else "")))
    if error["type"] == "missing":
        problem = f"the answer lacks `{name}`"
    else:
        text = error["msg"] if error["type"] == _OWN else _PROBLEMS.get(error["type"], "is not what the API promises")
        problem = f"the answer's `{name}` {text}" if name else f"the answer {text}"
    return f"{problem} ({location})" if location else problem
