"""The bundle: what goes in comes out, the same records give the same bytes, and nothing else is taken for one."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowjoy.analysis.results import analyse
from flowjoy.domain import CodeRecord, CoverageState, Incident, ModelRecord, Outcome, Precision, Status
from flowjoy.domain.bundle import Bundle
from flowjoy.errors import BundleError
from flowjoy.ledger import bundle_schema
from flowjoy.ledger.bundle_format import SCHEMA, from_json, json_text, to_json
from tests.builders import (
    a_bundle,
    a_coverage,
    a_deploy,
    a_provisional_deploy,
    a_ship,
    a_stub_file,
    an_incident,
    an_obligation,
    at,
)

TEXT = st.none() | st.text(max_size=8)
INSTANT = st.datetimes(datetime(2005, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  (made aware)

CODE = st.lists(
    st.builds(CodeRecord, id=st.text(max_size=5), service=st.text(max_size=5), environment=st.text(max_size=5),
              sha=TEXT, shipped_at=INSTANT, run_id=TEXT, outcome=st.sampled_from(Outcome), url=TEXT),
    max_size=4, unique_by=lambda record: record.id,
)  # fmt: skip
MODELS = st.lists(
    st.builds(ModelRecord, id=st.text(max_size=5), name=st.text(max_size=5), version=TEXT, shipped_at=INSTANT,
              run_id=TEXT, not_before=st.none() | INSTANT, precision=st.sampled_from(Precision),
              registered_at=st.none() | INSTANT, url=TEXT),
    max_size=4, unique_by=lambda record: record.id,
)  # fmt: skip
INCIDENTS = st.lists(
    st.builds(Incident, id=st.text(max_size=5), source=st.text(max_size=5), service=st.text(max_size=5), start=INSTANT,
              end=st.none() | INSTANT, title=TEXT, type=TEXT, url=TEXT),
    max_size=4, unique_by=lambda record: record.id,
)  # fmt: skip


def a_full_bundle(**changes: Any) -> Bundle:
    """One of everything that a bundle can hold."""
    return a_bundle(
        [a_deploy(1, run_id="9", url="https://github.com/x"), a_deploy(2, None), a_provisional_deploy(3)],
        [a_ship(4, precision=Precision.OBSERVED, not_before=at(3), registered_at=at(2)), a_ship(5, None)],
        [an_incident(1), an_incident(2, hours=None, title='tést "quoted" \u2028')],
        terms={"sla_since": at(0), "sla_hours": 0.5},
        coverage=(a_coverage("code", notes=("a", "b")), a_coverage("models", CoverageState.FAILED, reason="503")),
        stubs={"HEAD": a_stub_file(text="{}"), "abc": a_stub_file(problem="too large")},
        unknown_models=("ranker",),
        obligations=(an_obligation(1), an_obligation(2, status=Status.BREACHED, provisional=True)),
        **changes,
    )


def plain(**changes: object) -> dict[str, Any]:
    """A right bundle as JSON data, with these top-level keys changed."""
    return {**json.loads(to_json(a_full_bundle())), **changes}


def test_bundle__what_goes_in_comes_out() -> None:
    bundle = a_full_bundle()
    back = from_json(to_json(bundle))
    assert (set(back.code), set(back.models)) == (set(bundle.code), set(bundle.models))
    assert replace(back, code=bundle.code, models=bundle.models, incidents=bundle.incidents) == bundle


@settings(max_examples=60)
@given(code=CODE, models=MODELS, incidents=INCIDENTS)
def test_bundle__any_records_round_trip_and_writing_again_gives_the_same_bytes(
    code: list[CodeRecord], models: list[ModelRecord], incidents: list[Incident]
) -> None:
    written = to_json(a_bundle(code, models, incidents))
    back = from_json(written)
    assert list(back.code) == sorted(code, key=lambda record: record.id)
    assert list(back.models) == sorted(models, key=lambda record: record.id)
    assert list(back.incidents) == sorted(incidents, key=lambda record: record.id)
    assert to_json(back) == written


@settings(max_examples=60)
@given(code=CODE, models=MODELS, incidents=INCIDENTS, chance=st.randoms())
def test_bundle__shuffled_and_duplicated_records_give_the_same_bytes(
    code: list[CodeRecord], models: list[ModelRecord], incidents: list[Incident], chance: random.Random
) -> None:
    before = to_json(a_bundle(code, models, incidents))
    doubled: tuple[list[Any], ...] = ([*code, *code], [*models, *models], [*incidents, *incidents])
    for records in doubled:
        chance.shuffle(records)
    assert to_json(a_bundle(*doubled)) == before


def test_bundle__a_bundle_read_back_gives_the_same_findings() -> None:
    code = [a_deploy(hours, sha) for hours, sha in zip((0, 50, 60, 200), "abac", strict=True)]
    bundle = a_bundle(code, [a_ship(30), a_ship(300)], [an_incident(55), an_incident(210, hours=None)])
    result, again = analyse(bundle), analyse(from_json(to_json(bundle)))
    assert again.obligations == result.obligations
    assert (again.weeks, again.verdict, again.rate, again.sla_status) == (
        result.weeks,
        result.verdict,
        result.rate,
        result.sla_status,
    )
    assert result.obligations


def test_bundle__keys_are_sorted_and_instants_are_iso() -> None:
    text = to_json(a_full_bundle()).decode()
    data = json.loads(text)
    assert list(data) == sorted(data)
    assert data["schema"] == SCHEMA
    assert data["code"][0]["shipped_at"].endswith("Z")
    assert text.endswith("}\n")


def test_bundle__keeps_the_file_of_a_stub_and_parses_it_again() -> None:
    text = '{"models": {"recommender": "3"}}'
    gone = a_stub_file(problem="the commit is gone", commit_is_gone=True)
    stubs = {"a": a_stub_file(text), "b": a_stub_file("{"), "c": a_stub_file(), "d": gone}
    written = to_json(a_bundle(stubs=stubs))
    assert from_json(written).stubs == stubs
    assert json.loads(written)["stubs"]["a"] == {"text": text, "problem": None, "commit_is_gone": False}


def test_bundle__half_a_surrogate_pair_from_a_server_is_written_as_a_replacement_sign() -> None:
    reason, stub = "said \ud83d", a_stub_file(text='{"reason": "\ud83d"}')
    written = to_json(a_bundle(coverage=(a_coverage("code", reason=reason),), stubs={"HEAD": stub}))
    back = from_json(written)
    assert (back.coverage[0].reason, back.stubs["HEAD"].file.text) == ("said \ufffd", '{"reason": "\ufffd"}')
    assert to_json(back) == written


@pytest.mark.parametrize("half", [b"\\ud83d", b"\\udc00", b"\xed\xa0\xbd", b"\\ud83dx"])
def test_bundle__half_a_surrogate_pair_is_refused(half: bytes) -> None:
    raw = to_json(a_bundle()).replace(b'"shop"', b'"' + half + b'"')
    assert half in raw
    with pytest.raises(BundleError, match="it is not JSON"):
        from_json(raw)


@pytest.mark.parametrize("key", ["code", "models", "incidents", "coverage", "window", "terms", "service"])
def test_bundle__without_what_every_run_writes_is_refused(key: str) -> None:
    data = plain()
    del data[key]
    with pytest.raises(BundleError, match=f"`{key}` is missing"):
        from_json(json.dumps(data).encode())


@pytest.mark.parametrize(
    "text",
    ["2024-06-03T09:00:00", "1717405200", "2024-06-03", "", "now", "9999-12-31T23:59:59-14:00", "2024-06-03T09:00:60Z"],
)
def test_bundle__a_timestamp_is_iso_8601_with_an_offset(text: str) -> None:
    data = plain()
    data["code"][0]["shipped_at"] = text
    with pytest.raises(BundleError, match=r"`code\.0\.shipped_at` is not a timestamp with an offset"):
        from_json(json.dumps(data).encode())


def test_bundle__timestamps_of_any_offset_are_read_as_utc() -> None:
    data = plain()
    data["code"][0]["shipped_at"] = "2024-06-03T11:00:00+02:00"
    stamp = from_json(json.dumps(data).encode()).code[0].shipped_at
    assert (stamp, stamp.tzinfo) == (datetime(2024, 6, 3, 9, tzinfo=UTC), UTC)


def test_bundle__a_wrong_value_is_named_by_its_field_and_never_by_keys_or_texts_of_the_file() -> None:
    data = plain(stubs={"::error::\n": {"text": 5}})
    with pytest.raises(BundleError) as caught:
        from_json(json.dumps(data).encode())
    assert str(caught.value) == "this is not a FlowJoy bundle: `stubs.….text` is not what FlowJoy writes there"


def test_bundle__a_newer_key_is_left_alone_and_a_missing_one_takes_its_default() -> None:
    data = plain(invented={"by": "a newer FlowJoy"})
    del data["unknown_models"]
    assert from_json(json.dumps(data).encode()).unknown_models == ()


@pytest.mark.parametrize("schema", [SCHEMA + 1, 99, 0, -1])
def test_bundle__another_schema_is_refused_naming_both(schema: int) -> None:
    with pytest.raises(BundleError, match=f"of schema {schema}, this FlowJoy reads schemas up to {SCHEMA}"):
        from_json(json.dumps(plain(schema=schema)).encode())


@pytest.mark.parametrize("schema", [None, "1", 1.0, True, [1]])
def test_bundle__a_schema_that_is_no_number_is_none(schema: object) -> None:
    with pytest.raises(BundleError, match="it names no schema"):
        from_json(json.dumps(plain(schema=schema)).encode())


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"null", b"[]", b"1", b'"x"', b"\xff\xfe\x00", b"\x00" * 9, b"PK\x03\x04", b"[" * 100_000, b"{}"]
)
def test_bundle__what_is_no_bundle_is_refused(raw: bytes) -> None:
    with pytest.raises(BundleError, match="this is not a FlowJoy bundle"):
        from_json(raw)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_bundle__a_number_that_is_none_is_refused(constant: str) -> None:
    raw = to_json(a_bundle()).replace(b'"sla_hours": 48.0', f'"sla_hours": {constant}'.encode())
    assert constant.encode() in raw
    with pytest.raises(BundleError, match="it is not JSON"):
        from_json(raw)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("code", "abc"),
        ("code", {"a": 1}),
        ("code", [[]]),
        ("code", [{}]),
        ("code", [None]),
        ("models", [{"id": "x"}]),
        ("window", []),
        ("window", None),
        ("terms", {}),
        ("service", 5),
        ("generated_at", "2024-06-03T09:00:00"),
        ("generated_at", 1717405200),
        ("generated_at", "9999-12-31T23:59:59-14:00"),
        ("coverage", [{"source": "code", "state": "fine", "required": True}]),
        ("coverage", [{"source": "code", "state": "complete", "required": 1}]),
        ("coverage", [{"source": "code", "state": "complete", "required": True, "records": True}]),
        ("coverage", [{"source": "code", "state": [], "required": True}]),
        ("unknown_models", "ranker"),
        ("stubs", {"HEAD": []}),
        ("stubs", {"HEAD": "x"}),
        ("stubs", []),
        ("obligations", None),
    ],
)
def test_bundle__a_value_of_the_wrong_kind_is_refused(key: str, value: object) -> None:
    with pytest.raises(BundleError, match="this is not a FlowJoy bundle"):
        from_json(json.dumps(plain(**{key: value})).encode())


@pytest.mark.parametrize("hours", ["48", None, [48], True, 10**400])
def test_bundle__terms_are_checked_too(hours: object) -> None:
    data = plain()
    data["terms"]["sla_hours"] = hours
    with pytest.raises(BundleError, match="this is not a FlowJoy bundle"):
        from_json(json.dumps(data).encode())


def test_bundle__a_whole_number_serves_where_a_decimal_is_meant() -> None:
    data = plain()
    data["terms"]["sla_hours"] = 48
    assert from_json(json.dumps(data).encode()).terms.sla_hours == 48.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(key=st.sampled_from(sorted(json.loads(to_json(a_bundle())))), value=JSON)
def test_bundle__any_value_in_any_place_is_read_or_refused_and_never_crashes(key: str, value: object) -> None:
    raw = json.dumps(plain(**{key: value})).encode()
    try:
        bundle = from_json(raw)
    except BundleError:
        return
    assert from_json(to_json(bundle)) == bundle


@given(raw=st.binary(max_size=40))
def test_bundle__any_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(BundleError):
        from_json(raw)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json__is_what_the_standard_library_writes(value: object) -> None:
    assert json_text(value) == json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False)


def test_schema__of_a_type_that_json_does_not_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="a bundle cannot hold"):
        bundle_schema._schema(set[int])
