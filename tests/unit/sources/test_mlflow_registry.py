"""Model versions from a registry: a real `mlflow server`, and a stand-in for what a real one would never answer."""

from __future__ import annotations

import json
import os
import pickle
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest

from flowjoy.analysis.event_columns import KIND, NAME, VERSION
from flowjoy.analysis.timeline import timeline
from flowjoy.clients import mlflow_registry, transport
from flowjoy.clients.faults import MalformedAnswerError
from flowjoy.clients.mlflow import new_client
from flowjoy.clients.mlflow_answers import version_number
from flowjoy.clients.mlflow_models import RegistrySnapshot
from flowjoy.clients.transport import Budget, Transport
from flowjoy.domain import ModelRecord, ModelVersion, Precision
from flowjoy.domain.timestamps import iso
from flowjoy.errors import FaultKind, HarvestError, UnknownModelError
from flowjoy.sources.base import Clients, HarvestQuery, SourceResult
from flowjoy.sources.mlflow_registry import MlflowRegistry
from tests.builders import SERVICE, at, epoch_ms
from tests.fakes.aimed import Aimed
from tests.fakes.faults import Drip, Edited, EmptyBody, Garbage, Redirect, Reset, Stall, Truncate
from tests.fakes.http_base import Answer, Exchange, Fault, Request
from tests.fakes.mlflow_faults import GET_MODEL, GET_VERSION, SEARCH_MODELS, SEARCH_VERSIONS, MlflowStandIn
from tests.fakes.registry import Registry
from tests.unit.sources.asking import a_question


def ask(uri: str, *, seconds: float = 30, **changes: Any) -> SourceResult[ModelRecord]:
    """The registry, asked as the harvest asks it; `changes` are inputs, or fields of the query."""
    fields = {name: changes.pop(name) for name in ("models", "candidates", "as_of", "now") if name in changes}
    query: HarvestQuery = a_question({"mlflow_tracking_uri": uri, **changes}, **fields)
    source, access = MlflowRegistry(), Clients(transport=Transport(Budget(seconds)), progress=lambda _: None)
    return source.parse(source.fetch(query, access), query)


def fetch(uri: str) -> RegistrySnapshot:
    """What the registry lists, before any rule."""
    access = Clients(transport=Transport(Budget(30)), progress=lambda _: None)
    return MlflowRegistry().fetch(a_question({"mlflow_tracking_uri": uri}, models=("recommender",)), access)


def versions_of(parsed: SourceResult[ModelRecord]) -> dict[str, datetime]:
    return {str(record.version): record.shipped_at for record in parsed.records}


# What a real server answers


def test_registered__the_creation_of_a_version_is_its_time_to_the_millisecond(registry: Registry) -> None:
    registry.add_version(at(0, milliseconds=123))
    (record,) = ask(registry.uri).records
    assert (record.id, record.name, record.version) == ("model:recommender/1", "recommender", "1")
    assert (record.shipped_at, record.registered_at, record.precision) == (
        at(0, milliseconds=123),
        at(0, milliseconds=123),
        Precision.REGISTERED,
    )
    assert record.url == f"{registry.uri}/#/models/recommender/versions/1"


def test_registered__an_edit_later_moves_no_time(registry: Registry) -> None:
    registry.add_version(at())
    registry.client.update_model_version("recommender", "1", description="better words")
    registry.client.set_model_version_tag("recommender", "1", "team", "ranking")
    registry.client.set_registered_model_alias("recommender", "champion", "1")
    assert versions_of(ask(registry.uri)) == {"1": at()}


def test_models__only_those_asked_for_are_read(registry: Registry) -> None:
    registry.add_model("ranker")
    registry.add_version(at())
    registry.add_version(at(1), "ranker")
    assert {record.name for record in ask(registry.uri).records} == {"recommender"}
    both = ask(registry.uri, models=("ranker", "recommender")).records
    assert [record.id for record in both] == ["model:ranker/1", "model:recommender/1"]


@pytest.mark.matrix
@pytest.mark.parametrize("name", ["a b", "prod.recommender", "x%27y", "ünï", "a;b", "100%", "q?x=1&y#z"])
def test_models__a_name_may_hold_any_sign_but_a_quote(registry: Registry, name: str) -> None:
    registry.add_model(name)
    registry.add_version(at(), name)
    assert [record.name for record in ask(registry.uri, models=(name,)).records] == [name]


