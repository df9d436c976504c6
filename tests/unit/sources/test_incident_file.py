"""Incidents as the tools export them: what is read, what is not an incident of this service, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowjoy.domain import Incident
from flowjoy.errors import HarvestError
from flowjoy.sources.base import HarvestQuery, SourceResult
from flowjoy.sources.incident_file import IncidentFile
from tests.builders import a_query, at, spans

OURS = "2024-06-03T09:00:00Z,2024-06-03T10:00:00Z"


def asked(**inputs: str) -> HarvestQuery:
    return a_query(Path("/tmp"), **inputs)


def read(text: str, query: HarvestQuery | None = None, **inputs: str) -> SourceResult[Incident]:
    return IncidentFile().parse(text, query or asked(**inputs))


EXPORTS = {
    "PagerDuty, incidents": (
        "Incident Number,Title,Status,Urgency,Created At,Resolved At,Service,Teams\n"
        "101,Latency,resolved,high,2024-06-03T09:00:00Z,2024-06-03T10:00:00Z,shop,\n"
    ),
    "PagerDuty, analytics": (
        "id,incident_number,urgency,description,service_id,service_name,created_on,resolved_on,auto_resolved\n"
        "Q1,101,high,Latency,PIJ90N7,Shop,2024-06-03T05:00:00-04:00,2024-06-03T06:00:00-04:00,false\n"
    ),
    "PagerDuty, REST": json.dumps(
        {
            "incidents": [
                {
                    "id": "Q1",
                    "type": "incident",
                    "status": "resolved",
                    "urgency": "high",
                    "created_at": "2024-06-03T09:00:00Z",
                    "resolved_at": "2024-06-03T10:00:00Z",
                    "service": {"id": "PIJ90N7", "type": "service_reference", "summary": "shop"},
                    "html_url": "https://acme.pagerduty.com/incidents/Q1",
                }
            ],
            "limit": 100,
            "offset": 0,
            "more": False,
            "total": None,
        }
    ),
    "PagerDuty, REST without the end": json.dumps(
        [
            {"id": "Q1", "status": "resolved", "created_at": "2024-06-03T09:00:00Z", "resolved_at": None}
            | {"last_status_change_at": "2024-06-03T10:00:00Z"}
        ]
    ),
    "Jira, CSV": (
        "Summary,Issue key,Issue id,Issue Type,Status,Resolution,Created,Updated,Resolved,Labels,Labels\n"
        "Latency,OPS-7,1007,Incident,Done,Done,03/Jun/24 9:00 AM,04/Jun/24 1:00 PM,03/Jun/24 10:00 AM,a,b\n"
    ),
    "Jira, other date formats": (
        'Issue key,Created,Resolved,Status,Resolution\nOPS-7,"Jun 3, 2024, 9:00 AM",03-Jun-2024 10:00,Done,Done\n'
    ),
    "ServiceNow": json.dumps(
        {
            "result": [
                {
                    "number": "INC0000060",
                    "state": "Closed",
                    "urgency": "3 - Low",
                    "impact": "2",
                    "opened_at": "2024-06-03 09:00:00",
                    "resolved_at": "",
                    "closed_at": "2024-06-03 10:00:00",
                    "close_code": "Solved (Permanently)",
                }
            ]
        }
    ),
    "statuspage": json.dumps(
        {
            "page": {"id": "p", "name": "Shop"},
            "incidents": [
                {
                    "id": "i1",
                    "name": "Latency",
                    "impact": "major",
                    "status": "postmortem",
                    "created_at": "2024-06-03T08:59:00.000Z",
                    "started_at": "2024-06-03T09:00:00.000Z",
                    "resolved_at": "2024-06-03T10:00:00.000Z",
                    "shortlink": "https://stspg.io/x",
                }
            ],
        }
    ),
    "gh issue list": json.dumps(
        [
            {"number": 7, "title": "Latency", "state": "CLOSED", "stateReason": "COMPLETED"}
            | {"createdAt": "2024-06-03T09:00:00Z", "closedAt": "2024-06-03T10:00:00Z"}
        ]
    ),
    "times that name UTC": "started_at;ended_at\n2024-06-03 09:00:00 UTC;2024-06-03 10:00:00 UTC\n",
    "incidents.csv of an earlier report": (
        "start,end,nearest_ts,deploy_type,cause_type,cause_id,mttr_hr\n"
        + OURS
        + ",2024-06-03T08:00:00Z,CODE,CODE,x,1.0\n"
    ),
}


@pytest.mark.parametrize("tool", EXPORTS)
def test_export__of_a_tool_is_read(tool: str) -> None:
    assert spans(read(EXPORTS[tool], timezone="Etc/UTC").records) == [(0, 1)]


def test_export__keeps_what_is_told_of_an_incident() -> None:
    (result,) = read(EXPORTS["PagerDuty, REST"]).records
    assert (result.id, result.service, result.urgency) == ("incident:file:Q1", "shop", "high")
    assert result.url == "https://acme.pagerduty.com/incidents/Q1"
    assert read(EXPORTS["PagerDuty, incidents"]).notes == ("columns that are not read: Teams",)


@pytest.mark.parametrize(
    ("header", "cells", "note"),
    [
        ("service", "billing", "left out: 1 row of another service (billing)"),
        ("Service Name", "Shop API", "left out: 1 row of another service (Shop API)"),
        ("type", "maintenance", "left out: 1 row of planned maintenance"),
        ("type", "Scheduled Maintenance", "left out: 1 row of planned maintenance"),
        ("impact", "maintenance", "left out: 1 row of planned maintenance"),
        ("status", "scheduled", "left out: 1 row of planned maintenance"),
        ("status", "false positive", "left out: 1 row without an incident (false positive)"),
        ("status", "False-Positive", "left out: 1 row without an incident (False-Positive)"),
        ("resolution", "False alert", "left out: 1 row without an incident (False alert)"),
        ("status", "Cancelled", "left out: 1 row without an incident (Cancelled)"),
        ("state", "Canceled", "left out: 1 row without an incident (Canceled)"),
        ("Resolution", "Duplicate", "left out: 1 row without an incident (Duplicate)"),
        ("close_code", "Duplicate of INC1", "left out: 1 row without an incident (Duplicate of INC1)"),
        ("stateReason", "NOT_PLANNED", "left out: 1 row without an incident (NOT_PLANNED)"),
        *(
            ("Resolution", word, f"left out: 1 row without an incident ({word})")
            # red-hat-data-services/rhai-org-pulse#699, mikebowler/jirametrics#41
            for word in ("Won't Do", "Won\u2019t Fix", "Wont fix", "Obsolete", "Cannot Reproduce", "Not Required")
        ),
        *(
            ("status", word, f"left out: 1 row without an incident ({word})")
            for word in ("Declined", "Rejected", "Invalid", "Not a Bug", "Works as designed", "By Design")
        ),
        (
            "close_code",
            "Not Solved (Not Reproducible)",
            "left out: 1 row without an incident (Not Solved (Not Reproducible))",
        ),
    ],
)
def test_row__that_is_not_an_incident_of_this_service_is_left_out_and_counted(
    header: str, cells: str, note: str
) -> None:
    """Others' incidents in one export: apache/devlake#8367; planned maintenance: checkly/public-roadmap#58."""
    result = read(f"start,end,{header}\n{OURS},\n2024-06-03T09:30:00Z,2024-06-04T15:30:00Z,{cells}\n")
    assert spans(result.records) == [(0, 1)]
    assert result.notes == (note,)


