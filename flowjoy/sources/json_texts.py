"""Consecutive JSON texts in one file, as a paginated API is saved: each value with the line on which it begins."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from flowjoy.errors import HarvestError


def json_texts(text: str, label: str) -> Iterator[tuple[int, Any]]:
    """Yield the JSON texts of a file, each with the line on which it begins."""
    decoder = json.JSONDecoder(object_pairs_hook=_object)
    at, line, known = 0, 1, 0
    while match := re.compile(r"[^ \t\r\n]").search(text, at):
        at = match.start()
        line += text.count("\n", known, at)
        known = at
        try:
            value, at = decoder.raw_decode(text, at)
        except RecursionError:
            raise HarvestError(f"{label}: nested too deeply") from None
        except json.JSONDecodeError as problem:
            raise HarvestError(f"{label}, line {problem.lineno}: is not JSON") from None
        except _TwiceError as problem:
            raise HarvestError(f"{label}, line {line}: an object names a key twice ({problem})") from None
        except ValueError:
            raise HarvestError(f"{label}, line {line}: is not JSON that can be read") from None
        yield line, value


class _TwiceError(ValueError):
    """An object that names a key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for key, value in pairs:
        if key in known:
            raise _TwiceError(key[:40])
        known[key] = value
    return known
