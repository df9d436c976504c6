"""Stories: a GitHub, registries, and the step between them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import in_process
from tests.e2e.in_process import World
from tests.e2e.step import TOKEN, Step
from tests.fakes.artifact_service import ArtifactServiceStandIn
from tests.fakes.github import GitHubStandIn
from tests.fakes.mlflow_faults import MlflowStandIn

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to `make test-all` every case of a whole run but its first: each takes up to a second."""
    for item in items:
        case = getattr(item, "callspec", None)
        if item.path.is_relative_to(HERE) and case is not None and any(case.indices.values()):
            item.add_marker(pytest.mark.matrix)


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn(token=TOKEN) as stand_in:
        yield stand_in


@pytest.fixture
def mlflow() -> Iterator[MlflowStandIn]:
    """A registry that answers as the real server does, and knows `recommender` without versions."""
    with MlflowStandIn() as stand_in:
        stand_in.add_model()
        yield stand_in


@pytest.fixture
def step(tmp_path: Path, github: GitHubStandIn, mlflow: MlflowStandIn) -> Step:
    """A release job with the minimal step."""
    return Step(folder=tmp_path, github=github, inputs={"models": "recommender", "mlflow-tracking-uri": mlflow.url})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A GitHub that keeps artifacts, and a registry that knows `recommender` without versions."""
    with GitHubStandIn(token=in_process.TOKEN) as github, ArtifactServiceStandIn(github.repository) as artifacts:
        made = in_process.new_world(github, tmp_path)
        made.artifacts = artifacts
        yield made
