"""The terms by which a proposal is judged: its own inputs, but never milder than those of the default branch.

A pull request's run takes its inputs from the pull request's own workflow file. The ledger holds those of the last
trusted run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from flowjoy.analysis.promise.refused_inputs import refused_sources
from flowjoy.config.settings import Settings
from flowjoy.domain.bundle import RunParameters


@dataclass(frozen=True, kw_only=True)
class Applied:
    """The settings that a run applies. `own_stub`: the path of the stub in the run's own inputs.

    `other_stubs`: further paths whose stubs are judged as well, including the run's own. `flag_labels`: each of them
    marks a feature flag. `messages`: a sentence on each input that was made stricter; `refused`: one on each source of
    its own, of which nothing can be compared. `compared`: False if the terms of no trusted run are known.
    """

    settings: Settings
    own_stub: str
    flag_labels: tuple[str, ...]
    other_stubs: tuple[str, ...] = ()
    messages: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    compared: bool = True


def own(settings: Settings) -> Applied:
    """Return the settings unchanged, for code that is already on the default branch."""
    return Applied(settings=settings, own_stub=settings.model_stub, flag_labels=(settings.flag_label,))


def stricter(
    settings: Settings,
    asked: RunParameters,
    trusted: Sequence[RunParameters],
    *,
    base: Sequence[RunParameters] = (),
    edited: bool = True,
    adopts: bool = False,
) -> Applied:
    """Return the strictest of a proposal's own settings, the `trusted` terms, newest first, and those of `base`.

    `base`: the terms that the base branch's workflow files give; a ledger is of one of them, and decides which sources
    are read. `asked`: the terms of `settings`. `edited`: the proposal may change these settings, so without trusted
    terms it must not soften its own check. `adopts`: no workflow of the base runs FlowJoy, so `sla-since` is kept.
    """
    dry, settings = settings.as_of, replace(settings, as_of=None)
    messages = [] if dry is None else ["as-of is ignored: code that asks to be merged is judged now"]
    known = trusted or base
    trusted = (*trusted, *base)
    if not trusted:
        return (
            _unsoftened(settings, messages, keeps_since=adopts)
            if edited
            else replace(own(settings), messages=tuple(messages), compared=False)
        )
    newest = trusted[0]
    labels = {label.casefold(): label for label in (*(one.flag_label for one in trusted), settings.flag_label) if label}
    applied = _strictest(settings, trusted)
    paths = dict.fromkeys((settings.model_stub, *(one.model_stub for one in trusted)))
    return Applied(
        settings=applied,
        own_stub=settings.model_stub,
        other_stubs=tuple(path for path in paths if path != newest.model_stub),
        flag_labels=tuple(labels.values()) or (settings.flag_label,),
        messages=(*messages, *_made_stricter(settings, applied, newest)),
        refused=tuple(refused_sources(asked, known, code_inputs=_CODE_INPUTS[settings.code_source])),
    )


def _strictest(settings: Settings, trusted: Sequence[RunParameters]) -> Settings:
    """Return the settings with each term as strict as the strictest of the trusted ones."""
    return replace(
        settings,
        enforce=settings.enforce or any(one.enforce for one in trusted),
        sla_hours=min(settings.sla_hours, *(one.sla_hours for one in trusted)),
        sla_since=_earlier_since(settings, trusted),
        model_stub=trusted[0].model_stub,
        model_signal=trusted[0].model_signal,
        models=tuple(dict.fromkeys((*settings.models, *(name for one in trusted for name in one.models)))),
        flag_paths=tuple(dict.fromkeys((*settings.flag_paths, *(glob for one in trusted for glob in one.flag_paths)))),
        model_validated_tag=next(
            filter(None, (one.model_validated_tag for one in trusted)), settings.model_validated_tag
        ),
    )


def _unsoftened(given: Settings, messages: list[str], *, keeps_since: bool) -> Applied:
    """Return settings that cannot be compared with a trusted run, without those that would soften the check."""
    applied = replace(given, enforce=True, sla_since=given.sla_since if keeps_since else None)
    cure = "Run FlowJoy on the default branch once, so that its terms are known"
    messages += [
        f"{name} is ignored: no trusted run is known whose inputs this could be compared with. {cure}"
        for name, softens in (
            ("enforce: false", not given.enforce),
            ("sla-since", given.sla_since != applied.sla_since),
        )
        if softens
    ]
    return replace(own(applied), messages=tuple(messages), compared=False)


def _earlier_since(settings: Settings, trusted: Sequence[RunParameters]) -> date | None:
    """Return the earliest day on which any of them lets the promise begin; None if it always applied."""
    zone = ZoneInfo(settings.timezone)
    given = _since(settings, zone)
    begins = [one.sla_since for one in trusted]
    earliest = None if None in begins else min(filter(None, begins))
    if given is None or (earliest is not None and given <= earliest):
        return settings.sla_since
    return None if earliest is None else earliest.astimezone(zone).date()


def _since(settings: Settings, zone: ZoneInfo) -> datetime | None:
    since = settings.sla_since
    return None if since is None else datetime.combine(since, time.min, tzinfo=zone).astimezone(UTC)


def _made_stricter(given: Settings, applied: Settings, trusted: RunParameters) -> Iterator[str]:
    """Yield a sentence for each input that the proposal sets to something milder."""
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
            both = " as well" if name == "model-stub" else ""
            yield (
                f"{name} {mine!r} would be milder than on the default branch: "
                f"{theirs!r} applies{both} until this is merged"
            )
    if trusted.flag_label and trusted.flag_label.casefold() != given.flag_label.casefold():
        yield f"flag-label {given.flag_label!r}: the default branch's {trusted.flag_label!r} applies beside it"


def _day(settings: Settings) -> str:
    return "" if settings.sla_since is None else settings.sla_since.isoformat()


_CODE_INPUTS = {
    "deployments": "code-source or environment",
    "workflow-runs": "code-source, workflow, branch, deploy-job or environment",
    "releases": "code-source, release-tags or environment",
    "file": "code-source",
}
"""The inputs that decide which deployments a source of code reads."""
