"""`reference.json`: written and read back the same; whatever is not one is refused without being shown."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowjoy.analysis.drift.binning import distributions_of
from flowjoy.analysis.drift.reference import LARGEST_BYTES, from_json, to_json
from flowjoy.domain.drift import CategoricalDistribution, NumericDistribution

AGE = {"edges": [20, 30.5], "counts": [1, 2, 3], "missing": 0}
COUNTRY = {"counts": {"DE": 10, "FR": 5}}


def read(features: Any, **changes: Any) -> Any:
    return from_json(json.dumps({"schema": 1, "features": features, **changes}).encode())


def test_file__of_the_format_that_is_documented_is_read() -> None:
    assert read({"age": AGE, "country": COUNTRY}) == {
        "age": NumericDistribution(edges=(20.0, 30.5), counts=(1, 2, 3)),
        "country": CategoricalDistribution(counts={"DE": 10, "FR": 5}),
    }


CELLS = st.one_of(st.none(), st.floats(), st.text(max_size=4))


@settings(max_examples=50)
@given(st.dictionaries(st.text(min_size=1, max_size=5), st.lists(CELLS, min_size=3, max_size=3), min_size=1))
def test_reference__is_read_back_as_it_was_written(columns: dict[str, list[Any]]) -> None:
    content = distributions_of(pd.DataFrame(columns, dtype=object))
    assert from_json(to_json(content)) == content
    assert to_json(from_json(to_json(content))) == to_json(content)


def test_categories__too_many_to_be_listed_come_back_with_their_number() -> None:
    content = distributions_of(pd.DataFrame({"x": [f"user-{n}" for n in range(1200)] + ["user-0"]}))
    assert content["x"] == from_json(to_json(content))["x"]
    assert isinstance(content["x"], CategoricalDistribution)
    assert (content["x"].other, content["x"].others) == (200, 200)


def test_edges__come_back_to_the_last_bit() -> None:
    content = distributions_of(pd.DataFrame({"x": np.random.default_rng(1).normal(size=500)}))
    assert from_json(to_json(content))["x"] == content["x"]


CANARY = "canary-of-the-data"
BAD: dict[str, Any] = {
    "no object": [],
    "no schema": {"features": {"age": AGE}},
    "another schema": {"schema": 2, "features": {"age": AGE}},
    "schema is no number": {"schema": True, "features": {"age": AGE}},
    "an unknown key": {"schema": 1, "features": {"age": AGE}, CANARY: 1},
    "no features": {"schema": 1, "features": {}},
    "features in a list": {"schema": 1, "features": [AGE]},
    "too many features": {"schema": 1, "features": {f"{CANARY}{n}": COUNTRY for n in range(1001)}},
    "a nameless feature": {"schema": 1, "features": {"": AGE}},
    "a name without end": {"schema": 1, "features": {CANARY * 100: AGE}},
}
BAD_FEATURES: dict[str, Any] = {
    "no object": 3,
    "no counts": {"edges": [1]},
    "an unknown key": {**AGE, CANARY: 1},
    "as many counts as edges": {"edges": [1, 2], "counts": [1, 2]},
    "edges that fall": {"edges": [2, 1], "counts": [1, 2, 3]},
    "three equal edges": {"edges": [1, 1, 1], "counts": [1, 2, 3, 4]},
    "edges of text": {"edges": [CANARY, CANARY], "counts": [1, 2, 3]},
    "edges of booleans": {"edges": [False, True], "counts": [1, 2, 3]},
    "an edge beyond floats": {"edges": [10**400], "counts": [1, 2]},
    "too many edges": {"edges": list(range(2001)), "counts": [1] * 2002},
    "negative rows": {"edges": [1], "counts": [-1, 2]},
    "half a row": {"edges": [1], "counts": [0.5, 2]},
    "rows beyond measure": {"counts": {CANARY: 10**13}},
    "rows that are booleans": {"counts": {CANARY: True}},
    "no row": {"edges": [], "counts": [0]},
    "no row of a category": {"counts": {}},
    "too many categories": {"counts": {f"{CANARY}{n}": 1 for n in range(2001)}},
    "other numbers": {**AGE, "other": 1},
    "other categories of numbers": {**AGE, "others": 1},
    "more others than rows": {**COUNTRY, "other": 1, "others": 2},
    "one bin of numbers": {"edges": [], "counts": [300]},
    "one bin of categories": {"counts": {}, "other": 300},
    "missing that is text": {**COUNTRY, "missing": CANARY},
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_file__that_is_none_is_refused_without_being_shown(content: Any) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        from_json(json.dumps(content).encode())
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("content", BAD_FEATURES.values(), ids=BAD_FEATURES)
def test_feature__that_is_none_is_named_by_its_number(content: Any) -> None:
    with pytest.raises(ValueError, match=r"^feature 2: ") as refused:
        read({CANARY: COUNTRY, f"{CANARY} 2": content})
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"NaN",
        b'{"schema": 1, "schema": 1, "features": {}}',
        b'{"schema": 1, "features": {"a": {"edges": [NaN], "counts": [1, 2]}}}',
        b'{"schema": 1, "features": {"a": {"edges": [1e999], "counts": [1, 2]}}}',
        b'{"schema": 1, "features": {"a": {"edges": [], "counts": [' + b"9" * 5000 + b"]}}}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b" " * (LARGEST_BYTES + 1),
    ],
    ids=["empty", "not UTF-8", "cut", "NaN", "twice", "NaN edge", "infinite", "digits", "lists", "objects", "large"],
)
def test_text__that_is_hostile_is_refused_at_once(raw: bytes) -> None:
    begun = time.process_time()
    with pytest.raises(ValueError, match=r"it |feature 1: |expected the keys"):
        from_json(raw)
    assert time.process_time() - begun < 5
