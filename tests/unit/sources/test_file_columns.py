"""What the columns of code and model files say: which rows count, which do not, and what is refused as a guess."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.domain import CodeRecord, ModelRecord, Note, NoteLevel
from flowjoy.errors import HarvestError
from flowjoy.sources.base import HarvestQuery, SourceResult
from flowjoy.sources.files import CodeFile, ModelFile
from tests.builders import a_query, at

T = "2024-06-03T09:00:00Z"
A, B = "a" * 40, "b" * 40


@pytest.fixture(scope="module")
def query() -> HarvestQuery:
    """A run three weeks after T0, of acme/shop, that knows one model."""
    return replace(a_query(Path("/tmp")), repository="acme/shop")


def code(text: str, query: HarvestQuery) -> SourceResult[CodeRecord]:
    return CodeFile().parse(text, query)


def models(text: str, query: HarvestQuery) -> SourceResult[ModelRecord]:
    return ModelFile().parse(text, query)


def with_cell(column: str, cell: str) -> str:
    """A code file with one row that counts, and one with this cell."""
    right = {"environment": "production", "service": "shop", "repository": "acme/shop", "type": "code"}.get(
        column, "success"
    )
    return f"ts,sha,{column}\n{T},{A},{right}\n{T},{B},{cell}\n"


FAILED = [
    *("failure", "FAILED", "Error", "cancelled", "canceled", "Skipped", "timed_out", "Timed out", "false", "rejected"),
    *("action_required", "startup_failure", "stale", "neutral", "ABORTED", "UNSTABLE", "NOT_BUILT"),
    *("queued", "PENDING", "in_progress", "in progress", "waiting"),
]
"""GitHub, GitLab and Jenkins each have words of their own for what is not a success."""


@pytest.mark.parametrize("column", ["status", "conclusion", "result", "state", "Status", "CONCLUSION"])
@pytest.mark.parametrize(
    "word", ["success", "SUCCESS", "Succeeded", "passed", "deployed", "inactive", "ACTIVE", "true"]
)
def test_code_row__that_says_that_it_succeeded_counts(query: HarvestQuery, column: str, word: str) -> None:
    result = code(with_cell(column, word), query)
    assert ({record.sha for record in result.records}, result.notes) == ({A, B}, ())


def test_model_row__is_not_shipped_by_the_word_for_a_deployment_that_was_replaced(query: HarvestQuery) -> None:
    with pytest.raises(HarvestError, match="model file, line 2, status: 'inactive' says neither success nor failure"):
        models(f"ts,name,version,status\n{T},recommender,2,inactive\n", query)


@pytest.mark.parametrize("column", ["status", "conclusion", "result", "state"])
@pytest.mark.parametrize("word", FAILED)
def test_code_row__that_says_that_it_did_not_succeed_is_left_out_and_counted(
    query: HarvestQuery, column: str, word: str
) -> None:
    """The run of apache/devlake#5885 is a success and its deploy is not; a file has a column that says so."""
    result = code(with_cell(column, word), query)
    assert [record.sha for record in result.records] == [A]
    assert result.notes == (f"left out: 1 row that did not succeed ({word})",)


@pytest.mark.parametrize("column", ["status", "conclusion", "result", "state"])
@pytest.mark.parametrize(
    "word", ["Terminal", "unknown", "partiallySucceeded", "7", "Running", "<script>", "READY?", "Success ❌", "passed*"]
)
def test_code_row__with_a_word_that_is_not_known_is_refused_naming_line_and_word(
    query: HarvestQuery, column: str, word: str
) -> None:
    with pytest.raises(
        HarvestError, match=rf"code file, line 3, {column}: '{re.escape(word)}' says neither"
    ) as problem:
        code(with_cell(column, word), query)
    assert "`success` or `failure`" in problem.value.hint


@pytest.mark.parametrize("word", ["completed", "done", "finished", "", "-", "null"])
def test_code_row__that_only_says_that_it_ended_is_refused(query: HarvestQuery, word: str) -> None:
    with pytest.raises(HarvestError, match=r"line 3, status: .*does not say whether it succeeded"):
        code(with_cell("status", word), query)


@pytest.mark.parametrize(
    ("status", "conclusion", "counts"),
    [
        ("completed", "success", 1),
        ("completed", "failure", 0),
        ("in_progress", "", 0),
        ("in_progress", None, 0),
        ("queued", "null", 0),
    ],
)
def test_code_row__of_a_workflow_run_is_judged_by_status_and_conclusion(
    query: HarvestQuery, status: str, conclusion: str | None, counts: int
) -> None:
    row = {"ts": T, "headSha": A, "status": status, "conclusion": conclusion, "databaseId": 7}
    assert len(code(json.dumps([row]), query).records) == counts


