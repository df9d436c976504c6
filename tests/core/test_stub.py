"""The model stub: what is taken, and how each mistake is named."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.errors import StubError
from flowjoy.model import Requirement, Rule
from flowjoy.stub import LARGEST_BYTES, parse

WAIVER = {"model": "recommender", "sha": "*", "reason": "freeze", "by": "data", "until": "2026-12-31T00:00:00Z"}


def refusal(text: str) -> str:
    with pytest.raises(StubError) as caught:
        parse(text, "flowjoy.json")
    return str(caught.value)


def test_stub__reads_every_form_of_requirement() -> None:
    stub = parse(
        '{"models": {"a": "any", "b": "12", "c": {"requires": ">=12"}, "d": {"requires": "none", "reason": "rules"},'
        ' "e": {}}}',
        "flowjoy.json",
    )
    assert stub.requirements == (
        Requirement(model="a"),
        Requirement(model="b", rule=Rule.EXACT, version=12),
        Requirement(model="c", rule=Rule.AT_LEAST, version=12),
        Requirement(model="d", rule=Rule.NONE, reason="rules"),
        Requirement(model="e"),
    )


def test_stub__knows_the_line_of_each_model() -> None:
    text = '{"waivers": [],\n "models": {\n  "a": "any",\n  "b": {"requires":\n "1"}}}'
    assert parse(text, "flowjoy.json").lines == {"a": 3, "b": 4}


def test_waiver__needs_all_five_and_an_offset() -> None:
    for missing in WAIVER:
        held = {key: value for key, value in WAIVER.items() if key != missing}
        assert f"missing key '{missing}'" in refusal(json.dumps({"models": {}, "waivers": [held]}))
    naive = {**WAIVER, "until": "2026-12-31T00:00:00"}
    assert "has no offset" in refusal(json.dumps({"models": {}, "waivers": [naive]}))
    blank = {**WAIVER, "reason": "  "}
    assert "'reason'" in refusal(json.dumps({"models": {}, "waivers": [blank]}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: is not JSON"),
        ('{"models": {}} x', "line 1: is not JSON"),
        ("{}", "line 1: missing key 'models'"),
        ('{"models": {"a": "1"},\n "x": 1}', "line 2: unknown key 'x'"),
        ('{"models": {"a": {"requires": "any",\n "x": 1}}}', "line 2: unknown key 'x'"),
        ('{"models": {"a": "1",\n "a": "2"}}', "line 2: names 'a' twice"),
        ('{"models": {},\n "models": {}}', "line 2: names 'models' twice"),
        ('{"models": {"a": "none"}}', "line 1: 'a': expected"),
        ('{"models": {"a":\n 12}}', "line 1: 'a': expected"),
        ('{"models": {"a": "=>1"}}', "line 1: 'a': expected"),
        ('{"models": {"a": "0"}}', "line 1: 'a': expected"),
        ('{"models": {"a": NaN}}', "is not JSON"),
        ('{"models": {"it\'s": "1"}}', "is no model name"),
        ('{"models": {"": "1"}}', "is no model name"),
    ],
)
def test_stub__names_line_and_rule(text: str, said: str) -> None:
    assert said in refusal(text)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, " " * (LARGEST_BYTES + 1), '"' + "\\" * 200_000])
def test_stub__a_bomb_is_refused_in_under_a_second(text: str) -> None:
    begun = time.thread_time()
    refusal(text)
    assert time.thread_time() - begun < 1


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(
    data=st.fixed_dictionaries({}, optional={"models": _JSON, "waivers": _JSON, "other": _JSON}),
    indent=st.integers(0, 3),
)
def test_stub__any_json_is_read_or_refused_with_a_line_of_the_file(data: object, indent: int) -> None:
    text = json.dumps(data, indent=indent or None)
    line = 1
    try:
        parse(text, "flowjoy.json")
    except StubError as refused:
        line = refused.line
    assert 1 <= line <= text.count("\n") + 1