LOGGED = f"m-{'a1' * 16}"


def test_version__carries_the_source_that_the_registry_gives(registry: Registry) -> None:
    registry.add_version(at(), source="s3://models/one")
    (version,) = fetch(registry.uri).versions
    assert (version.source, version.model_id) == ("s3://models/one", None)


@pytest.mark.parametrize(("before_3_17", "searches"), [(False, 1), (True, 3)])
def test_models__are_searched_for_together_where_the_server_can(*, before_3_17: bool, searches: int) -> None:
    with MlflowStandIn() as server:
        server.before_3_17 = before_3_17
        for hour, name in enumerate(("recommender", "ranker")):
            server.add_model(name)
            server.add_version(at(hour), name)
        both = ask(server.url, models=("ranker", "recommender")).records
        assert {record.id for record in both} == {"model:ranker/1", "model:recommender/1"}
        assert server.count(path_contains=SEARCH_VERSIONS) == searches


def test_model__that_a_search_for_several_does_not_show_is_asked_for_by_itself() -> None:
    with MlflowStandIn() as server:
        for hour, name in enumerate(("recommender", "ranker", "reranker")):
            server.add_model(name)
            server.add_version(at(hour), name)
        lost = Edited(lambda body: {"model_versions": [v for v in body["model_versions"] if v["name"] == "ranker"]})
        server.fail(SEARCH_VERSIONS, fault=lost)
        every = ask(server.url, models=("ranker", "recommender", "reranker")).records
        assert {record.id for record in every} == {"model:ranker/1", "model:recommender/1", "model:reranker/1"}
        assert server.count(path_contains=SEARCH_VERSIONS) == 3


def test_models__with_more_versions_than_a_page_are_read_one_by_one() -> None:
    with MlflowStandIn() as server:
        for name in ("recommender", "ranker"):
            server.add_model(name)
            for hour in range(501):
                server.add_version(at(hour), name)
        assert len(ask(server.url, models=("ranker", "recommender")).records) == 1002
        assert server.count(path_contains=SEARCH_VERSIONS) == 3


@pytest.mark.parametrize(
    ("source", "model_id"), [(f"models:/{LOGGED}", LOGGED), ("models:/ranker/3", None), ("", None)]
)
def test_version__names_the_logged_model_where_its_source_does(source: str, model_id: str | None) -> None:
    with MlflowStandIn() as stand_in:
        stand_in.add_model()
        stand_in.add_version(at(), source=source)
        (version,) = fetch(stand_in.url).versions
    assert (version.source, version.model_id) == (source or None, model_id)


def test_unknown_model__is_an_error_that_names_it_and_says_what_to_check(registry: Registry) -> None:
    with pytest.raises(UnknownModelError, match="model 'ghost'") as problem:
        ask(registry.uri, models=("ghost", "recommender"))
    assert "check the spelling in `models`" in problem.value.hint


def test_unknown_model__names_the_nearest_one(registry: Registry) -> None:
    registry.add_model("recommender-eu")
    with pytest.raises(UnknownModelError) as problem:
        ask(registry.uri, models=("Recomender",))
    assert str(problem.value) == "the registry does not know the model 'Recomender'; did you mean 'recommender'?"
    assert "shows the model to these credentials" in problem.value.hint
    assert ask(registry.uri, candidates=("recomender", "ghost")).unknown == {
        "recomender": "did you mean 'recommender'?",
        "ghost": "",
    }


def test_unknown_model__all_are_named_at_once_and_in_one_line_each(registry: Registry) -> None:
    names = tuple(f"ghost-{number}\n##[error]" + "x" * 90 for number in range(7))
    with pytest.raises(UnknownModelError) as problem:
        ask(registry.uri, models=names)
    assert str(problem.value).count("the registry does not know the model 'ghost-") == 5
    assert str(problem.value).endswith("; and 2 more")
    assert "\n" not in str(problem.value)
    assert len(str(problem.value)) < 700


def test_prompt__is_said_to_be_one(registry: Registry) -> None:
    """mlflow/mlflow#12818: prompts are registered models that `get` does not know."""
    registry.client.register_prompt(name="summary-prompt", template="Sum up {{ text }}")
    try:
        with pytest.raises(UnknownModelError) as problem:
            ask(registry.uri, models=("summary-prompt",))
        assert "it is a prompt, not a model: list its versions in a `model-file`" in str(problem.value)
    finally:
        registry.client.delete_prompt_version("summary-prompt", "1")
        registry.client.delete_prompt("summary-prompt")


