"""Signals that no version of a model has: a misspelt alias, stage or tag would drop every ship."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowjoy.clients.mlflow_models import DEPLOYED_AT, RegisteredVersion, RegistrySnapshot
from flowjoy.clients.mlflow_unknown_models import nearest, shown
from flowjoy.domain import Note, NoteLevel
from flowjoy.sources.base import HarvestQuery, UnseenSignal

_SHOWN = 5
_NO_STAGE = "None"


def unseen_signals(raw: RegistrySnapshot, query: HarvestQuery) -> Iterator[UnseenSignal]:
    """Yield one for each requested model that has versions, none of which has the `model-signal`.

    A stamped version shipped under every signal, so a model with one is not reported. The current state says nothing
    about a dry run over the past.
    """
    kind, _, name = query.settings.model_signal.partition(":")
    if not name or name == DEPLOYED_AT or not query.live:
        return
    for model in query.models:
        versions = [version for version in raw.versions if version.name == model]
        seen = _names(kind, versions, raw.aliases.get(model, {}))
        if versions and name not in seen and not any(DEPLOYED_AT in version.tags for version in versions):
            yield _unseen(model, kind, name, seen)


def note(unseen: UnseenSignal) -> Note:
    """Return the warning on an unseen signal."""
    cure = f"{unseen.cure[:1].upper()}{unseen.cure[1:]}"
    return Note(f"{unseen.problem}. {cure}: until then its ships are dropped", NoteLevel.WARNING)


def _names(kind: str, versions: Iterable[RegisteredVersion], aliases: Iterable[str]) -> list[str]:
    """Return the aliases, stages or tags of a model's versions."""
    if kind == "alias":
        return sorted(aliases)
    if kind == "stage":
        return sorted({version.stage for version in versions} - {_NO_STAGE, ""})
    return sorted({key for version in versions for key in version.tags})


def _unseen(model: str, kind: str, name: str, seen: list[str]) -> UnseenSignal:
    problem = f"no version of {shown(model)} has the {kind} {shown(name)}"
    if not seen:
        return UnseenSignal(problem=problem, cure=f"set that {kind} when a version goes live")
    more = f" and {len(seen) - _SHOWN} more" if len(seen) > _SHOWN else ""
    meant = _meant(name, seen)
    there = f"{', '.join(map(shown, seen[:_SHOWN]))}{more}{f'; {meant}' if meant else ''}"
    cure = f"set model-signal to one that is there ({there}), or set that {kind} when a version goes live"
    return UnseenSignal(problem=problem, cure=cure, is_misspelt=bool(meant))


def _meant(name: str, seen: list[str]) -> str:
    """Return the suggestion: a name with the same beginning, like `prod` and `production`, or a similar one."""
    short = name.casefold()
    alike = (other for other in seen if other.casefold().startswith(short) or short.startswith(other.casefold()))
    other = next((other for other in alike if min(len(other), len(name)) > 1), None)
    return nearest(name, seen) if other is None else f"did you mean {shown(other)}?"
