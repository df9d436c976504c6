"""When training runs began: from a real MLflow server, and from one that fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowjoy.clients.transport import Budget, Transport
from flowjoy.errors import HarvestError
from flowjoy.sources import mlflow_training_runs
from flowjoy.sources.base import Clients
from flowjoy.sources.mlflow_training_runs import TrainingRuns
from tests.builders import a_query, at, epoch_ms
from tests.fakes.http_base import Answer, Request, StandIn
from tests.fakes.registry import Registry


def read(uri: str, run_ids: list[str]) -> TrainingRuns:
    access = Clients(transport=Transport(Budget(30)), progress=lambda _: None)
    query = a_query(Path("workspace"), mlflow_tracking_uri=uri)
    return mlflow_training_runs.read(replace(query, now=at(1000)), access, run_ids)


def a_run(registry: Registry, hours: float) -> str:
    run = registry.client.create_run("0", start_time=epoch_ms(at(hours)))
    return str(run.info.run_id)


def test_run__began_when_mlflow_says(registry: Registry) -> None:
    one, two = a_run(registry, 1), a_run(registry, 2)
    assert read(registry.uri, [one, two]) == TrainingRuns(begun={one: at(1), two: at(2)})


def test_run__that_the_registry_does_not_keep_is_left_out_and_said(registry: Registry) -> None:
    known = a_run(registry, 1)
    result = read(registry.uri, ["0" * 32, "exp:7 run/../3", known])
    assert result.begun == {"0" * 32: None, "exp:7 run/../3": None, known: at(1)}
    assert result.notes == ("2 training runs: it is not known when training began",)


def test_runs__that_are_many_are_searched_for_at_once_even_deleted_ones(registry: Registry) -> None:
    runs = {a_run(registry, hour): at(hour) for hour in range(40)}
    registry.client.delete_run(next(iter(runs)))
    assert read(registry.uri, list(runs)) == TrainingRuns(begun=runs)


def test_search__that_shows_a_part_is_completed_one_by_one(registry: Registry) -> None:
    known = [a_run(registry, hour) for hour in range(3)]
    asked = ["exp:7 run/../3", *known, "it's"]
    assert read(registry.uri, asked).begun == dict.fromkeys(asked) | dict(zip(known, map(at, range(3)), strict=True))


def test_nothing_asked__needs_no_client() -> None:
    assert read("https://registry.invalid", []) == TrainingRuns()


class Runs(StandIn):
    """Answers every run with what it is told to."""

    def __init__(self, **info: Any) -> None:
        self.info = info
        super().__init__()

    def answer(self, request: Request) -> Answer:
        if not request.path.endswith("/runs/get"):  # such as GitLab's
            return Answer(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": "no search"})
        if not self.info:
            return Answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no run"})
        result = {"run_id": request.query["run_id"], "run_uuid": request.query["run_id"], "experiment_id": "0"}
        return Answer(200, {"run": {"info": result | {"status": "FINISHED", **self.info}, "data": {}}})


def test_registry__without_runs_is_asked_for_each_once() -> None:
    with Runs() as server:
        result = read(server.url, [f"{n:032x}" for n in range(5)])
        assert (set(result.begun.values()), server.count(path_contains="/runs/get")) == ({None}, 5)
    assert result.notes == ("5 training runs: it is not known when training began",)


def test_what_was_read__is_kept_when_the_rest_fails() -> None:
    with Runs(start_time=epoch_ms(at(1))) as server:
        server.fail("/runs/get", times=None, skip=2, fault=Answer(500))
        result = read(server.url, [f"{n:032x}" for n in range(5)])
    assert list(result.begun.values()) == [at(1), at(1)]
    assert result.notes[0] == "3 training runs: it is not known when training began"
    assert "MLflow run" in result.notes[1]


def test_runs__are_asked_for_up_to_a_number() -> None:
    with Runs(start_time=epoch_ms(at(1))) as server:
        result = read(server.url, [f"{n:032x}" for n in range(45)])
        assert len(result.begun) == server.count(path_contains="/runs/get") == mlflow_training_runs.MAX_RUNS
    assert result.notes == ("15 training runs: it is not known when training began",)


@pytest.mark.parametrize("start", [epoch_ms(at(2000)), 1717405200, None], ids=["in the future", "seconds", "none"])
def test_start__that_cannot_be_is_not_known(start: int | None) -> None:
    with Runs(status="FINISHED", **({} if start is None else {"start_time": start})) as server:
        assert read(server.url, ["a" * 32]).begun == {"a" * 32: None}
        assert len(server.requests) == 1


def test_answer__of_another_run_is_refused() -> None:
    with (
        Runs(start_time=epoch_ms(at(1)), run_id="f" * 32, run_uuid="f" * 32) as server,
        pytest.raises(HarvestError, match="MLflow run"),
    ):
        read(server.url, ["a" * 32])
