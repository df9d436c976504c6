"""Pull requests and merge groups over HTTP: what GitHub lists of them must be complete and of the commit judged."""

from __future__ import annotations

from typing import Any

import pytest

from flowjoy.errors import HarvestError
from flowjoy.sources import github_pull_request
from tests.fakes.aimed import Aimed, rest
from tests.fakes.faults import Edited
from tests.fakes.github import GitHubStandIn
from tests.unit.sources.asking import A, B, C, api_of


@pytest.fixture
def number(github: GitHubStandIn) -> int:
    github.repository.add_commit(A)
    return github.repository.add_pull_request(
        head_sha=B, base_sha=A, files={"flowjoy.json": "modified", "new.py": "renamed"}, renamed={"new.py": "old.py"}
    )


def edited(github: GitHubStandIn, path: str, **changes: Any) -> None:
    """Change every answer, or each item of every list, whose path ends so."""

    def edit(body: Any) -> Any:
        return [{**item, **changes} for item in body] if isinstance(body, list) else {**body, **changes}

    github.fail("GET /repos", times=None, fault=Aimed(rest(path), Edited(edit)))


def test_pull_request__touches_the_new_and_removes_the_old_name_of_a_file(github: GitHubStandIn, number: int) -> None:
    proposal = github_pull_request.read(api_of(github), number, B)
    assert (proposal.touched, proposal.removed) == (frozenset({"flowjoy.json", "new.py"}), frozenset({"old.py"}))


def test_pull_request__with_a_newer_commit_is_refused(github: GitHubStandIn, number: int) -> None:
    with pytest.raises(HarvestError, match="has a newer commit"):
        github_pull_request.read(api_of(github), number, C)


@pytest.mark.parametrize(("counted", "problem"), [(3, "changes 3 files, GitHub lists 2"), (3001, "GitHub lists 3000")])
def test_pull_request__whose_files_are_not_all_listed_is_refused(
    github: GitHubStandIn, number: int, counted: int, problem: str
) -> None:
    edited(github, f"/pulls/{number}", changed_files=counted)
    with pytest.raises(HarvestError, match=problem):
        github_pull_request.read(api_of(github), number, B)


def test_renamed_file__without_its_old_name_is_refused(github: GitHubStandIn, number: int) -> None:
    edited(github, f"/pulls/{number}/files", status="renamed", previous_filename=None)
    with pytest.raises(HarvestError, match="does not say what it was called before"):
        github_pull_request.read(api_of(github), number, B)


def test_merge_group__that_adds_no_commit_is_refused(github: GitHubStandIn, number: int) -> None:
    edited(github, f"/compare/{A}...{B}", status="behind")
    with pytest.raises(HarvestError, match="does not add a commit to its base"):
        github_pull_request.group(api_of(github), A, B)


def test_merge_group__that_differs_without_a_file_is_refused(github: GitHubStandIn, number: int) -> None:
    edited(github, f"/compare/{A}...{B}", status="ahead", files=[], commits=[])
    with pytest.raises(HarvestError, match="shows no file that differs between two trees"):
        github_pull_request.group(api_of(github), A, B)
