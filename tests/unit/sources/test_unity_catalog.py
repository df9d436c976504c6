"""Model versions from a Unity Catalog: Databricks' (`databricks-uc`) and the open one (`uc:`)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from flowjoy.clients.transport import Budget, Transport
from flowjoy.domain import ModelRecord, Precision
from flowjoy.domain.timestamps import iso
from flowjoy.errors import HarvestError, UnknownModelError
from flowjoy.sinks.mlflow_ship_tag import stamp
from flowjoy.sources.base import Clients, SourceResult
from flowjoy.sources.mlflow_registry import MlflowRegistry
from tests.builders import at
from tests.fakes.http_base import Answer
from tests.fakes.unity_catalog import (
    GET_MODEL,
    GET_VERSION,
    NAME,
    SEARCH_VERSIONS,
    OpenUnityCatalogStandIn,
    UnityCatalogStandIn,
)
from tests.unit.sources.asking import a_question

TOKEN = "canary-token-of-databricks"


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> Iterator[UnityCatalogStandIn]:
    with UnityCatalogStandIn() as stand_in:
        monkeypatch.setenv("DATABRICKS_HOST", stand_in.url)
        monkeypatch.setenv("DATABRICKS_TOKEN", TOKEN)
        yield stand_in


@pytest.fixture
def opened() -> Iterator[OpenUnityCatalogStandIn]:
    with OpenUnityCatalogStandIn() as stand_in:
        yield stand_in


def ask(
    uri: str = "databricks-uc", models: tuple[str, ...] = (NAME,), *, seconds: float = 85, **inputs: Any
) -> SourceResult[ModelRecord]:
    query = a_question({"mlflow_tracking_uri": uri, **inputs}, models=models)
    source, access = MlflowRegistry(), Clients(transport=Transport(Budget(seconds)), progress=lambda _: None)
    return source.parse(source.fetch(query, access), query)


def test_versions__are_read_through_the_registry_uri(catalog: UnityCatalogStandIn) -> None:
    """open-metadata/OpenMetadata#30856: no latest versions, no order, and tags that are a method."""
    for hour in range(3):
        catalog.add_version(at(hour))
    records = ask().records
    assert {record.version: record.shipped_at for record in records} == {"1": at(), "2": at(1), "3": at(2)}
    assert {record.name for record in records} == {NAME}
    assert {request.headers["authorization"] for request in catalog.requests} == {f"Bearer {TOKEN}"}
    assert {request.path for request in catalog.requests} == {GET_MODEL, SEARCH_VERSIONS, GET_VERSION}


def test_tags__are_asked_for_version_by_version(catalog: UnityCatalogStandIn) -> None:
    catalog.add_version(at(), tags=[("flowjoy.deployed_at", iso(at(5))), ("integration", "passed")])
    catalog.add_version(at(1))
    parsed = ask(model_validated_tag="integration=passed")
    assert {record.version: record.shipped_at for record in parsed.records} == {"1": at(5), "2": at(1)}
    assert [item.validated for item in parsed.versions] == [True, False]


def test_alias__is_observed(catalog: UnityCatalogStandIn) -> None:
    for hour in range(3):
        catalog.add_version(at(hour))
    catalog.aliases["champion"] = "2"
    (look,) = ask(model_signal="alias:champion").observations
    assert (look.model, look.version) == (NAME, "2")


def test_ship__is_stamped(catalog: UnityCatalogStandIn) -> None:
    catalog.add_version(at())
    stamp("databricks-uc", NAME, "1", at=at(7), run_id="1", transport=Transport(Budget(20)))
    (record,) = ask().records
    assert (record.shipped_at, record.precision) == (at(7), Precision.EXACT)


def test_name__is_the_same_in_capitals(catalog: UnityCatalogStandIn) -> None:
    """A catalog keeps names in lower case; records carry the name that was asked for."""
    catalog.add_version(at())
    assert [record.name for record in ask(models=("Main.ML.Recommender",)).records] == ["Main.ML.Recommender"]