@pytest.mark.parametrize("word", ["Done", "Fixed", "Resolved", "Solved (Permanently)", "Completed"])
def test_row__that_was_resolved_counts(word: str) -> None:
    assert spans(read(f"start,end,resolution\n{OURS},{word}\n").records) == [(0, 1)]


@pytest.mark.parametrize("header", ["Status", "State", "Resolution"])
@pytest.mark.parametrize("word", ["Reopened", "Re-opened", "In Progress", "acknowledged"])
def test_row__that_was_reopened_is_open_whatever_its_end(header: str, word: str) -> None:
    """Where it is open now, an earlier end does not count: eckucukoglu/redmine-issue-statistics#5."""
    result = read(f"Issue key,Created,Resolved,{header}\nINC1,{OURS},{word}\n")
    assert spans(result.records) == [(0, None)]
    assert result.notes == ("incidents that carry an end, and are open by their status: 1",)


START = "2024-06-03T09:00:00Z"


@pytest.mark.parametrize(
    ("rows", "expected", "notes"),
    [
        (["7,{start},,open", "7,{start},2024-06-03T10:00:00Z,resolved"], [(0, 1)], ()),
        (["7,{start},,open", "7,{start},,acknowledged"], [(0, None)], ()),
        (
            ["7,{start},2024-06-03T10:00:00Z,resolved", "7,{start},2024-06-03T11:00:00Z,resolved", "7,{start},,open"],
            [(0, 2)],
            ("incidents with several ends, of which the latest counts: 1",),
        ),
        (
            ["7,{start},,open", "7,{start},2024-06-03T10:00:00Z,cancelled"],
            [],
            ("left out: 2 rows without an incident (cancelled)",),
        ),
        (
            ["7,{start},2024-06-03T10:00:00Z,resolved", "7,{start},2024-06-03T10:00:00Z,Reopened"],
            [(0, None)],
            ("incidents that carry an end, and are open by their status: 1",),
        ),
        (["7,{start},2024-06-03T11:00:00Z,resolved", "7,{start},2024-06-03T10:00:00Z,Reopened"], [(0, 2)], ()),
        (
            ["7,{start},2024-06-03T10:00:00Z,resolved", "7,{start},,Reopened"],
            [(0, None)],
            ("incidents that carry an end, and are open by their status: 1",),
        ),
        (
            [*(f"7,{{start}},2024-06-03T{hour}:00:00Z,resolved" for hour in (10, 11)), "7,{start},,Reopened"],
            [(0, 2)],
            ("incidents with several ends, of which the latest counts: 1",),
        ),
        (["7,{start},2024-06-03T10:00:00Z,resolved", "8,2024-06-03T12:00:00Z,,open"], [(0, 1), (3, None)], ()),
    ],
)
def test_rows__of_one_id_are_one_incident_in_whatever_order(
    rows: list[str], expected: list[tuple[float, float | None]], notes: tuple[str, ...]
) -> None:
    """An export of changes has a row a state: two records of one incident count twice (ICTU/quality-time#12483)."""
    for order in permutations(row.format(start=START) for row in rows):
        result = read("id,start,end,status\n" + "\n".join(order))
        assert (spans(result.records), len(result.records)) == (expected, len(expected))
        assert result.notes == notes


