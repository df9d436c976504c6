"""Finds versions that had shipped before they were stamped: by registration, or by an earlier signal.

With the signal `registered` a version has shipped as soon as it is registered. A later stamp corrects that time, unless
it would change a settled obligation, or settle one for which a new version is due.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter

from flowjoy.analysis.promise import obligations
from flowjoy.analysis.promise.dependencies import dependencies_of
from flowjoy.analysis.timeline import timeline
from flowjoy.domain import AliasObservation, ModelRecord, Obligation, Outcome, Precision
from flowjoy.domain.bundle import RunParameters
from flowjoy.domain.listings import version_key
from flowjoy.domain.records import Records
from flowjoy.ledger.other_signals import is_by

Bounded = Callable[[Iterable[ModelRecord]], Sequence[ModelRecord]]
"""Gives ships that claim a time at which a run did not see them the bounds of what runs saw."""


def before_stamps(
    known: Records, current: Sequence[ModelRecord], terms: RunParameters, now: datetime, bounded: Bounded
) -> dict[str, ModelRecord]:
    """Return, by id of a stamped version, the ship before its stamp: by its registration, or by an earlier signal.

    The registration counts if a newer version shipped by registration before the stamp, so this one was live until
    then; if it kept an obligation, and the stamp would break that or comes after a deployment that the registration did
    not serve; or if runs saw the version live by an alias or stage. Where the signal is not `registered`, only a
    registration that an earlier run counted does, and no stamp that was written afterwards. `known`: the ledger, with
    the deployments and stubs of this run.
    """
    stamped = [record for record in current if _is_first_stamp(record)]
    if not stamped:
        return {}
    newer = _registrations(current)
    seen = {record.id: record for record in known.models}
    same = {r.id: seen[r.id] for r in stamped if r.id in seen and seen[r.id].registered_at == r.registered_at}
    again = {record.id for record in stamped if _is_superseded(record, newer.get(record.name, ()))}
    by_registration = {record.id: record for record in bounded(map(_registered, stamped))}
    counts = terms.model_signal == "registered"
    earlier = {key: record for key, record in same.items() if record.precision is not Precision.REGISTERED}
    asked = [r for r in stamped if r.id not in again and r.id not in earlier and (counts or r.id in same)]
    if asked:
        decided, observed = {key.rpartition("@")[0] for key in seen}, _first_observed(known.observations)
        ships = seen | ({r.id: r for r in current} | {r.id: by_registration[r.id] for r in asked} if counts else {})
        settled = _settled(replace(known, models=tuple(ships.values())), terms, now)
        deploys = [record.shipped_at for record in known.code if record.outcome is Outcome.SUCCESS]
        again |= {
            record.id
            for record in asked
            # What an earlier run decided stays, also after the stamp was moved.
            if record.id in decided
            or (record.not_before is not None and not counts)
            or observed.get(version_key(record), record.shipped_at) < record.shipped_at
            or _would_rewrite(record, settled.get((record.name, record.version), ()), deploys)
        }
    shipped = [record for record in earlier.values() if not is_by(record, terms.model_signal)]
    first = {record.id: record for record in bounded(shipped)} | {key: by_registration[key] for key in again}
    return {key: _as_first(record, terms.model_signal) for key, record in first.items()}


def _as_first(record: ModelRecord, signal: str) -> ModelRecord:
    """Return a ship before a stamp. One by another signal closes nothing: it only shows that the version is not new."""
    return record if is_by(record, signal) else replace(record, maybe_copy=True)


def _registered(record: ModelRecord) -> ModelRecord:
    """Return the ship of a stamped version by its registration."""
    at = record.registered_at or record.shipped_at
    return replace(record, shipped_at=at, not_before=None, precision=Precision.REGISTERED, stamp=None)


def notes(known: Iterable[ModelRecord], signal: str) -> tuple[str, ...]:
    """Return a note that names the stamps that did not make a version new, with the cure."""
    records = list(known)
    before = {r.id for r in records if r.precision is Precision.REGISTERED or not is_by(r, signal)}
    names = sorted({f"{r.name} v{r.version}" for r in records if r.id.rpartition("@")[0] in before})
    if not names:
        return ()
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    shipped = (
        "shipped when registered, so a later flowjoy.deployed_at makes it live again, not new. Set model-signal to "
        "tag:flowjoy.deployed_at if versions wait between the two"
        if signal == "registered"
        else "shipped before its stamp, by its registration or an earlier model-signal, so the stamp makes it live "
        "again, not new. Ship a new version, or set sla-since to the day on which model-signal changed"
    )
    return (f"{', '.join(names[:_SHOWN])}{more}: {shipped}",)


_SHOWN = 5


def _is_first_stamp(record: ModelRecord) -> bool:
    registered = record.registered_at
    is_first = record.id == f"model:{record.name}/{record.version}"
    later = registered is not None and registered < record.shipped_at
    return is_first and later and record.precision is Precision.EXACT


def _registrations(current: Iterable[ModelRecord]) -> dict[str, list[datetime]]:
    """Return, by model and sorted, the registration times of versions without a stamp."""
    stamps: dict[str, list[datetime]] = {}
    for record in current:
        if record.precision is Precision.REGISTERED:
            stamps.setdefault(record.name, []).append(record.shipped_at)
    return {name: sorted(times) for name, times in stamps.items()}


def _is_superseded(record: ModelRecord, newer: Sequence[datetime]) -> bool:
    index = bisect(newer, record.registered_at or record.shipped_at)
    return index < len(newer) and newer[index] < record.shipped_at


def _settled(known: Records, terms: RunParameters, now: datetime) -> Mapping[tuple[str, str | None], list[Obligation]]:
    """Return, by version, the obligations that its registration settled."""
    events = timeline(known.code, known.models, service="", until=now)
    dependence = dependencies_of(terms.models, known.stubs, terms.model_stub)
    asked = obligations.PromiseTerms(sla_hours=terms.sla_hours, as_of=now, since=None)
    settled: dict[tuple[str, str | None], list[Obligation]] = {}
    for item in obligations.obligations(events, dependence, asked):
        if item.precision is Precision.REGISTERED:
            settled.setdefault((item.model, item.version), []).append(item)
    return settled


def _first_observed(observations: Iterable[AliasObservation]) -> Mapping[str, datetime]:
    """Return, by version, when a run first saw it live, by any alias or stage."""
    named = (item for item in observations if item.version)
    return {version_key(item): item.at for item in sorted(named, key=attrgetter("at"), reverse=True)}


def _would_rewrite(record: ModelRecord, settled: Sequence[Obligation], deploys: Iterable[datetime]) -> bool:
    """Return whether the stamp, as the only ship, would break an obligation or serve a later deployment."""
    served = {item.start for item in settled}
    since = record.registered_at or record.shipped_at
    return bool(settled) and (
        any(item.deadline < record.shipped_at for item in settled)
        or any(since < start <= record.shipped_at and start not in served for start in deploys)
    )
