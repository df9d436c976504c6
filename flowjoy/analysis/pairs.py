"""Which code was live with which models, and when; and the unified tag of such a pair. Knows frames, no clock."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import zip_longest

import pandas as pd

from flowjoy.events import ID, NAME, PROVISIONAL, RUN, SHA, START, TS, TYPE, VERSION
from flowjoy.instants import iso
from flowjoy.model import Dependence, EventType

_FORBIDDEN = re.compile(r"[^a-z0-9._-]")
_NO_TAG = re.compile(r"[^A-Za-z0-9_.-]")
_SEPARATORS = re.compile(r"\.[._-]+|_[.-][._-]*|___+|__[.-][._-]*|-+[._][._-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveModel:
    """One model version that was live. Without a version number its ship's instant stands for it."""

    name: str
    version: str
    run_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """One sha with the newest live versions of the models that it depends on, live in [`since`, `until`).

    `until` is None for the pair that is live now; `provisional`: its code is the release of this very run. `incidents`
    started while it was live. `tag` is None where a sha, or any version, is not known.
    """

    sha: str | None
    models: tuple[LiveModel, ...]
    since: datetime
    until: datetime | None
    tag: str | None
    incidents: tuple[str, ...] = ()
    provisional: bool = False


def pairs(
    events: pd.DataFrame,
    incidents: pd.DataFrame,
    dependence: Dependence,
    *,
    service: str,
    since: datetime,
    newest_is_live: bool,
) -> tuple[Pair, ...]:
    """The pairs that were live at any time from `since` on, oldest first; the last one is live now.

    `events`: a whole timeline. `newest_is_live`: every version stays live, so that the newest counts however they
    came (the signal `registered`); else the one that shipped last.
    """
    live = _live_models(events, newest_is_live=newest_is_live)
    steps: list[tuple[datetime, str | None, tuple[LiveModel, ...], bool]] = []
    code: tuple[str | None, bool] | None = None
    columns = (events[name] for name in (TYPE, TS, SHA, PROVISIONAL))
    for row, (kind, stamp, sha, provisional) in enumerate(zip(*columns, strict=True)):
        if kind == EventType.CODE:
            code = (sha if isinstance(sha, str) else None), bool(provisional)
        if code is None:
            continue
        held = (live[name][row] for name in _depends_on(code[0], dependence) if name in live)
        step = (stamp.to_pydatetime(), code[0], tuple(model for model in held if model is not None), code[1])
        if not steps or steps[-1][1:] != step[1:]:
            steps.append(step)
    ends = [begun for begun, *_ in steps[1:]]
    found = [
        Pair(
            sha=sha,
            models=models,
            since=begun,
            until=end,
            tag=unified_tag(service, sha, models, expected=_depends_on(sha, dependence)),
            provisional=provisional,
        )
        for (begun, sha, models, provisional), end in zip_longest(steps, ends)
        if end is None or end > max(begun, since)
    ]
    return _with_incidents(found, incidents)


def last_calm(found: Sequence[Pair]) -> Pair | None:
    """The last pair before the one that is live now during which no incident started: where a rollback may go."""
    now = found[-1] if found else None
    return next(
        (
            pair
            for pair in reversed(found[:-1])
            if not pair.incidents and now is not None and (pair.sha, pair.models) != (now.sha, now.models)
        ),
        None,
    )


def unified_tag(service: str, sha: str | None, models: Sequence[LiveModel], *, expected: Sequence[str]) -> str | None:
    """`<service>:<git-sha12>-<model-sha12>`, one name for a code and model pair, as an OCI reference allows it.

    model-sha: the first 12 hex digits of the SHA-256 over the sorted lines `name=version=run_id` joined by a newline.
    None where the sha is not known, the code depends on no model, or one of those `expected` is not live.
    """
    if sha is None or not expected or {model.name for model in models} != set(expected):
        return None
    lines = sorted(f"{model.name}={model.version}={model.run_id or ''}" for model in models)
    model_sha = sha256("\n".join(lines).encode(errors="backslashreplace")).hexdigest()
    # A file may call anything a sha; whoever tags an image pastes this into a shell.
    name, short = _oci(service), _NO_TAG.sub("-", sha[:12]).lstrip(".-")
    return f"{name}:{short}-{model_sha[:12]}" if name and short else None


def _oci(service: str) -> str:
    """The name as a repository of OCI images may be called."""
    parts = (_SEPARATORS.sub("-", _FORBIDDEN.sub("-", part)).strip("._-") for part in service.lower().split("/"))
    return "/".join(part for part in parts if part)


def _depends_on(sha: str | None, dependence: Dependence) -> tuple[str, ...]:
    named = dependence.by_sha.get(sha or "", dependence.default)
    return tuple(sorted({requirement.model for requirement in named}))


def _live_models(events: pd.DataFrame, *, newest_is_live: bool) -> Mapping[str, list[LiveModel | None]]:
    """For each model the version that is live at and after each row of the timeline."""
    found: dict[str, list[LiveModel | None]] = {}
    ships = events[events[TYPE] == EventType.MODEL]
    for name, mine in ships.groupby(NAME):
        number = pd.to_numeric(mine[VERSION], errors="coerce")
        told = mine[number.isna() | (number >= number.cummax())] if newest_is_live else mine
        held: list[LiveModel | None] = [None] * len(events)
        for row, version, run, stamp in zip(told.index, told[VERSION], told[RUN], told[TS], strict=True):
            shown = version if isinstance(version, str) else iso(stamp)
            held[int(row)] = LiveModel(name=str(name), version=shown, run_id=run if isinstance(run, str) else None)
        last: LiveModel | None = None
        for row, model in enumerate(held):
            last = model or last
            held[row] = last
        found[str(name)] = held
    return found


def _with_incidents(found: Sequence[Pair], incidents: pd.DataFrame) -> tuple[Pair, ...]:
    """Each pair with the incidents that began while it was live. Pairs follow each other without a hole."""
    if not found:
        return ()
    begun = pd.DatetimeIndex([pair.since for pair in found])
    place = begun.searchsorted(pd.DatetimeIndex(incidents[START]), side="right") - 1
    names = incidents[ID].groupby(place).apply(tuple)
    return tuple(replace(pair, incidents=names.get(n, ())) for n, pair in enumerate(found))