def test_prompt__that_an_older_server_shows_as_a_model_is_one_all_the_same(broken: MlflowStandIn) -> None:
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    broken.fail(GET_MODEL, times=None, fault=edited(lambda body: body["registered_model"].update(tags=tags)))
    broken.prompts.add("recommender")
    with pytest.raises(UnknownModelError, match="it is a prompt, not a model"):
        ask(broken.url)


def test_nearest_name__that_cannot_be_read_changes_no_more_than_the_words(broken: MlflowStandIn) -> None:
    broken.fail(SEARCH_MODELS, times=None, fault=Answer(403, {"error_code": "PERMISSION_DENIED", "message": "x"}))
    with pytest.raises(UnknownModelError, match=r"does not know the model 'ghost'$"):
        ask(broken.url, models=("ghost",))


def test_semantic_versions__are_read_in_names_and_versions() -> None:
    """mlflow/mlflow#7280: teams put them into names; other registries that speak MLflow's API number by them."""
    with MlflowStandIn() as stand_in:
        stand_in.add_model("recommender-1.2.0")
        for hour, version in enumerate(("1.9.0", "1.10.0-rc.1", "1.10.0")):
            stand_in.add_version(at(hour), "recommender-1.2.0", version=version)
        parsed = ask(stand_in.url, models=("recommender-1.2.0",))
    assert [item.version for item in parsed.versions] == ["1.9.0", "1.10.0-rc.1", "1.10.0"]
    assert versions_of(parsed) == {"1.9.0": at(), "1.10.0-rc.1": at(1), "1.10.0": at(2)}


def test_models__each_is_asked_for_by_its_name_where_the_server_refuses_a_list(broken: MlflowStandIn) -> None:
    broken.before_3_17 = True
    names = tuple(f"model-{number:02}" for number in range(20))
    for number, name in enumerate(names):
        broken.add_model(name)
        broken.add_version(at(number), name)
    records = ask(broken.url, models=names).records
    assert {record.name: record.shipped_at for record in records} == {n: at(i) for i, n in enumerate(names)}
    assert broken.count(path_contains=SEARCH_VERSIONS) == 1 + 20


def test_models__an_answer_of_a_server_that_ignores_the_filter_is_not_believed(broken: MlflowStandIn) -> None:
    """What lets another model's versions in may as well keep some of ours out."""
    broken.add_model("ranker")
    broken.add_version(at(), "ranker")

    def unfiltered(body: Any) -> None:
        body["model_versions"] += broken.models["ranker"]

    broken.fail(SEARCH_VERSIONS, times=None, fault=edited(unfiltered))
    with pytest.raises(HarvestError, match="asked for versions of 'recommender', the registry answers with another"):
        ask(broken.url)


def test_unknown_candidate__is_told_and_no_error(registry: Registry) -> None:
    registry.add_version(at())
    parsed = ask(registry.uri, candidates=("ghost",))
    assert (set(parsed.unknown), len(parsed.records)) == ({"ghost"}, 1)


@pytest.mark.parametrize("name", ["a/b", "models:/recommender", "..", "x" * 255])
def test_impossible_name__is_an_unknown_model_like_any_other(registry: Registry, name: str) -> None:
    """A stub of long ago may name anything: it must not stop every run."""
    assert set(ask(registry.uri, candidates=(name,)).unknown) == {name}
    with pytest.raises(UnknownModelError, match=f"the model '{name[:59]}"):
        ask(registry.uri, models=(name,))


def test_no_versions__is_believed_of_a_model_that_the_registry_knows(registry: Registry) -> None:
    parsed = ask(registry.uri)
    assert (parsed.records, parsed.versions, parsed.unknown) == ((), (), {})


@pytest.mark.parametrize("status", ["PENDING_REGISTRATION", "FAILED_REGISTRATION"])
def test_status__what_is_not_ready_is_no_event_but_told(registry: Registry, status: str) -> None:
    registry.add_version(at())
    registry.add_version(at(1), status=status)
    parsed = ask(registry.uri)
    assert versions_of(parsed) == {"1": at()}
    assert parsed.notes == (f"not an event: recommender v2 is {status}",)
    assert {(item.version, item.ready) for item in parsed.versions} == {("1", True), ("2", False)}


