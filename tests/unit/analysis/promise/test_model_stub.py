"""The model stub: what is taken, and how each mistake is named."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.analysis.promise.model_stub import LARGEST_BYTES
from flowjoy.domain import AbsentStub, ParsedStub, Requirement, Rule, UnreadableStub
from tests.builders import a_stub_file

WAIVER = {"model": "recommender", "sha": "*", "reason": "freeze", "by": "data", "until": "2026-12-31T00:00:00Z"}


def parse(text: str) -> ParsedStub:
    stub = a_stub_file(text)
    assert isinstance(stub, ParsedStub)
    return stub


def refusal(text: str) -> str:
    stub = a_stub_file(text)
    assert isinstance(stub, UnreadableStub)
    return stub.problem_at("flowjoy.json")


def test_stub__is_parsed_unreadable_or_absent() -> None:
    stubs = [a_stub_file('{"models": {}}'), a_stub_file("{"), a_stub_file(problem="too large"), a_stub_file()]
    assert [type(stub) for stub in stubs] == [ParsedStub, UnreadableStub, UnreadableStub, AbsentStub]


def test_stub__of_one_text_at_many_commits_is_parsed_once() -> None:
    text = '{"models": {"recommender": "3"}}'
    assert a_stub_file(text) is a_stub_file(text)


def test_stub__reads_every_form_of_requirement() -> None:
    stub = parse(
        '{"models": {"a": "any", "b": "12", "c": {"requires": ">=12"}, "d": {"requires": "none", "reason": "rules"},'
        ' "e": {}}}',
    )
    assert stub.requirements == (
        Requirement(model="a"),
        Requirement(model="b", rule=Rule.EXACT, version="12"),
        Requirement(model="c", rule=Rule.AT_LEAST, version="12"),
        Requirement(model="d", rule=Rule.NONE, reason="rules"),
        Requirement(model="e"),
    )


@pytest.mark.parametrize("name", ["1.2.0", "v3", "2026.11.1", "v1.2", "1.0.0-rc.1", "1.2.0+build.5"])
def test_stub__pins_a_semantic_version_by_its_exact_name(name: str) -> None:
    # mlflow/mlflow#7280, mlflow/mlflow#5575: registries name their versions so.
    pinned = Requirement(model="a", rule=Rule.EXACT, version=name)
    for entry in (name, {"requires": name}):
        (result,) = parse(json.dumps({"models": {"a": entry}})).requirements
        assert (result, str(result)) == (pinned, name)
    assert pinned.fits(name)
    assert not any(map(pinned.fits, ["1", "3", "1.2.1", "1.20", "2026.11", "latest"]))


@pytest.mark.parametrize("name", ["1.2.0", "v3", "2026.11.1"])
def test_at_least__needs_an_integer_and_says_what_to_write(name: str) -> None:
    for entry in (f">={name}", {"requires": f">={name}"}):
        message = refusal(json.dumps({"models": {"a": entry}}))
        assert f'">=" compares whole numbers. Write ">=12", or pin the one version "{name}"' in message


def test_at_least__is_not_met_by_a_name_that_only_resembles_a_number() -> None:
    at_least = Requirement(model="a", rule=Rule.AT_LEAST, version="12")
    assert [name for name in ("12", "13", "2026.11", "13.0.0", "1e3", "inf") if at_least.fits(name)] == ["12", "13"]


@pytest.mark.parametrize("owner", ["U0123ABC", "data platform", " ranking team ", "x" * 80, "Zoë"])
def test_owner__is_a_name_or_a_slack_id_of_one_line(owner: str) -> None:
    text = json.dumps({"models": {"a": {"owner": owner}, "b": "12", "c": {"requires": ">=2"}}})
    stub = parse(text)
    assert stub.owners == {"a": owner.strip()}
    assert [str(item) for item in stub.requirements] == ["any", "12", ">=2"]


@pytest.mark.parametrize(
    "owner", ["", "  ", "x" * 81, "a\nb", "a\u2028b", "a\u0085b", "a\tb", "\u3164", 5, ["U0123ABC"], {}]
)
def test_owner__that_is_not_one_short_line_is_named_with_line_and_rule(owner: object) -> None:
    text = '{"models": {\n"a": {"requires": "any",\n"owner": ' + json.dumps(owner) + "}}}"
    expected = "line 3: 'a': 'owner': expected a name or a Slack id, on one line of 1 to 80 characters"
    assert expected in refusal(text)


def test_stub__knows_the_line_of_each_model() -> None:
    text = '{"waivers": [],\n "models": {\n  "a": "any",\n  "b": {"requires":\n "1"}}}'
    assert parse(text).lines == {"a": 3, "b": 4}


def test_waiver__needs_all_five_and_an_offset() -> None:
    for missing in WAIVER:
        waiver = {key: value for key, value in WAIVER.items() if key != missing}
        assert f"missing key '{missing}'" in refusal(json.dumps({"models": {}, "waivers": [waiver]}))
    naive = {**WAIVER, "until": "2026-12-31T00:00:00"}
    assert "has no offset" in refusal(json.dumps({"models": {}, "waivers": [naive]}))
    blank = {**WAIVER, "reason": "  "}
    assert "'reason'" in refusal(json.dumps({"models": {}, "waivers": [blank]}))


@pytest.mark.parametrize(
    ("text", "message"),
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
        ('{"models": {"it\'s": "1"}}', "is not a model name"),
        ('{"models": {"": "1"}}', "is not a model name"),
    ],
)
def test_stub__names_line_and_rule(text: str, message: str) -> None:
    assert message in refusal(text)


# Shapes that other tools keep in files of such names: 50bhan/registry-tabby, AIPowerGrid/grid-discord-news-bot,
# Adtrac/pi-config; a page, a YAML file and a pointer of LFS stand where a path is mistaken.
FOREIGN = (
    '[{"name": "small", "provider": "acme"}]',
    '"recommender"',
    "12",
    "null",
    '{"providers": {"acme": {"models": []}}}',
    '{"model": {"recommender": "12"}}',
    '{"models": [{"id": "small"}]}',
    '{"models": "recommender"}',
    '{"models": {"small": {"provider": "acme", "context": 8192}}}',
    '{"models": {"small": ["a", "b"]}}',
    "<!DOCTYPE html>\n<html></html>",
    "models:\n  recommender: any\n",
    "---\nmodels: {}\n",
    "- name: small\n",
    '[models]\nrecommender = "12"\n',
    "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "../shared/flowjoy.json",
    "  ",
    '{"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}}}}',
)


@pytest.mark.parametrize("text", FOREIGN)
def test_foreign_file__is_named_with_the_cure(text: str) -> None:
    message = refusal(text)
    assert message.startswith("flowjoy.json, line 1: ")
    assert "set `model-stub` to another path" in message


SLIPS = (
    ('{"models": {\n"recommender": 12}}', 2),
    ('{"models": {"a": {"requires":\n 12}}}', 1),
    ('{"models": {"a": 1.5}}', 1),
    ('{"models": {"a": true}}', 1),
    ('{"models": {"a": null}}', 1),
    ('{"models": {"a": "latest"}}', 1),
    ('{"models": {"a": {"requires": "any", "reasn": "x"}}}', 1),
    ('{"models": {"a": "1"}, "waiver": []}', 1),
    ('{"models": {"a": {"requires": "any", "ownr": "x"}}}', 1),
    ('{"models": {"a": {"require": "12"}}}', 1),
    ('{"models": {"a": {"requires": "none", "reason": 1}}}', 1),
    ('{"models": {"a": {"requires": "none"}}}', 1),
    ('{"models": {}, "$schema": 1}', 1),
    ('{"models": {}, "waivers": {}}', 1),
    ('{"models": {}, "waivers": null}', 1),
    ('{"models": {}, "waivers": [{}, "x"]}', 1),
    ('{"models": {}, "waivers": ["x"]}', 1),
    ('{"models": {"a": "1",}}', 1),
    ('{"models": {"a": "1"}, // why\n}', 1),
    ("{'models': {}}", 1),
    ('{"models": {"a": "1"}', 1),
    ('{"models": {"a": >=12}}', 1),
    ('{"models": {"a": recommender}}', 1),
    ('{"models": {"a": None}}', 1),
    ('{"models": {}}\n{"models": {}}', 2),
    ('{"models": {"a" "1"}}', 1),
    ('{"models": {"a": "1"}}\n<<<<<<< HEAD\n', 2),
    ('{"models": {"a": ' + "9" * 5000 + "}}", 1),
)


@pytest.mark.parametrize(("text", "line"), SLIPS)
def test_stub__a_slip_is_named_with_its_line(text: str, line: int) -> None:
    assert refusal(text).startswith(f"flowjoy.json, line {line}: ")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("model", 1, "'model': expected the name of a model"),
        ("model", "", "'model': expected the name of a model"),
        ("sha", "abc1234", "'sha': expected * or a full commit sha"),
        ("sha", None, "'sha': expected * or a full commit sha"),
        ("reason", "", "'reason': expected text"),
        ("reason", "\u200b", "'reason': expected a text that can be read"),
        ("by", "\u3164 \u2060", "'by': expected a text that can be read"),
        ("by", "x" * 501, "'by': expected text"),
        ("until", 1767225600, "'until': expected an ISO instant such as 2026-12-31T00:00:00Z, or a date"),
        ("until", "tomorrow", "'until': 'tomorrow' is not an ISO 8601 timestamp"),
        ("until", "2026-02-30", "'until': "),
    ],
)
def test_waiver__each_wrong_field_is_named_with_what_is_right(field: str, value: object, message: str) -> None:
    text = json.dumps({"models": {}, "waivers": [{**WAIVER}, {**WAIVER, field: value}]})
    assert f"waiver 2: {message}" in refusal(text)


def test_waiver__a_date_means_its_last_second_in_utc() -> None:
    (waiver,) = parse(json.dumps({"models": {}, "waivers": [{**WAIVER, "until": "2026-12-31"}]})).waivers
    assert waiver.until == datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_waiver__a_sha_in_capitals_is_the_same_commit() -> None:
    (waiver,) = parse(json.dumps({"models": {}, "waivers": [{**WAIVER, "sha": "A" * 40}]})).waivers
    assert waiver.sha == "a" * 40


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


_LIBRARY_TERMS = (
    "Input should", "Extra inputs", "Field required", "valid dictionary", "instance of", "valid string", "valid tuple",
    "match pattern", "Value error", "StubFile", "ModelEntry", "WaiverEntry", "at most", "at least", "pydantic",
    "Expecting", "delimiter", "Extra data", "Invalid control", "Unterminated", "Illegal trailing", "surrogates",
)  # fmt: skip
_SCRAPS = st.sampled_from(
    [
        "any",
        "12",
        ">=12",
        "none",
        "2026-12-31",
        "*",
        "a" * 40,
        "",
        " ",
        "x" * 600,
        "\ud800",
        "\x00",
        12,
        1.5,
        None,
        True,
    ]
)
_ENTRY = st.dictionaries(st.sampled_from(["requires", "reason", "owner", "reasn"]), _SCRAPS, max_size=3) | _SCRAPS
_WAIVERS = st.lists(
    st.fixed_dictionaries({}, optional=dict.fromkeys([*WAIVER, "extra"], _SCRAPS)) | _SCRAPS, max_size=3
)
_NAMES = st.sampled_from(["recommender", "it's", "", "x" * 300, "\ud800"])
_FILES = st.fixed_dictionaries(
    {},
    optional={
        "models": st.dictionaries(
            st.sampled_from(["recommender", "it's", "", "x" * 300, "\ud800"]), _ENTRY, max_size=3
        ),
        "waivers": _WAIVERS | _SCRAPS,
        "$schema": _SCRAPS,
        "extra": _SCRAPS,
    },
)


@given(data=_FILES | _JSON, cut=st.integers(0, 40))
def test_stub__no_wording_of_a_library_reaches_a_reader(data: object, cut: int) -> None:
    text = json.dumps(data)
    stub = a_stub_file(text[: len(text) - cut])
    if isinstance(stub, UnreadableStub):
        message = stub.problem_at("flowjoy.json")
        assert not [term for term in _LIBRARY_TERMS if term in message], message
        assert re.fullmatch(r"flowjoy\.json, line \d+: \S.*", message), message


@given(
    data=st.fixed_dictionaries({}, optional={"models": _JSON, "waivers": _JSON, "other": _JSON}),
    indent=st.integers(0, 3),
)
def test_stub__any_json_is_read_or_refused_with_a_line_of_the_file(data: object, indent: int) -> None:
    text = json.dumps(data, indent=indent or None)
    stub = a_stub_file(text)
    line = stub.line if isinstance(stub, UnreadableStub) else 1
    assert line is not None
    assert 1 <= line <= text.count("\n") + 1
