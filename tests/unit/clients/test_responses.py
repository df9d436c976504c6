"""Answers become typed values in one place, and what is wrong with one is said by path and kind alone."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.responses import (
    Connection,
    Count,
    GraphQL,
    Id,
    Instant,
    Many,
    Response,
    Sha,
    Text,
    read,
    read_named,
)

SHA = "A" * 40


class Status(GraphQL):
    id: Text
    state: Literal["SUCCESS", "FAILURE"]
    created_at: Instant


class Deployment(GraphQL):
    database_id: Id
    commit_oid: Sha
    is_old: bool
    statuses: Connection[Status]


class Page(GraphQL):
    deployments: Connection[Deployment]


class Listed(Response):
    total_count: Count
    runs: Many[Status]


def connected(*nodes: object, **changes: object) -> dict[str, Any]:
    return {
        "totalCount": len(nodes),
        "pageInfo": {"hasNextPage": False, "endCursor": None},
        "nodes": list(nodes),
        **changes,
    }


def page(status: object = None, **changes: object) -> dict[str, Any]:
    status = status or {"id": "s", "state": "SUCCESS", "createdAt": "2026-03-02T10:00:00+01:00"}
    deployment = {"databaseId": 7, "commitOid": SHA, "isOld": False, "statuses": connected(status), **changes}
    return {"deployments": connected(deployment)}


def test_read__gives_shas_in_lower_case_and_instants_in_utc_and_ignores_other_keys() -> None:
    (deployment,) = read(Page, page(payload={"anything": 1})).deployments.nodes
    assert deployment.commit_oid == SHA.lower()
    assert deployment.statuses.nodes[0].created_at.isoformat() == "2026-03-02T09:00:00+00:00"


WRONG: dict[str, tuple[Any, str]] = {
    "a short sha": (page(commitOid="abc1234"), "`commitOid` is not a commit sha (deployments.nodes.0, id 7)"),
    "null": (page(commitOid=None), "`commitOid` is not text (deployments.nodes.0, id 7)"),
    "an id of 0": (page(databaseId=0), "`databaseId` is too small (deployments.nodes.0, id 0)"),
    "true as a number": (page(databaseId=True), "`databaseId` is not a whole number (deployments.nodes.0)"),
    "a number as text": (page(databaseId="7"), "`databaseId` is not a whole number (deployments.nodes.0, id 7)"),
    "text as a flag": (page(isOld="false"), "`isOld` is not true or false (deployments.nodes.0, id 7)"),
    "a list as an object": (page(statuses=[]), "`statuses` is not an object (deployments.nodes.0, id 7)"),
    "an item of another type": ({"deployments": connected(7)}, "`nodes.0` is not an object (deployments)"),
    "no list": ({"deployments": connected(nodes=None)}, "`nodes` is not a list (deployments)"),
    "more than counted": ({"deployments": {**page()["deployments"], "totalCount": 0}}, "shows more than it counts"),
    "no cursor": (
        {"deployments": connected(pageInfo={"hasNextPage": True, "endCursor": ""})},
        "`pageInfo` does not say where the next page begins (deployments)",
    ),
    "a list": ([], "the answer is not an object"),
    "nothing": (None, "the answer is not an object"),
}


@pytest.mark.parametrize(("raw", "said"), WRONG.values(), ids=WRONG)
def test_read__names_the_first_wrong_field_its_place_and_the_nearest_id(raw: Any, said: str) -> None:
    with pytest.raises(MalformedAnswerError) as problem:
        read(Page, raw)
    assert said in str(problem.value)


def test_read__a_field_that_is_missing_is_named() -> None:
    raw = page()
    del raw["deployments"]["nodes"][0]["commitOid"]
    with pytest.raises(MalformedAnswerError) as problem:
        read(Page, raw)
    assert str(problem.value) == "the answer lacks `commitOid` (deployments.nodes.0, id 7)"


@pytest.mark.parametrize(
    "status",
    [
        {"id": "::add-mask::pass", "state": "##[set-output name=verdict]pass", "createdAt": "2026-03-02T10:00:00Z"},
        {"id": "::add-mask::pass", "state": "SUCCESS", "createdAt": "2026-03-02T10:00:00 ::add-mask::pass"},
    ],
)
def test_read__repeats_nothing_that_the_server_wrote(status: dict[str, str]) -> None:
    with pytest.raises(MalformedAnswerError) as problem:
        read(Page, page(status))
    assert "::" not in str(problem.value)
    assert "##" not in str(problem.value)
    assert problem.value.__cause__ is None


def test_read__does_not_repeat_the_keys_of_a_mapping() -> None:
    with pytest.raises(MalformedAnswerError, match="the answer's `…` is not a whole number"):
        read(dict[str, int], {"::add-mask::pass": "1"})


def test_read_named__every_key_that_was_asked_for_must_be_there() -> None:
    raw = {"commit0": {"id": "s", "state": "SUCCESS", "createdAt": "2026-03-02T10:00:00Z"}, "commit1": None}
    assert read_named(Status | None, raw, ["commit0", "commit1"])["commit1"] is None
    with pytest.raises(MalformedAnswerError, match="the answer lacks `commit2`"):
        read_named(Status | None, raw, ["commit0", "commit2"])
    with pytest.raises(MalformedAnswerError, match="the answer lacks `commit0`"):
        read_named(Status | None, None, ["commit0"])


@pytest.mark.parametrize("total", [-1, None, "1", 1.0, True])
def test_read__a_count_is_a_whole_number_from_0(total: object) -> None:
    with pytest.raises(MalformedAnswerError, match="`total_count`"):
        read(Listed, {"total_count": total, "runs": []})
