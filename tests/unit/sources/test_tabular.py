"""The shapes in which people and tools write tables: what each gives, and where it is wrong."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.errors import HarvestError
from flowjoy.sources.file_columns import guessed
from flowjoy.sources.tabular import TextShape, column, read_table

SHA, OTHER = "a" * 40, "b" * 40
STAMPS = ["2024-06-03T09:00:00Z", "2024-06-03T12:00:00Z"]
SHAPE = TextShape(
    label="code file",
    times=("ts",),
    known=frozenset({"ts", "sha", "conclusion"}),
    cure="write ts,sha",
    bare="ts",
    guess=guessed,
)
ROWS = [(STAMPS[0], SHA), (STAMPS[1], OTHER)]
OBJECTS = [{"ts": stamp, "sha": sha} for stamp, sha in ROWS]


def read(text: str) -> list[tuple[str | None, str | None]]:
    return [(row.get("ts"), row.get("sha")) for row in read_table(text, SHAPE).rows]


def refusal(text: str) -> HarvestError:
    with pytest.raises(HarvestError) as problem:
        read_table(text, SHAPE)
    return problem.value


SHAPES = {
    # cli/cli#5347, cli/cli#2749: `gh api --paginate` prints one text a page.
    "lists one after the other": "".join(json.dumps([item]) for item in OBJECTS),
    "lists a line": "\n".join(json.dumps([item]) for item in OBJECTS) + "\n",
    # aelassas/servy#3142: `--slurp` puts the pages into one more list.
    "a list of pages": json.dumps([[item] for item in OBJECTS]),
    "an empty page at the end": json.dumps(OBJECTS) + "[]",
    "objects without anything between them": "".join(map(json.dumps, OBJECTS)),
    # cli/cli#8419: objects over many lines.
    "pretty-printed objects": "\n".join(json.dumps(item, indent=2) for item in OBJECTS),
    "a pretty-printed list": json.dumps(OBJECTS, indent=4),
    "answers that list records": "".join(
        json.dumps({"total_count": 2, "workflow_runs": [item]}, indent=1) for item in OBJECTS
    ),
    "a list of answers": json.dumps([{"total_count": 2, "workflow_runs": [item]} for item in OBJECTS]),
    "other spellings of a column": json.dumps([{"TS": stamp, "Sha": sha} for stamp, sha in ROWS]),
    "CSV": "ts,sha\n" + "".join(f"{stamp},{sha}\n" for stamp, sha in ROWS),
    "@csv without a header": "".join(f'"{stamp}","{sha}"\n' for stamp, sha in ROWS),
    "@csv without a header, columns turned": "".join(f'"{sha}","{stamp}"\n' for stamp, sha in ROWS),
    "@tsv with a header": "ts\tsha\n" + "".join(f"{stamp}\t{sha}\n" for stamp, sha in ROWS),
    "semicolons": "TS;SHA\r\n" + "".join(f"{stamp};{sha}\r\n" for stamp, sha in ROWS),
    # bardsoftware/ganttproject#1634, OpenDataRepository/data-publisher#84: what spreadsheets add.
    "a spreadsheet's empty columns and rows": "ts,sha,,\n"
    + "".join(f"{stamp},{sha},,\n" for stamp, sha in ROWS)
    + ",,,\n,,,\n",
    "cells beyond the header, all empty": "ts,sha\n" + "".join(f"{stamp},{sha},,,\n" for stamp, sha in ROWS),
    "a table's row numbers": ",ts,sha\n" + "".join(f"{n},{stamp},{sha}\n" for n, (stamp, sha) in enumerate(ROWS)),
    "a table's row numbers, with tabs": "\n\tts\tsha\n"
    + "".join(f"{n}\t{t}\t{sha}\n" for n, (t, sha) in enumerate(ROWS)),
    # soft-track/soft-track#50: Jira repeats a column for each of its values.
    "columns that nothing is read from, twice": "ts,Labels,sha,Labels\n"
    + "".join(f"{stamp},x,{sha},y\n" for stamp, sha in ROWS),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_rows__are_the_same_in_every_shape(shape: str) -> None:
    assert read(SHAPES[shape]) == ROWS


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "[]\n[]",
        '{"total_count": 0, "workflow_runs": []}',
        "ts,sha,,\n",
        "ts,sha\n,\n",
        '{"incidents": [], "more": false}',
    ],
)
def test_emptiness__that_is_said_is_believed(text: str) -> None:
    assert read(text) == []


REFUSED = [
    ('[{"ts": "x"}]\n[{"ts": "x"},\n{broken]', "line 3"),
    ('{"ts": "x"}\n\n{"ts": "x", "ts": "y"}', "line 3"),
    ('{"ts": "x", "TS": "y"}', "item 1"),
    ('{"ts": "x"} trailing', "line 1"),
    ("TS,ts\nx,y\n", "header"),
    ("ts;sha\nx;y;z\n", "line 2"),
    ('{"total_count": 250, "workflow_runs": [{"ts": "x"}]}', "1 of 250"),
    ('{"model_versions": [{"ts": "x"}], "next_page_token": "abc"}', "1 record"),
    ('{"incidents": [{"ts": "x"}], "more": true}', "1 record"),
    (f'"{STAMPS[0]}","main"\n', "first line"),
    (f'"{STAMPS[0]}","{STAMPS[1]}"\n', "first line"),
    (f'"{STAMPS[0]}","12345678"\n', "first line"),
    (f"{STAMPS[0]};{SHA}\n", "first line"),
    ("sep=,\nts,sha\n", "first line"),
]
"""Texts that are no table of deploys, and the place that the error must name. `tests/golden` has the sentences."""


@pytest.mark.parametrize(("text", "place"), REFUSED)
def test_refusal__names_the_place(text: str, place: str) -> None:
    assert place in str(refusal(text))


@pytest.mark.parametrize("text", ["when,sha\nx,y\n", f'"{STAMPS[0]}","main"\n', "[1]"])
def test_refusal__of_another_shape_says_how_to_write_the_file(text: str) -> None:
    assert refusal(text).hint == "write ts,sha"


def test_pages__that_are_all_there_are_counted_together() -> None:
    pages = [{"total_count": 3, "workflow_runs": [{"ts": str(n)}]} for n in range(3)]
    assert len(read("\n".join(map(json.dumps, pages)))) == 3
    assert "2 of 3" in str(refusal("\n".join(map(json.dumps, pages[:2]))))


def test_row__without_a_header_is_counted_from_the_first_line() -> None:
    table = read_table("\n" + SHAPES["@csv without a header"], SHAPE)
    assert [row.line for row in table.rows] == [2, 3]


def test_object__in_a_cell_is_known_by_its_name() -> None:
    text = json.dumps({"ts": STAMPS[0], "service": {"id": "P1", "summary": "shop"}, "repository": {"full_name": "a/b"}})
    (row,) = read_table(text, SHAPE).rows
    assert (row.get("service"), row.get("repository")) == ("shop", "a/b")


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("Created At", "created_at"),
        ("createdAt", "created_at"),
        ("created_at", "created_at"),
        ("headSha", "head_sha"),
        ("SHA", "sha"),
        ("Issue key", "issue_key"),
        (" Resolved (UTC) ", "resolved_utc"),
        ("", ""),
        ("Größe", "grösse"),
    ],
)
def test_column__is_known_however_it_is_spelled(spelled: str, name: str) -> None:
    assert column(spelled) == name


PAGES = st.lists(st.lists(st.sampled_from(OBJECTS), min_size=1, max_size=3), min_size=1, max_size=4)


@given(pages=PAGES, between=st.sampled_from(["", "\n", " \r\n\t"]), indent=st.sampled_from([None, 2]))
def test_json_texts__read_as_one_list_of_all_their_items(
    pages: list[list[dict[str, str]]], between: str, indent: int | None
) -> None:
    together = read(json.dumps([item for page in pages for item in page]))
    assert read(between.join(json.dumps(page, indent=indent) for page in pages)) == together
    assert read(between.join(json.dumps(item, indent=indent) for page in pages for item in page)) == together
    assert read(json.dumps(pages, indent=indent)) == together


@given(text=st.text())
def test_any_text__is_read_or_refused(text: str) -> None:
    for start in ("", "ts;", "ts\tsha\n", "[", "{}", '{"items":', '"', f'"{STAMPS[0]}","{SHA}"\n'):
        try:
            read_table(start + text, SHAPE)
        except HarvestError as problem:
            assert str(problem).startswith("code file")  # noqa: PT017  (either way out is right)