@pytest.mark.parametrize("signal", ["registered", "tag:shipped"])
def test_deployed_at__wins_over_every_signal(registry: Registry, signal: str) -> None:
    registry.add_version(at(), tags={"flowjoy.deployed_at": iso(at(5)), "shipped": iso(at(9))})
    (record,) = ask(registry.uri, model_signal=signal).records
    assert (record.shipped_at, record.precision, record.registered_at) == (at(5), Precision.EXACT, at())


def test_tag_signal__reads_iso_with_any_offset_and_epoch_milliseconds(registry: Registry) -> None:
    for value in ("2024-06-03T14:00:00Z", "2024-06-03T16:00:00+02:00", str(epoch_ms(at(5))), f" {epoch_ms(at(5))} "):
        registry.add_version(at(), tags={"shipped": value})
    assert versions_of(ask(registry.uri, model_signal="tag:shipped")) == dict.fromkeys("1234", at(5))


def test_tag_signal__a_version_without_the_tag_has_not_shipped(registry: Registry) -> None:
    registry.add_version(at())
    registry.add_version(at(), tags={"shipped": iso(at(5))})
    parsed = ask(registry.uri, model_signal="tag:shipped")
    assert versions_of(parsed) == {"2": at(5)}
    assert len(parsed.versions) == 2


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("2024-06-03T14:00:00", "has no offset"),
        ("2024-06-03", "has no offset"),
        ("soon", "is not an ISO 8601 timestamp"),
        ("", "is not an ISO 8601 timestamp"),
        ("1717423200", "before 2005"),  # seconds where milliseconds belong
        ("1970-01-01T00:00:00Z", "before 2005"),
        ("9999-12-31T23:59:59Z", "lies in the future"),
        ("99999999999999999999", "not a time in epoch milliseconds"),
        ("2024-06-24T09:05:01Z", "lies in the future"),
        ("2024-06-03T08:59:59Z", "shipped before its registration"),
    ],
)
@pytest.mark.parametrize("key", ["shipped", "flowjoy.deployed_at"])
def test_tag__a_wrong_time_is_refused_naming_model_and_version(
    broken: MlflowStandIn, key: str, value: str, why: str
) -> None:
    broken.add_version(at(), tags={key: value})
    with pytest.raises(HarvestError, match=f"recommender v4.*{why}"):
        ask(broken.url, model_signal="tag:shipped")


def test_tag__written_in_whole_seconds_may_lie_in_the_second_of_the_registration(registry: Registry) -> None:
    registry.add_version(at(0, milliseconds=900), tags={"flowjoy.deployed_at": iso(at())})
    assert versions_of(ask(registry.uri)) == {"1": at()}


@pytest.mark.parametrize("hours", [-24 * 365 * 40, 24 * 21 + 1])
def test_creation__a_wrong_time_is_refused_naming_model_and_version(registry: Registry, hours: int) -> None:
    registry.add_version(at(hours))
    with pytest.raises(HarvestError, match="recommender v1 carries a wrong creation time"):
        ask(registry.uri)


def test_copy__a_version_of_the_same_run_is_a_copy_and_no_ship(registry: Registry) -> None:
    run = registry.client.create_run("0").info
    registry.client.create_model_version("recommender", source=f"{run.artifact_uri}/model", run_id=run.run_id)
    registry.client.copy_model_version("models:/recommender/1", "recommender")
    for version in ("1", "2"):
        registry.backdate("recommender", version, at(int(version)))
    records = ask(registry.uri).records
    assert {record.run_id for record in records} == {run.run_id}
    events = timeline((), records, service=SERVICE, until=at(99))
    assert list(zip(events[VERSION], events[KIND], strict=True)) == [("1", "ship"), ("2", "copy")]


def test_copy__into_another_model_is_that_models_ship(registry: Registry) -> None:
    registry.add_version(at())
    registry.client.copy_model_version("models:/recommender/1", "prod.recommender")
    registry.backdate("prod.recommender", "1", at(8))
    events = timeline((), ask(registry.uri, models=("prod.recommender",)).records, service=SERVICE, until=at(99))
    assert list(zip(events[NAME], events[KIND], strict=True)) == [("prod.recommender", "ship")]


