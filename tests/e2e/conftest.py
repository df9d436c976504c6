"""Stories: a GitHub, registries, and the step between them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flowjoy.clients import transport
from tests.e2e.step import TOKEN, Step
from tests.fakes.github import GitHubStandIn
from tests.fakes.mlflow_faults import MlflowStandIn
from tests.fakes.registry import Registry, shared_server


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs in this process wait no half second between two tries on loopback."""
    monkeypatch.setattr(transport, "_FIRST_PAUSE_SECONDS", 0.01)


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


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with shared_server(lambda: tmp_path_factory.mktemp("mlflow-server")) as registry:
        yield registry


@pytest.fixture
def step(tmp_path: Path, github: GitHubStandIn, mlflow: MlflowStandIn) -> Step:
    """A release job with the minimal step."""
    return Step(folder=tmp_path, github=github, inputs={"models": "recommender", "mlflow-tracking-uri": mlflow.url})
