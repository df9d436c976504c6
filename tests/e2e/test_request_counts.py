"""How many requests a run sends: GitHub and a registry bear only so many, and each one is waited for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.busy_weeks import Asked, busy_weeks

pytestmark = pytest.mark.matrix


def kinds(requests: tuple[str, ...]) -> dict[str, int]:
    """The last step of each path, and how often it was asked."""
    return dict(Counter(request.rpartition("/")[2] or request for request in requests))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Asked, Asked]:
    """A first run over 300 deployments, and a second one an hour later: nothing is new, and there is a ledger."""
    with busy_weeks(tmp_path_factory.mktemp("busy")) as weeks:
        (first, asked_first), (second, asked_second) = weeks.run(1), weeks.run(2)
        assert (first.outputs["verdict"], second.outputs["verdict"]) == ("pass", "pass")
        return asked_first, asked_second


def test_github__is_asked_so_often_by_a_first_run(runs: tuple[Asked, Asked]) -> None:
    assert kinds(runs[0].github) == {
        "artifacts": 1,
        "GraphQL FlowJoyDeployments": 2,
        "GraphQL FlowJoyStubs": 2,
        "GraphQL FlowJoyInventory": 1,
        "GraphQL FlowJoyCommits": 1,
        "GraphQL FlowJoyChecks": 1,
    }


def test_github__is_asked_so_often_with_a_ledger_and_nothing_new(runs: tuple[Asked, Asked]) -> None:
    assert kinds(runs[1].github) == {
        "artifacts": 1,
        "…": 1,  # the run that made the ledger
        "zip": 1,
        "GraphQL FlowJoyDeployments": 2,
        "GraphQL FlowJoyChecks": 1,
    }


def test_registry__is_asked_so_often(runs: tuple[Asked, Asked]) -> None:
    every_run = {"get": 2, "search": 1}
    assert kinds(runs[1].mlflow) == every_run
    assert Counter(kinds(runs[0].mlflow)) - Counter(every_run) == {
        "search": 2
    }  # when training began: runs, experiments


def test_github__is_asked_so_much_more_for_four_times_the_deployments(
    runs: tuple[Asked, Asked], tmp_path: Path
) -> None:
    with busy_weeks(tmp_path, deploys=1200) as weeks:
        ran, asked = weeks.run(1)
    assert ran.outputs["verdict"] == "pass"
    assert len(asked.github) - len(runs[0].github) <= 4
