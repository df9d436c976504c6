"""One server at a time: each version is started once, and ended by its own process handle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.registry import Registry, served
from tests.registries.install import VERSIONS, python_of


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test against each server; in one process each server is started once."""
    if "server" in metafunc.fixturenames:
        since = next((mark.args[0] for mark in metafunc.definition.iter_markers("since")), VERSIONS[0])
        versions = [v for v in VERSIONS if _key(v) >= _key(since)]
        metafunc.parametrize("server", versions, indirect=True, scope="session")


def _key(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """The real server of one version."""
    folder = tmp_path_factory.mktemp(f"mlflow-{request.param}")
    with served(folder, str(python_of(request.param))) as registry:
        yield registry


@pytest.fixture
def registry(server: Registry) -> Registry:
    """The server's registry, emptied, knowing `recommender` without versions."""
    server.clear()
    server.add_model()
    return server
