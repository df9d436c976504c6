"""The drift check's two sides: files of the workspace, and the reference beside a run in a real MLflow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowjoy.analysis.drift.reference import LARGEST_BYTES
from flowjoy.clients.transport import Budget, Transport
from flowjoy.domain import ModelRecord
from flowjoy.domain.drift import DriftCheck, DriftStatus
from flowjoy.errors import HarvestError
from flowjoy.sources import drift_samples
from flowjoy.sources.base import Clients
from tests.builders import a_query, a_ship, at
from tests.fakes.http_base import Answer, Request, StandIn
from tests.fakes.registry import Registry

REFERENCE = {"schema": 1, "features": {"age": {"edges": [50, 50], "counts": [0, 300, 0]}}}
SAME, OTHER = "age\n" + "50\n" * 250, "age\n" + "51\n" * 250
HOME = Path(__file__).resolve().parents[3]


def check(folder: Path, *ships: ModelRecord, uri: str = "https://registry.invalid", **inputs: str) -> DriftCheck:
    """What a step whose workspace is `folder` finds."""
    given = {"models": "recommender", "mlflow_tracking_uri": uri, "drift_live": "live.csv", **inputs}
    access = Clients(transport=Transport(Budget(30)), progress=lambda _: None)
    return drift_samples.read(a_query(folder, **given), access, ships, ["recommender"])[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "live.csv").write_text(SAME)
    (tmp_path / "reference.json").write_text(json.dumps(REFERENCE))
    return tmp_path


def test_check__of_two_files_says_what_it_compared(folder: Path) -> None:
    (folder / "train.csv").write_text(OTHER)
    result = check(folder, a_ship(1, "7"), a_ship(2, "8"), a_ship(3, "9", "ranker"), drift_reference="train.csv")
    assert (result.status, result.reference, result.version) == (DriftStatus.OVER, "train.csv", "8")
    assert (result.at, result.model, result.threshold) == (at(3 * 7 * 24), "recommender", 0.1)
    assert result.sample == check(folder, drift_reference="reference.json").sample


def test_check__against_a_reference_json_needs_no_training_row(folder: Path) -> None:
    assert check(folder, drift_reference="reference.json").status is DriftStatus.OK
    (folder / "live.csv").write_text(OTHER)
    assert check(folder, drift_reference="reference.json").status is DriftStatus.OVER


def test_sample__is_known_by_the_columns_that_were_judged_and_unknown_where_none_was(folder: Path) -> None:
    before = check(folder, drift_reference="reference.json").sample
    (folder / "live.csv").write_text(SAME.replace("\n", ",a\n").replace("age,a", "age,request"))
    assert check(folder, drift_reference="reference.json").sample == before != ""
    (folder / "live.csv").write_text("age\n50\n")
    assert check(folder, drift_reference="reference.json").sample == ""
    (folder / "live.csv").write_text("other\n50\n")
    assert check(folder, drift_reference="reference.json").sample == ""


def test_reference__that_is_hostile_is_refused_without_being_shown(folder: Path) -> None:
    (folder / "reference.json").write_text('{"schema": 1, "features": {"canary": {"canary": 1}}}')
    with pytest.raises(HarvestError, match=r"drift-reference reference.json is not a reference: feature 1") as refused:
        check(folder, drift_reference="reference.json")
    assert "canary" not in str(refused.value)


# The live version's run in MLflow


def a_run(registry: Registry, reference: Any = REFERENCE) -> str:
    run = str(registry.client.create_run("0").info.run_id)
    if reference is not None:
        registry.client.log_text(run, json.dumps(reference), "flowjoy/reference.json")
    return run


@pytest.mark.matrix
def test_reference__is_that_of_the_version_shipped_last(folder: Path, registry: Registry) -> None:
    elsewhere = {"schema": 1, "features": {"age": {"edges": [51, 51], "counts": [0, 300, 0]}}}
    old, new = a_run(registry, elsewhere), a_run(registry)
    ships = [a_ship(1, "1", run_id=old), a_ship(2, "2", run_id=new), a_ship(3, "3", source_gone=True)]
    result = check(folder, *ships, a_ship(9999, "4"), uri=registry.uri)
    assert (result.status, result.version) == (DriftStatus.OK, "2")
    assert result.reference == "flowjoy/reference.json of recommender v2"


@pytest.mark.matrix
def test_model__that_neither_settings_nor_registry_know_is_an_error(folder: Path, registry: Registry) -> None:
    inputs = {"drift_reference": "reference.json"}
    for uri in (registry.uri, ""):
        with pytest.raises(HarvestError, match="no model recomender is known") as refused:
            check(folder, uri=uri, drift_model="recomender", **inputs)
        assert "drift-model" in refused.value.hint
    for known in ("recommender", "ranker"):
        if known == "ranker":
            registry.client.create_registered_model("ranker")
        assert check(folder, uri=registry.uri, drift_model=known, **inputs).model == known
    assert check(folder, a_ship(1, "1", "shipped"), uri="", drift_model="shipped", **inputs).model == "shipped"


def test_reference__that_the_run_does_not_have_says_how_to_make_one(folder: Path, registry: Registry) -> None:
    for run in (a_run(registry, None), "0" * 32):
        with pytest.raises(HarvestError, match=f"flowjoy/reference.json of MLflow run {run}") as refused:
            check(folder, a_ship(1, "1", run_id=run), uri=registry.uri)
        assert "python -m flowjoy reference" in refused.value.hint


def test_reference__larger_than_its_limit_is_never_downloaded(folder: Path, registry: Registry) -> None:
    run = a_run(registry, " " * LARGEST_BYTES)
    with pytest.raises(HarvestError, match="larger than 8 MiB"):
        check(folder, a_ship(1, "1", run_id=run), uri=registry.uri)


@pytest.mark.parametrize(
    ("ships", "said"), [((), "no live version of recommender"), ((None,), "does not name a training run")]
)
def test_version__without_a_run_has_no_reference(folder: Path, ships: tuple[None, ...], said: str) -> None:
    with pytest.raises(HarvestError, match=said) as refused:
        check(folder, *(a_ship(1, "1") for _ in ships))
    assert "drift-reference" in refused.value.hint


class Store(StandIn):
    """A run whose artifacts lie at `artifact_uri`, where one is said to be of `size` bytes."""

    def __init__(self, artifact_uri: str, size: int | None = 100, reference: Any = REFERENCE) -> None:
        self.artifact_uri, self.size, self.reference = artifact_uri, size, reference
        super().__init__()

    def answer(self, request: Request) -> Answer:
        if request.path.endswith("/runs/get"):
            run = request.query["run_id"]
            info = {"run_id": run, "run_uuid": run, "experiment_id": "0", "artifact_uri": self.artifact_uri}
            return Answer(200, {"run": {"info": info | {"status": "FINISHED"}, "data": {}}})
        if request.method == "POST":
            return Answer(200, {})
        if request.path.endswith("/artifacts") and "path" in request.query:
            item = {"path": "reference.json", "is_dir": False} | ({"file_size": self.size} if self.size else {})
            return Answer(200, {"files": [item]})
        return Answer(200, json.dumps(self.reference).encode())


@pytest.fixture
def elsewhere() -> Iterator[Store]:
    with Store("unused") as server:
        yield server


def test_artifacts__at_another_host_are_not_asked_for_with_the_registrys_token(
    folder: Path, elsewhere: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "canary-token-of-mlflow")
    host = elsewhere.url.removeprefix("http://")
    for address in (f"mlflow-artifacts://{host}/1/a", f"{elsewhere.url}/api/2.0/mlflow-artifacts/artifacts/1", "/etc",
                    "file:///etc", "ftp://files.invalid/1", "https://files.invalid/1", "http:1"):  # fmt: skip
        with Store(address) as server:
            if address == "http:1":
                server.artifact_uri = server.url.replace("http:", "https:")
            with pytest.raises(HarvestError, match="lie neither with the registry nor") as refused:
                check(folder, a_ship(1, "1", run_id="a" * 32), uri=server.url)
            assert "--serve-artifacts" in refused.value.hint
    assert elsewhere.requests == []


def test_artifacts__at_the_registry_are_read_in_few_requests(folder: Path) -> None:
    with Store("mlflow-artifacts:/1/a/artifacts") as server:
        assert check(folder, a_ship(1, "1", run_id="a" * 32), uri=server.url).status is DriftStatus.OK
        assert len(server.requests) <= 10


@pytest.mark.parametrize("size", [None, LARGEST_BYTES + 1])
def test_artifact__whose_size_is_not_told_or_too_large_is_not_read(folder: Path, size: int | None) -> None:
    with Store("mlflow-artifacts:/1/a/artifacts", size) as server:
        with pytest.raises(HarvestError, match="larger than"):
            check(folder, a_ship(1, "1", run_id="a" * 32), uri=server.url)
        assert [r.path for r in server.requests if r.path.endswith("reference.json")] == []


def test_artifact__that_is_larger_than_it_was_said_to_be_is_refused(folder: Path) -> None:
    with (
        Store("mlflow-artifacts:/1/a/artifacts", reference=" " * LARGEST_BYTES) as server,
        pytest.raises(HarvestError, match="is not a reference: it is larger"),
    ):
        check(folder, a_ship(1, "1", run_id="a" * 32), uri=server.url)


@pytest.mark.parametrize(
    ("status", "said"), [(403, r"denied access \(403\)"), (500, "MLflow run"), (200, "MLflow run")]
)
def test_store__that_fails_is_named_with_a_cure(folder: Path, status: int, said: str) -> None:
    with Store("mlflow-artifacts:/1/a/artifacts") as server:
        server.fail("/artifacts?", times=None, fault=Answer(status, b"canary"))
        with pytest.raises(HarvestError, match=said) as refused:
            check(folder, a_ship(1, "1", run_id="a" * 32), uri=server.url)
    assert "canary" not in str(refused.value)
    assert refused.value.hint


def test_store__whose_package_is_not_here_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)  # as in the container: it cannot be imported
    with Store("s3://models/1") as server, pytest.raises(HarvestError, match=r"needs a package .*boto") as refused:
        check(folder, a_ship(1, "1", run_id="a" * 32), uri=server.url)
    assert "drift-reference" in refused.value.hint


def test_store__that_fails_in_passing_is_asked_again(folder: Path) -> None:
    with Store("mlflow-artifacts:/1/a/artifacts") as server:
        server.fail("/runs/get", times=1, fault=Answer(502))
        assert check(folder, a_ship(1, "1", run_id="a" * 32), uri=server.url).status is DriftStatus.OK


@pytest.mark.matrix
def test_reading__a_reference_loads_no_model_and_imports_nothing_that_could(folder: Path, registry: Registry) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(HOME)!r})
from flowjoy.clients.mlflow_artifacts import fetch
from flowjoy.clients.transport import Budget, Transport
raw = fetch({registry.uri!r}, {a_run(registry)!r}, Transport(Budget(30)))
print(len(raw) > 50, "mlflow.pyfunc" in sys.modules, "joblib" in sys.modules)
"""
    ran = subprocess.run(
        [sys.executable, "-I", "-c", program],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"]},
        check=True,
    )
    assert ran.stdout == "True False False\n", ran.stderr


def test_check__that_could_not_be_made_is_an_error_with_its_reason(folder: Path) -> None:
    query = replace(a_query(folder, models="recommender", drift_live="live.csv", drift_reference="reference.json"))
    result = drift_samples.unread(query, "no such file")
    assert (result.status, result.problem, result.features) == (DriftStatus.ERROR, "no such file", ())


def test_check__without_live_data_or_anything_to_compare_it_with_is_refused(folder: Path) -> None:
    query = a_query(folder, models="recommender", drift_live="live.csv", drift_reference="reference.json")
    query = replace(query, settings=replace(query.settings, drift_reference=None, mlflow_tracking_uri=None))
    access = Clients(transport=Transport(Budget(30)), progress=lambda _: None)
    with pytest.raises(HarvestError, match="neither a reference nor a registry is named"):
        drift_samples.read(query, access, [a_ship(1, "7")], ["recommender"])
    without = replace(query, settings=replace(query.settings, drift_live=None))
    with pytest.raises(HarvestError, match="a sample of live data is missing"):
        drift_samples.read(without, access, [a_ship(1, "7")], ["recommender"])
