"""When training runs began: from a real MLflow server, and from one that fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowjoy.errors import HarvestError
from flowjoy.instants import epoch_ms
from flowjoy.sources import mlflow_training
from flowjoy.sources.base import Access
from flowjoy.sources.mlflow_training import Training
from flowjoy.transport import Budget, Transport
from tests.builders import a_query, at
from tests.stand_ins.http_base import Answer, Request, StandIn
from tests.stand_ins.registry import Registry


def read(uri: str, run_ids: list[str]) -> Training:
    access = Access(transport=Transport(Budget(30)), progress=lambda _: None)
    query = a_query(Path("workspace"), mlflow_tracking_uri=uri)
    return mlflow_training.read(replace(query, now=at(1000)), access, run_ids)


def a_run(registry: Registry, hours: float) -> str:
    run = registry.client.create_run("0", start_time=epoch_ms(at(hours)))
    return str(run.info.run_id)


def test_run__began_when_mlflow_says(registry: Registry) -> None:
    one, two = a_run(registry, 1), a_run(registry, 2)
    assert read(registry.uri, [one, two]) == Training(begun={one: at(1), two: at(2)})


def test_run__that_the_registry_does_not_keep_is_left_out_and_said(registry: Registry) -> None:
    known = a_run(registry, 1)
    found = read(registry.uri, ["0" * 32, known])
    assert found.begun == {known: at(1)}
    assert found.notes == ("of 1 training runs it is not known when they began",)


def test_nothing_asked__needs_no_client() -> None:
    assert read("https://registry.invalid", []) == Training()


class Runs(StandIn):
    """Answers every run with what it is told to."""

    def __init__(self, **info: Any) -> None:
        self.info = info
        super().__init__()

    def answer(self, request: Request) -> Answer:
        if not self.info:
            return Answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no run"})
        told = {"run_id": request.query["run_id"], "run_uuid": request.query["run_id"], "experiment_id": "0"}
        return Answer(200, {"run": {"info": told | {"status": "FINISHED", **self.info}, "data": {}}})


def test_registry__without_runs_is_left_alone_after_a_few() -> None:
    with Runs() as server:
        found = read(server.url, [f"{n:032x}" for n in range(25)])
        assert (found.begun, len(server.requests)) == ({}, 3)
    assert found.notes == ("of 25 training runs it is not known when they began",)


def test_runs__are_asked_for_up_to_a_number() -> None:
    with Runs(start_time=epoch_ms(at(1))) as server:
        found = read(server.url, [f"{n:032x}" for n in range(45)])
        assert len(found.begun) == len(server.requests) == mlflow_training.MOST_RUNS
    assert found.notes == ("of 15 training runs it is not known when they began",)


@pytest.mark.parametrize("info", [
    {"start_time": epoch_ms(at(1)), "run_id": "f" * 32, "run_uuid": "f" * 32},
    {"start_time": epoch_ms(at(2000))},
    {"start_time": 1717405200},
    {},
], ids=["another run", "in the future", "seconds", "no start"])  # fmt: skip
def test_answer__that_cannot_be_is_refused(info: dict[str, Any]) -> None:
    with Runs(**(info or {"status": "FINISHED"})) as server, pytest.raises(HarvestError, match="MLflow run"):
        read(server.url, ["a" * 32])
