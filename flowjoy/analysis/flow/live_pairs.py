"""Which code was live with which models, and when; and the unified tag of such a pair. Knows frames, no clock."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import zip_longest
from operator import itemgetter

import pandas as pd

from flowjoy.analysis.timeline import ID, NAME, PROVISIONAL, RUN, SHA, START, TS, TYPE, VERSION, whole_numbers
from flowjoy.domain import EventType, ModelDependencies
from flowjoy.domain.timestamps import iso

MOST_NAMED = 100_000
"""How many models all pairs together may name: where thousands ship one by one, the oldest pairs are left out."""

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
class LivePair:
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
    dependence: ModelDependencies,
    *,
    service: str,
    since: datetime,
    newest_is_live: bool,
) -> tuple[LivePair, ...]:
    """The pairs that were live at any time from `since` on, oldest first; the last one is live now.

    `events`: a whole timeline. `newest_is_live`: every version stays live, so that the newest counts however they
    came (the signal `registered`); else the one that shipped last.
    """
    live = _live_models(events, newest_is_live=newest_is_live)
    steps = _newest(_steps(events, live, dependence), dependence)
    ends = [step.begun for step in steps[1:]]
    found = []
    for step, end in zip_longest(steps, ends):
        if end is not None and end <= max(step.begun, since):
            continue
        expected = _depends_on(step.sha, dependence)
        models = tuple(model for name in expected if (model := _live_at(live.get(name, ()), step.row)) is not None)
        tag = unified_tag(service, step.sha, models, expected=expected)
        found.append(
            LivePair(sha=step.sha, models=models, since=step.begun, until=end, tag=tag, provisional=step.provisional)
        )
    return _with_incidents(found, incidents)


def last_calm(found: Sequence[LivePair]) -> LivePair | None:
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


def _depends_on(sha: str | None, dependence: ModelDependencies) -> tuple[str, ...]:
    named = dependence.by_sha.get(sha or "", dependence.default)
    return tuple(sorted({requirement.model for requirement in named}))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """The row of the timeline at which another pair went live."""

    begun: datetime
    row: int
    sha: str | None
    provisional: bool


def _steps(events: pd.DataFrame, live: _Live, dependence: ModelDependencies) -> list[_Step]:
    """Each change of the code, or of the live version of a model that the code depends on."""
    changed_at = {row: name for name, changes in live.items() for row, _ in changes}
    steps: list[_Step] = []
    needed: frozenset[str] = frozenset()
    columns = (events[name] for name in (TYPE, TS, SHA, PROVISIONAL))
    for row, (kind, stamp, sha, provisional) in enumerate(zip(*columns, strict=True)):
        if kind == EventType.CODE:
            code = (sha if isinstance(sha, str) else None), bool(provisional)
            if steps and (steps[-1].sha, steps[-1].provisional) == code:
                continue
            needed = frozenset(_depends_on(code[0], dependence))
        elif steps and changed_at.get(row) in needed:
            code = steps[-1].sha, steps[-1].provisional
        else:
            continue
        steps.append(_Step(begun=stamp.to_pydatetime(), row=row, sha=code[0], provisional=code[1]))
    return steps


def _newest(steps: list[_Step], dependence: ModelDependencies) -> list[_Step]:
    """The newest steps that together name no more than MOST_NAMED models; always the last one."""
    named = 0
    for place in range(len(steps) - 1, -1, -1):
        named += len(_depends_on(steps[place].sha, dependence))
        if named > MOST_NAMED:
            return steps[min(place + 1, len(steps) - 1) :]
    return steps


_Live = Mapping[str, Sequence[tuple[int, LiveModel]]]


def _live_models(events: pd.DataFrame, *, newest_is_live: bool) -> _Live:
    """For each model the rows of the timeline at which another version of it went live."""
    found: defaultdict[str, list[tuple[int, LiveModel]]] = defaultdict(list)
    newest: dict[str, float] = {}
    ships = events[events[TYPE] == EventType.MODEL]
    number = whole_numbers(ships[VERSION])
    columns = (ships[name] for name in (NAME, VERSION, RUN, TS))
    for row, age, name, version, run, stamp in zip(ships.index, number, *columns, strict=True):
        if newest_is_live and age < newest.get(name, age):
            continue
        if age == age:  # noqa: PLR0124  (a version that is no number is NaN)
            newest[name] = age
        shown = version if isinstance(version, str) else iso(stamp)
        model = LiveModel(name=name, version=shown, run_id=run if isinstance(run, str) else None)
        if not found[name] or found[name][-1][1] != model:
            found[name].append((int(row), model))
    return found


def _live_at(changes: Sequence[tuple[int, LiveModel]], row: int) -> LiveModel | None:
    """The version that was live at and after a row; None before the first."""
    place = bisect_right(changes, row, key=itemgetter(0))
    return changes[place - 1][1] if place else None


def _with_incidents(found: Sequence[LivePair], incidents: pd.DataFrame) -> tuple[LivePair, ...]:
    """Each pair with the incidents that began while it was live. Pairs follow each other without a hole."""
    if not found:
        return ()
    begun = pd.DatetimeIndex([pair.since for pair in found])
    place = begun.searchsorted(pd.DatetimeIndex(incidents[START]), side="right") - 1
    names = incidents[ID].groupby(place).apply(tuple)
    return tuple(replace(pair, incidents=names.get(n, ())) for n, pair in enumerate(found))
