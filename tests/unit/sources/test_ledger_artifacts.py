"""Artifacts as ledgers: without proof of which branch is trusted, or that the list is whole, none is believed."""

from __future__ import annotations

import pytest

from flowjoy.errors import HarvestError
from flowjoy.sources import ledger_artifacts, other_ledgers
from tests.builders import at
from tests.fakes.aimed import listed
from tests.fakes.github import GitHubStandIn
from tests.unit.sources.asking import A, a_question, api_of


def uploaded(github: GitHubStandIn) -> None:
    run = github.repository.add_run(sha=A, created_at=at())
    github.repository.add_artifact(run_id=run, name="flowjoy-shop", content=b"PK")


def test_ledger__without_a_default_branch_is_refused(github: GitHubStandIn) -> None:
    uploaded(github)
    query = a_question(default_branch=None)
    with pytest.raises(HarvestError, match="the default branch is not known"):
        ledger_artifacts.read(query, api_of(github))
    with pytest.raises(HarvestError, match="the default branch is not known"):
        other_ledgers.read(query, api_of(github))


@pytest.mark.parametrize("count", [1, 250])
def test_list__of_artifacts_that_ends_early_is_no_history_that_begins_today(github: GitHubStandIn, count: int) -> None:
    github.fail("/actions/artifacts", times=None, fault=listed(total_count=count, artifacts=[]))
    with pytest.raises(HarvestError, match="the list ends before all of them"):
        ledger_artifacts.read(a_question(default_branch="main"), api_of(github))
