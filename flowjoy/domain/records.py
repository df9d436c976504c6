"""The records of one service: what a run collects, writes to its bundle and finds again in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Self

from flowjoy.domain import (
    Action,
    AlertState,
    AliasObservation,
    CodeRecord,
    Coverage,
    Incident,
    Inventory,
    ModelRecord,
    ModelVersion,
    Obligation,
    StubFile,
    Waiver,
)
from flowjoy.domain import merging as by
from flowjoy.domain.alias_observations import union
from flowjoy.domain.corrections import Correction
from flowjoy.domain.deduplication import distinct, unique
from flowjoy.domain.drift import DriftCheck, PastDriftCheck

_ORDER, _MERGE = "order", "merge"


def _values(*, order: Callable[..., Any] | None = None, merge: Callable[..., Any] | None = None) -> dict[str, Any]:
    """Declare a field: `order` gives its values once and in one order, `merge` joins those of two ledgers."""
    return {name: rule for name, rule in ((_ORDER, order), (_MERGE, merge)) if rule is not None}


@dataclass(frozen=True, kw_only=True)
class Records:
    """Everything that sources show and ledgers remember of one service; `coverage` says how completely it was read.

    A field whose declaration names no merge is read anew by every run and remembered by none.

    `models_aside`: ships of models that this run did not ask for. `stubs`: by commit. `waivers`: those at the head of
    the default branch, each with the time at which a run first saw it. `alerts`: the steps of alerts that were sent.
    `ledgers`: ids of the artifacts whose records these include. `commits`: by sha of a deployment, when the commits
    were made that it was the first to ship; `training_runs`: by id, when each began (None: unknown). Both serve lead
    times only. `corrections`: the reverts and hotfixes among those commits. `unshipped`: READY versions that never
    shipped. `inventory`: what waits at GitHub (None: not read). `actions`: those proposed, one a week. `drift`: this
    run's comparison of live with training data (None: not asked for); `drift_marks`: the results of this and earlier
    ones. `models_gone`: by `<name>/<version>`, when a run last listed a version that the registry no longer has.
    `not_yet`: by id of a release, when a run last saw that it had not happened yet. `listings`: by version and stamp,
    the last reading of its model without it; by model, the last reading. `first_listed`: by version and stamp, the
    first reading with it. `owed_before`: by id, the breaches that earlier runs found. `cdevents`: ids of those that
    were posted. `first_trusted_at`: the time of the first trusted run of this service; None if no ledger could be read
    and kept. `decided_at`: when a run last read every required source; `blocked_at`: when one lately made the checks of
    open pull requests red. `check_names`: by name of the check on the promise, when a run last wrote it.
    `checks_settled`: by commit and statuses of a release, when a run first brought its check up to date.
    """

    coverage: tuple[Coverage, ...] = ()
    code: tuple[CodeRecord, ...] = field(default=(), metadata=_values(order=unique, merge=by.strongest_per_id))
    models: tuple[ModelRecord, ...] = field(default=(), metadata=_values(order=unique, merge=by.strongest_per_id))
    models_aside: tuple[ModelRecord, ...] = field(default=(), metadata=_values(order=unique))
    incidents: tuple[Incident, ...] = field(default=(), metadata=_values(order=unique))
    stubs: Mapping[str, StubFile] = field(default_factory=dict, metadata=_values(merge=by.one_stub_per_commit))
    observations: tuple[AliasObservation, ...] = field(default=(), metadata=_values(order=union, merge=union))
    waivers: tuple[Waiver, ...] = field(default=(), metadata=_values(order=distinct, merge=by.first_seen))
    alerts: tuple[AlertState, ...] = field(default=(), metadata=_values(order=distinct, merge=by.all_distinct))
    ledgers: tuple[int, ...] = field(default=(), metadata=_values(order=distinct, merge=by.all_sorted))
    commits: Mapping[str, tuple[datetime, ...]] = field(
        default_factory=dict, metadata=_values(merge=by.smallest_per_key)
    )
    training_runs: Mapping[str, datetime | None] = field(
        default_factory=dict, metadata=_values(merge=by.smallest_per_key)
    )
    corrections: tuple[Correction, ...] = field(default=(), metadata=_values(order=distinct, merge=by.all_distinct))
    unshipped: tuple[ModelVersion, ...] = ()
    inventory: Inventory | None = field(default=None, metadata=_values(merge=by.newest))
    actions: tuple[Action, ...] = field(default=(), metadata=_values(order=distinct, merge=by.one_per_week))
    drift: DriftCheck | None = None
    drift_marks: tuple[PastDriftCheck, ...] = field(
        default=(), metadata=_values(order=distinct, merge=by.first_and_last_checks)
    )
    models_gone: Mapping[str, datetime] = field(default_factory=dict, metadata=_values(merge=by.earliest_per_key))
    not_yet: Mapping[str, datetime] = field(default_factory=dict, metadata=_values(merge=by.latest_per_key))
    listings: Mapping[str, datetime] = field(default_factory=dict, metadata=_values(merge=by.latest_per_key))
    first_listed: Mapping[str, datetime] = field(default_factory=dict, metadata=_values(merge=by.earliest_per_key))
    owed_before: Mapping[str, Obligation] = field(default_factory=dict, metadata=_values(merge=by.smallest_per_key))
    cdevents: tuple[str, ...] = field(default=(), metadata=_values(order=distinct, merge=by.all_sorted))
    first_trusted_at: datetime | None = field(default=None, metadata=_values(merge=by.earliest))
    decided_at: datetime | None = field(default=None, metadata=_values(merge=by.latest))
    blocked_at: datetime | None = field(default=None, metadata=_values(merge=by.latest))
    check_names: Mapping[str, datetime] = field(default_factory=dict, metadata=_values(merge=by.latest_per_key))
    checks_settled: Mapping[str, datetime] = field(default_factory=dict, metadata=_values(merge=by.latest_per_key))

    def merged(self, other: Records) -> Records:
        """Return what either remembers. Commutative, associative and idempotent: the order of ledgers is irrelevant."""
        return Records(**{name: rule(getattr(self, name), getattr(other, name)) for name, rule in _rules(_MERGE)})

    def ordered(self) -> Self:
        """Return the same records, each once and in one order."""
        return replace(self, **{name: rule(getattr(self, name)) for name, rule in _rules(_ORDER)})


def _rules(kind: str) -> list[tuple[str, Callable[..., Any]]]:
    return [(item.name, item.metadata[kind]) for item in fields(Records) if kind in item.metadata]