def test_row__of_low_urgency_counts_unless_the_pager_alone_is_meant() -> None:
    text = f"start,end,urgency\n{OURS},high\n2024-06-03T11:00:00Z,,low\n2024-06-03T12:00:00Z,,\n"
    assert spans(read(text).records) == [(0, 1), (2, None), (3, None)]
    result = read(text, pagerduty_urgency="high")
    assert spans(result.records) == [(0, 1), (3, None)]
    assert result.notes == ("left out: 1 row of low urgency (see `pagerduty-urgency`)",)


@pytest.mark.parametrize("start", ["2099-12-05T22:00:00Z", "2024-06-24T09:00:01Z", "9999-12-31T00:00:00Z"])
def test_row__that_lies_ahead_is_left_out_and_counted(start: str) -> None:
    """Status pages list planned maintenance among their incidents."""
    result = read(f"start,end\n{OURS}\n{start},\n")
    assert spans(result.records) == [(0, 1)]
    assert result.notes == ("left out: 1 row ahead of as-of",)


def test_rows__after_as_of_are_left_out_of_a_look_at_the_past() -> None:
    query = replace(asked(), as_of=at(24))
    result = read(f"start,end\n{OURS}\n2024-06-05T09:00:00Z,2024-06-05T10:00:00Z\n", query)
    assert spans(result.records) == [(0, 1)]
    assert result.notes == ("left out: 1 row ahead of as-of",)


