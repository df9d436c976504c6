"""The jobs of a run over HTTP: a list that is cut short, or a job that leaves out how it ended, is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from flowjoy.clients.github_jobs import own_candidates
from flowjoy.errors import HarvestError
from tests.builders import at
from tests.fakes.aimed import Aimed, listed, rest
from tests.fakes.faults import Edited
from tests.fakes.github import GitHubStandIn
from tests.unit.sources.asking import TOKEN, A, api_of


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn(token=TOKEN) as stand_in:
        yield stand_in


@pytest.fixture
def run_id(github: GitHubStandIn) -> int:
    run = github.repository.add_run(sha=A, created_at=at())
    github.repository.add_job(run, "deploy", at(1))
    github.repository.add_job(run, "promise", None)
    return run


def test_jobs__under_way_may_be_our_own(github: GitHubStandIn, run_id: int) -> None:
    assert [job.name for job in own_candidates(api_of(github), run_id, None)] == ["promise"]


def test_jobs__of_a_list_that_ends_too_early_are_refused(github: GitHubStandIn, run_id: int) -> None:
    github.fail("GET /repos", times=None, fault=Aimed(rest("/jobs"), listed(total_count=3)))
    with pytest.raises(HarvestError, match="the list of jobs ends after"):
        own_candidates(api_of(github), run_id, None)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"conclusion": None}, "is completed without a conclusion"),
        ({"completed_at": None}, "succeeded, and does not say when"),
    ],
)
def test_job__that_leaves_out_how_it_ended_is_refused(
    github: GitHubStandIn, run_id: int, changes: dict[str, Any], problem: str
) -> None:
    def edit(body: Any) -> Any:
        first, *others = body["jobs"]
        return {**body, "jobs": [{**first, **changes}, *others]}

    github.fail("GET /repos", times=None, fault=Aimed(rest("/jobs"), Edited(edit)))
    with pytest.raises(HarvestError, match=problem):
        own_candidates(api_of(github), run_id, None)
