"""Pairs of code and models that were live together, and the unified tag of such a pair."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from itertools import zip_longest
from operator import itemgetter

import pandas as pd

from flowjoy.analysis.event_columns import ID, NAME, PROVISIONAL, RUN, SHA, START, TS, TYPE, VERSION
from flowjoy.analysis.timeline import integer_versions
from flowjoy.domain import EventType, ModelDependencies, ModelRecord
from flowjoy.domain.timestamps import iso

MAX_NAMED_MODELS = 100_000
"""The number of models that all pairs together may name. Beyond it, the oldest pairs are left out."""

_FORBIDDEN = re.compile(r"[^a-z0-9._-]")
_NO_TAG = re.compile(r"[^A-Za-z0-9_.-]")
_SEPARATORS = re.compile(r"\.[._-]+|_[.-][._-]*|___+|__[.-][._-]*|-+[._][._-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveModel:
    """One model version that was live. A version without a name is named by the instant of its ship."""

    name: str
    version: str
    run_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LivePair:
    """One sha with the newest live versions of the models that it depends on, live in [`since`, `until`).

    `until` is None for the pair that is live now; `provisional`: its code is the release of this very run. `incidents`
    started while it was live. `tag` is None where the sha or any version is unknown.
    """

    sha: str | None
    models: tuple[LiveModel, ...]
    since: datetime
    until: datetime | None
    tag: str | None
    incidents: tuple[str, ...] = ()
    provisional: bool = False


def live_pairs(
    events: pd.DataFrame,
    incidents: pd.DataFrame,
    dependencies: ModelDependencies,
    *,
    service: str,
    since: datetime,
    newest_is_live: bool,
) -> tuple[LivePair, ...]:
    """Return the pairs that were live at any time from `since` on, oldest first; the last one is live now.

    `events`: a timeline from its beginning. `newest_is_live`: every version stays live, so the newest counts in
    whatever order they shipped (the signal `registered`); else the one that shipped last.
    """
    live = _live_models(events, newest_is_live=newest_is_live)
    steps = _newest(_steps(events, live, dependencies), dependencies)
    ends = [step.begun for step in steps[1:]]
    pairs = []
    for step, end in zip_longest(steps, ends):
        if end is not None and end <= max(step.begun, since):
            continue
        expected = _depends_on(step.sha, dependencies)
        models = tuple(model for name in expected if (model := _live_at(live.get(name, ()), step.row)) is not None)
        tag = unified_tag(service, step.sha, models, expected=expected)
        pairs.append(
            LivePair(sha=step.sha, models=models, since=step.begun, until=end, tag=tag, provisional=step.provisional)
        )
    return _with_incidents(pairs, incidents)


def last_without_incident(pairs: Sequence[LivePair]) -> LivePair | None:
    """Return the last pair before the live one during which no incident started: the target of a rollback."""
    now = pairs[-1] if pairs else None
    return next(
        (
            pair
            for pair in reversed(pairs[:-1])
            if not pair.incidents and now is not None and (pair.sha, pair.models) != (now.sha, now.models)
        ),
        None,
    )


def untagged(pairs: Sequence[LivePair], models: Iterable[ModelRecord]) -> str | None:
    """Return the unified tag of the live pair where none of its model versions carries a unified tag."""
    now = pairs[-1] if pairs else None
    if now is None or now.tag is None:
        return None
    live = {(model.name, model.version) for model in now.models}
    tagged = any(record.unified_tag for record in models if (record.name, record.version) in live)
    return None if tagged else now.tag


def unified_tag(service: str, sha: str | None, models: Sequence[LiveModel], *, expected: Sequence[str]) -> str | None:
    """Return `<service>:<git-sha12>-<model-sha12>`, one name for a code and model pair that is a valid OCI reference.

    model-sha: the first 12 hex digits of the SHA-256 over the sorted lines `name=version=run_id` joined by a newline.
    None where the sha is unknown, the code depends on no model, or one of those `expected` is not live.
    """
    if sha is None or not expected or {model.name for model in models} != set(expected):
        return None
    lines = sorted(f"{model.name}={model.version}={model.run_id or ''}" for model in models)
    model_sha = sha256("\n".join(lines).encode(errors="backslashreplace")).hexdigest()
    # A file may call any text a sha, and this tag is pasted into shells.
    name, short = _oci(service), _NO_TAG.sub("-", sha[:12]).lstrip(".-")
    return f"{name}:{short}-{model_sha[:12]}" if name and short else None


def _oci(service: str) -> str:
    """Return the name in the form that OCI allows for an image repository."""
    parts = (_SEPARATORS.sub("-", _FORBIDDEN.sub("-", part)).strip("._-") for part in service.lower().split("/"))
    return "/".join(part for part in parts if part)


def _depends_on(sha: str | None, dependencies: ModelDependencies) -> tuple[str, ...]:
    return tuple(sorted({requirement.model for requirement in dependencies.of(sha)}))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Step:
    """The row of the timeline at which another pair went live."""

    begun: datetime
    row: int
    sha: str | None
    provisional: bool


def _steps(events: pd.DataFrame, live: _Live, dependencies: ModelDependencies) -> list[_Step]:
    """Return each change of the code, or of the live version of a model that the code depends on."""
    changed_at = {row: name for name, changes in live.items() for row, _ in changes}
    steps: list[_Step] = []
    needed: frozenset[str] = frozenset()
    columns = (events[name] for name in (TYPE, TS, SHA, PROVISIONAL))
    for row, (kind, stamp, sha, provisional) in enumerate(zip(*columns, strict=True)):
        if kind == EventType.CODE:
            code = (sha if isinstance(sha, str) else None), bool(provisional)
            if steps and (steps[-1].sha, steps[-1].provisional) == code:
                continue
            needed = frozenset(_depends_on(code[0], dependencies))
        elif steps and changed_at.get(row) in needed:
            code = steps[-1].sha, steps[-1].provisional
        else:
            continue
        steps.append(_Step(begun=stamp.to_pydatetime(), row=row, sha=code[0], provisional=code[1]))
    return steps


def _newest(steps: list[_Step], dependencies: ModelDependencies) -> list[_Step]:
    """Return the newest steps that together name no more than MAX_NAMED_MODELS models; always the last one."""
    total = 0
    for index in range(len(steps) - 1, -1, -1):
        total += len(_depends_on(steps[index].sha, dependencies))
        if total > MAX_NAMED_MODELS:
            return steps[min(index + 1, len(steps) - 1) :]
    return steps


_Live = Mapping[str, Sequence[tuple[int, LiveModel]]]


def _live_models(events: pd.DataFrame, *, newest_is_live: bool) -> _Live:
    """Return for each model the rows of the timeline at which another version of it went live."""
    changes: defaultdict[str, list[tuple[int, LiveModel]]] = defaultdict(list)
    newest: dict[str, float] = {}
    ships = events[events[TYPE] == EventType.MODEL]
    number = integer_versions(ships[VERSION])
    columns = (ships[name] for name in (NAME, VERSION, RUN, TS))
    for row, age, name, version, run, stamp in zip(ships.index, number, *columns, strict=True):
        if newest_is_live and age < newest.get(name, age):
            continue
        if age == age:  # noqa: PLR0124  (a version that is no number is NaN)
            newest[name] = age
        shown = version if isinstance(version, str) else iso(stamp)
        model = LiveModel(name=name, version=shown, run_id=run if isinstance(run, str) else None)
        if not changes[name] or changes[name][-1][1] != model:
            changes[name].append((int(row), model))
    return changes


def _live_at(changes: Sequence[tuple[int, LiveModel]], row: int) -> LiveModel | None:
    """Return the version that was live at and after a row; None before the first."""
    count = bisect_right(changes, row, key=itemgetter(0))
    return changes[count - 1][1] if count else None


def _with_incidents(pairs: Sequence[LivePair], incidents: pd.DataFrame) -> tuple[LivePair, ...]:
    """Return each pair with the incidents that began while it was live. Pairs follow each other without a gap."""
    if not pairs:
        return ()
    starts = pd.DatetimeIndex([pair.since for pair in pairs])
    index = starts.searchsorted(pd.DatetimeIndex(incidents[START]), side="right") - 1
    names = incidents[ID].groupby(index).apply(tuple)
    return tuple(replace(pair, incidents=names.get(n, ())) for n, pair in enumerate(pairs))
