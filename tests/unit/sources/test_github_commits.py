"""The commits that each deploy was the first to ship, from GitHub's histories in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flowjoy.domain.corrections import Correction, CorrectionKind
from flowjoy.errors import HarvestError
from flowjoy.sources import github_commits
from flowjoy.sources.github_commits import Commits
from tests.builders import at
from tests.fakes.aimed import Aimed
from tests.fakes.faults import Edited, EmptyBody, Garbage, Truncate
from tests.fakes.github import GitHubStandIn
from tests.fakes.http_base import Answer, Fault, Request
from tests.unit.sources.asking import api_of


def sha(number: int) -> str:
    return f"{number:040x}"


def a_line(github: GitHubStandIn, length: int) -> None:
    """Commits 0, 1, 2 …, one an hour."""
    for n in range(length):
        github.repository.add_commit(sha(n), at(n), parent=sha(n - 1) if n else None)


def read(github: GitHubStandIn, deployed: dict[int, float], wanted: list[int] | None = None) -> Commits:
    """`deployed`: number of the commit and the hour at which it went live."""
    live = {sha(number): at(hour) for number, hour in deployed.items()}
    return github_commits.read(api_of(github), live, live if wanted is None else map_shas(wanted), "hotfix")


def map_shas(numbers: list[int]) -> set[str]:
    return {sha(number) for number in numbers}


def test_deploy__ships_the_commits_since_the_deploy_before_it(github: GitHubStandIn) -> None:
    a_line(github, 8)
    result = read(github, {2: 10, 5: 20, 7: 30})
    assert result.by_sha == {sha(5): (at(3), at(4), at(5)), sha(7): (at(6), at(7))}
    assert (result.unknown, len(github.requests)) == (0, 1)


@pytest.mark.matrix
def test_many_deploys__cost_few_requests(github: GitHubStandIn) -> None:
    a_line(github, 600)
    result = read(github, {n: 600 + n for n in range(0, 600, 5)})
    assert len(result.by_sha) == 119
    assert all(len(stamps) == 5 for stamps in result.by_sha.values())
    assert len(github.requests) <= 2


def test_many_deploys__are_asked_for_in_smaller_queries_where_github_does_not_answer_a_large_one(
    github: GitHubStandIn,
) -> None:
    a_line(github, 400)

    def large(request: Request) -> bool:
        return len(request.json()["variables"]) > 3 + github_commits.STRETCHES

    github.fail("/graphql", times=None, fault=Aimed(large, Answer(502)))
    result = read(github, {n: 400 + n for n in range(400)})
    assert (result.unknown, result.problem) == (0, "")


def test_deploy__of_more_commits_than_one_page_shows_is_read_on(github: GitHubStandIn) -> None:
    a_line(github, 260)
    result = read(github, {1: 300, 259: 400})
    assert len(result.by_sha[sha(259)]) == 258
    assert len(github.requests) <= 4


def test_merge__of_an_old_branch_ships_its_old_commits(github: GitHubStandIn) -> None:
    """The deploys before are remembered; their history is read as far as it may hold the branch."""
    a_line(github, 150)
    github.repository.add_commit(sha(900), at(5.5), parent=sha(5), branch="old")
    github.repository.add_commit(sha(901), at(151), parent=sha(149), merged=sha(900))
    result = read(github, {148: 148.5, 901: 152}, wanted=[901])
    assert result.by_sha == {sha(901): (at(5.5), at(149), at(151))}


def test_history__longer_than_is_read_leaves_the_deploy_unknown(
    github: GitHubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github_commits, "MAX_QUERIES", 2)
    a_line(github, 500)
    result = read(github, {1: 600, 498: 700, 499: 701})
    assert result.by_sha == {sha(499): (at(499),)}
    assert result.unknown == 1


def test_commit__that_is_gone_leaves_its_deploy_unknown(github: GitHubStandIn) -> None:
    a_line(github, 4)
    result = read(github, {1: 10, 3: 20, 777: 30})
    assert result == Commits(by_sha={sha(3): (at(2), at(3))}, unknown=1)


def test_nothing_wanted__asks_nothing(github: GitHubStandIn) -> None:
    a_line(github, 4)
    assert read(github, {1: 10, 3: 20}, wanted=[]) == Commits()
    assert read(github, {}) == Commits()
    assert read(github, {1: 10}) == Commits()
    assert github.requests == []


def test_sha__that_is_none_is_never_asked_for(github: GitHubStandIn) -> None:
    a_line(github, 2)
    live = {sha(1): at(1), 'x"} }': at(2)}
    assert github_commits.read(api_of(github), live, live, "hotfix").unknown == 1
    assert github.requests == []


def test_deploys__that_cannot_be_asked_for_hold_back_no_other(github: GitHubStandIn) -> None:
    a_line(github, 260)
    live = {sha(1): at(300), sha(259): at(400), "tag v9": at(500), sha(777): at(600)}
    result = github_commits.read(api_of(github), live, live, "hotfix")
    assert len(result.by_sha[sha(259)]) == 258
    assert result.unknown == 2


def test_what_was_read__is_kept_when_the_rest_fails(github: GitHubStandIn) -> None:
    a_line(github, 260)
    github.fail("/graphql", times=None, skip=1, fault=Answer(500))
    result = read(github, {1: 300, 100: 350, 258: 400, 259: 401})
    assert set(result.by_sha) == {sha(100), sha(259)}
    assert "commits" in result.problem


@pytest.mark.parametrize("date", ["1970-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "99999-01-01T00:00:00Z"])
def test_commit__with_an_impossible_time_has_no_lead_time(github: GitHubStandIn, date: str) -> None:
    a_line(github, 4)

    def edit(body: Any) -> Any:
        body["data"]["repository"]["commit0"]["history"]["nodes"][1]["committedDate"] = date
        return body

    github.fail("/graphql", times=None, fault=Edited(edit))
    assert read(github, {0: 10, 3: 20}).by_sha == {sha(3): (at(1), at(3))}


@pytest.mark.matrix
@pytest.mark.parametrize("fault", [Answer(502), EmptyBody(), Garbage(), Truncate()], ids=repr)
def test_fault__in_passing_changes_nothing(github: GitHubStandIn, fault: Fault) -> None:
    a_line(github, 4)
    github.fail("/graphql", fault=fault)
    assert read(github, {1: 10, 3: 20}).by_sha == {sha(3): (at(2), at(3))}


def first(body: Any) -> Any:
    return body["data"]["repository"]["commit0"]["history"]["nodes"][0]


@pytest.mark.parametrize("change", [
    lambda body: body["data"]["repository"].pop("commit0"),
    lambda body: body["data"]["repository"]["commit0"]["history"]["nodes"].pop(0),
    lambda body: first(body).update(committedDate=None),
    lambda body: first(body).update(oid=None),
    lambda body: first(body)["parents"].update(totalCount=2),
    lambda body: first(body).pop("parents"),
], ids=["no commit", "no head", "time", "sha", "parents cut", "no parents"])  # fmt: skip
def test_answer__of_another_shape_is_refused(github: GitHubStandIn, change: Callable[[Any], Any]) -> None:
    a_line(github, 4)

    def edit(body: Any) -> Any:
        change(body)
        return body

    github.fail("/graphql", times=None, fault=Edited(edit))
    with pytest.raises(HarvestError, match="commits"):
        read(github, {1: 10, 3: 20})


def test_revert_and_hotfix__are_read_with_the_commits(github: GitHubStandIn) -> None:
    a_line(github, 6)
    shop = github.repository
    shop.commits[sha(4)].message = f"Revert\n\nThis reverts commit {sha(2)}."
    for label, merged_as in (("hotfix", sha(5)), ("hotfix", "f" * 40), ("feature", sha(3)), ("hotfix", None)):
        shop.add_pull_request(
            head_sha="e" * 40, base_sha=sha(0), labels=[label], closed_at=at(5), merged=True, merged_as=merged_as
        )
    result = read(github, {1: 10, 3: 20, 5: 30})
    assert set(result.corrections) == {
        Correction(kind=CorrectionKind.REVERT, deployed=sha(5), commit=sha(4), failed=sha(3)),
        Correction(kind=CorrectionKind.HOTFIX, deployed=sha(5), commit=sha(5), pull_request=1),
    }
    assert (result.unplaced, len(github.requests)) == (0, 1)


def test_revert__of_a_deploy_that_an_earlier_run_read_is_placed_by_its_own_stretch(github: GitHubStandIn) -> None:
    a_line(github, 6)
    github.repository.commits[sha(5)].message = f"Revert\n\nThis reverts commit {sha(2)}."
    result = read(github, {1: 10, 3: 20, 5: 30}, wanted=[5])
    assert [item.failed for item in result.corrections] == [sha(3)]


def test_revert__of_what_was_live_before_the_first_known_deploy_is_counted(github: GitHubStandIn) -> None:
    a_line(github, 6)
    github.repository.commits[sha(5)].message = f"Revert\n\nThis reverts commit {sha(0)}."
    result = read(github, {1: 10, 3: 20, 5: 30})
    assert (result.corrections, result.unplaced) == ((), 1)


def test_hotfixes__that_the_token_may_not_read_leave_lead_times_and_reverts(github: GitHubStandIn) -> None:
    a_line(github, 6)
    github.repository.commits[sha(4)].message = f"Revert\n\nThis reverts commit {sha(2)}."
    refusal = Answer(200, {"data": None, "errors": [{"type": "FORBIDDEN", "message": "Resource not accessible"}]})
    github.fail("/graphql", times=None, fault=Aimed(lambda request: b"hotfixes" in request.body, refusal))
    result = read(github, {1: 10, 3: 20, 5: 30})
    assert (len(result.by_sha), result.hides_hotfixes, result.problem) == (2, True, "")
    assert [item.kind for item in result.corrections] == [CorrectionKind.REVERT]
    assert len(github.requests) == 2


def test_commits__that_the_token_may_not_read_are_a_failure(github: GitHubStandIn) -> None:
    a_line(github, 4)
    refusal = Answer(200, {"data": None, "errors": [{"type": "FORBIDDEN", "message": "Resource not accessible"}]})
    github.fail("/graphql", times=None, fault=refusal)
    with pytest.raises(HarvestError):
        read(github, {1: 10, 3: 20})
