"""The validators of a bundle, built from the type hints of the domain's dataclasses with FlowJoy's rules for values.

pydantic builds the same ones, but to import it takes longer than to read a bundle.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from pydantic_core import CoreSchema, PydanticCustomError, SchemaValidator, core_schema

from flowjoy.analysis.promise import model_stub
from flowjoy.domain import FileAtCommit, StubFile
from flowjoy.domain.timestamps import parse_iso

OWN_ERROR = "flowjoy"
"""The type of an error whose message is FlowJoy's own."""


@cache
def validator(kind: Hashable) -> SchemaValidator:
    """Return the validator of a dataclass."""
    return SchemaValidator(_schema(kind))


@cache
def _schema(hint: Any) -> CoreSchema:
    """Return the schema of a type: timestamps are aware, numbers finite, and a stub is parsed as it is read."""
    if hint == StubFile:
        return core_schema.no_info_after_validator_function(model_stub.read, _schema(FileAtCommit))
    if is_dataclass(hint):
        return _dataclass(hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return core_schema.enum_schema(hint, list(hint), sub_type="str")
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, (first, *rest) = get_origin(hint), get_args(hint)
    if origin is tuple and rest == [...]:
        return core_schema.tuple_schema([_schema(first)], variadic_item_index=0)
    if origin is Mapping:
        return core_schema.dict_schema(_schema(first), _schema(rest[0]))
    if origin is UnionType and rest == [NoneType]:
        return core_schema.nullable_schema(_schema(first))
    raise TypeError(f"a bundle cannot hold {hint}")


def _dataclass(kind: Any) -> CoreSchema:
    hints = get_type_hints(kind)
    known = [core_schema.dataclass_field(item.name, _field(item, hints[item.name])) for item in fields(kind)]
    arguments = core_schema.dataclass_args_schema(kind.__name__, known)
    return core_schema.dataclass_schema(
        kind, arguments, [item.name for item in fields(kind)], slots="__slots__" in vars(kind)
    )


def _field(item: Field[Any], hint: Any) -> CoreSchema:
    schema = _schema(hint)
    if item.default_factory is not MISSING:
        return core_schema.with_default_schema(schema, default_factory=item.default_factory)
    return schema if item.default is MISSING else core_schema.with_default_schema(schema, default=item.default)


def _timestamp(value: object) -> datetime:
    try:
        return parse_iso(value if isinstance(value, str) else "")
    except ValueError:
        raise PydanticCustomError(OWN_ERROR, "is not a timestamp with an offset") from None


_PLAIN: Mapping[Any, CoreSchema] = {
    str: core_schema.str_schema(),
    bool: core_schema.bool_schema(),
    int: core_schema.int_schema(),
    float: core_schema.float_schema(allow_inf_nan=False),
    datetime: core_schema.no_info_plain_validator_function(_timestamp),
    date: core_schema.date_schema(),
}
