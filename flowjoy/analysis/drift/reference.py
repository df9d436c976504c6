"""`reference.json`: the distribution of each feature in training, without any row of it.

The file is untrusted: it is read as strictly as it is written, and error messages never contain its content.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from flowjoy.domain.drift import CategoricalDistribution, Distribution, NumericDistribution

SCHEMA = 1
LARGEST_BYTES = 8 << 20
MAX_FEATURES = 1000
MAX_NAME_LENGTH = 1000
_MAX_BINS = 2000
_MAX_ROWS = 10**12
_KEYS = {"edges", "counts", "missing", "other", "others"}


def to_json(features: Mapping[str, Distribution]) -> bytes:
    """Return the file of these distributions, in their order; equal distributions give equal bytes."""
    content = {"schema": SCHEMA, "features": {name: _plain(distribution) for name, distribution in features.items()}}
    return json.dumps(content, indent=1, allow_nan=False).encode() + b"\n"


def from_json(raw: bytes) -> dict[str, Distribution]:
    """Return the distributions in a file. Raise ValueError with the broken rule and its position, not the content."""
    if len(raw) > LARGEST_BYTES:
        raise ValueError(f"it is larger than {LARGEST_BYTES >> 20} MiB")
    try:
        content = json.loads(raw, object_pairs_hook=_object)
    except (_DuplicateKeyError, RecursionError) as problem:
        raise ValueError(
            str(problem) if isinstance(problem, _DuplicateKeyError) else "it is nested too deeply"
        ) from None
    except ValueError:
        raise ValueError("it is not JSON") from None
    if not isinstance(content, dict) or content.keys() != {"schema", "features"}:
        raise ValueError("expected the keys schema and features, and no other")
    if type(content["schema"]) is not int or content["schema"] != SCHEMA:
        raise ValueError(f"expected schema {SCHEMA}")
    features = content["features"]
    if not isinstance(features, dict) or not 1 <= len(features) <= MAX_FEATURES:
        raise ValueError(f"expected 1 to {MAX_FEATURES:,} features")
    if any(not 1 <= len(name) <= MAX_NAME_LENGTH for name in features):
        raise ValueError(f"expected names of 1 to {MAX_NAME_LENGTH:,} characters")
    return {name: _distribution(entry, f"feature {number}") for number, (name, entry) in enumerate(features.items(), 1)}


def _plain(distribution: Distribution) -> dict[str, object]:
    if isinstance(distribution, NumericDistribution):
        return {"edges": distribution.edges, "counts": distribution.counts, "missing": distribution.missing}
    rest = {"other": distribution.other, "others": distribution.others} if distribution.other else {}
    return {"counts": dict(distribution.counts), "missing": distribution.missing, **rest}


class _DuplicateKeyError(ValueError):
    """An object that names a key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise _DuplicateKeyError("it names a key twice")
    return content


def _distribution(entry: Any, where: str) -> Distribution:
    if not isinstance(entry, dict) or not {"counts"} <= entry.keys() <= _KEYS:
        raise ValueError(f"{where}: expected counts, and edges of a numeric one, missing, other, others")
    if "edges" in entry:
        if entry.keys() & {"other", "others"}:
            raise ValueError(f"{where}: numeric features do not have other or others")
        return _numbers(entry, where)
    counts = entry["counts"]
    if not isinstance(counts, dict) or len(counts) > _MAX_BINS:
        raise ValueError(f"{where}: expected counts by category, at most {_MAX_BINS:,}")
    rows = {name: _rows(count, where) for name, count in counts.items()}
    missing, other, others = (_rows(entry.get(name, 0), where) for name in ("missing", "other", "others"))
    if not sum(rows.values()) + missing + other:
        raise ValueError(f"{where}: has no rows")
    if other and not rows:
        raise ValueError(f"{where}: expected categories; a single bin cannot show drift")
    if others > other:
        raise ValueError(f"{where}: expected others to be at most other")
    return CategoricalDistribution(counts=rows, missing=missing, other=other, others=others)


def _numbers(entry: dict[str, Any], where: str) -> NumericDistribution:
    edges, counts = entry["edges"], entry["counts"]
    if not isinstance(edges, list) or not isinstance(counts, list) or len(counts) != len(edges) + 1:
        raise ValueError(f"{where}: expected a list of edges, and of one count more")
    if len(edges) > _MAX_BINS:
        raise ValueError(f"{where}: expected at most {_MAX_BINS:,} edges")
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
        raise ValueError(f"{where}: expected rising edges, where a value occurs at most twice")
    rows = tuple(_rows(count, where) for count in counts)
    missing = _rows(entry.get("missing", 0), where)
    if not sum(rows) + missing:
        raise ValueError(f"{where}: has no rows")
    if not cuts and rows[0]:
        raise ValueError(f"{where}: expected edges; a single bin cannot show drift")
    return NumericDistribution(edges=cuts, counts=rows, missing=missing)


def _rows(count: Any, where: str) -> int:
    if type(count) is not int or not 0 <= count <= _MAX_ROWS:
        raise ValueError(f"{where}: expected whole numbers of rows")
    return count
