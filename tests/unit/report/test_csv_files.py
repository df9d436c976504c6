"""The CSV files: a spreadsheet runs nothing in them, and they read back with the rows and columns they have."""

from __future__ import annotations

import csv
import io
import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowjoy.analysis.flow.dora import DoraFigure
from flowjoy.analysis.results import Results, analyse
from flowjoy.analysis.timeline import PUBLIC_COLUMNS
from flowjoy.domain import CoverageState
from flowjoy.domain.deduplication import fold, unique
from flowjoy.report.csv_files import (
    INCIDENT_COLUMNS,
    WEEK_COLUMNS,
    _bounded,
    dora_csv,
    events_csv,
    incidents_csv,
    recovery_csv,
    weeks_csv,
)
from tests.builders import a_bundle, a_coverage, a_deploy, a_provisional_deploy, a_ship, an_incident

WITHOUT_APOSTROPHES = re.compile(r"(^|[;|\t\n])'+")
"""Prefixes that mark text, at the start of a cell or (OWASP/www-community#443) where another locale splits it."""

RUNS = ("=", "+", "-", "@", "\t", "\r", "\n")

PAYLOADS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    '=HYPERLINK("https://evil.example","x")',
    '=cmd|" /C calc"!A0',
    "a,b",
    'a"b',
    "a\nb",
    "a\r\nb",
    "a\rb",
    '\t",\n=1',
    '"',
    "'",
    "\ud800",
    "\u2028",
    "\u00a0=1",
    "plain",
]


def rows_of(raw: bytes) -> list[dict[str, str]]:
    """The rows as Python's csv reads them; newline="" as its documentation asks."""
    return list(csv.DictReader(io.StringIO(raw.decode(), newline=""), strict=True))


def findings_with(text: str) -> Results:
    """One deploy, one ship and one incident with this text wherever foreign text can stand."""
    return analyse(
        a_bundle(
            fold([a_deploy(10, text, url=f"https://x/{text}", service=text)]),
            unique([a_ship(11, text, model=text or "x")]),
            unique([an_incident(12, id=text, service=text, title=text, type=text)]),
        )
    )


@pytest.mark.matrix
@pytest.mark.parametrize("text", PAYLOADS)
def test_csv__a_payload_is_text_in_its_own_cell(text: str) -> None:
    findings = findings_with(text)
    for raw, columns, count in (
        (events_csv(findings), PUBLIC_COLUMNS, 2),
        (incidents_csv(findings), INCIDENT_COLUMNS, 1),
        (weeks_csv(findings), WEEK_COLUMNS, 4),
    ):
        rows = rows_of(raw)
        assert len(rows) == count
        for row in rows:
            assert list(row) == columns
            assert not any((value or "").startswith(RUNS) for value in row.values() if value != row.get("gap"))


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("\t1", "'\t1"),
        ("\r\n1", "'\n1"),
        ("a=1", "a=1"),
        ("'x", "'x"),
        ("a;=1+1", "a;'=1+1"),
        ("a;b", "a;b"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\uff0b1", "'\uff0b1"),
        ("\uff0d1", "'\uff0d1"),
        ("\uff20x", "'\uff20x"),
        ("  =1", "'  =1"),
        ("\u00a0@x", "'\u00a0@x"),
        ('a;"=1+1"', 'a;\'"=1+1"'),
        ("a\t=1", "a\t'=1"),
        ("a|-1", "a|'-1"),
        ("a\n+1", "a\n'+1"),
        ("a;;=1", "a;;'=1"),
        ("a; b - c", "a; b - c"),
        ("\ufeff=1", "'\ufeff=1"),
    ],
)
def test_csv__what_a_spreadsheet_would_run_gets_an_apostrophe_and_nothing_else_does(text: str, cell: str) -> None:
    assert rows_of(events_csv(findings_with(text)))[0]["sha"] == cell


@pytest.mark.matrix
@settings(max_examples=15)
@given(
    text=st.lists(st.sampled_from([*"=+-@\t\r\n\",;' a1", "\u2028", "\x00", "\ud800"]), min_size=1, max_size=8).map(
        "".join
    )
)
def test_csv__any_text_keeps_rows_and_columns_for_every_reader(text: str) -> None:
    raw = incidents_csv(findings_with(text))
    (row,) = rows_of(raw)
    expected = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ud800", "\ufffd")
    assert WITHOUT_APOSTROPHES.sub(r"\1", row["id"]) == WITHOUT_APOSTROPHES.sub(r"\1", expected)
    assert not any(part.lstrip(' "').startswith(("=", "+", "-", "@")) for part in re.split("[;\t\n]", row["id"]))
    if "\x00" not in text:
        frame = pd.read_csv(io.BytesIO(raw), dtype=str, keep_default_na=False)
        assert (list(frame.columns), len(frame)) == (INCIDENT_COLUMNS, 1)


def test_events_csv__first_columns_are_ts_and_type_and_rows_are_oldest_first() -> None:
    raw = events_csv(analyse(a_bundle([a_deploy(5, "abc")], [a_ship(2, "12"), a_ship(9, "13")])))
    assert raw.decode().splitlines()[0].startswith("ts,type,service,name,version,sha,kind,precision,url")
    assert [(row["ts"], row["type"], row["version"], row["sha"], row["kind"]) for row in rows_of(raw)] == [
        ("2024-06-03T11:00:00Z", "MODEL", "12", "", "ship"),
        ("2024-06-03T14:00:00Z", "CODE", "", "abc", "deploy"),
        ("2024-06-03T18:00:00Z", "MODEL", "13", "", "ship"),
    ]


