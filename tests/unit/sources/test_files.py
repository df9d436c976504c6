"""Deploys and incidents from files: four shapes, one reading; what is wrong is refused naming its line."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.clients.transport import Budget, Transport
from flowjoy.domain import CodeRecord, Incident, ModelRecord
from flowjoy.errors import HarvestError
from flowjoy.sources.base import Clients, HarvestQuery, SourceResult
from flowjoy.sources.files import CodeFile, ModelFile
from flowjoy.sources.incident_file import IncidentFile
from flowjoy.sources.tabular import LARGEST_BYTES, read_text
from tests.builders import a_query, at

NO_ACCESS = Clients(transport=Transport(Budget(1)), progress=print)

STAMPS = ["2024-06-03T09:00:00Z", "2024-06-03T12:00:00Z"]


@pytest.fixture(scope="module")
def query() -> HarvestQuery:
    """A run three weeks after T0 that knows one model."""
    return a_query(Path("/tmp"))


def code(text: str, query: HarvestQuery) -> tuple[CodeRecord, ...]:
    return CodeFile().parse(text, query).records


def models(text: str, query: HarvestQuery) -> SourceResult[ModelRecord]:
    return ModelFile().parse(text, query)


def incidents(text: str, query: HarvestQuery) -> SourceResult[Incident]:
    return IncidentFile().parse(text, query)


def refusal(parse: Callable[[], object]) -> HarvestError:
    with pytest.raises(HarvestError) as problem:
        parse()
    return problem.value


SHAPES = {
    "JSON lines": '{"ts": "2024-06-03T09:00:00Z", "sha": "aaaaaa1"}\n'
    '{"ts": "2024-06-03T12:00:00Z", "sha": "bbbbbb2"}\n',
    "JSON": '[\n {"sha": "aaaaaa1", "ts": "2024-06-03T09:00:00Z"},\n'
    ' {"sha": "bbbbbb2", "ts": "2024-06-03T12:00:00Z"}\n]\n',
    "CSV": "ts,sha\n2024-06-03T09:00:00Z,aaaaaa1\n2024-06-03T12:00:00Z,bbbbbb2\n",
    "CSV, columns turned": "sha,ts\naaaaaa1,2024-06-03T09:00:00Z\nbbbbbb2,2024-06-03T12:00:00Z",
    "CSV, all quoted": '"ts","sha"\n"2024-06-03T09:00:00Z","aaaaaa1"\n"2024-06-03T12:00:00Z","bbbbbb2"\n',
    "CSV, with blanks": " ts , sha\n 2024-06-03T09:00:00Z , aaaaaa1\n\n 2024-06-03T12:00:00Z , bbbbbb2 \n\n",
    "CSV, more columns": "ts,branch,sha,url\n2024-06-03T09:00:00Z,main,aaaaaa1,\n2024-06-03T12:00:00Z,main,bbbbbb2\n",
    "CSV, other offsets": "ts,sha\n2024-06-03T11:00:00+02:00,aaaaaa1\n2024-06-03T07:00:00.000-05:00,bbbbbb2\n",
}
BARE = {
    "as they are": "\n".join(STAMPS),
    "quoted": "".join(f'"{stamp}"\n' for stamp in STAMPS),
    "a JSON list": json.dumps(STAMPS),
    "a column of CSV": "ts\n" + "\n".join(STAMPS),
    "with blank lines": "\n\n" + "\n\n".join(STAMPS) + "\n \n",
    "of mixed offsets": "2024-06-03T11:00:00+02:00\n2024-06-03T05:00:00-07:00\n",
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_code_file__every_shape_reads_the_same(tmp_path: Path, shape: str, ends: str, mark: str) -> None:
    (tmp_path / "deploys").write_bytes((mark + SHAPES[shape].replace("\n", ends)).encode())
    asked = a_query(tmp_path, code_source="file", code_file="deploys")
    records = code(CodeFile().fetch(asked, NO_ACCESS), asked)
    assert [(r.sha, r.shipped_at) for r in records] == [("aaaaaa1", at(0)), ("bbbbbb2", at(3))]


@pytest.mark.parametrize("shape", BARE)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_code_file__bare_stamps_are_each_a_sha_of_its_own(query: HarvestQuery, shape: str, ends: str) -> None:
    records = code(BARE[shape].replace("\n", ends), query)
    assert [(r.id, r.sha, r.shipped_at) for r in records] == [
        ("file:CODE:shop:2024-06-03T09:00:00Z", None, at(0)),
        ("file:CODE:shop:2024-06-03T12:00:00Z", None, at(3)),
    ]


@pytest.mark.parametrize("shape", BARE)
def test_model_file__bare_stamps_are_each_a_version_of_the_only_model(query: HarvestQuery, shape: str) -> None:
    result = models(BARE[shape], query).records
    assert [(r.id, r.name, r.version, r.shipped_at) for r in result] == [
        ("file:MODEL:recommender:2024-06-03T09:00:00Z", "recommender", None, at(0)),
        ("file:MODEL:recommender:2024-06-03T12:00:00Z", "recommender", None, at(3)),
    ]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_code_file__what_gh_prints_with_jq_is_read(query: HarvestQuery, ends: str) -> None:
    assert len(code(f"2024-06-03T09:00:00Z{ends}2024-06-03T12:00:00Z{ends}", query)) == 2


@given(
    order=st.permutations([f"2024-06-0{day}T09:00:00Z,aaaaaa{day},{day}" for day in range(1, 8)]),
    again=st.integers(0, 7),
)
def test_code_file__shuffled_and_duplicated_rows_give_the_same_records(order: list[str], again: int) -> None:
    query, header = a_query(Path("/tmp")), "ts,sha,id\n"
    assert code(header + "\n".join(order + order[:again]), query) == code(header + "\n".join(sorted(order)), query)


def test_code_file__the_same_stamp_twice_is_one_event(query: HarvestQuery) -> None:
    assert len(code("\n".join([*STAMPS, *STAMPS, "2024-06-03T11:00:00+02:00"]), query)) == 2


def test_code_file__an_id_tells_two_events_of_one_instant_apart(query: HarvestQuery) -> None:
    records = code("ts,id\n2024-06-03T09:00:00Z,one\n2024-06-03T09:00:00Z,two\n", query)
    assert [r.id for r in records] == ["file:CODE:one", "file:CODE:two"]


def test_code_file__an_id_once_is_one_event_however_often_it_is_written(query: HarvestQuery) -> None:
    assert len(code("ts,id\n2024-06-03T09:00:00Z,one\n2024-06-03T09:00:00Z,one\n", query)) == 1


def test_code_file__only_rows_of_the_environment_count_and_rows_without_one(query: HarvestQuery) -> None:
    rows = [
        "2024-06-03T09:00:00Z,aaaaaaa,production",
        "2024-06-03T10:00:00Z,bbbbbbb,staging",
        "2024-06-03T11:00:00Z,ccccccc,",
    ]
    text = "\n".join(["ts,sha,environment", *rows])
    assert [r.sha for r in code(text, query)] == ["aaaaaaa", "ccccccc"]


def test_code_file__rows_but_none_of_the_environment_is_refused_naming_those_there_are(query: HarvestQuery) -> None:
    said = refusal(lambda: code("ts,environment\n2024-06-03T09:00:00Z,staging\n2024-06-03T10:00:00Z,dev\n", query))
    assert "none in the environment 'production'" in str(said)
    assert said.hint == "set environment to one of: dev, staging"


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://github.com/acme", "https://github.com/acme"),
        ("javascript:alert(1)", None),
        ("http://x", None),
        ("", None),
    ],
)
def test_files__only_https_addresses_are_kept(query: HarvestQuery, url: str, kept: str | None) -> None:
    assert code(f"ts,url\n2024-06-03T09:00:00Z,{url}\n", query)[0].url == kept


@pytest.mark.parametrize(
    "text",
    [
        "2024-06-03T09:00:00Z\n2024-06-03T12:00:00\n",
        '"2024-06-03T09:00:00Z"\n"2024-06-03T12:00:00"\n',
        '{"ts": "2024-06-03T09:00:00Z"}\n{"ts": "2024-06-03 12:00"}\n',
        '["2024-06-03T09:00:00Z", "2024-06-03T12:00:00"]',
    ],
)
def test_files__a_naive_stamp_is_refused_naming_its_line(query: HarvestQuery, text: str) -> None:
    said = str(refusal(lambda: code(text, query)))
    assert said.startswith("code file, line 2, ts carries a wrong time: '2024-06-03")
    assert "has no offset" in said


def test_incident_file__times_without_an_offset_need_a_timezone_that_somebody_set(tmp_path: Path) -> None:
    text = "start,end\n2024-06-03T11:00:00,2024-06-03T14:30:00+02:00\n"
    with pytest.raises(HarvestError, match=r"line 2, start carries a wrong time.*has no offset"):
        incidents(text, a_query(tmp_path))
    (result,) = incidents(text, a_query(tmp_path, timezone="Europe/Berlin")).records
    assert (result.start, result.end) == (at(0), at(3.5))
    (result,) = incidents(text, a_query(tmp_path, timezone="Etc/UTC")).records
    assert result.start == at(2)


def test_incident_file__an_hour_that_the_clock_change_repeats_is_refused_naming_its_line(tmp_path: Path) -> None:
    text = "start,end\n2023-10-29T02:30:00,2023-10-29T04:00:00\n"
    with pytest.raises(HarvestError, match=r"line 2, start carries a wrong time: .*give an offset"):
        incidents(text, a_query(tmp_path, timezone="Europe/Berlin"))


def test_code_file__times_without_an_offset_are_never_guessed(tmp_path: Path) -> None:
    """They decide the promise; an incident does not."""
    with pytest.raises(HarvestError, match="has no offset"):
        code("2024-06-03T11:00:00", a_query(tmp_path, timezone="Europe/Berlin"))


def test_files__a_line_is_counted_as_an_editor_counts(query: HarvestQuery) -> None:
    for text in ("\n\nts,sha\n2024-06-03T09:00:00Z,aaaaaaa\n\nnever,b\n", "\n\n\n\n2024-06-03T09:00:00Z\nnever\n"):
        assert "line 6" in str(refusal(lambda text=text: code(text, query)))  # type: ignore[misc]  # a default in a lambda
    over_two_lines = 'ts,id\n2024-06-03T09:00:00Z,"a\nb"\nnever,c\n'
    assert "line 4" in str(refusal(lambda: code(over_two_lines, query)))


IMPOSSIBLE = ("1970-01-20T21:03:36Z", "1717405200", "yesterday", "0000-00-00T00:00:00Z")
FUTURE = ("9999-12-31T23:59:59Z", "2024-06-24T09:05:01Z")


@pytest.mark.parametrize("stamp", [*IMPOSSIBLE, *FUTURE])
def test_files__an_impossible_stamp_is_refused_naming_it(query: HarvestQuery, stamp: str) -> None:
    for read in (code, models):
        message = str(refusal(lambda read=read: read(f"ts\n{stamp}\n", query)))  # type: ignore[misc]  # a default in a lambda
        assert "line 2, ts " in message
        assert stamp in message
    if stamp not in FUTURE:  # such an incident is planned, and left out
        assert "line 2, start " in str(refusal(lambda: incidents(f"start,end\n{stamp},\n", query)))


def test_files__epoch_numbers_in_json_are_refused_and_not_guessed(query: HarvestQuery) -> None:
    for number in ("1717405200", "1717405200000", "NaN", "1e400", "true", "[1]", '{"a": 1}'):
        message = str(refusal(lambda n=number: code(f'{{"ts": {n}}}', query)))  # type: ignore[misc]  # a default in a lambda
        assert "ts carries a wrong time" in message or "ts does not have a time" in message


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\r\n"])
@pytest.mark.parametrize("read", [code, models, incidents])
def test_files__an_empty_file_is_refused_because_emptiness_must_be_said(
    query: HarvestQuery, text: str, read: Callable[[str, HarvestQuery], object]
) -> None:
    said = refusal(lambda: read(text, query))
    assert "the file is empty" in str(said)
    assert "[]" in said.hint


@pytest.mark.parametrize("text", ["[]", " [ ]\n", "ts\n", "ts,sha,environment\n", '"ts"\n', '"ts","sha"\r\n'])
def test_files__emptiness_that_is_said_is_believed(query: HarvestQuery, text: str) -> None:
    assert code(text, query) == ()
    assert models(text, query) == SourceResult[ModelRecord](records=())


@pytest.mark.parametrize("text", ["[]", "start,end\n", '"start","end"'])
def test_incident_file__emptiness_that_is_said_is_believed(query: HarvestQuery, text: str) -> None:
    assert incidents(text, query) == SourceResult[Incident](records=())


UNREADABLE = [
    ("[1]", "item 1"),
    ("[[]]", "item 1"),
    ('["2024-06-03T09:00:00Z", null]', "item 2"),
    ('{"ts": "2024-06-03T09:00:00Z"}\n{broken\n', "line 2"),
    ("[", "line 1"),
    ("[" * 100_000, ""),
    ('{"ts": ' + "9" * 5000 + "}", "line 1"),
    ('{"sha": "a"}', "line 1"),
    ('{"ts": null}', "line 1"),
    ("ts,sha\n,a\n", "line 2"),
    ("ts\n2024-06-03T09:00:00Z,a\n", "line 2"),
    ('ts,sha\n2024-06-03T09:00:00Z,"a\n', "line 2"),
    ('ts,sha\n2024-06-03T09:00:00Z,"a"b\n', "line 2"),
    ("when,sha\n2024-06-03T09:00:00Z,a\n", ""),
    ("x" * 200_000, ""),
    ("ts,sha\n2024-06-03T09:00:00Z," + "x" * 200_000, "line 2"),
    ("<html>Sign in</html>", ""),
    ("ts,ts\n2024-06-03T09:00:00Z,2024-06-04T09:00:00Z\n", ""),
    ('[{"ts": "2024-06-03T09:00:00Z", "ts": "2024-06-04T09:00:00Z"}]', ""),
    ("ts,sha\n2024-06-03T09:00:00Z,aaaaaaa\n2024-06-04T09:00:00Z,main\n", "line 3: main is not the id of a commit"),
    ("ts,sha\n2024-06-03T09:00:00Z,v1.2.0\n", "line 2: v1.2.0 is not the id of a commit"),
    ("ts,sha\n2024-06-03T09:00:00Z,aaaaaa\n", "line 2"),
    ("ts,sha\n2024-06-03T09:00:00Z," + "a" * 65 + "\n", "line 2"),
    ("ts,sha,id\n2024-06-03T09:00:00Z,aaaaaaa,7\n2024-06-04T09:00:00Z,bbbbbbb,7\n", "line 3"),
]
"""Files of deploys that cannot be read, and the place that the error must name. `tests/golden` has the sentences."""


@pytest.mark.parametrize(("text", "place"), UNREADABLE)
def test_code_file__what_cannot_be_read_is_refused_naming_its_place(query: HarvestQuery, text: str, place: str) -> None:
    message = str(refusal(lambda: code(text, query)))
    assert message.startswith(f"code file, {place}" if place else "code file")
    assert len(message) < 200


def test_files__a_line_separator_within_a_text_ends_no_line(query: HarvestQuery) -> None:
    texts = ["a\u2028b", "a\u0085b", "a\x0bb", "a\x1cb"]
    rows = [{"start": stamp, "end": None, "id": text} for stamp, text in zip([STAMPS[0]] * 4, texts, strict=True)]
    text = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    assert {record.id.removeprefix("incident:file:") for record in incidents(text, query).records} == set(texts)


@pytest.mark.matrix
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"ts": st.sampled_from(STAMPS), "id": st.text(st.characters(exclude_characters="\0"), max_size=6)}
        ),
        min_size=1,
        max_size=5,
    ),
    chance=st.randoms(),
)
def test_code_file__csv_json_and_json_lines_of_the_same_rows_read_the_same(
    rows: list[dict[str, str]], chance: random.Random
) -> None:
    query = a_query(Path("/tmp"))
    named = [{**row, "id": f"{n}{row['id']}"} for n, row in enumerate(rows)]
    sheet = io.StringIO()
    writer = csv.DictWriter(sheet, ["id", "ts"], quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(named)
    lines = [json.dumps(row, ensure_ascii=chance.random() < 0.5) for row in named]
    chance.shuffle(lines)
    expected = code(json.dumps(named), query)
    assert len(expected) == len(rows)
    assert code("\n".join(lines), query) == expected
    assert code(sheet.getvalue(), query) == expected


@given(text=st.text())
def test_files__any_text_is_read_or_refused_and_never_crashes(text: str) -> None:
    query = a_query(Path("/tmp"))
    reads: list[Callable[[str, HarvestQuery], Any]] = [code, models, incidents]
    for read in reads:
        for start in ("", "ts,", "start,end\n", "[", '{"ts":', '"'):
            try:
                read(start + text, query)
            except HarvestError as problem:
                assert str(problem)  # noqa: PT017  (either way out is right)


# --- models


def test_model_file__rows_name_model_version_and_run(query: HarvestQuery) -> None:
    result = models(
        '{"ts": "2024-06-03T09:00:00Z", "name": "recommender", "version": 12, "run_id": "r1"}', query
    ).records
    assert [(r.id, r.name, r.version, r.run_id) for r in result] == [
        ("model:recommender/12", "recommender", "12", "r1")
    ]


def test_model_file__a_column_model_serves_as_name(query: HarvestQuery) -> None:
    assert models("ts,model,version\n2024-06-03T09:00:00Z,recommender,1\n", query).records[0].name == "recommender"


def test_model_file__models_that_nobody_asked_for_are_left_out(query: HarvestQuery) -> None:
    text = "ts,name\n2024-06-03T09:00:00Z,recommender\n2024-06-03T09:00:00Z,toxicity\n"
    assert [r.name for r in models(text, query).records] == ["recommender"]


def test_model_file__a_model_without_a_row_counts_as_never_shipped_and_is_said(tmp_path: Path) -> None:
    asked = a_query(tmp_path, ("ranker", "recommender"))
    result = models("ts,name\n2024-06-03T09:00:00Z,recommender\n", asked)
    assert result.notes == ("no row of ranker: it counts as never shipped",)


@pytest.mark.parametrize("asked", [("ranker", "recommender"), ()])
def test_model_file__nameless_rows_and_not_exactly_one_model_is_a_clear_error(
    tmp_path: Path, asked: tuple[str, ...]
) -> None:
    query = a_query(tmp_path, asked)
    said = refusal(lambda: models("ts,name\n2024-06-03T09:00:00Z,recommender\n2024-06-03T10:00:00Z,\n", query))
    assert str(said).startswith("model file, line 3: the model is missing")
    assert said.hint == "add a column `name`, or name one model in `models`"


def test_model_file__a_version_that_ships_again_is_a_record_of_its_own(query: HarvestQuery) -> None:
    text = "ts,version\n2024-06-03T12:00:00Z,1\n2024-06-03T09:00:00Z,1\n2024-06-03T10:00:00Z,2\n"
    assert sorted(r.id for r in models(text, query).records) == [
        "model:recommender/1",
        "model:recommender/1@2024-06-03T12:00:00Z",
        "model:recommender/2",
    ]


def test_model_file__a_version_twice_at_one_instant_is_one_ship(query: HarvestQuery) -> None:
    text = "ts,version\n2024-06-03T09:00:00Z,1\n2024-06-03T11:00:00+02:00,1\n"
    assert [r.id for r in models(text, query).records] == ["model:recommender/1"]


def test_model_file__lists_its_versions_for_the_gate(query: HarvestQuery) -> None:
    text = "ts,version\n2024-06-03T09:00:00Z,1\n2024-06-03T10:00:00Z,2\n2024-06-03T11:00:00Z,1\n"
    assert [(v.name, v.version, v.ready) for v in models(text, query).versions] == [
        ("recommender", "1", True),
        ("recommender", "2", True),
    ]


# --- incidents


def test_incident_file__the_seed_s_plain_shape(query: HarvestQuery) -> None:
    result = incidents("start,end\n2024-06-03T09:00:00Z,2024-06-03T10:30:00Z\n", query).records
    assert [(i.id, i.source, i.service, i.start, i.end) for i in result] == [
        ("incident:file:shop:2024-06-03T09:00:00Z", "file", "shop", at(0), at(1.5))
    ]


def test_incident_file__optional_columns_are_kept(query: HarvestQuery) -> None:
    text = "id,title,service,type,start,end\nP1,Checkout slow,shop,latency,2024-06-03T09:00:00Z,\n"
    (result,) = incidents(text, query).records
    assert (result.id, result.title, result.service, result.type) == (
        "incident:file:P1",
        "Checkout slow",
        "shop",
        "latency",
    )


@pytest.mark.parametrize("row", ["2024-06-03T09:00:00Z,", "2024-06-03T09:00:00Z", "2024-06-03T09:00:00Z,  "])
def test_incident_file__without_an_end_it_is_open(query: HarvestQuery, row: str) -> None:
    (result,) = incidents(f"start,end\n{row}\n", query).records
    assert result.end is None


def test_incident_file__one_that_ends_before_it_starts_is_refused_naming_its_line(query: HarvestQuery) -> None:
    text = (
        "id,start,end\ngood,2024-06-03T09:00:00Z,2024-06-03T09:00:00Z\nbad,2024-06-03T09:00:01Z,2024-06-03T09:00:00Z\n"
    )
    said = refusal(lambda: incidents(text, query))
    assert str(said) == "incident file, line 3: it ends before it starts"


def test_incident_file__a_wrong_end_is_refused_naming_its_line(query: HarvestQuery) -> None:
    said = refusal(lambda: incidents("start,end\n2024-06-03T09:00:00Z,soon\n", query))
    assert str(said).startswith("incident file, line 2, end carries a wrong time")


@pytest.mark.parametrize(
    "text",
    ["start\n2024-06-03T09:00:00Z\n", "start,ends\n2024-06-03T09:00:00Z,2024-06-03T10:00:00Z\n", '{"start": "x"}\n'],
)
def test_incident_file__without_a_column_end_is_refused_and_not_all_open(query: HarvestQuery, text: str) -> None:
    said = refusal(lambda: incidents(text, query))
    assert str(said) == "incident file: the column 'end' is missing"
    assert "open incident is empty" in said.hint


def test_incident_file__without_a_column_start_is_refused(query: HarvestQuery) -> None:
    said = refusal(lambda: incidents("begin,end\n2024-06-03T09:00:00Z,\n", query))
    assert str(said) == "incident file: the first line does not name a column 'start'"


# --- the file itself


def test_read_text__a_file_that_is_not_there_is_refused_naming_it(tmp_path: Path) -> None:
    said = refusal(lambda: read_text(tmp_path / "deploys.csv"))
    assert "deploys.csv cannot be read" in str(said)
    assert said.hint == "check the path"


def test_read_text__a_folder_is_refused(tmp_path: Path) -> None:
    assert "is a folder" in str(refusal(lambda: read_text(tmp_path)))


def test_read_text__no_file_named_is_refused() -> None:
    assert str(refusal(lambda: read_text(None))) == "a file must be named"


@pytest.mark.parametrize(
    "raw", [b"ts\n\xff\xfe", "ts\n2024".encode("utf-16"), b"\x80", "ts,sha\nMünchen".encode("latin-1")]
)
def test_read_text__what_is_not_utf_8_is_refused_without_its_content(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "deploys.csv").write_bytes(raw)
    assert str(refusal(lambda: read_text(tmp_path / "deploys.csv"))) == "deploys.csv is not UTF-8 text"


def test_read_text__a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "deploys.csv"
    with path.open("wb") as file:
        file.truncate(LARGEST_BYTES + 1)  # sparse: no byte of it is on the disk
    assert str(refusal(lambda: read_text(path))) == "deploys.csv is larger than 64 MiB"


def test_read_text__drops_a_byte_order_mark_and_keeps_line_ends(tmp_path: Path) -> None:
    (tmp_path / "deploys.csv").write_bytes(b"\xef\xbb\xbfts\r\n")
    assert read_text(tmp_path / "deploys.csv") == "ts\r\n"


def test_code_file__two_shas_of_one_second_are_two_deploys(query: HarvestQuery) -> None:
    rows = "ts,sha\n2024-06-03T09:00:00Z,aaaaaaa\n2024-06-03T09:00:00Z,bbbbbbb\n"
    assert [record.sha for record in code(rows, query)] == ["aaaaaaa", "bbbbbbb"]


@pytest.mark.parametrize("nothing", ["", "None", "nan", "NULL", "unknown", "-"])
def test_code_file__what_exports_write_for_nothing_is_no_sha(query: HarvestQuery, nothing: str) -> None:
    (record,) = code(f"ts,sha\n2024-06-03T09:00:00Z,{nothing}\n", query)
    assert record.sha is None


def test_model_file__a_version_exported_as_a_float_is_the_same_version(query: HarvestQuery) -> None:
    rows = "ts,name,version\n2024-06-03T09:00:00Z,recommender,12\n2024-06-04T09:00:00Z,recommender,12.0\n"
    assert {record.version for record in models(rows, query).records} == {"12"}


def test_model_file__a_blank_name_beside_named_rows_is_refused(query: HarvestQuery) -> None:
    rows = "ts,name\n2024-06-03T09:00:00Z,recommender\n2024-06-04T09:00:00Z,\n"
    assert "line 3: the model is missing" in str(refusal(lambda: models(rows, query)))


def test_incident_file__two_incidents_of_one_second_are_both_kept(query: HarvestQuery) -> None:
    rows = "start,end\n2024-06-03T09:00:00Z,2024-06-03T10:00:00Z\n2024-06-03T09:00:00Z,2024-06-03T19:00:00Z\n"
    assert len(incidents(rows, query).records) == 2
