"""Sources over HTTP: GitHub's stand-in a test, one real MLflow server a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flowjoy.clients import transport
from tests.fakes.github import GitHubStandIn
from tests.fakes.registry import Registry, shared_server
from tests.unit.sources.asking import TOKEN


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for half a second between two tries on loopback."""
    monkeypatch.setattr(transport, "_FIRST_PAUSE_SECONDS", 0.01)


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn(token=TOKEN) as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with shared_server(lambda: tmp_path_factory.mktemp("mlflow-server")) as registry:
        yield registry


@pytest.fixture
def registry(mlflow_server: Registry) -> Registry:
    """The server's registry, emptied, knowing `recommender` without versions."""
    mlflow_server.clear()
    mlflow_server.add_model()
    return mlflow_server