@pytest.mark.parametrize("end", ["9999-12-31T23:59:59Z", "2024-07-01T00:00:00Z"])
def test_row__that_ends_ahead_is_open_and_counted(end: str) -> None:
    result = read(f"start,end\n2024-06-03T09:00:00Z,{end}\n")
    assert spans(result.records) == [(0, None)]
    assert result.notes == ("incidents that end ahead of as-of, and so are open: 1",)


def test_rows__that_do_not_count_need_not_be_readable() -> None:
    text = f"start,end,service,type\n{OURS},shop,\nsoon,later,billing,\ntbd,tbd,shop,maintenance\n"
    assert spans(read(text).records) == [(0, 1)]


def test_file__of_rows_that_do_not_count_is_complete_and_empty() -> None:
    result = read(f"start,end,service,type\n{OURS},billing,\n{OURS},shop,maintenance\n")
    assert (result.records, len(result.notes)) == ((), 2)


@pytest.mark.parametrize("count", [1, 3])
def test_file__of_other_services_alone_is_a_warning_with_the_cure(count: int) -> None:
    result = read("start,end,service\n" + f"{OURS},Shop API\n" * count)
    assert result.records == ()
    assert result.notes[1] == "set `service`, or leave the column out: no row is of 'shop', all dropped"


UNREADABLE = [
    ("soon,,", "start"),
    (",2024-06-03T10:00:00Z,", "start"),
    ("2024-06-03T09:00:00Z,06/03/2024 10:00 AM,", "end"),
    ("03/06/2024 09:00,,", "start"),
    ("03/Jun/24 9:00 AM,,", "start"),
    ("0001-01-01T00:00:00Z,,", "start"),
    ("2024-06-03T10:00:00Z,2024-06-03T09:00:00Z,", None),
    ("2024-06-03T10:00:00Z,,resolved", None),
    ("2024-06-03T10:00:00Z,,Closed", None),
]
"""Rows of `start,end,status`, and the column that is wrong if it is one. `tests/golden` has the sentences."""

EXPORTS_OF_OTHERS = [
    # Opsgenie's alerts have no column for the end; Jira's REST API nests its fields.
    "TinyId,Message,Status,CreatedAt,UpdatedAt\n7,Latency,closed,2024-06-03T09:00:00Z,2024-06-03T10:00:00Z\n",
    '{"issues": [{"key": "OPS-7", "fields": {"created": "2024-06-03T09:00:00Z"}}]}',
    '["2024-06-03T09:00:00Z"]',
    "Opened by;Opened on\nx;y\n",
]


@pytest.mark.parametrize(("row", "column"), UNREADABLE)
def test_row__that_cannot_be_read_is_refused_naming_its_line(row: str, column: str | None) -> None:
    with pytest.raises(HarvestError) as problem:
        read(f"start,end,status\n{OURS},resolved\n{row}\n")
    assert f"line 3, {column} " in str(problem.value) if column else "line 3: " in str(problem.value)
    assert problem.value.hint or not row.partition(",")[0]


@pytest.mark.parametrize("text", EXPORTS_OF_OTHERS)
def test_export__of_another_tool_says_how_to_write_it(text: str) -> None:
    with pytest.raises(HarvestError) as problem:
        read(text)
    assert "start,end" in problem.value.hint


ROW: Any = st.sampled_from(
    [
        f"{OURS},shop,,",
        "2024-06-04T09:00:00Z,2024-06-04T09:30:00Z,,incident,resolved",
        "2024-06-05T09:00:00Z,,shop,,open",
        f"{OURS},billing,,",
        f"{OURS},shop,maintenance,",
        f"{OURS},,,duplicate",
        "2099-06-05T09:00:00Z,,,,",
    ]
)


@pytest.mark.matrix
@given(rows=st.lists(ROW, max_size=8), data=st.data())
def test_rows__in_whatever_order_or_number_give_the_same_incidents(rows: list[str], data: Any) -> None:
    header = "start,end,service,type,status\n"
    shuffled = data.draw(st.permutations([*rows, *rows[:3]]))
    assert read(header + "\n".join(shuffled)).records == read(header + "\n".join(sorted(set(rows)))).records