@pytest.mark.parametrize("conclusion", ["", None])
def test_code_row__of_a_run_without_a_conclusion_has_not_ended(query: HarvestQuery, conclusion: str | None) -> None:
    """As `gh run list --json updatedAt,headSha,conclusion` lists a run that is under way."""
    rows = [{"ts": T, "sha": A, "conclusion": "success"}, {"ts": T, "sha": B, "conclusion": conclusion}]
    result = code(json.dumps(rows), query)
    assert [record.sha for record in result.records] == [A]
    assert result.notes == ("left out: 1 row that did not succeed (no conclusion yet)",)


def test_code_row__that_failed_first_does_not_hide_its_success(query: HarvestQuery) -> None:
    text = f"ts,sha,id,status\n{T},{A},7,failure\n2024-06-03T12:00:00Z,{A},7,success\n"
    assert [record.shipped_at for record in code(text, query).records] == [at(3)]


def test_code_file__of_failures_alone_is_believed(query: HarvestQuery) -> None:
    result = code(f"ts,sha,status\n{T},{A},failure\n", query)
    assert (result.records, result.notes[0]) == ((), "left out: 1 row that did not succeed (failure)")


@pytest.mark.parametrize("rows", [[f"{A},failure"], [f"{A},queued", f"{B},failure"]])
def test_code_file__without_a_row_that_succeeded_warns_that_nothing_was_released(
    query: HarvestQuery, rows: list[str]
) -> None:
    lines = "".join(f"{T},{row}\n" for row in rows)
    *_, note = code(f"ts,sha,status\n{lines}", query).notes
    assert isinstance(note, Note)
    assert (note.level, "nothing counts as released" in note) == (NoteLevel.WARNING, True)
    assert not any(isinstance(note, Note) for note in code(f"ts,sha,status\n{lines}{T},{A},success\n", query).notes)


@pytest.mark.parametrize(("status", "conclusion"), [("failed", "success"), ("Passed", "cancelled"), ("ok", "pending")])
def test_code_row__that_contradicts_itself_is_refused_naming_line_and_both_cells(
    query: HarvestQuery, status: str, conclusion: str
) -> None:
    with pytest.raises(HarvestError, match="code file, line 2: ") as problem:
        code(f"ts,sha,status,conclusion\n{T},{A},{status},{conclusion}\n", query)
    assert f"status '{status}'" in str(problem.value)
    assert f"conclusion '{conclusion}'" in str(problem.value)
    assert "contradicts" in str(problem.value)


def test_code_row__that_failed_and_was_replaced_does_not_contradict_itself(query: HarvestQuery) -> None:
    """GitHub calls deployments of a removed environment inactive, whatever became of them."""
    result = code(f"ts,sha,state,conclusion\n{T},{A},success,success\n{T},{B},inactive,failure\n", query)
    assert [record.sha for record in result.records] == [A]


@pytest.mark.parametrize(
    ("column", "ours", "others"),
    [
        (
            "service",
            ["shop", "SHOP", "Shop", "shop; billing", '"[""shop"", ""billing""]"'],
            ["billing", "shop-api", "shops"],
        ),
        (
            "repository",
            ["acme/shop", "Acme/Shop", "shop", "https://github.com/acme/shop", "git@github.com:acme/shop.git"],
            ["acme/billing", "other/shop", "acme/shop-api", "https://github.com/acme/shop/tree"],
        ),
        ("environment", ["production", "Production", "PRODUCTION"], ["staging", "production-eu", "prod"]),
        ("type", ["code", "CODE", "deploy", "Deployment", "release"], ["model", "MODEL", "ship"]),
    ],
)
def test_code_row__of_something_else_is_left_out_and_counted(
    query: HarvestQuery, column: str, ours: list[str], others: list[str]
) -> None:
    """One export of a monorepo's deploys: quipper/monorepo-deploy-actions#1180, deliverybot/deliverybot#28."""
    for cell in (*ours, ""):
        result = code(with_cell(column, cell), query)
        assert ({record.sha for record in result.records}, result.notes) == ({A, B}, ()), cell
    for cell in others:
        result = code(with_cell(column, cell), query)
        assert [record.sha for record in result.records] == [A]
        assert result.notes == (f"left out: 1 row of another {column} ({cell})",)


OF_OTHERS = [
    ("service", "billing", "shop"),
    ("repository", "acme/billing", "acme/shop"),
    ("environment", "staging", "production"),
    ("type", "MODEL", "code"),
]


@pytest.mark.parametrize(("column", "cell", "ours"), OF_OTHERS)
def test_code_file__with_rows_of_others_alone_is_refused_naming_both(
    query: HarvestQuery, column: str, cell: str, ours: str
) -> None:
    with pytest.raises(HarvestError, match=f"{column} '{ours}'") as problem:
        code(f"ts,sha,{column}\n{T},{A},{cell}\n", query)
    assert cell in problem.value.hint


