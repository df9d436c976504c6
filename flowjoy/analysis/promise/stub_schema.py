"""The schema of the model stub, as pydantic models. The JSON Schema in the package is generated from them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from flowjoy.domain.timestamps import parse_iso
from flowjoy.domain.version_order import PIN, POSITIVE

_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)

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