def test_validated__is_the_tag_and_its_value(registry: Registry) -> None:
    for value in ("passed", "failed"):
        registry.add_version(at(), tags={"integration": value})
    parsed = ask(registry.uri, model_validated_tag="integration=passed")
    assert parsed.versions == (
        ModelVersion(name="recommender", version="1", ready=True, validated=True, registered_at=at()),
        ModelVersion(name="recommender", version="2", ready=True, validated=False, registered_at=at()),
    )


def test_deleted__a_version_that_is_gone_is_no_event(registry: Registry) -> None:
    for hour in range(3):
        registry.add_version(at(hour))
    registry.client.delete_model_version("recommender", "3")
    assert versions_of(ask(registry.uri)) == {"1": at(), "2": at(1)}


@pytest.mark.matrix
@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_pages__all_are_read(registry: Registry, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(mlflow_registry, "_PAGE", size)
    for hour in range(5):
        registry.add_version(at(hour))
    assert versions_of(ask(registry.uri)) == {str(hour + 1): at(hour) for hour in range(5)}


# mlflow/mlflow#13082: GitLab's API for MLflow clients refuses the order, in words of its own.
@pytest.mark.parametrize(
    "refusal",
    [
        Answer(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Invalid order"}),
        Answer(400, {"error": "order_by is invalid"}),
    ],
    ids=["MLflow's code", "GitLab's text"],
)
def test_order__that_a_registry_refuses_is_left_out_once(refusal: Answer) -> None:
    with MlflowStandIn() as registry:
        registry.refusal_of_order = refusal
        registry.add_model()
        for hour in range(1200):
            registry.add_version(at(hour / 100))
        assert len(versions_of(ask(registry.url))) == 1200
        searches = [request.query for request in registry.requests if request.path == SEARCH_VERSIONS]
        assert ["order_by" in query for query in searches[:2]] == [True, False]
        assert sum("order_by" in query for query in searches) == 1


def test_order__is_not_what_a_registry_refuses_that_refuses_without_it_too() -> None:
    with MlflowStandIn() as registry:
        registry.add_model()
        registry.add_version(at())
        no = Answer(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "no such filter"})
        registry.fail(SEARCH_VERSIONS, times=None, fault=no)
        with pytest.raises(HarvestError, match="does not understand the request"):
            ask(registry.url)


def test_stand_in__answers_what_the_real_server_answers(registry: Registry) -> None:
    with MlflowStandIn() as stand_in:
        for current in (registry, stand_in):
            if current is stand_in:
                stand_in.add_model()
            current.add_model("empty")
            current.add_version(at(), tags={"b": "2", "a": "1"}, source="s3://models/1")
            current.add_version(at(1), status="PENDING_REGISTRATION", source="s3://models/2")
            current.add_version(at(2), source="s3://models/3")
        search = {"filter": "name='recommender'", "order_by": "creation_timestamp ASC"}
        questions = [
            (GET_MODEL, {"name": "recommender"}),
            (GET_MODEL, {"name": "empty"}),
            (GET_MODEL, {"name": "ghost"}),
            (SEARCH_VERSIONS, {**search, "max_results": "2"}),
            (SEARCH_VERSIONS, {**search, "max_results": "2", "page_token": "eyJvZmZzZXQiOiAyfQ=="}),
            (SEARCH_VERSIONS, {**search, "max_results": "3"}),
            (SEARCH_VERSIONS, {"filter": "name='recommender'", "max_results": "9"}),
            (SEARCH_VERSIONS, {"filter": "name='empty'", "max_results": "9"}),
            (GET_VERSION, {"name": "recommender", "version": "1"}),
            (GET_VERSION, {"name": "recommender", "version": "9"}),
        ]
        for path, asked in questions:
            assert _plain_answer(stand_in.url, path, asked) == _plain_answer(registry.uri, path, asked), (path, asked)


def _plain_answer(url: str, path: str, asked: dict[str, str]) -> tuple[int, Any]:
    try:
        answer = urllib.request.urlopen(f"{url}{path}?{urlencode(asked)}", timeout=10)
    except HTTPError as refusal:
        answer = refusal
    body = json.loads(answer.read())
    model = body.get("registered_model", {})
    for volatile in ("creation_timestamp", "last_updated_timestamp"):
        model.pop(volatile, None)
    one = [body["model_version"]] if "model_version" in body else []
    for version in [*model.get("latest_versions", []), *body.get("model_versions", []), *one]:
        if "tags" in version:
            version["tags"].sort(key=lambda tag: tag["key"])
    return answer.status, body


# What a broken server answers


@pytest.fixture
def broken() -> Iterator[MlflowStandIn]:
    """Three versions on two pages' worth, behind a server that may break."""
    with MlflowStandIn() as stand_in:
        stand_in.add_model()
        for hour in range(3):
            stand_in.add_version(at(hour))
        yield stand_in


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_registry, "_PAGE", 2)