def test_events_csv__neither_what_lies_before_the_window_nor_the_provisional_release() -> None:
    code = [a_deploy(-9 - 1 / 3600, "before"), a_deploy(-9, "monday"), a_deploy(1, "abc"), a_provisional_deploy(9)]
    assert [row["sha"] for row in rows_of(events_csv(analyse(a_bundle(code, weeks=4))))] == ["monday", "abc"]


def test_incidents_csv__names_nearest_and_cause_and_leaves_what_is_missing_blank() -> None:
    incidents = [an_incident(1, hours=1 / 3), an_incident(2, hours=None), an_incident(-100)]
    first, second = rows_of(incidents_csv(analyse(a_bundle([a_deploy(0.5)], incidents=incidents))))
    assert (first["start"], first["end"]) == ("2024-06-03T10:00:00Z", "2024-06-03T10:20:00Z")
    assert (first["nearest_ts"], first["deploy_type"]) == ("2024-06-03T09:30:00Z", "CODE")
    assert (first["cause_type"], first["cause_id"], first["mttr_hr"]) == ("CODE", a_deploy(0.5).id, "0.3333")
    assert (second["end"], second["mttr_hr"], second["runner_up_id"]) == ("", "", "")


def test_incidents_csv__titles_stay_out() -> None:
    assert b"Checkout of Jane Doe" not in incidents_csv(
        analyse(a_bundle(incidents=[an_incident(1, title="Checkout of Jane Doe")]))
    )


def test_weeks_csv__is_the_snapshot_with_a_blank_mttr_where_nothing_was_resolved() -> None:
    results = analyse(
        a_bundle([a_deploy(1), a_deploy(2)], [a_ship(1)], [an_incident(1, hours=1.6), an_incident(2, hours=None)])
    )
    assert weeks_csv(results).decode() == (
        "week,code_deploys,model_deploys,gap,mttr_hours,incidents,partial\n"
        "2024-06-03,2,1,1,1.6,2,false\n"
        "2024-06-10,0,0,0,,0,false\n"
        "2024-06-17,0,0,0,,0,false\n"
        "2024-06-24,0,0,0,,0,true\n"
    )


def test_recovery_csv__tells_each_week_and_then_the_window_by_cause() -> None:
    incidents = [
        an_incident(1, hours=1),
        an_incident(2, hours=2),
        an_incident(3, hours=6),
        an_incident(200, hours=None),
    ]
    results = analyse(a_bundle([a_deploy(1)], [], incidents))
    assert recovery_csv(results).decode() == (
        "week,cause,resolved,open,mean_hours,median_hours,p90_hours\n"
        "2024-06-03,all,3,0,3.0,2.0,5.2\n"
        "2024-06-10,all,0,1,,,\n"
        "2024-06-17,all,0,0,,,\n"
        "2024-06-24,all,0,0,,,\n"
        ",all,3,1,3.0,2.0,5.2\n"
        ",CODE,3,0,3.0,2.0,5.2\n"
        ",MODEL,0,0,,,\n"
        ",AMBIGUOUS,0,0,,,\n"
        ",UNATTRIBUTED,0,1,,,\n"
    )


def test_recovery_csv__of_incidents_that_are_not_known_is_blank() -> None:
    down = a_coverage("incidents", CoverageState.FAILED, required=False)
    results = analyse(a_bundle(incidents=[an_incident(1)], coverage=(a_coverage("code"), a_coverage("models"), down)))
    assert {tuple(row.values())[1:] for row in rows_of(recovery_csv(results))} == {("all", "", "", "", "", "")}


def test_dora_csv__ends_with_the_drift_lag_and_says_where_it_may_yet_grow() -> None:
    shipped = rows_of(dora_csv(analyse(a_bundle([a_deploy(0)], [a_ship(10)]))))
    assert [(row["figure"], row["unit"], row["both"], row["both_n"]) for row in shipped[-2:]] == [
        ("drift_lag_hours", "hours", "10.0", "1"),
        ("drift_lag_p90_hours", "hours", "10.0", "1"),
    ]
    waiting, nothing = (
        rows_of(dora_csv(analyse(a_bundle([a_deploy(0)]))))[-1],
        rows_of(dora_csv(analyse(a_bundle())))[-1],
    )
    assert (waiting["unit"], waiting["both"], waiting["code"]) == ("hours, at least", "504.0", "")
    assert (nothing["unit"], nothing["both"], nothing["both_n"]) == ("hours", "", "0")


def test_weeks_csv__a_negative_gap_stays_a_number() -> None:
    results = analyse(a_bundle(models=[a_ship(1), a_ship(2)]))
    assert rows_of(weeks_csv(results))[0]["gap"] == "-2"


def test_csv__nothing_at_all_is_a_header_only() -> None:
    results = analyse(a_bundle())
    assert events_csv(results).decode() == ",".join(PUBLIC_COLUMNS) + "\n"
    assert incidents_csv(results).decode() == ",".join(INCIDENT_COLUMNS) + "\n"


def test_dora_csv__says_at_most_where_one_figure_of_a_row_is() -> None:
    known, bound = (DoraFigure(value=1.0, n=1, at_most=at_most) for at_most in (False, True))
    assert [_bounded("hours", figures) for figures in ((known, known), (known, bound))] == ["hours", "hours, at most"]
