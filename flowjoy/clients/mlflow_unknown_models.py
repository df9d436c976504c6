"""Models that a registry does not know: what may have been meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from flowjoy.clients.mlflow_errors import SPELLING
from flowjoy.clients.mlflow_registry import Registry
from flowjoy.domain.name_patterns import split_hint
from flowjoy.errors import UnknownModelError

_LONGEST = 60
_MOST = 5
_PROMPT = "it is a prompt, not a model: list its versions in a `model-file`, or do not name it"


def meant(registry: Registry, unknown: Sequence[str]) -> dict[str, str]:
    """Return, for each unknown name, what may have been meant: the nearest model, or a prompt; else an empty text."""
    if not unknown:
        return {}
    names = registry.names()
    return {
        name: _PROMPT if at < _MOST and registry.is_prompt(name) else nearest(name, names)
        for at, name in enumerate(unknown)
    }


def nearest(name: str, names: Sequence[str]) -> str:
    """Return which of `names` was meant: the most similar, or several that stand in one; empty where none is near."""
    several = split_hint(name, names)
    if several:
        return several
    by_folded = {other.casefold(): other for other in sorted(names) if other != name}
    close = get_close_matches(name.casefold(), by_folded, n=1)
    return f"did you mean {shown(by_folded[close[0]])}?" if close else ""


def shown(name: str) -> str:
    """Return a name as a message may hold it: on one line, quoted and short."""
    return repr(name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…")


def refuse_unknown(unknown: Mapping[str, str]) -> None:
    """Raise UnknownModelError where there is one, with the nearest names."""
    if not unknown:
        return
    sentences = [
        f"the registry does not know the model {shown(name)}" + (f"; {hint}" if hint else "")
        for name, hint in list(unknown.items())[:_MOST]
    ]
    more = f"; and {len(unknown) - _MOST} more" if len(unknown) > _MOST else ""
    raise UnknownModelError(". ".join(sentences) + more, hint=SPELLING)
