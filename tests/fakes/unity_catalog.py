"""A Unity Catalog on loopback, Databricks' or the open one, made of MLflow's own messages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]  # mlflow brings it, unstubbed
from mlflow.protos import databricks_uc_registry_messages_pb2 as databricks
from mlflow.protos import unity_catalog_messages_pb2 as opened

from tests.fakes.http_base import Answer, Request, StandIn

NAME = "main.ml.recommender"
_API = "/api/2.0/mlflow/unity-catalog"
GET_MODEL, GET_VERSION = f"{_API}/registered-models/get", f"{_API}/model-versions/get"
SEARCH_VERSIONS, SEARCH_MODELS = f"{_API}/model-versions/search", f"{_API}/registered-models/search"
SET_TAG = f"{_API}/model-versions/set-tag"
_MISSING = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "does not exist"}


class UnityCatalogStandIn(StandIn):
    """Databricks' Unity Catalog: tags and aliases only of what is asked for by itself, pages in no promised order."""

    page = 1000

    def __init__(self) -> None:
        self.versions: dict[str, Any] = {}
        self.aliases: dict[str, str] = {}
        super().__init__()

    def add_version(
        self, at: datetime, *, tags: Iterable[tuple[str, str]] = (), status: str = "READY", model_id: str = ""
    ) -> str:
        """A version of the one model, registered at `at`; returns its number."""
        number = str(len(self.versions) + 1)
        self.versions[number] = databricks.ModelVersion(
            name=NAME,
            version=number,
            creation_timestamp=int(at.timestamp() * 1000),
            source=f"dbfs:/databricks/mlflow-tracking/{number}",
            run_id=f"run-{number}",
            status=databricks.ModelVersionStatus.Value(status),
            tags=[databricks.ModelVersionTag(key=key, value=value) for key, value in tags],
            model_id=model_id,
        )
        return number

    def answer(self, request: Request) -> Answer:
        asked = {**request.query, **(request.json() or {})}
        ours = asked.get("name", "").casefold() == NAME
        if request.path == GET_MODEL:
            return self._model() if ours else Answer(404, _MISSING)
        if request.path == GET_VERSION:
            return self._version(asked) if ours else Answer(404, _MISSING)
        if request.path == SEARCH_VERSIONS:
            return self._search(asked)
        if request.path == SEARCH_MODELS:
            listed = [databricks.RegisteredModel(name=name) for name in (NAME, "main.ml.ranker")]
            return _said(databricks.SearchRegisteredModelsResponse(registered_models=listed))
        if request.path == SET_TAG:
            tag = databricks.ModelVersionTag(key=asked["key"], value=asked["value"])
            self.versions[asked["version"]].tags.append(tag)
            return _said(databricks.SetModelVersionTagResponse())
        return Answer(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": request.path})

    def _model(self) -> Answer:
        named = [databricks.RegisteredModelAlias(alias=key, version=value) for key, value in self.aliases.items()]
        model = databricks.RegisteredModel(name=NAME, creation_timestamp=1, aliases=named)
        return _said(databricks.GetRegisteredModelResponse(registered_model=model))

    def _version(self, asked: dict[str, str]) -> Answer:
        result = self.versions.get(asked["version"])
        return (
            Answer(404, _MISSING) if result is None else _said(databricks.GetModelVersionResponse(model_version=result))
        )

    def _search(self, asked: dict[str, str]) -> Answer:
        if "order_by" in asked or asked.get("filter", "").casefold() != f"name='{NAME}'":
            return Answer(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Unsupported filter"})
        size, start = min(self.page, int(asked["max_results"])), int(asked.get("page_token", 0))
        result = list(reversed(self.versions.values()))
        page = [self._bare(version) for version in result[start : start + size]]
        token = str(start + size) if start + size < len(result) else ""
        return _said(databricks.SearchModelVersionsResponse(model_versions=page, next_page_token=token))

    @staticmethod
    def _bare(version: Any) -> Any:
        bare = databricks.ModelVersion()
        bare.CopyFrom(version)
        for field in ("tags", "aliases", "model_id"):
            bare.ClearField(field)
        return bare


class OpenUnityCatalogStandIn(StandIn):
    """The open-source server: neither tags nor aliases, and `NOT_FOUND` for what is not there."""

    page = 100

    def __init__(self) -> None:
        self.versions: list[Any] = []
        super().__init__()

    def add_version(self, at: datetime) -> str:
        number = len(self.versions) + 1
        catalog, schema, model = NAME.split(".")
        self.versions.append(
            opened.ModelVersionInfo(
                catalog_name=catalog,
                schema_name=schema,
                model_name=model,
                version=number,
                created_at=int(at.timestamp() * 1000),
                source=f"file:///models/{number}",
                run_id=f"run-{number}",
                status=opened.ModelVersionStatus.Value("READY"),
            )
        )
        return str(number)

    def answer(self, request: Request) -> Answer:
        catalog, schema, model = NAME.split(".")
        root = f"/api/2.1/unity-catalog/models/{NAME}"
        asked = {**request.query, **(request.json() or {})}
        if request.path == root:
            return _said(opened.RegisteredModelInfo(name=model, catalog_name=catalog, schema_name=schema))
        if request.path == f"{root}/versions":
            size, start = int(asked.get("max_results") or 0) or self.page, int(asked.get("page_token") or 0)
            size = min(size, self.page)
            token = str(start + size) if start + size < len(self.versions) else ""
            page = self.versions[start : start + size]
            return _said(opened.ListModelVersions.Response(model_versions=page, next_page_token=token))
        number = request.path.removeprefix(f"{root}/versions/")
        if number.isdecimal() and 0 < int(number) <= len(self.versions):
            return _said(self.versions[int(number) - 1])
        return Answer(404, {"error_code": "NOT_FOUND", "message": "not found"})


def _said(message: Any) -> Answer:
    return Answer(200, json.loads(json.dumps(MessageToDict(message, preserving_proto_field_name=True))))
