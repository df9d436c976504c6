"""The parsers of lists, and of the model names in them."""

from __future__ import annotations

import re

from flowjoy.config.parsers import text
from flowjoy.domain.alerts import AlertKind
from flowjoy.domain.version_order import PIN

_MODEL_QUOTES = re.compile(r"[\"'`]")


def names(value: str) -> tuple[str, ...]:
    """Return the registered model names, one per line or comma-separated; sorted, each once."""
    models = _parts(value)
    for name in models:
        text(name)
        if _MODEL_QUOTES.search(name):
            raise ValueError("model names without quotes, one per line or comma-separated")
        _require_bare_name(name)
    return tuple(sorted(models))


def _parts(value: str) -> set[str]:
    """Return the parts of a list, one per line or comma-separated."""
    return {part.strip() for part in re.split(r"[,\n]", value)} - {""}


def _require_bare_name(name: str) -> None:
    """Raise ValueError for a name with a pin, the dash of a list or a comment, which the registry would not know."""
    pinned = re.fullmatch(rf"(.+?)\s*(?:[=<>~]=?|==|:)\s*{PIN}", name)
    if pinned:
        raise ValueError(
            f'the bare name {pinned[1]!r}: pins belong in flowjoy.json, as in {{"models": {{"{pinned[1]}": "12"}}}}'
        )
    bare = re.sub(r"\s+#.*", "", re.sub(r"^[-*]\s+", "", name)).strip()
    if bare != name:
        raise ValueError(f"the bare name {bare!r}, without a dash or a comment: one per line or comma-separated")


def model_name(value: str) -> str:
    """Return the name of one registered model."""
    models = names(value)
    if len(models) != 1:
        raise ValueError("the name of one model")
    return models[0]


def shipment(value: str) -> tuple[str, str]:
    """Return the model and the version of `model=version`: a whole number or a semantic version."""
    name, _, version = value.rpartition("=")
    if not name or names(name) != (name,) or not re.fullmatch(PIN, version):
        raise ValueError("model=version, such as recommender=12 or recommender=1.2.0")
    return name, version


def identifiers(value: str) -> tuple[str, ...]:
    """Return the ids of letters and digits, one per line or comma-separated; sorted, each once."""
    ids = _parts(value)
    if not all(re.fullmatch(r"[A-Za-z0-9]{1,64}", item) for item in ids):
        raise ValueError("ids of letters and digits such as PIJ90N7, one per line or comma-separated")
    return tuple(sorted(ids))


def globs(value: str) -> tuple[str, ...]:
    """Return the file globs, one per line or comma-separated. Raise ValueError for one that cannot match a file."""
    parts = tuple(map(text, sorted(_parts(value))))
    if any(glob.startswith(("/", "./")) or glob.endswith("/") or re.search(r"[{}\\]|^!", glob) for glob in parts):
        raise ValueError("globs such as config/flags/** or **/*.flag.yml, without braces, backslashes or !, no folder")
    return parts


def patterns(value: str) -> tuple[str, ...]:
    """Return the names or globs, one per line or comma-separated; sorted, each once."""
    return tuple(map(text, sorted(_parts(value))))


def pattern_lines(value: str) -> tuple[str, ...]:
    """Return the names or globs, one per line because a name may contain commas; sorted, each once."""
    return tuple(sorted({text(part.strip()) for part in value.split("\n")} - {""}))


def alert_kinds(value: str) -> tuple[AlertKind, ...]:
    """Return the kinds of alerts, one per line or comma-separated; each once, in the order given."""
    kinds = dict.fromkeys(part.strip() for part in re.split(r"[,\n]", value) if part.strip())
    if not kinds or not {*AlertKind}.issuperset(kinds):
        raise ValueError(f"any of {', '.join(sorted(AlertKind))}, one per line or comma-separated")
    return tuple(map(AlertKind, kinds))


LISTS = (names, globs, identifiers, patterns, pattern_lines)
"""The parsers of lists. A list that is not given is empty."""
