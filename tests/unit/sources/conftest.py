"""Sources over HTTP: GitHub's stand-in a test, one real MLflow server a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.github import GitHubStandIn
from tests.fakes.registry import Registry
from tests.unit.sources.asking import TOKEN


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn(token=TOKEN) as stand_in:
        yield stand_in


@pytest.fixture
def registry(mlflow_server: Registry) -> Registry:
    """The server's registry, emptied, knowing `recommender` without versions."""
    mlflow_server.clear()
    mlflow_server.add_model()
    return mlflow_server
