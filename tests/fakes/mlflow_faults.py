"""An MLflow server's registry on loopback that breaks on demand. What it answers right, a real server answers alike."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from tests.fakes.http_base import Answer, Request, StandIn

_API = "/api/2.0/mlflow"
GET_MODEL, SEARCH_VERSIONS = f"{_API}/registered-models/get", f"{_API}/model-versions/search"
SEARCH_MODELS = f"{_API}/registered-models/search"
GET_RUN, SEARCH_RUNS = f"{_API}/runs/get", f"{_API}/runs/search"
SEARCH_EXPERIMENTS = f"{_API}/experiments/search"
GET_VERSION, SET_TAG = f"{_API}/model-versions/get", f"{_API}/model-versions/set-tag"
_ERROR = {"sqlstate": "KAM00", "error_class": "RESOURCE_NOT_FOUND"}


class MlflowStandIn(StandIn):
    """Holds registered models and their versions; with a `token`, refuses everyone else, as an authenticating proxy.

    Versions are searched for by one name, or by several unless it is like servers `before_3_17`.
    """

    def __init__(self, *, token: str | None = None) -> None:
        self.token = token
        self.refusal_of_order: Answer | None = None
        self.before_3_17 = False
        self.models: dict[str, list[dict[str, Any]]] = {}
        self.aliases: dict[str, dict[str, str]] = {}
        self.prompts: set[str] = set()
        self.runs: dict[str, datetime] = {}  # when each training run began
        super().__init__()

    def add_model(self, name: str = "recommender") -> None:
        """A registered model without versions."""
        self.models[name] = []

    def add_version(
        self,
        at: datetime,
        name: str = "recommender",
        *,
        tags: Mapping[str, str] | None = None,
        status: str = "READY",
        run_id: str = "",
        source: str | None = None,
        version: str = "",
    ) -> str:
        """A version registered at `at`; returns its number, the next one unless `version` names it."""
        version = version or str(len(self.models[name]) + 1)
        created = int(at.timestamp() * 1000)
        current: dict[str, Any] = {
            "name": name,
            "version": version,
            "creation_timestamp": created,
            "last_updated_timestamp": created,
            "current_stage": "None",
            "description": "",
            "source": f"s3://models/{name}/{version}" if source is None else source,
            "run_id": run_id,
            "status": status,
            "run_link": "",
        }
        if tags:
            current["tags"] = [{"key": key, "value": value} for key, value in sorted(tags.items())]
        self.models[name].append(current)
        return version

    def answer(self, request: Request) -> Answer:
        if self.token is not None and request.headers.get("authorization") != f"Bearer {self.token}":
            return Answer(401, {"error_code": "UNAUTHENTICATED", "message": "You are not authenticated."})
        answers: dict[tuple[str, str], Callable[[], Answer]] = {
            ("GET", GET_MODEL): lambda: self._model(request.query.get("name", "")),
            ("GET", SEARCH_VERSIONS): lambda: self._search(request.query),
            ("GET", SEARCH_MODELS): lambda: self._search_models(request.query.get("filter", "")),
            ("GET", GET_VERSION): lambda: self._version(request.query["name"], request.query["version"]),
            ("POST", SET_TAG): lambda: self._set_tag(request.json()),
            ("GET", GET_RUN): lambda: self._run(request.query.get("run_id", "")),
            ("POST", SEARCH_EXPERIMENTS): lambda: Answer(200, {"experiments": [{"experiment_id": "1", "name": "one"}]}),
            ("POST", SEARCH_RUNS): lambda: self._search_runs(request.json()),
        }
        known = answers.get((request.method, request.path))
        if known is None:
            return Answer(404, b"<!doctype html><title>404 Not Found</title>", {"Content-Type": "text/html"})
        return known()

    def _model(self, name: str) -> Answer:
        if name not in self.models:
            missing = f"Registered Model with name={name} not found"
            return Answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": missing, **_ERROR})
        model = {"name": name, "creation_timestamp": 1, "last_updated_timestamp": 1}
        latest = [self.models[name][-1]] if self.models[name] else []
        if name in self.aliases:
            model["aliases"] = [{"alias": key, "version": value} for key, value in self.aliases[name].items()]
        return Answer(200, {"registered_model": {**model, **({"latest_versions": latest} if latest else {})}})

    def _search_models(self, condition: str) -> Answer:
        names = self.prompts if "is_prompt` = 'true'" in condition else self.models.keys()
        asked = re.search(r"name = '([^']*)'", condition)
        result = [{"name": name} for name in sorted(names) if asked is None or name == asked[1]]
        return Answer(200, {"registered_models": result} if result else {})

    def _version(self, name: str, version: str) -> Answer:
        for current in self.models.get(name, []):
            if current["version"] == version:
                return Answer(200, {"model_version": current})
        missing = f"Model Version (name={name}, version={version}) not found"
        return Answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": missing, **_ERROR})

    def _run(self, number: str) -> Answer:
        if number not in self.runs:
            missing = f"Run with id={number} not found"
            return Answer(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": missing, **_ERROR})
        return Answer(200, {"run": self._run_body(number)})

    def _run_body(self, number: str) -> dict[str, Any]:
        begun = int(self.runs[number].timestamp() * 1000)
        info = {"run_id": number, "run_uuid": number, "experiment_id": "1", "start_time": begun}
        return {"info": {**info, "status": "FINISHED", "lifecycle_stage": "active"}, "data": {}}

    def _search_runs(self, asked: dict[str, Any]) -> Answer:
        wanted = re.findall(r"'([^']*)'", asked.get("filter", ""))
        found = [number for number in self.runs if number in wanted and "1" in asked.get("experiment_ids", [])]
        return Answer(200, {"runs": [self._run_body(number) for number in found[: asked["max_results"]]]})

    def _set_tag(self, asked: dict[str, str]) -> Answer:
        current = next(current for current in self.models[asked["name"]] if current["version"] == asked["version"])
        tags = {tag["key"]: tag["value"] for tag in current.get("tags", [])} | {asked["key"]: asked["value"]}
        current["tags"] = [{"key": key, "value": value} for key, value in sorted(tags.items())]
        return Answer(200, {})

    def _search(self, query: Mapping[str, str]) -> Answer:
        condition = query.get("filter", "")
        names = re.findall(r"'([^']*)'", condition)
        known = r"name ?= ?'[^']*'" if self.before_3_17 else r"name ?= ?'[^']*'|name IN \(.*\)"
        if not re.fullmatch(known, condition):
            only = "Only the 'run_id' attribute supports comparison with a list of quoted string values."
            return Answer(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": only})
        if self.refusal_of_order is not None and "order_by" in query:
            return self.refusal_of_order
        result = [version for name in names for version in self.models.get(name, [])]
        newest_first = query.get("order_by", "last_updated_timestamp DESC").endswith("DESC")
        result.sort(key=lambda version: version["creation_timestamp"], reverse=newest_first)
        size, token = int(query.get("max_results", 200)), query.get("page_token")
        start = json.loads(base64.b64decode(token))["offset"] if token else 0
        page = result[start : start + size]
        more = start + size < len(result)
        after = {"next_page_token": base64.b64encode(json.dumps({"offset": start + size}).encode()).decode()}
        return Answer(200, {**({"model_versions": page} if page else {}), **(after if more else {})})
