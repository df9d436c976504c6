"""The parsers of input values, one per kind.

A parser takes the trimmed text and returns the value, or raises ValueError with a description of what is expected.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from flowjoy.domain.secret import Secret
from flowjoy.domain.timestamps import parse_iso, plausible

CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]")
_LATEST = datetime(2100, 1, 1, tzinfo=UTC)


def text(value: str) -> str:
    """Return one line of text of at most 255 characters."""
    if CONTROL_CHARACTERS.search(value):
        raise ValueError("one line of text without control characters")
    if len(value) > 255:
        raise ValueError("at most 255 characters")
    return value


def secret(value: str) -> Secret:
    """Return a credential as a type that hides it."""
    if CONTROL_CHARACTERS.search(value):
        raise ValueError("a token without line breaks")
    return Secret(value)


def boolean(value: str) -> bool:
    """Return the value of `true` or `false`, in any case."""
    if value.lower() not in ("true", "false"):
        raise ValueError("true or false")
    return value.lower() == "true"


def choice(*options: str) -> Callable[[str], str]:
    """Return a parser that accepts the options."""

    def parse(value: str) -> str:
        if value not in options:
            raise ValueError("one of " + ", ".join(options))
        return value

    return parse


def integer(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of whole numbers in [low, high]."""

    def parse(value: str) -> int:
        if not re.fullmatch(r"\d{1,9}", value, re.ASCII) or not low <= int(value) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(value)

    return parse


def number(low: float, high: float) -> Callable[[str], float]:
    """Return a parser of decimal numbers in (low, high]."""

    def parse(value: str) -> float:
        if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value, re.ASCII) or not low < float(value) <= high:
            raise ValueError(f"a number above {low:g} and up to {high:g}")
        return float(value)

    return parse


def slack_channel(value: str) -> str:
    """Return the id or name of a channel, without the `#`."""
    name = value.removeprefix("#")
    if not re.fullmatch(r"[\w-]{1,80}", name):
        raise ValueError("the id of a channel such as C0123456789, or its name")
    return name


def day(value: str) -> date:
    """Return an ISO date."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("an ISO date such as 2024-06-03") from None


def timestamp(value: str) -> datetime:
    """Return an ISO timestamp with an offset, from 2005 to 2100."""
    try:
        return plausible(parse_iso(value), now=_LATEST)
    except ValueError as problem:
        raise ValueError(f"an ISO timestamp such as 2024-06-24T00:00:00Z ({problem})") from None


def zone(value: str) -> str:
    """Return the name of an IANA time zone."""
    try:
        ZoneInfo(value)
    except (LookupError, ValueError, OSError):
        raise ValueError("an IANA time zone such as UTC or Europe/Berlin") from None
    return value


_SIGNALS = (
    re.compile(r"registered"),
    re.compile(r"alias:[A-Za-z0-9_-]{1,255}"),
    re.compile(r"stage:(Staging|Production|Archived)"),
    re.compile(r"tag:[\w./ -]{1,250}", re.ASCII),
)


def signal(value: str) -> str:
    """Return the signal of a ship: `registered`, `alias:<name>`, `stage:<name>`, or `tag:<key>` with the timestamp."""
    if not any(pattern.fullmatch(value) for pattern in _SIGNALS):
        raise ValueError("registered, alias:<name>, stage:Production (or Staging, Archived) or tag:<key>")
    return value


def artifact_name(value: str) -> str:
    """Return a name that GitHub accepts for an artifact."""
    if len(text(value)) > 200 or re.search(r'["<>|*?:\\/]', value):
        raise ValueError('up to 200 characters, none of " : < > | * ? \\ /')
    return value


def repository_path(value: str) -> str:
    """Return a path in the repository, with forward slashes, as git writes it."""
    parts = text(value).split("/")
    if value.startswith("/") or "\\" in value or ":" in value or not all(parts) or {".", ".."} & set(parts):
        raise ValueError("a path in the repository such as flowjoy.json")
    return value


def workflow_file(value: str) -> str:
    """Return the file name of a workflow, given its name or its path in the repository."""
    name = text(value).removeprefix("./").removeprefix(".github/workflows/")
    if "/" in name:
        raise ValueError("the file name of a workflow in .github/workflows, such as release.yml")
    return name


def key_value(value: str) -> str:
    """Return the key and the value of a tag as `key=value`, without blanks around them."""
    key, _, expected = text(value).partition("=")
    if not key.strip() or not expected.strip():
        raise ValueError("key=value, such as integration=passed")
    return f"{key.strip()}={expected.strip()}"


def inside(workspace: Path) -> Callable[[str], Path]:
    """Return a parser of paths that resolves them and refuses those outside of the workspace."""

    def parse(value: str) -> Path:
        try:
            path = (workspace / text(value)).resolve()
        except (RuntimeError, OSError):  # links in a circle
            raise ValueError("a path without a circle of links") from None
        if not path.is_relative_to(workspace.resolve()):
            raise ValueError("a path inside the workspace")
        return path

    return parse
