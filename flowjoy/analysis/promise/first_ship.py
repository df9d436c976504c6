"""When, after a given instant, a model version that fits can first have shipped. Knows one model's ships, no promise.

Times are whole microseconds since the epoch. An exactly known ship has `earliest == latest`; an observed one happened
somewhere in [earliest, latest]. Every question therefore has two answers, the earliest and the latest possible one:
`Answer.best` and `Answer.worst`, each with the place of the ship that gives it (-1 where there is none).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Micros = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NEVER = np.iinfo(np.int64).max
"""No ship at all: later than every deadline."""


@dataclass(frozen=True, kw_only=True)
class ShipBounds:
    """Two instants a question: when it was answered at best and at worst, and by which ship."""

    best: Micros
    worst: Micros
    best_at: npt.NDArray[np.int64]
    worst_at: npt.NDArray[np.int64]


def first_since(earliest: Micros, latest: Micros, lower: Micros, *, new_until: Micros | None = None) -> ShipBounds:
    """The first ship at or after each `lower`. A ship that may lie before `lower` counts at best, not at worst.

    `new_until`: the last `lower` for which each ship counts at all, NEVER where every one does.
    """
    limit = np.full(len(latest), NEVER) if new_until is None else new_until
    best, best_at = _first(key=np.minimum(latest, limit), value=earliest, lower=lower)
    worst, worst_at = _first(key=np.minimum(earliest, limit), value=latest, lower=lower)
    return ShipBounds(best=np.maximum(best, lower), worst=worst, best_at=best_at, worst_at=worst_at)


def first_ever(earliest: Micros, latest: Micros, questions: int) -> ShipBounds:
    """The first ship of all, for registries in which every version stays live."""
    lower = np.full(questions, np.iinfo(np.int64).min)
    return first_since(earliest, latest, lower)


def first_live(earliest: Micros, latest: Micros, fits: Flags, start: Micros) -> ShipBounds:
    """The first instant from `start` on at which the version shipped last is one that fits.

    `earliest`, `latest`, `fits`: every event of the model, in timeline order. A fitting version that is live at
    `start` answers at its own ship. At one instant code comes before models: live is what shipped before `start`.
    """
    start = start - 1
    certain = np.searchsorted(latest, start, side="right") - 1
    fits_then = (certain >= 0) & fits[np.maximum(certain, 0)] if len(latest) else np.zeros(len(start), dtype=bool)
    # Events that may have happened by `start` but need not have: begun by then, not surely over.
    maybe_fit = _count(earliest[fits], start) - _count(latest[fits], start)
    maybe_other = _count(earliest[~fits], start) - _count(latest[~fits], start)
    later = first_since(earliest[fits], latest[fits], start + 1)
    surely = _first(key=latest[fits], value=latest[fits], lower=start + 1)
    where = np.flatnonzero(fits)
    best_live = fits_then | (maybe_fit > 0)
    worst_live = fits_then & (maybe_other == 0)
    live_since = latest[np.maximum(certain, 0)] if len(latest) else start
    straddling = _place(where, _first(key=latest[fits], value=earliest[fits], lower=start + 1)[1])
    best_at = np.where(fits_then, certain, np.where(best_live, straddling, _place(where, later.best_at)))
    return ShipBounds(
        best=np.where(fits_then, live_since, np.where(best_live, start, later.best)),
        worst=np.where(worst_live, live_since, surely[0]),
        best_at=best_at,
        worst_at=np.where(worst_live, certain, _place(where, surely[1])),
    )


def _first(*, key: Micros, value: Micros, lower: Micros) -> tuple[Micros, npt.NDArray[np.int64]]:
    """For each `lower`: the least `value` among ships whose `key` >= lower, and that ship's place."""
    if not len(key):
        return np.full(len(lower), NEVER), np.full(len(lower), -1)
    order = np.lexsort((np.arange(len(key)), key))
    backwards = value[order][::-1]
    least = np.minimum.accumulate(backwards)
    places = np.maximum.accumulate(np.where(backwards == least, np.arange(len(key)), 0))
    least, places = least[::-1], order[::-1][places][::-1]
    at = np.searchsorted(key[order], lower, side="left")
    found = at < len(key)
    at = np.minimum(at, len(key) - 1)
    return np.where(found, least[at], NEVER), np.where(found, places[at], -1)


def _count(stamps: Micros, until: Micros) -> npt.NDArray[np.int64]:
    return np.searchsorted(np.sort(stamps), until, side="right").astype(np.int64)


def _place(where: npt.NDArray[np.int64], found: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    if not len(where):
        return np.full(len(found), -1)
    return np.where(found >= 0, where[np.maximum(found, 0)], -1)