THREE = {"1": at(), "2": at(1), "3": at(2)}
STAGES = [GET_MODEL, SEARCH_VERSIONS, "page_token="]
ODD: tuple[Any, ...] = ({}, [], None, "text", {"error_code": "INTERNAL_ERROR", "message": "x"})
PASSING: list[Fault] = [
    *(Answer(status, b"") for status in (429, 500, 502, 503, 504)),
    *(Answer(200, body) for body in ODD),
    Answer(200, {"registered_model": [1], "model_versions": {"a": 1}}),
    Answer(200, {"registered_model": {"name": 5}, "model_versions": [{"name": "recommender", "version": {}}]}),
    Answer(503, {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "x"}),
    Answer(429, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "x"}, {"Retry-After": "3600"}),
    *(EmptyBody(), Garbage(), Truncate(0.5), Reset(), Answer(200, b"{" * 50_000)),
]


@pytest.mark.matrix
@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: str(fault)[:60])
def test_once__a_fault_that_passes_changes_nothing(broken: MlflowStandIn, stage: str, fault: Fault) -> None:
    broken.fail(stage, fault=fault)
    assert versions_of(ask(broken.url)) == THREE


@pytest.mark.matrix
@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: str(fault)[:60])
def test_for_ever__no_fault_reads_as_no_versions(broken: MlflowStandIn, stage: str, fault: Fault) -> None:
    broken.fail(stage, times=None, fault=fault)
    with pytest.raises(HarvestError, match="MLflow registry, ") as problem:
        ask(broken.url)
    assert problem.value.hint


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("body", [{"error_code": "UNAUTHENTICATED", "message": "x"}, b"<html>Sign in</html>"])
@pytest.mark.parametrize("status", [401, 403])
def test_credentials__refused_are_no_absence_of_versions(
    broken: MlflowStandIn, stage: str, status: int, body: Any
) -> None:
    broken.fail(stage, times=None, fault=Answer(status, body))
    with pytest.raises(HarvestError) as problem:
        ask(broken.url)
    assert problem.value.kind in (FaultKind.AUTH, FaultKind.PERMISSION)
    assert "MLFLOW_TRACKING_TOKEN" in problem.value.hint


@pytest.mark.parametrize("answer", [Answer(404, b"<html>"), Answer(400, b"nginx"), Answer(404, {"message": "no"})])
def test_wrong_address__is_no_unknown_model(broken: MlflowStandIn, answer: Answer) -> None:
    broken.fail("", times=None, fault=answer)
    with pytest.raises(HarvestError) as problem:
        ask(broken.url, models=(), candidates=("recommender",))
    assert not isinstance(problem.value, UnknownModelError)
    assert "mlflow-tracking-uri" in problem.value.hint


def test_token__is_sent_as_a_bearer_token(broken: MlflowStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    broken.token = "canary-token-of-mlflow"
    with pytest.raises(HarvestError) as problem:
        ask(broken.url)
    assert problem.value.kind is FaultKind.AUTH
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "canary-token-of-mlflow")
    assert versions_of(ask(broken.url)) == THREE


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect__to_another_host_is_not_followed_and_no_credential_goes_there(
    broken: MlflowStandIn, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "canary-token-of-mlflow")
    with MlflowStandIn() as elsewhere:
        elsewhere.add_model()
        broken.fail("", times=None, fault=Redirect(status, f"{elsewhere.url}{GET_MODEL}?name=recommender"))
        with pytest.raises(HarvestError, match="MLflow registry, model 'recommender'"):
            ask(broken.url)
        assert elsewhere.requests == []


