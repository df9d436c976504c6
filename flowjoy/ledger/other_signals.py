"""Ships by another signal than the one asked now: they count for nothing, but what was live before is not new."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from flowjoy.domain import ModelRecord, Precision
from flowjoy.domain.records import Records


def of_signal(memory: Records, signal: str) -> Records:
    """Return the memory with the ships by this signal only, and by the stamps that count under every signal."""
    return replace(memory, models=tuple(record for record in memory.models if is_by(record, signal)))


def is_by(record: ModelRecord, signal: str) -> bool:
    """Return whether a ship is one by this signal."""
    tag = (record.stamp or "").rpartition("=")[0]
    if record.precision is Precision.EXACT:
        return tag in ("", "row", signal.removeprefix("tag:")) or tag.startswith("flowjoy.")
    observed = signal.startswith(("alias:", "stage:"))
    return observed if record.precision is Precision.OBSERVED else signal == "registered"


def not_judged(
    memory: Records, names: Iterable[str], signal: str, known: Iterable[ModelRecord]
) -> tuple[ModelRecord, ...]:
    """Return the remembered ships that this run does not judge, so that a later run can.

    They are of models that it does not ask for, or by another signal than its own and of a version that is not `known`.
    """
    asked, shown = set(names), {(record.name, record.version) for record in known}
    return tuple(
        record
        for record in memory.models
        if record.name not in asked or not (is_by(record, signal) or (record.name, record.version) in shown)
    )