def test_code_file__with_a_type_that_is_not_known_is_refused(query: HarvestQuery) -> None:
    with pytest.raises(HarvestError, match="line 3, type: 'canary' is not a known type"):
        code(with_cell("type", "canary"), query)


def test_file__of_several_repositories_needs_to_know_its_own(query: HarvestQuery) -> None:
    text = f"ts,sha,repo\n{T},{A},acme/shop\n{T},{B},acme/billing\n"
    with pytest.raises(HarvestError, match="several repositories") as problem:
        code(text, replace(query, repository=""))
    assert "GITHUB_REPOSITORY" in problem.value.hint
    assert len(code(f"ts,sha,repo\n{T},{A},acme/shop\n", replace(query, repository="")).records) == 1


def test_file__names_the_columns_that_it_does_not_read_in_one_note(query: HarvestQuery) -> None:
    header = ",".join(["ts", "sha", "branch", "Actor", *(f"extra{n}" for n in range(20)), ""])
    (note,) = code(f"{header}\n{T},{A}\n", query).notes
    assert note.startswith("columns that are not read: Actor, branch, extra0")
    assert note.endswith(" and 12 more")


@pytest.mark.parametrize(
    "payload",
    [
        # The shape of `gh run list --json`, of `gh api …/actions/runs`, and of `gh api …/deployments`.
        [
            {
                "conclusion": "success",
                "createdAt": T,
                "databaseId": 1,
                "headSha": A,
                "status": "completed",
                "updatedAt": T,
            }
        ],
        {"total_count": 1, "workflow_runs": [{"id": 1, "head_sha": A, "created_at": T, "updated_at": T}]},
        [
            {
                "id": 1,
                "sha": A,
                "ref": "main",
                "task": "deploy",
                "environment": "production",
                "created_at": T,
                "creator": {},
            }
        ],
    ],
)
def test_code_file__as_github_lists_runs_or_deployments_says_how_to_write_it(query: HarvestQuery, payload: Any) -> None:
    """None of their times is that of the first success, so none is taken for it."""
    with pytest.raises(HarvestError, match=r"line 1, ts does not have a time \(columns: ") as problem:
        code(json.dumps(payload), query)
    assert "--jq" in problem.value.hint
    assert "code-source: deployments" in problem.value.hint


def test_code_file__as_the_hint_says_is_read(query: HarvestQuery) -> None:
    rows = [{"ts": T, "sha": A, "conclusion": "success"}, {"ts": T, "sha": B, "conclusion": "cancelled"}]
    assert [record.sha for record in code("\n".join(map(json.dumps, rows)), query).records] == [A]


@pytest.mark.parametrize(
    "written", ["2024-06-03 09:00:00 UTC", "2024-06-03 09:00:00 +0000 UTC", "2024-06-03T09:00:00GMT"]
)
def test_time__may_name_utc(query: HarvestQuery, written: str) -> None:
    assert code(f"ts\n{written}\n", query).records[0].shipped_at == at(0)


# --- models

EXPORT = {
    "aliases": [],
    "creation_timestamp": 1717405200000,
    "current_stage": "None",
    "description": "",
    "last_updated_timestamp": 1717999999999,
    "name": "recommender",
    "run_id": "r1",
    "run_link": None,
    "source": "mlflow-artifacts:/1/r1/artifacts/model",
    "status": "READY",
    "status_message": None,
    "tags": {},
    "user_id": "",
    "version": 12,
}


@pytest.mark.parametrize("status", ["FAILED_REGISTRATION", "PENDING_REGISTRATION", "failed", "Failed registration"])
def test_model_row__of_a_registration_that_failed_or_waits_is_no_ship(query: HarvestQuery, status: str) -> None:
    """Clients return while a version is still pending: mlflow/mlflow#10409, mlflow/mlflow#20232."""
    result = models(f"ts,name,version,status\n{T},recommender,12,{status}\n", query)
    assert result.records == ()
    assert result.notes == (f"left out: 1 row that did not succeed ({status})",)
    assert [(v.name, v.version, v.ready) for v in result.versions] == [("recommender", "12", False)]


