"""What FlowJoy reads from, and writes to, real MLflow servers from 2.2 to the current one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from flowjoy.clients.transport import Budget, Transport
from flowjoy.domain import ModelRecord, Precision
from flowjoy.domain.timestamps import iso
from flowjoy.errors import HarvestError, UnknownModelError
from flowjoy.sinks.mlflow_ship_tag import stamp
from flowjoy.sources import mlflow_training_runs
from flowjoy.sources.base import Clients, SourceResult
from flowjoy.sources.mlflow_registry import MlflowRegistry
from flowjoy.sources.mlflow_training_runs import TrainingRuns
from tests.builders import at, epoch_ms
from tests.e2e.step import Step
from tests.fakes.github import GitHubStandIn
from tests.fakes.registry import Registry, served
from tests.registries.install import VERSIONS, python_of
from tests.unit.sources.asking import TOKEN, A, a_question


def ask(registry: Registry, *models: str, **inputs: Any) -> SourceResult[ModelRecord]:
    """The registry, asked as the harvest asks it."""
    query = a_question({"mlflow_tracking_uri": registry.uri, **inputs}, models=models or ("recommender",))
    source, access = MlflowRegistry(), Clients(transport=Transport(Budget(60)), progress=lambda _: None)
    return source.parse(source.fetch(query, access), query)


def ships(parsed: SourceResult[ModelRecord]) -> dict[tuple[str, str | None], datetime]:
    return {(record.name, record.version): record.shipped_at for record in parsed.records}


def test_list__each_model_has_its_own_versions_with_their_times(registry: Registry) -> None:
    registry.add_model("ranker")
    registry.add_version(at(0, milliseconds=123))
    registry.add_version(at(5), "ranker")
    registry.add_version(at(7), status="PENDING_REGISTRATION")
    assert ships(ask(registry)) == {("recommender", "1"): at(0, milliseconds=123)}
    both = ask(registry, "ranker", "recommender")
    assert ships(both) == {("recommender", "1"): at(0, milliseconds=123), ("ranker", "1"): at(5)}
    assert both.notes == ("not an event: recommender v2 is PENDING_REGISTRATION",)


@pytest.mark.since("2.9.2")
def test_alias__is_observed(registry: Registry) -> None:
    for hour in range(3):
        registry.add_version(at(hour))
    registry.client.set_registered_model_alias("recommender", "champion", "2")
    (look,) = ask(registry, model_signal="alias:champion").observations
    assert (look.model, look.version) == ("recommender", "2")


def test_stage__is_observed(registry: Registry) -> None:
    for hour in range(3):
        registry.add_version(at(hour))
    registry.client.transition_model_version_stage("recommender", "2", "Production")
    (look,) = ask(registry, model_signal="stage:Production").observations
    assert (look.model, look.version) == ("recommender", "2")


@pytest.mark.since("2.9.2")  # the first one asks for each run by itself
def test_training_runs__are_found_by_one_search(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = {}
    for hour in range(40):
        run = registry.client.create_run("0", start_time=epoch_ms(at(hour)))
        begun[str(run.info.run_id)] = at(hour)
    monkeypatch.setattr(mlflow_training_runs, "MAX_RUNS", 0)  # none is read by itself
    query = replace(a_question({"mlflow_tracking_uri": registry.uri}), now=at(1000))
    access = Clients(transport=Transport(Budget(60)), progress=lambda _: None)
    assert mlflow_training_runs.read(query, access, list(begun)) == TrainingRuns(begun=begun)


def test_tag__says_when_a_version_shipped(registry: Registry) -> None:
    registry.add_version(at())
    registry.add_version(at(), tags={"shipped": iso(at(5)), "integration": "passed"})
    parsed = ask(registry, model_signal="tag:shipped", model_validated_tag="integration=passed")
    assert ships(parsed) == {("recommender", "2"): at(5)}
    assert [item.validated for item in parsed.versions] == [False, True]


def test_ship__stamps_a_version_once_and_a_second_time_as_shipped_again(registry: Registry) -> None:
    registry.add_version(at())
    transport = Transport(Budget(60))
    for run_id, hour in (("1", 5), ("1", 6), ("2", 9)):
        stamp(registry.uri, "recommender", "1", at=at(hour), run_id=run_id, transport=transport)
    records = ask(registry).records
    assert [record.shipped_at for record in records] == [at(5), at(9)]
    assert {record.precision for record in records} == {Precision.EXACT}


def test_ship__of_a_version_that_is_not_there_is_refused(registry: Registry) -> None:
    with pytest.raises(HarvestError, match="ship recommender v7"):
        stamp(registry.uri, "recommender", "7", at=at(), run_id=None, transport=Transport(Budget(60)))


def test_unknown_model__names_the_nearest_one(registry: Registry) -> None:
    with pytest.raises(UnknownModelError, match=r"the model 'recomender'; did you mean 'recommender'\?"):
        ask(registry, "recomender")
    assert ask(registry).records == ()


@pytest.mark.since("2.22.4")
def test_prompt__is_said_to_be_one(registry: Registry) -> None:
    registry.client.register_prompt(name="summary-prompt", template="Sum up {{ text }}")
    with pytest.raises(UnknownModelError, match="it is a prompt, not a model"):
        ask(registry, "summary-prompt")
    with pytest.raises(UnknownModelError, match=r"the model 'summary-promt'$"):
        ask(registry, "summary-promt")


def test_1200_versions__are_all_read(registry: Registry) -> None:
    registry.add_version(at(), tags={"integration": "passed"})
    registry.multiply("recommender", 1200, at(), timedelta(minutes=1))
    parsed = ask(registry, model_validated_tag="integration=passed")
    assert ships(parsed) == {("recommender", str(n + 1)): at() + n * timedelta(minutes=1) for n in range(1200)}
    assert [item.version for item in parsed.versions if item.validated] == ["1"]


def test_whole_run__ships_and_keeps_the_promise(registry: Registry, tmp_path: Path) -> None:
    now = datetime.now(at().tzinfo)
    registry.add_version(now - timedelta(hours=30))
    with GitHubStandIn(token=TOKEN) as github:
        live = now - timedelta(hours=25)
        github.repository.add_commit(A, live)
        github.repository.add_deployment(sha=A, created_at=live, statuses=[("success", live)], run_id=77)
        inputs = {"models": "recommender", "mlflow-tracking-uri": registry.uri, "ship": "recommender=1"}
        ended = Step(folder=tmp_path, github=github, inputs=inputs).run()
    assert (ended.code, ended.outputs["sla-status"]) == (0, "met"), ended.log
    assert "recommender v1 is stamped as shipped" in ended.log


def test_database__is_the_server_s_own(registry: Registry, tmp_path: Path) -> None:
    """The back-dating that the other tests stand on is seen by the running server."""
    registry.add_version(at(3))
    with closing(sqlite3.connect(registry.database)) as database:
        ((created,),) = database.execute("SELECT creation_time FROM model_versions WHERE name='recommender'")
    assert created == int(at(3).timestamp() * 1000)


def test_workspace__is_the_one_that_the_step_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the newest of the servers has workspaces."""
    with served(tmp_path, str(python_of(VERSIONS[-1])), "--enable-workspaces") as registry:
        requests.post(f"{registry.uri}/api/3.0/mlflow/workspaces", json={"name": "team-a"}, timeout=30)
        monkeypatch.setenv("MLFLOW_WORKSPACE", "team-a")
        registry.add_model()
        registry.add_version(at())
        (record,) = ask(registry).records
        assert record.version == "1"
        monkeypatch.delenv("MLFLOW_WORKSPACE")
        with pytest.raises(UnknownModelError):
            ask(registry)
