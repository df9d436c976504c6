"""Suggestions for model names that a registry does not know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from flowjoy.clients.mlflow_errors import SPELLING
from flowjoy.clients.mlflow_registry import Registry
from flowjoy.domain.name_patterns import split_hint
from flowjoy.errors import UnknownModelError

_MAX_LENGTH = 60
_MAX_NAMES = 5
_PROMPT = "it is a prompt, not a model: list its versions in a `model-file`, or do not name it"


def meant(registry: Registry, unknown: Sequence[str]) -> dict[str, str]:
    """Return a suggestion for each unknown name: the nearest model, that it is a prompt, or an empty text."""
    if not unknown:
        return {}
    names = registry.names()
    return {
        name: _PROMPT if at < _MAX_NAMES and registry.is_prompt(name) else nearest(name, names)
        for at, name in enumerate(unknown)
    }


def nearest(name: str, names: Sequence[str]) -> str:
    """Return the most similar of `names`, or that the name joins several of them; empty if none is similar."""
    several = split_hint(name, names)
    if several:
        return several
    by_folded = {other.casefold(): other for other in sorted(names) if other != name}
    close = get_close_matches(name.casefold(), by_folded, n=1)
    return f"did you mean {shown(by_folded[close[0]])}?" if close else ""


def shown(name: str) -> str:
    """Return a name for a message: on one line, quoted and short."""
    return repr(name if len(name) <= _MAX_LENGTH else f"{name[: _MAX_LENGTH - 1]}…")


def refuse_unknown(unknown: Mapping[str, str]) -> None:
    """Raise UnknownModelError with the suggestions if any name is unknown."""
    if not unknown:
        return
    sentences = [
        f"the registry does not know the model {shown(name)}" + (f"; {hint}" if hint else "")
        for name, hint in list(unknown.items())[:_MAX_NAMES]
    ]
    more = f"; and {len(unknown) - _MAX_NAMES} more" if len(unknown) > _MAX_NAMES else ""
    raise UnknownModelError(". ".join(sentences) + more, hint=SPELLING)
