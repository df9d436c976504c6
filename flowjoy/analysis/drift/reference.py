"""`reference.json`: how the features lie in training, without a row of it. Pure; knows text and spreads, no file.

Read as strictly as it is written, for it may come from anywhere; nothing that stands in it is ever echoed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from flowjoy.domain.drift import CategoricalDistribution, NumericDistribution, Spread

SCHEMA = 1
LARGEST_BYTES = 8 << 20
MOST_FEATURES = 1000
LONGEST_NAME = 1000
_MOST_BINS = 2000
_MOST_ROWS = 10**12
_KEYS = {"edges", "counts", "missing", "other", "others"}


def to_json(features: Mapping[str, Spread]) -> bytes:
    """The file of these spreads, in their order; the same spreads give the same bytes."""
    told = {"schema": SCHEMA, "features": {name: _plain(spread) for name, spread in features.items()}}
    return json.dumps(told, indent=1, allow_nan=False).encode() + b"\n"


def from_json(raw: bytes) -> dict[str, Spread]:
    """The spreads in a file. Raises ValueError that says which rule is broken, and where, without what stands there."""
    if len(raw) > LARGEST_BYTES:
        raise ValueError(f"it is larger than {LARGEST_BYTES >> 20} MiB")
    try:
        held = json.loads(raw, object_pairs_hook=_object)
    except (_TwiceError, RecursionError) as problem:
        raise ValueError(str(problem) if isinstance(problem, _TwiceError) else "it is nested too deeply") from None
    except ValueError:
        raise ValueError("it is not JSON") from None
    if not isinstance(held, dict) or held.keys() != {"schema", "features"}:
        raise ValueError("expected the keys schema and features, and no other")
    if type(held["schema"]) is not int or held["schema"] != SCHEMA:
        raise ValueError(f"expected schema {SCHEMA}")
    features = held["features"]
    if not isinstance(features, dict) or not 1 <= len(features) <= MOST_FEATURES:
        raise ValueError(f"expected 1 to {MOST_FEATURES:,} features")
    if any(not 1 <= len(name) <= LONGEST_NAME for name in features):
        raise ValueError(f"expected names of 1 to {LONGEST_NAME:,} characters")
    return {name: _spread(told, f"feature {place}") for place, (name, told) in enumerate(features.items(), 1)}


def _plain(spread: Spread) -> dict[str, object]:
    if isinstance(spread, NumericDistribution):
        return {"edges": spread.edges, "counts": spread.counts, "missing": spread.missing}
    rest = {"other": spread.other, "others": spread.others} if spread.other else {}
    return {"counts": dict(spread.counts), "missing": spread.missing, **rest}


class _TwiceError(ValueError):
    """An object that names a key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) < len(pairs):
        raise _TwiceError("it names a key twice")
    return held


def _spread(told: Any, where: str) -> Spread:
    if not isinstance(told, dict) or not {"counts"} <= told.keys() <= _KEYS:
        raise ValueError(f"{where}: expected counts, and edges of a numeric one, missing, other, others")
    if "edges" in told:
        if told.keys() & {"other", "others"}:
            raise ValueError(f"{where}: only categories have an other")
        return _numbers(told, where)
    counts = told["counts"]
    if not isinstance(counts, dict) or len(counts) > _MOST_BINS:
        raise ValueError(f"{where}: expected counts by category, at most {_MOST_BINS:,}")
    rows = {name: _rows(count, where) for name, count in counts.items()}
    missing, other, others = (_rows(told.get(name, 0), where) for name in ("missing", "other", "others"))
    if not sum(rows.values()) + missing + other:
        raise ValueError(f"{where}: has no rows")
    if other and not rows:
        raise ValueError(f"{where}: expected categories; one bin for all says nothing")
    if others > other:
        raise ValueError(f"{where}: expected no more others than rows of theirs")
    return CategoricalDistribution(counts=rows, missing=missing, other=other, others=others)


def _numbers(told: dict[str, Any], where: str) -> NumericDistribution:
    edges, counts = told["edges"], told["counts"]
    if not isinstance(edges, list) or not isinstance(counts, list) or len(counts) != len(edges) + 1:
        raise ValueError(f"{where}: expected a list of edges, and of one count more")
    if len(edges) > _MOST_BINS:
        raise ValueError(f"{where}: expected at most {_MOST_BINS:,} edges")
    if any(type(edge) not in (int, float) for edge in edges):
        raise ValueError(f"{where}: expected edges that are numbers")
    try:
        cuts = tuple(map(float, edges))
    except OverflowError:
        cuts = (math.inf,)
    if not all(map(math.isfinite, cuts)):
        raise ValueError(f"{where}: expected edges that are finite")
    falls = any(one > other for one, other in pairwise(cuts))
    if falls or any(one == other for one, other in zip(cuts, cuts[2:], strict=False)):
        raise ValueError(f"{where}: expected edges that rise; two that are equal hold one value")
    rows = tuple(_rows(count, where) for count in counts)
    missing = _rows(told.get("missing", 0), where)
    if not sum(rows) + missing:
        raise ValueError(f"{where}: has no rows")
    if not cuts and rows[0]:
        raise ValueError(f"{where}: expected edges; one bin for all says nothing")
    return NumericDistribution(edges=cuts, counts=rows, missing=missing)


def _rows(count: Any, where: str) -> int:
    if type(count) is not int or not 0 <= count <= _MOST_ROWS:
        raise ValueError(f"{where}: expected whole numbers of rows")
    return count
