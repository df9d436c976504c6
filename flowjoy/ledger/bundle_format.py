"""Reads and writes a bundle: one versioned JSON file. The same records give the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from json.encoder import encode_basestring
from typing import Any, TypeVar, cast, get_args
from zoneinfo import ZoneInfo

import pydantic_core
from pydantic_core import ValidationError

from flowjoy.domain import StubFile
from flowjoy.domain.bundle import Bundle
from flowjoy.domain.deduplication import without_half_pairs
from flowjoy.domain.timestamps import EARLIEST, LATEST, iso
from flowjoy.errors import BundleError, NewerBundleError
from flowjoy.ledger import bundle_schema

SCHEMA = 4
"""Raised when a key changes its meaning or an older reader would lose what it must keep.

2: the ledger's memory. 3: the keys of alerts, and when the first trusted run was. 4: when stamps were first seen.
"""

MAX_WEEKS, MAX_HOURS = 104, 8760

_ALWAYS_WRITTEN = ("code", "coverage", "incidents", "models")
"""Without one of these a file would read as a service that never shipped."""

_STUBS = get_args(StubFile)

_NUMBER = json.JSONEncoder(allow_nan=False)
_NOT_ONE = "this is not a FlowJoy bundle"
_Value = TypeVar("_Value")


def to_json(bundle: Bundle, computed: Mapping[str, object] | None = None, redact: Callable[[str], str] = str) -> bytes:
    """Return the bundle as sorted JSON: the same bytes for the same records in any order.

    `computed` adds keys that were computed from the records, for other programs; `from_json` ignores them. `redact`
    changes texts, never a key of the format, a timestamp or an enumerated value: the bundle stays readable.
    """
    ordered = bundle.ordered()
    texts = {name: json_text(getattr(ordered, name), redact, redact, "\n ") for name in _field_names(Bundle)}
    texts |= {key: json_text(item, redact, str, "\n ") for key, item in (computed or {}).items()}
    text = _object({"schema": str(SCHEMA), **texts}, "\n") + "\n"
    try:
        return text.encode()
    except UnicodeEncodeError:
        return without_half_pairs(text).encode()


def from_json(raw: bytes) -> Bundle:
    """Return the bundle in a file of this or an older schema. Raise BundleError, or NewerBundleError for a newer one.

    Unknown keys are ignored; missing ones take their default, if they have one.
    """
    data = _loaded(raw)
    missing = next((key for key in _ALWAYS_WRITTEN if key not in data), None)
    if missing is not None:
        raise BundleError(f"{_NOT_ONE}: `{missing}` is missing")
    bundle = _validated(Bundle, raw)
    _check_limits(bundle)
    return bundle


def part(raw: bytes, key: str, kind: type[_Value]) -> _Value | None:
    """Return one of the `computed` keys as a value; None if the bundle does not have it. Only `replay` needs it."""
    data = _loaded(raw)
    return _validated(kind, pydantic_core.to_json(data[key])) if key in data else None


def _loaded(raw: bytes) -> dict[str, Any]:
    """Return the keys of a JSON object whose schema this FlowJoy can read."""
    try:
        data = pydantic_core.from_json(raw, allow_inf_nan=False)
    except ValueError:
        raise BundleError(f"{_NOT_ONE}: it is not JSON") from None
    if not isinstance(data, dict) or type(data.get("schema")) is not int:
        raise BundleError(f"{_NOT_ONE}: it names no schema")
    if not 1 <= data["schema"] <= SCHEMA:
        error = NewerBundleError if data["schema"] > SCHEMA else BundleError
        raise error(f"the bundle is of schema {data['schema']}, this FlowJoy reads schemas up to {SCHEMA}")
    return data


def _validated(kind: type[_Value], raw: bytes) -> _Value:
    try:
        value: _Value = bundle_schema.validator(cast("Hashable", kind)).validate_json(raw, strict=True)
    except ValidationError as problem:
        error = problem.errors(include_url=False, include_context=False, include_input=False)[0]
        raise BundleError(f"{_NOT_ONE}: {_sentence(error['loc'], error['type'], error['msg'])}"[:300]) from None
    return value


def _sentence(path: tuple[int | str, ...], kind: str, message: str) -> str:
    """Name the wrong field. Keys that are data, such as commits, are left out: anyone may have written them."""
    name = ".".join(str(step) if isinstance(step, int) or step.isidentifier() else "…" for step in path)
    if kind == "missing":
        return f"`{name}` is missing"
    return f"`{name}` {message if kind == bundle_schema.OWN_ERROR else 'is not what FlowJoy writes there'}"


def _check_limits(bundle: Bundle) -> None:
    """Raise BundleError for values that no run writes and that would break later computations."""
    terms, window = bundle.terms, bundle.window
    try:
        ZoneInfo(window.timezone)
        known_zone = True
    except (LookupError, ValueError, OSError):
        known_zone = False
    within_limits = (
        known_zone
        and 1 <= window.weeks <= MAX_WEEKS
        and all(0 < hours <= MAX_HOURS for hours in (terms.sla_hours, terms.incident_match_hours))
        and all(EARLIEST <= stamp <= LATEST for stamp in (bundle.generated_at, window.since, window.until))
    )
    if not within_limits:
        raise BundleError(f"{_NOT_ONE}: its window or terms are none that a run can have")


def json_text(
    value: object, redact: Callable[[str], str] = str, redact_key: Callable[[str], str] = str, line: str = "\n"
) -> str:
    """Return a value as JSON, as json.dumps with an indent of 1 does in twice the time.

    Keys of a mapping are data and redacted by `redact_key`. `line`: the begin of the line that the value ends on.
    """
    if value is None:
        return "null"
    if isinstance(value, str):
        return encode_basestring(value.value if isinstance(value, Enum) else redact(value))
    if isinstance(value, datetime):
        return encode_basestring(iso(value))
    if isinstance(value, date):
        return encode_basestring(value.isoformat())
    inner = line + " "
    if isinstance(value, tuple | list):
        items = f",{inner}".join([json_text(item, redact, redact_key, inner) for item in value])
        return f"[{inner}{items}{line}]" if value else "[]"
    if isinstance(value, _STUBS):
        value = value.file  # it is parsed again where it is read
    if is_dataclass(value):
        names = _field_names(cast("Hashable", type(value)))
        return _object({name: json_text(getattr(value, name), redact, redact_key, inner) for name in names}, line)
    if isinstance(value, Mapping):
        plain = {redact_key(str(key)): json_text(item, redact, redact_key, inner) for key, item in value.items()}
        return _object(plain, line)
    return _NUMBER.encode(value)


def _object(texts: Mapping[str, str], line: str) -> str:
    """Return a JSON object of values that are JSON already, sorted by name."""
    items = f",{line} ".join([f"{encode_basestring(name)}: {texts[name]}" for name in sorted(texts)])
    return f"{{{line} {items}{line}}}" if texts else "{}"


@cache
def _field_names(kind: Hashable) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cast("Any", kind)))
