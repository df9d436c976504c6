"""The terms by which a proposal is judged: its own inputs, but never milder than the default branch's. Pure.

A pull request's run takes its inputs from the pull request's own workflow file. The ledger holds those of the last
trusted run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from flowjoy.bundle import Terms
from flowjoy.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Applied:
    """The settings that a run applies. `own_stub`: the stub's path as the run's own inputs name it.

    `flag_labels`: each of them marks a feature flag. `said`: what was made stricter, or cannot be compared, a sentence
    each. `compared`: False where no trusted run's terms are known.
    """

    settings: Settings
    own_stub: str
    flag_labels: tuple[str, ...]
    said: tuple[str, ...] = ()
    compared: bool = True


def own(settings: Settings) -> Applied:
    """Return the settings as they are: those of code that is already on the default branch."""
    return Applied(settings=settings, own_stub=settings.model_stub, flag_labels=(settings.flag_label,))


def than(settings: Settings, asked: Terms, trusted: Terms | None) -> Applied:
    """Return the stricter of a proposal's own settings and the trusted terms. `asked`: the terms of `settings`."""
    dry, settings = settings.as_of, replace(settings, as_of=None)
    said = [] if dry is None else ["as-of is ignored: code that asks to be merged is judged now"]
    if trusted is None:
        return replace(own(settings), said=tuple(said), compared=False)
    zone = ZoneInfo(settings.timezone)
    given = _since(settings, zone)
    tag = trusted.model_validated_tag or settings.model_validated_tag
    later = trusted.sla_since is None or (given is not None and given > trusted.sla_since)
    since = trusted.sla_since.astimezone(zone).date() if trusted.sla_since is not None else None
    labels = {label.casefold(): label for label in (trusted.flag_label, settings.flag_label) if label}
    applied = replace(
        settings,
        enforce=settings.enforce or trusted.enforce,
        sla_hours=min(settings.sla_hours, trusted.sla_hours),
        sla_since=since if given is not None and later else settings.sla_since,
        model_stub=trusted.model_stub,
        model_signal=trusted.model_signal,
        models=tuple(dict.fromkeys((*settings.models, *trusted.models))),
        flag_paths=tuple(dict.fromkeys((*settings.flag_paths, *trusted.flag_paths))),
        model_validated_tag=tag,
    )
    return Applied(
        settings=applied,
        own_stub=settings.model_stub,
        flag_labels=tuple(labels.values()) or (settings.flag_label,),
        said=(*said, *_made_stricter(settings, applied, trusted), *_of_other_sources(asked, trusted)),
    )


def _since(settings: Settings, zone: ZoneInfo) -> datetime | None:
    since = settings.sla_since
    return None if since is None else datetime.combine(since, time.min, tzinfo=zone).astimezone(UTC)


def _made_stricter(given: Settings, applied: Settings, trusted: Terms) -> Iterator[str]:
    """A sentence for each input that the proposal sets to something milder."""
    for name, mine, theirs in (
        ("enforce", str(given.enforce).lower(), str(applied.enforce).lower()),
        ("sla-hours", f"{given.sla_hours:g}", f"{applied.sla_hours:g}"),
        ("sla-since", _day(given), _day(applied)),
        ("model-stub", given.model_stub, applied.model_stub),
        ("model-signal", given.model_signal, applied.model_signal),
        ("model-validated-tag", given.model_validated_tag or "", applied.model_validated_tag or ""),
        ("models", ", ".join(given.models), ", ".join(applied.models)),
        ("flag-paths", ", ".join(given.flag_paths), ", ".join(applied.flag_paths)),
    ):
        if mine != theirs:
            yield (
                f"{name} {mine!r} would be milder than on the default branch: {theirs!r} applies until this is merged"
            )
    if trusted.flag_label and trusted.flag_label.casefold() != given.flag_label.casefold():
        yield f"flag-label {given.flag_label!r}: the default branch's {trusted.flag_label!r} applies beside it"


def _day(settings: Settings) -> str:
    return "" if settings.sla_since is None else settings.sla_since.isoformat()


def _of_other_sources(asked: Terms, trusted: Terms) -> Iterator[str]:
    """What is read from elsewhere than on the default branch cannot be compared, and is named."""
    for name, mine, theirs in (
        ("deployments", asked.code_source, trusted.code_source),
        ("models", asked.model_source, trusted.model_source),
    ):
        if mine != theirs:
            yield (
                f"this run reads {name} from another source than the default branch's last trusted run: "
                "what it says there was not compared. Check the changed inputs before you merge"
            )