@pytest.mark.parametrize("fault", [Stall(60), Drip(20)], ids=str)
def test_silence__ends_at_the_requests_deadline(
    broken: MlflowStandIn, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr(transport, "REQUEST_SECONDS", 0.3)
    broken.fail("", times=None, fault=fault)
    with pytest.raises(HarvestError) as problem:
        ask(broken.url)
    assert problem.value.kind is FaultKind.UNREACHABLE
    assert broken.answered == 0


def test_dead_port__is_an_error_that_says_what_to_check() -> None:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(HarvestError, match=f"127.0.0.1:{port}") as problem:
        ask(f"http://127.0.0.1:{port}")
    assert problem.value.kind is FaultKind.UNREACHABLE
    assert "mlflow-tracking-uri" in problem.value.hint


def edited(edit: Callable[[Any], None]) -> Edited:
    def changed(body: Any) -> Any:
        edit(body)
        return body

    return Edited(changed)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("stage", [SEARCH_VERSIONS, "page_token="], ids=["first page", "second page"])
def test_pages__one_that_hides_the_newest_version_is_refused(broken: MlflowStandIn, stage: str) -> None:
    def hide(body: Any) -> None:
        body["model_versions"] = [item for item in body["model_versions"] if item["version"] != "3"]
        body.pop("next_page_token", None)

    broken.fail(stage, times=None, fault=edited(hide))
    with pytest.raises(HarvestError, match=r"does not show recommender v3|next page of versions is empty"):
        ask(broken.url)


@pytest.mark.usefixtures("small_pages")
def test_pages__a_token_with_nothing_behind_it_is_a_cut_answer(broken: MlflowStandIn) -> None:
    """Also where the model itself shows no version that could be missed."""
    broken.fail(GET_MODEL, times=None, fault=edited(lambda body: body["registered_model"].pop("latest_versions")))
    broken.fail("page_token=", times=None, fault=Answer(200, {}))
    with pytest.raises(HarvestError, match="the next page of versions is empty"):
        ask(broken.url)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("fresh", [True, False], ids=["ever new tokens", "one token"])
def test_pages__that_never_end_are_refused(broken: MlflowStandIn, *, fresh: bool) -> None:
    asked = {"filter": "name='recommender'", "max_results": "2"}
    first = broken.answer(Request("GET", SEARCH_VERSIONS, asked, {}, b""))
    tokens = (f"token-{number}" if fresh else "token" for number in range(1000))

    class Endless:
        def serve(self, exchange: Exchange) -> None:
            Answer(200, {**first.body, "next_page_token": next(tokens)}).serve(exchange)

    broken.fail(SEARCH_VERSIONS, times=None, fault=Endless())
    with pytest.raises(HarvestError, match="repeats itself without an end"):
        ask(broken.url)
    assert len(broken.requests) < 10


def test_pages__a_version_that_is_registered_meanwhile_moves_no_other(broken: MlflowStandIn, small_pages: None) -> None:
    asked: list[Request] = []

    def register(request: Request) -> bool:
        if request.path == SEARCH_VERSIONS and not asked:
            asked.append(request)
            broken.add_version(at(9))
        return False

    broken.fail("", times=None, fault=Aimed(register, Reset()))
    assert versions_of(ask(broken.url)) == {**THREE, "4": at(9)}


@pytest.mark.parametrize(
    "change",
    [
        {"name": "ranker"},
        {"name": ""},
        {"version": "1 2"},
        {"version": "1\n2"},
        {"version": ""},
        {"version": "-1"},
    ],
    ids=str,
)
def test_shape__a_version_of_another_model_or_without_a_name_is_refused(
    broken: MlflowStandIn, change: dict[str, str]
) -> None:
    broken.fail(SEARCH_VERSIONS, times=None, fault=edited(lambda body: body["model_versions"][0].update(change)))
    with pytest.raises(HarvestError, match="MLflow registry, versions"):
        ask(broken.url)


@pytest.mark.parametrize("change", [{"name": "ranker"}, {"name": ""}, {"name": "Recommender"}], ids=str)
def test_shape__a_registered_model_of_another_name_proves_nothing(
    broken: MlflowStandIn, change: dict[str, str]
) -> None:
    broken.fail(GET_MODEL, times=None, fault=edited(lambda body: body["registered_model"].update(change)))
    with pytest.raises(HarvestError, match="does not say that it knows 'recommender'"):
        ask(broken.url)


@pytest.mark.parametrize("status", ["", "DONE", 7])
def test_shape__a_version_of_a_status_nobody_knows_is_never_ready(broken: MlflowStandIn, status: object) -> None:
    broken.fail(SEARCH_VERSIONS, times=None, fault=edited(lambda body: body["model_versions"][0].update(status=status)))
    try:
        result = versions_of(ask(broken.url))
    except HarvestError:
        return
    assert result == {"2": at(1), "3": at(2)}


def test_repeated__versions_are_one_each_in_any_order(broken: MlflowStandIn) -> None:
    straight = ask(broken.url)

    def turn(body: Any) -> None:
        body["model_versions"] = [*reversed(body["model_versions"]), *body["model_versions"]]

    broken.fail(SEARCH_VERSIONS, fault=edited(turn))
    assert ask(broken.url).records == straight.records


def test_no_uri__is_an_error_that_names_the_input() -> None:
    access = Clients(transport=Transport(Budget(20)), progress=lambda _: None)
    with pytest.raises(HarvestError, match="the registry is not named, but recommender must be looked up") as problem:
        MlflowRegistry().fetch(a_question(), access)
    assert problem.value.hint == "set mlflow-tracking-uri, or the variable MLFLOW_TRACKING_URI"


def test_budget__used_up_ends_the_reading(broken: MlflowStandIn) -> None:
    with pytest.raises(HarvestError, match="the time for the whole run was used up") as problem:
        ask(broken.url, seconds=0)
    assert problem.value.hint == "raise timeout-seconds"


class Trap:
    """Whoever unpickles it leaves a mark."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return (Path.touch, (self.mark,))


@pytest.mark.matrix
def test_model__is_never_fetched_nor_loaded(broken: MlflowStandIn, tmp_path: Path) -> None:
    mark, trap = tmp_path / "unpickled", tmp_path / "model.pkl"
    trap.write_bytes(pickle.dumps(Trap(mark)))
    for version in broken.models["recommender"]:
        version["source"] = trap.as_uri()
    program = f"""
import sys
opened = []
sys.addaudithook(lambda event, arguments: event == "open" and opened.append(str(arguments[0])))
from flowjoy.clients.mlflow import new_client
client = new_client({broken.url!r})
client.get_registered_model("recommender")
(first, *_) = client.search_model_versions("name='recommender'")
assert first.source == {trap.as_uri()!r}, first
print("mlflow.pyfunc" in sys.modules, {str(trap)!r} in opened)
"""
    command, environment = [sys.executable, "-I", "-c", program], {"PATH": os.environ["PATH"]}
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=True)
    assert (ran.stdout, mark.exists()) == ("False False\n", False)
    assert {request.path for request in broken.requests} == {GET_MODEL, SEARCH_VERSIONS}


@pytest.mark.matrix
def test_pages__2503_versions_take_three(broken: MlflowStandIn) -> None:
    for number in range(2500):
        broken.add_version(at(0, seconds=number))
    assert len(ask(broken.url).records) == 2503
    assert len(broken.requests) == 1 + 3


def test_time__now_may_be_the_registry_s_five_minutes_ahead(broken: MlflowStandIn) -> None:
    now = at(24 * 21)
    broken.add_version(now + timedelta(minutes=5))
    assert len(ask(broken.url).records) == 4


def test_client__of_an_embedded_registry_names_the_package_that_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowjoy.clients.mlflow.find_spec", lambda _: None)
    with pytest.raises(HarvestError, match="needs full mlflow and SQLAlchemy"):
        new_client("sqlite:///registry.db")


def test_client__that_cannot_be_made_is_an_error_of_the_registry() -> None:
    with pytest.raises(HarvestError, match="MLflow registry: "):
        new_client("nowhere://registry")


@pytest.mark.parametrize("text", ["", "a b", None, 1.5, "-1"])
def test_number__of_a_version_that_is_none_is_a_malformed_answer(text: object) -> None:
    with pytest.raises(MalformedAnswerError, match="what is not a version of the model asked for"):
        version_number(text)


def test_version__other_than_the_one_asked_for_is_refused(broken: MlflowStandIn) -> None:
    broken.add_model()
    for _ in range(2):
        broken.add_version(at())
    registry = mlflow_registry.Registry(broken.url, Transport(Budget(30)))
    assert registry.detailed("recommender", "2").version == "2"
    broken.fail(GET_VERSION, times=None, fault=Edited(lambda _: {"model_version": broken.models["recommender"][0]}))
    with pytest.raises(HarvestError, match="the registry answers with another version"):
        registry.detailed("recommender", "2")
