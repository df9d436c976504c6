"""What waits at GitHub: pull requests by age, branches without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flowjoy.domain import Branch, Inventory, OpenPull
from flowjoy.errors import HarvestError
from flowjoy.sources import github_inventory
from tests.builders import at
from tests.fakes.faults import Edited
from tests.fakes.github import GitHubStandIn
from tests.unit.sources.asking import A, B, C, api_of


def read(github: GitHubStandIn) -> Inventory:
    return github_inventory.read(api_of(github), at())


@pytest.fixture
def shop(github: GitHubStandIn) -> GitHubStandIn:
    github.repository.add_commit(A, at(-9), branch="main")
    github.repository.add_commit(B, at(-800), branch="old")
    github.repository.add_commit(C, at(-5), branch="feature")
    return github


def test_pulls__are_told_by_age_with_what_they_wait_for(shop: GitHubStandIn) -> None:
    add = shop.repository.add_pull_request
    add(head_sha=C, base_sha=A, created_at=at(3), title="Two")
    add(head_sha=C, base_sha=A, created_at=at(1), title="One", decision="REVIEW_REQUIRED")
    add(head_sha=C, base_sha=A, created_at=at(4), draft=True)
    add(head_sha=C, base_sha=A, created_at=at(5), decision="APPROVED")
    add(head_sha=C, base_sha=A, created_at=at(6), decision="CHANGES_REQUESTED")
    add(head_sha=C, base_sha=A, created_at=at(7), closed_at=at(8))
    result = read(shop)
    assert result.pulls[:2] == (
        OpenPull(number=2, title="One", created_at=at(1), state="waiting for review"),
        OpenPull(number=1, title="Two", created_at=at(3), state="waiting for review"),
    )
    assert [pull.state for pull in result.pulls[2:]] == ["draft", "approved", "changes requested"]
    assert (result.pulls_total, len(shop.requests)) == (5, 1)


def test_branches__are_those_without_a_pull_request_and_not_the_default_one(shop: GitHubStandIn) -> None:
    shop.repository.add_pull_request(head_sha=C, base_sha=A, head_ref="feature")
    assert read(shop).branches == (Branch(name="old", committed_at=at(-800)),)
    assert read(shop).branches_total == 3


def test_branch__of_a_fork_that_is_called_the_same_does_not_hide_ours(shop: GitHubStandIn) -> None:
    shop.repository.add_pull_request(head_sha=C, base_sha=A, head_ref="old", head_repository="mallory/shop")
    assert "old" in {branch.name for branch in read(shop).branches}


def test_nothing__waits_in_an_empty_repository(github: GitHubStandIn) -> None:
    assert read(github) == Inventory(read_at=at())


@pytest.mark.parametrize("change", [
    lambda repository: repository.pop("refs"),
    lambda repository: repository["refs"]["nodes"][-1].update(name=None),
    lambda repository: repository["refs"]["nodes"][-1].update(target=None),
    lambda repository: repository["refs"]["nodes"][-1]["target"].update(committedDate="soon"),
    lambda repository: repository["pullRequests"]["nodes"][0].update(number="1"),
    lambda repository: repository["pullRequests"]["nodes"][0].update(createdAt=None),
], ids=["no refs", "no name", "no target", "time", "number", "created"])  # fmt: skip
def test_answer__of_another_shape_is_refused(shop: GitHubStandIn, change: Callable[[Any], Any]) -> None:
    shop.repository.add_pull_request(head_sha=C, base_sha=A)

    def edit(body: Any) -> Any:
        change(body["data"]["repository"])
        return body

    shop.fail("/graphql", times=None, fault=Edited(edit))
    with pytest.raises(HarvestError, match="inventory"):
        read(shop)
