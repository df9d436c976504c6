"""Orders version names: whole numbers by value, semantic versions by their rules."""

from __future__ import annotations

import re

POSITIVE = "[1-9][0-9]{0,8}"
PIN = rf"({POSITIVE}|(v[0-9]{{1,9}}|[0-9]{{1,9}}\.[0-9]{{1,9}})(\.[0-9]{{1,9}}){{0,3}}([+-][0-9A-Za-z.+-]{{1,64}})?)"
"""Pattern of a version name, also valid in JSON Schema: `12`, `v3`, `1.2.0`, `2026.11.1-rc.1`."""

_NAME = re.compile(r"[0-9A-Za-z][\w.+-]{0,127}", re.ASCII)
_PART = re.compile(r"(\d+)|([^\d.]+)", re.ASCII)


def version_name(text: object) -> str | None:
    """Return the name of a version, a whole number without leading zeros; None if the text is not a version name."""
    name = str(text)
    if not isinstance(text, str | int) or not _NAME.fullmatch(name):
        return None
    return str(int(name)) if name.isdecimal() else name


def version_order(name: str) -> tuple[object, ...]:
    """Return a sort key: 9 < 10, 1.9.0 < 1.10.0, 2.0.0-rc.1 < 2.0.0. Equal versions are ordered by their text."""
    release, _, early = name.removeprefix("v").partition("+")[0].partition("-")
    return (_parts(release), not early, _parts(early), name)


def _parts(text: str) -> tuple[tuple[bool, int, str], ...]:
    """Return parts that sort numbers by value and before words, as in semantic versioning."""
    return tuple((bool(word), int(number or 0), word) for number, word in _PART.findall(text))