def test_unknown_model__names_the_nearest_one(catalog: UnityCatalogStandIn) -> None:
    """mlflow/mlflow#16800: a search for models takes no filter there."""
    with pytest.raises(UnknownModelError, match=r"'main.ml.recomender'; did you mean 'main.ml.recommender'\?"):
        ask(models=("main.ml.recomender",))


@pytest.mark.parametrize("code", ["CATALOG_DOES_NOT_EXIST", "SCHEMA_DOES_NOT_EXIST"])
def test_unknown_catalog__is_an_unknown_model(catalog: UnityCatalogStandIn, code: str) -> None:
    catalog.fail(GET_MODEL, times=None, fault=Answer(404, {"error_code": code, "message": "x"}))
    with pytest.raises(UnknownModelError):
        ask()


def test_permission__refused_names_the_privileges(catalog: UnityCatalogStandIn) -> None:
    catalog.fail("", times=None, fault=Answer(403, {"error_code": "PERMISSION_DENIED", "message": "x"}))
    with pytest.raises(HarvestError, match="refused the credentials") as problem:
        ask()
    assert "privileges on the model, its schema and catalog" in problem.value.hint


def test_no_versions__is_believed_when_version_1_is_not_there(catalog: UnityCatalogStandIn) -> None:
    assert ask().records == ()
    catalog.add_version(at())
    catalog.fail(SEARCH_VERSIONS, times=None, fault=Answer(200, {}))
    with pytest.raises(HarvestError, match=r"shows no version of main\.ml\.recommender, but version 1 is there"):
        ask()


def test_alias__of_a_version_that_the_search_hides_is_a_cut_answer(catalog: UnityCatalogStandIn) -> None:
    catalog.add_version(at())
    catalog.aliases["champion"] = "2"
    with pytest.raises(HarvestError, match=f"does not show {NAME} v2"):
        ask()


@pytest.mark.matrix
def test_pages__all_are_read(catalog: UnityCatalogStandIn) -> None:
    catalog.page = 4
    for hour in range(10):
        catalog.add_version(at(hour))
    assert len(ask().records) == 10
    assert catalog.count(path_contains=SEARCH_VERSIONS) == 3


@pytest.mark.matrix
def test_5000_versions__are_read_within_the_budget(catalog: UnityCatalogStandIn) -> None:
    for number in range(5000):
        catalog.add_version(at(0, seconds=number), tags=[("n", str(number))])
    parsed = ask()
    assert len(parsed.records) == 5000
    assert parsed.notes == ()


def test_old_versions__are_asked_for_only_where_they_can_matter(catalog: UnityCatalogStandIn) -> None:
    for number in range(300):
        catalog.add_version(at() - timedelta(days=800 - number))
    catalog.add_version(at())
    catalog.aliases["champion"] = "1"
    parsed = ask()
    asked = {request.query["version"] for request in catalog.requests if request.path == GET_VERSION}
    assert asked == {"1", *map(str, range(101, 302))}
    assert len(parsed.versions) == 301
    assert parsed.notes == ("99 versions registered before 2023-05-21 read without tags, which take a request each",)


def test_model_id__is_that_of_the_version(catalog: UnityCatalogStandIn) -> None:
    catalog.add_version(at(), model_id="m-1")
    query = a_question({"mlflow_tracking_uri": "databricks-uc"}, models=(NAME,))
    access = Clients(transport=Transport(Budget(20)), progress=lambda _: None)
    (version,) = MlflowRegistry().fetch(query, access).versions
    assert version.model_id == "m-1"


def test_open_catalog__is_read_without_tags(opened: OpenUnityCatalogStandIn) -> None:
    for hour in range(250):
        opened.add_version(at(hour))
    parsed = ask(f"uc:{opened.url}")
    assert len(parsed.records) == 250
    assert parsed.versions[-1].version == "250"


def test_open_catalog__an_unknown_model_is_one(opened: OpenUnityCatalogStandIn) -> None:
    with pytest.raises(UnknownModelError, match=r"the model 'main\.ml\.ghost'"):
        ask(f"uc:{opened.url}", ("main.ml.ghost",))


def test_open_catalog__no_versions_is_believed_when_version_1_is_not_there(opened: OpenUnityCatalogStandIn) -> None:
    assert ask(f"uc:{opened.url}").records == ()