def test_model_file__of_what_mlflow_lists_is_read_as_json_and_as_a_table(query: HarvestQuery) -> None:
    failed = {**EXPORT, "version": 13, "status": "FAILED_REGISTRATION"}
    header = ",".join(EXPORT)
    lines = [
        ",".join("" if value in ([], {}, None) else str(value) for value in row.values()) for row in (EXPORT, failed)
    ]
    answers = {"model_versions": [EXPORT, failed]}
    for text in (json.dumps([EXPORT, failed]), json.dumps(answers, indent=1), "\n".join([header, *lines])):
        result = models(text, query)
        assert [(r.id, r.shipped_at, r.run_id) for r in result.records] == [("model:recommender/12", at(0), "r1")]
        assert "left out: 1 row that did not succeed (FAILED_REGISTRATION)" in result.notes
        assert any("last_updated_timestamp" in note for note in result.notes)


@pytest.mark.parametrize(
    ("header", "cells", "source", "model_id"),
    [
        ("", "", None, None),
        (",source", ",s3://models/12", "s3://models/12", None),
        (",source", ",", "", None),
        (",source,model_id", ",models:/m-1,m-1", "models:/m-1", "m-1"),
    ],
)
def test_model_row__tells_where_the_version_comes_from(
    query: HarvestQuery, header: str, cells: str, source: str | None, model_id: str | None
) -> None:
    (record,) = models(f"ts,name,version{header}\n{T},recommender,12{cells}\n", query).records
    assert (record.source, record.model_id) == (source, model_id)


@pytest.mark.parametrize("written", ["1717405200000", "1717405200000.0", "2024-06-03 09:00:00+00:00", T])
def test_creation_timestamp__is_read_in_milliseconds_or_as_a_table_writes_it(query: HarvestQuery, written: str) -> None:
    (record,) = models(f"name,creation_timestamp,version\nrecommender,{written},1\n", query).records
    assert record.shipped_at == at(0)


@pytest.mark.parametrize("written", ["1717405200", "17174052000000000", "-1", "1e12", "yesterday"])
def test_creation_timestamp__in_another_unit_is_refused(query: HarvestQuery, written: str) -> None:
    with pytest.raises(HarvestError, match="line 2, creation_timestamp carries a wrong time"):
        models(f"name,creation_timestamp,version\nrecommender,{written},1\n", query)


def test_ts__wins_over_creation_timestamp(query: HarvestQuery) -> None:
    text = f"name,version,ts,creation_timestamp\nrecommender,1,{T},1717999999999\nrecommender,2,,1717416000000\n"
    assert [record.shipped_at for record in models(text, query).records] == [at(0), at(3)]


@pytest.mark.parametrize(("column", "cell"), [("environment", "staging"), ("service", "billing"), ("type", "CODE")])
def test_model_row__of_something_else_is_no_ship(query: HarvestQuery, column: str, cell: str) -> None:
    text = f"ts,name,version,{column}\n{T},recommender,1,{cell}\n{T},recommender,2,\n"
    result = models(text, query)
    assert [record.version for record in result.records] == ["2"]
    assert result.notes == (f"left out: 1 row of another {column} ({cell})",)


def test_model_rows__of_models_that_are_not_asked_for_need_not_be_readable(query: HarvestQuery) -> None:
    text = f"ts,name,version,status\n{T},recommender,1,READY\nsoon,toxicity,1,Archived\n"
    result = models(text, query)
    assert ([record.version for record in result.records], result.notes) == (["1"], ())


def test_supply_chain_events__of_an_earlier_report_serve_as_both_files(query: HarvestQuery) -> None:
    text = (
        "ts,type,service,name,version,sha,kind,precision,url\n"
        f"{T},CODE,shop,,,{A},deploy,exact,\n2024-06-03T12:00:00Z,MODEL,,recommender,12,,ship,registered,\n"
    )
    assert [record.sha for record in code(text, query).records] == [A]
    assert [record.version for record in models(text, query).records] == ["12"]


# --- whatever the order

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["success", "FAILURE", "cancelled"]),
        st.sampled_from(["shop", "Shop", "billing"]),
        st.sampled_from(["production", "staging"]),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.matrix
@given(rows=ROWS, data=st.data())
def test_rows__that_do_not_count_change_nothing_in_whatever_order_or_number(
    rows: list[tuple[str, ...]], data: Any
) -> None:
    query = a_query(Path("/tmp"))
    header = "ts,sha,status,service,environment\n"
    lines = [f"2024-06-03T{9 + n:02}:00:00Z,{n:07x},{','.join(row)}" for n, row in enumerate(rows)]
    anchor = f"2024-06-04T09:00:00Z,{A},success,shop,production"
    counted = [
        line
        for line, (status, service, environment) in zip(lines, rows, strict=True)
        if (status, service.lower(), environment) == ("success", "shop", "production")
    ]
    given_lines = data.draw(st.permutations([*lines, *lines[: len(lines) // 2], anchor]))
    expected = code(header + "\n".join([*counted, anchor]), query)
    assert code(header + "\n".join(given_lines), query).records == expected.records
    assert expected.notes == ()
