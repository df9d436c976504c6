"""The repositories of an App's installation: a list that ends early is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flowjoy.clients.github_installation import repositories_of
from flowjoy.errors import HarvestError
from tests.fakes.github import GitHubStandIn
from tests.fakes.http_base import Answer
from tests.unit.sources.asking import api_of

SHOP = {"full_name": "acme/shop", "default_branch": "main", "archived": False}


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn() as stand_in:
        yield stand_in


def test_list__that_ends_before_all_repositories_is_refused(github: GitHubStandIn) -> None:
    github.fail("/installation/repositories", fault=Answer(200, {"total_count": 2, "repositories": [SHOP]}))
    github.fail("/installation/repositories", fault=Answer(200, {"total_count": 2, "repositories": []}))
    with pytest.raises(HarvestError, match="the list ends after 1 of 2 repositories"):
        repositories_of(api_of(github), "acme")
