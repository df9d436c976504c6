"""The first ship of a model that meets a requirement, as bounds.

Times are whole microseconds since the epoch. An exactly known ship has `earliest == latest`; an observed one happened
somewhere in [earliest, latest]. Every question therefore has two answers, the `earliest` and the `latest` of
`ShipBounds`, each with the index of the ship that gives it (-1 without a ship). `obligations` chooses which question to
ask: of versions as they are registered, or as an alias, stage or tag makes them live.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from flowjoy.analysis.promise.microseconds import NEVER, Micros
from flowjoy.domain import Requirement, Rule

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class ShipBounds:
    """The earliest and the latest possible time of the first ship, one a question, and the ships that give them."""

    earliest: Micros
    latest: Micros
    earliest_index: npt.NDArray[np.int64]
    latest_index: npt.NDArray[np.int64]

    def among(self, rows: npt.NDArray[np.intp]) -> ShipBounds:
        """Return the same bounds with indices into all events, of which `rows` were asked."""
        return replace(
            self,
            earliest_index=_index(rows, self.earliest_index),
            latest_index=_index(rows, self.latest_index),
        )


def joined(bounds: Sequence[ShipBounds]) -> ShipBounds:
    """Return the answers to several questions one after the other."""
    return ShipBounds(
        **{item.name: np.concatenate([getattr(bound, item.name) for bound in bounds]) for item in fields(ShipBounds)}
    )


def no_ship(questions: int) -> ShipBounds:
    """Return that nothing shipped."""
    never, none = np.full(questions, NEVER), np.full(questions, -1)
    return ShipBounds(earliest=never, latest=never, earliest_index=none, latest_index=none)


def fitting(requirement: Requirement, versions: npt.NDArray[np.object_], numbers: npt.NDArray[np.float64]) -> Flags:
    """Return which versions a pin accepts, as `Requirement.fits` says of one; `numbers`: NaN for other names."""
    version = requirement.version or ""
    if requirement.rule is Rule.AT_LEAST:
        return np.asarray(numbers >= int(version), dtype=np.bool_)
    if version.isdecimal():
        return np.asarray(numbers == int(version), dtype=np.bool_)
    return np.asarray(versions == version, dtype=np.bool_)


def first_since(earliest: Micros, latest: Micros, lower: Micros, *, new_until: Micros | None = None) -> ShipBounds:
    """Return the first ship at or after each `lower`. One that may precede `lower` counts for the earliest bound only.

    `new_until`: the last `lower` for which each ship counts at all, NEVER where every one does.
    """
    limit = np.full(len(latest), NEVER) if new_until is None else new_until
    first, first_index = _first(key=np.minimum(latest, limit), value=earliest, lower=lower)
    last, last_index = _first(key=np.minimum(earliest, limit), value=latest, lower=lower)
    return ShipBounds(
        earliest=np.maximum(first, lower), latest=last, earliest_index=first_index, latest_index=last_index
    )


def first_ever(earliest: Micros, latest: Micros, questions: int) -> ShipBounds:
    """Return the first ship of all, for registries in which every version stays live."""
    lower = np.full(questions, np.iinfo(np.int64).min)
    return first_since(earliest, latest, lower)


def first_live(earliest: Micros, latest: Micros, fits: Flags, start: Micros) -> ShipBounds:
    """Return the first time from `start` on at which the version that shipped last is one that fits.

    `earliest`, `latest`, `fits`: every event of the model, in timeline order. A fitting version that is live at
    `start` counts at its own ship. At one instant code comes before models: live is what shipped before `start`.
    """
    start = start - 1
    certain = np.searchsorted(latest, start, side="right") - 1
    fits_then = (certain >= 0) & fits[np.maximum(certain, 0)] if len(latest) else np.zeros(len(start), dtype=bool)
    # Events that may have happened by `start`: their earliest time is before it, their latest is not.
    maybe_fit = _count(earliest[fits], start) - _count(latest[fits], start)
    maybe_other = _count(earliest[~fits], start) - _count(latest[~fits], start)
    later = first_since(earliest[fits], latest[fits], start + 1)
    surely = _first(key=latest[fits], value=latest[fits], lower=start + 1)
    where = np.flatnonzero(fits)
    earliest_live = fits_then | (maybe_fit > 0)
    latest_live = fits_then & (maybe_other == 0)
    live_since = latest[np.maximum(certain, 0)] if len(latest) else start
    straddling = _index(where, _first(key=latest[fits], value=earliest[fits], lower=start + 1)[1])
    earliest_index = np.where(
        fits_then, certain, np.where(earliest_live, straddling, _index(where, later.earliest_index))
    )
    return ShipBounds(
        earliest=np.where(fits_then, live_since, np.where(earliest_live, start, later.earliest)),
        latest=np.where(latest_live, live_since, surely[0]),
        earliest_index=earliest_index,
        latest_index=np.where(latest_live, certain, _index(where, surely[1])),
    )


def _first(*, key: Micros, value: Micros, lower: Micros) -> tuple[Micros, npt.NDArray[np.int64]]:
    """Return for each `lower` the smallest `value` among ships whose `key` >= lower, and the index of that ship."""
    if not len(key):
        return np.full(len(lower), NEVER), np.full(len(lower), -1)
    order = np.argsort(key, kind="stable")
    backwards = value[order][::-1]
    smallest = np.minimum.accumulate(backwards)
    indices = np.maximum.accumulate(np.where(backwards == smallest, np.arange(len(key)), 0))
    smallest, indices = smallest[::-1], order[::-1][indices][::-1]
    at = np.searchsorted(key[order], lower, side="left")
    exists = at < len(key)
    at = np.minimum(at, len(key) - 1)
    return np.where(exists, smallest[at], NEVER), np.where(exists, indices[at], -1)


def _count(times: Micros, until: Micros) -> npt.NDArray[np.int64]:
    return np.searchsorted(np.sort(times), until, side="right").astype(np.int64)


def _index(where: npt.NDArray[np.int64], indices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the indices into a selection as indices into all events; -1 stays."""
    if not len(where):
        return np.full(len(indices), -1)
    return np.where(indices >= 0, where[np.maximum(indices, 0)], -1)
