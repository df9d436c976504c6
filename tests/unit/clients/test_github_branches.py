"""Which commits lie on the default branch. An answer that does not say so is malformed, and proves no commit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from flowjoy.clients.github import GitHubApi
from flowjoy.clients.github_branches import DefaultBranch
from flowjoy.clients.transport import Budget, Transport
from flowjoy.domain.secret import Secret
from flowjoy.errors import HarvestError
from tests.fakes.github import GitHubStandIn
from tests.fakes.http_base import Answer

WHEN = "2026-03-02T09:00:00Z"
A, B, C, GONE = "a" * 40, "b" * 40, "c" * 40, "d" * 40


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn(token="token") as stand_in:
        shop = stand_in.repository
        shop.add_commit(A)
        shop.add_commit(B, parent=A, branch="feature")
        shop.add_commit(C, parent=A)
        shop.tags |= {"v1": A, "feature": B}
        yield stand_in


def branch(github: GitHubStandIn, **more: Any) -> DefaultBranch:
    api = GitHubApi(
        repository="acme/shop",
        token=Secret("token"),
        api_url=github.url,
        graphql_url=github.graphql_url,
        transport=Transport(Budget(20)),
    )
    return DefaultBranch(github=api, name="main", **more)


def test_branch__holds_its_head_and_what_is_behind_it_and_nothing_else(github: GitHubStandIn) -> None:
    main = branch(github)
    assert [main.holds(sha) for sha in (A, C, B, GONE)] == [True, True, False, False]


def test_branch__asks_for_many_commits_once_and_for_each_once(github: GitHubStandIn) -> None:
    main = branch(github)
    assert main.holds(A, B, C, GONE, "not a sha")
    assert [main.holds(sha) for sha in (B, C, GONE, "not a sha", "None")] == [False, True, False, False, False]
    assert len(github.requests) == 1


def test_branch__needs_not_ask_for_the_commit_that_the_ref_of_the_run_proves(github: GitHubStandIn) -> None:
    assert branch(github, commit=A).holds(A)
    assert github.requests == []


def test_tag__is_a_name_that_no_branch_bears(github: GitHubStandIn) -> None:
    main = branch(github)
    assert [main.is_tag(name) for name in ("v1", "feature", "main", "v2")] == [True, False, False, False]


@pytest.mark.parametrize(
    "repository",
    [
        {"base": None},
        {"base": {"name": "main"}},
        {"base": {"name": "main", "commit0": {}}},
        {"base": {"name": "main", "commit0": {"aheadBy": None}}},
        {"base": {"name": "main", "commit0": {"aheadBy": False}}},
        {"base": {"name": "main", "commit0": "x"}},
    ],
)
def test_answer__that_does_not_say_it_is_malformed(github: GitHubStandIn, repository: dict[str, Any]) -> None:
    github.fail("/graphql", times=None, fault=Answer(200, {"data": {"repository": repository}}))
    with pytest.raises(HarvestError):
        branch(github).holds(A)


def test_commit__that_github_refuses_hides_nothing_of_the_others(github: GitHubStandIn) -> None:
    refusal = {"errors": [{"type": "NOT_FOUND", "message": "no such commit"}]}
    github.fail("/graphql", times=1, fault=Answer(200, refusal))
    assert branch(github).holds(A, GONE)


def test_head__is_shown_by_a_run_of_the_branch_in_this_repository(github: GitHubStandIn) -> None:
    shop = github.repository
    shop.add_run(sha=A, created_at=WHEN, event="push")
    shop.add_run(sha=A, created_at=WHEN, event="schedule")
    shop.add_run(sha=B, created_at=WHEN, event="push", branch="feature")
    shop.add_run(sha=C, created_at=WHEN, event="push", head_repository="mallory/shop")
    main = branch(github)
    assert [main.events_of_head(sha) for sha in (A, B, C)] == [{"push", "schedule"}, set(), set()]
    before = len(github.requests)
    assert main.events_of_head(A)
    assert len(github.requests) == before


@pytest.mark.parametrize("answer", [Answer(200, {}), Answer(200, {"workflow_runs": [{}]}), Answer(404, {})])
def test_head__that_github_does_not_show_is_an_error(github: GitHubStandIn, answer: Answer) -> None:
    github.fail("/actions/runs", times=None, fault=answer)
    with pytest.raises(HarvestError):
        branch(github).events_of_head(A)


def test_was_head__is_shown_by_the_pushes_to_the_branch_of_which_it_asks_once(github: GitHubStandIn) -> None:
    shop = github.repository
    shop.add_commit("e" * 40, parent=C, merged=B)
    shop.tags["main"] = B
    main = branch(github)
    assert [main.was_head(sha) for sha in (A, C, B, GONE)] == [True, True, False, False]
    assert len(github.requests) == 1


def test_was_head__needs_not_ask_for_the_commit_that_the_ref_of_the_run_proves(github: GitHubStandIn) -> None:
    assert branch(github, commit=B).was_head(B)
    assert github.requests == []


@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize("shown", ["a hundred newer pushes", "no activity"])
def test_was_head__where_the_pushes_are_not_shown_only_the_absence_of_the_tag_proves_it(
    github: GitHubStandIn, shown: str, *, tagged: bool
) -> None:
    """GitHub Enterprise Server had no activity before 3.9."""
    if tagged:
        github.repository.tags["main"] = A
    if shown == "no activity":
        github.fail("/activity", times=None, fault=Answer(404, {"message": "Not Found"}))
    for n in range(100):
        github.repository.add_commit(f"{n:040x}", "2026-03-02T09:00:00Z")
    main = branch(github)
    assert [main.was_head(A), main.was_head(A)] == [not tagged] * 2
    assert len(github.requests) == 2


@pytest.mark.parametrize("answer", [Answer(502), Answer(200, {}), Answer(200, [{"after": A}]), Answer(200, [{}])])
def test_was_head__that_github_does_not_say_is_an_error(github: GitHubStandIn, answer: Answer) -> None:
    github.fail("/activity", times=None, fault=answer)
    with pytest.raises(HarvestError):
        branch(github).was_head(A)
