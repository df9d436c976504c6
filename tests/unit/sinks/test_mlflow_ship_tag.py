"""The tag that marks a version as shipped, against a real MLflow server."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flowjoy.clients.mlflow_models import DEPLOYED_AGAIN, DEPLOYED_AT
from flowjoy.clients.transport import Budget, Transport
from flowjoy.domain.timestamps import iso
from flowjoy.errors import HarvestError, UnknownModelError
from flowjoy.sinks.mlflow_ship_tag import STAMPED_BY, stamp
from tests.builders import at
from tests.fakes.registry import Registry


@pytest.fixture
def registry(mlflow_server: Registry) -> Registry:
    """The server's registry, emptied, with version 1 of `recommender`."""
    mlflow_server.clear()
    mlflow_server.add_model()
    mlflow_server.add_version(at())
    return mlflow_server


def ship(registry: Registry, *, hours: float = 1, run_id: str | None = "42", version: str = "1") -> str:
    transport = Transport(Budget(30))
    return stamp(registry.uri, "recommender", version, at=at(hours), run_id=run_id, transport=transport)


def tags(registry: Registry) -> dict[str, str]:
    return dict(registry.client.get_model_version("recommender", "1").tags)


def test_ship__tags_the_version_with_time_and_run(registry: Registry) -> None:
    message = ship(registry)
    assert tags(registry) == {DEPLOYED_AT: iso(at(1)), STAMPED_BY: "42"}
    assert "recommender v1" in message
    assert iso(at(1)) in message


def test_ship__by_the_same_run_again_keeps_the_time(registry: Registry) -> None:
    ship(registry)
    message = ship(registry, hours=2)
    assert tags(registry) == {DEPLOYED_AT: iso(at(1)), STAMPED_BY: "42"}
    assert iso(at(1)) in message


def test_ship__by_a_later_run_keeps_the_first_time_and_adds_its_own(registry: Registry) -> None:
    for number in range(3):
        ship(registry, hours=1 + number, run_id=str(42 + number))
    assert tags(registry) == {
        DEPLOYED_AT: iso(at(1)),
        DEPLOYED_AGAIN: f"{iso(at(2))},{iso(at(3))}",
        STAMPED_BY: "44",
    }


def test_ship__without_a_run_writes_the_time_only(registry: Registry) -> None:
    ship(registry, run_id=None)
    assert tags(registry) == {DEPLOYED_AT: iso(at(1))}


@pytest.mark.parametrize("status", ["PENDING_REGISTRATION", "FAILED_REGISTRATION"])
def test_version__that_is_not_ready_is_refused(registry: Registry, status: str) -> None:
    registry.backdate("recommender", "1", at() + timedelta(minutes=1), status=status)
    with pytest.raises(HarvestError, match=status) as problem:
        ship(registry)
    assert "READY" in problem.value.hint
    assert tags(registry) == {}


def test_version__that_is_not_registered_is_refused(registry: Registry) -> None:
    with pytest.raises(UnknownModelError):
        ship(registry, version="7")
